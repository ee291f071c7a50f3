"""Pages of lines -> the canonical text with its blocks.

Lines end with a line feed, paragraphs and tables with an empty line. Running headers and footers are
paragraphs of their own; where a sentence runs over the page's end they stand at the nearest end of a paragraph
inside their page, so that the sentence stays in one piece.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from ingest.parsers.pdf import paragraphs
from ingest.parsers.text import clean
from ingest.types import Block, BlockKind

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from ingest.parsers.pdf.headings import Heading
    from ingest.parsers.pdf.layout import Line
    from ingest.parsers.pdf.page import Page

_LINE = "\n"
_PARAGRAPH = "\n\n"


@dataclass(slots=True)
class _Piece:
    """One line of a page's text, where it comes from if it is the page's own, and whether a paragraph begins."""

    text: str
    breaks: bool
    line: Line | None = None
    margin: bool = False


def compose(
    pages: Sequence[Page], starts: Sequence[Sequence[bool]], headings: Sequence[Heading]
) -> tuple[str, list[Block]]:
    """Write the canonical text.

    Args:
        pages: In order.
        starts: For each page whether a paragraph begins with each of its lines.
        headings: In the order of the text.

    Returns:
        The text, and its blocks of pages, headings, tables and margins.
    """
    titles = {id(line): heading for heading in headings for line in heading.lines}
    flows = [_flows(one, other, titles) for one, other in pairwise(pages)]
    parts: list[str] = []
    blocks: list[Block] = []
    where: dict[int, tuple[int, int]] = {}
    tables: dict[tuple[int, int], list[int]] = {}
    at = 0
    for number, page in enumerate(pages):
        if number:
            parted = parts[-1] and not flows[number - 1] and (page.lines or page.top)
            parts.append(_PARAGRAPH if parted else _LINE)
            at += len(parts[-1])
        start = at
        before, after = number > 0 and flows[number - 1], number < len(flows) and flows[number]
        for order, piece in enumerate(_pieces(page, starts[number], titles, before=before, after=after)):
            if order:
                parts.append(_PARAGRAPH if piece.breaks else _LINE)
                at += len(parts[-1])
            parts.append(clean(piece.text))
            end = at + len(parts[-1])
            if piece.margin:
                blocks.append(Block(BlockKind.MARGIN, at, end))
            elif piece.line:
                where[id(piece.line)] = (at, end)
                if piece.line.table:
                    tables.setdefault((number, piece.line.table), [at, end])[1] = end
            at = end
        if start == at:
            parts.append("")
        blocks.append(Block(BlockKind.PAGE, start, at, number + 1))
    blocks += [Block(BlockKind.TABLE, first, last) for first, last in tables.values()]
    for heading in headings:
        first, last = where[id(heading.lines[0])][0], where[id(heading.lines[-1])][1]
        end = min(first + heading.chars, last) if heading.chars else last
        blocks.append(Block(BlockKind.HEADING, first, end, heading.level))
    return "".join(parts), sorted(blocks, key=lambda block: (block.start, -block.end))


def _flows(page: Page, following: Page, titles: Container[int]) -> bool:
    """Whether a sentence runs from one page into the next, or the layout of one of them is not known."""
    if not page.lines or not following.lines or page.typed:
        return not page.lines and not following.lines
    last, first = page.lines[-1], following.lines[0]
    return id(last) not in titles and id(first) not in titles and paragraphs.goes_on(last, first)


def _pieces(
    page: Page, starts: Sequence[bool], titles: dict[int, Heading], *, before: bool, after: bool
) -> list[_Piece]:
    body = []
    last: Heading | None = None
    for line, begins in zip(page.lines, starts, strict=True):
        title = titles.get(id(line))
        # A heading is a paragraph of its own; one that begins a line of text is not parted from it.
        apart = title is not last if title or (last and not last.chars) else begins
        body.append(_Piece(line.text, breaks=apart or (begins and title is None), line=line))
        last = title
    # Not between a heading and its text.
    inner = [
        index
        for index, piece in enumerate(body)
        if index and piece.breaks and id(page.lines[index - 1]) not in titles
    ]
    top = [_Piece(text, breaks=not index, margin=True) for index, text in enumerate(page.top)]
    bottom = [_Piece(text, breaks=not index, margin=True) for index, text in enumerate(page.bottom)]
    head, foot = 0, len(body)
    if before and inner:
        head = inner[0]
    if after and inner:
        foot = inner[-1]
    if top and head < len(body):
        body[head].breaks = True
    pieces = [*body[:head], *top, *body[head:foot], *bottom, *body[foot:]]
    if page.plain:
        pieces.append(_Piece(page.plain, breaks=False))
    pieces += [_Piece(text, breaks=False) for text in page.typed]
    return pieces

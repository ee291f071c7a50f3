"""reStructuredText: the decoded file unchanged, with blocks found by the rules of its specification.

The rules are those of https://docutils.sourceforge.io/docs/ref/rst/restructuredtext.html, applied to lines.
Nothing is included or executed: an ``include`` directive stays the line that it is.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from ingest.parsers.lines import block_of, indented_end, lines_of, list_end, with_comments
from ingest.parsers.text import decode
from ingest.types import Block, BlockKind, Disclosure, Parsed

if TYPE_CHECKING:
    from ingest.parsers.lines import Line

_ADORNMENT = re.compile(r"""([!-/:-@\[-`{-~])\1+""")
_ITEM = re.compile(r"\s*(?:[-*+•‣⁃]|\(?(?:\d{1,4}|#|[a-zA-Z]|[ivxlcdmIVXLCDM]{1,6})[.)])\s+\S")
_CODE = re.compile(
    r"\s*\.\.\s+(?:code|code-block|sourcecode|highlight|parsed-literal|math|literalinclude)::", re.IGNORECASE
)
_CSV_TABLE = re.compile(r"\s*\.\.\s+csv-table::", re.IGNORECASE)
_EXPLICIT = re.compile(r"\s*\.\.(?:\s|$)")
# What is no directive, footnote, target or substitution.
_COMMENT = re.compile(r"\s*\.\.\s+(?!\[[^\]]+\]|_|\||[\w:.+-]+\s?::)\S")
_OPTION = re.compile(r"\s*:[\w -]+:")
_GRID_BORDER = re.compile(r"\s*\+(?:[-=]+\+)+")
_SIMPLE_BORDER = re.compile(r"\s*=+(?:\s+=+)+")
# Below four characters an underline that is shorter than its title is only text.
_SHORT_ADORNMENT = 4


def parse(data: bytes) -> Parsed:
    """Read a reStructuredText file.

    Args:
        data: The file.

    Returns:
        The decoded text. Headings cover the title with its lines above and below; a table begins at its
        first row. The first section title is left to be the document's title.

    Raises:
        UnsupportedType: The bytes are not text.
    """
    text = decode(data)
    lines = lines_of(text)
    blocks, unseen = with_comments(_blocks(lines), _comments(lines))
    disclosed = (Disclosure("comments", unseen, kept=True),) if unseen else ()
    return Parsed(text, tuple(blocks), "", "rst/lines-1", disclosed)


def _comments(lines: list[Line]) -> list[Block]:
    """Comments with the indented lines below them, which are no part of the page."""
    found = []
    end = 0
    for at, line in enumerate(lines):
        if at >= end and _COMMENT.match(line.text):
            end = indented_end(lines, at + 1, line.indent)
            found.append(block_of(BlockKind.HIDDEN, lines[at:end]))
    return found


def _blocks(lines: list[Line]) -> list[Block]:
    blocks: list[Block] = []
    styles: list[str] = []
    simple_ends = _simple_ends(lines)
    at = 0
    while at < len(lines):
        block, following = (
            _heading(lines, at, styles) or _table(lines, at, simple_ends) or _code(lines, at) or (None, 0)
        )
        if block is None and _ITEM.match(lines[at].text):
            following = list_end(lines, at, _ITEM)
            block = block_of(BlockKind.LIST, lines[at:following])
        if block is None:
            # The body of other directives is indented and may look like anything; it is read line by line.
            at += 1
            continue
        blocks.append(block)
        at = following
    return blocks


def _heading(lines: list[Line], at: int, styles: list[str]) -> tuple[Block, int] | None:
    """A section title: underlined, or with a line above as well. Levels are in the order of appearance."""
    over = _ADORNMENT.fullmatch(lines[at].text)
    title_at = at + 1 if over else at
    if title_at + 1 >= len(lines) or (at > 0 and _continues(lines[at - 1])):
        return None
    title, under = lines[title_at], lines[title_at + 1]
    mark = _ADORNMENT.fullmatch(under.text)
    if mark is None or not title.text or _ADORNMENT.fullmatch(title.text) or (not over and title.indent):
        return None
    if len(under.text) < min(len(title.text.strip()), _SHORT_ADORNMENT) or _EXPLICIT.match(title.text):
        return None
    if over and over[1] != mark[1]:
        return None
    style = mark[1] * (2 if over else 1)
    if style not in styles:
        styles.append(style)
    level = styles.index(style) + 1
    return Block(BlockKind.HEADING, lines[at].start, under.end, level), title_at + 2


def _continues(before: Line) -> bool:
    """Whether a line is text of a paragraph, so that the one below it belongs to the same."""
    return bool(before.text) and not _ADORNMENT.fullmatch(before.text) and not _EXPLICIT.match(before.text)


def _table(lines: list[Line], at: int, simple_ends: list[int]) -> tuple[Block, int] | None:
    """A grid, simple or CSV table, from its first row on."""
    line = lines[at].text
    if _GRID_BORDER.fullmatch(line):
        end = at + 1
        while end < len(lines) and lines[end].text.lstrip().startswith(("|", "+")):
            end += 1
        return (block_of(BlockKind.TABLE, lines[at + 1 : end]), end) if end - at > 2 else None  # noqa: PLR2004
    if _SIMPLE_BORDER.fullmatch(line):
        found = bisect_right(simple_ends, at)
        end = simple_ends[found] if found < len(simple_ends) else at
        return (block_of(BlockKind.TABLE, lines[at + 1 : end]), end + 1) if end > at + 1 else None
    if _CSV_TABLE.match(line):
        end = indented_end(lines, at + 1, lines[at].indent)
        first = at + 1
        while first < end and (not lines[first].text or _OPTION.match(lines[first].text)):
            first += 1
        return (block_of(BlockKind.TABLE, lines[first:end]), end) if first < end else None
    return None


def _simple_ends(lines: list[Line]) -> list[int]:
    """Lines of equals signs before an empty one: each ends the simple table above it."""
    last = len(lines) - 1
    borders = (i for i, line in enumerate(lines) if _SIMPLE_BORDER.fullmatch(line.text))
    return [i for i in borders if i == last or not lines[i + 1].text]


def _code(lines: list[Line], at: int) -> tuple[Block, int] | None:
    """The indented lines below a code directive or a paragraph that ends in two colons."""
    line = lines[at]
    directive = _CODE.match(line.text)
    if not directive and not (line.text.endswith("::") and not _EXPLICIT.match(line.text)):
        return None
    end = indented_end(lines, at + 1, line.indent)
    first = at + 1
    while first < end and (not lines[first].text or (directive and _OPTION.match(lines[first].text))):
        first += 1
    return (block_of(BlockKind.CODE, lines[first:end]), end) if first < end else None

"""Headings that the PDF's outline names, and how they go together with those told from the page."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from pypdf.generic import Destination

from ingest.parsers.text import clean
from ingest.parsers.titles import MAX_TITLE
from ingest.types import Block, BlockKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pypdf

# An outline entry's line, with the number that the outline may leave out. The second lets it go on.
_NUMBER = r"(?:(?:\d{{1,3}}(?:\.\d{{1,3}})*|[IVXLC]{{1,6}}|[A-Z])[.)]?[^\S\n]+)?"
_WHOLE_LINE = r"(?m)^[^\S\n]*(" + _NUMBER + r"(?i:{}))[^\S\n]*$"
_LINE_START = r"(?m)^[^\S\n]*(" + _NUMBER + r"(?i:{})\b[^\n]{{0,80}}?)[^\S\n]*$"
# Outline entries looked for: far more than a book has, few enough to search for one by one.
_MAX_OUTLINE = 5_000


def outline_headings(reader: pypdf.PdfReader, text: str, pages: Sequence[Block]) -> list[Block]:
    """Outline entries whose words are, or begin, a line of their page, in the order of the text.

    Args:
        reader: pypdf's.
        text: The canonical text.
        pages: Its blocks of pages, in order.
    """
    found: list[Block] = []
    taken: dict[int, int] = {}
    for level, title, number in _outline(reader):
        words = clean(title.replace("\x00", "")).split()
        if not words or len(title) > MAX_TITLE or not 1 <= number <= len(pages):
            continue
        page = pages[number - 1]
        start = taken.get(number, page.start)
        wording = r"\s+".join(map(re.escape, words))
        for pattern in (_WHOLE_LINE, _LINE_START):
            match = re.compile(pattern.format(wording)).search(text, start, page.end)
            if match:
                found.append(Block(BlockKind.HEADING, match.start(1), match.end(1), level))
                taken[number] = match.end(1)
                break
    return found


def merged(stated: Sequence[Block], seen: Sequence[Block]) -> list[Block]:
    """The outline's headings, and those told from the page that the outline leaves out.

    Where both name the same line the outline's level holds, and other headings of that look get it too. A look
    that the outline never names stands below what the outline says of larger looks.

    Args:
        stated: The outline's, in the order of the text.
        seen: Those told from the page.
    """
    if not stated:
        return list(seen)
    levels: dict[int, Counter[int]] = {}
    extra: list[Block] = []
    at = 0
    for block in seen:
        while at < len(stated) and stated[at].end <= block.start:
            at += 1
        if at < len(stated) and stated[at].start < block.end:
            levels.setdefault(block.number, Counter())[stated[at].number] += 1
        else:
            extra.append(block)
    known = {look: counts.most_common(1)[0][0] for look, counts in levels.items()}
    deepest = max(block.number for block in stated)
    both = list(stated)
    for block in extra:
        above = [level for look, level in known.items() if look < block.number]
        level = known.get(block.number) or 1 + max(above, default=deepest)
        both.append(Block(block.kind, block.start, block.end, level))
    return sorted(both, key=lambda block: block.start)


def _outline(reader: pypdf.PdfReader) -> Iterator[tuple[int, str, int]]:
    """Level (from 1), title and page number (from 1) of the outline's entries."""
    try:
        waiting: list[tuple[int, Any]] = [(1, entry) for entry in reversed(reader.outline)]
    except MemoryError:
        raise
    except Exception:
        # A damaged outline costs headings, never the text.
        return
    for _ in range(_MAX_OUTLINE):
        if not waiting:
            return
        level, entry = waiting.pop()
        if isinstance(entry, list):
            waiting.extend((level + 1, child) for child in reversed(entry))
        elif isinstance(entry, Destination) and entry.title:
            number = reader.get_destination_page_number(entry)
            yield level, str(entry.title), -1 if number is None else number + 1

"""Running headers and footers: what stands at the edge of many pages, and page numbers.

They are recognised by their repetition, digits aside, at the top or the bottom of several pages.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from ingest.parsers.pdf.layout import rows_of, upright

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.parsers.pdf.characters import Segment
    from ingest.parsers.pdf.layout import Row

_EDGE_ROWS = 4
# A line that stands at the edge of as many pages runs; a page number is known by its look and needs fewer.
_MIN_PAGES = 3
_MIN_NUMBERED = 2
_MIN_SHARE = 0.04
# Letter heights between a running line and the text.
_APART = 1.5
_DIGITS = re.compile(r"\d+")
_NUMBER = re.compile(r"(?:page |p\. ?)?[-–—|\s]*(?:[a-z]{1,2}-)?(?:#|[ivxlc]+)(?: ?(?:of|/) ?#)?[-–—|\s.]*")

Margins = tuple[list["Segment"], list["Segment"]]


def split(pages: Sequence[Sequence[Segment]]) -> list[Margins]:
    """The running segments of each page, those at its top and those at its bottom.

    Args:
        pages: Each page's segments.
    """
    edges = [_edges(segments) for segments in pages]
    seen: Counter[tuple[int, str]] = Counter()
    for page in edges:
        for side, rows in enumerate(page):
            seen.update({(side, _key(row)) for row in rows})
    least = max(_MIN_PAGES, round(_MIN_SHARE * len(pages)))
    found = []
    for segments, (top, bottom) in zip(pages, edges, strict=True):
        margins = _peel(top, 0, seen, least), _peel(bottom, 1, seen, least)
        # A page of nothing else says what it says: a title between two chapters, a slide.
        whole = sum(map(len, margins)) == len(segments)
        found.append(([], []) if whole else margins)
    return found


def _edges(segments: Sequence[Segment]) -> tuple[list[Row], list[Row]]:
    """The outermost rows at the top and at the bottom, from the edge inwards; no row on both sides."""
    rows = rows_of(upright(segments)[0])
    half = (len(rows) + 1) // 2
    return rows[:_EDGE_ROWS][:half], rows[::-1][:_EDGE_ROWS][: len(rows) - half]


def _key(row: Row) -> str:
    return _DIGITS.sub("#", row.text.casefold())


def _peel(rows: Sequence[Row], side: int, seen: Counter[tuple[int, str]], least: int) -> list[Segment]:
    """The running ones among the rows from the edge inwards, as far as a gap parts them from the page's text."""
    found: list[Row] = []
    numbered = False
    for row in rows:
        key = _key(row)
        number = bool(_NUMBER.fullmatch(key))
        if (number and numbered) or seen[side, key] < (_MIN_NUMBERED if number else least):
            break
        numbered = numbered or number
        found.append(row)
    while found and len(found) < len(rows) and not _NUMBER.fullmatch(_key(found[-1])):
        gap = abs(rows[len(found)].base - found[-1].base)
        if gap >= _APART * max(found[-1].size, rows[len(found)].size):
            break
        found.pop()
    return [segment for row in found for segment in row.segments]

"""Running headers and footers: what stands at the edge of many pages, and page numbers.

They are recognised by their repetition, digits aside, at the top or the bottom of several pages.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from ingest.parsers.pdf.layout import rows_of, upright
from ingest.parsers.pdf.numbering import numbered

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
# And between two running lines at one edge, at most.
_FAR = 5.0
_DIGITS = re.compile(r"\d{1,6}")
_NUMBER = re.compile(r"(?:page |p\. ?)?[-–—|\s]*(?:[a-z]{1,2}-)?(?:#|[ivxlc]+)(?: ?(?:of|/) ?#)?[-–—|\s.]*")

Margins = tuple[list["Segment"], list["Segment"]]


def split(pages: Sequence[Sequence[Segment]]) -> list[Margins]:
    """The running segments of each page, those at its top and those at its bottom.

    Args:
        pages: Each page's segments.
    """
    edges = [_edges(segments) for segments in pages]
    seen: Counter[tuple[int, str]] = Counter()
    for number, page in enumerate(edges):
        for side, rows in enumerate(page):
            seen.update({(side, key) for row in rows[:-1] for key in _keys(row, number)})
    least = max(_MIN_PAGES, round(_MIN_SHARE * len(pages)))
    found = []
    for number, (segments, page) in enumerate(zip(pages, edges, strict=True)):
        runs = [[_runs(row, number, seen, side, least) for row in rows] for side, rows in enumerate(page)]
        margins = _peel(page[0], runs[0]), _peel(page[1], runs[1])
        # A page of nothing else says what it says: a title between two chapters, a slide.
        whole = sum(map(len, margins)) == len(segments)
        found.append(([], []) if whole else margins)
    return found


def _edges(segments: Sequence[Segment]) -> tuple[list[Row], list[Row]]:
    """The outermost rows at the top and at the bottom, from the edge inwards.

    The last one of each is there to see how far the one before stands from it; no other row is on both sides.
    """
    rows = rows_of(upright(segments)[0])
    half = (len(rows) + 1) // 2
    return rows[: min(_EDGE_ROWS, half) + 1], rows[::-1][: min(_EDGE_ROWS, len(rows) - half) + 1]


def _keys(row: Row, page: int) -> set[str]:
    """What the row looks like on other pages: as it is, or with a number that counts with the pages."""
    text = row.text.casefold()
    if _is_number(row):
        return {_DIGITS.sub("#", text)}
    keys = {text}
    # The title of a section may stand at the top of a page by chance, and each be one further.
    if not numbered(row.text)[0]:
        numbers = list(_DIGITS.finditer(text))
        for number in (numbers[:1], numbers[-1:]):
            for match in number:
                offset = int(match[0]) - page
                keys.add(f"{text[: match.start()]}#{offset}#{text[match.end() :]}")
    return keys


def _is_number(row: Row) -> bool:
    return bool(_NUMBER.fullmatch(_DIGITS.sub("#", row.text.casefold())))


def _runs(row: Row, page: int, seen: Counter[tuple[int, str]], side: int, least: int) -> bool:
    return max(seen[side, key] for key in _keys(row, page)) >= (_MIN_NUMBERED if _is_number(row) else least)


def _peel(rows: Sequence[Row], runs: Sequence[bool]) -> list[Segment]:
    """The running ones among the rows from the edge inwards, as far as a gap parts them from the page's text."""
    found: list[Row] = []
    for row, running in zip(rows[:-1], runs[:-1], strict=True):
        second = _is_number(row) and any(map(_is_number, found))
        far = found and abs(row.base - found[-1].base) > _FAR * max(row.size, found[-1].size)
        if not running or second or far:
            break
        found.append(row)
    while found and not _is_number(found[-1]):
        gap = abs(rows[len(found)].base - found[-1].base)
        if gap >= _APART * max(found[-1].size, rows[len(found)].size):
            break
        found.pop()
    return [segment for row in found for segment in row.segments]

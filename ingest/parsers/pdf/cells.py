"""Cells: what a table's row is made of, and which of them are amounts or dates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ingest.parsers.pdf.layout import Line

if TYPE_CHECKING:
    from ingest.parsers.pdf.characters import Segment
    from ingest.parsers.pdf.layout import Row

CELL_SEPARATOR = "\t"

_AMOUNT = re.compile(
    r"[($€£¥+\-–—−\[<>~≈±]*\s*(?:\d[\d,.'/]*|\.\d+)?\s*(?:bps|pts?|pp|[xX×%kKmMbBnN]{0,3})"
    r"\s*[)\]%*]*(?:\s?\(\d{1,2}\)|\s?[a-z*†‡]\)?)?|N/?[AM]\.?|n/?[am]\.?|nil|[–—−*-]+"
)
_FULL_YEAR = re.compile(r"(?:FY\s?|Q[1-4]\s?|[1-4]Q\s?|CY\s?)?['’]?(?:19|20)\d\d[AEF*]?(?:\s?\(\w\))?")
_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?"
_DATE = re.compile(
    _MONTH + r"\s+\d{1,2},?(?:\s+(?:19|20)\d\d)?|" + _MONTH + r"\s+(?:19|20)\d\d", re.IGNORECASE
)
_LEADING = re.compile(r"(?:US|C|A|HK)?[$€£¥(]+")
_TRAILING = re.compile(r"[)%\]]+")
MARKER = re.compile(r"[•●▪■◦–*·§o-]|\(?[0-9ivxlc]{1,4}[.)]|\(?[a-zA-Z][.)]")
# No amount is longer.
_AMOUNT_CHARS = 40


def is_amount(text: str) -> bool:
    """Whether a cell holds a number, a share, a dash for nothing or the like, and no words."""
    return len(text) <= _AMOUNT_CHARS and bool(_AMOUNT.fullmatch(text))


def is_date(text: str) -> bool:
    """Whether a cell holds a year or a date, as the names of columns do."""
    return bool(_FULL_YEAR.fullmatch(text) or _DATE.fullmatch(text))


def amounts_of(row: Row) -> list[Segment]:
    """The cells of a row that are amounts."""
    return [segment for segment in row.segments if is_amount(segment.text)]


def near(upper: Row, lower: Row, limit: float) -> bool:
    """Whether a row stands less than ``limit`` letter heights below another."""
    return lower.base - upper.base < limit * max(upper.size, lower.size)


def cells_of(row: Row) -> list[list[Segment]]:
    """Cells of a row: currency signs go with their amount, brackets and per cent signs too, bullets with the label."""
    cells: list[list[Segment]] = []
    joins = False
    for segment in row.segments:
        last = cells[-1][-1] if cells else None
        trails = last and _TRAILING.fullmatch(segment.text) and segment.x0 - last.x1 < 2 * segment.size
        if cells and (joins or trails):
            cells[-1].append(segment)
        else:
            cells.append([segment])
        joins = bool(_LEADING.fullmatch(segment.text) or (len(cells) == 1 and MARKER.fullmatch(segment.text)))
    return cells


def line_of(cells: list[list[Segment]]) -> Line:
    """One line of the canonical text from the cells of a row."""
    segments = [segment for cell in cells for segment in cell]
    tallest = max(segments, key=lambda each: each.size)
    x0, x1 = min(s.x0 for s in segments), max(s.x1 for s in segments)
    text = CELL_SEPARATOR.join(map(_cell_text, cells))
    return Line(cells, tallest.base, tallest.size, x0, x1, text=text)


def _cell_text(cell: list[Segment]) -> str:
    text = cell[0].text
    for segment in cell[1:]:
        close = _LEADING.fullmatch(text) or _TRAILING.fullmatch(segment.text)
        text += segment.text if close else " " + segment.text
    return text

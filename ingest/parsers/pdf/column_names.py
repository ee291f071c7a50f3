"""Which rows above a table name its columns, and how they become one line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ingest.parsers.pdf.cells import is_amount, is_date, line_of, near

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.parsers.pdf.characters import Segment
    from ingest.parsers.pdf.layout import Line, Row

_UNITS = re.compile(
    r"\(?(?:(?:u\.?s\.?|unaudited|dollars?|amounts?|all|expressed|[$€£¥])[\s;,]+)*\(?(?:[$€£¥]\s*)?in\s+"
    r"(?:[a-z.]+\s+)?(?:millions|thousands|billions|[$€£¥]|u\.?s)|\(?unaudited\)?$|\(?dollars?\b.*\bin\b",
    re.IGNORECASE,
)
# Rows, and letter heights between them.
_MAX_HEADER = 7
_MAX_LABELS = 2
HEADER_FAR = 3.8
_UNITS_FAR = 4.5
_LABEL_CHARS = 60
_UNITS_CHARS = 90
_HEADER_WORDS = 14
# A name that begins left of the amounts takes at most this share of the table's width; a title takes more.
_NAME_SHARE = 0.22


def header(rows: Sequence[Row], data: int, end: int, zone: float, floor: int) -> tuple[int, int]:
    """First row of the header, and first row of the table's body.

    Args:
        rows: Of the region.
        data: The first row of amounts.
        end: One past the last one.
        zone: Where the amounts begin, in points.
        floor: One past the last row of the table above.
    """
    left = min(row.x0 for row in rows[data:end])
    width = max(row.x1 for row in rows[data:end]) - left
    body = data
    while body < end - 1 and _names_columns(rows[body], zone, left, width):
        body += 1
    start = data
    if body == data:
        # Labels of groups, or a date, may stand between the names and the first amounts.
        while (
            start > max(floor, data - _MAX_LABELS)
            and _is_label(rows[start - 1], zone)
            and near(rows[start - 1], rows[start], HEADER_FAR)
        ):
            start -= 1
        body = start
    top, named = start, body > start
    while top > max(floor, data - _MAX_HEADER):
        above = rows[top - 1]
        units = bool(_UNITS.match(above.text)) and len(above.text) < _UNITS_CHARS
        if not near(above, rows[top], _UNITS_FAR if units else HEADER_FAR):
            break
        if not (units or _names_columns(above, zone, left, width)):
            break
        top -= 1
        named = named or not units
        if units and named and len(above.segments) == 1:
            # What stands above a line of units is the table's title.
            break
    if top == start and body == start:
        # No names: the labels above belong to the text.
        return data, data
    return top, body


def _is_label(row: Row, zone: float) -> bool:
    return (
        len(row.segments) == 1
        and row.x1 < zone
        and len(row.text) < _LABEL_CHARS
        and row.text[-1] not in ".;,"
    )


def _names_columns(row: Row, zone: float, left: float, width: float) -> bool:
    """Whether all cells, but for one on the labels' side, stand over the amounts and are names or dates."""
    slack = 2 * row.size
    over: list[Segment] = []
    beside: list[Segment] = []
    for segment in row.segments:
        within = segment.x0 > zone - slack
        reaches = (
            segment.x1 > zone and segment.x0 > left + slack and segment.x1 - segment.x0 < _NAME_SHARE * width
        )
        (over if within or reaches else beside).append(segment)
    if not over or len(beside) > 1 or len(row.text.split()) > _HEADER_WORDS + 4 * len(over):
        return False
    if beside and (beside[0].x1 > zone + slack or len(over) == 1):
        # A label with one cell is a row, unless that cell is a date.
        return bool(beside[0].x1 <= zone + slack and is_date(over[0].text))
    if all(is_date(s.text) for s in over):
        return True
    return not any(is_amount(s.text) and any(map(str.isdigit, s.text)) for s in over if not is_date(s.text))


def header_line(rows: Sequence[Row]) -> Line:
    """Several rows of column names as one line, column by column."""
    widest = max(reversed(rows), key=lambda row: len(row.segments))
    placed: list[tuple[int, int, int, bool, Segment]] = []
    for level, row in enumerate(rows):
        for order, segment in enumerate(row.segments):
            column, alone = 0, False
            if _UNITS.match(segment.text):
                column, alone = -1, True
            elif row is not widest:
                column, alone = _column(segment, row, widest.segments)
            else:
                column = order
            placed.append((column, level, order, alone, segment))
    placed.sort(key=lambda each: each[:3])
    cells: list[list[Segment]] = []
    last: tuple[int, bool] | None = None
    for column, _, _, alone, segment in placed:
        if last is not None and last == (column, False) and not alone:
            cells[-1].append(segment)
        else:
            cells.append([segment])
        last = (column, alone)
    return line_of(cells)


def _column(segment: Segment, row: Row, names: Sequence[Segment]) -> tuple[int, bool]:
    """The first column that a name above (or below) the columns' names belongs to; whether it spans several."""
    under = [
        i
        for i, name in enumerate(names)
        if min(row.segments, key=lambda other: abs(_middle(other) - _middle(name))) is segment
    ]
    if len(under) > 1 and all(is_date(names[i].text) for i in under[-2:]):
        # A period above its years.
        return next(i for i in under if is_date(names[i].text)), True
    over = [i for i, name in enumerate(names) if segment.x0 < name.x1 and name.x0 < segment.x1]
    if over:
        return over[0], len(over) > 1
    return min(range(len(names)), key=lambda i: abs(_middle(names[i]) - _middle(segment))), True


def _middle(segment: Segment) -> float:
    return (segment.x0 + segment.x1) / 2

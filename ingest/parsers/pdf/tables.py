"""Tables: rows of cells with amounts in columns, as in financial statements.

A table is a run of rows in which amounts stand right of a label, or of short cells that begin at the same
places. The rows above that name the columns are joined to one line, column by column, so that the first line
of a table says what its columns are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ingest.parsers.pdf.cells import MARKER, amounts_of, cells_of, is_date, line_of, near
from ingest.parsers.pdf.column_names import HEADER_FAR, header, header_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.parsers.pdf.characters import Segment
    from ingest.parsers.pdf.layout import Line, Row

_OPEN_END = re.compile(r"(?:[,–—-]|\b(?:and|or|of|the|to|for|in|on|by|with|from|at|as|a|an|net))$")
# Rows between two rows of amounts: labels of groups and wrapped labels.
_MAX_BETWEEN = 3
# Rows further apart than this many letter heights are not one table.
_FAR = 5.0
# Rows of words are a table when as many short cells stand below one another.
_MIN_CELLS = 3
_MIN_ROWS = 3
_ALIGNED = 4.0
_CELL_CHARS = 80


def page_lines(rows: Sequence[Row], number: int) -> list[tuple[int, int, list[Line]]]:
    """Tables among the rows of one region.

    Args:
        rows: From top to bottom.
        number: Of the first table; the next ones count on.

    Returns:
        For each table the first row and the one past the last, and its lines, the first of which names the
        columns where the page does.
    """
    found: list[tuple[int, int, list[Line]]] = []
    at = 0
    while at < len(rows):
        floor = found[-1][1] if found else 0
        if run := _run(rows, at) if _is_data(rows[at]) else None:
            end, zone = run
            start, body = header(rows, at, end, zone, floor)
            lines = _lines(rows[start:end], body - start, zone)
        elif end := _aligned_until(rows, at):
            start = at - (
                at > floor and len(rows[at - 1].segments) > 1 and near(rows[at - 1], rows[at], HEADER_FAR)
            )
            lines = [line_of(cells_of(row)) for row in rows[start:end]]
        else:
            at += 1
            continue
        for line in lines:
            line.table = number + len(found)
        found.append((start, end, lines))
        at = end
    return found


def _is_data(row: Row) -> bool:
    """A label with amounts right of it, or several amounts."""
    if len(row.segments) < 2:  # noqa: PLR2004 -- a table's row has two cells
        return False
    amounts = amounts_of(row)
    if not amounts or not any(
        character.isdigit() or character in "–—-" for s in amounts for character in s.text
    ):
        return False
    if row.segments[0] is amounts[0] and len(amounts) < len(row.segments):
        # "5.2  Termination": a number, then words.
        return len(amounts) > 1 and row.segments[-1] is amounts[-1]
    return row.segments[-1] is amounts[-1] or len(amounts) > 1


def _run(rows: Sequence[Row], start: int) -> tuple[int, float] | None:
    """One past the last row of the table that begins here, and where its amounts begin; None for none."""
    zone = _amounts_from(rows[start])
    data, end, at = 1, start + 1, start + 1
    while at < len(rows) and at - end <= _MAX_BETWEEN and near(rows[at - 1], rows[at], _FAR):
        row = rows[at]
        if _is_data(row):
            data, end = data + 1, at + 1
            zone = min(zone, _amounts_from(row))
        elif _is_prose(row, zone):
            break
        at += 1
    enough = data >= 2 or sum(not is_date(s.text) for s in amounts_of(rows[start])) >= 3  # noqa: PLR2004 -- one row with a column for each year
    return (end, zone) if enough else None


def _aligned_until(rows: Sequence[Row], start: int) -> int:
    """One past the last of the rows of short cells that begin where those of the first row begin; 0 for none."""
    columns = [segment.x0 for segment in rows[start].segments]
    if len(columns) < _MIN_CELLS or MARKER.fullmatch(rows[start].segments[0].text):
        return 0
    end = start
    while end < len(rows) and (end == start or near(rows[end - 1], rows[end], HEADER_FAR)):
        cells = rows[end].segments
        fits = [any(abs(cell.x0 - column) < _ALIGNED for column in columns) for cell in cells]
        if len(cells) < _MIN_CELLS or not all(fits) or max(len(cell.text) for cell in cells) > _CELL_CHARS:
            break
        end += 1
    return end if end - start >= _MIN_ROWS else 0


def _amounts_from(row: Row) -> float:
    amounts = amounts_of(row)
    return next((s.x0 for s in amounts if s is not row.segments[0]), amounts[0].x0)


def _is_prose(row: Row, zone: float) -> bool:
    """A line that runs from the labels' side into the amounts' side."""
    if len(row.segments) > 2:  # noqa: PLR2004
        return False
    return any(s.x0 < zone - s.size and s.x1 > zone + 2 * s.size for s in row.segments) and len(row.text) > 25  # noqa: PLR2004


def _lines(rows: Sequence[Row], header: int, zone: float) -> list[Line]:
    lines = []
    if header:
        lines.append(header_line(rows[:header]))
    waiting: list[Segment] = []
    for number, row in enumerate(rows[header:], start=header):
        cells = cells_of(row)
        following = rows[number + 1] if number + 1 < len(rows) else None
        label = len(cells) == 1 and cells[0][-1].x1 < zone
        if label and following and _continues(row, following, zone):
            waiting += cells[0]
            continue
        if waiting:
            cells[0] = waiting + cells[0]
            waiting = []
        lines.append(line_of(cells))
    return lines


def _continues(row: Row, following: Row, zone: float) -> bool:
    """Whether a label goes on in the next row."""
    start = following.segments[0]
    if start.x0 > zone or not near(row, following, 1.7) or row.text.endswith((":", ".")):
        return False
    return start.text.lstrip("(")[:1].islower() or bool(_OPEN_END.search(row.text))

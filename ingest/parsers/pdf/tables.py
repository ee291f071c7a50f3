"""Tables: rows of cells with amounts in columns, as in financial statements.

A table is a run of rows in which amounts stand right of a label, or of short cells that begin at the same
places. The rows above that name the columns are
joined to one line, column by column, so that the first line of a table says what its columns are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ingest.parsers.pdf.layout import Line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.parsers.pdf.characters import Segment
    from ingest.parsers.pdf.layout import Row

CELL_SEPARATOR = "\t"

_AMOUNT = re.compile(
    r"[($€£¥+\-–—−\[<>~≈±]*\s*(?:\d[\d,.'/]*|\.\d+)?\s*(?:bps|pts?|pp|[xX×%kKmMbBnN]{0,3})"
    r"\s*[)\]%*]*(?:\s?\(\d{1,2}\)|\s?[a-z*†‡]\)?)?|N/?[AM]\.?|n/?[am]\.?|nil|[–—−*-]+"
)
_YEAR = re.compile(r"(?:FY\s?|Q[1-4]\s?|[1-4]Q\s?|CY\s?)?['’]?(?:(?:19|20)\d\d|\d\d)[AEF*]?(?:\s?\(\d\))?")
_FULL_YEAR = re.compile(r"(?:FY\s?|Q[1-4]\s?|[1-4]Q\s?|CY\s?)?['’]?(?:19|20)\d\d[AEF*]?(?:\s?\(\w\))?")
_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?"
_DATE = re.compile(
    _MONTH + r"\s+\d{1,2},?(?:\s+(?:19|20)\d\d)?|" + _MONTH + r"\s+(?:19|20)\d\d", re.IGNORECASE
)
_UNITS = re.compile(
    r"\(?(?:(?:u\.?s\.?|unaudited|dollars?|amounts?|all|expressed|[$€£¥])[\s;,]+)*\(?(?:[$€£¥]\s*)?in\s+"
    r"(?:[a-z.]+\s+)?(?:millions|thousands|billions|[$€£¥]|u\.?s)|\(?unaudited\)?$|\(?dollars?\b.*\bin\b",
    re.IGNORECASE,
)
_LEADING = re.compile(r"(?:US|C|A|HK)?[$€£¥(]+")
_TRAILING = re.compile(r"[)%\]]+")
_MARKER = re.compile(r"[•●▪■◦–*·§o-]|\(?[0-9ivxlc]{1,4}[.)]|\(?[a-zA-Z][.)]")
_OPEN_END = re.compile(r"(?:[,–—-]|\b(?:and|or|of|the|to|for|in|on|by|with|from|at|as|a|an|net))$")
# Rows between two rows of amounts: labels of groups and wrapped labels.
_MAX_BETWEEN = 3
# Rows further apart than this many letter heights are not one table.
_FAR = 5.0
_MAX_HEADER = 7
_MAX_LABELS = 2
_LABEL_CHARS = 60
_HEADER_FAR = 3.8
_UNITS_FAR = 4.5
# Rows of words are a table when as many short cells stand below one another.
_MIN_CELLS = 3
_MIN_ROWS = 3
_ALIGNED = 4.0
_CELL_CHARS = 80
# A name that begins left of the amounts takes at most this share of the table's width; a title takes more.
_NAME_SHARE = 0.22
_UNITS_CHARS = 90
_HEADER_WORDS = 14


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
            start, body = _header(rows, at, end, zone, floor)
            lines = _lines(rows[start:end], body - start, zone)
        elif end := _aligned_until(rows, at):
            start = at - (
                at > floor and len(rows[at - 1].segments) > 1 and _near(rows[at - 1], rows[at], _HEADER_FAR)
            )
            lines = [_line(_cells(row)) for row in rows[start:end]]
        else:
            at += 1
            continue
        for line in lines:
            line.table = number + len(found)
        found.append((start, end, lines))
        at = end
    return found


def _amounts(row: Row) -> list[Segment]:
    return [segment for segment in row.segments if _AMOUNT.fullmatch(segment.text)]


def _is_data(row: Row) -> bool:
    """A label with amounts right of it, or several amounts."""
    if len(row.segments) < 2:  # noqa: PLR2004 -- a table's row has two cells
        return False
    amounts = _amounts(row)
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
    while at < len(rows) and at - end <= _MAX_BETWEEN and _near(rows[at - 1], rows[at], _FAR):
        row = rows[at]
        if _is_data(row):
            data, end = data + 1, at + 1
            zone = min(zone, _amounts_from(row))
        elif _is_prose(row, zone):
            break
        at += 1
    enough = data >= 2 or len(_amounts(rows[start])) >= 3  # noqa: PLR2004 -- one row with a column for each year
    return (end, zone) if enough else None


def _aligned_until(rows: Sequence[Row], start: int) -> int:
    """One past the last of the rows of short cells that begin where those of the first row begin; 0 for none."""
    columns = [segment.x0 for segment in rows[start].segments]
    if len(columns) < _MIN_CELLS or _MARKER.fullmatch(rows[start].segments[0].text):
        return 0
    end = start
    while end < len(rows) and (end == start or _near(rows[end - 1], rows[end], _HEADER_FAR)):
        cells = rows[end].segments
        fits = [any(abs(cell.x0 - column) < _ALIGNED for column in columns) for cell in cells]
        if len(cells) < _MIN_CELLS or not all(fits) or max(len(cell.text) for cell in cells) > _CELL_CHARS:
            break
        end += 1
    return end if end - start >= _MIN_ROWS else 0


def _amounts_from(row: Row) -> float:
    amounts = _amounts(row)
    return next((s.x0 for s in amounts if s is not row.segments[0]), amounts[0].x0)


def _near(upper: Row, lower: Row, limit: float) -> bool:
    return lower.base - upper.base < limit * max(upper.size, lower.size)


def _is_prose(row: Row, zone: float) -> bool:
    """A line that runs from the labels' side into the amounts' side."""
    if len(row.segments) > 2:  # noqa: PLR2004
        return False
    return any(s.x0 < zone - s.size and s.x1 > zone + 2 * s.size for s in row.segments) and len(row.text) > 25  # noqa: PLR2004


def _header(rows: Sequence[Row], data: int, end: int, zone: float, floor: int) -> tuple[int, int]:
    """First row of the header, and first row of the table's body."""
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
            and _near(rows[start - 1], rows[start], _HEADER_FAR)
        ):
            start -= 1
        body = start
    top = start
    while top > max(floor, data - _MAX_HEADER):
        above = rows[top - 1]
        units = bool(_UNITS.match(above.text)) and len(above.text) < _UNITS_CHARS
        if not _near(above, rows[top], _UNITS_FAR if units else _HEADER_FAR):
            break
        if not (units or _names_columns(above, zone, left, width)):
            break
        top -= 1
        if units and len(above.segments) == 1:
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
        return bool(beside[0].x1 <= zone + slack and _is_date(over[0].text))
    if all(_is_date(s.text) for s in over):
        return True
    return not any(
        _AMOUNT.fullmatch(s.text) and any(map(str.isdigit, s.text)) for s in over if not _is_date(s.text)
    )


def _is_date(text: str) -> bool:
    return bool(_FULL_YEAR.fullmatch(text) or _DATE.fullmatch(text))


def _lines(rows: Sequence[Row], header: int, zone: float) -> list[Line]:
    lines = []
    if header:
        lines.append(_header_line(rows[:header]))
    waiting: list[Segment] = []
    for number, row in enumerate(rows[header:], start=header):
        cells = _cells(row)
        following = rows[number + 1] if number + 1 < len(rows) else None
        label = len(cells) == 1 and cells[0][-1].x1 < zone
        if label and following and _continues(row, following, zone):
            waiting += cells[0]
            continue
        if waiting:
            cells[0] = waiting + cells[0]
            waiting = []
        lines.append(_line(cells))
    return lines


def _continues(row: Row, following: Row, zone: float) -> bool:
    """Whether a label goes on in the next row."""
    start = following.segments[0]
    if start.x0 > zone or not _near(row, following, 1.7) or row.text.endswith((":", ".")):
        return False
    return start.text[:1].islower() or bool(_OPEN_END.search(row.text))


def _cells(row: Row) -> list[list[Segment]]:
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
        joins = bool(
            _LEADING.fullmatch(segment.text) or (len(cells) == 1 and _MARKER.fullmatch(segment.text))
        )
    return cells


def _header_line(rows: Sequence[Row]) -> Line:
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
    return _line(cells)


def _column(segment: Segment, row: Row, names: Sequence[Segment]) -> tuple[int, bool]:
    """The first column that a name above (or below) the columns' names belongs to; whether it spans several."""
    under = [
        i
        for i, name in enumerate(names)
        if min(row.segments, key=lambda other: abs(_middle(other) - _middle(name))) is segment
    ]
    if len(under) > 1 and all(_is_date(names[i].text) for i in under[-2:]):
        # A period above its years.
        return next(i for i in under if _is_date(names[i].text)), True
    over = [i for i, name in enumerate(names) if segment.x0 < name.x1 and name.x0 < segment.x1]
    if over:
        return over[0], len(over) > 1
    return min(range(len(names)), key=lambda i: abs(_middle(names[i]) - _middle(segment))), True


def _middle(segment: Segment) -> float:
    return (segment.x0 + segment.x1) / 2


def _line(cells: list[list[Segment]]) -> Line:
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

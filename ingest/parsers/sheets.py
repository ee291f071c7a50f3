"""The cells of a sheet -> headings, paragraphs and tables, as a person reads the sheet.

Shared by all formats with sheets. The first line of every table is its header row, because the pieces of a
long table are later read with that line above them. What is decided here by looking:

- Empty rows part tables, unless what follows goes on with figures in the same columns, under a label or not.
- Lines of one cell above or below a table are its captions and notes: paragraphs.
- Header rows that span columns ("2023" above "Q1" and "Q2") become one header row ("2023 Q1 | 2023 Q2").
- Columns without a cell are left out. A merged cell's text stands where it begins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ingest.parsers.builder import TextBuilder

    # First row and column of a merged range -> its last ones, from 0.
    Merged = Mapping[tuple[int, int], tuple[int, int]]

# Header rows that are joined into one. Financial statements have up to three.
_MAX_HEADERS = 4
# A line of one cell below a table, longer than this, is a note and no row; cells of a table's only column
# that are longer are paragraphs below one another.
_NOTE = 40
# A table that is emptier than this, a diagonal say, is written without its gaps: they would be most of it.
_MAX_GAPS = 50
_YEAR = re.compile(r"(19|20)\d\d")


class Figure(str):
    """A cell's text that is a number, a date or a truth value in the file."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Row:
    """Cells of one row that hold something.

    Attributes:
        index: From 0.
        cells: Texts by column, from 0.
    """

    index: int
    cells: dict[int, str]


def add_sheet(out: TextBuilder, name: str, rows: Iterable[Row], merged: Merged) -> None:
    """Add a sheet under a heading with its name; nothing when it is empty.

    Args:
        out: Where to.
        name: Of the sheet.
        rows: In order, without those that hold nothing.
        merged: May still grow while the rows are read: formats name merged ranges after them.
    """
    table: list[Row] = []
    for block in _blocks(rows):
        if not table:
            out.heading(name, 1)
        if table and not _goes_on(table, block):
            _add_block(out, table, merged)
            table = []
        table += block
    if table:
        _add_block(out, table, merged)


def _blocks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Rows with no empty row between them."""
    block: list[Row] = []
    for row in rows:
        if block and row.index > block[-1].index + 1:
            yield block
            block = []
        block.append(row)
    if block:
        yield block


def _goes_on(table: list[Row], block: list[Row]) -> bool:
    """Whether rows after an empty one belong to the table before it: figures, or a label above figures."""
    used = {column for row in table[-_MAX_HEADERS:] for column in row.cells}
    row = next(
        (row for row in block[:_MAX_HEADERS] if not (_is_line(row) and min(row.cells) == min(used))), None
    )
    if row is None or not _has_figure(row) or _is_line(row) or _is_years(row):
        return False
    return len(used) > 1 and row.cells.keys() <= used | {min(used) - 1, min(row.cells)}


def _add_block(out: TextBuilder, rows: list[Row], merged: Merged) -> None:
    columns = sorted({column for row in rows for column in row.cells})
    if len(columns) == 1:
        _add_column(out, [row.cells[columns[0]] for row in rows])
        return
    first, last = 0, len(rows)
    while first < last and _is_line(rows[first]):
        first += 1
    while last > first and _is_line(rows[last - 1]) and _is_note(rows[last - 1], merged):
        last -= 1
    for row in rows[:first]:
        out.paragraph(_only(row))
    _add_table(out, rows[first:last], merged)
    for row in rows[last:]:
        out.paragraph(_only(row))


def _add_column(out: TextBuilder, texts: list[str]) -> None:
    if len(texts) > 2 and max(map(len, texts)) <= _NOTE:  # noqa: PLR2004 -- a header and two rows
        out.table([[text] for text in texts])
        return
    for text in texts:
        out.paragraph(text)


def _add_table(out: TextBuilder, rows: list[Row], merged: Merged) -> None:
    if not rows:
        return
    headers = _count_headers(rows, merged)
    columns = sorted({column for row in rows for column in row.cells})
    if len(columns) * len(rows) > _MAX_GAPS * (sum(len(row.cells) for row in rows) + _MAX_GAPS):
        lines = [list(row.cells.values()) for row in rows]
    else:
        head = _joined(rows[:headers], columns, merged)
        body = [[row.cells.get(column, "") for column in columns] for row in rows[headers:]]
        lines = [trimmed(line) for line in (head, *body)]
    if len(lines) > 1:
        out.table(lines)
    else:
        # A header without rows says nothing of other lines.
        out.paragraph(" | ".join(" ".join(text.split()) for text in lines[0]))


def _count_headers(rows: list[Row], merged: Merged) -> int:
    """How many rows the header has: one, and one more below each that spans or leaves out columns."""
    for count in range(1, min(_MAX_HEADERS, len(rows) - 1)):
        above, below, after = rows[count - 1], rows[count], rows[count + 1]
        spans = any(merged.get((above.index, column), (0, column))[1] > column for column in above.cells)
        sparse = 2 * len(above.cells) <= len(below.cells)
        # The names of columns stand beside an empty corner, the figures below beside the names of rows.
        corner = (
            min(above.cells) not in below.cells and min(above.cells) in after.cells and _has_figure(after)
        )
        if not (spans or sparse or corner) or _has_figure(above) or _has_figure(below) or _is_line(below):
            return count
    return min(_MAX_HEADERS, len(rows) - 1) or 1


def _joined(rows: list[Row], columns: list[int], merged: Merged) -> list[str]:
    """Header rows as one: each column's words from the top down, merged ones over all their columns."""
    words: dict[int, list[str]] = {column: [] for column in columns}
    for row in rows:
        for column, text in row.cells.items():
            last = merged.get((row.index, column), (0, column))[1] if len(rows) > 1 else column
            for covered in columns:
                if column <= covered <= last:
                    words[covered].append(text)
    return [" ".join(words[column]) for column in columns]


def trimmed(line: list[str]) -> list[str]:
    """A row without the empty cells at its end."""
    end = len(line)
    while end and not line[end - 1]:
        end -= 1
    return line[:end]


def _is_line(row: Row) -> bool:
    return len(row.cells) == 1


def _has_figure(row: Row) -> bool:
    return any(isinstance(text, Figure) for text in row.cells.values())


def _is_note(row: Row, merged: Merged) -> bool:
    column = next(iter(row.cells))
    return len(_only(row)) > _NOTE or merged.get((row.index, column), (0, column))[1] > column


def _is_years(row: Row) -> bool:
    """Whether the figures of a row are the names of columns."""
    figures = [text for text in row.cells.values() if isinstance(text, Figure)]
    return len(figures) > 1 and all(_YEAR.fullmatch(text) for text in figures)


def _only(row: Row) -> str:
    return next(iter(row.cells.values()))

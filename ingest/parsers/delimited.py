"""CSV and its relatives: the decoded file unchanged, its tables as blocks.

The delimiter is the one by which most rows have the same number of cells, of two or more; csv.Sniffer, which
looks at single characters, takes letters for delimiters in small files.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.parsers.lines import block_of, lines_of
from ingest.parsers.text import decode
from ingest.types import Block, BlockKind, Parsed

if TYPE_CHECKING:
    from ingest.parsers.lines import Line

_DELIMITERS = ",;\t|"
_SAMPLE_ROWS = 200
# Rows that each stand alone before a file is taken for one with double line ends.
_DOUBLE_SPACED = 3
# Amounts, shares and dates: what stands in the rows of a table and not in its header.
_VALUE = re.compile(r"[-+(]?\s*[$€£]?\s*\d[\d.,:/\s'TZ+-]*\s*[%€)]?|true|false|null|n/?a|-", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Row:
    """One record of the file.

    Attributes:
        cells: Without the white space around them.
        first: Index of its first line.
        last: Index of the line after it; a quoted cell may hold line ends.
    """

    cells: tuple[str, ...]
    first: int
    last: int

    @property
    def filled(self) -> int:
        """How many cells hold something."""
        return sum(1 for cell in self.cells if cell)


def parse(data: bytes) -> Parsed:
    """Read a table in text form.

    Args:
        data: The file.

    Returns:
        The decoded text. Rows that belong together are a table block that begins with its header row, or a list
        block when the first row is none. Lines above the header, as a title, stand outside.

    Raises:
        UnsupportedType: The bytes are not text.
    """
    text = decode(data)
    lines = lines_of(text)
    blocks: list[Block] = []
    for first, last in _groups(lines):
        rows = _rows(lines[first:last], first, _delimiter(lines[first : min(last, first + _SAMPLE_ROWS)]))
        if block := _table(rows, lines):
            blocks.append(block)
    return Parsed(text, tuple(blocks), "", "delimited/csv-1")


def _groups(lines: list[Line]) -> list[tuple[int, int]]:
    """Stretches of lines between empty ones. Where a quoted cell holds the empty line, they stay together."""
    groups: list[tuple[int, int]] = []
    first, quotes = 0, 0
    for index, line in enumerate(lines):
        quotes += line.text.count('"')
        if not line.text and quotes % 2 == 0:
            if first < index:
                groups.append((first, index))
            first = index + 1
    if first < len(lines):
        groups.append((first, len(lines)))
    single = sum(1 for first, last in groups if last - first == 1)
    # A program that ends its lines twice parts every row from the next by an empty line.
    return groups if single < _DOUBLE_SPACED or single < len(groups) - 1 else [(groups[0][0], groups[-1][1])]


def _delimiter(sample: list[Line]) -> str | None:
    """The character that parts the cells, or None for a file of one column."""
    best, delimiter = (0.0, 0), None
    for candidate in _DELIMITERS:
        widths = Counter(len(row.cells) for row in _rows(sample, 0, candidate) if row.filled)
        width, count = max(
            ((w, c) for w, c in widths.items() if w > 1), key=lambda found: found[1], default=(0, 0)
        )
        score = (count / max(1, widths.total()), width)
        if score > best:
            best, delimiter = score, candidate
    return delimiter


def _rows(lines: list[Line], offset: int, delimiter: str | None) -> list[Row]:
    """Records, by the standard library's reader; lines that it cannot read are records of one cell."""
    if delimiter is None:
        return [Row((line.text.strip(),), offset + i, offset + i + 1) for i, line in enumerate(lines)]
    reader = csv.reader((f"{line.text}\n" for line in lines), delimiter=delimiter, skipinitialspace=True)
    rows, at = [], 0
    try:
        for cells in reader:
            rows.append(Row(tuple(cell.strip() for cell in cells), offset + at, offset + reader.line_num))
            at = reader.line_num
    except csv.Error:
        rows += [Row((line.text,), offset + i, offset + i + 1) for i, line in enumerate(lines) if i >= at]
    return rows


def _table(rows: list[Row], lines: list[Line]) -> Block | None:
    """The block of a group of rows, from its header on."""
    widths = Counter(row.filled for row in rows[:_SAMPLE_ROWS])
    usual = max(widths, key=lambda width: (widths[width], width))
    # A title above a table fills one cell, or a few, where the rows fill many.
    start = next((i for i, row in enumerate(rows) if row.filled > usual / 2), 0)
    body = [row for row in rows[start:] if row.filled]
    # A line that stands alone is a title or a note.
    if len(body) < 2:  # noqa: PLR2004
        return None
    kind = BlockKind.TABLE if _has_header(body) else BlockKind.LIST
    return block_of(kind, lines[body[0].first : body[-1].last])


def _has_header(rows: list[Row]) -> bool:
    """Whether the first row names what stands below it: no amounts or dates, and nothing twice above words."""
    names = [cell for cell in rows[0].cells if cell]
    if any(_VALUE.fullmatch(cell) and not _is_year(cell) for cell in names):
        return False
    values = any(_VALUE.fullmatch(cell) for row in rows[1:_SAMPLE_ROWS] for cell in row.cells)
    return values or len(set(names)) == len(names)


def _is_year(cell: str) -> bool:
    return re.fullmatch(r"(?:19|20)\d\d", cell) is not None

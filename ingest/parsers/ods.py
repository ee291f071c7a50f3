"""OpenDocument spreadsheets (.ods): every visible sheet, cells as the program last showed them.

The file holds each cell's shown text beside its value, so nothing has to be formatted here. Calamine reads
these files too, and gives the values alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.errors import CorruptFile, TooLarge
from ingest.parsers.archive import opened
from ingest.parsers.builder import TextBuilder
from ingest.parsers.odf_common import PROGRAM, WHAT, check_password, inline_text, rows_of, stated_title, times
from ingest.parsers.sheets import Figure, Row, add_sheet
from ingest.parsers.xmltree import LIBRARY, below, child_of, children_of, name_of, value_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types.

    from ingest.types import Parsed

_FIGURES = {"float", "currency", "percentage", "date", "time", "boolean"}
# One element can stand for a million equal cells.
_MAX_CELLS = 5_000_000


def parse(data: bytes) -> Parsed:
    """Read a spreadsheet.

    Args:
        data: The file.

    Returns:
        Each visible sheet under a heading with its name; see ``ingest.parsers.sheets``.

    Raises:
        CorruptFile: The archive or its XML is damaged.
        EncryptedFile: The document has a password.
        TooLarge: A part unpacks to more than 100 MiB, or repeated cells are more than five million.
    """
    with opened(data, WHAT, PROGRAM) as archive:
        check_password(archive)
        content = archive.xml("content.xml")
        body = child_of(content, "body", "spreadsheet")
        if body is None:
            raise CorruptFile(f"The {WHAT} has no sheets. Save it again in {PROGRAM}.")
        hidden = {
            value_of(style, "name")
            for style in below(content, "style")
            if value_of(child_of(style, "table-properties"), "display") == "false"
        }
        reader = _Reader()
        for sheet in children_of(body, "table"):
            if value_of(sheet, "style-name") not in hidden:
                reader.add(sheet)
            else:
                reader.out.leave_out("hidden_sheets")
        return reader.out.parsed(stated_title(archive), f"ods/{LIBRARY}")


class _Reader:
    def __init__(self) -> None:
        self.out = TextBuilder()
        self._left = _MAX_CELLS

    def add(self, sheet: etree._Element) -> None:
        """Add a sheet."""
        merged: dict[tuple[int, int], tuple[int, int]] = {}
        add_sheet(self.out, value_of(sheet, "name"), self._rows(sheet, merged), merged)

    def _rows(self, sheet: etree._Element, merged: dict[tuple[int, int], tuple[int, int]]) -> Iterator[Row]:
        index = 0
        for node in rows_of(sheet):
            count = times(node, "number-rows-repeated")
            cells = dict(self._cells(node, index, merged))
            if cells and value_of(node, "visibility") in {"collapse", "filter"}:
                self.out.keep("hidden_rows", count)
            for row in range(index, index + count) if cells else ():
                self._spend(len(cells))
                yield Row(row, cells)
            index += count

    def _cells(
        self, row: etree._Element, index: int, merged: dict[tuple[int, int], tuple[int, int]]
    ) -> Iterator[tuple[int, str]]:
        column = 0
        for cell in row:
            if name_of(cell) not in {"table-cell", "covered-table-cell"}:
                continue
            count = times(cell, "number-columns-repeated")
            text = "\n".join(filter(None, (inline_text(p).strip() for p in children_of(cell, "p"))))
            if text and name_of(cell) == "table-cell":
                self._spend(count)
                shown = Figure(text) if value_of(cell, "value-type") in _FIGURES else text
                yield from ((at, shown) for at in range(column, column + count))
                wide, high = times(cell, "number-columns-spanned"), times(cell, "number-rows-spanned")
                if wide > 1 or high > 1:
                    merged[index, column] = (index + high - 1, column + wide - 1)
            column += count

    def _spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise TooLarge(f"The spreadsheet has more than {_MAX_CELLS} filled cells. Split it.")

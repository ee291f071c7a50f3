"""Excel (.xlsx, .xlsm): every visible sheet, its cells as Excel shows them.

The sheets are streamed from the archive by lxml. openpyxl and python-calamine give a cell's number without
its format (12.5 % is 0.125 to both), and python-calamine lays a sheet out in full: two cells in opposite
corners take all memory.

Left out: hidden sheets, comments, drawings, charts, headers and footers of the printed page, and formulas
whose result the file does not hold, and cells whose format shows nothing. Hidden rows and columns are read and
counted: filters and folded groups hide them, and a click shows them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from ingest.errors import CorruptFile
from ingest.parsers.archive import opened
from ingest.parsers.builder import TextBuilder
from ingest.parsers.number_formats import GENERAL, built_in, shown
from ingest.parsers.sheets import Figure, Row, add_sheet
from ingest.parsers.titles import meant_title
from ingest.parsers.xmltree import (
    LIBRARY,
    below,
    child_of,
    children_of,
    link_of,
    name_of,
    stream_xml,
    value_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types.

    from ingest.parsers.archive import Archive
    from ingest.types import Parsed

_LETTERS = re.compile(r"[A-Za-z]{1,3}")
_MAX_DIGITS = 7
# Excel's own; more would only be an attack on the counting.
_MAX_ROWS = 1_048_576
_MAX_COLUMNS = 16_384
# A number format whose four parts, the last for text, show nothing.
_NOTHING = ";;;"
# A character that XML cannot hold, written as _x000D_ (22.9.2.19).
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def parse(data: bytes) -> Parsed:
    """Read a workbook.

    Args:
        data: The file.

    Returns:
        Each visible sheet under a heading with its name; see ``ingest.parsers.sheets``.

    Raises:
        CorruptFile: The archive or its XML is damaged.
        EncryptedFile: The archive has a password.
        TooLarge: A part unpacks to more than 100 MiB.
    """
    with opened(data, "Excel workbook", "Excel") as archive:
        main = archive.main_part("xl/workbook.xml")
        workbook = archive.xml(main)
        if workbook is None:
            raise CorruptFile("The Excel workbook has no list of its sheets. Save it again in Excel.")
        reader = _Reader(archive, main, workbook)
        for sheet in children_of(child_of(workbook, "sheets"), "sheet"):
            if value_of(sheet, "state") not in {"hidden", "veryHidden"}:
                reader.add(sheet)
            else:
                reader.out.leave_out("hidden_sheets")
        return reader.out.parsed(meant_title(archive.stated_title()), f"xlsx/{LIBRARY}")


class _Reader:
    def __init__(self, archive: Archive, main: str, workbook: etree._Element) -> None:
        self.out = TextBuilder()
        self._archive = archive
        self._relations = archive.relations(main)
        self._from_1904 = value_of(child_of(workbook, "workbookPr"), "date1904") in {"1", "true"}
        self._strings = list(_strings(archive, self._part("sharedStrings")))
        self._formats = _formats(archive.xml(self._part("styles") or ""))
        self._blank = {str(at) for at, code in enumerate(self._formats) if code.strip() == _NOTHING}
        # Of the sheet that is being read: the columns that are hidden, from and to, and those that hold something.
        self._folded: list[tuple[int, int]] = []
        self._filled: set[int] = set()

    def add(self, sheet: etree._Element) -> None:
        """Add a sheet's cells; charts and macros that stand in a sheet's place have none."""
        relation = self._relations.get(link_of(sheet))
        if relation is None or relation.kind != "worksheet":
            return
        part = self._archive.open(relation.target)
        if part is None:
            raise CorruptFile(
                f"The Excel workbook's sheet {value_of(sheet, 'name')[:50]} is missing from the file. "
                "Open and save it again in Excel."
            )
        merged: dict[tuple[int, int], tuple[int, int]] = {}
        self._folded, self._filled = [], set()
        with part:
            add_sheet(self.out, value_of(sheet, "name"), self._rows(part, merged), merged)
        hidden = sum(any(first <= each < last for first, last in self._folded) for each in self._filled)
        self.out.keep("hidden_columns", hidden)

    def _part(self, kind: str) -> str | None:
        return next((found.target for found in self._relations.values() if found.kind == kind), None)

    def _rows(self, part: object, merged: dict[tuple[int, int], tuple[int, int]]) -> Iterator[Row]:
        index = -1
        for node in stream_xml(part, "col", "row", "mergeCell"):
            if name_of(node) == "col":
                if (
                    _is_folded(node, "width")
                    and (columns := _columns(node))
                    and len(self._folded) < _MAX_COLUMNS
                ):
                    self._folded.append(columns)
                continue
            if name_of(node) == "mergeCell":
                first, _, last = value_of(node, "ref").partition(":")
                if (start := _place(first)) and (end := _place(last)):
                    merged[start] = end
                continue
            stated = node.get("r", "")
            index = int(stated) - 1 if stated.isdecimal() and len(stated) <= _MAX_DIGITS else index + 1
            cells = dict(self._cells(node))
            if cells and 0 <= index < _MAX_ROWS:
                if _is_folded(node, "ht"):
                    self.out.keep("hidden_rows")
                self._filled.update(cells)
                yield Row(index, cells)

    def _cells(self, row: etree._Element) -> Iterator[tuple[int, str]]:
        # One call a cell and more would be most of the time of a large sheet.
        column = -1
        for cell in row:
            attributes = dict(cell.attrib)
            stated = _column(attributes.get("r", "").rstrip("0123456789"))
            column = column + 1 if stated is None else stated
            children = {name_of(child): child for child in cell}
            if not children or column >= _MAX_COLUMNS:
                continue
            text = self._text(attributes.get("t", "n"), attributes.get("s", "0"), children)
            if text and not text.isspace():
                if attributes.get("s") in self._blank:
                    self.out.leave_out("hidden_text")
                    continue
                yield column, text

    def _text(self, kind: str, style: str, children: dict[str, etree._Element]) -> str:
        """What a cell shows."""
        if kind == "inlineStr":
            return _string(children.get("is"))
        value = children["v"].text or "" if "v" in children else ""
        if not value:
            return ""
        if kind == "s":
            return self._strings[int(value)] if value.isdecimal() and int(value) < len(self._strings) else ""
        if kind == "b":
            return Figure("TRUE" if value.strip() == "1" else "FALSE")
        if kind == "d":
            return Figure(value.removesuffix("T00:00:00").replace("T", " "))
        return _unescaped(value) if kind in {"str", "e"} else self._figure(value, style)

    def _figure(self, value: str, style: str) -> str:
        try:
            number = float(value)
            code = self._formats[int(style)] if int(style) < len(self._formats) else GENERAL
            return Figure(shown(number, code, from_1904=self._from_1904))
        except (ValueError, OverflowError):
            # Neither is a number what a program wrote in its place, nor infinity a date.
            return value


def _strings(archive: Archive, name: str | None) -> Iterator[str]:
    part = archive.open(name) if name else None
    if part is None:
        return
    with part:
        for node in stream_xml(part, "si"):
            yield _string(node)


def _string(node: etree._Element | None) -> str:
    """A text in one piece or in runs, without the reading aids of Japanese."""
    if node is None:
        return ""
    parts = []
    for child in node:
        if name_of(child) == "t":
            parts.append(child.text or "")
        elif name_of(child) == "r":
            parts += [text.text or "" for text in children_of(child, "t")]
    return _unescaped("".join(parts))


def _unescaped(text: str) -> str:
    if "_x" not in text:
        return text
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text).replace("\r\n", "\n").replace("\r", "\n")


def _formats(styles: etree._Element | None) -> list[str]:
    """The number format of each cell style."""
    own = {value_of(node, "numFmtId"): value_of(node, "formatCode") for node in below(styles, "numFmt")}
    codes = []
    for style in children_of(child_of(styles, "cellXfs"), "xf"):
        number = value_of(style, "numFmtId")
        known = built_in(int(number)) if number.isdecimal() else GENERAL
        codes.append(own.get(number, known))
    return codes


def _is_folded(node: etree._Element, extent: str) -> bool:
    """Whether a row or a column is hidden, or has no extent."""
    return node.get("hidden") in {"1", "true"} or node.get(extent) in {"0", "0.0"}


def _columns(node: etree._Element) -> tuple[int, int] | None:
    """The first column that an element of columns is about, from 0, and the one after the last."""
    first, last = node.get("min", ""), node.get("max", "")
    is_number = all(each.isdecimal() and len(each) <= _MAX_DIGITS for each in (first, last))
    return (int(first) - 1, int(last)) if is_number else None


def _place(reference: str) -> tuple[int, int] | None:
    """Row and column of ``B12``, from 0."""
    letters = reference.rstrip("0123456789")
    column, row = _column(letters), reference[len(letters) :]
    return None if column is None or not 0 < len(row) <= _MAX_DIGITS else (int(row) - 1, column)


@lru_cache(maxsize=_MAX_COLUMNS)
def _column(letters: str) -> int | None:
    """The column of ``B``, from 0; None for what is no column."""
    if not _LETTERS.fullmatch(letters):
        return None
    column = 0
    for letter in letters.upper():
        column = column * 26 + ord(letter) - 64
    return column - 1

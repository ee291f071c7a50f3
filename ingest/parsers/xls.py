"""Old and binary Excel workbooks (.xls, .xlsb), by calamine.

Calamine tells dates from numbers, but not 12.5 % from 0.125: where Excel can, save as .xlsx.
"""

from __future__ import annotations

import io
import re
from importlib.metadata import version
from typing import TYPE_CHECKING

from python_calamine import (
    CalamineError,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from ingest.errors import CorruptFile, EncryptedFile
from ingest.parsers.builder import TextBuilder
from ingest.parsers.number_formats import general
from ingest.parsers.sheets import Figure, Row, add_sheet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime, time, timedelta

    from python_calamine import CalamineSheet

    from ingest.types import Parsed

# The start of an .xls file with a password. Calamine calls it an unknown format, or, where the cells are
# veiled in the oldest way, reads numbers that nobody wrote.
_LOCKED = re.compile(
    rb"\x09\x08\x10\x00\x00\x06\x05\x00.{12}(?:\x86\x00\x00\x00)?\x2f\x00..[\x00\x01]\x00", re.DOTALL
)
_NEEDS_KEY = "The Excel workbook needs a password. Remove the password and upload it again."


def parse(data: bytes) -> Parsed:
    """Read a workbook.

    Args:
        data: The file.

    Returns:
        Each visible sheet under a heading with its name; see ``ingest.parsers.sheets``.

    Raises:
        CorruptFile: The file is damaged.
        EncryptedFile: It has a password.
    """
    if _LOCKED.search(data):
        raise EncryptedFile(_NEEDS_KEY)
    out = TextBuilder()
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        for sheet in workbook.sheets_metadata:
            if sheet.typ is SheetTypeEnum.WorkSheet and sheet.visible is SheetVisibleEnum.Visible:
                cells = workbook.get_sheet_by_name(sheet.name)
                add_sheet(out, sheet.name, _rows(cells), dict(cells.merged_cell_ranges or ()))
    except PasswordError as error:
        raise EncryptedFile(_NEEDS_KEY) from error
    except CalamineError as error:
        raise CorruptFile(
            f"The Excel workbook is damaged ({error}). Open it in Excel, save it as .xlsx and upload the result."
        ) from error
    return out.parsed("", f"xls/python-calamine-{version('python-calamine')}")


def _rows(sheet: CalamineSheet) -> Iterator[Row]:
    first_row, first_column = sheet.start or (0, 0)
    for index, values in enumerate(sheet.iter_rows(), start=first_row):
        texts = ((column, _text(value)) for column, value in enumerate(values, start=first_column))
        cells = {column: text for column, text in texts if text and not text.isspace()}
        if cells:
            yield Row(index, cells)


def _text(value: float | str | bool | time | date | datetime | timedelta) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return Figure("TRUE" if value else "FALSE")
    if isinstance(value, (int, float)):
        return Figure(general(value))
    return Figure(str(value).removesuffix(" 00:00:00"))

"""Old and binary Excel workbooks, their records written by hand."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from ingest import media
from ingest.errors import CorruptFile, EncryptedFile, LimitExceeded
from ingest.parsers import xls
from ingest.types import BlockKind

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.parse import Parser

Pack = Callable[[dict[str, str | bytes]], bytes]

# Sectors of the old container: chain ends, the table of chains itself, unused ones.
END, TABLE, FREE = 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF


def container(stream: bytes) -> bytes:
    """The old container with one stream, Workbook ([MS-CFB]); streams under 4096 bytes are stored elsewhere."""
    stream = stream.ljust(4096, b"\0")
    stream += bytes(-len(stream) % 512)
    sectors = len(stream) // 512
    chains = [TABLE, END, *range(3, sectors + 2), END]
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack("<5H", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<9I", 0, 1, 1, 0, 4096, END, 0, END, 0)
    header += struct.pack("<109I", 0, *[FREE] * 108)

    def entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
        encoded = name.encode("utf-16-le") + b"\0\0"
        return (
            encoded.ljust(64, b"\0")
            + struct.pack("<HBB3I", len(encoded), kind, 1, FREE, FREE, child)
            + bytes(36)
            + struct.pack("<IQ", start, size)
        )

    directory = entry("Root Entry", 5, 1, END, 0) + entry("Workbook", 2, FREE, 2, len(stream))
    table = struct.pack(f"<{len(chains)}I", *chains).ljust(512, b"\xff")
    return header + table + directory.ljust(512, b"\0") + stream


def record(kind: int, body: bytes = b"") -> bytes:
    """One record of an .xls file ([MS-XLS])."""
    return struct.pack("<HH", kind, len(body)) + body


def old_workbook(cells: bytes, globals_: bytes = b"", visible: int = 0) -> bytes:
    """An .xls file with one sheet, Data."""
    start = record(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 0)) + globals_
    name = struct.pack("<BB", visible, 0) + bytes((4, 0)) + b"Data"
    offset = len(start) + 4 + 4 + len(name) + 4
    head = start + record(0x85, struct.pack("<I", offset) + name) + record(0x0A)
    sheet = record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0)) + cells + record(0x0A)
    return container(head + sheet)


def number(row: int, column: int, value: float, style: int = 0) -> bytes:
    """A cell with a number."""
    return record(0x203, struct.pack("<HHHd", row, column, style, value))


def label(row: int, column: int, text: str) -> bytes:
    """A cell with a text."""
    return record(0x204, struct.pack("<HHHHB", row, column, 0, len(text), 0) + text.encode("latin-1"))


def test_an_old_workbook() -> None:
    """Texts, numbers and dates of an .xls file."""
    plain = record(0xE0, struct.pack("<HH", 0, 0) + bytes(16))
    dated = record(0xE0, struct.pack("<HH", 0, 14) + bytes(16))
    cells = (
        label(0, 0, "Item") + label(0, 1, "Sum") + label(0, 2, "Due") + label(1, 0, "B\xf6lt")
        + number(1, 1, 2.5) + number(1, 2, 45107, style=1)
    )  # fmt: skip
    parsed = xls.parse(old_workbook(cells, plain + dated))

    assert parsed.text == "Data\n\nItem | Sum | Due\nBölt | 2.5 | 2023-06-30"
    assert [block.kind for block in parsed.blocks] == [BlockKind.HEADING, BlockKind.TABLE]


def test_a_hidden_sheet_is_left_out() -> None:
    """What a person does not see is not read."""
    assert xls.parse(old_workbook(label(0, 0, "x"), visible=1)).text == ""


@pytest.mark.parametrize("kind", [0, 1])
def test_an_old_workbook_with_a_password(kind: int) -> None:
    """Excel marks a veiled or encrypted workbook by a record at its start."""
    with pytest.raises(EncryptedFile, match="password"):
        xls.parse(old_workbook(label(0, 0, "x"), record(0x2F, struct.pack("<HHH", kind, 1, 2))))


def wide(text: str) -> bytes:
    """A text of the binary format."""
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def part(*records: tuple[int, bytes]) -> bytes:
    """Records of the binary format ([MS-XLSB])."""
    parts = b""
    for kind, body in records:
        parts += bytes((kind,) if kind < 128 else (kind & 127 | 128, kind >> 7)) + bytes((len(body),)) + body
    return parts


def binary_workbook(*cells: tuple[int, bytes], last: tuple[int, int] = (1, 1)) -> dict[str, str | bytes]:
    """The parts of an .xlsb file with one sheet, Data."""
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"
    size = struct.pack("<4I", 0, last[0], 0, last[1])
    return {
        "[Content_Types].xml": "<Types/>",
        "xl/workbook.bin": part(
            (143, b""), (156, struct.pack("<II", 0, 1) + wide("rId1") + wide("Data")), (144, b""), (132, b"")
        ),
        "xl/_rels/workbook.bin.rels": (
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f'<Relationship Id="rId1" Type="{kind}" Target="worksheets/sheet1.bin"/></Relationships>'
        ),
        "xl/worksheets/sheet1.bin": part((129, b""), (148, size), (145, b""), *cells, (146, b""), (130, b"")),
    }


def row(index: int) -> tuple[int, bytes]:
    """The start of a row."""
    return 0, struct.pack("<I", index) + bytes(13)


def test_a_binary_workbook(pack: Pack) -> None:
    """Texts, numbers and truth values of an .xlsb file."""
    cells = [
        row(0), (6, struct.pack("<II", 0, 0) + wide("Item")), (6, struct.pack("<II", 1, 0) + wide("Sum")),
        row(1), (4, struct.pack("<IIB", 0, 0, 1)), (5, struct.pack("<IId", 1, 0, 0.125)),
    ]  # fmt: skip

    assert xls.parse(pack(binary_workbook(*cells))).text == "Data\n\nItem | Sum\nTRUE | 0.125"


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", container(b"\xff" * 100), container(b"")[:700]])
def test_damage(data: bytes) -> None:
    """A damaged workbook is told apart from one that is empty."""
    with pytest.raises(CorruptFile, match="Excel workbook is damaged"):
        xls.parse(data)


def test_a_sheet_laid_out_in_full_ends_the_child_alone(
    pack: Pack, parser: Parser, store: Callable[[bytes], Path]
) -> None:
    """Two cells in opposite corners take all of the child's memory; the next workbook is read."""
    corners = [row(0), (5, struct.pack("<IId", 0, 0, 1)), row(1048575), (5, struct.pack("<IId", 16383, 0, 2))]

    with pytest.raises(LimitExceeded, match="memory"):
        parser.parse(store(pack(binary_workbook(*corners, last=(1048575, 16383)))), "x.xlsb")
    kind, parsed = parser.parse(store(old_workbook(label(0, 0, "still here"))), "x")
    assert (kind, parsed.text) == (media.XLS, "Data\n\nstill here")

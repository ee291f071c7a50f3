"""CSV and its relatives: the decoded file unchanged, with its tables."""

from __future__ import annotations

import pytest

from ingest.parsers import delimited
from ingest.types import BlockKind


def tables(content: str) -> list[tuple[BlockKind, list[str]]]:
    """Kind and lines of each block."""
    parsed = delimited.parse(content.encode())
    assert parsed.text == content
    return [(block.kind, parsed.text[block.start : block.end].splitlines()) for block in parsed.blocks]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_table_begins_at_its_header(delimiter: str) -> None:
    """Any of the usual delimiters; commas inside quotes and amounts do not mislead."""
    content = 'Town,Area\n"Rye, East Sussex","1,5"\nHove,"2,5"\n'.replace(",", delimiter)

    ((kind, lines),) = tables(content)

    assert kind is BlockKind.TABLE
    assert lines == content.splitlines()


def test_a_title_above_stays_outside() -> None:
    """A line that fills one cell where the rows fill three is no header."""
    assert tables("Stock list,,\n\nItem,Place,Count\nSaw,A1,3\nPlane,B2,5\n") == [
        (BlockKind.TABLE, ["Item,Place,Count", "Saw,A1,3", "Plane,B2,5"])
    ]
    assert tables("Stock list,,\nItem,Place,Count\nSaw,A1,3\nPlane,B2,5\n") == [
        (BlockKind.TABLE, ["Item,Place,Count", "Saw,A1,3", "Plane,B2,5"])
    ]


def test_without_a_header_the_rows_are_a_list() -> None:
    """No row of values must be repeated as if it named the columns; years may name some."""
    assert tables("Saw,3\nPlane,5\n")[0][0] is BlockKind.LIST
    assert tables("Town,2022,2023\nRye,3,4\n")[0][0] is BlockKind.TABLE


def test_two_tables_in_one_file() -> None:
    """An empty line parts tables, unless it stands inside quotes or after every row."""
    found = tables('a,b\n1,2\n\nc,d,e\n3,"4\n\nx",5\n')
    assert [lines for _, lines in found] == [["a,b", "1,2"], ["c,d,e", '3,"4', "", 'x",5']]

    assert [lines for _, lines in tables("a,b\n\n1,2\n\n3,4\n\n")] == [["a,b", "", "1,2", "", "3,4"]]


@pytest.mark.parametrize("content", ["only text\n", "\n\n", 'a,"b\n1,2\n', "a,b\n"])
def test_what_is_no_table(content: str) -> None:
    """A single line has no rows; a quote that is never closed costs the table and not the text."""
    assert len(tables(content)) <= 1


def test_utf16_and_legacy_encodings() -> None:
    """Spreadsheets export both."""
    content = "Größe,Preis\nklein,3 €\n"

    assert delimited.parse(content.encode("utf-16")).text == content
    assert delimited.parse(content.encode("cp1252")).text == content

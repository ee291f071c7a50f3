"""Rich Text: words in any encoding, structure, and files made to be misread."""

from __future__ import annotations

import time

import pytest

from ingest.errors import CorruptFile, LimitExceeded
from ingest.parsers import rtf
from ingest.types import BlockKind, Parsed


def read(body: str, head: str = r"\ansi\ansicpg1252\deff0") -> Parsed:
    """A document around some Rich Text."""
    return rtf.parse(f"{{\\rtf1{head} {body}}}".encode("latin-1"))


def kinds(parsed: Parsed) -> list[tuple[BlockKind, int, str]]:
    """Each block with the text that it covers."""
    return [(block.kind, block.number, parsed.text[block.start : block.end]) for block in parsed.blocks]


def test_headings_lists_and_tables_in_reading_order() -> None:
    """Headings come by outline level or style, lists by their labels, tables by their rows."""
    parsed = read(
        r"{\stylesheet{\s0 Normal;}{\s2 heading 2;}{\s7\outlinelevel0 Klausel;}{\*\cs5 Letters;}}"
        r"{\info{\title The plan}{\author me}}\pard\s7 Scope\par\pard\s2 Works\par"
        r"\pard\outlinelevel3 Deep\par\pard Text.\par"
        r"{\listtext 1.\tab}one\par{\listtext 2.\tab}two\par{\listtext\'b7\tab}dot\par"
        r"\trowd\intbl Item\cell Price\cell\row\intbl Bolt\par M4\cell 3 \'80\cell\row\pard After.\par"
    )

    assert parsed.text == (
        "Scope\n\nWorks\n\nDeep\n\nText.\n\n1. one\n2. two\ndot\n\nItem | Price\nBolt M4 | 3 €\n\nAfter."
    )
    assert kinds(parsed) == [
        (BlockKind.HEADING, 1, "Scope"),
        (BlockKind.HEADING, 2, "Works"),
        (BlockKind.HEADING, 4, "Deep"),
        (BlockKind.LIST, 0, "1. one\n2. two\ndot"),
        (BlockKind.TABLE, 0, "Item | Price\nBolt M4 | 3 €"),
    ]
    assert parsed.title == "The plan"


@pytest.mark.parametrize(
    ("body", "head", "expected"),
    [
        (r"\'e4\'80", r"\ansi\ansicpg1252", "ä€"),
        (r"\'8e", r"\mac", "é"),
        (r"{\fonttbl{\f0\fcharset204 A;}{\f1\fcharset238 B;}}\f0\'cf\'f0{\f1\'b9}\'f0", r"\ansi", "Прąр"),
        (r"{\fonttbl{\f0\fcharset128 M;}}\f0\'93\'fa\'96\'7b \'83A", r"\ansi", "日本 ア"),
        (r"\u8364?\u-10179?\u-8704? \uc2\u228\'61\'62c\uc0\u246z", r"\ansi", "€😀 äcöz"),
        (r"{\uc1{\u228a}b\u228{x}}", r"\ansi", "äbäx"),
        (r"{\upr{old}{\*\ud{n\u234?w}}}", r"\ansi", "nêw"),
        (r"a\~b\_c\-d\emdash\ldblquote e\{\}\\", r"\ansi", "a\xa0b-cd—“e{}\\"),
        (r"\'e9", r"\ansi\ansicpg99999", "é"),
    ],
)
def test_encodings(body: str, head: str, expected: str) -> None:
    """Code pages come from the document and its fonts; what stands in for Unicode is passed over."""
    assert read(body, head).text == expected


def test_what_is_left_out() -> None:
    """Deleted and hidden text, comments, field codes, pictures, headers and unknown groups are no text."""
    parsed = read(
        r"{\header top\par}A{\deleted B}{\v C}\v D\v0 {\field{\*\fldinst HYPERLINK x}{\fldrslt E}}"
        r"{\*\annotation why}{\*\unknown {\b F}}{\pict 0123}\bin4 {\\}G{\*\bkmkstart H}"
        r"{\object{\*\objdata 00}{\result I}}"
    )

    assert parsed.text == "AEGI"


def test_notes_and_text_boxes() -> None:
    """A footnote follows its paragraph; a text box is read once."""
    parsed = read(
        r"Price\chftn{\footnote\pard\chftn See\par annex.} now\par"
        r"{\shp{\*\shpinst{\sp{\sn a}{\sv b}}{\shptxt Boxed.\par}}{\shprslt{\pict 00}Boxed.\par}}End.\par"
    )

    assert parsed.text == "Price now\n\nSee annex.\n\nBoxed.\n\nEnd."


def test_frames_and_tables_without_an_end() -> None:
    """A table of one cell holds ordinary text; a last row without its mark is a row."""
    assert kinds(read(r"\trowd\intbl alone\cell\row\pard x")) == []
    assert read(r"\trowd\intbl a\cell b\cell\row\intbl c\cell d").text == "a | b\nc | d"


@pytest.mark.parametrize(
    "data", [b"{\\rtf1 cut", b"{\\rtf", b"{\\rtf1 a\\'", b"{\\rtf1 \\bin99999 x}", b"{\\rtf1 {a}"]
)
def test_a_file_cut_off_in_the_middle(data: bytes) -> None:
    """Part of a document must not pass for the whole."""
    with pytest.raises(CorruptFile, match="ends in the middle"):
        rtf.parse(data)


def test_files_made_to_be_misread() -> None:
    """Numbers beyond reason, braces without end and a long file take bounded time."""
    assert read(r"\u99999999999 a\uc99999\u65?1234567b\li-5\s-1 c").text.endswith("Abc")
    assert rtf.parse(b"{\\rtf1 a}{\\rtf1 b}}}}").text == "a"
    with pytest.raises(LimitExceeded, match="nested"):
        rtf.parse(b"{\\rtf1 " + b"{" * 1_000_000)
    started = time.monotonic()
    rtf.parse(b"{\\rtf1{\\pict " + b"0123456789abcdef\r\n" * 500_000 + b"}x}")
    assert time.monotonic() - started < 10

"""Word's automatic numbers, as a reader sees them."""

from __future__ import annotations

import io
import zipfile

import docx
import pytest

from ingest.parsers import docx as word
from ingest.parsers.docx_numbering import written
from ingest.types import BlockKind, Parsed

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def level(at: int, text: str, form: str = "decimal", more: str = "", start: int = 1) -> str:
    """A level of a list's definition."""
    return (
        f'<w:lvl w:ilvl="{at}"><w:start w:val="{start}"/><w:numFmt w:val="{form}"/>{more}'
        f'<w:lvlText w:val="{text}"/></w:lvl>'
    )


def numbering(*levels: str, instances: str = "", lists: str = "") -> str:
    """A numbering part with list 0 and its instance 1."""
    return (
        f'<w:numbering {W}><w:abstractNum w:abstractNumId="0">{"".join(levels)}</w:abstractNum>{lists}'
        f'<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>{instances}</w:numbering>'
    )


def item(text: str, at: int = 0, number: int = 1) -> str:
    """A numbered paragraph."""
    return (
        f'<w:p><w:pPr><w:numPr><w:ilvl w:val="{at}"/><w:numId w:val="{number}"/></w:numPr></w:pPr>'
        f"<w:r><w:t>{text}</w:t></w:r></w:p>"
    )


def read(body: str, numbers: str, styles: str = "") -> Parsed:
    """A document with a numbering part."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("word/document.xml", f"<w:document {W}><w:body>{body}</w:body></w:document>")
        archive.writestr("word/numbering.xml", numbers)
        archive.writestr("word/styles.xml", f"<w:styles {W}>{styles}</w:styles>")
    return word.parse(target.getvalue())


CONTRACT = (
    level(0, "%1."),
    level(1, "%1.%2"),
    level(2, "(%3)", "lowerLetter"),
    level(3, "(%4)", "lowerRoman"),
)


def test_clauses_of_a_contract() -> None:
    """Levels count on, start anew below the next one above, and name those above them."""
    body = (
        item("Definitions") + item("Term", 1) + item("first", 2) + item("second", 2) + item("third", 3)
        + item("Fees", 1) + item("only", 2) + item("Liability") + item("Cap", 1)
    )  # fmt: skip

    assert read(body, numbering(*CONTRACT)).text.splitlines() == [
        "1. Definitions", "1.1 Term", "(a) first", "(b) second", "(i) third", "1.2 Fees", "(a) only",
        "2. Liability", "2.1 Cap",
    ]  # fmt: skip


def test_numbered_headings_by_their_style() -> None:
    """A heading is numbered by the level that names its style, and the number is part of it."""
    styles = "".join(
        f'<w:style w:styleId="H{n}"><w:name w:val="heading {n}"/><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr>'
        "</w:pPr></w:style>"
        for n in (1, 2)
    )
    levels = [
        level(n - 1, "Article %1" if n == 1 else "%1.%2", "upperRoman" if n == 1 else "decimal",
              more=f'<w:pStyle w:val="H{n}"/>' + ("" if n == 1 else "<w:isLgl/>"))
        for n in (1, 2)
    ]  # fmt: skip
    heading = '<w:p><w:pPr><w:pStyle w:val="H{}"/></w:pPr><w:r><w:t>{}</w:t></w:r></w:p>'
    parsed = read(
        heading.format(1, "Scope") + heading.format(2, "Works") + heading.format(1, "Price"),
        numbering(*levels),
        styles,
    )

    found = [(b.number, parsed.text[b.start : b.end]) for b in parsed.blocks if b.kind is BlockKind.HEADING]
    assert found == [(1, "Article I Scope"), (2, "1.1 Works"), (1, "Article II Price")]


def test_bullets_give_no_text() -> None:
    """What a font of signs draws is no text; the block says that it is a list."""
    parsed = read(item("one") + item("two"), numbering(level(0, "\uf0b7", "bullet")))

    assert parsed.text == "one\ntwo"
    assert [block.kind for block in parsed.blocks] == [BlockKind.LIST]


def test_instances_continue_or_restart_a_list() -> None:
    """Two instances of one list count on together, unless the second states its start."""
    instances = (
        '<w:num w:numId="2"><w:abstractNumId w:val="0"/></w:num>'
        '<w:num w:numId="3"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/>'
        "</w:lvlOverride></w:num>"
    )
    body = item("a") + item("b", number=2) + item("c", number=3) + item("d", number=3)

    parsed = read(body, numbering(level(0, "%1)"), instances=instances))

    assert parsed.text.splitlines() == ["1) a", "2) b", "1) c", "2) d"]


def test_restart_rules() -> None:
    """A level that never restarts counts on below each one above it."""
    never = level(1, "Rule %2", more='<w:lvlRestart w:val="0"/>')
    body = item("A") + item("x", 1) + item("B") + item("y", 1)

    parsed = read(body, numbering(level(0, "Part %1", "upperLetter"), never))

    assert parsed.text.splitlines() == ["Part A A", "Rule 1 x", "Part B B", "Rule 2 y"]


def test_a_list_behind_a_style() -> None:
    """A definition may point to a style, the style to an instance, and that to the real definition."""
    lists = '<w:abstractNum w:abstractNumId="5"><w:numStyleLink w:val="Legal"/></w:abstractNum>'
    instances = '<w:num w:numId="7"><w:abstractNumId w:val="5"/></w:num>'
    style = '<w:style w:styleId="Legal"><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>'

    parsed = read(item("x", number=7), numbering(level(0, "§ %1"), lists=lists, instances=instances), style)

    assert parsed.text == "§ 1 x"


def test_what_counts() -> None:
    """Empty paragraphs count and show nothing; deleted ones and those with a hidden number do neither."""
    gone = '<w:p><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr><w:rPr><w:del/></w:rPr></w:pPr></w:p>'
    body = item("a") + item("") + gone + item("b") + item("c", 1)
    hidden = level(1, "%2", more="<w:rPr><w:vanish/></w:rPr>")

    assert read(body, numbering(level(0, "%1."), hidden)).text.splitlines() == ["1. a", "3. b", "c"]


def test_numbers_in_tables_count_once() -> None:
    """A column of numbers shows them; a table that only lays out the page does not count twice."""
    document = docx.Document()
    table = document.add_table(rows=3, cols=2)
    for row, text in zip(table.rows, ("No", "bolt", "nut"), strict=True):
        row.cells[1].text = text
        row.cells[0].paragraphs[0].style = "List Number"
    document.add_paragraph("after", style="List Number")
    target = io.BytesIO()
    document.save(target)
    frame = f"<w:tbl><w:tr><w:tc>{item('one')}{item('two')}</w:tc></w:tr></w:tbl>"

    assert word.parse(target.getvalue()).text == "1. | No\n2. | bolt\n3. | nut\n\n4. after"
    assert read(frame + item("three"), numbering(level(0, "%1."))).text.split("\n") == [
        "1. one",
        "2. two",
        "3. three",
    ]


@pytest.mark.parametrize(
    ("number", "form", "expected"),
    [
        (4, "lowerRoman", "iv"), (1994, "upperRoman", "MCMXCIV"), (27, "lowerLetter", "aa"),
        (28, "upperLetter", "BB"), (3, "decimalZero", "03"), (12, "ordinal", "12th"), (22, "ordinal", "22nd"),
        (3, "russianLower", "в"), (11, "chineseCountingThousand", "十一"), (24, "chineseCounting", "二十四"),
        (0, "lowerLetter", "0"), (10**9, "upperRoman", "1000000000"), (5, "none", ""), (5, "hebrew1", ""),
    ],
)  # fmt: skip
def test_formats(number: int, form: str, expected: str) -> None:
    """Numbers are written as Word writes them; a format that is not known gives nothing that is wrong."""
    assert written(number, form) == expected


def test_definitions_that_make_no_sense() -> None:
    """Missing instances, levels and endless links leave the words without a number."""
    loop = '<w:abstractNum w:abstractNumId="5"><w:numStyleLink w:val="L"/></w:abstractNum>'
    instances = '<w:num w:numId="7"><w:abstractNumId w:val="5"/></w:num>'
    style = '<w:style w:styleId="L"><w:pPr><w:numPr><w:numId w:val="7"/></w:numPr></w:pPr></w:style>'
    odd = level(0, "%1.%9", start=1)
    body = item("a", number=9) + item("b", 8) + item("c", number=7) + item("d")

    parsed = read(body, numbering(odd, lists=loop, instances=instances), style)

    assert parsed.text.splitlines() == ["a", "b", "c", "1. d"]

"""Excel: sheets as tables that read as the sheet does, and hostile workbooks."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest

from ingest.errors import CorruptFile
from ingest.parsers import xlsx
from ingest.types import BlockKind, Parsed

Pack = Callable[[dict[str, str | bytes]], bytes]
Cell = str | float | bool | None

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STYLES = (
    f'<styleSheet xmlns="{MAIN}"><numFmts><numFmt numFmtId="164" formatCode="&quot;$&quot;#,##0"/></numFmts>'
    '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="9"/><xf numFmtId="164"/></cellXfs></styleSheet>'
)


def cell(reference: str, value: Cell, style: int = 0) -> str:
    """A cell in the file's own words."""
    if isinstance(value, bool):
        return f'<c r="{reference}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, str):
        return f'<c r="{reference}" t="inlineStr"><is><t>{value}</t></is></c>'
    return f'<c r="{reference}" s="{style}"><v>{value}</v></c>'


def rows(*lines: list[Cell], start: int = 1) -> str:
    """Rows of cells; None leaves a gap, an empty list an empty row."""
    return "".join(
        f'<row r="{number}">'
        + "".join(
            cell(f"{chr(65 + column)}{number}", value)
            for column, value in enumerate(line)
            if value is not None
        )
        + "</row>"
        for number, line in enumerate(lines, start=start)
    )


def book(*sheets: str, states: dict[int, str] | None = None, merged: str = "") -> dict[str, str | bytes]:
    """A workbook's parts; sheets are named S1, S2 and so on."""
    listed = "".join(
        f'<sheet name="S{n}" sheetId="{n}" state="{(states or {}).get(n, "visible")}" r:id="r{n}"/>'
        for n in range(1, len(sheets) + 1)
    )
    links = "".join(
        f'<Relationship Id="r{n}" Type="{R}/worksheet" Target="worksheets/s{n}.xml"/>'
        for n in range(1, len(sheets) + 1)
    )
    links += f'<Relationship Id="t" Type="{R}/styles" Target="styles.xml"/>'
    links += f'<Relationship Id="u" Type="{R}/sharedStrings" Target="strings.xml"/>'
    return {
        "[Content_Types].xml": "<Types/>",
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{R}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f"<Relationships>{links}</Relationships>",
        "xl/styles.xml": STYLES,
        **{
            f"xl/worksheets/s{n}.xml": f'<worksheet xmlns="{MAIN}"><sheetData>{sheet}</sheetData>{merged}</worksheet>'
            for n, sheet in enumerate(sheets, start=1)
        },
    }


def blocks(parsed: Parsed) -> list[tuple[BlockKind, str]]:
    """Each block with the text that it covers."""
    return [(block.kind, parsed.text[block.start : block.end]) for block in parsed.blocks]


def test_sheets_cells_and_formats(pack: Pack) -> None:
    """Each visible sheet has a heading; numbers and dates come as the sheet shows them."""
    first = (
        '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="C1" t="inlineStr"><is><t>Share</t>'
        '</is></c><c r="D1" t="str"><f>A1</f><v>Price</v></c></row><row r="2">'
        + cell("A2", "Bolt") + cell("B2", 45107, 1) + cell("C2", 0.25, 2) + cell("D2", 1234.5, 3)
        + '</row><row r="3">' + cell("A3", "Nut") + cell("B3", 45108, 1)
        + '<c r="D3" t="e"><v>#N/A</v></c><c r="E3"><f>NOW()</f></c></row>'
    )  # fmt: skip
    parts = book(first, rows(["hidden"]), rows(["Done", True], ["Open", False]), states={2: "veryHidden"})
    parts["xl/strings.xml"] = (
        f'<sst xmlns="{MAIN}"><si><t>Item</t></si><si><r><t>De</t></r>'
        "<r><t>livery_x000D_ </t></r><rPh><t>x</t></rPh></si></sst>"
    )

    parsed = xlsx.parse(pack(parts))

    assert blocks(parsed) == [
        (BlockKind.HEADING, "S1"),
        (
            BlockKind.TABLE,
            "Item | Delivery | Share | Price\nBolt | 2023-06-30 | 25% | $1,235\nNut | 2023-07-01 |  | #N/A",
        ),
        (BlockKind.HEADING, "S3"),
        (BlockKind.TABLE, "Done | TRUE\nOpen | FALSE"),
    ]


def test_several_tables_with_captions_and_notes(pack: Pack) -> None:
    """Empty rows part tables; lines of one cell above and below are paragraphs, not header rows."""
    note = "Sums may differ from their parts because of rounding."
    sheet = rows(
        ["Sales of the year"],
        ["Region", "Sum", None],
        ["North", 3],
        ["Total", 3],
        [note],
        [],
        ["Person", "Role"],
        ["Ada", "Lead"],
        [],
        ["alone"],
    )

    parsed = xlsx.parse(pack(book(sheet)))

    assert parsed.text == (
        f"S1\n\nSales of the year\n\nRegion | Sum\nNorth | 3\nTotal | 3\n\n{note}\n\nPerson | Role\nAda | Lead\n\nalone"
    )
    assert [text.split("\n")[0] for kind, text in blocks(parsed) if kind is BlockKind.TABLE] == [
        "Region | Sum",
        "Person | Role",
    ]


def test_an_empty_row_inside_a_table(pack: Pack) -> None:
    """Figures in the same columns after an empty row go on with the table, so that they keep its header."""
    sheet = rows(["Region", "Sum"], [], ["North", 3], [], ["South", 4], [], ["Abroad"], ["East", 5])

    assert xlsx.parse(pack(book(sheet))).text == "S1\n\nRegion | Sum\nNorth | 3\nSouth | 4\nAbroad\nEast | 5"


def test_years_begin_a_table(pack: Pack) -> None:
    """A row of years after an empty one is a header, although it holds figures."""
    sheet = rows(["Sales", 2022, 2023], ["North", 3, 4], [], ["Costs", 2022, 2023], ["North", 1, 2])

    parsed = xlsx.parse(pack(book(sheet)))

    assert parsed.text == "S1\n\nSales | 2022 | 2023\nNorth | 3 | 4\n\nCosts | 2022 | 2023\nNorth | 1 | 2"


def test_header_rows_become_one(pack: Pack) -> None:
    """Years that span quarters stand before each of them; an empty column is left out."""
    sheet = rows(
        ["in EUR", "2022", None, None, "2023"],
        [None, "Q1", "Q2", None, "Q1", "Q2"],
        ["North", 1, 2, None, 3, 4],
    )
    merged = '<mergeCells><mergeCell ref="B1:C1"/><mergeCell ref="E1:F1"/></mergeCells>'

    parsed = xlsx.parse(pack(book(sheet, merged=merged)))

    assert parsed.text == "S1\n\nin EUR | 2022 Q1 | 2022 Q2 | 2023 Q1 | 2023 Q2\nNorth | 1 | 2 | 3 | 4"


def test_a_table_of_words_has_one_header_row(pack: Pack) -> None:
    """Rows of words are not taken for headers, even where the first cell of a row is left out."""
    sheet = rows(["Region", "City"], ["North", "Kiel"], [None, "Lund"], ["South", "Rome"])

    assert xlsx.parse(pack(book(sheet))).text == "S1\n\nRegion | City\nNorth | Kiel\n | Lund\nSouth | Rome"


def test_one_column(pack: Pack) -> None:
    """A list of names is a table; sentences below one another are paragraphs."""
    sentence = "This sheet explains what the others of this workbook hold."
    parsed = xlsx.parse(pack(book(rows(["Name"], ["Ada"], ["Bo"]), rows([sentence], ["Contact"], ["me"]))))

    assert blocks(parsed) == [
        (BlockKind.HEADING, "S1"),
        (BlockKind.TABLE, "Name\nAda\nBo"),
        (BlockKind.HEADING, "S2"),
    ]
    assert parsed.text.endswith(f"{sentence}\n\nContact\n\nme")


def test_places_may_be_missing(pack: Pack) -> None:
    """Some programs leave the references of rows and cells out."""
    sheet = "<row><c><v>1</v></c><c><v>2</v></c></row><row><c><v>3</v></c><c><v>4</v></c></row>"

    assert xlsx.parse(pack(book(sheet))).text == "S1\n\n1 | 2\n3 | 4"


def test_a_huge_sparse_sheet_stays_small(pack: Pack) -> None:
    """Cells in opposite corners, and a diagonal, take no more room than they hold."""
    corners = f'<row r="1">{cell("A1", 1)}</row><row r="1048576">{cell("XFD1048576", 2)}</row>'
    diagonal = "".join(
        f'<row r="{n}">{cell(f"{column}{n}", n)}</row>'
        for n, column in enumerate(
            (
                f"{chr(65 + a)}{chr(65 + b)}{chr(65 + c)}"
                for a in range(5)
                for b in range(26)
                for c in range(26)
            ),
            start=1,
        )
    )
    started = time.monotonic()

    parsed = xlsx.parse(pack(book(corners, diagonal)))

    assert parsed.text.startswith("S1\n\n1\n\n2\n\nS2\n\n")
    assert len(parsed.text) < 100_000
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    "broken",
    [
        '<row r="1"><c r="A1" t="s"><v>99</v></c><c r="B1" t="s"><v>-1</v></c></row>',
        '<row r="1"><c r="A1" s="77"><v>x</v></c><c r="B1" s="y"><v>1e999</v></c></row>',
        '<row r="99999999999999"><c r="ZZZZ1"><v>NaN</v></c></row><row r="0"><c r="A0"><v>1</v></c></row>',
        '<row r="1"><c r="XFE1"><v>1</v></c><c r="A1" t="b"/><c r="A1" t="d"><v>2023-01-01T00:00:00</v></c></row>',
    ],
)  # fmt: skip
def test_cells_that_make_no_sense(pack: Pack, broken: str) -> None:
    """A cell that points nowhere is empty or stays what it is; the others are read."""
    text = xlsx.parse(pack(book(broken, rows(["a", "b"], ["c", "d"])))).text

    assert text.endswith("S2\n\na | b\nc | d")
    assert not re.search(r"Error|None", text)


def test_missing_parts(pack: Pack) -> None:
    """A sheet that is listed and missing is damage; what only decorates may be missing."""
    parts = book(rows(["a", "b"], ["c", "d"]), rows(["x"]))
    del parts["xl/styles.xml"]
    assert xlsx.parse(pack(parts)).text == "S1\n\na | b\nc | d\n\nS2\n\nx"

    del parts["xl/worksheets/s2.xml"]
    with pytest.raises(CorruptFile, match="sheet S2 is missing"):
        xlsx.parse(pack(parts))
    with pytest.raises(CorruptFile, match="no list of its sheets"):
        xlsx.parse(pack({"xl/x": ""}))


def test_entities_are_not_resolved(pack: Pack) -> None:
    """Neither a file of this machine nor a billion laughs comes into a cell."""
    parts = book("")
    parts["xl/worksheets/s1.xml"] = (
        '<!DOCTYPE d [<!ENTITY f SYSTEM "file:///etc/passwd"><!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
        f'<worksheet xmlns="{MAIN}"><sheetData><row><c t="str"><v>x&f;&b;</v></c></row></sheetData></worksheet>'
    )

    assert xlsx.parse(pack(parts)).text == "S1\n\nx"

"""Text formats: entities, nesting, tables and lines without end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.bombs.archives import laughs as entities
from benchmarks.bombs.archives import packed
from benchmarks.bombs.kinds import READY, REFUSED, Bomb, Make

if TYPE_CHECKING:
    from random import Random

_OPEN = frozenset((READY, *REFUSED))


def laughs(_: Random, __: int) -> bytes:
    """Billion laughs."""
    return f"{entities()}<x>&lol9;</x>".encode()


def quadratic(_: Random, size: int) -> bytes:
    """One long entity, used again and again."""
    return f'<!DOCTYPE x [<!ENTITY a "{"a" * 50_000 * size}">]><x>{"&a;" * 50_000 * size}</x>'.encode()


def entity(_: Random, __: int) -> bytes:
    """Row 13."""
    return b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x><p>Before.</p><p>&a;</p></x>'


def sparse_sheet(_: Random, __: int) -> bytes:
    """A sheet of two cells, as far apart as a sheet allows."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    links = "http://schemas.openxmlformats.org/package/2006/relationships"
    return packed({
        "[Content_Types].xml": (
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" '
            'ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.'
            'openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>'
        ),
        "_rels/.rels": (
            f'<Relationships xmlns="{links}"><Relationship Id="r" Type="{office}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>'
        ),
        "xl/workbook.xml": (
            f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="s" sheetId="1" r:id="r"/></sheets>'
            "</workbook>"
        ),
        "xl/_rels/workbook.xml.rels": (
            f'<Relationships xmlns="{links}"><Relationship Id="r" Type="{office}/worksheet" '
            'Target="worksheets/sheet1.xml"/></Relationships>'
        ),
        "xl/worksheets/sheet1.xml": (
            f'<worksheet xmlns="{main}"><dimension ref="A1:XFD1048576"/><sheetData><row r="1"><c r="A1" t="inlineStr">'
            '<is><t>first</t></is></c></row><row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>last</t></is></c>'
            "</row></sheetData></worksheet>"
        ),
    })  # fmt: skip


def repeated_cells(_: Random, __: int) -> bytes:
    """An OpenDocument sheet whose one cell is repeated a billion times a billion."""
    table = "urn:oasis:names:tc:opendocument:xmlns:table:1.0"
    office = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
    words = "urn:oasis:names:tc:opendocument:xmlns:text:1.0"
    content = (
        f'<o:document-content xmlns:o="{office}" xmlns:t="{table}" xmlns:x="{words}"><o:body><o:spreadsheet>'
        '<t:table t:name="s"><t:table-row t:number-rows-repeated="1000000000"><t:table-cell '
        't:number-columns-repeated="1000000000"><x:p>again</x:p></t:table-cell></t:table-row></t:table>'
        "</o:spreadsheet></o:body></o:document-content>"
    )
    return packed({"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": content})


def nested_mail(_: Random, size: int) -> bytes:
    """A message in a message in a message."""
    body = b"Subject: innermost\n\nThe end.\n"
    for _ in range(300 * size):
        body = b"Subject: outer\nMIME-Version: 1.0\nContent-Type: message/rfc822\n\n" + body
    return b"From: a@example.org\nTo: b@example.org\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n" + body


def spans(_: Random, size: int) -> bytes:
    """A table of cells that claim to cover millions of others."""
    cells = '<td colspan="60000" rowspan="60000">x</td>' * 2_000 * size
    return f"<!doctype html><html><body><table><tr>{cells}</tr></table></body></html>".encode()


def _repeat(start: str, piece: str, count: int, end: str = "") -> Make:
    return lambda _, size: (start + piece * count * size + end).encode()


def _line(piece: str, count: int) -> Make:
    return _repeat("", piece, count)


BOMBS = (
    Bomb("billion laughs", "laughs.xml", laughs, _OPEN),
    Bomb("quadratic entities", "quadratic.xml", quadratic, _OPEN),
    Bomb("13 external entity", "entity.xml", entity, _OPEN, "root:"),
    Bomb("deep JSON", "deep.json", _repeat("", "[", 100_000), _OPEN),
    Bomb("deep XML", "deep.xml", _repeat("<?xml version='1.0'?>", "<a>", 1_000_000), _OPEN),
    Bomb("deep HTML", "deep.html", _repeat("<!doctype html>", "<div>", 500_000, "x"), _OPEN),
    Bomb("deep Markdown quotes", "quotes.md", _repeat("", "> ", 100_000, "x"), _OPEN),
    Bomb("Markdown brackets", "brackets.md", _line("[", 200_000), _OPEN),
    Bomb("Markdown emphasis", "stars.md", _line("*a_ ", 200_000), _OPEN),
    Bomb("deep RTF", "deep.rtf", _repeat("{\\rtf1 ", "{", 1_000_000), _OPEN),
    Bomb("JSON of many keys", "wide.json", _repeat("{", '"a":1,', 500_000, '"b":2}'), _OPEN),
    Bomb("one row of many cells", "wide.csv", _repeat("a", ",b", 30_000, "\nc"), _OPEN),
    Bomb("many rows", "long.csv", _repeat("a,b\n", "1,2\n", 30_000), _OPEN),
    Bomb("HTML cells that span all others", "spans.html", spans, _OPEN),
    Bomb("sheet of two far cells", "sparse.xlsx", sparse_sheet, _OPEN),
    Bomb("sheet of repeated cells", "repeated.ods", repeated_cells, _OPEN),
    Bomb("mail in mail", "nested.eml", nested_mail, _OPEN),
    Bomb("a line of letters", "letters.txt", _line("a", 3_000_000), _OPEN),
    Bomb("a line of words", "words.txt", _line("word ", 30_000), _OPEN),
    Bomb("a line of full stops", "stops.txt", _line(". ", 30_000), _OPEN),
    Bomb("a line of brackets", "open.txt", _line("(", 50_000), _OPEN),
    Bomb("lines of nothing", "empty.txt", _line("\n \t", 1_000_000), _OPEN),
    Bomb("lines of one letter", "letters-below.txt", _line("a\n", 30_000), _OPEN),
    Bomb("marks on one letter", "marks.txt", _line("\u0301", 500_000), _OPEN),
)

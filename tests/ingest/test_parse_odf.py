"""OpenDocument: texts, presentations and spreadsheets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ingest.errors import CorruptFile, EncryptedFile, TooLarge
from ingest.parsers import odf, ods
from ingest.types import BlockKind, Parsed

Pack = Callable[[dict[str, str | bytes]], bytes]

URN = "urn:oasis:names:tc:opendocument:xmlns:"
PREFIXES = ("office", "text", "table", "draw", "style", "presentation", "meta")
SPACES = " ".join(f'xmlns:{prefix}="{URN}{prefix}:1.0"' for prefix in PREFIXES)


def content(body: str, styles: str = "", kind: str = "text") -> str:
    """A content part."""
    return (
        f"<office:document-content {SPACES}><office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:{kind}>{body}</office:{kind}></office:body></office:document-content>"
    )


@pytest.fixture
def read(pack: Pack) -> Callable[..., Parsed]:
    """A function that parses a body as a text, presentation or spreadsheet."""

    def parse(body: str, automatic: str = "", kind: str = "text", **parts: str) -> Parsed:
        packed = pack(
            {
                "content.xml": content(body, automatic, kind),
                **{f"{name}.xml": part for name, part in parts.items()},
            }
        )
        return ods.parse(packed) if kind == "spreadsheet" else odf.parse(packed)

    return parse


Read = Callable[..., Parsed]


def kinds(parsed: Parsed) -> list[tuple[BlockKind, int, str]]:
    """Each block with the text that it covers."""
    return [(block.kind, block.number, parsed.text[block.start : block.end]) for block in parsed.blocks]


def test_headings_lists_and_tables_in_reading_order(read: Read) -> None:
    """Structure becomes blocks whose offsets hold."""
    parsed = read(
        '<text:h text:outline-level="2">Supply</text:h><text:p>The supplier<text:s text:c="2"/>delivers.</text:p>'
        "<text:list><text:list-item><text:p>first</text:p><text:list><text:list-item><text:p>inner</text:p>"
        "</text:list-item></text:list></text:list-item><text:list-item><text:p>second</text:p></text:list-item>"
        '</text:list><table:table><table:table-column table:number-columns-repeated="2"/><table:table-header-rows>'
        "<table:table-row><table:table-cell><text:p>Item</text:p></table:table-cell><table:table-cell>"
        "<text:p>Price</text:p></table:table-cell></table:table-row></table:table-header-rows><table:table-row>"
        '<table:table-cell table:number-columns-repeated="2"><text:p>3</text:p></table:table-cell>'
        "</table:table-row></table:table><text:p>End.</text:p>"
    )

    assert (
        parsed.text
        == "Supply\n\nThe supplier  delivers.\n\nfirst\ninner\nsecond\n\nItem | Price\n3 | 3\n\nEnd."
    )
    assert kinds(parsed) == [
        (BlockKind.HEADING, 2, "Supply"),
        (BlockKind.LIST, 0, "first\ninner\nsecond"),
        (BlockKind.TABLE, 0, "Item | Price\n3 | 3"),
    ]


def test_what_is_left_out(read: Read) -> None:
    """Deleted, hidden and commented text, ruby and contents are left out; inserted and linked text is read."""
    parsed = read(
        "<text:tracked-changes><text:changed-region><text:deletion><text:p>old</text:p></text:deletion>"
        "</text:changed-region></text:tracked-changes><text:table-of-content><text:index-body><text:p>toc 1</text:p>"
        "</text:index-body></text:table-of-content><text:p>The  fee <text:change text:change-id='c'/>is\n"
        "<text:a>12</text:a><office:annotation><text:p>why?</text:p></office:annotation><text:span "
        'text:style-name="T1">secret</text:span><text:tab/>net<text:line-break/>per<text:ruby><text:ruby-base>day'
        "</text:ruby-base><text:ruby-text>rt</text:ruby-text></text:ruby></text:p>"
        '<text:section text:display="none"><text:p>no</text:p></text:section>'
        "<text:section><text:p>In a section.</text:p></text:section>",
        '<style:style style:name="T1"><style:text-properties text:display="none"/></style:style>',
    )

    assert parsed.text == "The fee is 12\tnet\nperday\n\nIn a section."


def test_notes_and_frames_follow_their_paragraph(read: Read) -> None:
    """A footnote and a text box come once, after the paragraph that they belong to."""
    parsed = read(
        "<text:p>Price<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>See annex.</text:p>"
        "</text:note-body></text:note> now<draw:frame><draw:text-box><text:p>Boxed.</text:p></draw:text-box>"
        "<draw:image/></draw:frame></text:p><text:p>Next.</text:p>"
    )

    assert parsed.text == "Price now\n\nSee annex.\n\nBoxed.\n\nNext."


def test_titles(read: Read) -> None:
    """A paragraph in the Title style, also through an automatic style, goes before the properties."""
    meta = f"<office:document-meta {SPACES} xmlns:dc='urn:dc'><dc:title>From the file</dc:title></office:document-meta>"
    style = '<style:style style:name="P1" style:parent-style-name="Title"/>'
    body = '<text:p text:style-name="P1">Lease</text:p>'

    assert read(body, style, meta=meta).title == "Lease"
    assert kinds(read(body, style))[0] == (BlockKind.HEADING, 1, "Lease")
    assert read("<text:p>x</text:p>", meta=meta).title == "From the file"


def test_numbers_of_headings_and_items(read: Read) -> None:
    """Headings are numbered by the outline, items by their list's style; lists start anew or go on."""
    outline = (
        f"<office:document-styles {SPACES}><text:outline-style><text:outline-level-style text:level='1' "
        "style:num-format='1'/><text:outline-level-style text:level='2' style:num-format='1' "
        "text:display-levels='2' style:num-suffix=')'/></text:outline-style></office:document-styles>"
    )
    style = (
        '<text:list-style style:name="L"><text:list-level-style-number text:level="1" style:num-format="a" '
        'style:num-prefix="(" style:num-suffix=")"/><text:list-level-style-bullet text:level="2"/></text:list-style>'
    )
    heading = '<text:h text:outline-level="{}">{}</text:h>'
    item = "<text:list-item><text:p>{}</text:p></text:list-item>"
    parsed = read(
        heading.format(1, "One") + heading.format(2, "Sub") + heading.format(1, "Two") + heading.format(2, "Other")
        + f'<text:list text:style-name="L">{item.format("x")}<text:list-item><text:p>y</text:p><text:list>'
        + f'{item.format("dot")}</text:list></text:list-item></text:list><text:p>-</text:p>'
        + f'<text:list text:style-name="L" text:continue-numbering="true">{item.format("z")}</text:list>'
        + f'<text:list text:style-name="L">{item.format("new")}</text:list>',
        style,
        styles=outline,
    )  # fmt: skip

    assert [line for line in parsed.text.splitlines() if line] == [
        "1 One", "1.1) Sub", "2 Two", "2.1) Other", "(a) x", "(b) y", "dot", "-", "(c) z", "(a) new",
    ]  # fmt: skip


def test_slides(read: Read) -> None:
    """A slide is a page, its title a heading wherever it stands; notes follow, marked."""
    frame = (
        '<draw:frame presentation:class="{}"><draw:text-box><text:p>{}</text:p></draw:text-box></draw:frame>'
    )
    table = (
        "<draw:frame><table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell>"
        "<table:table-cell><text:p>b</text:p></table:table-cell></table:table-row></table:table></draw:frame>"
    )
    notes = f"<presentation:notes>{frame.format('notes', 'Say it.')}</presentation:notes>"
    parsed = read(
        f"<draw:page>{frame.format('outline', 'Body.')}{frame.format('title', 'Results')}{notes}</draw:page>"
        f"<draw:page>{table}<draw:g>{frame.format('', 'In a group.')}</draw:g></draw:page>",
        kind="presentation",
    )

    assert parsed.text == "Results\n\nBody.\n\nNotes: Say it.\n\na | b\n\nIn a group."
    assert [block for block in kinds(parsed) if block[0] is BlockKind.PAGE] == [
        (BlockKind.PAGE, 1, "Results\n\nBody.\n\nNotes: Say it."),
        (BlockKind.PAGE, 2, "a | b\n\nIn a group."),
    ]


VALUE = 'office:value="0.25"'
TWICE = 'table:number-columns-repeated="2"'


def cell(text: str, kind: str = "string", more: str = "") -> str:
    """A spreadsheet's cell."""
    return f'<table:table-cell office:value-type="{kind}" {more}><text:p>{text}</text:p></table:table-cell>'


def test_spreadsheets(read: Read) -> None:
    """Cells come as they were shown; repeated empty places take no room; hidden sheets are left out."""
    sheet = (
        f"<table:table-row>{cell('Item')}{cell('Share')}</table:table-row>"
        f"<table:table-row>{cell('Bolt')}{cell('25 %', 'percentage', VALUE)}"
        '<table:table-cell table:number-columns-repeated="16382"/></table:table-row>'
        '<table:table-row table:number-rows-repeated="1048000"><table:table-cell/></table:table-row>'
        f"<table:table-row>{cell('far')}{cell('away')}</table:table-row>"
        f"<table:table-row table:number-rows-repeated='2'>{cell('x', more=TWICE)}"
        "</table:table-row>"
    )
    style = '<style:style style:name="H"><style:table-properties table:display="false"/></style:style>'
    parsed = read(
        f'<table:table table:name="Parts">{sheet}</table:table>'
        f'<table:table table:name="Hidden" table:style-name="H">{sheet}</table:table>',
        style,
        kind="spreadsheet",
    )

    assert kinds(parsed) == [
        (BlockKind.HEADING, 1, "Parts"),
        (BlockKind.TABLE, 0, "Item | Share\nBolt | 25 %"),
        (BlockKind.TABLE, 0, "far | away\nx | x\nx | x"),
    ]


def test_a_cell_that_stands_for_millions_is_too_large(read: Read) -> None:
    """Two attributes cannot make a gigabyte of text."""
    row = f"<table:table-row table:number-rows-repeated='9000000'>{cell('x', more=TWICE)}</table:table-row>"

    with pytest.raises(TooLarge, match="filled cells"):
        read(f'<table:table table:name="T">{row}</table:table>', kind="spreadsheet")


def test_repeats_in_a_text_are_bounded(read: Read) -> None:
    """A table in a text repeats a cell no more than a page is wide."""
    parsed = read(
        "<table:table><table:table-row><table:table-cell table:number-columns-repeated='99999999'><text:p>x</text:p>"
        "</table:table-cell></table:table-row></table:table><text:p>a<text:s text:c='99999999'/>b</text:p>"
    )

    assert len(parsed.text) < 2000


@pytest.mark.parametrize("parser", [odf, ods])
def test_passwords_and_missing_content(pack: Pack, parser: object) -> None:
    """An encrypted part is named in the manifest; a document without content is damaged."""
    manifest = "<m xmlns='urn:m'><file-entry><encryption-data/></file-entry></m>"
    locked = pack({"content.xml": b"\x00\x01", "META-INF/manifest.xml": manifest})

    with pytest.raises(EncryptedFile, match="password"):
        parser.parse(locked)  # type: ignore[attr-defined]
    with pytest.raises(CorruptFile, match="OpenDocument file has no"):
        parser.parse(pack({"styles.xml": "<x/>"}))  # type: ignore[attr-defined]
    with pytest.raises(CorruptFile, match="OpenDocument file is damaged"):
        parser.parse(pack({"content.xml": "<x>"}))  # type: ignore[attr-defined]


def test_entities_are_not_resolved(pack: Pack) -> None:
    """A document cannot bring in a file of this machine."""
    declared = '<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + content("<text:p>x&e;y</text:p>")

    assert odf.parse(pack({"content.xml": declared})).text == "xy"

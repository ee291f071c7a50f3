"""Word: reading order, what is kept and what is left out, and hostile archives."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import docx
import pytest
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import parse_xml

from ingest.errors import CorruptFile, LimitExceeded, TooLarge
from ingest.parsers import archive as packed
from ingest.parsers import docx as word
from ingest.types import BlockKind, Parsed

if TYPE_CHECKING:
    from collections.abc import Callable

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def saved(document: docx.document.Document) -> bytes:
    """The document as a file."""
    target = io.BytesIO()
    document.save(target)
    return target.getvalue()


def body(xml: str, **parts: str) -> Parsed:
    """A document around hand-written XML, in an archive that holds no more than it must."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", f"<w:document {W}><w:body>{xml}</w:body></w:document>")
        for name, content in parts.items():
            archive.writestr(f"word/{name}.xml", content)
    return word.parse(target.getvalue())


def kinds(parsed: Parsed) -> list[tuple[BlockKind, int, str]]:
    """Each block with the text that it covers."""
    return [(block.kind, block.number, parsed.text[block.start : block.end]) for block in parsed.blocks]


def test_headings_lists_and_tables_in_reading_order() -> None:
    """Structure becomes blocks whose offsets hold; headers and footers are no part of the text."""
    document = docx.Document()
    document.core_properties.title = "From the properties"
    document.sections[0].header.paragraphs[0].text = "running header"
    document.add_heading("Supply agreement", level=1)
    document.add_paragraph("The supplier delivers.")
    document.add_paragraph("first", style="List Bullet")
    document.add_paragraph("second", style="List Bullet")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(table._cells, ("Item", "Price", "Bolt", "3 €"), strict=True):
        cell.text = text
    document.add_heading("Terms", level=2)
    document.add_paragraph("Thirty days.")

    parsed = word.parse(saved(document))

    assert parsed.text == (
        "Supply agreement\n\nThe supplier delivers.\n\nfirst\nsecond\n\nItem | Price\nBolt | 3 €\n\n"
        "Terms\n\nThirty days."
    )
    assert kinds(parsed) == [
        (BlockKind.HEADING, 1, "Supply agreement"),
        (BlockKind.LIST, 0, "first\nsecond"),
        (BlockKind.TABLE, 0, "Item | Price\nBolt | 3 €"),
        (BlockKind.HEADING, 2, "Terms"),
    ]
    assert parsed.title == "From the properties"


def test_a_title_paragraph_is_the_title() -> None:
    """What the document shows as its title goes before its properties, which templates fill in."""
    document = docx.Document()
    document.core_properties.title = "Template"
    document.add_heading("Lease of the north hall", level=0)

    assert word.parse(saved(document)).title == "Lease of the north hall"


def test_outline_levels_of_own_and_localised_styles() -> None:
    """A style is a heading by its outline level or its built-in name, through what it is based on."""
    document = docx.Document()
    own = document.styles.add_style("Klausel", WD_STYLE_TYPE.PARAGRAPH)
    own.element.get_or_add_pPr().append(parse_xml(f'<w:outlineLvl {W} w:val="2"/>'))
    derived = document.styles.add_style("Unterklausel", WD_STYLE_TYPE.PARAGRAPH)
    derived.base_style = own
    document.styles["Heading 1"].element.set(
        "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}styleId", "berschrift1"
    )
    document.add_paragraph("Teil", style="Heading 1")
    document.add_paragraph("Haftung", style="Unterklausel")

    assert kinds(word.parse(saved(document))) == [
        (BlockKind.HEADING, 1, "Teil"),
        (BlockKind.HEADING, 3, "Haftung"),
    ]


def test_an_outline_level_that_is_no_number() -> None:
    """A sign that only looks like a digit makes no heading, and no error."""
    assert body("<w:p><w:pPr><w:outlineLvl w:val='²'/></w:pPr><w:r><w:t>x</w:t></w:r></w:p>").blocks == ()


def test_tracked_changes_links_and_controls() -> None:
    """Inserted and linked text is read as a reader sees it; deleted, moved, hidden and field code is not."""
    run = "<w:r><w:t xml:space='preserve'>{}</w:t></w:r>"
    parsed = body(
        f"<w:p>{run.format('The fee is ')}<w:del><w:r><w:delText>10</w:delText></w:r></w:del>"
        f"<w:ins>{run.format('12')}</w:ins><w:moveFrom>{run.format('gone')}</w:moveFrom>"
        f"<w:hyperlink>{run.format(' euros')}</w:hyperlink>"
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>secret</w:t></w:r><w:r><w:instrText>PAGE</w:instrText></w:r>"
        "<w:r><w:tab/><w:t>net</w:t><w:br/><w:t>per</w:t><w:noBreakHyphen/><w:t>day</w:t></w:r></w:p>"
        f"<w:sdt><w:sdtContent><w:p>{run.format('In a control.')}</w:p></w:sdtContent></w:sdt>"
        f"<w:ins><w:p>{run.format('Inserted.')}</w:p></w:ins>"
    )

    assert parsed.text == "The fee is 12 euros\tnet\nper-day\n\nIn a control.\n\nInserted."


def test_notes_and_text_boxes_follow_their_paragraph() -> None:
    """A footnote and a text box come once, after the paragraph that they belong to."""
    note = "<w:footnote w:id='2'><w:p><w:r><w:t>See annex.</w:t></w:r></w:p></w:footnote>"
    box = "<w:txbxContent><w:p><w:r><w:t>Boxed.</w:t></w:r></w:p></w:txbxContent>"
    parsed = body(
        f"<w:p><w:r><w:t>Price</w:t><w:footnoteReference w:id='2'/></w:r><w:r><AlternateContent>"
        f"<Choice>{box}</Choice><Fallback>{box}</Fallback></AlternateContent></w:r></w:p>"
        "<w:p><w:r><w:t>Next.</w:t></w:r></w:p>",
        footnotes=f"<w:footnotes {W}>{note}</w:footnotes>",
    )

    assert parsed.text == "Price\n\nSee annex.\n\nBoxed.\n\nNext."


def test_merged_and_nested_cells_come_once() -> None:
    """A merged cell's text stands where it begins; a table in a cell is part of that cell."""
    document = docx.Document()
    table = document.add_table(rows=2, cols=3)
    for number, cell in enumerate(table._cells):
        cell.text = str(number)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "wide"
    table.cell(0, 2).merge(table.cell(1, 2)).text = "high"
    inner = table.cell(1, 0).add_table(rows=1, cols=2)
    inner.cell(0, 0).text, inner.cell(0, 1).text = "x", "y"

    assert word.parse(saved(document)).text == "wide | high\n3 x, y | 4"


def test_a_frame_is_no_table() -> None:
    """A table of one cell holds ordinary text."""
    document = docx.Document()
    cell = document.add_table(rows=1, cols=1).cell(0, 0)
    cell.text = "One."
    cell.add_paragraph("Two.")

    parsed = word.parse(saved(document))

    assert (parsed.text, parsed.blocks) == ("One.\n\nTwo.", ())


def archive_with(write: Callable[[zipfile.ZipFile], None]) -> bytes:
    """A compressed archive that a function fills."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        write(archive)
    return target.getvalue()


def test_a_part_that_unpacks_without_end_is_too_large() -> None:
    """Unpacking stops at the ceiling."""

    def bomb(archive: zipfile.ZipFile) -> None:
        with archive.open("word/document.xml", "w", force_zip64=True) as part:
            for _ in range(packed.MAX_PART_BYTES // 2**20 + 1):
                part.write(b" " * 2**20)

    with pytest.raises(TooLarge, match="unpacks to more"):
        word.parse(archive_with(bomb))


def test_a_size_that_lies_is_corrupt() -> None:
    """A part longer than the archive declares is not read past the declared size."""
    data = archive_with(lambda archive: archive.writestr("word/document.xml", "<a>" + "x" * 5000 + "</a>"))
    lying = data.replace((5007).to_bytes(4, "little"), (7).to_bytes(4, "little"))
    assert lying != data

    with pytest.raises(CorruptFile, match="damaged"):
        word.parse(lying)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compression_that_word_does_not_use(method: int) -> None:
    """bzip2 and LZMA unpack without a bound on memory and are refused."""
    data = archive_with(lambda archive: archive.writestr("word/document.xml", "<a/>", compress_type=method))

    with pytest.raises(CorruptFile, match="packed in a way"):
        word.parse(data)


def test_entities_are_not_resolved() -> None:
    """Neither a file of this machine nor a billion laughs comes into the text."""
    declaration = (
        '<!DOCTYPE d [<!ENTITY file SYSTEM "file:///etc/passwd"><!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
    )
    paragraph = "<w:p><w:r><w:t>start&file;&b;</w:t></w:r></w:p>"
    xml = f"{declaration}<w:document {W}><w:body>{paragraph}</w:body></w:document>"

    assert word.parse(archive_with(lambda a: a.writestr("word/document.xml", xml))).text == "start"


def test_deep_nesting_ends_in_an_error() -> None:
    """XML nested deeper than any document is refused by the XML library's own ceiling."""
    with pytest.raises((CorruptFile, LimitExceeded)):
        body("<w:ins>" * 5000 + "</w:ins>" * 5000)

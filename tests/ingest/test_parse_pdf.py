"""PDF: page blocks, damage, encryption, titles, and what was typed onto pages."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable

import pypdf
import pytest
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    NameObject,
    NumberObject,
    TextStringObject,
)

from ingest.errors import CorruptFile, EncryptedFile, LimitExceeded, NoText, TooLarge
from ingest.parsers import pdf
from ingest.parsers.pdf import document
from ingest.types import BlockKind

PdfMaker = Callable[..., bytes]


def rewrite(data: bytes) -> tuple[pypdf.PdfWriter, io.BytesIO]:
    """A writer that holds the file, and where to write what becomes of it."""
    return pypdf.PdfWriter(clone_from=io.BytesIO(data)), io.BytesIO()


def test_pages_are_blocks_and_words_do_not_fuse(make_pdf: PdfMaker) -> None:
    """Each page's block holds its text; between two pages stands white space."""
    parsed = pdf.parse(make_pdf("First page ends", "here starts the second", "", "last"))

    pages = [block for block in parsed.blocks if block.kind is BlockKind.PAGE]
    assert [block.number for block in pages] == [1, 2, 3, 4]
    assert [parsed.text[block.start : block.end].strip() for block in pages] == [
        "First page ends",
        "here starts the second",
        "",
        "last",
    ]
    assert "ends\nhere" in parsed.text


def test_outline_entries_become_headings(make_pdf: PdfMaker) -> None:
    """An outline entry whose words stand on its page is a heading there; the words elsewhere are not."""
    parsed = pdf.parse(
        make_pdf(
            "See Scope of work below\nScope of work\ntext", "Fees\nmore", outline=("Scope of work", "Fees")
        )
    )

    found = [block for block in parsed.blocks if block.kind is BlockKind.HEADING]
    assert [parsed.text[block.start : block.end] for block in found] == ["Scope of work", "Fees"]
    assert found[0].start == parsed.text.index("\nScope") + 1


@pytest.mark.parametrize(
    ("stated", "title"),
    [
        ("Annual report 2024", "Annual report 2024"),
        ("Microsoft Word - draft7.doc", ""),
        ("scan0001.pdf", ""),
        ("untitled", ""),
        ("", ""),
        ("12", ""),
    ],
)
def test_only_meant_titles_count(make_pdf: PdfMaker, stated: str, title: str) -> None:
    """Titles that a program filled in are none."""
    assert pdf.parse(make_pdf("text", title=stated)).title == title


def test_a_password_is_asked_for(make_pdf: PdfMaker) -> None:
    """A file that opens with a password alone is refused with that reason."""
    writer, target = rewrite(make_pdf("secret"))
    writer.encrypt("password", algorithm="RC4-128")
    writer.write(target)

    with pytest.raises(EncryptedFile, match="needs a password"):
        pdf.parse(target.getvalue())


def test_an_empty_password_opens(make_pdf: PdfMaker) -> None:
    """A file that only restricts printing is read."""
    writer, target = rewrite(make_pdf("open to readers"))
    writer.encrypt("", owner_password="owner", algorithm="RC4-128")
    writer.write(target)

    assert pdf.parse(target.getvalue()).text.strip() == "open to readers"


def test_a_wrong_cross_reference_table_is_rebuilt(make_pdf: PdfMaker) -> None:
    """A file whose objects are not where its table says still gives its text."""
    data = make_pdf("text of a damaged file", "second page")
    shifted = data.replace(b"obj\n", b"obj\n        \n")

    assert "text of a damaged file\nsecond page" in pdf.parse(shifted).text


def test_what_pdfium_repairs_is_read_by_pypdf(make_pdf: PdfMaker) -> None:
    """A file without its last lines is written anew by pdfium; pypdf then reads its outline."""
    made = make_pdf("Scope\ntext before a lost end", outline=("Scope",))
    data = made.partition(b"startxref")[0]
    with pytest.raises(pypdf.errors.PyPdfError):
        pypdf.PdfReader(io.BytesIO(data))

    parsed = pdf.parse(data)

    assert parsed.text.split("\n") == ["Scope", "text before a lost end"]
    assert [parsed.text[b.start : b.end] for b in parsed.blocks if b.kind is BlockKind.HEADING] == ["Scope"]


def test_what_pdfium_alone_reads(make_pdf: PdfMaker) -> None:
    """A page tree that contains itself is refused by pypdf, and read by pdfium."""
    data = make_pdf("text in a loop").replace(b"/Kids [3 0 R]", b"/Kids [3 0 R 1 0 R]")

    parsed = pdf.parse(data)

    assert parsed.text.strip() == "text in a loop"
    assert parsed.parser.endswith("+pdfium")


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9])
def test_a_truncated_file_is_corrupt(make_pdf: PdfMaker, share: float) -> None:
    """A file that was cut off is refused, not read in part, and the message says what to do."""
    data = make_pdf(*(f"page {number}" for number in range(9)))

    with pytest.raises(CorruptFile, match="save it anew"):
        pdf.parse(data[: int(len(data) * share)])


def test_pages_without_text_are_no_text(make_pdf: PdfMaker) -> None:
    """A scan is told from a damaged file."""
    with pytest.raises(NoText, match="OCR"):
        pdf.parse(make_pdf("", ""))


def test_too_many_pages(make_pdf: PdfMaker) -> None:
    """The ceiling on pages holds before any is read."""
    with pytest.raises(TooLarge, match="3 pages"):
        pdf.parse(make_pdf("a", "b", "c"), max_pages=2)


def test_one_bad_page_does_not_lose_the_others(make_pdf: PdfMaker) -> None:
    """A page whose content cannot be unpacked is empty; its neighbours keep their text and numbers."""
    writer, target = rewrite(make_pdf("first", "second", "third"))
    bad = DecodedStreamObject()
    bad.set_data(b"not compressed at all")
    bad[NameObject("/Filter")] = NameObject("/LZWDecode")
    writer.pages[1][NameObject("/Contents")] = writer._add_object(bad)
    writer.write(target)

    parsed = pdf.parse(target.getvalue())

    pages = {block.number: parsed.text[block.start : block.end].strip() for block in parsed.blocks}
    assert (pages[1], pages[3]) == ("first", "third")


def test_a_stream_that_unpacks_without_end_is_stopped(make_pdf: PdfMaker) -> None:
    """The ceiling on a stream's unpacked size holds, and the reason is a limit."""
    writer, target = rewrite(make_pdf("x"))
    bomb = DecodedStreamObject()
    bomb.set_data(zlib.compress(b" " * 90_000_000, 9))
    bomb[NameObject("/Filter")] = NameObject("/FlateDecode")
    writer.pages[0][NameObject("/Contents")] = writer._add_object(bomb)
    writer.write(target)

    with pytest.raises(LimitExceeded, match="too complex"):
        pdf.parse(target.getvalue())


def test_notes_and_form_values_are_text(make_pdf: PdfMaker) -> None:
    """What was typed onto a page is read; hidden notes and passwords are not."""
    writer, target = rewrite(make_pdf("Printed"))

    def annotation(**entries: object) -> DictionaryObject:
        return DictionaryObject({NameObject(f"/{key}"): value for key, value in entries.items()})

    def field(value: str, **more: object) -> DictionaryObject:
        kind = {"Subtype": NameObject("/Widget"), "FT": NameObject("/Tx")}
        return annotation(V=TextStringObject(value), **kind, **more)

    free = {"Subtype": NameObject("/FreeText")}
    notes = [
        annotation(Contents=TextStringObject("A free note"), **free),
        annotation(Contents=TextStringObject("A hidden note"), F=NumberObject(2), **free),
        field("Jane Doe"),
        field("hunter2", Ff=NumberObject(1 << 13)),
    ]
    writer.pages[0][NameObject("/Annots")] = ArrayObject(writer._add_object(note) for note in notes)
    writer.write(target)

    assert pdf.parse(target.getvalue()).text.split("\n") == ["Printed", "A free note", "Jane Doe"]


def test_long_documents_are_text_without_layout(make_pdf: PdfMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the pages that can be laid out in time, the text is pdfium's and has blocks for pages alone."""
    monkeypatch.setattr(document, "_MAX_LAID_OUT", 1)
    monkeypatch.setattr(document, "_MAX_PYPDF_PAGES", 1)

    parsed = pdf.parse(make_pdf("one", "two"))

    assert parsed.text.split() == ["one", "two"]
    assert {block.kind for block in parsed.blocks} == {BlockKind.PAGE}


def test_pypdf_reads_what_pdfium_does_not(make_pdf: PdfMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page on which pdfium finds nothing takes its text from pypdf; the others keep their layout."""
    find = document.segments
    blind = iter([False, True, False])
    monkeypatch.setattr(document, "segments", lambda page, unseen: [] if next(blind) else find(page, unseen))

    parsed = pdf.parse(make_pdf("first", "second", "third"))

    assert parsed.text.split() == ["first", "second", "third"]

"""Detection of a file's kind, and the parser as the rest of the service uses it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docx
import pytest

from ingest import kinds, media
from ingest.config import ParseConfig
from ingest.errors import CorruptFile, EncryptedFile, NoText, ParseError, TooLarge, UnsupportedType
from ingest.parse import Parser

PdfMaker = Callable[..., bytes]
Store = Callable[[bytes], Path]

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


def archive(*names: str, mimetype: str = "") -> bytes:
    """A zip archive with these entries, after one that names its kind."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as zipped:
        if mimetype:
            zipped.writestr("mimetype", mimetype)
        for name in names:
            zipped.writestr(name, "<x/>")
    return target.getvalue()


@pytest.mark.parametrize(
    ("data", "filename", "expected"),
    [
        (b"%PDF-1.7\n", "notes.txt", media.PDF),
        (b"\xef\xbb\xbf \n%PDF-1.7\n", "x", media.PDF),
        (b"HTTP/1.1 200 OK\r\n\r\n%PDF-1.4\n1 0 obj\n", "x", media.PDF),
        (b"no mark at all", "x.pdf", media.PDF),
        (b"A PDF begins with %PDF-1.7, says the standard.", "x.txt", media.TEXT),
        (archive("[Content_Types].xml", "word/document.xml"), "x.bin", media.DOCX),
        (archive("[Content_Types].xml", "xl/workbook.xml"), "x.docx", media.XLSX),
        (archive("[Content_Types].xml", "xl\\workbook.bin"), "x.xlsx", media.XLSB),
        (archive("[Content_Types].xml", "ppt/presentation.xml", "word/x"), "x.ppt", media.PPTX),
        (archive("mimetype", "META-INF/container.xml"), "x.zip", media.EPUB),
        (archive("content.xml", mimetype=media.ODT), "x", media.ODT),
        (archive("content.xml", mimetype=media.ODS + "-template"), "x.ots", media.ODS),
        (archive("content.xml", mimetype=media.ODP), "x.odt", media.ODP),
        (archive("OEBPS/content.opf", mimetype=media.EPUB), "x", media.EPUB),
        (OLE + "Workbook".encode("utf-16-le"), "x.doc", media.XLS),
        (b"{\\rtf1 text}", "x.doc", media.RTF),
        (b"<!DOCTYPE html><p>x", "x.txt", media.HTML),
        (b"<?xml version='1.0'?>\n<!-- c -->\n<html><body>", "x", media.HTML),
        ("<html>".encode("utf-16"), "x", media.HTML),
        (b"<p>no head</p>", "x.html", media.HTML),
        (b"<style></style><table><tr><td>1", "export.xls", media.HTML),
        (b"<p align=center>Read me</p>\n# T", "README.md", media.MARKDOWN),
        (b"# T", "README.MARKDOWN", media.MARKDOWN),
        (b"# T", "x.txt", media.TEXT),
        (b"a,b\n1,2\n", "x.csv", kinds.CSV),
        (b"a,b\n1,2\n", "x.txt", media.TEXT),
        (b"From: a@example.org\n\ntext", "x.eml", kinds.EML),
        (b"Received: x\nFrom: a@example.org\n\ntext", "x", kinds.EML),
        (b"From a@b.org Mon Jan  1 10:00:00 2024\nReceived: x\nFrom: a@b.org\n\ntext", "inbox", kinds.MBOX),
        (b"Received: x\nFrom: a@example.org\n\ntext", "x.txt", media.TEXT),
        (b"From: Anna\nTo: all\n\nA memo.", "memo", media.TEXT),
        (b"<?xml version='1.0'?><a>b</a>", "x", kinds.XML),
        (b"<?xml version='1.0'?><html><body>", "x.xml", media.HTML),
        (b"#!/usr/bin/env python3\nprint()", "tool", "text/x-python"),
        (b"<html>", "page.php", "text/x-php"),
        (b"FROM scratch", "build/Dockerfile", "text/x-docker"),
        (b"root = true", ".editorconfig", "text/x-ini"),
        (OLE + "__properties_version1.0".encode("utf-16-le"), "x", kinds.MSG),
        (b"plain", "no suffix", media.TEXT),
    ],
)
def test_the_content_decides(data: bytes, filename: str, expected: str) -> None:
    """The media type follows the bytes; the name decides only between kinds of text."""
    assert media.detect(data, filename) == expected


@pytest.mark.parametrize(
    ("data", "filename", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "x.pdf", "PNG image"),
        (b"\x7fELF" + bytes(50), "x.txt", "Linux program"),
        (OLE + "WordDocument".encode("utf-16-le"), "x.doc", r"old Word document \(\.doc\)"),
        (OLE + "PowerPoint Document".encode("utf-16-le"), "x.ppt", r"old PowerPoint presentation \(\.ppt\)"),
        (OLE + ("WordDocument" + "Workbook").encode("utf-16-le"), "x", "old Word document"),
        (archive("mimetype", "content.xml"), "x", "OpenDocument"),
        (archive("[Content_Types].xml", "visio/document.xml"), "x", "Visio"),
        (archive("a.txt"), "x", "Unpack it"),
        (b"<svg/>", "x.svg", "SVG image"),
        (b"PK\x03\x04" + b"x" * 99, "x", "damaged zip archive"),
    ],
)
def test_other_kinds_are_named(data: bytes, filename: str, kind: str) -> None:
    """A file without a parser is refused by a message that says what it is and what to do."""
    with pytest.raises(UnsupportedType, match=kind):
        media.detect(data, filename)


@pytest.mark.parametrize("data", [b"no archive", b"PK\x03\x04" + b"x" * 99, archive("a.txt")])
@pytest.mark.parametrize(
    ("filename", "kind"),
    [
        ("x.docx", "Word document"),
        ("x.xlsm", "Excel workbook"),
        ("x.PPTX", "PowerPoint presentation"),
        ("x.odt", "OpenDocument file"),
        ("x.epub", "e-book"),
    ],
)
def test_an_office_name_without_its_content_is_corrupt(data: bytes, filename: str, kind: str) -> None:
    """A file that is called .docx and is no Word document is damaged, not unsupported."""
    with pytest.raises(CorruptFile, match=kind):
        media.detect(data, filename)


def test_an_office_file_with_a_password() -> None:
    """Word wraps an encrypted document into the old container format."""
    with pytest.raises(EncryptedFile, match="password"):
        media.detect(OLE + "EncryptedPackage".encode("utf-16-le"), "x.docx")


def test_every_format_through_the_sandbox(parser: Parser, store: Store, make_pdf: PdfMaker) -> None:
    """Text, blocks and title come back from the child as they left it."""
    document, target = docx.Document(), io.BytesIO()
    document.add_heading("Überschrift", level=2)
    document.save(target)
    samples = {
        media.PDF: (make_pdf("PDF \xe4\xf6\xfc", title="A stated title"), "x.txt"),
        media.DOCX: (target.getvalue(), "x.docx"),
        media.HTML: ("<html><h2>Überschrift</h2>".encode(), "x.html"),
        media.MARKDOWN: ("## Überschrift\r\n\U0001f600".encode(), "x.md"),
        media.TEXT: ("Zeile\r\n\U0001f600\u2028".encode(), "x.txt"),
    }
    results = {kind: parser.parse(store(data), name) for kind, (data, name) in samples.items()}

    assert [kind for kind, _ in results.values()] == list(samples)
    assert results[media.PDF][1].text == "PDF äöü"
    assert results[media.PDF][1].title == "A stated title"
    assert results[media.MARKDOWN][1].text == "## Überschrift\r\n\U0001f600"
    assert results[media.TEXT][1].text == "Zeile\r\n\U0001f600\u2028"
    for kind in (media.DOCX, media.HTML, media.MARKDOWN):
        parsed = results[kind][1]
        (heading,) = parsed.blocks
        assert parsed.text[heading.start : heading.end].endswith("Überschrift")
        assert heading.number == 2


@pytest.mark.parametrize(
    ("data", "code"), [(b"", "no_text"), (b" \n\t", "no_text"), (b"\x89PNG\r\n\x1a\n", "unsupported_type")]
)
def test_errors_come_back_as_their_class(parser: Parser, store: Store, data: bytes, code: str) -> None:
    """The child's error has the same class and message here."""
    with pytest.raises(ParseError) as caught:
        parser.parse(store(data), "x.txt")

    assert caught.value.code == code
    assert type(caught.value) in {NoText, UnsupportedType}
    assert len(str(caught.value)) > 20


def test_ceilings_on_bytes_and_text(store: Store) -> None:
    """A file that is too long is refused before it is read, one with too much text after."""
    with Parser(ParseConfig(max_bytes=1000, max_chars=500)) as small:
        assert small.parse(store(b"x" * 500), "x.txt")[1].text == "x" * 500
        with pytest.raises(TooLarge, match="501 characters"):
            small.parse(store(b"x" * 501), "x.txt")
        with pytest.raises(TooLarge, match="1001 bytes"):
            small.parse(store(b"x" * 1001), "x.txt")


def test_a_missing_file_is_not_the_documents_fault(parser: Parser, tmp_path: Path) -> None:
    """That the store has lost a file is told apart from a file that cannot be parsed."""
    with pytest.raises(FileNotFoundError):
        parser.parse(tmp_path / "nothing", "x.txt")


def test_threads_share_a_parser(store: Store) -> None:
    """Calls from many threads each get their own answer."""
    paths = [store(f"file {number}".encode()) for number in range(20)]
    with Parser(workers=2) as shared, ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(lambda path: shared.parse(path, "x.txt")[1].text, paths))

    assert texts == [f"file {number}" for number in range(20)]

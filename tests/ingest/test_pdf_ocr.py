"""Scanned pages: read by tesseract where it is installed, refused with advice where not."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pypdfium2
import pytest
from fpdf import FPDF

from ingest.config import ParseConfig
from ingest.errors import LimitExceeded, NoText
from ingest.parse import Parser
from ingest.parsers import pdf
from ingest.parsers.pdf.ocr import Recogniser, _segments
from ingest.types import BlockKind

PdfMaker = Callable[..., bytes]
Store = Callable[[bytes], Path]

installed = pytest.mark.skipif(
    shutil.which("tesseract") is None, reason="tesseract, which reads scanned pages, is not installed"
)
LINES = "The supplier delivers the goods\nwithin thirty days after the order.\nTotal 1,234"
HEADER = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext"


@pytest.fixture(scope="module")
def reader() -> Iterator[Parser]:
    """A parser with text recognition."""
    with Parser(ParseConfig(timeout_s=120, ocr_languages="eng")) as shared:
        yield shared


def scanned(data: bytes, *, text_pages: int = 0) -> bytes:
    """The same pages as images, as a scanner makes them, after pages of text."""
    target = FPDF(format="A4")
    target.set_font("helvetica", size=12)
    for number in range(text_pages):
        target.add_page()
        target.cell(text=f"Typed page {number + 1}")
    source = pypdfium2.PdfDocument(data)
    for page in source:
        image = io.BytesIO()
        page.render(scale=150 / 72).to_pil().convert("L").save(image, "JPEG", quality=80)
        target.add_page()
        target.image(image, x=0, y=0, w=target.w, h=target.h)
    source.close()
    return bytes(target.output())


@installed
def test_a_scan_is_read(reader: Parser, store: Store, make_pdf: PdfMaker) -> None:
    """Its words are on their pages, and the parser's name says who read them."""
    _, parsed = reader.parse(store(scanned(make_pdf(LINES, "A second page of words"))), "scan.pdf")

    pages = [block for block in parsed.blocks if block.kind is BlockKind.PAGE]
    first, second = (parsed.text[page.start : page.end] for page in pages)
    assert "within thirty days after the order." in first
    assert second.strip() == "A second page of words"
    assert parsed.parser.endswith("+tesseract")


@installed
def test_only_pages_without_text_are_recognised(reader: Parser, store: Store, make_pdf: PdfMaker) -> None:
    """Typed pages keep their own text."""
    _, parsed = reader.parse(store(scanned(make_pdf(LINES), text_pages=2)), "mixed.pdf")

    assert parsed.text.startswith("Typed page 1\n")
    assert "within thirty days" in parsed.text


@installed
def test_languages_that_are_not_installed(store: Store, make_pdf: PdfMaker) -> None:
    """The message names them and says what to do; a document that has text is not lost."""
    with Parser(ParseConfig(ocr_languages="xxx")) as parser:
        with pytest.raises(NoText, match="in the languages xxx failed"):
            parser.parse(store(scanned(make_pdf(LINES))), "scan.pdf")
        _, parsed = parser.parse(store(scanned(make_pdf(LINES), text_pages=1)), "mixed.pdf")

    assert parsed.text.strip() == "Typed page 1"


@installed
def test_a_scan_that_would_take_too_long_is_refused(make_pdf: PdfMaker) -> None:
    """Part of a document must not pass for the whole."""
    with pytest.raises(LimitExceeded, match="Split the file"):
        pdf.parse(scanned(make_pdf(LINES, LINES)), ocr_languages="eng", seconds=0.0)


@installed
def test_languages_are_no_arguments(make_pdf: PdfMaker) -> None:
    """What is not a list of languages never reaches the command line."""
    with pytest.raises(NoText, match="write eng or deu"):
        pdf.parse(scanned(make_pdf(LINES)), ocr_languages="eng --tessdata-dir /tmp")


def test_without_tesseract_the_message_says_how_to_get_it(
    make_pdf: PdfMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scan is refused with the name of the program."""
    monkeypatch.setenv("PATH", "")

    with pytest.raises(NoText, match="install the program tesseract"):
        pdf.parse(scanned(make_pdf(LINES)), ocr_languages="eng")


def test_blank_pages_are_not_recognised(make_pdf: PdfMaker) -> None:
    """A page without an image is no scan: the program is not started for it."""
    document = pypdfium2.PdfDocument(make_pdf(""))
    recogniser = Recogniser("eng", 10)
    recogniser.program = "/nonexistent"

    assert recogniser._page(document[0], 10) == []


def test_words_become_segments() -> None:
    """Words of one line are one segment, unless a wide gap parts them; unsure ones are left out."""
    rows = [
        "5\t1\t1\t1\t1\t1\t100\t100\t50\t20\t95\tNet",
        "5\t1\t1\t1\t1\t2\t158\t102\t60\t18\t95\tsales",
        "5\t1\t1\t1\t1\t3\t600\t100\t60\t20\t95\t1,234",
        "5\t1\t1\t1\t2\t1\t100\t140\t60\t20\t7\t~~~",
        "4\t1\t1\t1\t2\t0\t100\t140\t60\t20\t-1\t",
    ]

    found = _segments("\n".join([HEADER, *rows]), 2.0)

    assert [segment.text for segment in found] == ["Net sales", "1,234"]
    assert [(segment.x0, segment.x1, segment.base) for segment in found] == [(50, 109, 60), (300, 330, 60)]

"""PDF: the text of each page by pypdf; pdfium opens what pypdf cannot.

Pages are joined by one line feed, so that words never fuse and a sentence may run over the page's end.
pdfium is the second reader, for two things. A file that pypdf cannot open (AES encryption with an empty
password, a damaged page tree) is written anew by pdfium and read again. A page on which pypdf fails or
finds nothing takes its text from pdfium.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import pypdf
import pypdfium2
import pypdfium2.raw as pdfium
from pypdf import apply_configuration
from pypdf.errors import DependencyError, LimitReachedError
from pypdf.generic import Destination

from ingest.errors import CorruptFile, EncryptedFile, LimitExceeded, NoText, ParseError, TooLarge
from ingest.parsers.text import clean
from ingest.parsers.titles import MAX_TITLE, meant_title
from ingest.types import Block, BlockKind, Parsed

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE_SEPARATOR = "\n"
_ENCRYPTED = "The PDF needs a password to be opened. Remove the password and upload it again."
# Outline entries looked for: far more than a book has, few enough to search for one by one.
_MAX_OUTLINE = 5_000


def parse(data: bytes, max_pages: int = 20_000) -> Parsed:
    """Read a PDF's text.

    Args:
        data: The file.
        max_pages: Ceiling on its pages.

    Returns:
        The pages' texts with a block for each page, and heading blocks for the outline entries whose
        words stand on the page that they point to.

    Raises:
        EncryptedFile: A password is needed.
        CorruptFile: Neither reader can open the file.
        NoText: No page has text.
        TooLarge: It has more than ``max_pages`` pages.
        LimitExceeded: A stream in the file unpacks to more than pypdf's ceilings.
    """
    # Text needs no images; pypdf must not start a program for those in JBIG2.
    with apply_configuration(jbig2dec_binary=None):
        second = _SecondReader(data)
        reader = _open(data, second)
        count = len(reader.pages) if reader else second.count()
        if count > max_pages:
            raise TooLarge(f"The PDF has {count} pages, more than the ceiling of {max_pages}. Split it.")
        texts, first_error = _read_pages(reader, second, count)
        if not any(text.strip() for text in texts):
            if first_error:
                raise first_error
            raise NoText(
                f"The PDF has no text on its {count} pages: they are probably scanned images. "
                "Run text recognition (OCR) on it and upload the result."
            )
        text, pages = _join(texts)
        headings = _headings(reader, text, pages) if reader else []
        name = f"pdf/pypdf-{pypdf.__version__}" + ("+pdfium" if second.used else "")
        blocks = sorted([*pages, *headings], key=lambda block: (block.start, -block.end))
        return Parsed(text=text, blocks=tuple(blocks), title=_title(reader) if reader else "", parser=name)


class _SecondReader:
    """pdfium over the same bytes, opened at the first need.

    Attributes:
        used: Whether any text came from here.
    """

    def __init__(self, data: bytes) -> None:
        self.used = False
        self._data = data
        self._document: Any = None

    def count(self) -> int:
        """The number of pages.

        Raises:
            EncryptedFile: A password is needed.
            PdfiumError: The file is damaged beyond pdfium's repair.
        """
        return len(self._open())

    def text(self, index: int) -> str:
        """The text of a page (index from 0), or an empty string when pdfium cannot read it either."""
        try:
            page = self._open()[index]
            text = str(page.get_textpage().get_text_bounded())
            page.close()
        except pypdfium2.PdfiumError:
            return ""
        # pdfium marks a hyphen at a line's end with a control character of its own.
        text = text.replace("\r\n", "\n").replace("\x02", "-").replace("\ufffe", "-")
        self.used = self.used or bool(text.strip())
        return text

    def rewritten(self) -> bytes:
        """The document as pdfium understands it, written anew and without encryption."""
        target = io.BytesIO()
        self._open().save(target, flags=pdfium.FPDF_REMOVE_SECURITY)
        return target.getvalue()

    def _open(self) -> Any:
        if self._document is None:
            try:
                self._document = pypdfium2.PdfDocument(self._data)
            except pypdfium2.PdfiumError as error:
                if error.err_code == pdfium.FPDF_ERR_PASSWORD:
                    raise EncryptedFile(_ENCRYPTED) from error
                raise
        return self._document


def _open(data: bytes, second: _SecondReader) -> pypdf.PdfReader | None:
    """Open with pypdf, if need be what pdfium makes of the file; None when pdfium alone can read it."""
    try:
        return _open_with_pypdf(data)
    except (MemoryError, EncryptedFile):
        raise
    except Exception as error:
        reason = error
    try:
        rewritten = second.rewritten()
    except (MemoryError, ParseError):
        raise
    except Exception as error:
        if isinstance(reason, LimitReachedError):
            raise LimitExceeded(f"The PDF asks for more than the reader allows: {reason}") from error
        raise CorruptFile(
            f"The PDF is damaged and could not be repaired ({reason}). Open it in a viewer, save it anew and "
            "upload the result."
        ) from error
    try:
        return _open_with_pypdf(rewritten)
    except MemoryError:
        raise
    except Exception:
        # The caller reads the pages through the second reader.
        return None


def _open_with_pypdf(data: bytes) -> pypdf.PdfReader:
    reader = pypdf.PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        raise EncryptedFile(_ENCRYPTED)
    if len(reader.pages) == 0:
        raise CorruptFile("The PDF has no pages.")
    if reader.is_encrypted:
        try:
            reader.pages[0].get_contents()
        except DependencyError:
            # pypdf has no AES without a further package, and notices at the first stream.
            raise
        except Exception:
            # A page's own damage is met again, and dealt with, when the page is read.
            return reader
    return reader


def _read_pages(
    reader: pypdf.PdfReader | None, second: _SecondReader, count: int
) -> tuple[list[str], ParseError | None]:
    """Texts of all pages; a page that fails does not lose the others."""
    texts: list[str] = []
    first_error: ParseError | None = None
    for index in range(count):
        try:
            text = reader.pages[index].extract_text() if reader else ""
        except MemoryError:
            raise
        except (LimitReachedError, RecursionError) as error:
            first_error = first_error or LimitExceeded(f"Page {index + 1} of the PDF is too complex: {error}")
            text = ""
        except Exception as error:
            first_error = first_error or CorruptFile(f"Page {index + 1} of the PDF cannot be read: {error}")
            text = ""
        if not text.strip():
            text = second.text(index)
        # Fonts with two bytes per letter leave NULs between the letters; they are no part of the words.
        texts.append(clean(text.replace("\x00", "")))
    return texts, first_error


def _join(texts: list[str]) -> tuple[str, list[Block]]:
    blocks, start = [], 0
    for number, text in enumerate(texts, start=1):
        blocks.append(Block(BlockKind.PAGE, start, start + len(text), number))
        start += len(text) + len(PAGE_SEPARATOR)
    return PAGE_SEPARATOR.join(texts), blocks


def _title(reader: pypdf.PdfReader) -> str:
    """The metadata's title, unless it is what a program filled in."""
    try:
        title = reader.metadata.title if reader.metadata else None
    except MemoryError:
        raise
    except Exception:
        # Damaged metadata costs the title, never the text.
        return ""
    return meant_title(str(title or ""))


def _headings(reader: pypdf.PdfReader, text: str, pages: list[Block]) -> list[Block]:
    """Outline entries whose words fill lines of their page, in the order of the text."""
    found: list[Block] = []
    taken: dict[int, int] = {}
    for level, title, number in _outline(reader):
        words = clean(title.replace("\x00", "")).split()
        if not words or len(title) > MAX_TITLE or not 1 <= number <= len(pages):
            continue
        page = pages[number - 1]
        start = taken.get(number, page.start)
        pattern = r"(?m)^[^\S\n]*(" + r"\s+".join(map(re.escape, words)) + r")[^\S\n]*$"
        match = re.compile(pattern, re.IGNORECASE).search(text, start, page.end)
        if match:
            found.append(Block(BlockKind.HEADING, match.start(1), match.end(1), level))
            taken[number] = match.end(1)
    return found


def _outline(reader: pypdf.PdfReader) -> Iterator[tuple[int, str, int]]:
    """Level (from 1), title and page number (from 1) of the outline's entries."""
    try:
        waiting: list[tuple[int, Any]] = [(1, entry) for entry in reversed(reader.outline)]
    except MemoryError:
        raise
    except Exception:
        # A damaged outline costs headings, never the text.
        return
    for _ in range(_MAX_OUTLINE):
        if not waiting:
            return
        level, entry = waiting.pop()
        if isinstance(entry, list):
            waiting.extend((level + 1, child) for child in reversed(entry))
        elif isinstance(entry, Destination) and entry.title:
            number = reader.get_destination_page_number(entry)
            yield level, str(entry.title), -1 if number is None else number + 1

"""Opening a PDF: pypdf for its structure, pdfium over the same bytes for what pypdf cannot read.

A file that pypdf cannot open (AES encryption with an empty password, a damaged page tree) is written anew by
pdfium and opened again.
"""

from __future__ import annotations

import io
from typing import Any

import pypdf
import pypdfium2
import pypdfium2.raw as pdfium
from pypdf.errors import DependencyError, LimitReachedError

from ingest.errors import CorruptFile, EncryptedFile, LimitExceeded, ParseError

_ENCRYPTED = "The PDF needs a password to be opened. Remove the password and upload it again."


class Pdfium:
    """The document in pdfium, opened at the first need."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._document: Any = None

    def count(self) -> int:
        """The number of pages.

        Raises:
            EncryptedFile: A password is needed.
            PdfiumError: The file is damaged beyond pdfium's repair.
        """
        return len(self._open())

    def page(self, index: int) -> Any:
        """A page (index from 0), or None when pdfium cannot read it."""
        try:
            return self._open()[index]
        except pypdfium2.PdfiumError:
            return None

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


def open_pdf(data: bytes, second: Pdfium) -> pypdf.PdfReader | None:
    """Open with pypdf, if need be what pdfium makes of the file.

    Args:
        data: The file.
        second: The same file.

    Returns:
        pypdf's reader, or None when pdfium alone can read it.

    Raises:
        EncryptedFile: A password is needed.
        CorruptFile: Neither reader can open the file.
        LimitExceeded: A stream in the file unpacks to more than pypdf's ceilings.
    """
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

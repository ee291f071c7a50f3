"""Plain text: bytes -> the decoded file, unchanged.

Line ends stay as they are, so that an offset into the canonical text is an offset into the file that
the user has. Two things cannot stay: a NUL and a lone surrogate, which databases and JSON readers
refuse. Each becomes one U+FFFD, so that every other offset keeps its place.
"""

from __future__ import annotations

import codecs
from importlib.metadata import version

from charset_normalizer import from_bytes

from ingest.errors import UnsupportedType
from ingest.types import Parsed

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# Longest first: the mark of UTF-32 begins with the mark of UTF-16.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Control bytes that text files do hold: tab, line feed, vertical tab, form feed, return, escape (terminal
# colours in logs) and the old end of file mark.
_CONTROLS = bytes(sorted(set(range(32)) - {9, 10, 11, 12, 13, 26, 27}))
# A text file may hold a stray control byte; compressed or compiled data has about one in eight.
_BINARY_SHARE = 0.02
# Detection by statistics needs no more than this, and its time grows with the length.
_SAMPLE_BYTES = 64 * 1024
# What people's old files are written in. Left without a list the detector answers with code pages
# that nobody used, mostly on short texts.
_LEGACY = [
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "koi8_r",
    "cp932", "euc_jp", "gb18030", "big5", "cp949",
]  # fmt: skip


def parse(data: bytes) -> Parsed:
    """Decode a plain text file.

    Args:
        data: The file.

    Returns:
        The decoded text without blocks or title.

    Raises:
        UnsupportedType: The bytes are not text.
    """
    return Parsed(text=decode(data), blocks=(), title="", parser=f"text/{version('charset-normalizer')}")


def decode(data: bytes, declared: str | None = None) -> str:
    """Decode bytes whose encoding may be unknown.

    In this order: a byte order mark; what the file declares; UTF-16 without a mark (by its NULs); UTF-8,
    also when a few sequences are broken, as in a truncated file; detection among the legacy encodings
    that were in wide use; Windows-1252, which never fails here and is what most of the rest is.

    Args:
        data: The file.
        declared: The encoding that the file names for itself, as HTML does.

    Returns:
        Text without byte order mark, NUL and lone surrogates.

    Raises:
        UnsupportedType: The bytes are not text.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return clean(data[len(mark) :].decode(encoding, errors="replace"))
    if declared and (text := _try_declared(data, declared)) is not None:
        return clean(text)
    if wide := _utf16_without_mark(data):
        return clean(data.decode(wide, errors="replace"))
    if is_binary(data):
        raise UnsupportedType(
            "The file holds binary data, not text, and its kind is not known. "
            "Upload a PDF, Word (.docx), HTML, Markdown or plain text file."
        )
    try:
        # A file may hold U+FFFD itself, from a program that lost a letter before; then nothing is broken here.
        return clean(data.decode("utf-8"))
    except UnicodeDecodeError:
        text = data.decode("utf-8", errors="replace")
    broken = text.count(REPLACEMENT)
    foreign = len(text) - len(text.encode("ascii", errors="ignore"))
    if foreign > 10 * broken:
        return clean(text)
    return clean(data.decode(_detect(data), errors="replace"))


def is_binary(data: bytes) -> bool:
    """Whether the bytes hold more control characters than any text does."""
    sample = data[:_SAMPLE_BYTES]
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    return controls > max(_BINARY_SHARE * len(sample), 3)


def clean(text: str) -> str:
    """Join surrogate pairs that were decoded as two; replace lone surrogates and NULs by U+FFFD."""
    if not text.isascii():
        text = text.encode("utf-16-le", errors="surrogatepass").decode("utf-16-le", errors="replace")
    return text.replace("\x00", REPLACEMENT)


def _try_declared(data: bytes, declared: str) -> str | None:
    try:
        # The HTML standard reads these two as Windows-1252, because that is what such pages hold.
        name = codecs.lookup(declared.strip()).name
        name = "cp1252" if name in {"iso8859-1", "ascii"} else name
        text = data.decode(name, errors="replace")
    except (LookupError, ValueError):
        return None
    return text if text.count(REPLACEMENT) <= len(text) // 100 else None


def _utf16_without_mark(data: bytes) -> str | None:
    """Windows programs wrote UTF-16 without a mark: every other byte of Western text is then NUL."""
    sample = data[: _SAMPLE_BYTES & ~1]
    half = max(len(sample) // 2, 1)
    even, odd = sample[0::2].count(0) / half, sample[1::2].count(0) / half
    many, few = 0.5, 0.05
    if odd > many and even < few:
        return "utf-16-le"
    return "utf-16-be" if even > many and odd < few else None


def _detect(data: bytes) -> str:
    matches = from_bytes(data[:_SAMPLE_BYTES], cp_isolation=_LEGACY)
    best = matches.best()
    # Western text decodes nearly as well by its neighbours' code pages: the common one wins a tie.
    western = any(match.encoding == "cp1252" and best and match.chaos <= best.chaos for match in matches)
    return best.encoding if best and not western else "cp1252"

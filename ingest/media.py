"""What a file is, by its content first and its name second."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from pathlib import PurePath

from ingest import bundle, kinds
from ingest.errors import CorruptFile, EncryptedFile, UnsupportedType

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XLS = "application/vnd.ms-excel"
XLSB = "application/vnd.ms-excel.sheet.binary.macroenabled.12"
ODT = "application/vnd.oasis.opendocument.text"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
ODP = "application/vnd.oasis.opendocument.presentation"
EPUB = "application/epub+zip"
RTF = "application/rtf"
HTML = "text/html"
MARKDOWN = "text/markdown"
TEXT = "text/plain"

_ADVICE = (
    "Convert it to PDF, Office (.docx, .xlsx, .pptx), OpenDocument, RTF, EPUB, HTML, Markdown or plain text "
    "and upload the result."
)
_MARKS = ((b"%PDF-", PDF), (b"{\\rtf", RTF))
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"\x7fELF", "a Linux program"),
    (b"MZ\x90\x00", "a Windows program"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"%!PS", "a PostScript document"),
    (b"OggS", "an Ogg recording"),
    (b"ID3", "an MP3 recording"),
    (b"PAR1", "a Parquet table"),
)
# Parts that tell the kinds of Office files apart, beside the list of types that all of them have.
_OFFICE_PARTS = (
    ("ppt/presentation", PPTX),
    ("xl/workbook.bin", XLSB),
    ("xl/workbook", XLSX),
    ("word/", DOCX),
    ("xl/", XLSX),
    ("ppt/", PPTX),
)
# What OpenDocument files and e-books call themselves; templates have a suffix of their own.
_MIMETYPES = (ODT, ODS, ODP, EPUB)
_ZIP_CONTENTS = (
    ("visio/", "a Visio drawing (.vsdx)"),
    ("content.xml", "an OpenDocument file that is no text, spreadsheet or presentation"),
)
# What a name promises, for files that turn out to be damaged.
_ZIP_SUFFIXES = {
    ".docx": "Word document",
    ".docm": "Word document",
    ".xlsx": "Excel workbook",
    ".xlsm": "Excel workbook",
    ".xlsb": "Excel workbook",
    ".pptx": "PowerPoint presentation",
    ".pptm": "PowerPoint presentation",
    ".ppsx": "PowerPoint presentation",
    ".odt": "OpenDocument file",
    ".ods": "OpenDocument file",
    ".odp": "OpenDocument file",
    ".epub": "e-book",
}
# Text by their bytes, but what a person reads in them is not what the bytes say.
_MARKUP_SUFFIXES = {
    ".svg": "an SVG image",
}
_HTML_START = re.compile(
    rb"^\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|title|meta)\b",
    re.IGNORECASE | re.DOTALL,
)
# Looser: enough for a file that calls itself .html.
_HTML_TAG = re.compile(rb"<\s*/?\s*[a-z!]", re.IGNORECASE)
_HTML_SUFFIXES = {".html", ".htm", ".xhtml"}
_HEAD_BYTES = 4096
_MIMETYPE_BYTES = 100


def detect(data: bytes, filename: str) -> str:
    """Name the media type of a file.

    The name decides only where the content leaves a choice: Markdown or plain text, and which error a
    damaged file gets.

    Args:
        data: The whole file.
        filename: As uploaded.

    Returns:
        One of the module's constants, or of those of ``kinds``.

    Raises:
        UnsupportedType: The content is of a kind that has no parser; the message names it.
        EncryptedFile: It is an Office file behind a password.
        CorruptFile: The name promises an Office file or e-book and the content is no such thing.
    """
    suffix = PurePath(filename.lower()).suffix
    head = data[:_HEAD_BYTES]
    text_head = _as_ascii(head)
    marked = next((kind for mark, kind in _MARKS if text_head.lstrip().startswith(mark)), None)
    if marked or (suffix == ".pdf" and not _known_binary(head)):
        return marked or PDF
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", _OLE)):
        return _detect_ole(data, suffix) if head.startswith(_OLE) else _detect_zip(data, suffix)
    if kind := _known_binary(head):
        raise UnsupportedType(f"The file is {kind}. {_ADVICE}")
    # Printers and mail programs put lines of their own before a PDF; a text that only names the mark
    # has no object behind it.
    if b"%PDF-" in head[:1024] and re.search(rb"\d\s+\d\s+obj\b", data[:65536]):
        return PDF
    if kind := _ZIP_SUFFIXES.get(suffix):
        raise CorruptFile(f"The file is called {suffix} but is no {kind}: it is not a zip archive.")
    if kind := _MARKUP_SUFFIXES.get(suffix):
        raise UnsupportedType(f"The file is {kind}. {_ADVICE}")
    return _detect_text(text_head, filename, suffix)


def _detect_text(text_head: bytes, filename: str, suffix: str) -> str:
    """Kinds of text; what the bytes hold may still turn out to be none."""
    if kind := kinds.kind_by_name(filename):
        is_page = kind == kinds.XML and _HTML_START.match(text_head)
        return HTML if is_page else kind
    if _HTML_START.match(text_head) or (suffix in _HTML_SUFFIXES and _HTML_TAG.search(text_head)):
        return HTML
    # Programs on the web export tables of HTML under Office's names.
    if suffix in {".xls", ".doc"} and b"<table" in text_head.lower():
        return HTML
    if suffix in {".md", ".markdown", ".mdown", ".mkd"}:
        return MARKDOWN
    return kinds.kind_by_content(text_head, filename) or TEXT


def _as_ascii(head: bytes) -> bytes:
    """The head without byte order mark, and with UTF-16 narrowed to its ASCII letters."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head[2:].replace(b"\x00", b"")
    return head.removeprefix(b"\xef\xbb\xbf")


def _known_binary(head: bytes) -> str | None:
    if head.startswith(_OLE):
        return "an old Office file"
    if head.startswith(b"PK\x03\x04"):
        return "a zip archive"
    if head[:4] == b"RIFF" and head[8:12] in {b"WEBP", b"WAVE", b"AVI "}:
        return "an image, sound or video file"
    if head[4:8] == b"ftyp":
        return "a video or image file"
    return next((kind for mark, kind in _SIGNATURES if head.startswith(mark)), None)


def _detect_zip(data: bytes, suffix: str) -> str:
    promised = _ZIP_SUFFIXES.get(suffix)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [name.replace("\\", "/") for name in archive.namelist()]
            mimetype = _mimetype(archive)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, ValueError, EOFError) as error:
        if promised:
            raise CorruptFile(
                f"The {promised} is damaged: {error}. Open and save it again in its own program, or upload "
                "it again."
            ) from error
        if suffix == ".zip":
            raise CorruptFile(f"The archive is damaged: {error}. Pack it again.") from error
        raise UnsupportedType(f"The file is a damaged zip archive ({error}). {_ADVICE}") from error
    if found := _zip_format(names, mimetype):
        return found
    for mark, kind in _ZIP_CONTENTS:
        if any(name.startswith(mark) for name in names):
            raise UnsupportedType(f"The file is {kind}. {_ADVICE}")
    if not any(map(bundle.PACKAGE.fullmatch, names)):
        bundle.explain(data)
    if promised:
        raise CorruptFile(f"The file is called {suffix} but holds no {promised}.")
    raise UnsupportedType(f"The file is a zip archive. Unpack it and upload what it holds. {_ADVICE}")


def _zip_format(names: list[str], mimetype: str) -> str | None:
    """The media type of an archive that is an Office file or an e-book."""
    if "[Content_Types].xml" in names:
        for mark, kind in _OFFICE_PARTS:
            if any(name.startswith(mark) for name in names):
                return kind
    named = next((kind for kind in _MIMETYPES if mimetype.startswith(kind)), None)
    return named or (EPUB if "META-INF/container.xml" in names else None)


def _mimetype(archive: zipfile.ZipFile) -> str:
    """What the archive calls itself: a small entry, stored as it is, in OpenDocument files and e-books."""
    try:
        entry = archive.getinfo("mimetype")
    except KeyError:
        return ""
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} or entry.flag_bits & 1:
        return ""
    with archive.open(entry) as part:
        return part.read(_MIMETYPE_BYTES).decode("ascii", "replace").strip()


def _is_outlook(data: bytes, suffix: str) -> bool:
    """Whether an OLE container is an Outlook message, whose attachments may be Office files as they are."""
    mark = "__properties_version1.0".encode("utf-16-le")
    return mark in data and (suffix == ".msg" or b"W\x00o\x00r\x00d\x00D\x00o\x00c" not in data)


def _detect_ole(data: bytes, suffix: str) -> str:
    """Old Office formats, and the envelope that new ones get with a password."""

    def holds(name: str) -> bool:
        return name.encode("utf-16-le") in data

    if holds("EncryptedPackage"):
        raise EncryptedFile(
            "The Office file needs a password to be opened. Remove the password and upload it again."
        )
    if _is_outlook(data, suffix):
        return kinds.MSG
    # A document may hold a workbook, so it is asked for first.
    streams = {
        "WordDocument": "an old Word document (.doc)",
        "PowerPoint Document": "an old PowerPoint presentation (.ppt)",
    }
    kind = next((kind for name, kind in streams.items() if holds(name)), None)
    if kind is None and (holds("Workbook") or holds("Book")):
        return XLS
    raise UnsupportedType(f"The file is {kind or 'an old Office file'}. {_ADVICE}")

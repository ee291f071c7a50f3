"""A quote's rectangles on a PDF page, and the page as an image with them marked. Both by pdfium.

The quote comes from the canonical text and is looked for in the page's characters, in the parser's order of
reading first and in the file's own second. White space, hyphens at line ends and ligatures differ between the
canonical text and the page, so all three are left out of the comparison.
"""

from __future__ import annotations

import struct
import unicodedata
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pypdfium2
import pypdfium2.raw as pdfium

from ingest.errors import CorruptFile, EncryptedFile, PageNotFound
from ingest.parsers.pdf.characters import letters, segments
from ingest.parsers.pdf.page import reading_order
from ingest.parsers.pdf.parts import on_screen
from ingest.parsers.pdf.unseen import Unseen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.config import ParseConfig
    from ingest.sandbox import Json

Rectangle = tuple[float, float, float, float]

# Hyphens and the soft hyphen.
_HYPHENS = dict.fromkeys(map(ord, "-\u00ad\u2010\u2011"))
# Shorter parts of a quote would be found by chance.
_MIN_PART = 12
_MAX_PIXELS = 8_000_000
# The longer side of what a model is shown, in pixels. The models of OpenAI make larger pictures smaller
# (https://platform.openai.com/docs/guides/images-vision), and letters of 6 points are read at this size.
_SHOWN_PAGE, _SHOWN_FIGURE = 1_600, 1_024
# A yellow pen: what is left of red, green and blue light after it.
_PEN = (255, 235, 90)


def serve_locate(_: ParseConfig, data: bytes, page: int, quote: str, occurrence: int) -> tuple[Json, bytes]:
    """The child's side of ``Parser.locate``."""
    with open_page(data, page) as opened:
        return {"boxes": locate(opened, quote, occurrence)}, b""


def serve_render(
    _: ParseConfig, data: bytes, page: int, boxes: list[list[float]], width: int
) -> tuple[Json, bytes]:
    """The child's side of ``Parser.render``."""
    with open_page(data, page) as opened:
        return {}, render(opened, [(box[0], box[1], box[2], box[3]) for box in boxes], width)


def serve_draw(
    _: ParseConfig, data: bytes, page: int, box: list[float], *, whole: bool
) -> tuple[Json, bytes]:
    """The child's side of ``Parser.draw``."""
    with open_page(data, page) as opened:
        return {}, draw(opened, (box[0], box[1], box[2], box[3]), whole=whole)


def locate(page: Any, quote: str, occurrence: int = 0) -> list[Rectangle]:
    """Rectangles of a quote, one for each line that it runs over.

    Where the whole quote is not found in one piece (a page that the two readers order differently),
    its lines are looked for one by one.

    Args:
        page: A pdfium page.
        quote: What to find.
        occurrence: Which one of several, from 0, not overlapping; the last when there are fewer.

    Returns:
        Left, top, right and bottom as fractions of the page's visible size, from its upper left corner.
    """
    text_page = page.get_textpage()
    unseen = Unseen(page, text_page)
    wanted = _normalise(quote)
    characters = {index: _normalise(letter) for index, letter in letters(text_page, unseen)}
    owners: list[int] = []
    for order in (_as_read(text_page, unseen), characters):
        read = [(index, normal) for index in order for normal in characters.get(index, "")]
        owners, text = [index for index, _ in read], "".join(normal for _, normal in read)
        found = _find(text, wanted, occurrence)
        if found is not None:
            spans = [(found, found + len(wanted))]
            break
    else:
        parts = [part for part in map(_normalise, quote.splitlines()) if len(part) >= _MIN_PART]
        starts = [(_find(text, part, occurrence), part) for part in parts]
        spans = [(start, start + len(part)) for start, part in starts if start is not None]
    rectangles: list[Rectangle] = []
    for start, end in spans:
        marked = dict.fromkeys(owners[start:end])
        rectangles.extend(_lines([on_screen(page, text_page.get_charbox(i, loose=True)) for i in marked]))
    return rectangles


def render(page: Any, boxes: Sequence[Rectangle], width: int = 1000) -> bytes:
    """Draw a page as PNG, with boxes marked as by a yellow pen: white turns yellow, black stays black.

    Args:
        page: A pdfium page.
        boxes: Left, top, right and bottom, as ``locate`` gives them.
        width: Of the image, in pixels; less when the image would have more than 8 million pixels.

    Returns:
        The PNG file.
    """
    page_width, page_height = max(page.get_width(), 1e-3), max(page.get_height(), 1e-3)
    scale = max(width, 1) / page_width
    scale = min(scale, (_MAX_PIXELS / (page_width * page_height)) ** 0.5, _MAX_PIXELS**0.5 / page_height)
    bitmap = page.render(scale=scale, rev_byteorder=True, force_bitmap_format=pdfium.FPDFBitmap_BGR)
    pixels = bytearray(bitmap.buffer)
    columns, rows, stride = bitmap.width, bitmap.height, bitmap.stride
    marked = bytearray(rows * columns)
    tables = [bytes(value * light // 255 for value in range(256)) for light in _PEN]
    for left, top, right, bottom in boxes:
        x0, x1 = _pixels(left, right, columns)
        y0, y1 = _pixels(top, bottom, rows)
        for y in range(y0, y1):
            _mark_row(pixels, marked, y * stride, y * columns, x0, x1, tables)
    return png(columns, rows, stride, pixels)


def draw(page: Any, box: Rectangle, *, whole: bool) -> bytes:
    """Draw a part of a page as PNG for a model: pages of text in grey, figures in their colours."""
    width, height = max(page.get_width(), 1e-3), max(page.get_height(), 1e-3)
    left, top, right, bottom = box
    longer = max((right - left) * width, (bottom - top) * height, 1e-3)
    scale = (_SHOWN_PAGE if whole else _SHOWN_FIGURE) / longer
    scale = min(scale, (_MAX_PIXELS / (width * height)) ** 0.5, _MAX_PIXELS**0.5 / height)
    if whole:
        bitmap, channels = page.render(scale=scale, grayscale=True), 1
    else:
        kind = pdfium.FPDFBitmap_BGR
        bitmap, channels = page.render(scale=scale, rev_byteorder=True, force_bitmap_format=kind), 3
    x0, x1 = _pixels(left, right, bitmap.width)
    y0, y1 = _pixels(top, bottom, bitmap.height)
    view, stride = memoryview(bitmap.buffer), bitmap.stride
    rows = (view[y * stride + x0 * channels : y * stride + x1 * channels] for y in range(y0, y1))
    return png(x1 - x0, y1 - y0, (x1 - x0) * channels, bytearray(b"".join(rows)), channels)


@contextmanager
def open_page(data: bytes, number: int) -> Iterator[Any]:
    """A page of a PDF, by its number from 1.

    Raises:
        EncryptedFile, CorruptFile, PageNotFound: It cannot be opened.
    """
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code == pdfium.FPDF_ERR_PASSWORD:
            raise EncryptedFile(
                "The PDF needs a password to be opened, so its pages cannot be shown."
            ) from error
        raise CorruptFile(f"The file's pages cannot be shown: it is no readable PDF ({error}).") from error
    try:
        if not 1 <= number <= len(document):
            raise PageNotFound(f"There is no page {number}: the document has pages 1 to {len(document)}.")
        try:
            page = document[number - 1]
        except pypdfium2.PdfiumError as error:
            raise CorruptFile(f"Page {number} is damaged and cannot be shown ({error}).") from error
        yield page
    finally:
        document.close()


def _as_read(text_page: Any, unseen: Unseen) -> list[int]:
    """Indices of the page's characters in the parser's order of reading."""
    return [
        index
        for segment in reading_order(segments(text_page, unseen))
        for index in range(segment.first, segment.last + 1)
    ]


def _normalise(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).translate(_HYPHENS).split())


def _find(letters: str, wanted: str, occurrence: int) -> int | None:
    """Start of the n-th occurrence, or of the last; None when there is none."""
    found = letters.find(wanted) if wanted else -1
    if found < 0:
        return None
    for _ in range(occurrence):
        further = letters.find(wanted, found + len(wanted))
        if further < 0:
            break
        found = further
    return found


def _lines(boxes: list[Rectangle]) -> list[Rectangle]:
    """Merge characters' boxes into one for each line; on turned pages lines run up and down."""
    merged: list[Rectangle] = []
    last: Rectangle | None = None
    upright: bool | None = None
    for box in boxes:
        if box[0] == box[2] or box[1] == box[3]:
            continue
        # A line keeps the direction that its first two characters gave it.
        if last and upright is not False and _beside(last, box):
            upright = True
        elif last and upright is not True and _beside(_turned(last), _turned(box)):
            upright = False
        else:
            upright = None
            merged.append(box)
        line = merged[-1]
        merged[-1] = (min(line[0], box[0]), min(line[1], box[1]), max(line[2], box[2]), max(line[3], box[3]))
        last = box
    return merged


def _beside(last: Rectangle, box: Rectangle) -> bool:
    """Whether two characters share more than half of their height and stand less than three widths apart."""
    overlap = min(last[3], box[3]) - max(last[1], box[1])
    gap = max(last[0], box[0]) - min(last[2], box[2])
    return overlap > min(last[3] - last[1], box[3] - box[1]) / 2 and gap < (box[2] - box[0]) * 3


def _turned(box: Rectangle) -> Rectangle:
    return box[1], box[0], box[3], box[2]


def _pixels(start: float, end: float, size: int) -> tuple[int, int]:
    first = min(max(int(start * size), 0), size)
    return first, min(max(int(end * size + 1), first), size)


def _mark_row(
    pixels: bytearray, marked: bytearray, row: int, mark_row: int, x0: int, x1: int, tables: list[bytes]
) -> None:
    """Multiply a stretch of one row by the pen's colour, each pixel once even where boxes overlap."""
    x = x0
    while x < x1:
        x = marked.find(0, mark_row + x, mark_row + x1) - mark_row
        if x < 0:
            return
        end = marked.find(1, mark_row + x, mark_row + x1) - mark_row
        end = x1 if end < 0 else end
        for channel, table in enumerate(tables):
            part = slice(row + 3 * x + channel, row + 3 * end, 3)
            pixels[part] = pixels[part].translate(table)
        marked[mark_row + x : mark_row + end] = b"\x01" * (end - x)
        x = end


def png(columns: int, rows: int, stride: int, pixels: bytearray, channels: int = 3) -> bytes:
    """Write 8-bit RGB or grey pixels as PNG (https://www.w3.org/TR/png-3/): four chunks, every row unfiltered."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    view = memoryview(pixels)
    raw = b"".join(b"\x00" + view[row * stride : row * stride + channels * columns] for row in range(rows))
    header = struct.pack(">IIBBBBB", columns, rows, 8, 2 if channels > 1 else 0, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"IDAT", zlib.compress(raw, 6)),
            chunk(b"IEND", b""),
        )
    )

"""The characters of a page, gathered into segments: stretches of one line that nothing wide interrupts.

A segment is a line of running text, a cell of a table's row, or a part of either. Its characters follow one
another in the file, so that it is a range of pdfium's character indices. Coordinates are turned so that the
text stands upright; x grows to the right and y downwards, in points.
"""

from __future__ import annotations

import ctypes
import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pypdfium2.raw as pdfium

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.parsers.pdf.unseen import Unseen

LIGATURES = {
    0xFB00: "ff",
    0xFB01: "fi",
    0xFB02: "fl",
    0xFB03: "ffi",
    0xFB04: "ffl",
    0xFB05: "st",
    0xFB06: "st",
}
# A gap wider than this share of the letters' size parts two segments: the space between two words is about a
# quarter, stretched in justified text seldom more than half.
_WIDE_GAP = 0.85
# A narrower step inside what pdfium takes for one word still parts two words.
_WORD_GAP = 0.6
_HYPHENS = {2, 0xFFFE}
# A gap inside a word as wide as this is a lost blank where the word's other gaps are narrower than that.
_LOST_BLANK = 0.11
_TIGHT_GAP = 0.05
# Letters whose boxes share less of their height than this are not on one line.
_SAME_LINE = 0.3
_BOLD_WEIGHT = 600
_BOLD_NAME = re.compile(r"bold|black|heavy|semibold|demi(?!.*light)", re.IGNORECASE)
_ITALIC_NAME = re.compile(rb"italic|oblique", re.IGNORECASE)
_NAME_BYTES = 128
_FIRST_VISIBLE = 33
_SAMPLE = 100


@dataclass(slots=True)
class Segment:
    """A stretch of one line.

    Attributes:
        text: Its words, parted by one space; ligatures are letters, a hyphen at its end is ``-``.
        x0: Left edge, in points.
        x1: Right edge.
        base: The baseline; grows downwards.
        size: Height of the font, in points as shown.
        bold: How many of its leading characters are bold.
        italic: Whether it begins in italics.
        turn: Quarter turns of the text against the page, 0 to 3.
        first: Index of its first character on the page, as pdfium counts.
        last: Index of its last character.
    """

    text: str
    x0: float
    x1: float
    base: float
    size: float
    bold: int
    turn: int
    first: int
    last: int
    italic: bool = False


@dataclass(slots=True)
class _Word:
    text: str
    x0: float
    x1: float
    base: float
    size: float
    bold: bool
    turn: int
    first: int
    last: int
    italic: bool
    # Gaps between its letters, in points: the widest, with the letters before it and the place of the one after
    # it, and the second widest.
    widest: float = 0.0
    second: float = 0.0
    before: str = ""
    after: tuple[int, float] = (0, 0.0)


def segments(text_page: Any, unseen: Unseen | None = None) -> list[Segment]:
    """All segments of a page, in the order of the file.

    Args:
        text_page: pdfium's text page.
        unseen: Tells the characters that nobody sees, which are left out; without it none is.
    """
    found: list[Segment] = []
    for word in _words(text_page, unseen):
        last = found[-1] if found else None
        if (
            last
            and last.turn == word.turn
            and abs(last.base - word.base) < 0.35 * max(last.size, word.size)
            and -0.3 * word.size < word.x0 - last.x1 < _WIDE_GAP * max(last.size, word.size)
        ):
            if word.bold and last.bold == len(last.text):
                last.bold += 1 + len(word.text)
            last.text += " " + word.text
            last.x1, last.last = max(last.x1, word.x1), word.last
            if word.size > last.size:
                # A raised mark that begins a line must not pass for the line.
                last.base, last.size = word.base, word.size
        else:
            bold = len(word.text) if word.bold else 0
            found.append(
                Segment(
                    word.text,
                    word.x0,
                    word.x1,
                    word.base,
                    word.size,
                    bold,
                    word.turn,
                    word.first,
                    word.last,
                    word.italic,
                )
            )
    return found


def plain_text(text_page: Any) -> str:
    """A page's text as pdfium orders it, line ends and all.

    Args:
        text_page: pdfium's text page.
    """
    text = str(text_page.get_text_bounded()).replace("\r\n", "\n")
    return text.translate({**dict.fromkeys(_HYPHENS, "-"), **LIGATURES})


def mapped(text_page: Any) -> bool:
    """Whether pdfium knows which letters most of the page's characters are; seen from a sample of them.

    Args:
        text_page: pdfium's text page.
    """
    count = text_page.count_chars()
    sample = range(0, count, max(1, count // _SAMPLE))
    unknown = sum(pdfium.FPDFText_HasUnicodeMapError(text_page.raw, index) == 1 for index in sample)
    return bool(unknown <= len(sample) / 2)


def letters(text_page: Any, unseen: Unseen | None = None) -> Iterator[tuple[int, str]]:
    """Index and text of each character; an empty text for white space and control characters.

    Ligatures are spelt out and a hyphen at a line's end, for which pdfium has characters of its own, is ``-``.

    Args:
        text_page: pdfium's text page.
        unseen: Tells the characters that nobody sees, which are left out; without it none is.
    """
    page, unicode_at = text_page.raw, pdfium.FPDFText_GetUnicode
    index, count = 0, text_page.count_chars()
    while index < count:
        at, index = index, index + 1
        code = unicode_at(page, at)
        if code in _HYPHENS and not (unseen and unseen.hides(at, code)):
            yield at, "-"
        elif code < _FIRST_VISIBLE:
            yield at, ""
        elif unseen and unseen.hides(at, code):
            index += 0xD800 <= code < 0xDC00  # noqa: PLR2004
        elif code in LIGATURES:
            yield at, LIGATURES[code]
        elif 0xD800 <= code < 0xE000:  # noqa: PLR2004 -- surrogates: half a character each
            if code < 0xDC00 and index < count:  # noqa: PLR2004
                yield at, chr(0x10000 + ((code - 0xD800) << 10) + (unicode_at(page, index) & 0x3FF))
                index += 1
        elif code <= 0x10FFFF:  # noqa: PLR2004 -- Unicode's end
            letter = chr(code)
            yield at, "" if letter.isspace() else letter


def _words(text_page: Any, unseen: Unseen | None) -> Iterator[_Word]:
    """The page's words, also where pdfium leaves out a blank that kerning has narrowed ("INTERNATIONAL AND")."""
    for word in _unparted(text_page, unseen):
        lost = word.widest > _LOST_BLANK * word.size and word.second < _TIGHT_GAP * word.size
        tail = word.text[len(word.before) :]
        if not (lost and len(word.text) > 3 and word.before[-1:].isalpha() and tail[0].isalpha()):  # noqa: PLR2004
            yield word
            continue
        index, left = word.after
        yield replace(word, text=word.before, x1=left - word.widest, last=index - 1)
        yield replace(word, text=tail, x0=left, first=index)


def _unparted(text_page: Any, unseen: Unseen | None) -> Iterator[_Word]:
    page, box, box_at = text_page.raw, pdfium.FS_RECTF(), pdfium.FPDFText_GetLooseCharBox
    font = _Font(page)
    word: _Word | None = None
    right = low = high = 0.0
    for index, letter in letters(text_page, unseen):
        if not letter:
            if word:
                yield word
            word = None
            continue
        box_at(page, index, box)
        if word:
            left, last_right = _along(box, word.turn)
            bottom, top = _across(box, word.turn)
            shared = min(high, top) - max(low, bottom)
            if not (
                -word.size < left - right < _WORD_GAP * word.size
                and shared >= _SAME_LINE * min(high - low, top - bottom)
            ):
                yield word
                word = None
        if word is None:
            word = font.start_word(index)
            left, last_right = _along(box, word.turn)
            bottom, top = _across(box, word.turn)
            word.x0 = left
        elif left - right > word.second:
            gap = left - right
            if gap > word.widest:
                word.widest, word.second = gap, word.widest
                word.before, word.after = word.text, (index, left)
            else:
                word.second = gap
        word.text += letter
        word.last = index
        right, low, high = last_right, bottom, top
        word.x1 = max(word.x1, right)
    if word:
        yield word


def _along(box: Any, turn: int) -> tuple[float, float]:
    """Where a character begins and ends in the direction of its text."""
    if turn == 0:
        return box.left, box.right
    if turn == 1:
        return box.bottom, box.top
    return (-box.right, -box.left) if turn == 2 else (-box.top, -box.bottom)  # noqa: PLR2004


def _across(box: Any, turn: int) -> tuple[float, float]:
    """A character's lower and upper edge, seen upright."""
    if turn == 0:
        return box.bottom, box.top
    if turn == 1:
        return -box.right, -box.left
    return (-box.top, -box.bottom) if turn == 2 else (box.left, box.right)  # noqa: PLR2004


class _Font:
    """Asks pdfium for the font at the beginning of each word."""

    def __init__(self, page: Any) -> None:
        self._page = page
        self._matrix = pdfium.FS_MATRIX()
        self._x, self._y = ctypes.c_double(), ctypes.c_double()
        self._name = ctypes.create_string_buffer(_NAME_BYTES)
        self._flags = ctypes.c_int()
        self._looks: dict[bytes, tuple[bool, bool]] = {}

    def start_word(self, index: int) -> _Word:
        """An empty word where the character stands."""
        page, matrix = self._page, self._matrix
        size, turn = pdfium.FPDFText_GetFontSize(page, index), 0
        if pdfium.FPDFText_GetMatrix(page, index, matrix):
            size *= math.hypot(matrix.c, matrix.d)
            turn = round(math.atan2(matrix.b, matrix.a) / (math.pi / 2)) % 4
        pdfium.FPDFText_GetCharOrigin(page, index, self._x, self._y)
        x, y = self._x.value, self._y.value
        base = (-y, x, y, -x)[turn]
        length = pdfium.FPDFText_GetFontInfo(page, index, self._name, _NAME_BYTES, self._flags)
        name = self._name.value if length <= _NAME_BYTES else b""
        look = self._looks.get(name)
        if look is None:
            weight = pdfium.FPDFText_GetFontWeight(page, index)
            bold = bool(weight >= _BOLD_WEIGHT or _BOLD_NAME.search(name.decode("latin-1")))
            look = self._looks[name] = bold, bool(_ITALIC_NAME.search(name))
        bold, italic = look
        return _Word("", 0.0, -math.inf, base, abs(size), bold, turn, index, index, italic)

"""Characters of a PDF's page that nobody sees: drawn invisibly, in the page's colour, as specks, or beside the page.

A scan with recognised text has its words drawn invisibly below or above the picture of the page. These are what the
reader sees, so they stay. See docs/decisions/0026-hidden-text.md.
"""

from __future__ import annotations

import ctypes
import math
from collections import Counter
from typing import Any

import pypdfium2.raw as pdfium

from ingest.hidden import BIDI, TAGS, ZERO_WIDTH
from ingest.parsers.pdf.parts import (
    Box,
    bounds,
    box_of,
    darker,
    fill,
    holds_picture,
    holds_words_alone,
    is_filled,
    is_squeezed,
    standing_for,
    stroke,
)

INVISIBLE = "invisible_text"
LAYER = "text_behind_scan"
WHITE = "white_text"
TINY = "tiny_text"
AWAY = "off_page_text"
REPLACED = "replaced_text"

_UNSEEN_MODES = {pdfium.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium.FPDF_TEXTRENDERMODE_CLIP}
_STROKED = {
    pdfium.FPDF_TEXTRENDERMODE_STROKE,
    pdfium.FPDF_TEXTRENDERMODE_FILL_STROKE,
    pdfium.FPDF_TEXTRENDERMODE_STROKE_CLIP,
    pdfium.FPDF_TEXTRENDERMODE_FILL_STROKE_CLIP,
}
_ONLY_STROKED = {pdfium.FPDF_TEXTRENDERMODE_STROKE, pdfium.FPDF_TEXTRENDERMODE_STROKE_CLIP}
_LIGHTEST = 0xF0
_FAINTEST = 8
# Height of letters in points, and as a share of the page for pages that are drawn to another scale.
_TINY_POINTS, _TINY_SHARE = 1.0, 1 / 500
# Room for one of the letters that stand for drawn ones, in heights of these: a fifth of what letters take. They can be
# more than the drawn ones, for a ligature or an abbreviation.
_STUFFED = 1 / 10
# A page of which pictures cover so much is a scan.
_SCANNED = 0.5
# Drawings of more parts are not looked through: there may be anything behind the words.
_MAX_PARTS = 20_000
_MAX_DEPTH = 3
# Letters that are so many times larger need no closer look for being specks.
_CLEAR = 2.0

# Signs without a form, see ``ingest.hidden``. Tag characters are pairs that begin with the one half.
_SIGNS = {
    **dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), BIDI),
    **dict.fromkeys((0x200B, *range(0x2060, 0x2066), *range(0x206A, 0x2070), 0xFEFF), ZERO_WIDTH),
    0xDB40: TAGS,
}


class Unseen:
    """Tells which characters of a page nobody sees, and counts them.

    Attributes:
        counts: Characters found so far, by code.
    """

    def __init__(self, page: Any, text_page: Any) -> None:
        self.counts: Counter[str] = Counter()
        self._page = page.raw
        self._text = text_page.raw
        self._visible = box_of(page.raw)
        self._side = max(self._visible[2] - self._visible[0], self._visible[3] - self._visible[1])
        # The verdict on each text object; its characters look alike.
        self._verdicts: dict[int, str] = {}
        self._box, self._matrix = pdfium.FS_RECTF(), pdfium.FS_MATRIX()
        # Whether any text on the page could be unseen: on most pages none, and its characters need no look each.
        self._suspect: bool | None = None
        self._parts: list[tuple[int, Box, bool]] | None = None
        # How wide all parts are together that one mark gives other words for.
        self._extents: dict[int, float] | None = None

    def hides(self, index: int, code: int) -> bool:
        """Whether nobody sees a character. Each is asked about once.

        Args:
            index: Its place, as pdfium counts.
            code: Its code point, or the first half of a surrogate pair.
        """
        if code in _SIGNS:
            self.counts[_SIGNS[code]] += 1
            return True
        if self._suspect is None:
            self._suspect = self._is_suspect()
        if not self._suspect:
            return False
        drawn = pdfium.FPDFText_GetTextObject(self._text, index)
        if not drawn:
            return False
        key = ctypes.addressof(drawn.contents)
        verdict = self._verdicts.get(key)
        if verdict is None:
            verdict = self._verdicts[key] = self._verdict(drawn, index)
        if not verdict and self._is_away(index):
            verdict = AWAY
        if verdict:
            self.counts[verdict] += 1
        return bool(verdict) and verdict != LAYER

    def _is_suspect(self) -> bool:
        count = pdfium.FPDFPage_CountObjects(self._page)
        parts = (pdfium.FPDFPage_GetObject(self._page, at) for at in range(count))
        return count > _MAX_PARTS or any(
            self._is_suspect_part(part, _MAX_DEPTH) or self._is_partly_away(part) for part in parts
        )

    def _is_partly_away(self, part: Any) -> bool:
        """Whether text, or a form with all that is in it, reaches beyond the page."""
        if pdfium.FPDFPageObj_GetType(part) not in {pdfium.FPDF_PAGEOBJ_TEXT, pdfium.FPDF_PAGEOBJ_FORM}:
            return False
        box, (left, bottom, right, top) = bounds(part), self._visible
        return box is None or box[0] < left or box[1] < bottom or box[2] > right or box[3] > top

    def _is_suspect_part(self, part: Any, depth: int, scale: float = 1.0) -> bool:
        """Whether an object is, or holds, text that a closer look could find unseen; ``scale`` is its form's."""
        scale *= self._scale(part)
        kind = pdfium.FPDFPageObj_GetType(part)
        if kind == pdfium.FPDF_PAGEOBJ_FORM:
            count = pdfium.FPDFFormObj_CountObjects(part)
            inside = (pdfium.FPDFFormObj_GetObject(part, at) for at in range(min(count, _MAX_PARTS)))
            deep = depth == 0 or count > _MAX_PARTS
            return deep or any(self._is_suspect_part(each, depth - 1, scale) for each in inside)
        if kind != pdfium.FPDF_PAGEOBJ_TEXT:
            return False
        if is_squeezed(self._matrix) or standing_for(part)[0]:
            return True
        colour = fill(part)
        faint = colour is None or colour[3] < _FAINTEST or min(colour[:3]) >= _LIGHTEST
        drawn_oddly = pdfium.FPDFTextObj_GetTextRenderMode(part) != pdfium.FPDF_TEXTRENDERMODE_FILL
        size = ctypes.c_float()
        pdfium.FPDFTextObj_GetFontSize(part, size)
        small = abs(size.value) * scale < _CLEAR * _TINY_POINTS
        return faint or drawn_oddly or small

    def _scale(self, part: Any) -> float:
        if not pdfium.FPDFPageObj_GetMatrix(part, self._matrix):
            return 0.0
        return math.hypot(self._matrix.c, self._matrix.d)

    def _verdict(self, drawn: Any, index: int) -> str:
        """The code of what hides a text object, seen from one of its characters, or nothing."""
        mode, colour = pdfium.FPDFTextObj_GetTextRenderMode(drawn), fill(drawn)
        if mode in _STROKED:
            colour = darker(stroke(drawn), None if mode in _ONLY_STROKED else colour)
        found = ""
        if mode in _UNSEEN_MODES or (colour is not None and colour[3] < _FAINTEST):
            found = LAYER if self._is_scan() else INVISIBLE
        elif self._height(index) < min(_TINY_POINTS, _TINY_SHARE * self._side) or is_squeezed(self._matrix):
            found = TINY
        elif colour is not None and min(colour[:3]) >= _LIGHTEST:
            found = "" if self._is_dark_behind(self._place(index)) else WHITE
        return found or (REPLACED if self._is_stuffed(drawn, index) else "")

    def _is_stuffed(self, drawn: Any, index: int) -> bool:
        """Whether far more letters stand for what is drawn, all parts of it together, than have room there."""
        mark, letters = standing_for(drawn)
        if not mark:
            return False
        if self._extents is None:
            self._extents = {}
            for at in range(min(pdfium.FPDFPage_CountObjects(self._page), _MAX_PARTS)):
                part = pdfium.FPDFPage_GetObject(self._page, at)
                key, box = standing_for(part)[0], bounds(part)
                if key and box is not None:
                    wide = max(box[2] - box[0], box[3] - box[1])
                    self._extents[key] = self._extents.get(key, 0.0) + wide
        left, bottom, right, top = self._place(index)
        # In a form: pdfium parts the place of what is drawn evenly among the letters that stand for it.
        extent = self._extents.get(mark, letters * min(right - left, top - bottom))
        return letters * self._height(index) * _STUFFED > extent

    def _is_away(self, index: int) -> bool:
        box, (left, bottom, right, top) = self._place(index), self._visible
        return box[2] < left or box[0] > right or box[3] < bottom or box[1] > top

    def _place(self, index: int) -> Box:
        """Where a character stands on the page. An object's own bounds are those of the form that it is drawn in."""
        box = self._box
        pdfium.FPDFText_GetLooseCharBox(self._text, index, box)
        return box.left, box.bottom, box.right, box.top

    def _height(self, index: int) -> float:
        """Height of a character's font as it is drawn, in points; infinite where it cannot be told."""
        if not pdfium.FPDFText_GetMatrix(self._text, index, self._matrix):
            return math.inf
        size = pdfium.FPDFText_GetFontSize(self._text, index)
        return abs(size) * math.hypot(self._matrix.c, self._matrix.d) or math.inf

    def _is_scan(self) -> bool:
        left, bottom, right, top = self._visible
        covered = 0.0
        for kind, box, _ in self._all_parts():
            if kind == pdfium.FPDF_PAGEOBJ_IMAGE:
                width = min(box[2], right) - max(box[0], left)
                covered += max(width, 0.0) * max(min(box[3], top) - max(box[1], bottom), 0.0)
        return covered >= _SCANNED * (right - left) * (top - bottom)

    def _is_dark_behind(self, box: Box) -> bool:
        """Whether something other than white may lie below: when in doubt it does."""
        parts = self._all_parts()
        if len(parts) >= _MAX_PARTS:
            return True
        return any(
            dark and at[0] < box[2] and box[0] < at[2] and at[1] < box[3] and box[1] < at[3]
            for _, at, dark in parts
        )

    def _all_parts(self) -> list[tuple[int, Box, bool]]:
        """Pictures and filled shapes: kind, place, and whether it can be anything but white.

        Forms are not looked into but for pictures: they can be anything.
        """
        if self._parts is None:
            self._parts = []
            for at in range(min(pdfium.FPDFPage_CountObjects(self._page), _MAX_PARTS)):
                part = pdfium.FPDFPage_GetObject(self._page, at)
                kind = pdfium.FPDFPageObj_GetType(part)
                box = None if kind == pdfium.FPDF_PAGEOBJ_TEXT else bounds(part)
                if box is None or (kind == pdfium.FPDF_PAGEOBJ_PATH and not is_filled(part)):
                    continue
                colour = fill(part) if kind == pdfium.FPDF_PAGEOBJ_PATH else None
                dark = colour is None or (min(colour[:3]) < _LIGHTEST and colour[3] >= _FAINTEST)
                dark = dark and not holds_words_alone(part, _MAX_DEPTH)
                kind = pdfium.FPDF_PAGEOBJ_IMAGE if holds_picture(part, _MAX_DEPTH) else kind
                self._parts.append((kind, box, dark))
        return self._parts

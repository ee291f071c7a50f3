"""What pdfium tells of one object of a page: its place, its colours, what it holds, what it stands for."""

from __future__ import annotations

import ctypes
import math
from typing import TYPE_CHECKING, Any

import pypdfium2.raw as pdfium

if TYPE_CHECKING:
    from ingest.types import Sides

_MAX_INSIDE = 200
# Letters that are so much narrower than high were squeezed until nobody reads them. The narrowest are a sixth.
_SQUEEZED = 1 / 25
# The page's width and height in the whole numbers that pdfium converts to: finer than any screen.
_GRID = 1_000_000

# Left, bottom, right, top, in points.
Box = tuple[float, float, float, float]
# Red, green, blue, opacity, 0 to 255.
Colour = tuple[int, int, int, int]


def holds_picture(part: Any, depth: int) -> bool:
    """Whether an object is a picture, or a form with one in it."""
    kind = pdfium.FPDFPageObj_GetType(part)
    if kind != pdfium.FPDF_PAGEOBJ_FORM or depth == 0:
        return bool(kind == pdfium.FPDF_PAGEOBJ_IMAGE)
    inside = range(min(pdfium.FPDFFormObj_CountObjects(part), _MAX_INSIDE))
    return any(holds_picture(pdfium.FPDFFormObj_GetObject(part, at), depth - 1) for at in inside)


def holds_words_alone(part: Any, depth: int) -> bool:
    """Whether an object is a form with nothing in it that words could stand on."""
    if pdfium.FPDFPageObj_GetType(part) != pdfium.FPDF_PAGEOBJ_FORM or depth == 0:
        return False
    count = pdfium.FPDFFormObj_CountObjects(part)
    inside = (pdfium.FPDFFormObj_GetObject(part, at) for at in range(min(count, _MAX_INSIDE)))
    return count <= _MAX_INSIDE and all(
        pdfium.FPDFPageObj_GetType(each) == pdfium.FPDF_PAGEOBJ_TEXT or holds_words_alone(each, depth - 1)
        for each in inside
    )


def box_of(page: Any) -> Box:
    """What of the page is shown, also where it says so for all pages at once; everything if it cannot be told."""
    box = pdfium.FS_RECTF()
    if not pdfium.FPDF_GetPageBoundingBox(page, box):
        return -math.inf, -math.inf, math.inf, math.inf
    return (
        min(box.left, box.right),
        min(box.bottom, box.top),
        max(box.left, box.right),
        max(box.bottom, box.top),
    )


def bounds(part: Any) -> Box | None:
    """Where an object stands; in a form, as this counts."""
    sides = [ctypes.c_float() for _ in range(4)]
    if not pdfium.FPDFPageObj_GetBounds(part, *sides):
        return None
    left, bottom, right, top = (side.value for side in sides)
    return left, bottom, right, top


def on_screen(page: Any, box: Box) -> Sides:
    """A box in PDF units, origin at the lower left, to fractions of the page as it is shown."""
    left, bottom, right, top = box
    corners = []
    for x, y in ((left, top), (right, bottom)):
        column, row = ctypes.c_int(), ctypes.c_int()
        pdfium.FPDF_PageToDevice(page, 0, 0, _GRID, _GRID, 0, x, y, column, row)
        corners.append((_inside(column.value), _inside(row.value)))
    (x0, y0), (x1, y1) = corners
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def _inside(value: int) -> float:
    return min(max(value / _GRID, 0.0), 1.0)


def fill(part: Any) -> Colour | None:
    """Red, green, blue and opacity of what fills it, 0 to 255; None for a pattern."""
    values = [ctypes.c_uint() for _ in range(4)]
    if not pdfium.FPDFPageObj_GetFillColor(part, *values):
        return None
    red, green, blue, opacity = (value.value for value in values)
    return red, green, blue, opacity


def stroke(part: Any) -> Colour | None:
    """The same of its outline."""
    values = [ctypes.c_uint() for _ in range(4)]
    if not pdfium.FPDFPageObj_GetStrokeColor(part, *values):
        return None
    red, green, blue, opacity = (value.value for value in values)
    return red, green, blue, opacity


def darker(outline: Colour | None, inside: Colour | None) -> Colour | None:
    """What is seen of letters with an outline, and an inside unless that is None: the darker of both."""
    if outline is None or inside is None:
        return outline
    return max(outline, inside, key=lambda each: each[3] * (0xFF - min(each[:3])))


def is_squeezed(matrix: Any) -> bool:
    """Whether letters are drawn so narrow that they are a line."""
    return math.hypot(matrix.a, matrix.b) < _SQUEEZED * math.hypot(matrix.c, matrix.d)


def standing_for(part: Any) -> tuple[int, int]:
    """The mark by which the file gives other words for what is drawn (ActualText), and how many letters; 0 for none.

    Parts of one word or formula have one mark together.
    """
    length = ctypes.c_ulong()
    for at in range(pdfium.FPDFPageObj_CountMarks(part)):
        mark = pdfium.FPDFPageObj_GetMark(part, at)
        if pdfium.FPDFPageObjMark_GetParamStringValue(mark, b"ActualText", None, 0, length):
            # In UTF-16, with a NUL at the end.
            return ctypes.addressof(mark.contents), length.value // 2 - 1
    return 0, 0


def is_filled(path: Any) -> bool:
    """Whether a shape has an inside and not an outline alone."""
    mode, stroked = ctypes.c_int(), ctypes.c_int()
    return bool(pdfium.FPDFPath_GetDrawMode(path, mode, stroked)) and mode.value != 0

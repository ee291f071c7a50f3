"""Parts of a page that only a look at them tells: pages without text, and large figures.

They are listed here and put into words elsewhere, by a model: see ``ingest.vision``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pypdfium2.raw as pdfium

from ingest.parsers.pdf.parts import bounds, holds_picture, on_screen
from ingest.types import Picture

if TYPE_CHECKING:
    from ingest.types import Sides

ALL_OF_IT: Sides = (0.0, 0.0, 1.0, 1.0)
# A page with fewer letters, most of which is a picture, is a scan with a stamp, a number or a scanner's own line on it.
_FEW_LETTERS = 50
_MOST_OF_IT = 0.5
# Words drawn as outlines take many more shapes than the lines of an empty form.
_MANY_SHAPES = 60
# A larger picture on a page with text is what that text stands on: paper, or the scan that it was recognised from.
_BACKGROUND = 0.9
# Figures of one page, the largest.
_MOST_FIGURES = 4
# Pictures that are so close are one, cut into strips by the program that wrote the file.
_NEAR = 0.01
_MAX_PARTS = 2_000
_MAX_DEPTH = 3


def pictures_on(page: Any, number: int, letters: int, figure_share: float) -> list[Picture]:
    """What of a page a model could say more of.

    Args:
        page: A pdfium page.
        number: Of the page, from 1.
        letters: Letters and digits in its text.
        figure_share: Share of the page from which a picture is a figure.

    Returns:
        The page as a whole where it has no text or next to none, else its largest figures from its top.
    """
    boxes, shapes = _pictures_and_shapes(page)
    covered = sum(map(_area, boxes))
    empty = not letters and (boxes or shapes > _MANY_SHAPES)
    if empty or (letters < _FEW_LETTERS and covered >= _MOST_OF_IT):
        return [Picture(number, ALL_OF_IT, whole=True)]
    figures = [box for box in _joined(boxes) if figure_share <= _area(box) <= min(_BACKGROUND, 1.0)]
    largest = sorted(figures, key=_area, reverse=True)[:_MOST_FIGURES]
    return [Picture(number, box, whole=False) for box in sorted(largest, key=lambda box: (box[1], box[0]))]


def _pictures_and_shapes(page: Any) -> tuple[list[Sides], int]:
    """Places of pictures, those in forms included, and how many shapes are drawn beside them."""
    boxes: list[Sides] = []
    shapes = 0
    for at in range(min(pdfium.FPDFPage_CountObjects(page.raw), _MAX_PARTS)):
        part = pdfium.FPDFPage_GetObject(page.raw, at)
        shapes += pdfium.FPDFPageObj_GetType(part) == pdfium.FPDF_PAGEOBJ_PATH
        if holds_picture(part, _MAX_DEPTH) and (box := bounds(part)) is not None:
            boxes.append(on_screen(page, box))
    return boxes, shapes


def _joined(boxes: list[Sides]) -> list[Sides]:
    """Places with those that touch made one."""
    joined: list[Sides] = []
    for box in sorted(boxes, key=lambda box: (box[1], box[0])):
        merged = box
        apart = []
        for other in joined:
            if _touch(merged, other):
                merged = (
                    min(merged[0], other[0]),
                    min(merged[1], other[1]),
                    max(merged[2], other[2]),
                    max(merged[3], other[3]),
                )
            else:
                apart.append(other)
        joined = [*apart, merged]
    return joined


def _touch(one: Sides, other: Sides) -> bool:
    across = one[0] - _NEAR < other[2] and other[0] - _NEAR < one[2]
    return across and one[1] - _NEAR < other[3] and other[1] - _NEAR < one[3]


def _area(box: Sides) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])

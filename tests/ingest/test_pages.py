"""Where a quote stands on a PDF page, and the page as an image with it marked."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pypdf
import pytest

from ingest.errors import CorruptFile, PageNotFound
from ingest.types import Box

if TYPE_CHECKING:
    from ingest.parse import Parser

PdfMaker = Callable[..., bytes]
Store = Callable[[bytes], Path]


def pixels(png: bytes) -> tuple[int, int, list[bytes]]:
    """Width, height and rows of an image as ``render`` writes it: RGB, rows unfiltered."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = (int.from_bytes(png[start : start + 4]) for start in (16, 20))
    length = int.from_bytes(png[33:37])
    assert png[37:41] == b"IDAT"
    raw = zlib.decompress(png[41 : 41 + length])
    step = 1 + 3 * width
    assert len(raw) == step * height
    return width, height, [raw[row * step + 1 : (row + 1) * step] for row in range(height)]


def test_one_box_for_each_line(parser: Parser, store: Store, make_pdf: PdfMaker) -> None:
    """A quote over a line's end has two boxes, in reading order and inside the page."""
    path = store(make_pdf("intro", "The supplier deli-\nvers on Monday.\nOther text."))

    boxes = parser.locate(path, 2, "supplier delivers on")

    assert [box.page for box in boxes] == [2, 2]
    first, second = boxes
    assert 0 < first.y0 < first.y1 <= second.y1 < 0.15
    assert first.x0 > second.x0
    assert first.x1 > second.x1


def test_white_space_hyphens_and_ligatures_do_not_matter(
    parser: Parser, store: Store, make_pdf: PdfMaker
) -> None:
    """The two readers write the same words differently."""
    path = store(make_pdf("The office is first-class."))

    assert parser.locate(path, 1, "The o\ufb03ce\n is first\u00adclass.") == parser.locate(
        path, 1, "The office is first-class."
    )


def test_the_wanted_occurrence(parser: Parser, store: Store, make_pdf: PdfMaker) -> None:
    """Of equal quotes the one asked for is found; beyond the last, the last."""
    path = store(make_pdf("Total 5\nmiddle\nTotal 5"))

    tops = [parser.locate(path, 1, "Total 5", occurrence)[0].y0 for occurrence in (0, 1, 7)]

    assert tops[0] < tops[1] == tops[2]


def test_a_quote_that_is_not_there(parser: Parser, store: Store, make_pdf: PdfMaker) -> None:
    """Nothing is found for words of another page, nor for none."""
    path = store(make_pdf("first", "second"))

    assert parser.locate(path, 1, "second") == ()
    assert parser.locate(path, 1, " ") == ()


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_the_mark_is_on_the_words(parser: Parser, store: Store, make_pdf: PdfMaker, turn: int) -> None:
    """On a page turned any way, white turns yellow inside the boxes and nothing changes outside."""
    writer, target = (
        pypdf.PdfWriter(clone_from=io.BytesIO(make_pdf("one\nMARKED words here\nthree"))),
        io.BytesIO(),
    )
    writer.pages[0].rotate(turn)
    writer.write(target)
    path = store(target.getvalue())

    (box,) = parser.locate(path, 1, "MARKED words")
    width, height, plain = pixels(parser.render(path, 1, width=400))
    _, _, marked = pixels(parser.render(path, 1, [box], width=400))

    changed = {
        (x, y)
        for y in range(height)
        for x in range(width)
        if plain[y][3 * x : 3 * x + 3] != marked[y][3 * x : 3 * x + 3]
    }
    assert changed
    assert all(
        int(box.x0 * width) <= x <= box.x1 * width and int(box.y0 * height) <= y <= box.y1 * height
        for x, y in changed
    )
    area = (box.x1 - box.x0) * width * (box.y1 - box.y0) * height
    assert len(changed) > area / 2
    # There are dark letters inside the box, and they stay dark.
    assert any(min(plain[y][3 * x : 3 * x + 3]) < 100 for x, y in changed)
    assert width == 400
    assert (height < width) == (turn in {90, 270})


def test_overlapping_boxes_mark_once(parser: Parser, store: Store, make_pdf: PdfMaker) -> None:
    """Two citations of the same words look like one."""
    path = store(make_pdf("text"))
    box = Box(1, 0.1, 0.1, 0.5, 0.2)

    once = parser.render(path, 1, [box], width=200)

    assert parser.render(path, 1, [box, box, Box(2, 0, 0, 1, 1)], width=200) == once


def test_the_image_is_bounded(parser: Parser, store: Store, make_pdf: PdfMaker) -> None:
    """However wide an image is asked for, or however long the page, its pixels are bounded."""
    writer, target = pypdf.PdfWriter(clone_from=io.BytesIO(make_pdf("tall"))), io.BytesIO()
    writer.pages[0].mediabox.upper_right = (2, 14_400)
    writer.write(target)

    width, height, _ = pixels(parser.render(store(make_pdf("text")), 1, width=1_000_000))
    narrow, tall, _ = pixels(parser.render(store(target.getvalue()), 1, width=1000))

    assert width * height < 8.1e6
    assert narrow * tall < 8.1e6


@pytest.mark.parametrize("page", [0, 3, -1])
def test_pages_that_do_not_exist(parser: Parser, store: Store, make_pdf: PdfMaker, page: int) -> None:
    """The message names the pages that there are."""
    path = store(make_pdf("one", "two"))

    with pytest.raises(PageNotFound, match="pages 1 to 2"):
        parser.locate(path, page, "one")
    with pytest.raises(PageNotFound, match="pages 1 to 2"):
        parser.render(path, page)


def test_only_pdfs_have_pages(parser: Parser, store: Store) -> None:
    """A text file has no page to show."""
    with pytest.raises(CorruptFile, match="no readable PDF"):
        parser.render(store(b"just text"), 1)

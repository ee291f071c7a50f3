"""A model's words of pictures become text of their pages, and every block keeps its words."""

from __future__ import annotations

import io
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from fpdf import FPDF
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pypdf import PdfWriter

from ingest.config import ParseConfig
from ingest.errors import CorruptFile, NoText, VisionRefused, VisionUnavailable
from ingest.parse import Parser
from ingest.types import Block, BlockKind, Parsed, Picture, transcribed
from ingest.vision import VisionConfig, tidy, with_pictures, with_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from ingest.vision import Reader

WHOLE = (0.0, 0.0, 1.0, 1.0)
UPPER, LOWER = (0.1, 0.1, 0.9, 0.4), (0.1, 0.5, 0.9, 0.8)


def parsed(*pages: str, separator: str = "\n", pictures: tuple[Picture, ...] = ()) -> Parsed:
    """Pages of text, each paragraph a block of its own."""
    text, blocks = "", []
    for number, page in enumerate(pages, 1):
        text += separator if number > 1 else ""
        blocks.append(Block(BlockKind.PAGE, len(text), len(text) + len(page), number))
        at = len(text)
        for paragraph in page.split("\n\n"):
            if paragraph:
                blocks.append(Block(BlockKind.LIST, at, at + len(paragraph)))
            at += len(paragraph) + 2
        text += page
    return Parsed(text, tuple(blocks), "", "pdf", pictures=pictures)


def scans(count: int) -> tuple[Picture, ...]:
    """So many pages that are pictures."""
    return tuple(Picture(number, WHOLE, whole=True) for number in range(1, count + 1))


def words_of(found: Parsed, kind: BlockKind) -> list[str]:
    """The text of each block of a kind."""
    return [found.text[each.start : each.end] for each in found.blocks if each.kind is kind]


@dataclass(slots=True)
class Says:
    """A model that says what is asked for, by the image that it is shown."""

    said: Mapping[bytes, str | Exception]
    name: str = "model@1"
    asked: list[bytes] = field(default_factory=list)

    @contextmanager
    def reading(self, document_id: str, pictures: int) -> Iterator[Reader]:
        """As ``Vision``."""
        assert document_id == "doc"
        assert pictures > 0

        def read(image: bytes, *, whole: bool, still_wanted: Callable[[], None]) -> str:
            assert isinstance(whole, bool)
            still_wanted()
            self.asked.append(image)
            found = self.said[image]
            if isinstance(found, Exception):
                raise found
            return found

        yield read


@dataclass(slots=True)
class Kept:
    """What outlives a try."""

    texts: dict[str, str] = field(default_factory=dict)

    def load_text(self, part: str) -> str | None:
        """As ``Readings``."""
        return self.texts.get(part)

    def save_text(self, part: str, text: str) -> None:
        """As ``Readings``."""
        self.texts[part] = text


def looked_at(file: Parsed, vision: Says, kept: Kept | None = None, **config: int) -> Parsed:
    """What becomes of a file; the image of a picture is its page's number."""
    return with_pictures(
        file,
        "doc",
        vision,
        lambda picture: b"%d" % picture.page,
        VisionConfig(**config),
        lambda _: None,
        kept,
    )


def test_pages_that_are_pictures_become_paragraphs() -> None:
    """Each in its page, with an empty line between, also beside pages without any."""
    found = with_words(
        parsed("", "Typed.", "", ""), dict(zip(scans(3)[::2], ["One.", "Three."], strict=True))
    )

    assert found.text == "One.\n\nTyped.\n\nThree.\n"
    assert words_of(found, BlockKind.PAGE) == ["One.", "Typed.", "Three.", ""]


def test_a_figure_does_not_part_a_sentence() -> None:
    """Where a sentence goes on on the next page, the words stand behind the paragraph before it."""
    file = parsed("A first paragraph.\n\nThe second goes", "on here.\n\nThe end.")
    found = with_words(file, {Picture(1, UPPER, whole=False): "A chart."})

    assert found.text == "A first paragraph.\n\nA chart.\n\nThe second goes\non here.\n\nThe end."
    assert words_of(found, BlockKind.PAGE) == [
        "A first paragraph.\n\nA chart.\n\nThe second goes",
        "on here.\n\nThe end.",
    ]
    assert words_of(found, BlockKind.LIST) == words_of(file, BlockKind.LIST)


def test_figures_of_a_page_stand_in_its_order() -> None:
    """From its top, behind its text."""
    words = {Picture(1, LOWER, whole=False): "Below.", Picture(1, UPPER, whole=False): "Above."}
    found = with_words(parsed("Words.", "More."), words)

    assert found.text == "Words.\n\nAbove.\n\nBelow.\n\nMore."
    assert words_of(found, BlockKind.PAGE) == ["Words.\n\nAbove.\n\nBelow.", "More."]


@given(
    pages=st.lists(
        st.sampled_from(["", "One.", "A b c", "First.\n\nSecond", "x\n\ny\n\nz."]), min_size=1, max_size=6
    ),
    separator=st.sampled_from(["\n", "\n\n"]),
    data=st.data(),
)
def test_every_block_keeps_its_words(pages: list[str], separator: str, data: st.DataObject) -> None:
    """Whatever is added: nothing of the file is lost, moved or marked as a model's, and all stands in its page."""
    file = parsed(*pages, separator=separator)
    numbers = data.draw(st.lists(st.integers(1, len(pages)), unique=True))
    words = {
        Picture(
            each, WHOLE if data.draw(st.booleans()) else UPPER, whole=data.draw(st.booleans())
        ): f"Said {each}."
        for each in numbers
    }
    found = with_words(file, words)

    assert words_of(found, BlockKind.LIST) == words_of(file, BlockKind.LIST)
    assert sorted(words_of(found, BlockKind.PICTURE)) == sorted(words.values())
    left = found.text
    for start, end in reversed(transcribed(found.blocks)):
        left = left[:start] + left[end:]
    assert left.split() == file.text.split()
    shown = {each.number: each for each in found.blocks if each.kind is BlockKind.PAGE}
    for block in found.blocks:
        if block.kind is BlockKind.PICTURE:
            page = shown[block.number]
            assert page.start <= block.start <= block.end <= page.end
    ordered = [shown[number] for number in sorted(shown)]
    assert all(one.end <= other.start for one, other in pairwise(ordered))


def test_what_was_read_is_not_asked_again() -> None:
    """A second try of the same document finds it, unless another model is to read it."""
    file, kept = parsed("", "", pictures=scans(2)), Kept()
    first = Says({b"1": "One.", b"2": VisionUnavailable("down")})
    looked_at(file, first, kept)
    second = Says({b"2": "Two."})
    found = looked_at(file, second, kept)
    third = Says({b"1": "Eins.", b"2": "Zwei."}, name="other@1")

    assert (second.asked, found.text) == ([b"2"], "One.\n\nTwo.")
    assert looked_at(file, third, kept).text == "Eins.\n\nZwei."


def test_the_parsers_name_says_who_read() -> None:
    """With the model, where it read anything."""
    file = parsed("Typed.", "", pictures=scans(2)[1:])

    assert looked_at(file, Says({b"2": "Read."})).parser == "pdf+vision:model@1"
    assert looked_at(file, Says({b"2": ""})).parser == "pdf"


def test_without_money_nothing_more_is_asked() -> None:
    """What is left is counted apart from what failed."""
    file = parsed("Typed.", "", "", "", pictures=scans(4)[1:])
    vision = Says({b"2": VisionUnavailable("down"), b"3": VisionRefused("spent"), b"4": "Four."})
    found = looked_at(file, vision)

    assert vision.asked == [b"2", b"3"]
    assert {each.code: each.count for each in found.disclosures} == {
        "unread_pictures": 1,
        "pictures_over_limit": 2,
    }


def test_a_file_of_pictures_alone() -> None:
    """It fails with what can be done about it, or because there is nothing in it."""
    file = parsed("", "", pictures=scans(2))
    with pytest.raises(
        VisionUnavailable, match=r"none of its 2 pages and figures: down\. Upload the file again"
    ):
        looked_at(file, Says({b"1": VisionUnavailable("down."), b"2": ""}))
    with pytest.raises(NoText, match="found none in its pictures"):
        looked_at(file, Says({b"1": "", b"2": " "}))


def test_a_page_that_cannot_be_drawn_costs_that_page_alone() -> None:
    """The others are read."""

    def draw(picture: Picture) -> bytes:
        if picture.page == 1:
            raise CorruptFile("Page 1 is damaged.")
        return b"2"

    file = parsed("", "", pictures=scans(2))
    found = with_pictures(file, "doc", Says({b"2": "Two."}), draw, VisionConfig(), lambda _: None)

    assert found.text.strip() == "Two."
    assert [(each.code, each.count) for each in found.disclosures] == [
        ("transcribed_pages", 1),
        ("unread_pictures", 1),
    ]


def test_the_work_can_be_ended_between_and_during_questions() -> None:
    """What progress raises goes through."""

    class Ended(Exception):
        pass

    def progress(_: float) -> None:
        raise Ended

    with pytest.raises(Ended):
        with_pictures(
            parsed("", pictures=scans(1)), "doc", Says({}), lambda _: b"1", VisionConfig(), progress
        )


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("```text\nWords.\n```", "Words."),
        ("a\r\nb\x0cc\u2028d", "a\nb\nc\nd"),
        ("x" * 30, "x" * 20),
        ("words and further words", "words and further"),
        ("\ud800\x00", "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"),
        ("p\u202eay\U000e0041", "pay"),
    ],
)
def test_words_are_made_plain(said: str, text: str) -> None:
    """No fence, no sign that nobody sees, one kind of line end, and no more than there is room for."""
    assert tidy(said, 20) == text


@pytest.mark.parametrize("turn", [0, 90])
def test_a_figure_is_cut_out_of_its_page(store: Callable[[bytes], Path], turn: int) -> None:
    """In its colours, as the page is shown; a page as a whole is grey, and one with text alone is no picture."""
    figure = Image.new("RGB", (400, 200), "red")
    figure.paste("blue", (200, 0, 400, 200))
    pdf = FPDF(format="A4")
    pdf.set_font("helvetica", size=12)
    pdf.add_page()
    pdf.multi_cell(w=0, text="A page of the handbook with enough words to be a page of text, and a figure.")
    pdf.image(figure, x=45, y=100, w=120, h=60)
    pdf.image(figure, x=10, y=280, w=10, h=5)
    pdf.add_page()
    pdf.image(figure, x=0, y=0, w=210, h=297)
    pdf.add_page()
    pdf.multi_cell(w=0, text="Words alone.")
    writer = PdfWriter(clone_from=io.BytesIO(bytes(pdf.output())))
    for page in writer.pages:
        page.rotate(turn)
    target = io.BytesIO()
    writer.write(target)
    path = store(target.getvalue())
    with Parser(ParseConfig(timeout_s=60, ocr_languages="", pictures=True)) as parser:
        _, found = parser.parse(path, "turned.pdf")
        images = [Image.open(io.BytesIO(parser.draw(path, each))) for each in found.pictures]

    assert [(each.page, each.whole) for each in found.pictures] == [(1, False), (2, True)]
    assert [image.mode for image in images] == ["RGB", "L"]
    shown = images[0]
    assert shown.width / shown.height == pytest.approx(0.5 if turn else 2, rel=0.02)
    first = shown.getpixel(
        (shown.width // 2, shown.height // 4) if turn else (shown.width // 4, shown.height // 2)
    )
    last = shown.getpixel(
        (shown.width // 2, -(-shown.height * 3 // 4)) if turn else (shown.width * 3 // 4, shown.height // 2)
    )
    assert (first, last) == ((255, 0, 0), (0, 0, 255))


def test_without_the_setting_nothing_is_listed(store: Callable[[bytes], Path]) -> None:
    """A scan holds no text, as before."""
    pdf = FPDF(format="A4")
    pdf.add_page()
    pdf.image(Image.new("RGB", (400, 200), "red"), x=0, y=0, w=210, h=297)

    with Parser(ParseConfig(timeout_s=60, ocr_languages="")) as parser, pytest.raises(NoText):
        parser.parse(store(bytes(pdf.output())), "scan.pdf")

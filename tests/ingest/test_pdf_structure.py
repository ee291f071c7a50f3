"""What is told from a PDF's pages: columns, paragraphs, running lines, headings, tables, hyphens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fpdf import FPDF

from ingest.parsers import pdf
from ingest.types import BlockKind, Parsed

if TYPE_CHECKING:
    from ingest.parse import Parser

Store = Callable[[bytes], Path]

LOREM = (
    "The supplier delivers the goods within thirty days after the order and bears the risk until then. "
    "Defects are to be reported in writing without delay, or else the goods count as accepted by the buyer. "
)


class Writer:
    """Writes at points of a page, as programs that print tables and columns do."""

    def __init__(self) -> None:
        self.pdf = FPDF(format="A4", unit="pt")
        self.pdf.set_auto_page_break(auto=False)

    def page(self) -> None:
        """Begin a page."""
        self.pdf.add_page()

    def at(self, x: float, y: float, text: str, size: float = 10, style: str = "") -> None:
        """Write a line that begins at ``x``, with its baseline at ``y``, in points from the upper left corner."""
        self.pdf.set_font("helvetica", style=style, size=size)
        self.pdf.text(x, y, text)

    def right(self, x: float, y: float, text: str, size: float = 10, style: str = "") -> None:
        """Write a line that ends at ``x``."""
        self.pdf.set_font("helvetica", style=style, size=size)
        self.pdf.text(x - self.pdf.get_string_width(text), y, text)

    def paragraph(self, x: float, y: float, text: str, width: int = 80) -> float:
        """Write wrapped text and give the baseline of the line after it."""
        line = ""
        for word in [*text.split(), ""]:
            if not word or len(line) + len(word) > width:
                self.at(x, y, line.strip())
                y, line = y + 12, ""
            line += word + " "
        return y

    def parsed(self) -> Parsed:
        """What the parser makes of it."""
        return pdf.parse(self.bytes())

    def bytes(self) -> bytes:
        """The file."""
        return bytes(self.pdf.output())


def texts(parsed: Parsed, kind: BlockKind) -> list[str]:
    """The stretches of one kind."""
    return [parsed.text[block.start : block.end] for block in parsed.blocks if block.kind is kind]


def levels(parsed: Parsed) -> dict[str, int]:
    """Headings with their levels."""
    return {parsed.text[b.start : b.end]: b.number for b in parsed.blocks if b.kind is BlockKind.HEADING}


def statement(writer: Writer, y: float) -> float:
    """An income statement, its cells written column by column and its signs apart from the amounts."""
    rows = [
        ("Net product sales", "118,573", "141,915"),
        ("Net service sales", "59,293", "90,972"),
        ("Operating income", "(4,106)", "12,421"),
        ("Total", "173,760", "245,308"),
    ]
    writer.at(60, y, "(in millions)")
    writer.right(500, y, "Year Ended December 31,", style="B")
    writer.right(420, y + 14, "2017", style="B")
    writer.right(500, y + 14, "2018", style="B")
    for column in range(3):
        for number, row in enumerate(rows):
            base = y + 32 + 14 * number
            if column == 0:
                writer.at(60, base, row[0])
            else:
                writer.right(340 + 80 * column, base, row[column])
                if number in {0, 3}:
                    writer.at(300 + 80 * column, base, "$")
    return y + 32 + 14 * len(rows)


def test_rows_of_a_table_are_lines() -> None:
    """A table's rows are lines whatever the order of the file; the first one names the columns."""
    writer = Writer()
    writer.page()
    y = writer.paragraph(60, 60, LOREM)
    y = statement(writer, y + 20)
    writer.paragraph(60, y + 20, LOREM)

    (table,) = texts(writer.parsed(), BlockKind.TABLE)

    assert table.split("\n") == [
        "(in millions)\tYear Ended December 31,\t2017\t2018",
        "Net product sales\t$118,573\t$141,915",
        "Net service sales\t59,293\t90,972",
        "Operating income\t(4,106)\t12,421",
        "Total\t$173,760\t$245,308",
    ]


def test_a_label_of_two_lines_is_one_row() -> None:
    """The amounts stand behind the whole label."""
    writer = Writer()
    writer.page()
    writer.at(60, 100, "Cash")
    writer.right(400, 100, "12")
    writer.at(60, 120, "Receivables, less an allowance for")
    writer.at(70, 132, "doubtful accounts")
    writer.right(400, 132, "34")
    writer.at(60, 152, "Inventory")
    writer.right(400, 152, "56")

    (table,) = texts(writer.parsed(), BlockKind.TABLE)

    assert table.split("\n")[1] == "Receivables, less an allowance for doubtful accounts\t34"


def test_names_of_columns_in_several_rows() -> None:
    """Names that are wrapped are read column by column."""
    writer = Writer()
    writer.page()
    for x, lines in (
        (250, ("Employee", "costs")),
        (350, ("Fixed asset", "related costs")),
        (450, ("Other", "")),
    ):
        for number, text in enumerate(lines):
            if text:
                writer.right(x, 100 + 12 * number, text)
    for number, row in enumerate((("Opening", "97", "3", "18"), ("Charges", "2", "4", "5"))):
        writer.at(60, 130 + 14 * number, row[0])
        for x, amount in zip((250, 350, 450), row[1:], strict=True):
            writer.right(x, 130 + 14 * number, amount)

    (table,) = texts(writer.parsed(), BlockKind.TABLE)

    assert table.split("\n")[0] == "Employee costs\tFixed asset related costs\tOther"


def test_running_text_is_no_table() -> None:
    """Numbered clauses and text with numbers stay text."""
    writer = Writer()
    writer.page()
    y = 60.0
    for number in range(1, 6):
        writer.at(60, y, f"{number}.")
        y = writer.paragraph(80, y, f"In {2010 + number} the price was {number},000 dollars. " + LOREM)

    assert texts(writer.parsed(), BlockKind.TABLE) == []


def test_columns_are_read_one_after_the_other() -> None:
    """Two columns, written line by line across the page, with a title above both."""
    writer = Writer()
    writer.page()
    writer.at(60, 60, "A title across both of the columns of this page", size=16)
    left = [f"left line {number} goes on with some more words" for number in range(12)]
    right = [f"right line {number} goes on with some more words" for number in range(12)]
    for number, (one, other) in enumerate(zip(left, right, strict=True)):
        writer.at(60, 100 + 12 * number, one)
        writer.at(320, 100 + 12 * number, other)

    text = writer.parsed().text

    assert text.split("\n", 2)[0] == "A title across both of the columns of this page"
    assert "\n".join(left) in text
    assert "\n".join(right) in text
    assert text.index(left[-1]) < text.index(right[0])


def test_three_columns_between_lines_across_the_page() -> None:
    """Written one column after the other, the right one first; what runs across stands above and below."""
    writer = Writer()
    writer.page()
    writer.paragraph(40, 60, LOREM * 2, width=110)
    for column in (2, 0, 1):
        for number in range(20):
            text = f"column {column} line {number} of some words here"
            writer.at(40 + 190 * column, 200 + 12 * number, text, size=9)
    writer.paragraph(40, 480, "In the end " + LOREM * 2, width=110)

    text = writer.parsed().text

    order = [text.index(f"column {column} line {number} ") for column in range(3) for number in range(20)]
    assert order == sorted(order)
    assert text.index("The supplier") < order[0]
    assert text.index("In the end") > order[-1]


def test_a_table_inside_a_column() -> None:
    """Its rows are lines, and the text of the other column is not drawn into them."""
    writer = Writer()
    writer.page()
    for number in range(16):
        writer.at(40, 60 + 12 * number, f"left line {number} goes on with some more words")
    for number in range(4):
        writer.at(60, 280 + 12 * number, f"Item {number}")
        writer.right(290, 280 + 12 * number, str(11 * number + 5))
    for number in range(24):
        writer.at(320, 60 + 12 * number, f"right line {number} goes on with some more words")

    (table,) = texts(writer.parsed(), BlockKind.TABLE)

    assert table.split("\n") == ["Item 0\t5", "Item 1\t16", "Item 2\t27", "Item 3\t38"]


def test_a_note_below_a_column_does_not_part_the_sentence() -> None:
    """Small print at the foot of the left column comes after the right one."""
    writer = Writer()
    writer.page()
    for number in range(10):
        writer.at(60, 100 + 12 * number, f"left line {number} goes on with some more words")
        writer.at(320, 100 + 12 * number, f"right line {number} goes on with some more words")
    writer.at(60, 240, "Permission to copy this work is granted to everybody", size=7)

    text = writer.parsed().text

    assert "left line 9 goes on with some more words\nright line 0" in text
    assert text.endswith("granted to everybody")


def test_headers_and_footers_do_not_glue_to_sentences() -> None:
    """Running lines are blocks of their own, and a sentence over the page's end stays in one piece."""
    writer = Writer()
    for number in range(1, 6):
        writer.page()
        writer.at(60, 40, "Supply agreement of Example Works")
        writer.paragraph(60, 100, LOREM * 2)
        writer.paragraph(60, 200, "the buyer " * (number > 1) + LOREM + "A claim can be made until")
        writer.right(300, 800, f"Page {number} of 5")

    parsed = writer.parsed()

    assert texts(parsed, BlockKind.MARGIN) == [
        line
        for number in range(1, 6)
        for line in ("Supply agreement of Example Works", f"Page {number} of 5")
    ]
    for block in parsed.blocks:
        if block.kind is BlockKind.MARGIN:
            around = parsed.text[: block.start].rstrip(" "), parsed.text[block.end :].lstrip(" ")
            assert around[0].endswith("\n") or not around[0]
            assert around[1].startswith("\n") or not around[1]


def test_a_sentence_over_the_end_of_a_page_stays_whole() -> None:
    """The footer and the next header stand at ends of paragraphs inside their pages."""
    writer = Writer()
    for number in range(3):
        writer.page()
        writer.at(60, 40, "Running title")
        start = "by registered letter to the seller. " if number else ""
        y = writer.paragraph(60, 100, start + LOREM)
        end = LOREM + "Notice of any defect is to be given in the time that the law sets and"
        writer.paragraph(60, y + 24, end if number < 2 else LOREM)
        writer.right(300, 800, str(number + 1))

    parsed = writer.parsed()

    flat = " ".join(parsed.text.split())
    assert flat.count("the law sets and by registered letter to the seller.") == 2
    assert texts(parsed, BlockKind.MARGIN).count("Running title") == 3
    pages = [block for block in parsed.blocks if block.kind is BlockKind.PAGE]
    assert [page.number for page in pages] == [1, 2, 3]
    assert parsed.text[pages[1].start : pages[1].end].startswith("by registered letter")


def test_titles_that_count_with_the_pages_are_no_running_lines() -> None:
    """Sections that begin on a page each keep their titles, though these differ in a number alone."""
    writer = Writer()
    for number in range(1, 5):
        writer.page()
        writer.at(60, 60, f"Schedule {number}", style="B")
        writer.paragraph(60, 90, LOREM * 3)

    parsed = writer.parsed()

    assert texts(parsed, BlockKind.MARGIN) == []
    assert list(levels(parsed)) == ["Schedule 1", "Schedule 2", "Schedule 3", "Schedule 4"]


def test_a_page_of_running_lines_alone_keeps_them_as_text() -> None:
    """Nothing is left of a page but its number: then that is its text."""
    writer = Writer()
    for number in range(4):
        writer.page()
        writer.at(60, 100, f"Slide {number}")

    parsed = writer.parsed()

    assert texts(parsed, BlockKind.MARGIN) == []
    assert parsed.text.split("\n")[0] == "Slide 0"


def test_headings_are_told_from_their_look() -> None:
    """Larger, bold and numbered lines that stand apart; levels follow the numbering and the size."""
    writer = Writer()
    for number in (1, 2, 3):
        writer.page()
        writer.at(60, 60, f"Item {number}. Business of Part {number}", style="B")
        y = writer.paragraph(60, 84, LOREM * 3)
        writer.at(60, y + 16, f"Competition {'in Europe' if number == 2 else 'at Home'}", style="B")
        writer.paragraph(60, y + 36, LOREM * 3)

    parsed = writer.parsed()

    assert levels(parsed) == {
        "Item 1. Business of Part 1": 1,
        "Competition at Home": 2,
        "Item 2. Business of Part 2": 1,
        "Competition in Europe": 2,
        "Item 3. Business of Part 3": 1,
    }


def test_numbered_titles_that_begin_a_paragraph() -> None:
    """Of "5.2 Termination. Either party ..." the title is a heading; numbers of a list are none."""
    writer = Writer()
    writer.page()
    y = 60.0
    for title in (
        "1. Term and Termination.",
        "1.1 Term.",
        "1.2 Early Termination.",
        "2. General.",
        "2.1 Notices.",
    ):
        y = writer.paragraph(60, y, f"{title} {LOREM}") + 10
    for number in (7, 12, 30):
        y = writer.paragraph(60, y, f"{number} Boxes of goods were counted. {LOREM}") + 10

    assert levels(writer.parsed()) == {
        "1. Term and Termination": 1,
        "1.1 Term": 2,
        "1.2 Early Termination": 2,
        "2. General": 1,
        "2.1 Notices": 2,
    }


@pytest.mark.parametrize(
    "line",
    [
        "In no event shall either party be liable.",
        "December 31, 2018",
        "By: Jane Doe",
        "1,234 5,678",
        "(unaudited)",
    ],
)
def test_what_only_looks_like_a_heading(line: str) -> None:
    """Bold sentences, dates, signatures and amounts are none."""
    writer = Writer()
    writer.page()
    y = writer.paragraph(60, 60, LOREM * 3)
    writer.at(60, y + 12, line, style="B")
    writer.paragraph(60, y + 36, LOREM * 3)

    assert levels(writer.parsed()) == {}


def test_the_outline_and_the_page_name_headings_together() -> None:
    """The outline's level holds where both know a heading, and headings of the same look get it too."""
    writer = Writer()
    writer.page()
    y = 60.0
    for title in ("Scope", "Delivery", "Payment"):
        writer.pdf.set_y(y)
        if title != "Delivery":
            writer.pdf.start_section(title)
        writer.at(60, y, title, size=14, style="B")
        y = writer.paragraph(60, y + 24, LOREM * 3) + 20

    assert levels(writer.parsed()) == {"Scope": 1, "Delivery": 1, "Payment": 1}


def test_hyphens_at_line_ends() -> None:
    """A word that the document has elsewhere is joined; a real hyphen stays."""
    writer = Writer()
    writer.page()
    writer.at(60, 100, "All of the information is kept for the customer, and more infor-")
    writer.at(60, 112, "mation is given on demand, which is a well-known and a well-")
    writer.at(60, 124, "known rule of the trade; nothing is said of unheard-")
    writer.at(60, 136, "of customs.")

    text = writer.parsed().text

    assert "more information\nis given" in text
    assert "a well-\nknown rule" in text
    assert "unheard-\nof customs" in text


def test_a_narrow_blank_between_words() -> None:
    """Where nothing but a narrow gap parts two words they stay two; spaced letters stay one word."""
    writer = Writer()
    writer.page()
    writer.at(60, 100, "RESORTS INTERNATIONAL", size=9)
    end = 60 + writer.pdf.get_string_width("RESORTS INTERNATIONAL")
    writer.at(end + 0.14 * 9, 100, "AND", size=9)
    writer.pdf.set_char_spacing(1.2)
    writer.at(60, 130, "SUBSIDIARIES", size=9)

    assert writer.parsed().text.split() == ["RESORTS", "INTERNATIONAL", "AND", "SUBSIDIARIES"]


def test_paragraphs_are_parted_by_an_empty_line() -> None:
    """By the gap between them; inside them lines end with a line feed."""
    writer = Writer()
    writer.page()
    y = writer.paragraph(60, 60, LOREM * 2)
    writer.paragraph(60, y + 10, LOREM * 2)

    paragraphs = writer.parsed().text.split("\n\n")

    assert [" ".join(each.split()) for each in paragraphs] == [(LOREM * 2).strip()] * 2


def test_every_line_is_found_on_its_page(parser: Parser, store: Store) -> None:
    """Quotes of tables, columns and joined words have rectangles, also where the order is not the file's."""
    writer = Writer()
    writer.page()
    writer.at(60, 60, "All information is here. More infor-")
    writer.at(60, 72, "mation follows.")
    statement(writer, 120)
    for number in range(10):
        writer.at(60, 300 + 12 * number, f"left line {number} goes on with some more words")
        writer.at(320, 300 + 12 * number, f"right line {number} goes on with some more words")
    path = store(writer.bytes())
    _, parsed = parser.parse(path, "file.pdf")

    table = texts(parsed, BlockKind.TABLE)[0]
    for quote in (
        *filter(None, parsed.text.split("\n")),
        table,
        "words\nleft line 5",
        "Net service sales\t59,293",
    ):
        assert parser.locate(path, 1, quote), quote
    (row,) = {round(box.y0, 2) for box in parser.locate(path, 1, "Net service sales\t59,293\t90,972")}
    assert row == pytest.approx((120 + 32 + 14) / 842, abs=0.02)


def test_text_from_right_to_left_is_left_to_the_readers() -> None:
    """Its order is not told from the positions."""
    found = [
        pdf.document.Segment(text, 60, 200, 100, 10, 0, 0, 0, 9)
        for text in ("\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd", "abc")
    ]

    assert pdf.document._right_to_left(found)
    assert not pdf.document._right_to_left(found[1:])


def test_a_turned_page_reads_the_same() -> None:
    """A landscape table on a page that is turned by its entry keeps its rows."""
    writer = Writer()
    writer.page()
    statement(writer, 100)
    plain = writer.parsed().text
    turned = Writer()
    turned.page()
    with turned.pdf.rotation(90, 300, 400):
        statement(turned, 100)

    assert turned.parsed().text == plain

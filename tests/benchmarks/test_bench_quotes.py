"""Looking a quote up on pages, and finding sentences that no claim covers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fpdf import FPDF

from benchmarks.quotes import (
    bare_sentences,
    markers,
    match_pages,
    page_span,
    pdf_pages,
    squeeze,
    uncovered_sentences,
)

if TYPE_CHECKING:
    from pathlib import Path

PAGES = [
    squeeze("Header A. The quick brown fox jumps over the lazy dog near the river bank."),
    squeeze("Header A. Revenue was 4,120 million in 2021 and 3,900 million in 2020, net of taxes."),
    squeeze("Header A. Nothing of interest is printed on the third page of this small report."),
]


def test_a_quote_is_exact_whatever_its_spaces_and_hyphens() -> None:
    """Line ends, ligatures and hyphenation differ between readers and do not matter."""
    match = match_pages("Revenue was\n4,120 mil-\nlion  in 2021", PAGES, 2, 2)

    assert match.kind == "exact"


def test_a_quote_on_another_page_is_wrong_and_says_where_it_is() -> None:
    """The page named must hold the quote; the page that does is reported."""
    match = match_pages("The quick brown fox jumps over the lazy dog", PAGES, 2, 2)

    assert (match.kind, match.better) == ("wrong", (1,))


def test_a_quote_over_a_page_break_needs_both_pages() -> None:
    """A span is exact when the quote is printed across the break, and too wide when one page is enough."""
    across = "near the river bank. Header A. Revenue was 4,120 million"

    assert match_pages(across, PAGES, 1, 2).kind == "exact"
    assert match_pages(across, PAGES, 1, 1).kind == "wrong"
    assert match_pages("Revenue was 4,120 million in 2021", PAGES, 1, 2).kind == "wide"
    assert match_pages("Header A.", PAGES, 1, 3).kind == "exact"


def test_table_cells_in_another_order_are_fuzzy() -> None:
    """Two readers may order cells differently: most of the quote in place is enough, half is not."""
    reordered = "net of taxes. Revenue was 4,120 million in 2021 and 3,900 million in 2020,"

    assert match_pages(reordered, PAGES, 2, 2).kind == "fuzzy"
    assert (
        match_pages("Revenue was 4,120 million but profits fell to nothing at all", PAGES, 2, 2).kind
        == "wrong"
    )


@pytest.mark.parametrize(("first", "last"), [(0, 1), (2, 1), (3, 4)])
def test_pages_that_do_not_exist_are_wrong(first: int, last: int) -> None:
    """Pages count from 1 to the last page of the file."""
    assert match_pages("Header A.", PAGES, first, last).kind == "wrong"


def test_an_empty_quote_is_nowhere() -> None:
    """A citation without text proves nothing, on any page."""
    assert match_pages(" \n", PAGES, 1, 1).kind == "wrong"


def test_page_spans_of_every_shape() -> None:
    """A list of pages, a first and last page and a single number mean the same span."""
    assert (2, 4) == page_span([2, 3, 4]) == page_span([2, 4])
    assert (3, 3) == page_span(3) == page_span([3])
    assert page_span(None) is None
    assert page_span([]) is None


def test_pages_are_read_from_a_real_pdf(tmp_path: Path) -> None:
    """A file of two pages gives two squeezed texts in order."""
    pdf = FPDF()
    for text in ("Alpha beta gamma.", "Delta epsilon."):
        pdf.add_page()
        pdf.set_font("Helvetica", size=12)
        pdf.cell(0, 10, text)
    path = tmp_path / "two.pdf"
    path.write_bytes(bytes(pdf.output()))

    assert pdf_pages(path) == ["Alphabetagamma.", "Deltaepsilon."]


def test_markers_are_found_with_their_numbers() -> None:
    """Single and grouped markers count, other brackets do not."""
    assert markers("Yes [1] [2, 3] [x] []") == [(4, 7, (1,)), (8, 14, (2, 3))]


def test_sentences_keep_their_offsets_in_the_answer() -> None:
    """Each character of a bare sentence is the answer's character at its offset, beyond the BMP too."""
    answer = "Caf\u00e9 \U0001f642 opens at 9.[1] It shuts at 5.[2]"

    sentences = list(bare_sentences(answer))

    assert [text.strip() for text, _ in sentences] == ["Caf\u00e9 \U0001f642 opens at 9.", "It shuts at 5."]
    assert all(text == "".join(answer[offset] for offset in offsets) for text, offsets in sentences)


def test_a_sentence_outside_all_claims_is_found() -> None:
    """Claims may split or join sentences, but no letter may stand outside all of them."""
    answer = "It opens at nine. [1] Trust me. It shuts at five. [2]"
    first, last = (0, 17), (32, 49)
    claims = [{"start": start, "end": end} for start, end in (first, last)]

    assert uncovered_sentences(answer, claims) == ["Trust me."]
    assert uncovered_sentences(answer, [{"start": 0, "end": len(answer)}]) == []
    assert len(uncovered_sentences(answer, [])) == 3

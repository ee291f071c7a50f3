"""The comparison system: lossless passages, BM25 and rank fusion against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.baseline import Bm25, fuse, ranking, split_recursive

TEXTS = st.text(st.sampled_from("ab .\n?\u00e9\U0001f642"), max_size=300)


@given(TEXTS, st.integers(1, 40))
def test_recursive_pieces_are_lossless(text: str, size: int) -> None:
    """The pieces joined are the text, their offsets slice it, and none is longer than asked."""
    pieces = split_recursive("d", text, size)

    assert text == "".join(piece.text for piece in pieces)
    assert all(piece.text == text[piece.start : piece.end] for piece in pieces)
    assert all(0 < len(piece.text) <= size for piece in pieces)


def test_the_strongest_boundary_is_cut_first() -> None:
    """Paragraphs that fit stay whole although a later sentence would still fit beside the first."""
    pieces = split_recursive("d", "One one.\n\nTwo two. Two two two.", 21)

    assert [piece.text for piece in pieces] == ["One one.\n\n", "Two two. Two two two."]


def test_a_long_paragraph_is_cut_at_sentences_and_a_long_word_anywhere() -> None:
    """Weaker boundaries are used only where a stronger piece is too long."""
    assert [p.text for p in split_recursive("d", "First one. Second one.", 12)] == [
        "First one. ",
        "Second one.",
    ]
    assert [p.text for p in split_recursive("d", "abcdefghi", 4)] == ["abcd", "efgh", "i"]


def test_bm25_by_hand() -> None:
    """Scores equal the formula: N=3, lengths 2, 4 and 3, so the average is 3, k1=1.2, b=0.75."""
    scores = Bm25(["red fox", "red red blue dog", "green green frog"]).scores("red fox")

    idf_red = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    idf_fox = math.log(1 + (3 - 1 + 0.5) / (1 + 0.5))
    short, long = 1.2 * (0.25 + 0.75 * 2 / 3), 1.2 * (0.25 + 0.75 * 4 / 3)
    first = (idf_red + idf_fox) * 1 * 2.2 / (1 + short)
    second = idf_red * 2 * 2.2 / (2 + long)
    assert pytest.approx([first, second, 0.0]) == list(scores)


def test_bm25_of_unknown_words_is_zero() -> None:
    """A query without a known word ranks nothing."""
    assert ranking(Bm25(["red fox"]).scores("zebra"), 10) == []


def test_ranking_breaks_ties_by_position() -> None:
    """Equal scores keep the order of the texts, and zeros are left out."""
    assert ranking(np.array([1.0, 1.0, 3.0, 0.0]), 10) == [2, 0, 1]


def test_fusion_by_hand() -> None:
    """With k=10: b has 1/12 + 1/11, a 1/11, c 1/12; so b, a, c."""
    assert fuse([[0, 1], [1, 2]], k=10) == [1, 0, 2]

"""Interval arithmetic against counting characters one by one, and Chroma's measures by hand."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.ranges import Range, cut, intersection, length, overlap, union

Characters = set[tuple[str, int]]

RANGES = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 30), st.integers(0, 12)).map(
        lambda parts: (parts[0], parts[1], parts[1] + parts[2])
    ),
    max_size=8,
)


def characters(ranges: list[Range]) -> Characters:
    """The same ranges as a set of single characters."""
    return {(document, at) for document, start, end in ranges for at in range(start, end)}


@given(RANGES)
def test_union_holds_the_same_characters_without_overlap(ranges: list[Range]) -> None:
    """A union has the characters of its parts, each once, in sorted ranges that do not touch."""
    merged = union(ranges)

    assert characters(merged) == characters(ranges)
    assert sum(end - start for _, start, end in merged) == len(characters(ranges))
    assert all(left[0] < right[0] or left[2] < right[1] for left, right in itertools.pairwise(merged))


@given(RANGES, RANGES)
def test_intersection_is_that_of_the_character_sets(left: list[Range], right: list[Range]) -> None:
    """An intersection has exactly the characters that are in both sides."""
    assert characters(left) & characters(right) == characters(intersection(left, right))
    assert len(characters(left) & characters(right)) == length(intersection(left, right))


def test_overlap_by_hand() -> None:
    """Recall, precision and IoU count characters: 10 of 20 wanted, 10 of 15 retrieved, 10 of 25 in all."""
    found = overlap([("a", 0, 10), ("a", 20, 30)], [("a", 5, 10), ("a", 25, 30), ("b", 0, 5)])

    assert pytest.approx(10 / 20) == found.recall
    assert pytest.approx(10 / 15) == found.precision
    assert pytest.approx(10 / 25) == found.iou


def test_a_passage_retrieved_twice_counts_once() -> None:
    """The union of what was retrieved is measured, so repeats neither help nor hurt."""
    once = overlap([("a", 0, 10)], [("a", 0, 20)])
    twice = overlap([("a", 0, 10)], [("a", 0, 20), ("a", 0, 20), ("a", 5, 15)])

    assert once == twice


def test_nothing_retrieved_is_zero() -> None:
    """Without passages all three measures are zero, not undefined."""
    found = overlap([("a", 0, 10)], [])

    assert (found.recall, found.precision, found.iou) == (0.0, 0.0, 0.0)


def test_an_empty_reference_is_refused() -> None:
    """Recall of nothing has no meaning and must not pass as a figure."""
    with pytest.raises(ValueError, match="undefined"):
        overlap([("a", 3, 3)], [("a", 0, 1)])


def test_cut_keeps_the_order_and_ends_at_the_budget() -> None:
    """The best passages are kept whole and the one that passes the budget is cut there."""
    assert cut([("b", 5, 9), ("a", 0, 20), ("c", 0, 5)], 10) == [("b", 5, 9), ("a", 0, 6)]
    assert cut([("b", 5, 9)], 100) == [("b", 5, 9)]

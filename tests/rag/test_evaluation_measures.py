"""Measures of retrieval against values worked out by hand, and statistics against their definitions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.evaluation.measures import Range, common, cut, length, overlap, recall_within, union
from rag.evaluation.ranking import evaluate, ranked_documents, ranked_places
from rag.evaluation.statistics import compare, estimate

RANGES = st.lists(st.builds(Range, st.sampled_from("ab"), st.integers(0, 30), st.integers(0, 30)), max_size=8)


def characters(ranges: list[Range]) -> set[tuple[str, int]]:
    """The definition: a set with every single character."""
    return {(document, at) for document, start, end in ranges for at in range(start, end)}


def test_ranges_are_joined_within_their_document() -> None:
    """Overlapping and touching ranges become one, empty ones vanish, documents stay apart."""
    ranges = [Range("a", 5, 9), Range("a", 0, 5), Range("b", 3, 6), Range("a", 7, 12), Range("b", 9, 9)]

    assert union(ranges) == [Range("a", 0, 12), Range("b", 3, 6)]
    assert length(ranges) == 15


@given(left=RANGES, right=RANGES)
def test_counts_are_those_of_sets_of_characters(left: list[Range], right: list[Range]) -> None:
    """Whatever the ranges, counting them is counting characters."""
    assert length(left) == len(characters(left))
    assert common(left, right) == len(characters(left) & characters(right))


def test_recall_precision_and_iou_by_hand() -> None:
    """40 relevant characters, 60 retrieved once the double ones are counted once, 30 in common."""
    relevant = [Range("a", 0, 30), Range("b", 10, 20)]
    retrieved = [Range("a", 10, 40), Range("a", 20, 50), Range("b", 0, 20)]

    found = overlap(relevant, retrieved)

    assert found.recall == pytest.approx(30 / 40)
    assert found.precision == pytest.approx(30 / 60)
    assert found.iou == pytest.approx(30 / 70)


def test_nothing_retrieved_and_nothing_relevant() -> None:
    """Nothing retrieved scores nothing; without anything relevant there is no recall to speak of."""
    nothing = overlap([Range("a", 0, 5)], [])

    assert (nothing.recall, nothing.precision, nothing.iou) == (0, 0, 0)
    with pytest.raises(ValueError, match="undefined"):
        overlap([Range("a", 5, 5)], [Range("a", 0, 5)])


def test_a_budget_cuts_the_last_text() -> None:
    """Texts are taken in their order, also what was there already, and the last ends where the budget does."""
    ranked = [Range("a", 50, 60), Range("b", 0, 30), Range("a", 0, 10)]

    assert cut(ranked, 0) == []
    assert cut(ranked, 10) == [Range("a", 50, 60)]
    assert cut(ranked, 25) == [Range("a", 50, 60), Range("b", 0, 15)]
    assert cut(ranked, 999) == ranked
    assert recall_within([Range("b", 10, 30)], ranked, [10, 25, 40]) == [0, 0.25, 1]


def test_documents_rank_by_their_first_passage() -> None:
    """A document counts once, where its best passage stands."""
    assert ranked_documents([Range("b", 0, 5), Range("a", 0, 5), Range("b", 5, 9)]) == ["b", "a"]


def test_a_place_is_found_once_and_by_half() -> None:
    """A passage finds a place when they share half of the shorter; a second passage of it finds nothing new."""
    places = {"long": Range("a", 0, 100), "short": Range("a", 200, 210), "best": Range("a", 205, 225)}
    grades = {"long": 1, "short": 1, "best": 2}
    ranked = [Range("a", 80, 130), Range("a", 0, 40), Range("a", 40, 80), Range("a", 200, 230)]

    assert ranked_places(places, grades, ranked) == ["passage 1", "long", "passage 3", "best", "short"]


def test_ranking_measures_by_hand() -> None:
    """Grades 2 and 1 at ranks 3 and 1: DCG 1 + 2/2, ideal 2 + 1/log2(3)."""
    grades = {"q": {"x": 2, "y": 1, "z": 0}, "empty": {"x": 1}, "nothing relevant": {"x": 0}}

    values = evaluate(grades, {"q": ["y", "z", "x"], "empty": [], "nothing relevant": ["x"]})

    assert values["q"]["nDCG@10"] == pytest.approx((1 + 2 / 2) / (2 + 1 / math.log2(3)))
    assert values["q"]["RR"] == 1
    assert values["q"]["R@5"] == 1
    assert values["empty"] == {"nDCG@10": 0, "R@5": 0, "R@10": 0, "RR": 0}
    assert set(values) == {"q", "empty"}


def test_recall_at_a_cutoff_and_reciprocal_rank() -> None:
    """Of three relevant names, two within ten; the first at rank four."""
    ranking = ["n1", "n2", "n3", "a", "n5", "n6", "b", "n8", "n9", "n10", "c"]

    values = evaluate({"q": {"a": 1, "b": 1, "c": 1}}, {"q": ranking})["q"]

    assert values["RR"] == pytest.approx(1 / 4)
    assert values["R@5"] == pytest.approx(1 / 3)
    assert values["R@10"] == pytest.approx(2 / 3)


def test_an_estimate_holds_its_mean_and_narrows() -> None:
    """The interval is around the mean, of no width for equal values, and narrower with more questions."""
    few = estimate([0.0, 1.0, 1.0, 0.0, 1.0, 1.0])
    many = estimate([0.0, 1.0, 1.0, 0.0, 1.0, 1.0] * 30)
    same = estimate([0.5, 0.5, 0.5])
    single = estimate([0.7])

    assert few.low is not None and few.high is not None and many.low is not None and many.high is not None  # noqa: PT018
    assert few.mean == many.mean == pytest.approx(4 / 6)
    assert few.low < few.mean < few.high
    assert many.high - many.low < (few.high - few.low) / 2
    assert (same.low, same.high) == (0.5, 0.5)
    assert (single.mean, single.low, single.high, single.count) == (0.7, None, None, 1)
    with pytest.raises(ValueError, match="no value"):
        estimate([])


def test_the_interval_is_that_of_the_normal_approximation_for_many_values() -> None:
    """For 400 values the bootstrap agrees with mean plus and minus 1.96 standard errors."""
    values = np.random.default_rng(1).beta(2, 1, 400)

    found = estimate(values.tolist())

    half = 1.96 * values.std(ddof=1) / math.sqrt(len(values))
    assert found.low == pytest.approx(values.mean() - half, abs=0.004)
    assert found.high == pytest.approx(values.mean() + half, abs=0.004)


def test_the_randomisation_test_counts_every_assignment() -> None:
    """With few questions p is the share of the sign assignments that are at least as extreme, to the letter."""
    first, second = [0.2, 0.5, 0.4, 0.9, 0.1], [0.3, 0.7, 0.35, 0.9, 0.4]
    differences = [b - a for a, b in zip(first, second, strict=True)]
    observed = abs(sum(differences))
    sums = [
        abs(sum(sign * each for sign, each in zip(signs, differences, strict=True)))
        for signs in itertools.product((1, -1), repeat=5)
    ]

    found = compare(first, second)

    assert found.p == pytest.approx(sum(total >= observed - 1e-12 for total in sums) / len(sums))
    assert (found.wins, found.losses, found.ties) == (3, 1, 1)
    assert found.difference.mean == pytest.approx(sum(differences) / 5)
    assert found.effect == pytest.approx(np.mean(differences) / np.std(differences, ddof=1))


def test_questions_that_do_not_differ_leave_the_test_exact() -> None:
    """Two of forty questions differ: the four assignments of their signs are all there are."""
    found = compare([0.5] * 40, [0.5] * 38 + [0.75, 0.875])

    assert found.p == 0.5
    assert compare([0.5] * 40, [0.5] * 39 + [1.0]).p == 1


def test_equal_configurations_do_not_differ() -> None:
    """No difference at all is p = 1 and no effect."""
    found = compare([0.1, 0.5, 0.9], [0.1, 0.5, 0.9])

    assert (found.p, found.effect, found.ties) == (1, 0, 3)


def test_a_clear_difference_is_found_and_noise_mostly_is_not() -> None:
    """A constant gain among 40 questions is significant; of 60 pairs of equal distribution about 5 % are."""
    source = np.random.default_rng(7)
    base = source.random(40)

    clear = compare(base.tolist(), (base + 0.1 + source.normal(0, 0.05, 40)).tolist())
    chance = [compare(source.random(12).tolist(), source.random(12).tolist()).p for _ in range(60)]

    assert clear.p is not None
    assert clear.p < 0.001
    assert clear.difference.low is not None
    assert clear.difference.low > 0
    assert sum(p is not None and p < 0.05 for p in chance) <= 9


def test_pairs_must_match() -> None:
    """Values of different questions cannot be compared."""
    with pytest.raises(ValueError, match="paired"):
        compare([0.1], [0.1, 0.2])

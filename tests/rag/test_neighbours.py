"""Scores steadied by those around them."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.types import IdRange
from rag.neighbours import OUTSIDE, steadied

# Weights at a distance of 1 and 2 with a reach of 2.
NEAR, NEXT = math.exp(-0.5), math.exp(-1.0)
# Of all thirteen places that are heard.
WHOLE = 1 + 2 * sum(math.exp(-distance / 2) for distance in range(1, 7))
DOCUMENT = IdRange(11, 13)


def heard(inside: float) -> float:
    """The weights inside a document, with the share that the places outside of it have."""
    return inside + OUTSIDE * (WHOLE - inside)


def test_against_values_computed_by_hand() -> None:
    """Each passage counts itself whole and those around it by how far away they are."""
    scores = {11: 0.9, 12: 0.3, 13: 0.6}

    found = steadied(scores, 0.0, dict.fromkeys(scores, DOCUMENT), 2.0)

    assert found == pytest.approx(
        {
            11: (0.9 + NEAR * 0.3 + NEXT * 0.6) / heard(1 + NEAR + NEXT),
            12: (NEAR * 0.9 + 0.3 + NEAR * 0.6) / heard(NEAR + 1 + NEAR),
            13: (NEXT * 0.9 + NEAR * 0.3 + 0.6) / heard(NEXT + NEAR + 1),
        }
    )


def test_neighbours_without_a_score_have_the_floor() -> None:
    """Passages that no view returned lower those beside them, by as much as is known of them."""
    found = steadied({12: 1.0}, 0.2, {12: DOCUMENT}, 2.0)

    whole = heard(1 + 2 * NEAR)
    assert found == pytest.approx({12: (1.0 + (whole - 1) * 0.2) / whole})


def test_nothing_is_taken_from_other_documents() -> None:
    """Ids that touch belong to different documents; each ends at its own border."""
    places = {10: IdRange(9, 10), 11: DOCUMENT}

    found = steadied({10: 1.0, 11: 0.5}, 0.0, places, 2.0)

    assert found == pytest.approx(
        {10: 1.0 / heard(1 + NEAR), 11: 0.5 / heard(1 + NEAR + NEXT)},
    )


def test_a_single_passage_is_lowered_a_little_for_standing_alone() -> None:
    """What lies outside of a document has the floor, and counts a tenth."""
    found = steadied({7: 0.4}, 0.1, {7: IdRange(7, 7)}, 2.0)

    assert found == pytest.approx({7: (0.4 + OUTSIDE * (WHOLE - 1) * 0.1) / heard(1)})
    assert 0.1 < found[7] < 0.4


def test_what_is_far_away_does_not_count() -> None:
    """Beyond three times the reach, rounded up, a passage is not heard."""
    places = dict.fromkeys((100, 103, 104), IdRange(1, 1000))

    near = steadied({100: 1.0, 103: 1.0}, 0.0, places, 1.0)
    far = steadied({100: 1.0, 104: 1.0}, 0.0, places, 1.0)

    # Number 100 to 104 have all their neighbours in the document.
    alone = 1.0 / (1 + 2 * sum(math.exp(-d) for d in (1, 2, 3)))
    assert far == pytest.approx({100: alone, 104: alone})
    assert near[100] == pytest.approx(alone * (1 + math.exp(-3)))


def test_only_passages_of_both_mappings_are_returned() -> None:
    """One without a place has gone meanwhile, but one without a score is not made up either."""
    assert set(steadied({11: 1.0, 12: 1.0}, 0.0, {12: DOCUMENT, 13: DOCUMENT}, 2.0)) == {12}
    assert steadied({}, 0.0, {}, 2.0) == {}


@given(
    scores=st.dictionaries(st.integers(1, 60), st.floats(0, 1), max_size=30),
    edges=st.sets(st.integers(2, 60), max_size=8),
    floor=st.floats(0, 1),
    reach=st.floats(0.1, 10),
)
def test_means_stay_between_the_lowest_and_the_highest(
    scores: dict[int, float], edges: set[int], floor: float, reach: float
) -> None:
    """However documents are laid out; and where all are alike, nothing changes."""
    starts = [1, *sorted(edges), 61]
    places = {i: next(IdRange(a, b - 1) for a, b in pairwise(starts) if a <= i < b) for i in scores}

    found = steadied(scores, floor, places, reach)

    assert set(found) == set(scores)
    for i, value in found.items():
        around = [floor, *(scores.get(n, floor) for n in range(places[i].first, places[i].last + 1))]
        assert min(around) - 1e-9 <= value <= max(around) + 1e-9
    even = steadied(dict.fromkeys(scores, floor), floor, places, reach)
    assert even == pytest.approx(dict.fromkeys(scores, floor))

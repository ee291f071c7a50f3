"""Signals and the probability made of them."""

from __future__ import annotations

import json
import math
from importlib import resources
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.types import StoredPassage
from rag.confidence import (
    CURRENT,
    Calibration,
    confidence,
    confidence_of_support,
    load_calibration,
    retrieval_signals,
    sufficiency_signals,
)
from rag.types import Found

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = load_calibration().signals
FAULTS = ("invented_keys", "altered_quotes", "unsupported_share")
SIGNALS = st.fixed_dictionaries(
    {name: st.floats(0, 1, allow_nan=False) for name in NAMES},
    optional={name: st.floats(0, 5, allow_nan=False) for name in FAULTS},
)
PLAIN = Calibration("plain", ("a", "b"), (0.5, 0.0), (0.5, 2.0), (1.0, -1.0), 0.25, 0.3)


@pytest.mark.parametrize(
    ("signals", "log_odds"),
    [
        ({"a": 0.5, "b": 0.0}, 0.25),
        ({"a": 1.0, "b": 0.0}, 1.25),
        ({"a": 0.5, "b": 4.0}, -1.75),
        ({"a": 0.5, "b": 0.0, "invented_keys": 2.0}, 0.25 - 1.4),
        ({"a": 0.5, "b": 0.0, "unsupported_share": 0.5}, 0.25 - 2.0),
        ({"a": 0.5, "b": 0.0, "something_else": 9.0}, 0.25),
    ],
)
def test_the_probability_against_values_computed_by_hand(
    signals: Mapping[str, float], log_odds: float
) -> None:
    """A logistic function of the standardised signals, and of nothing else."""
    assert PLAIN.probability(signals) == pytest.approx(1 / (1 + math.exp(-log_odds)))


@given(SIGNALS)
def test_the_same_signals_give_the_same_value(signals: dict[str, float]) -> None:
    """In any order, between 0 and 1, with the signals and the calibration named."""
    calibration = load_calibration()

    first = confidence(signals, calibration)
    again = confidence(dict(reversed(list(signals.items()))), calibration)

    assert first.value == again.value
    assert 0.0 < first.value < 1.0
    assert first.signals == signals
    assert first.calibration == CURRENT


@given(SIGNALS, st.sampled_from(FAULTS), st.floats(0.01, 5))
def test_faults_only_lower_it(signals: dict[str, float], fault: str, more: float) -> None:
    """Nothing that a language model does wrong makes an answer more trustworthy."""
    calibration = load_calibration()
    worse = {**signals, fault: signals.get(fault, 0.0) + more}

    assert calibration.probability(worse) <= calibration.probability(signals)


def test_a_missing_signal_is_an_error() -> None:
    """A calibration is never computed from less than it was fitted on."""
    with pytest.raises(KeyError):
        load_calibration().probability({})


def test_extreme_signals_do_not_overflow() -> None:
    """Values far outside of what was seen give a probability all the same."""
    for value in (1e9, -1e9):
        probability = load_calibration().probability(dict.fromkeys(NAMES, value))

        assert 0.0 <= probability <= 1.0


@pytest.mark.parametrize(
    "file", sorted(resources.files("rag").joinpath("calibrations").iterdir(), key=str), ids=str
)
def test_every_calibration_file_is_complete(file: resources.abc.Traversable) -> None:
    """It names itself and what it was fitted on, and has a number for each of its signals."""
    found = json.loads(file.read_text())

    assert file.name == f"{found['id']}.json"
    assert found["fitted_on"]
    count = len(found["signals"])
    assert count == len(set(found["signals"])) > 0
    for name in ("mean", "scale", "weights"):
        assert len(found[name]) == count
        assert all(math.isfinite(value) for value in found[name])
    assert min(found["scale"]) > 0
    assert math.isfinite(found["intercept"])
    assert 0.0 <= found["abstain_below"] < 0.5
    assert load_calibration(found["id"]).id == found["id"]


def test_its_signals_are_those_that_an_answer_has() -> None:
    """What the calibration reads is what retrieval and the cited sentences give."""
    given_signals = {
        **retrieval_signals([]),
        **sufficiency_signals("Why?", [], "", [], {}),
        "sentence_answers": 0.0,
    }

    assert set(NAMES) <= set(given_signals)


@pytest.mark.parametrize(
    ("supports", "value", "level"),
    [
        ([], 0.0, "low"),
        ([0.9, 0.7], 0.7, "high"),
        ([0.69, 1.0], 0.69, "medium"),
        ([0.4], 0.4, "medium"),
        ([0.39, 1.0], 0.39, "low"),
    ],
)
def test_a_checked_text_is_as_good_as_its_weakest_sentence(
    supports: list[float], value: float, level: str
) -> None:
    """Levels begin at 0.7 and 0.4; nothing was calibrated, and it says so."""
    rated = confidence_of_support(supports)

    assert (rated.value, rated.level, rated.calibration) == (value, level, "uncalibrated")


def found(dense: float, rank: int, ranks: dict[str, int]) -> Found:
    """A found passage with this cosine and these ranks in the views."""
    passage = StoredPassage(rank, "doc", 1, "T", "t.txt", rank, 0, 0, 4, "text", (), None, ((0, 4),))
    return Found(passage, 1.0, rank, {"dense": dense}, ranks)


def test_retrieval_signals() -> None:
    """Best cosine, its lead over the fifth, and whether the views agree; all 0 when nothing was found."""
    five = [found(0.9 - rank / 10, rank, {"dense": rank}) for rank in range(1, 7)]

    assert retrieval_signals(five) == pytest.approx(
        {"passage_cosine": 0.8, "passage_margin": 0.4, "views_agree": 0.0}
    )
    assert retrieval_signals([found(0.5, 1, {"dense": 1, "lexical": 1})])["views_agree"] == 1.0
    assert retrieval_signals([found(0.5, 1, {"dense": 1, "lexical": 4})])["views_agree"] == 0.5
    assert set(retrieval_signals([]).values()) == {0.0}


def test_sufficiency_signals() -> None:
    """Shares of the question's terms, names and numbers that the cited sentences and their surroundings have."""
    signals = sufficiency_signals(
        "When did the Riverside tower open after 1990?",
        ["It opened in 1994."],
        "Riverside branch. It opened in 1994. The hall is older.",
        [0.3, 0.6],
        {"riversid": 4.0, "tower": 3.0, "open": 1.0, "1990": 2.0},
    )

    assert signals == pytest.approx(
        {
            "sentence_cosine": 0.6,
            "sentence_coverage": 0.1,
            "context_coverage": 0.5,
            "rarest_covered": 1.0,
            "names_covered": 1.0,
            "numbers_covered": 0.0,
            "type_match": 1.0,
        }
    )

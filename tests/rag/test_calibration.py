"""Calibrations: fitted to judged answers, kept in files, and read as thresholds."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from rag.calibration import (
    ENOUGH,
    Calibration,
    RiskPoint,
    fit_calibration,
    load_calibration,
    read_calibration,
    risk_coverage,
)
from rag.errors import InvalidCalibration

if TYPE_CHECKING:
    from pathlib import Path

BASE = Calibration("base", ("a", "b"), (0.0, 0.0), (1.0, 1.0), (1.0, 0.0), 0.0, 0.2)


def judged(count: int, seed: int = 1) -> tuple[list[dict[str, float]], list[bool]]:
    """Answers that are right by the log-odds 2 b - a - 1, and so not as the base has it."""
    source = random.Random(seed)
    rows = [{"a": source.gauss(0, 1), "b": source.gauss(0, 1)} for _ in range(count)]
    odds = [2 * row["b"] - row["a"] - 1 for row in rows]
    return rows, [source.random() < 1 / (1 + math.exp(-each)) for each in odds]


def test_without_answers_the_base_comes_back() -> None:
    """And says that there were none."""
    fitted = fit_calibration([], [], name="mine", base=BASE)

    assert fitted.probability({"a": 0.7, "b": 9.0}) == pytest.approx(BASE.probability({"a": 0.7, "b": 9.0}))
    assert [(each.code, each.seen) for each in fitted.warnings] == [
        ("few_answers", 0),
        ("few_right", 0),
        ("few_wrong", 0),
    ]
    assert fitted.id == "mine"


def test_few_answers_move_it_a_little_and_many_all_the_way() -> None:
    """Where every answer of log-odds 0 is wrong, their probability falls from one half, the more the more there are."""
    values = [
        fit_calibration([{"a": 0.0, "b": 0.0}] * count, [False] * count, name="x", base=BASE).probability(
            {"a": 0.0, "b": 0.0}
        )
        for count in (1, 10, 1000)
    ]

    assert 0.5 > values[0] > 0.4 > values[1] > 0.1 > values[2] > 0.0


def test_weights_fitted_anew_are_those_of_the_data() -> None:
    """Many answers, drawn with known weights, give these back, and no warning."""
    rows, right = judged(6000)
    fitted = fit_calibration(rows, right, name="new", base=BASE, signals=("a", "b"))

    assert fitted.log_odds({"a": 0.0, "b": 0.0}) == pytest.approx(-1, abs=0.15)
    assert fitted.log_odds({"a": 0.0, "b": 1.0}) == pytest.approx(1, abs=0.25)
    assert fitted.log_odds({"a": 1.0, "b": 0.0}) == pytest.approx(-2, abs=0.25)
    assert fitted.warnings == ()


def test_moving_keeps_the_order_and_mends_the_level() -> None:
    """A slope and an intercept make the mean probability that of the right answers."""
    rows, right = judged(3000)
    fitted = fit_calibration(rows, right, name="moved", base=BASE)

    mean = np.mean([fitted.probability(row) for row in rows])
    assert mean == pytest.approx(np.mean(right), abs=0.02)
    assert fitted.signals == BASE.signals


def test_a_target_error_is_kept_on_other_answers() -> None:
    """The threshold is read off one sample; on another the share of wrong answers above it is near the target."""
    fitted = fit_calibration(*judged(4000), name="new", base=BASE, signals=("a", "b"))
    threshold = fitted.threshold(0.1)
    rows, right = judged(4000, seed=2)

    given = [good for row, good in zip(rows, right, strict=True) if fitted.probability(row) >= threshold]

    assert len(given) > 200
    assert 1 - np.mean(given) == pytest.approx(0.1, abs=0.03)
    assert fitted.threshold(None) == BASE.abstain_below
    assert BASE.threshold(0.1) == 1.0, "Without a curve nothing is known to keep the target."


def test_one_group_never_stands_on_both_sides_of_the_curve() -> None:
    """A signal that only names the group looks perfect on the groups it was fitted on, and useless on others."""
    rows = [{"a": float(at // 20), "b": 0.0} for at in range(200)]
    right = [(at // 20) % 2 == 0 for at in range(200)]
    groups = [str(at // 20) for at in range(200)]

    curve = fit_calibration(rows, right, name="x", base=BASE, signals=("a",), groups=groups).risk

    assert min(point.error for point in curve if point.coverage > 0.2) > 0.2


def test_the_risk_coverage_curve_against_values_computed_by_hand() -> None:
    """Answers of one probability are given together; the last point gives all."""
    curve = risk_coverage(np.array([0.9, 0.5, 0.7, 0.7]), np.array([1.0, 0.0, 1.0, 0.0]))

    found = [(point.threshold, point.error, point.coverage) for point in curve]
    assert found == [(0.9, 0.0, 0.25), (0.7, pytest.approx(1 / 3, abs=1e-5), 0.75), (0.5, 0.5, 1.0)]


def test_the_same_answers_give_the_same_file(tmp_path: Path) -> None:
    """What is saved is read back equal, and a second fit writes the same bytes."""
    rows, right = judged(ENOUGH)
    named = [{"support": row["a"], "sentence_answers": row["b"]} for row in rows]
    base = replace(BASE, signals=("support", "sentence_answers"))
    first, again = (fit_calibration(named, right, name="own", base=base, fitted_on="ours") for _ in range(2))
    first.save(tmp_path / "a.json")
    again.save(tmp_path / "b.json")

    assert read_calibration(tmp_path / "a.json") == first
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


@pytest.mark.parametrize(
    "content",
    [
        None,
        "no json",
        "[]",
        '{"id": "x"}',
        '{"id": "x", "signals": ["a"], "mean": [0], "scale": [0], "weights": [1], "intercept": 0, "abstain_below": 0}',
        '{"id": "x", "signals": ["a"], "mean": [], "scale": [1], "weights": [1], "intercept": 0, "abstain_below": 0}',
        '{"id": "x", "signals": [], "mean": [], "scale": [], "weights": [], "intercept": NaN, "abstain_below": 0}',
    ],
)
def test_what_is_no_calibration_is_refused(tmp_path: Path, content: str | None) -> None:
    """With the file's name, and not when the first question comes."""
    path = tmp_path / "own.json"
    if content is not None:
        path.write_text(content)

    with pytest.raises(InvalidCalibration, match=r"own\.json"):
        read_calibration(path)


GOOD = {
    "id": "own",
    "signals": ["sentence_answers"],
    "mean": [0.0],
    "scale": [1.0],
    "weights": [1.0],
    "intercept": 0.0,
    "abstain_below": 0.2,
    "mode": "generative",
    "fitted_on": "ours",
    "answers": 300,
    "risk": [{"threshold": 0.5, "error": 0.1, "coverage": 1.0}],
    "warnings": [],
}


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"id": ""}, "'id'"),
        ({"signals": ["charm"]}, "no answer has the signal 'charm'"),
        ({"signals": ["sentence_answers", "sentence_answers"]}, "names one twice"),
        ({"signals": "sentence_answers"}, "'signals'"),
        ({"mean": [math.nan]}, "'mean'"),
        ({"mean": [0.0, 1.0]}, "'mean' has 2 numbers for 1 signals"),
        ({"scale": [0]}, "'scale'"),
        ({"weights": [math.inf]}, "'weights'"),
        ({"weights": ["1"]}, "'weights'"),
        ({"intercept": math.nan}, "'intercept'"),
        ({"intercept": True}, "'intercept'"),
        ({"abstain_below": math.nan}, "'abstain_below'"),
        ({"abstain_below": 20}, "'abstain_below'"),
        ({"mode": "guessing"}, "'mode' must be extractive or generative, not 'guessing'"),
        ({"mode": ["extractive"]}, "'mode'"),
        ({"fitted_on": 3}, "'fitted_on'"),
        ({"answers": -1}, "'answers'"),
        ({"answers": 2.5}, "'answers'"),
        ({"risk": {}}, "'risk'"),
        ({"risk": [{"threshold": 0.5}]}, "'risk'"),
        ({"risk": [{"threshold": 0.5, "error": math.nan, "coverage": 1.0}]}, "'risk'"),
        ({"warnings": ["few"]}, "'warnings'"),
        ({"warnings": [{"code": "a", "message": "b", "seen": None, "wanted": 1}]}, "'warnings'"),
        ({"signals": ["sufficiency"]}, "an earlier version"),
        ({"risk": [{"threshold": 0.9, "error": 0.0, "coverage": 0.0}]}, "'coverage' above 0"),
        ({"intercept": 10**400}, "'intercept'"),
    ],
)
def test_a_damaged_calibration_says_what_is_wrong(
    tmp_path: Path, changes: dict[str, object], wrong: str
) -> None:
    """Before it decides about an answer: the message names the file, the field and what to do."""
    path = tmp_path / "own.json"
    path.write_text(json.dumps(GOOD))
    assert read_calibration(path).mode == "generative"
    path.write_text(json.dumps({**GOOD, **changes}))

    with pytest.raises(InvalidCalibration) as caught:
        read_calibration(path)

    message = str(caught.value)
    assert "own.json" in message
    assert wrong in message
    assert "footnote calibrate" in message


def test_sources_that_disagree_share_the_probability() -> None:
    """At most one of them is right, however sure the rest would be."""
    sure = {"a": 9.0, "b": 0.0}

    assert BASE.probability(sure) > 0.9
    assert BASE.probability({**sure, "disagreements": 1.0}) == pytest.approx(BASE.probability(sure) / 2)


def test_rows_and_verdicts_must_be_as_many() -> None:
    """A list that is cut off is an error, not a smaller sample."""
    with pytest.raises(ValueError, match="as many"):
        fit_calibration([{"a": 0.0, "b": 0.0}], [], name="x", base=BASE)


def test_an_unknown_name_is_refused() -> None:
    """Only what comes with the package can be named."""
    with pytest.raises(InvalidCalibration, match="nonesuch"):
        load_calibration("nonesuch")


def test_a_few_lucky_answers_do_not_set_the_threshold() -> None:
    """What the probabilities promise counts beside the error of the few answers at the top."""
    curve = (RiskPoint(0.95, 0.2, 0.02), RiskPoint(0.94, 0.1, 0.1), RiskPoint(0.6, 0.12, 0.5))
    found = replace(BASE, risk=curve, answers=1000)

    assert found.threshold(0.1) == 0.94
    assert found.threshold(0.04) == 1.0


def test_an_answer_that_counts_twice_is_as_good_as_two() -> None:
    """Counts weigh answers as if they were there so often."""
    rows, right = judged(300)
    twice = fit_calibration([*rows, *rows[:50]], [*right, *right[:50]], name="new", base=BASE)
    counted = fit_calibration(rows, right, name="new", base=BASE, counts=[2.0] * 50 + [1.0] * 250)

    assert counted.weights == pytest.approx(twice.weights, abs=1e-5)
    assert counted.intercept == pytest.approx(twice.intercept, abs=1e-5)

"""Calibration error, risk over coverage, thresholds and recalibration, against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.calibration import Calibration
from rag.evaluation.calibration import (
    area_under_risk_coverage,
    auroc,
    brier_score,
    chance_calibration_error,
    expected_calibration_error,
    reliability,
    risk_coverage,
)
from rag.evaluation.errors import InvalidRequirement, TooFewAnswers
from rag.evaluation.gate import read_requirements, shortfalls
from rag.evaluation.recalibration import JudgedAnswer, log_loss, recalibrate
from rag.evaluation.statistics import compare_of, estimate_of

PAIRS = st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.9]), st.booleans()), min_size=1, max_size=30)
SHIPPED = Calibration("shipped", ("a", "b"), (0.0, 0.0), (1.0, 1.0), (1.0, 0.0), 0.0, 0.2)


def drawn(probability: np.ndarray, seed: int = 1) -> np.ndarray:
    """Outcomes that come true as often as these probabilities say, beside them."""
    right = np.random.default_rng(seed).random(len(probability)) < probability
    return np.column_stack([probability, right.astype(float)])


# Figures of confidence


def test_the_calibration_error_by_hand() -> None:
    """Two bins of two answers: .15 against .5, and .85 against .5."""
    pairs = np.array([(0.9, 0), (0.1, 0), (0.2, 1), (0.8, 1)], dtype=float)

    assert expected_calibration_error(pairs, bins=2) == pytest.approx(0.35)
    assert expected_calibration_error(pairs) == pytest.approx((0.9 + 0.1 + 0.8 + 0.2) / 4)
    assert brier_score(pairs) == pytest.approx((0.81 + 0.01 + 0.64 + 0.04) / 4)
    low, high = reliability(pairs[:, 0].tolist(), pairs[:, 1].tolist(), bins=2)
    assert (low.confidence, low.right, low.count) == (pytest.approx(0.15), 0.5, 2)
    assert (high.confidence, high.right) == (pytest.approx(0.85), 0.5)
    # Wilson's interval of 1 of 2, from his formula.
    z = 1.959964
    reach = z / (1 + z * z / 2) * math.sqrt(0.25 / 2 + z * z / 16)
    assert (low.low, low.high) == (pytest.approx(0.5 - reach), pytest.approx(0.5 + reach))


def test_what_chance_alone_makes_of_a_perfect_confidence() -> None:
    """The error of outcomes that are drawn as the confidence says lies around it, and falls with their number."""
    few, many = np.linspace(0.05, 0.95, 100), np.linspace(0.05, 0.95, 5000)
    errors = [expected_calibration_error(drawn(few, seed)) for seed in range(200)]

    assert chance_calibration_error(few.tolist()) == pytest.approx(np.mean(errors), abs=0.01)
    assert chance_calibration_error(many.tolist()) < 0.03 < chance_calibration_error(few.tolist())


@given(PAIRS)
def test_auroc_is_the_share_of_pairs_in_order(answers: list[tuple[float, bool]]) -> None:
    """Right answers against wrong ones, one by one, a tie counting half."""
    pairs = np.array(answers, dtype=float)
    against = [
        1.0 if a > b else 0.5 if a == b else 0.0
        for a, right in answers
        for b, other in answers
        if right and not other
    ]

    assert auroc(pairs) == pytest.approx(np.mean(against)) if against else math.isnan(auroc(pairs))


def test_risk_over_coverage_by_hand() -> None:
    """The most confident first; two of the same confidence of which one is wrong count as half an error each."""
    pairs = np.array([(0.5, 1), (0.9, 1), (0.5, 0), (0.1, 0)], dtype=float)

    coverage, risk = risk_coverage(pairs)

    assert coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert risk.tolist() == pytest.approx([0, 0.25, 1 / 3, 0.5])
    assert area_under_risk_coverage(pairs) == pytest.approx((0.25 + 1 / 3 + 0.5) / 4)


@given(PAIRS)
def test_the_curve_ends_at_the_error_of_all_answers(answers: list[tuple[float, bool]]) -> None:
    """Whatever the confidences; and the order in which answers come does not matter."""
    pairs = np.array(answers, dtype=float)
    coverage, risk = risk_coverage(pairs)

    assert risk[-1] == pytest.approx(1 - pairs[:, 1].mean())
    assert risk.tolist() == pytest.approx(risk_coverage(pairs[::-1])[1].tolist())
    assert coverage[-1] == 1


# Intervals and comparisons of figures that are no means


def test_the_interval_of_a_calibration_error_reaches_down_to_where_chance_would_put_it() -> None:
    """For a perfect confidence the lower end is near nothing, although the figure itself is not."""
    pairs = drawn(np.linspace(0.05, 0.95, 200))
    found = estimate_of(expected_calibration_error, pairs)

    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.03 < found.mean <= found.high
    assert estimate_of(auroc, np.array([(0.5, 1.0)])) is None
    one = estimate_of(brier_score, np.array([(0.5, 1.0)]))
    assert one is not None
    assert (one.low, one.count) == (None, 1)


def test_a_calibration_that_lies_is_told_from_one_that_does_not() -> None:
    """The same questions, confidences as they should be and all at .95; and nothing differs from itself."""
    honest = drawn(np.linspace(0.05, 0.95, 150))
    boasting = np.column_stack([np.full(150, 0.95), honest[:, 1]])
    found = compare_of(expected_calibration_error, honest, boasting)
    same = compare_of(expected_calibration_error, honest, honest)

    assert found is not None
    assert same is not None
    assert found.difference.mean > 0.2
    assert found.p is not None
    assert found.p < 0.01
    assert (same.difference.mean, same.p) == (0, 1)


# Thresholds


def test_a_threshold_that_is_not_kept_is_said_in_a_sentence() -> None:
    """With the figure, its name and what it had to be; a figure that was not measured keeps nothing."""
    given_thresholds = ["citation_precision >= 90%", "ece<=0.08", "right>.5", "auroc<1", "abstention>=0.5"]
    wanted = read_requirements(given_thresholds)
    measured = {"citation_precision": 0.871, "ece": 0.08, "right": 0.5, "auroc": 0.99}

    missed = shortfalls(wanted, measured)

    assert missed == [
        "Citation precision (citation_precision) is 0.871, but must be at least 0.9.",
        "Answered and right (right) is 0.5, but must be more than 0.5.",
        (
            "Abstained on unanswerable (abstention) could not be measured: no question of the file, or no answer "
            "given, says anything about it."
        ),
    ]
    assert [str(each) for each in wanted][:2] == ["citation_precision>=0.9", "ece<=0.08"]


@pytest.mark.parametrize("wrong", ["ece", "ece=0.1", "ece<=", "eec<=0.1", "ece<=much", "ece<=0.1 or so"])
def test_a_threshold_of_another_form_is_refused(wrong: str) -> None:
    """With the figures that there are."""
    with pytest.raises(InvalidRequirement, match="citation_precision"):
        read_requirements([wrong])


# Recalibration


def answers(count: int, slope: float, added: float, seed: int = 3) -> list[JudgedAnswer]:
    """Answers whose true log-odds are those of the shipped calibration, stretched and shifted."""
    source = np.random.default_rng(seed)
    signals = source.normal(size=(count, 2))
    right = source.random(count) < 1 / (1 + np.exp(-(slope * signals[:, 0] + added)))
    return [
        JudgedAnswer(f"Question {at}?", {"a": float(a), "b": float(b)}, bool(held))
        for at, ((a, b), held) in enumerate(zip(signals, right, strict=True))
    ]


def fitted(judged: list[JudgedAnswer], **limits: int) -> object:
    """A recalibration of the shipped one."""
    return recalibrate(judged, SHIPPED, name="own", mode="extractive", fitted_on="a test", **limits)


def test_a_confidence_that_is_too_high_is_brought_down() -> None:
    """On answers held out it is then nearly as good as can be; on new answers of the kind, too."""
    found = recalibrate(
        answers(300, 1.0, -2.0), SHIPPED, name="own", mode="extractive", fitted_on="300 answers"
    )
    fresh = answers(2000, 1.0, -2.0, seed=4)
    after = np.array([(found.calibration.probability(each.signals), each.right) for each in fresh])

    assert found.improves
    assert expected_calibration_error(found.before) > 0.2
    assert expected_calibration_error(found.after) < 0.09
    assert expected_calibration_error(after) < 0.05
    assert (found.calibration.id, found.calibration.answers, found.calibration.mode) == (
        "own",
        300,
        "extractive",
    )
    assert found.calibration.fitted_on == "300 answers"


def test_few_answers_never_fit_weights_anew() -> None:
    """They move the shipped calibration, keep its proportions, and warn; many find the signal that it ignored."""
    few = recalibrate(answers(40, 1.0, -1.0), SHIPPED, name="own", mode="extractive", fitted_on="")
    source = np.random.default_rng(5)
    second = [
        JudgedAnswer(
            f"{at}", {"a": float(source.normal()), "b": b}, bool(source.random() < 1 / (1 + math.exp(-3 * b)))
        )
        for at, b in enumerate(source.normal(size=400).tolist())
    ]
    many = recalibrate(second, SHIPPED, name="own", mode="extractive", fitted_on="")

    assert not few.refitted
    assert few.calibration.weights[1] == 0
    assert {each.code for each in few.calibration.warnings} >= {"few_answers"}
    assert many.refitted
    assert many.calibration.weights[1] > abs(many.calibration.weights[0])


def test_answers_that_say_nothing_new_are_no_improvement() -> None:
    """Where the shipped calibration is right already, moving it only adds noise: it is mostly kept."""
    kept = sum(not recalibrate(
        answers(40, 1.0, 0.0, seed), SHIPPED, name="own", mode="extractive", fitted_on=""
    ).improves for seed in range(12))  # fmt: skip

    assert kept >= 6


def test_the_same_question_is_never_on_both_sides() -> None:
    """A question asked a hundred times is one question: it does not make its own answer look predictable."""
    source = np.random.default_rng(6)
    rows = []
    for at in range(12):
        signal, right = float(source.normal()), bool(at % 2)
        rows += [JudgedAnswer(f"Question {at}?", {"a": 0.0, "b": signal}, right)] * 30
    found = recalibrate(rows, SHIPPED, name="own", mode="extractive", fitted_on="")

    assert log_loss(found.after) > 0.5


def test_too_few_answers_are_refused_until_they_are_wanted() -> None:
    """By number, and by number of each outcome; answers without the signals do not count."""
    enough = answers(60, 1.0, 0.0)
    old = [JudgedAnswer("Old?", {"a": 1.0}, right=True)] * 9
    only_right = [each for each in enough if each.right]

    with pytest.raises(TooFewAnswers, match="20 judged answers"):
        fitted(enough[:20])
    with pytest.raises(TooFewAnswers, match="5 wrong"):
        fitted(only_right * 3)
    with pytest.raises(TooFewAnswers, match="0 judged answers"):
        fitted(old, least=1, least_of_each=0)
    forced = recalibrate(
        enough[:6] + old, SHIPPED, name="own", mode="extractive", fitted_on="", least=1, least_of_each=0
    )
    assert forced.skipped == 9
    assert len(forced.after) == 6

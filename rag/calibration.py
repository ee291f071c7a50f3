"""Calibrations: how they are fitted, kept in files, and turned into a threshold for a wanted error.

A calibration is a logistic regression over named signals (Platt, "Probabilistic outputs for support vector machines",
1999). A user's own judged answers either move a shipped one, which two numbers do and few answers allow, or fit the
weights anew. The share of wrong answers above each probability (a risk-coverage curve, El-Yaniv and Wiener, "On the
Foundations of Noise-free Selective Classification", JMLR 11, 2010) is kept with it.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from rag.calibration_check import SIGNALS, problem
from rag.errors import InvalidCalibration

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

CURRENT = "extractive-2026-11b"
# Judged answers, and right and wrong ones each, under which a calibration says little. With 200 answers the share of
# right ones among a tenth of them is known to about 20 points.
ENOUGH, ENOUGH_OF_EACH = 200, 40
# How strongly weights are drawn to zero when they are fitted anew, and how strongly a shipped calibration holds on when
# it is moved: as much as that many answers whose outcome was uncertain.
_RIDGE, _HOLD = 1.0, 20.0
_STEPS = 50
_FOLDS = 5
_CURVE_POINTS = 120
# Answers above a threshold from which on the share of wrong ones among them says something.
_LEAST_GIVEN = 20
# Answers that the promise of the probabilities counts for beside those that were counted above a threshold.
_PROMISE = 100.0
# What each fault takes from the log-odds: an invented citation key, an altered quotation, the shares of sentences that
# their sources do not support, that were dropped and that were written anew. Set by hand:
# they make an answer with one such fault about half as likely to be right, and one without support improbable.
_FAULTS = {
    "invented_keys": -0.7,
    "altered_quotes": -0.7,
    "unsupported_share": -4.0,
    "dropped_share": -2.0,
    "rewritten_share": -0.7,
    # Where the gateway gives probabilities of tokens: an answer whose tokens had 0.8 on average loses 0.4.
    "token_doubt": -2.0,
}


@dataclass(frozen=True, slots=True)
class CalibrationWarning:
    """Why a calibration should not be relied on.

    Attributes:
        code: ``few_answers``, ``few_right`` or ``few_wrong``.
        message: In words, with what to do.
        seen: How many there were.
        wanted: How many there should be.
    """

    code: str
    message: str
    seen: int
    wanted: int


@dataclass(frozen=True, slots=True)
class RiskPoint:
    """One point of a risk-coverage curve.

    Attributes:
        threshold: Answers of at least this probability are given.
        error: Share of wrong ones among these.
        coverage: Share of all answers that are given.
    """

    threshold: float
    error: float
    coverage: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted logistic regression over standardised signals.

    Attributes:
        id: Shown with every confidence computed by it.
        signals: Names, in the order of the arrays.
        mean: Of each signal in the data it was fitted on.
        scale: Standard deviation of each signal in these data.
        weights: Log-odds for each standard deviation.
        intercept: Log-odds of an average answer.
        abstain_below: Under this probability an answer by quotation is withheld, unless a target error is wanted.
        mode: Of the answers it is for: ``extractive`` or ``generative``.
        fitted_on: The data, in words.
        answers: How many judged answers it was fitted on.
        risk: Risk-coverage curve on these data, highest threshold first.
        warnings: Why it should not be relied on; none when all is well.
    """

    id: str
    signals: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float
    abstain_below: float
    mode: str = "extractive"
    fitted_on: str = ""
    answers: int = 0
    risk: tuple[RiskPoint, ...] = ()
    warnings: tuple[CalibrationWarning, ...] = ()

    def log_odds(self, signals: Mapping[str, float]) -> float:
        """Before the faults of a generated answer.

        Raises:
            KeyError: One of its signals is missing.
        """
        values = (signals[name] for name in self.signals)
        parts = zip(values, self.mean, self.scale, self.weights, strict=True)
        return self.intercept + sum(w * (value - mean) / scale for value, mean, scale, w in parts)

    def probability(self, signals: Mapping[str, float]) -> float:
        """The calibrated probability, with the faults of a generated answer taken off.

        Of sources that say different things at most one is right, so it is shared among them.
        """
        log_odds = self.log_odds(signals)
        log_odds += sum(weight * signals.get(name, 0.0) for name, weight in _FAULTS.items())
        alone = 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, log_odds))))
        return alone / (1.0 + signals.get("disagreements", 0.0))

    def threshold(self, target_error: float | None) -> float:
        """The probability under which an answer is withheld so that at most this share of those given is wrong.

        Args:
            target_error: 0 to 1; None takes the calibration's own ``abstain_below``.

        Returns:
            The lowest threshold that keeps the target on the data of the calibration; 1.0, which withholds
            everything, when none does.
        """
        if target_error is None:
            return self.abstain_below
        kept = [
            point.threshold
            for point, error in zip(self.risk, self._steadied(), strict=True)
            if error <= target_error and point.coverage * self.answers >= _LEAST_GIVEN
        ]
        return min(kept, default=1.0)

    def _steadied(self) -> list[float]:
        """The error at each point of the curve, drawn towards what the probabilities above it promise.

        The few most certain answers have an error that is mostly chance; the promise is what all answers together gave.
        """
        found, promised, before = [], 0.0, 0.0
        for point in self.risk:
            promised += (1.0 - point.threshold) * (point.coverage - before)
            before = point.coverage
            given = point.coverage * self.answers
            found.append((point.error * given + _PROMISE * promised / point.coverage) / (given + _PROMISE))
        return found

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def fit_calibration(
    rows: Sequence[Mapping[str, float]],
    right: Sequence[bool],
    *,
    name: str,
    base: Calibration,
    signals: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    mode: str | None = None,
    fitted_on: str = "",
    counts: Sequence[float] | None = None,
) -> Calibration:
    """Fit a calibration to judged answers. Pure: the same rows give the same calibration.

    Args:
        rows: The named signals of each answer, as its confidence shows them. May be empty.
        right: Whether each answer was right.
        name: Its id; a new one for every fit.
        base: The calibration that is moved. Its own values come back where there are no answers.
        signals: Names of signals whose weights are to be fitted anew; None moves ``base`` by a slope and an intercept.
        groups: What answers are not independent of one another, such as the document asked about; such answers never
            stand on both sides when the risk-coverage curve is made. None treats each on its own.
        mode: By default the base's.
        fitted_on: The data, in words.
        counts: How much each answer counts, 1 on average, so that a large set does not drown a small one; None: alike.

    Returns:
        A calibration, with warnings where the answers are too few.

    Raises:
        ValueError: The lists differ in length.
        KeyError: A row lacks a signal.
    """
    if len(rows) != len(right) or (groups is not None and len(groups) != len(rows)):
        raise ValueError("A calibration needs as many verdicts, and groups, as rows of signals.")
    outcome = np.array(right, dtype=np.float64)
    counted = np.ones(len(rows)) if counts is None else np.array(counts, dtype=np.float64)
    held = list(range(len(rows))) if groups is None else list(groups)
    fold_of = {group: at % _FOLDS for at, group in enumerate(dict.fromkeys(held))}
    folds = np.array([fold_of[group] for group in held])
    log_odds = np.zeros(len(rows))
    for fold in range(_FOLDS if len(rows) else 0):
        inside = folds != fold
        part = _fit(
            [rows[at] for at in np.flatnonzero(inside).tolist()],
            outcome[inside],
            counted[inside],
            base,
            signals,
        )
        for at in np.flatnonzero(~inside).tolist():
            log_odds[at] = part.log_odds(rows[at])
    fitted = _fit(rows, outcome, counted, base, signals)
    probability = 1 / (1 + np.exp(-np.clip(log_odds, -30, 30)))
    return Calibration(
        id=name,
        signals=fitted.signals,
        mean=fitted.mean,
        scale=fitted.scale,
        weights=fitted.weights,
        intercept=fitted.intercept,
        abstain_below=base.abstain_below,
        mode=mode or base.mode,
        fitted_on=fitted_on,
        answers=len(rows),
        risk=risk_coverage(probability, outcome, counts=counted) if len(rows) else base.risk,
        warnings=_warnings(outcome),
    )


def risk_coverage(
    probability: NDArray[np.float64],
    right: NDArray[np.float64],
    points: int = _CURVE_POINTS,
    counts: NDArray[np.float64] | None = None,
) -> tuple[RiskPoint, ...]:
    """How many answers are wrong above each of some thresholds, highest first.

    Args:
        probability: Of each answer, shape (answers,), at least one.
        right: 1 or 0 for each answer.
        points: At most so many, at even steps of coverage.
        counts: How much each answer counts; None: alike.
    """
    order = np.argsort(-probability, kind="stable")
    each = np.ones(len(order)) if counts is None else counts[order]
    wrong = np.cumsum((1 - right[order]) * each)
    count = np.cumsum(each)
    curve: dict[float, RiskPoint] = {}
    for at in np.unique(np.linspace(0, len(order) - 1, points).round().astype(int)):
        threshold = float(probability[order[at]])
        # Answers of one probability are given together.
        last = int(np.searchsorted(-probability[order], -threshold, side="right")) - 1
        error, coverage = float(wrong[last] / count[last]), float(count[last] / count[-1])
        curve[threshold] = RiskPoint(round(threshold, 6), round(error, 6), round(coverage, 6))
    return tuple(curve.values())


@cache
def load_calibration(name: str = CURRENT) -> Calibration:
    """A shipped calibration.

    Raises:
        InvalidCalibration: There is none of this name.
    """
    file = resources.files("rag").joinpath("calibrations", f"{name}.json")
    if not file.is_file():
        raise InvalidCalibration(f"No calibration called {name!r} comes with this version.")
    found = json.loads(file.read_bytes())
    return _restored(found, name, found["signals"])


def read_calibration(path: Path) -> Calibration:
    """A calibration from a file that ``Calibration.save`` wrote.

    Raises:
        InvalidCalibration: There is no such file, or it holds none.
    """
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise InvalidCalibration(
            f"The calibration {path} cannot be read: {error}. Check FOOTNOTE_CALIBRATION."
        ) from error
    except (ValueError, RecursionError) as error:
        raise InvalidCalibration(f"The calibration {path} is not JSON: {error}. Make it again.") from error
    return _restored(found, str(path), SIGNALS.union(load_calibration().signals))


def _restored(found: Any, where: str, known: Collection[str]) -> Calibration:
    if wrong := problem(found, known):
        raise InvalidCalibration(
            f"{where} is no calibration: {wrong}. Delete the file; then `footnote calibrate` can make a new one."
        )
    try:
        calibration = Calibration(
            id=str(found["id"]),
            signals=tuple(map(str, found["signals"])),
            mean=tuple(map(float, found["mean"])),
            scale=tuple(map(float, found["scale"])),
            weights=tuple(map(float, found["weights"])),
            intercept=float(found["intercept"]),
            abstain_below=float(found["abstain_below"]),
            mode=str(found.get("mode", "extractive")),
            fitted_on=str(found.get("fitted_on", "")),
            answers=int(found.get("answers", 0)),
            risk=tuple(RiskPoint(**point) for point in found.get("risk", ())),
            warnings=tuple(CalibrationWarning(**each) for each in found.get("warnings", ())),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidCalibration(
            f"{where} is no calibration: {error!r} is missing or of the wrong kind."
        ) from error
    return calibration


def _fit(
    rows: Sequence[Mapping[str, float]],
    right: NDArray[np.float64],
    counts: NDArray[np.float64],
    base: Calibration,
    signals: Sequence[str] | None,
) -> Calibration:
    """The logistic regression alone."""
    if signals is None:
        before = np.array([base.log_odds(row) for row in rows])
        # The prior is the base itself: slope 1, nothing added.
        (slope, added), _ = _logistic(
            before[:, None], right, np.array([1.0, 0.0]), np.array([_HOLD, _HOLD / 4]), counts
        )
        weights = tuple(round(float(slope) * weight, 6) for weight in base.weights)
        intercept = round(float(slope * base.intercept + added), 6)
        return Calibration(
            base.id, base.signals, base.mean, base.scale, weights, intercept, base.abstain_below
        )
    table = np.array([[row[name] for name in signals] for row in rows], dtype=np.float64).reshape(
        -1, len(signals)
    )
    mean = table.mean(0) if len(rows) else np.zeros(len(signals))
    scale = table.std(0) if len(rows) else np.ones(len(signals))
    scale[scale < 1e-9] = 1.0  # noqa: PLR2004 - a signal that never varies gets no weight.
    start = np.zeros(len(signals) + 1)
    fitted, _ = _logistic(
        (table - mean) / scale, right, start, np.array([*[_RIDGE] * len(signals), 0.1]), counts
    )
    numbers = [tuple(round(float(value), 6) for value in each) for each in (mean, scale, fitted[:-1])]
    return Calibration(
        base.id,
        tuple(signals),
        numbers[0],
        numbers[1],
        numbers[2],
        round(float(fitted[-1]), 6),
        base.abstain_below,
    )


def _logistic(
    table: NDArray[np.float64],
    right: NDArray[np.float64],
    prior: NDArray[np.float64],
    hold: NDArray[np.float64],
    counts: NDArray[np.float64],
) -> tuple[NDArray[np.float64], float]:
    """Weights and intercept that make the outcomes most likely under a Gaussian prior, by Newton's method.

    Returns:
        Weights with the intercept last, and the length of the last step, which is 0 after convergence.
    """
    design = np.column_stack([table, np.ones(len(table))]) if len(table) else np.zeros((0, len(prior)))
    at, length = prior.copy(), 0.0
    for _ in range(_STEPS):
        probability = 1 / (1 + np.exp(-np.clip(design @ at, -30, 30)))
        gradient = design.T @ (counts * (probability - right)) + hold * (at - prior)
        curvature = (design * (counts * probability * (1 - probability))[:, None]).T @ design + np.diag(hold)
        step = np.linalg.solve(curvature, gradient)
        length = float(np.abs(step).max())
        # A long step from far away could leave the region where the curvature holds.
        at = at - step * min(1.0, 5.0 / max(length, 1e-12))
        if length < 1e-8:  # noqa: PLR2004 - far below what is kept of the weights.
            break
    return at, length


def _warnings(right: NDArray[np.float64]) -> tuple[CalibrationWarning, ...]:
    counts = (
        ("few_answers", len(right), ENOUGH, "judged answers"),
        ("few_right", int(right.sum()), ENOUGH_OF_EACH, "right answers"),
        ("few_wrong", int((1 - right).sum()), ENOUGH_OF_EACH, "wrong answers"),
    )
    return tuple(
        CalibrationWarning(
            code,
            f"Fitted on {seen} {what}; {wanted} are wanted. Until then it stays close to what it began from, and its "
            "probabilities and the error at a threshold are uncertain. Judge more answers.",
            seen,
            wanted,
        )
        for code, seen, wanted, what in counts
        if seen < wanted
    )

"""Fit the confidence to a user's own judged answers, and tell by cross-validation whether that is any better.

Few answers only move the shipped calibration by a slope and an intercept, which hold on to it (Platt scaling of its
log-odds; Platt, "Probabilistic outputs for support vector machines", 1999). Weights are fitted anew only with enough
answers for each of them, and only where that does better on answers that were held out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rag.calibration import fit_calibration
from rag.evaluation.errors import TooFewAnswers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rag.calibration import Calibration
    from rag.evaluation.calibration import Floats

# Below either, nothing can be said even by holding answers out: a fold of 30 answers has 6.
LEAST, LEAST_OF_EACH = 30, 5
# Answers of the rarer outcome for each weight that is fitted anew; under 10 to 20 such weights are known to be
# unstable (Peduzzi and others, Journal of Clinical Epidemiology 49(12), 1996).
_FOR_EACH_WEIGHT = 20
_FOLDS = 5
_SEED = 20
# No probability is worse than that, so that a single answer cannot decide the mean.
_FARTHEST = 1e-4


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """An answer of which it is known whether it was right.

    Attributes:
        question: Answers to the same question never stand on both sides of a fold.
        signals: Of its confidence, by name.
    """

    question: str
    signals: Mapping[str, float]
    right: bool


@dataclass(frozen=True, slots=True)
class Recalibration:
    """A calibration that was fitted to judged answers, and how good it is on answers that it did not see.

    Attributes:
        calibration: Fitted to all of them.
        refitted: Whether the weights were fitted anew, instead of moved together.
        before: (n, 2), the probability that the shipped calibration gives each answer, and whether it was right.
        after: The same with a calibration that was fitted without the fold of the answer.
        skipped: Answers without the signals that the calibration needs, from an earlier version.
    """

    calibration: Calibration
    refitted: bool
    before: Floats
    after: Floats
    skipped: int

    @property
    def improves(self) -> bool:
        """Whether it predicts answers that it did not see better than the shipped one."""
        return log_loss(self.after) < log_loss(self.before)


def recalibrate(
    judged: Sequence[JudgedAnswer],
    shipped: Calibration,
    *,
    name: str,
    mode: str,
    fitted_on: str,
    least: int = LEAST,
    least_of_each: int = LEAST_OF_EACH,
) -> Recalibration:
    """Fit a calibration to judged answers.

    Args:
        judged: The answers, of one mode.
        shipped: What is moved, and what the new one must be better than.
        name: Id of the new one.
        mode: Of the answers.
        fitted_on: The data, in words.
        least: Fewer answers are refused.
        least_of_each: Fewer right or fewer wrong ones are refused.

    Raises:
        TooFewAnswers: There are fewer.
    """
    usable = [each for each in judged if all(signal in each.signals for signal in shipped.signals)]
    right = np.array([each.right for each in usable], dtype=np.float64)
    rarer = int(min(right.sum(), len(right) - right.sum()))
    if len(usable) < max(1, least) or rarer < least_of_each:
        raise TooFewAnswers(
            f"{len(usable)} judged answers, {int(right.sum())} of them right, are too few to calibrate on: {least} "
            f"are needed, with {least_of_each} right and {least_of_each} wrong ones. Judge more answers, or give "
            "--force."
        )
    before = np.array([shipped.probability(each.signals) for each in usable])
    moved = _cross_validated(usable, shipped, None)
    after, refitted = moved, False
    if rarer >= _FOR_EACH_WEIGHT * len(shipped.signals):
        anew = _cross_validated(usable, shipped, shipped.signals)
        if log_loss(np.column_stack([anew, right])) < log_loss(np.column_stack([moved, right])):
            after, refitted = anew, True
    calibration = fit_calibration(
        [each.signals for each in usable],
        [each.right for each in usable],
        name=name,
        base=shipped,
        signals=shipped.signals if refitted else None,
        groups=[_same(each.question) for each in usable],
        mode=mode,
        fitted_on=fitted_on,
    )
    return Recalibration(
        calibration=calibration,
        refitted=refitted,
        before=np.column_stack([before, right]),
        after=np.column_stack([after, right]),
        skipped=len(judged) - len(usable),
    )


def log_loss(pairs: Floats) -> float:
    """Mean negative log-likelihood of the outcomes, in nats; what a calibration is fitted to make small.

    Args:
        pairs: (n, 2), probability and right, n > 0.
    """
    probability = np.clip(pairs[:, 0], _FARTHEST, 1 - _FARTHEST)
    return float(-np.log(np.where(pairs[:, 1] > 0, probability, 1 - probability)).mean())


def _cross_validated(
    judged: Sequence[JudgedAnswer], shipped: Calibration, signals: Sequence[str] | None
) -> Floats:
    """The probability of each answer by a calibration that was fitted to the other folds."""
    folds = _folds([_same(each.question) for each in judged])
    found = np.zeros(len(judged))
    for fold in np.unique(folds).tolist():
        others = [each for each, at in zip(judged, folds, strict=True) if at != fold]
        part = fit_calibration(
            [each.signals for each in others],
            [each.right for each in others],
            name="fold",
            base=shipped,
            signals=signals,
        )
        for at in np.flatnonzero(folds == fold).tolist():
            found[at] = part.probability(judged[at].signals)
    return found


def _folds(questions: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The fold of each answer, of about the same size, with all answers to a question in one."""
    sizes = Counter(questions)
    order = np.random.default_rng(_SEED).permutation(len(sizes))
    names = list(sizes)
    filled = [0] * _FOLDS
    fold_of: dict[str, int] = {}
    for at in order.tolist():
        fold = filled.index(min(filled))
        fold_of[names[at]] = fold
        filled[fold] += sizes[names[at]]
    return np.array([fold_of[each] for each in questions], dtype=np.int64)


def _same(question: str) -> str:
    return " ".join(question.casefold().split())

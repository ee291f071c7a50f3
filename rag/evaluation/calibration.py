"""Is a confidence worth its number? Calibration error, ranking of right before wrong, and risk over coverage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

BINS = 10
# Standard normal quantile of a 95 % interval.
_Z = 1.959964
_SIMULATIONS = 500
# The same questions give the same figures.
_SEED = 20


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of about the same confidence.

    Attributes:
        confidence: Their mean confidence.
        right: The share of them that is right.
        low: Lower end of its 95 % interval (Wilson, JASA 22(158), 1927).
        high: Upper end.
        count: How many answers.
    """

    confidence: float
    right: float
    low: float
    high: float
    count: int


def reliability(confidence: Sequence[float], right: Sequence[float], bins: int = BINS) -> list[Bin]:
    """The points of a reliability diagram, in bins that hold the same number of answers.

    Args:
        confidence: Probability of being right, 0..1, one for each answer.
        right: 1 for a right answer and 0 for a wrong one.
        bins: How many; fewer where there are fewer answers.
    """
    given, held = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=np.float64)
    found = []
    for part in _parts(given, bins):
        share, count = float(held[part].mean()), len(part)
        low, high = _wilson(share, count)
        found.append(Bin(float(given[part].mean()), share, low, high, count))
    return found


def expected_calibration_error(pairs: Floats, bins: int = BINS) -> float:
    """Mean distance between confidence and the share of right answers, over bins of equal mass.

    Naeini, Cooper, Hauskrecht: "Obtaining Well Calibrated Probabilities Using Bayesian Binning", AAAI 2015; bins of
    equal mass as in Nixon and others, "Measuring Calibration in Deep Learning", 2019,
    https://arxiv.org/abs/1904.01685.

    Args:
        pairs: (n, 2), confidence and right, n > 0.
        bins: How many.
    """
    given, held = pairs[:, 0], pairs[:, 1]
    distances = (len(part) * abs(given[part].mean() - held[part].mean()) for part in _parts(given, bins))
    return float(sum(distances) / len(pairs))


def chance_calibration_error(confidence: Sequence[float], bins: int = BINS) -> float:
    """The calibration error that so many answers show on average when their confidence is perfectly calibrated.

    Few answers in a bin are rarely right as often as they should be, so the error is never 0, however good the
    confidence (Bröcker and Smith, "Increasing the Reliability of Reliability Diagrams", Weather and Forecasting
    22(3), 2007).
    """
    given = np.asarray(confidence, dtype=np.float64)
    source = np.random.default_rng(_SEED)
    drawn = (source.random((_SIMULATIONS, len(given))) < given).astype(np.float64)
    errors = np.zeros(_SIMULATIONS)
    for part in _parts(given, bins):
        errors += len(part) * np.abs(given[part].mean() - drawn[:, part].mean(axis=1))
    return float(errors.mean() / len(given))


def brier_score(pairs: Floats) -> float:
    """Mean squared distance between confidence and outcome (Brier, Monthly Weather Review 78(1), 1950).

    Args:
        pairs: (n, 2), confidence and right, n > 0.
    """
    return float(((pairs[:, 0] - pairs[:, 1]) ** 2).mean())


def auroc(pairs: Floats) -> float:
    """Probability that a right answer has a higher confidence than a wrong one; ties count half.

    Args:
        pairs: (n, 2), confidence and right.

    Returns:
        Not a number when all are right, or all are wrong.
    """
    right, wrong = pairs[pairs[:, 1] > 0, 0], np.sort(pairs[pairs[:, 1] == 0, 0])
    if not len(right) or not len(wrong):
        return float("nan")
    below = np.searchsorted(wrong, right, side="left") + np.searchsorted(wrong, right, side="right")
    return float(below.mean() / (2 * len(wrong)))


def risk_coverage(pairs: Floats) -> tuple[Floats, Floats]:
    """The share of wrong answers among the most confident ones, for every number of them.

    El-Yaniv and Wiener: "On the Foundations of Noise-free Selective Classification", JMLR 11, 2010; Geifman and
    El-Yaniv, "Selective Classification for Deep Neural Networks", NeurIPS 2017, https://arxiv.org/abs/1705.08500.
    Answers of the same confidence come in no order, so each counts as the mean of them.

    Args:
        pairs: (n, 2), confidence and right, n > 0.

    Returns:
        Coverage in (0, 1] and risk in 0..1, ascending in coverage, n of each.
    """
    _, group = np.unique(-pairs[:, 0], return_inverse=True)
    wrong = 1.0 - pairs[:, 1]
    of_group = np.bincount(group, weights=wrong) / np.bincount(group)
    expected = of_group[np.sort(group)]
    count = np.arange(1, len(pairs) + 1)
    return count / len(pairs), np.cumsum(expected) / count


def area_under_risk_coverage(pairs: Floats) -> float:
    """Mean risk over all coverages (AURC); 0 is best, and the share of wrong answers is what no confidence gives.

    Geifman, Uziel, El-Yaniv: "Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers", ICLR 2019,
    https://arxiv.org/abs/1805.08206.

    Args:
        pairs: (n, 2), confidence and right, n > 0.
    """
    return float(risk_coverage(pairs)[1].mean())


def _parts(given: Floats, bins: int) -> list[NDArray[np.intp]]:
    """Indices in as many parts of equal size, by rising confidence."""
    order = np.argsort(given, kind="stable")
    return [part for part in np.array_split(order, min(bins, len(order))) if len(part)]


def _wilson(share: float, count: int) -> tuple[float, float]:
    """Interval of a share that was seen in so many."""
    middle = (share + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
    reach = _Z / (1 + _Z**2 / count) * np.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    return max(0.0, float(middle - reach)), min(1.0, float(middle + reach))

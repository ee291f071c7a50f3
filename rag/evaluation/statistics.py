"""What figures over questions are worth: confidence intervals and the comparison of two configurations.

Both resample questions, and neither assumes that values are normally distributed, which recalls of 0 and 1 are not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    # One figure of many questions, of rows that hold what is known of each; not a number where it has none.
    Statistic = Callable[[Floats], float]

CONFIDENCE = 0.95
# More would move the ends of an interval in the third decimal at most.
_BOOTSTRAP_RESAMPLES = 2000
_ASSIGNMENTS = 9999
# Figures that are no means are computed anew for each resample, which takes longer.
_STATISTIC_RESAMPLES = 1000
# Resamples computed at a time, so that thousands of questions fit into memory.
_BATCH = 500
# The same questions give the same figures.
_SEED = 20
# Differences below this are rounding.
_TIE = 1e-9


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over questions, each counting the same, with its 95 % interval.

    Attributes:
        low: Lower end of the interval; None for fewer than two questions.
        high: Upper end; None likewise.
        count: How many questions.
    """

    mean: float
    low: float | None
    high: float | None
    count: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The second configuration against the first, on the same questions.

    Attributes:
        difference: Mean of second minus first, with its interval.
        p: Probability of a mean difference at least this large, in either direction, if the configurations
            were the same; None for fewer than two questions.
        effect: The mean difference in standard deviations of the differences (Cohen's d_z); 0 when nothing
            differs, None for fewer than two questions or when all differ by the same.
        wins: Questions on which the second is better.
        losses: Questions on which the first is better.
        ties: The others.
    """

    difference: Estimate
    p: float | None
    effect: float | None
    wins: int
    losses: int
    ties: int


def estimate(values: Sequence[float]) -> Estimate:
    """Mean and percentile bootstrap interval (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993).

    Raises:
        ValueError: There are no values.
    """
    if not values:
        raise ValueError("There is no value: the mean is undefined.")
    mean = float(np.mean(values))
    if len(values) == 1:
        return Estimate(mean, None, None, 1)
    from scipy.stats import bootstrap  # noqa: PLC0415 - Takes a second to import; only reports need it.

    interval = bootstrap(
        (np.asarray(values),),
        np.mean,
        n_resamples=_BOOTSTRAP_RESAMPLES,
        batch=_BATCH,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(_SEED),
    ).confidence_interval
    return Estimate(mean, float(interval.low), float(interval.high), len(values))


def compare(first: Sequence[float], second: Sequence[float]) -> Comparison:
    """Compare two configurations on the same questions, by a two-sided paired randomisation test.

    Smucker, Allan, Carterette: "A comparison of statistical significance tests for information retrieval
    evaluation", CIKM 2007, https://doi.org/10.1145/1321440.1321528. Exact where up to 13 questions differ, with
    9,999 random assignments beyond.

    Raises:
        ValueError: There are no values, or not as many of one as of the other.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} values cannot be paired with {len(second)}.")
    differences = np.asarray(second, dtype=np.float64) - np.asarray(first, dtype=np.float64)
    differences[np.abs(differences) < _TIE] = 0.0
    wins, losses = int((differences > 0).sum()), int((differences < 0).sum())
    return Comparison(
        difference=estimate(differences.tolist()),
        p=_randomisation(differences),
        effect=_effect(differences),
        wins=wins,
        losses=losses,
        ties=len(differences) - wins - losses,
    )


def estimate_of(statistic: Statistic, rows: Floats) -> Estimate | None:
    """A figure that is not a mean of questions, with its basic bootstrap interval.

    The basic interval (Davison and Hinkley, "Bootstrap Methods and their Application", 1997, section 5.2) takes off
    what resampling itself adds to a figure such as a calibration error, which chance only ever makes larger. It is
    widened, where need be, to hold the figure.

    Args:
        statistic: Of rows; never negative.
        rows: (n, columns), a row for each question.

    Returns:
        None where the figure has no value.
    """
    value = statistic(rows) if len(rows) else float("nan")
    if np.isnan(value):
        return None
    if len(rows) < 2:  # noqa: PLR2004 - One question has no spread.
        return Estimate(value, None, None, len(rows))
    source = np.random.default_rng(_SEED)
    picks = (source.integers(0, len(rows), len(rows)) for _ in range(_STATISTIC_RESAMPLES))
    return _not_negative(_basic(value, [statistic(rows[pick]) for pick in picks], len(rows)))


def compare_of(statistic: Statistic, first: Floats, second: Floats) -> Comparison | None:
    """Compare a figure that is not a mean, on the same questions, by a two-sided paired randomisation test.

    As ``compare``, with the rows of a question swapped between the configurations at random.

    Args:
        statistic: Of rows.
        first: (n, columns), a row for each question.
        second: (n, columns), rows of the same questions.

    Returns:
        Without wins, losses and effect, which need a value for each question. None where the figure has no value.
    """
    seen = statistic(second) - statistic(first) if len(first) else float("nan")
    if np.isnan(seen):
        return None
    source = np.random.default_rng(_SEED)
    resampled, swapped = [], []
    for _ in range(_STATISTIC_RESAMPLES):
        pick = source.integers(0, len(first), len(first))
        resampled.append(statistic(second[pick]) - statistic(first[pick]))
        swap = source.random(len(first))[:, None] < 0.5  # noqa: PLR2004 - Either is as likely.
        swapped.append(statistic(np.where(swap, first, second)) - statistic(np.where(swap, second, first)))
    others = [each for each in swapped if not np.isnan(each)]
    extreme = sum(abs(each) >= abs(seen) - _TIE for each in others)
    return Comparison(
        difference=_basic(seen, resampled, len(first)),
        p=(extreme + 1) / (len(others) + 1) if len(first) > 1 else None,
        effect=None,
        wins=0,
        losses=0,
        ties=0,
    )


def _basic(value: float, resampled: Sequence[float], count: int) -> Estimate:
    known = [each for each in resampled if not np.isnan(each)]
    if not known:
        return Estimate(value, None, None, count)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(known, [tail, 1 - tail])
    return Estimate(value, float(min(value, 2 * value - high)), float(max(value, 2 * value - low)), count)


def _not_negative(found: Estimate) -> Estimate:
    return replace(found, low=max(0.0, found.low)) if found.low is not None else found


def _randomisation(differences: NDArray[np.float64]) -> float | None:
    if len(differences) < 2:  # noqa: PLR2004 - One question can be swapped, but not tested.
        return None
    # Questions that do not differ are the same under every assignment, so only the others are assigned.
    differing = differences[differences != 0.0]
    if len(differing) < 2:  # noqa: PLR2004 - Both assignments of a single question differ by as much.
        return 1.0
    from scipy.stats import permutation_test  # noqa: PLC0415 - Takes a second to import; only reports need it.

    # With one sample of differences, assigning the two results at random is flipping signs at random.
    tested = permutation_test(
        (differing,),
        lambda sample, axis: np.mean(sample, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=_ASSIGNMENTS,
        batch=_BATCH,
        rng=np.random.default_rng(_SEED),
    )
    return float(tested.pvalue)


def _effect(differences: NDArray[np.float64]) -> float | None:
    if not differences.any():
        return 0.0
    spread = float(np.std(differences, ddof=1)) if len(differences) > 1 else 0.0
    return float(np.mean(differences)) / spread if spread > _TIE else None

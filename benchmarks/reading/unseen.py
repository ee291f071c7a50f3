"""Figures of confidence on sets that neither the model nor the calibration saw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.reading.measures import calibrated_error, expected_calibration_error
from benchmarks.reading.sufficiency import ABSTAIN_BELOW, evenly, origin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from benchmarks.reading.rows import Row
    from benchmarks.reading.sufficiency import LeftOut
    from rag.calibration import Calibration

TARGETS = (0.1, 0.15, 0.2, 0.25, 0.3)
_RESAMPLES = 500


def kind_figures(
    rows: Sequence[Row], confidence: NDArray[np.float64], abstain_below: float = ABSTAIN_BELOW
) -> dict[str, Any]:
    """How far confidence is from the share of right answers, and what would be withheld.

    Args:
        rows: Questions of one set.
        confidence: Of each, shape (rows,).
        abstain_below: Withheld under this.
    """
    right = np.array([row.right for row in rows], dtype=float)
    given = confidence >= abstain_below
    there = np.array([row.asked.answerable for row in rows])
    found: dict[str, Any] = {
        "questions": len(rows),
        "confidence": float(confidence.mean()),
        "right": float(right.mean()),
        "ece": expected_calibration_error(confidence, right),
        "ece_if_exact": calibrated_error(confidence),
        "given_of_right": float(given[right > 0].mean()),
        "given_of_answerable": float(given[there].mean()),
    }
    if 0 < right.sum() < len(right):
        found["auroc_right"] = float(roc_auc_score(right, confidence))
    for name in ("own", "held back", "elsewhere"):
        part = [not each for each, row in zip(given, rows, strict=True) if _absent(row, name)]
        if part:
            found[f"withheld_{name.replace(' ', '_')}"] = float(np.mean(part))
    return found


def unseen_figures(found: LeftOut) -> dict[str, Any]:
    """Every set left out in turn, their mean, and the error at target errors with the thresholds of the others."""
    names = list(found.calibrations)
    sets = {
        name: kind_figures([found.rows[at] for at in here], found.confidence[here])
        for name in names
        for here in [np.flatnonzero(found.sets == name)]
    }
    right = np.array([row.right for row in found.rows], dtype=float)
    return {
        "sets": sets,
        "mean_ece": float(np.mean([each["ece"] for each in sets.values()])),
        "mean_ece_if_exact": float(np.mean([each["ece_if_exact"] for each in sets.values()])),
        "ece": expected_calibration_error(found.confidence, right),
        "ece_if_exact": calibrated_error(found.confidence),
        "targets": at_targets(found, {name: found.calibrations[name] for name in names}),
    }


def at_targets(found: LeftOut, calibrations: Mapping[str, Calibration]) -> dict[str, dict[str, Any]]:
    """Answers given at a target error and the share of wrong ones, every set counting the same.

    The 95 % interval resamples groups of questions.
    """
    counts = evenly(found.sets.tolist())
    right = np.array([row.right for row in found.rows], dtype=float)
    groups = np.unique([row.asked.group for row in found.rows], return_inverse=True)[1]
    figures = {}
    for target in TARGETS:
        thresholds = np.array([calibrations[name].threshold(target) for name in found.sets])
        given = found.confidence >= thresholds
        low, high = _interval(right, given, counts, groups)
        figures[str(target)] = {
            "answers": int(given.sum()),
            "coverage": float(np.average(given, weights=counts)),
            "error": float(1 - np.average(right[given], weights=counts[given])) if given.any() else None,
            "low": low,
            "high": high,
        }
    return figures


def _interval(
    right: NDArray[np.float64],
    given: NDArray[np.bool_],
    counts: NDArray[np.float64],
    groups: NDArray[np.int64],
) -> tuple[float | None, float | None]:
    if not given.any():
        return None, None
    wrong = np.bincount(groups, weights=counts * given * (1 - right))
    answered = np.bincount(groups, weights=counts * given)
    source = np.random.default_rng(7)
    drawn = []
    for _ in range(_RESAMPLES):
        part = source.integers(0, len(wrong), len(wrong))
        if answered[part].sum() > 0:
            drawn.append(wrong[part].sum() / answered[part].sum())
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def _absent(row: Row, name: str) -> bool:
    return not row.asked.answerable and origin(row) == name

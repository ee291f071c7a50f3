"""Held-out probabilities -> the figures that are published, each with a bootstrap interval over groups."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from benchmarks.verification.collect import CHANGED
from benchmarks.verification.fit import fold_of
from rag.types import Verdict
from rag.verification.model import CURRENT
from rag.verify import PARTIAL_AT, SUPPORTED_AT, WRONG_AT, agreed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from benchmarks.verification.collect import Row
    from benchmarks.verification.pairs import Pair

RESAMPLES = 1000
# Folds of the mutated pairs on which the thresholds were chosen; the others measure.
CHOSEN_ON = (0, 1)
_ALARMS = (Verdict.UNSUPPORTED, Verdict.CONTRADICTED)


def interval(
    groups: Sequence[str], statistic: Callable[[NDArray[np.int64]], float], seed: int = 1
) -> dict[str, float]:
    """A statistic over all rows with its 95 % percentile interval, resampling whole groups."""
    members: dict[str, list[int]] = defaultdict(list)
    for at, group in enumerate(groups):
        members[group].append(at)
    blocks = [np.array(each) for each in members.values()]
    chance = np.random.default_rng(seed)
    found = []
    for _ in range(RESAMPLES):
        drawn = np.concatenate([blocks[i] for i in chance.integers(0, len(blocks), len(blocks))])
        value = statistic(drawn)
        if np.isfinite(value):
            found.append(value)
    low, high = np.quantile(found, [0.025, 0.975])
    return {
        "value": round(statistic(np.arange(len(groups))), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        "groups": len(blocks),
    }


def auroc(labels: NDArray[np.int64], scores: NDArray[np.float64], groups: Sequence[str]) -> dict[str, float]:
    """Area under the ROC curve with its interval."""

    def of(chosen: NDArray[np.int64]) -> float:
        here = labels[chosen]
        return float(roc_auc_score(here, scores[chosen])) if 0 < here.sum() < len(here) else float("nan")

    return interval(groups, of)


def support(rows: Sequence[Row], carried: NDArray[np.float64]) -> dict[str, Any]:
    """Supported or not on one set, beside plain overlap of words, and by family."""
    labels = np.array([int(row.label == 1) for row in rows])
    groups = [row.group for row in rows]
    overlap = np.array([row.features["all_even"] for row in rows])
    found: dict[str, Any] = {
        "rows": len(rows),
        "auroc": auroc(labels, carried, groups),
        "word_overlap_auroc": auroc(labels, overlap, groups),
        "expected_calibration_error": round(calibration_error(labels, carried), 4),
    }
    families = sorted({row.family for row in rows})
    subsets = sorted({row.id.split("_")[0] for row in rows}) if families == ["attributionbench"] else []
    for name in subsets:
        chosen = np.array([row.id.split("_")[0] == name for row in rows])
        if 0 < labels[chosen].sum() < chosen.sum():
            inner = [group for group, use in zip(groups, chosen, strict=True) if use]
            found.setdefault("by_source", {})[name] = auroc(labels[chosen], carried[chosen], inner)
    return found


def calibration_error(labels: NDArray[np.int64], scores: NDArray[np.float64]) -> float:
    """Expected calibration error in ten bins of equal size."""
    parts = np.array_split(np.argsort(scores), 10)
    return float(
        sum(len(part) * abs(scores[part].mean() - labels[part].mean()) for part in parts) / len(scores)
    )


def sentences(rows: Sequence[Row], pairs: dict[str, Pair]) -> dict[str, Any]:
    """F1 of the sentences chosen, against the gold set of the claim that agrees best, as wice measures it."""
    usable = [row for row in rows if pairs[row.id].gold]
    values = np.array([_best_f1([row.near[at] for at in row.chosen], pairs[row.id].gold) for row in usable])
    return {
        "rows": len(usable),
        "f1": interval([row.group for row in usable], lambda at: float(values[at].mean())),
    }


def _best_f1(chosen: Sequence[int], gold: Sequence[Sequence[int]]) -> float:
    best = 0.0
    for wanted in gold:
        right = len(set(wanted) & set(chosen))
        best = max(best, 2 * right / (len(set(wanted)) + len(chosen)))
    return best


def contradiction(rows: Sequence[Row], opposed: NDArray[np.float64]) -> dict[str, Any]:
    """SUPPORT against CONTRADICT on gold sentences, at a probability of one half."""
    labels = np.array([int(row.label == -1) for row in rows])
    groups = [row.group for row in rows]
    return {
        "rows": len(rows),
        "balanced_accuracy": interval(
            groups, lambda at: float(balanced_accuracy_score(labels[at], opposed[at] > 0.5))
        ),
        "auroc": auroc(labels, opposed, groups),
    }


def mutations(
    rows: Sequence[Row],
    carried: NDArray[np.float64],
    wrong: NDArray[np.float64],
    opposed: NDArray[np.float64],
) -> dict[str, Any]:
    """What share of each kind of change is caught, and how many untouched claims raise an alarm."""
    alarm = np.array([verdict in _ALARMS for verdict in verdicts(rows, carried, wrong, opposed)])
    measured = np.array([fold_of(row) not in CHOSEN_ON for row in rows])
    kinds = np.array([row.kind for row in rows])
    found: dict[str, Any] = {
        "verifier": CURRENT,
        "thresholds": {"supported": SUPPORTED_AT, "partial": PARTIAL_AT, "wrong": WRONG_AT},
        "pairs": int((kinds == "true").sum()),
        "pairs_measured": int(((kinds == "true") & measured).sum()),
        "false_alarms": _share(rows, alarm, measured & (kinds == "true")),
        "false_alarms_where_chosen": round(float(alarm[~measured & (kinds == "true")].mean()), 4),
        "caught": {kind: _share(rows, alarm, measured & (kinds == kind)) for kind in (*CHANGED, "moved")},
        "by_family": {},
    }
    for family in dict.fromkeys(row.family for row in rows):
        here = measured & np.array([row.family == family for row in rows])
        found["by_family"][family] = {
            "pairs": int((here & (kinds == "true")).sum()),
            "false_alarms": round(float(alarm[here & (kinds == "true")].mean()), 4),
            "caught": round(float(alarm[here & (kinds != "true")].mean()), 4),
        }
    return found


def _share(rows: Sequence[Row], alarm: NDArray[np.bool_], chosen: NDArray[np.bool_]) -> dict[str, float]:
    values = alarm[chosen].astype(float)
    groups = [row.group for row, use in zip(rows, chosen, strict=True) if use]
    return {"rows": int(chosen.sum())} | interval(groups, lambda at: float(values[at].mean()))


def verdicts(
    rows: Sequence[Row],
    carried: NDArray[np.float64],
    wrong: NDArray[np.float64],
    opposed: NDArray[np.float64],
) -> list[Verdict]:
    """The verdict of each row, by the verifier's own rule."""
    parts = zip(rows, carried, wrong, opposed, strict=True)
    return [agreed(a, b, c, row.found(), row.features["near_exact"])[1] for row, a, b, c in parts]


def sweep(
    rows: Sequence[Row], carried: NDArray[np.float64], wrong: NDArray[np.float64]
) -> list[dict[str, float]]:
    """What other thresholds would give on the folds where they are chosen: for choosing them."""
    used = np.array([fold_of(row) in CHOSEN_ON for row in rows])
    kinds = np.array([row.kind for row in rows])
    found = []
    for partial in (0.15, 0.2, 0.25, 0.3):
        for at in (0.6, 0.65, 0.7, 0.75, 0.8, 0.85):
            alarm = (carried < partial) | (wrong > at)
            caught = [float(alarm[used & (kinds == kind)].mean()) for kind in (*CHANGED, "moved")]
            found.append(
                {
                    "partial": partial,
                    "wrong": at,
                    "false_alarms": round(float(alarm[used & (kinds == "true")].mean()), 4),
                    "least_caught": round(min(caught), 4),
                    "mean_caught": round(float(np.mean(caught)), 4),
                }
            )
    return found

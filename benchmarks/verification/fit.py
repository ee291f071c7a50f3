"""Fits the verifier's models and writes them as plain numbers; gives held-out probabilities by cross-validation."""

from __future__ import annotations

import json
import math
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from rag.verification.model import CURRENT, log_odds, model_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.verification.collect import Row

FOLDS = 5
# Weight of a true or moved row of the mutated set, where support is learned from those together with whole sets.
_MUTATED_WEIGHT = 0.3
_TREES = 120


@dataclass(frozen=True, slots=True)
class Part:
    """One of the three models: what it learns from.

    Attributes:
        name: In the shipped file.
        linear: Share of the regression; the trees have the rest.
        strength: Inverse regularisation of the regression.
        leaf: Fewest rows in a leaf.
    """

    name: str
    linear: float
    strength: float
    leaf: int


PARTS = (Part("carried", 0.5, 0.02, 4), Part("wrong", 0.25, 0.1, 3), Part("opposed", 0.5, 0.05, 3))


def fold_of(row: Row) -> int:
    """Which fold a row belongs to: all rows of a group, in all sets, are in one."""
    return zlib.crc32(row.group.encode()) % FOLDS


def learning(part: Part, rows: Sequence[Row]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Weights and labels of the rows for one part; weight 0 leaves a row out."""
    if part.name == "carried":
        shares = {"true": _MUTATED_WEIGHT, "moved": _MUTATED_WEIGHT}
        weights = [
            shares.get(row.kind, 0.0) if row.set == "mutated" else float(row.set != "scifact") for row in rows
        ]
        return np.array(weights), np.array([int(row.label == 1) for row in rows])
    if part.name == "opposed":
        chosen = [row.set == "scifact" for row in rows]
        labels = np.array([int(row.label == -1) for row in rows])
        return _balanced(np.array(chosen), labels, {}), labels
    chosen = [row.set == "mutated" and row.kind != "moved" for row in rows]
    labels = np.array([int(row.kind != "true") for row in rows])
    return _balanced(np.array(chosen), labels, {at: row.kind for at, row in enumerate(rows)}), labels


def _balanced(
    chosen: NDArray[np.bool_], labels: NDArray[np.int64], kinds: Mapping[int, str]
) -> NDArray[np.float64]:
    """Weights that make both labels, and the kinds within each, count the same."""
    names = [(int(labels[at]), kinds.get(at, "")) for at in range(len(labels))]
    counts: dict[tuple[int, str], int] = {}
    for at in np.flatnonzero(chosen):
        counts[names[at]] = counts.get(names[at], 0) + 1
    groups = {label: sum(key[0] == label for key in counts) for label in (0, 1)}
    total = int(chosen.sum())
    return np.array(
        [
            0.5 * total / groups[names[at][0]] / counts[names[at]] if chosen[at] else 0.0
            for at in range(len(labels))
        ]
    )


def table(rows: Sequence[Row], names: Sequence[str]) -> NDArray[np.float64]:
    """Features, shape (rows, names)."""
    return np.array([[row.features[name] for name in names] for row in rows])


def held_out(part: Part, rows: Sequence[Row], seed: int) -> NDArray[np.float64]:
    """The log-odds of every row from a model that saw no row of its group, before scaling."""
    names = list(rows[0].features)
    x, folds = table(rows, names), np.array([fold_of(row) for row in rows])
    weights, labels = learning(part, rows)
    found = np.zeros(len(rows))
    for fold in range(FOLDS):
        inside = (folds != fold) & (weights > 0)
        found[folds == fold] = _Fitted(part, x[inside], labels[inside], weights[inside], seed).log_odds(
            x[folds == fold]
        )
    return found


def scaling(part: Part, rows: Sequence[Row], raw: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and offset that make held-out log-odds a probability (Platt, 1999)."""
    weights, labels = learning(part, rows)
    used = weights > 0
    model = LogisticRegression(C=1e6).fit(raw[used][:, None], labels[used], sample_weight=weights[used])
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def fit(part: Part, rows: Sequence[Row], slope: float, offset: float, seed: int) -> dict[str, Any]:
    """One part of the shipped file, fitted on all rows."""
    names = list(rows[0].features)
    weights, labels = learning(part, rows)
    used = weights > 0
    fitted = _Fitted(part, table(rows, names)[used], labels[used], weights[used], seed)
    return {
        "features": names,
        "mean": _rounded(fitted.scaler.mean_),
        "scale": _rounded(fitted.scaler.scale_),
        "weights": _rounded(fitted.regression.coef_[0]),
        "intercept": round(float(fitted.regression.intercept_[0]), 6),
        "linear": part.linear,
        "trees": _plain(fitted.trees),
        "slope": round(slope, 6),
        "offset": round(offset, 6),
    }


def write(path: Path, models: Sequence[dict[str, Any]], about: str) -> None:
    """Write the shipped file."""
    path.write_text(
        json.dumps({"id": CURRENT, "fitted_on": about, "models": models}, separators=(",", ":")) + "\n"
    )


def agrees(part: dict[str, Any], rows: Sequence[Row], expected: NDArray[np.float64]) -> float:
    """Largest difference between the plain model and the fitted one over some rows, in probability."""
    model = model_of(part)
    return max(abs(model.probability(row.features) - each) for row, each in zip(rows, expected, strict=True))


class _Fitted:
    def __init__(
        self,
        part: Part,
        x: NDArray[np.float64],
        y: NDArray[np.int64],
        weights: NDArray[np.float64],
        seed: int,
    ) -> None:
        self.part = part
        self.scaler = StandardScaler().fit(x)
        self.regression = LogisticRegression(C=part.strength, max_iter=1000)
        self.regression.fit(self.scaler.transform(x), y, sample_weight=weights)
        self.trees = ExtraTreesClassifier(
            _TREES, max_depth=12, min_samples_leaf=part.leaf, max_features=0.25, random_state=seed
        ).fit(x, y, sample_weight=weights)

    def log_odds(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        linear = self.regression.decision_function(self.scaler.transform(x))
        shares = np.array([log_odds(share) for share in self.trees.predict_proba(x)[:, 1]])
        return np.asarray(self.part.linear * linear + (1.0 - self.part.linear) * shares)


def _plain(trees: ExtraTreesClassifier) -> dict[str, Any]:
    roots: list[int] = []
    columns: dict[str, list[float]] = {"feature": [], "threshold": [], "left": [], "right": [], "value": []}
    for each in trees.estimators_:
        tree, base = each.tree_, len(columns["feature"])
        roots.append(base)
        leaf = tree.children_left < 0
        columns["feature"] += np.where(leaf, -1, tree.feature).tolist()
        columns["threshold"] += [float(f"{value:.7g}") for value in np.where(leaf, 0.0, tree.threshold)]
        columns["left"] += np.where(leaf, 0, tree.children_left + base).tolist()
        columns["right"] += np.where(leaf, 0, tree.children_right + base).tolist()
        shares = tree.value[:, 0, 1] / tree.value[:, 0, :].sum(axis=1)
        columns["value"] += [
            round(float(value), 4) if end else 0 for value, end in zip(shares, leaf, strict=True)
        ]
    depth = max(each.tree_.max_depth for each in trees.estimators_)
    return {"roots": roots, **columns, "depth": int(depth)}


def _rounded(values: NDArray[np.float64]) -> list[float]:
    return [float(f"{value:.7g}") for value in values]


def probability(raw: NDArray[np.float64], slope: float, offset: float) -> NDArray[np.float64]:
    """Log-odds, scaled, as probabilities."""
    return np.array([1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, slope * each + offset)))) for each in raw])

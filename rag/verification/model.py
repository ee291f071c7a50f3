"""Features of a claim and its source -> the probability that the source carries it.

The mean of a logistic regression and of randomised trees (Geurts and others: "Extremely randomized trees",
2006), fitted by ``benchmarks.verification`` and kept as plain numbers. Platt scaling of their held-out sum
makes it a probability.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

CURRENT = "verifier-2026-11"


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """Decision trees, their nodes one after another; the arrays have one entry for each node.

    Attributes:
        roots: First node of each tree.
        feature: What a node asks, or -1 for a leaf.
        threshold: Up to this value the answer is on the left.
        left: Node to go on with.
        right: Likewise.
        value: Share of supported claims among those that came here.
        depth: Of the deepest tree.
    """

    roots: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    value: NDArray[np.float64]
    depth: int

    def share(self, row: NDArray[np.float64]) -> float:
        """The mean of the trees' answers for one row of features."""
        at = self.roots
        for _ in range(self.depth):
            asked = self.feature[at]
            below = np.where(row[asked] <= self.threshold[at], self.left[at], self.right[at])
            at = np.where(asked < 0, at, below)
        return float(self.value[at].mean())


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A fitted probability.

    Attributes:
        features: Names, in the order of the arrays.
        mean: Of each feature in the data it was fitted on.
        scale: Standard deviation of each.
        weights: Log-odds for each standard deviation.
        intercept: Log-odds of an average claim.
        forest: The trees.
        linear: Share of the regression in the sum of both, from 0 to 1.
        slope: Of the log-odds of both together.
        offset: Added to them.
    """

    features: tuple[str, ...]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    weights: NDArray[np.float64]
    intercept: float
    forest: Forest
    linear: float
    slope: float
    offset: float

    def probability(self, features: Mapping[str, float]) -> float:
        """The probability for a claim with these features.

        Raises:
            KeyError: A feature is missing.
        """
        row = np.array([features[name] for name in self.features])
        both = (1.0 - self.linear) * log_odds(self.forest.share(row))
        if self.linear:
            both += self.linear * (self.intercept + float(self.weights @ ((row - self.mean) / self.scale)))
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, self.slope * both + self.offset))))


def log_odds(share: float) -> float:
    """Log-odds of a share, which is kept off 0 and 1."""
    share = min(0.995, max(0.005, share))
    return math.log(share / (1.0 - share))


@dataclass(frozen=True, slots=True, eq=False)
class Models:
    """What a verifier decides by.

    Attributes:
        id: Of the file.
        embedder: Beginning of the fingerprint of the embedding model whose vectors they were fitted on; empty for those
            that need none.
        carried: That the source carries a claim, leaving single facts aside.
        wrong: That a number, name, negation or other fact of the claim is not the source's.
        opposed: That the source says the opposite, given that it speaks of the claim.
    """

    id: str
    embedder: str
    carried: Model
    wrong: Model
    opposed: Model


@cache
def load_models(name: str = CURRENT) -> tuple[Models, ...]:
    """Read a shipped file: models for each kind of vectors, those without last."""
    found = json.loads(resources.files("rag").joinpath("models", f"{name}.json").read_bytes())
    return tuple(
        Models(
            found["id"], each["embedder"], *(model_of(each[part]) for part in ("carried", "wrong", "opposed"))
        )
        for each in found["models"]
    )


def model_of(found: dict[str, Any]) -> Model:
    """A model from its plain data."""
    trees = found["trees"]
    return Model(
        features=tuple(found["features"]),
        mean=np.array(found["mean"]),
        scale=np.array(found["scale"]),
        weights=np.array(found["weights"]),
        intercept=found["intercept"],
        forest=Forest(
            roots=np.array(trees["roots"]),
            feature=np.array(trees["feature"]),
            threshold=np.array(trees["threshold"], dtype=np.float64),
            left=np.array(trees["left"]),
            right=np.array(trees["right"]),
            value=np.array(trees["value"], dtype=np.float64),
            depth=trees["depth"],
        ),
        linear=found["linear"],
        slope=found["slope"],
        offset=found["offset"],
    )

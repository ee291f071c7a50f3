"""Small fitted models as plain data files, read with numpy alone: no training library goes into the service."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """A weighted sum of standardised features.

    Attributes:
        features: Names, in the order of the columns that it reads.
        weights: Of each feature in its own unit, shape (features,).
        intercept: What is added to every sum.
        mean: Of each feature in the data that it was fitted on; stands in for what could not be measured.
        reach: By how much a feature may differ from its mean, shape (features,). What lies beyond counts as if it lay
            there: nothing is known of how the sum goes on outside the data.
    """

    features: tuple[str, ...]
    weights: NDArray[np.float64]
    intercept: float
    mean: NDArray[np.float64]
    reach: NDArray[np.float64]

    def score(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """One number for each row, shape (rows,), from features of shape (rows, features)."""
        total: NDArray[np.float64] = self.inside(rows) @ self.weights + self.intercept
        return total

    def inside(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Features of shape (rows, features), none further from its mean than the data that was fitted on."""
        return np.clip(rows, self.mean - self.reach, self.mean + self.reach)

    def row(self, found: Mapping[str, float]) -> NDArray[np.float64]:
        """Named numbers as one row, shape (1, features); the mean for what is not among them."""
        pairs = zip(self.features, self.mean.tolist(), strict=True)
        return np.array([[found.get(name, mean) for name, mean in pairs]])


@cache
def load_linear(name: str) -> Linear:
    """A shipped model.

    Its file holds mean and standard deviation of each feature beside the weights, and may say how many standard
    deviations a feature can differ from its mean (``reach``).
    """
    found = json.loads(resources.files("rag").joinpath("models", f"{name}.json").read_bytes())
    mean, scale = np.array(found["mean"]), np.array(found["scale"])
    weights = np.array(found["weights"]) / scale
    reach = scale * found.get("reach", math.inf)
    return Linear(tuple(found["features"]), weights, found["intercept"] - float(weights @ mean), mean, reach)

"""Small fitted models as plain data files, read with numpy alone: no training library goes into the service."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """A weighted sum of standardised features.

    Attributes:
        features: Names, in the order of the columns that it reads.
        weights: Of each feature in its own unit, shape (features,).
        intercept: What is added to every sum.
    """

    features: tuple[str, ...]
    weights: NDArray[np.float64]
    intercept: float

    def score(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """One number for each row, shape (rows,), from features of shape (rows, features)."""
        total: NDArray[np.float64] = rows @ self.weights + self.intercept
        return total


@cache
def load_linear(name: str) -> Linear:
    """A shipped model. Its file holds mean and standard deviation of each feature beside the weights."""
    found = json.loads(resources.files("rag").joinpath("models", f"{name}.json").read_bytes())
    weights = np.array(found["weights"]) / np.array(found["scale"])
    intercept = found["intercept"] - float(weights @ np.array(found["mean"]))
    return Linear(tuple(found["features"]), weights, intercept)

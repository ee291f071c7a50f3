"""A passage's score, steadied by those of the passages around it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from index.types import IdRange

# How much a place beyond the document's ends counts of one inside. Nothing would let a document of one passage keep its
# whole score, so that short notes come before whatever long documents say; all of it lowers the ends of every document.
OUTSIDE = 0.1


def steadied(
    scores: Mapping[int, float], floor: float, documents: Mapping[int, IdRange], reach: float
) -> dict[int, float]:
    """Mean of the scores around each passage, with weights that fall as ``exp(-distance / reach)``.

    What a text is about changes slowly, and a question's likeness to one passage is a noisy sign of it: the mean over
    neighbours is the smoother that fits (an exponential kernel is the Wiener filter of a first-order process in noise).
    Diaz smooths the scores of like documents in the same spirit: "Regularizing ad hoc retrieval scores", CIKM 2005,
    https://doi.org/10.1145/1099554.1099722.

    Args:
        scores: By passage id; the passages of a document have consecutive ids.
        floor: What a passage without a score is taken to have, and what stands around a document.
        documents: The ids of the document that each passage is of; passages that are not named here are left out.
        reach: In passages.

    Returns:
        By id of each passage that is in both mappings.
    """
    far = math.ceil(3 * reach)
    kernel = [math.exp(-distance / reach) for distance in range(far + 1)]
    whole = 2 * sum(kernel) - kernel[0]
    centres = [centre for centre in documents if centre in scores]
    if not centres:
        return {}
    known = np.array(sorted(scores), np.int64)
    values = np.array([scores[each] for each in known.tolist()])
    # All that is heard of each passage, from the left to the right, one step for all passages at once.
    near = np.array(centres, np.int64)[:, None] + np.arange(-far, far + 1)
    at = np.minimum(np.searchsorted(known, near), len(known) - 1)
    heard = np.where(known[at] == near, values[at], floor)
    inside = near >= np.array([documents[each].first for each in centres])[:, None]
    inside &= near <= np.array([documents[each].last for each in centres])[:, None]
    total, weight = np.zeros(len(centres)), np.zeros(len(centres))
    for step in range(2 * far + 1):
        share = np.where(inside[:, step], kernel[abs(step - far)], 0.0)
        total += share * heard[:, step]
        weight += share
    outside = OUTSIDE * (whole - weight)
    means = (total + outside * floor) / (weight + outside)
    return dict(zip(centres, means.tolist(), strict=True))

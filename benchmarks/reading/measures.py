"""How right short answers and probabilities are."""

from __future__ import annotations

import re
import string
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import roc_auc_score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_RESAMPLES = 500


def normalised(text: str) -> list[str]:
    """Words as SQuAD's own script compares them: lower case, no punctuation, no articles."""
    return re.sub(r"\b(?:a|an|the)\b", " ", text.lower().translate(_PUNCTUATION)).split()


def word_f1(given: str, golds: Sequence[str]) -> float:
    """Best F1 of the words with any gold answer."""
    best = 0.0
    for gold in golds:
        one, other = normalised(given), normalised(gold)
        shared = sum((Counter(one) & Counter(other)).values())
        if shared:
            best = max(best, 2 * shared / (len(one) + len(other)))
    return best


def exact(given: str, golds: Sequence[str]) -> bool:
    """Whether the words are those of a gold answer."""
    return any(normalised(given) == normalised(gold) for gold in golds)


def expected_calibration_error(
    probability: NDArray[np.float64], right: NDArray[np.float64], bins: int = 10
) -> float:
    """ECE over equally filled bins: mean distance between confidence and accuracy, weighted by bin size.

    Naeini, Cooper, Hauskrecht: "Obtaining Well Calibrated Probabilities Using Bayesian Binning", AAAI 2015;
    equal-mass bins as in Nixon et al., "Measuring Calibration in Deep Learning", 2019.
    """
    parts = np.array_split(np.argsort(probability), bins)
    gaps = [len(part) * abs(probability[part].mean() - right[part].mean()) for part in parts if len(part)]
    return float(sum(gaps) / len(probability))


def calibrated_error(probability: NDArray[np.float64], seed: int = 7) -> float:
    """The ECE that probabilities would show on so many answers if they were exactly right: the floor of the measure."""
    source = np.random.default_rng(seed)
    drawn = [
        expected_calibration_error(probability, (source.random(len(probability)) < probability).astype(float))
        for _ in range(_RESAMPLES)
    ]
    return float(np.mean(drawn))


def auroc(wanted: NDArray[np.bool_], score: NDArray[np.float64], groups: Sequence[str]) -> list[float]:
    """Area under the ROC curve, with the 95 % interval of resampled groups: value, low, high."""
    places: dict[str, list[int]] = {}
    for at, group in enumerate(groups):
        places.setdefault(group, []).append(at)
    members, source = [np.array(each) for each in places.values()], np.random.default_rng(7)
    drawn = []
    for _ in range(_RESAMPLES):
        chosen = np.concatenate([members[i] for i in source.integers(0, len(members), len(members))])
        if 0 < wanted[chosen].sum() < len(chosen):
            drawn.append(roc_auc_score(wanted[chosen], score[chosen]))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return [float(roc_auc_score(wanted, score)), float(low), float(high)]

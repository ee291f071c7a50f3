"""Named signals -> the probability that an answer is right.

A logistic calibration (Platt, "Probabilistic outputs for support vector machines", 1999) over signals that
are each a number with a name. Its coefficients are a data file with an id; the same signals always give the same
value. What a language model did wrong only ever lowers it.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from index.analyze import terms
from rag.types import Confidence
from rag.words import answer_type_match, content_terms, coverage, names, numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from rag.types import Found

CURRENT = "squad2-2026-11"
HIGH, MEDIUM = 0.7, 0.4
# What each fault of a generated answer takes from the log-odds: an invented citation key, an altered
# quotation, and the share of claims that their sources do not support. Set by hand: they make an answer with
# one such fault about half as likely to be right, and one without support improbable.
_FAULTS = {
    "invented_keys": -0.7,
    "altered_quotes": -0.7,
    "unsupported_share": -4.0,
    "dropped_share": -2.0,
    "rewritten_share": -0.7,
    "disagreements": -1.5,
}


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted logistic regression over standardised signals.

    Attributes:
        id: Shown with every confidence computed by it.
        signals: Names, in the order of the arrays.
        mean: Of each signal in the data it was fitted on.
        scale: Standard deviation of each signal in these data.
        weights: Log-odds for each standard deviation.
        intercept: Log-odds of an average answer.
        abstain_below: Under this probability an answer by quotation is withheld.
    """

    id: str
    signals: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float
    abstain_below: float

    def probability(self, signals: Mapping[str, float]) -> float:
        """The calibrated probability, with the faults of a generated answer taken off."""
        values = (signals[name] for name in self.signals)
        parts = zip(values, self.mean, self.scale, self.weights, strict=True)
        log_odds = self.intercept + sum(w * (value - mean) / scale for value, mean, scale, w in parts)
        log_odds += sum(weight * signals.get(name, 0.0) for name, weight in _FAULTS.items())
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, log_odds))))


@cache
def load_calibration(name: str = CURRENT) -> Calibration:
    """Read a shipped calibration."""
    found = json.loads(resources.files("rag").joinpath("calibrations", f"{name}.json").read_bytes())
    return Calibration(
        id=found["id"],
        signals=tuple(found["signals"]),
        mean=tuple(found["mean"]),
        scale=tuple(found["scale"]),
        weights=tuple(found["weights"]),
        intercept=found["intercept"],
        abstain_below=found["abstain_below"],
    )


def confidence(signals: Mapping[str, float], calibration: Calibration) -> Confidence:
    """Put a probability and a word to an answer."""
    value = calibration.probability(signals)
    return Confidence(value, _level(value), dict(signals), calibration.id)


def _level(value: float) -> str:
    return "high" if value >= HIGH else "medium" if value >= MEDIUM else "low"


def retrieval_signals(found: Sequence[Found]) -> dict[str, float]:
    """What the search alone says about whether the corpus answers a question.

    Returns:
        ``passage_cosine``: similarity of the best passage. ``passage_margin``: by how much it leads the fifth.
        ``views_agree``: 1 when both views put the same passage first, less as they differ.
    """
    cosines = sorted((each.scores.get("dense", 0.0) for each in found), reverse=True)
    best = cosines[0] if cosines else 0.0
    fifth = cosines[min(4, len(cosines) - 1)] if cosines else 0.0
    both = [each.ranks for each in found if len(each.ranks) > 1]
    agree = max((1.0 / math.prod(ranks.values()) for ranks in both), default=0.0)
    return {"passage_cosine": best, "passage_margin": best - fifth, "views_agree": math.sqrt(agree)}


def sufficiency_signals(
    question: str,
    sentences: Sequence[str],
    around: str,
    cosines: Sequence[float],
    weights: Mapping[str, float],
) -> dict[str, float]:
    """Whether the cited sentences contain what the question asks about.

    Args:
        question: In words.
        sentences: The cited sentences.
        around: The text they stand in, with its title and headings.
        cosines: Similarity of each cited sentence with the question.
        weights: Rarity by term.

    Returns:
        ``sentence_cosine``, ``sentence_coverage`` and ``context_coverage`` (share of the question's terms, by
        rarity), ``rarest_covered`` (whether the rarest term is there), ``names_covered`` and
        ``numbers_covered`` (1 when the question has none), ``type_match``.
    """
    wanted = content_terms(question)
    own, wide = set(terms(" ".join(sentences))), set(terms(around))
    rarest = max(wanted, key=lambda term: weights.get(term, 1.0), default=None)
    asked_names, asked_numbers = names(question), numbers(question)
    lowered = around.casefold()
    return {
        "sentence_cosine": max(cosines, default=0.0),
        "sentence_coverage": coverage(wanted, own, weights),
        "context_coverage": coverage(wanted, wide, weights),
        "rarest_covered": float(rarest is None or rarest in wide),
        "names_covered": _share(asked_names, lambda name: name in lowered),
        "numbers_covered": _share(asked_numbers, numbers(around).__contains__),
        "type_match": max((answer_type_match(question, sentence) for sentence in sentences), default=0.0),
    }


def _share(wanted: Collection[str], present: Callable[[str], bool]) -> float:
    return sum(map(present, wanted)) / len(wanted) if wanted else 1.0


def confidence_of_support(supports: Sequence[float]) -> Confidence:
    """Confidence in a text that was only checked, not answered: the support of its weakest sentence.

    It is not calibrated, and says so.
    """
    weakest = min(supports, default=0.0)
    mean = sum(supports) / len(supports) if supports else 0.0
    signals = {"weakest_support": weakest, "mean_support": mean}
    return Confidence(weakest, _level(weakest), signals, "uncalibrated")

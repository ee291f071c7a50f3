"""Named signals -> the probability that an answer is right.

Signals are each a number with a name; ``rag.calibration`` turns them into a probability. The same signals always give
the same value. What a language model did wrong only ever lowers it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from index.analyze import terms
from rag.calibration import CURRENT, Calibration, load_calibration
from rag.types import Confidence
from rag.words import answer_type_match, content_terms, coverage, names, numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from rag.types import Found

__all__ = ["CURRENT", "Calibration", "confidence", "load_calibration"]

HIGH, MEDIUM = 0.7, 0.4


def confidence(signals: Mapping[str, float], calibration: Calibration) -> Confidence:
    """Put a probability and a word to an answer."""
    value = calibration.probability(signals)
    return Confidence(value, _level(value), dict(signals), calibration.id)


def _level(value: float) -> str:
    return "high" if value >= HIGH else "medium" if value >= MEDIUM else "low"


def withheld(rated: Confidence, threshold: float | None = None) -> Confidence:
    """The confidence of an answer that is not given.

    Its value stays the probability that what was withheld is right, which a target error may want to be high; its level
    is low, for a reader who acts on the level has nothing to act on.

    Args:
        rated: As it would be shown.
        threshold: What the value was under, if that is why.
    """
    why: tuple[str, ...] = ()
    if threshold is not None and threshold >= 1.0:
        why = ("It is withheld because no confidence is known from which on so few answers are wrong.",)
    elif threshold is not None and rated.value < threshold:
        why = (f"It is withheld because answers are only given from {threshold * 100:.0f} % on.",)
    return replace(rated, level="low", explanation=(*why, *rated.explanation))


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


def token_signals(logprobs: Sequence[float]) -> dict[str, float]:
    """What a model's own probabilities of its tokens say; nothing where it gave none.

    Args:
        logprobs: Natural logarithms.

    Returns:
        ``token_probability``: their geometric mean. ``token_doubt``: what is missing to one, which lowers a confidence.
    """
    if not logprobs:
        return {}
    mean = math.exp(sum(logprobs) / len(logprobs))
    return {"token_probability": mean, "token_doubt": 1.0 - mean}


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

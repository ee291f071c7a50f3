"""How a question, read as a claim, compares with the best sentences: which of its words stand there, and what differs.

A question that was made unanswerable names another person, number or opposite than its text does (Rajpurkar, Jia,
Liang: "Know What You Don't Know", ACL 2018, https://arxiv.org/abs/1806.03822). That is what the check of claims looks
for, so the same measurements are taken: every word of the question with the nearest one there, and facts that differ.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from rag.verification.features import Source, Text, compare
from rag.verification.text import words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ingest.embed import Embedder
    from rag.asked import Asked
    from rag.sentence_features import Place

# Best sentences that are read word by word, each with its neighbours.
_READ = 3
# What is asked for is not there yet: "what year" leaves "year".
_ASKING = re.compile(
    r"\b(?:what|which|who|whom|whose|when|where|why|how(?:\s+(?:many|much))?)\b\s*", re.IGNORECASE
)


def alignment(
    asked: Asked, places: Sequence[Place], scores: NDArray[np.float64], embedder: Embedder
) -> dict[str, float]:
    """Named numbers, each as ``rag.verification.features`` describes it.

    Args:
        asked: The question.
        places: Sentences in the order of the evidence.
        scores: Of each, shape (sentences,).
        embedder: For the vectors of words.

    Returns:
        Nothing when the question has no words left, or there is no sentence with a word in it.
    """
    claim = words_of(_ASKING.sub("", asked.text))
    if not any(claim.content):
        return {}
    at = [each for each in _around(places, scores) if words_of(places[each].text).spans]
    if not at:
        return {}
    words = [claim, *(words_of(places[each].text) for each in at)]
    wholes, vectors = embedder.embed_words([each.text for each in words], [each.spans for each in words])
    ends = np.cumsum([len(each) for each in words])
    texts = [
        Text(each, vectors[end - len(each) : end], whole)
        for each, end, whole in zip(words, ends, wholes, strict=True)
    ]
    pieces: list[int] = []
    around: list[str] = []
    for number, each in enumerate(at):
        here = places[each]
        if number == 0 or at[number - 1] != each - 1 or not _adjacent(places[each - 1], here):
            around.append(". ".join((here.evidence.title, *here.evidence.headings)))
        pieces.append(len(around) - 1)
    weights = np.array([asked.weights.get(stem, 1.0) for stem in claim.stems])
    return compare(texts[0], Source(texts[1:], np.array(pieces), around), weights).features


def _around(places: Sequence[Place], scores: NDArray[np.float64]) -> list[int]:
    """The best sentences and their neighbours, in the order of the evidence."""
    chosen = set()
    for best in np.argsort(-scores, kind="stable")[:_READ].tolist():
        chosen.add(best)
        for near in (best - 1, best + 1):
            if 0 <= near < len(places) and _adjacent(places[near], places[best]):
                chosen.add(near)
    return sorted(chosen)


def _adjacent(one: Place, other: Place) -> bool:
    return one.evidence.key == other.evidence.key and abs(one.index - other.index) == 1

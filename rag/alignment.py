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
# Stands for the question among places of sentences.
_QUESTION = -1
# What is asked for is not there yet: "what year" leaves "year".
_ASKING = re.compile(
    r"\b(?:what|which|who|whom|whose|when|where|why|how(?:\s+(?:many|much))?)\b\s*", re.IGNORECASE
)


class Readings:
    """Sentences read alone, each once: as a whole and word by word, with the question read as a claim beside them."""

    def __init__(self, asked: Asked, places: Sequence[Place], embedder: Embedder) -> None:
        """Nothing is read yet.

        Args:
            asked: The question.
            places: Sentences in the order of the evidence.
            embedder: For the vectors of texts and of their words.
        """
        self.asked = asked
        self.places = places
        self.claim = words_of(_ASKING.sub("", asked.text))
        self._embedder = embedder
        self._read: dict[int, Text] = {}

    def wholes(self, at: Sequence[int]) -> NDArray[np.float32]:
        """Vectors of some sentences, given by their places: shape (len(at), dimensions)."""
        return np.stack([each.whole for each in self.texts(at)])

    def texts(self, at: Sequence[int]) -> list[Text]:
        """The same with the vectors of their words."""
        self._learn(at)
        return [self._read[each] for each in at]

    def question(self) -> Text:
        """What the question claims, word by word."""
        self._learn([_QUESTION])
        return self._read[_QUESTION]

    def _learn(self, at: Sequence[int]) -> None:
        fresh = [each for each in at if each not in self._read]
        if not fresh:
            return
        # The question is compared in the end, and costs least beside others.
        if any(self.claim.content) and _QUESTION not in self._read and _QUESTION not in fresh:
            fresh.append(_QUESTION)
        words = [self.claim if each == _QUESTION else words_of(self.places[each].text) for each in fresh]
        wholes, vectors = self._embedder.embed_words(
            [each.text for each in words], [each.spans for each in words]
        )
        ends = np.cumsum([len(each) for each in words])
        for place, each, end, whole in zip(fresh, words, ends, wholes, strict=True):
            self._read[place] = Text(each, vectors[end - len(each) : end], whole)


def alignment(readings: Readings, scores: NDArray[np.float64]) -> dict[str, float]:
    """Named numbers, each as ``rag.verification.features`` describes it.

    Args:
        readings: Of the sentences and of the question.
        scores: Of each sentence, shape (sentences,).

    Returns:
        Nothing when the question has no words left, or there is no sentence with a word in it.
    """
    places, claim = readings.places, readings.claim
    if not any(claim.content):
        return {}
    at = [each for each in around_best(places, scores) if words_of(places[each].text).spans]
    if not at:
        return {}
    texts = readings.texts(at)
    pieces: list[int] = []
    around: list[str] = []
    for number, each in enumerate(at):
        here = places[each]
        if number == 0 or at[number - 1] != each - 1 or not _adjacent(places[each - 1], here):
            around.append(". ".join((here.evidence.title, *here.evidence.headings)))
        pieces.append(len(around) - 1)
    weights = np.array([readings.asked.weights.get(stem, 1.0) for stem in claim.stems])
    return compare(readings.question(), Source(texts, np.array(pieces), around), weights).features


def around_best(places: Sequence[Place], scores: NDArray[np.float64]) -> list[int]:
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

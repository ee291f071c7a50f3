"""Which sentences of the passages found speak to a question: by their own vectors, and by their words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from index.analyze import terms
from index.sentence_terms import SentenceTerms, code

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from index.types import StoredPassage
    from ingest.types import FloatMatrix, FloatVector

# BM25's own constants, the same as in the lexical view.
_K1, _B = 1.2, 0.75
# Share of a question's words, by weight, that the passages found must hold between them.
_LEAST_KNOWN = 1 / 3


@dataclass(frozen=True, slots=True, eq=False)
class Sentences:
    """The sentences of some passages, all arrays in the order of passages and then of the text.

    Attributes:
        owner: Which of the passages each is of.
        meaning: Cosine with the question, shape (sentences,).
        words: BM25 of each sentence with the one before and after it in the passage, shape (sentences,).
        coverage: Share of the question's words, by weight, that the best of these windows holds; 0 to 1, and 1 when
            the passages hold so few of them that words say nothing.
    """

    owner: NDArray[np.int64]
    meaning: NDArray[np.float64]
    words: NDArray[np.float64]
    coverage: float


def weigh_sentences(
    question: str,
    vector: FloatVector,
    passages: Sequence[StoredPassage],
    vectors: Mapping[int, FloatMatrix],
    cosines: Mapping[int, float],
    weights: Mapping[str, float],
    stored: Mapping[int, SentenceTerms],
) -> Sentences:
    """Weigh the sentences of passages for a question.

    Args:
        question: In words.
        vector: Of the question.
        passages: At least one.
        vectors: Of the sentences, by passage id.
        cosines: Of whole passages by id, for those whose sentences have no vectors.
        weights: How much each of the question's terms weighs in the search by words.
        stored: Terms of the sentences, by passage id; where they are missing, the passage is analysed.
    """
    asked = Counter(terms(question))
    wanted = sorted(asked)
    owner: list[int] = []
    meaning: list[NDArray[np.float64]] = []
    words: list[SentenceTerms] = []
    for at, passage in enumerate(passages):
        count = len(passage.sentences)
        owner += [at] * count
        rows = vectors.get(passage.id)
        own = np.full(count, cosines.get(passage.id, 0.0)) if rows is None else (rows @ vector)
        meaning.append(own.astype(np.float64))
        words.append(stored.get(passage.id) or SentenceTerms.of_passage(passage))
    of, lengths = np.array(owner), np.concatenate([each.lengths for each in words])
    codes = np.concatenate([each.codes for each in words])
    row = np.repeat(np.arange(len(lengths)), lengths)
    found = np.zeros((len(lengths), len(wanted)))
    for at, word in enumerate(wanted):
        found[:, at] = np.bincount(row[codes == code(word)], minlength=len(lengths))
    frequency = _windows(found, of)
    length = _windows(lengths.astype(np.float64), of)
    weight = np.array([weights.get(word, 0.0) for word in wanted])
    # Rarity counts twice, as it does in the lexical view.
    share = np.array([asked[word] for word in wanted]) * weight**2 / max(weight.max(initial=0.0), 1e-9)
    norm = _K1 * (1 - _B + _B * length / max(float(length.mean()), 1.0))
    scores = (frequency * (_K1 + 1) / (frequency + norm[:, None])) @ share
    return Sentences(of, np.concatenate(meaning), scores, _coverage(frequency > 0, weight))


def _coverage(held: NDArray[np.bool_], weight: NDArray[np.float64]) -> float:
    """The share of the question that the best window holds; 1 where words cannot tell."""
    asked = float(weight.sum())
    known = float(weight[held.any(axis=0)].sum())
    # A question without words, or in another language than the passages, says nothing about where its answer stands.
    if known < _LEAST_KNOWN * asked or asked <= 0:
        return 1.0
    return float((held @ weight).max(initial=0.0)) / asked


def _windows(rows: NDArray[np.float64], owner: NDArray[np.int64]) -> NDArray[np.float64]:
    """Each row with those before and after it added, as far as they have the same owner."""
    total = rows.copy()
    after = np.flatnonzero(owner[1:] == owner[:-1]) + 1
    total[after] += rows[after - 1]
    total[after - 1] += rows[after]
    return total

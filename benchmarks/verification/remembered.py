"""The embedder with a memory: every text of a set is embedded once, in large batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rag.verification.text import words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from ingest.embed import Embedder
    from ingest.sentences import Span
    from ingest.types import FloatMatrix

_AT_ONCE = 2_000


class Remembered:
    """The part of ``ingest.embed.Embedder`` that a verifier uses. Vectors are kept as float16.

    Args:
        embedder: Asked for what is not known yet.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.known: dict[str, tuple[NDArray[np.float16], NDArray[np.float16]]] = {}

    @property
    def fingerprint(self) -> str:
        """See ``Embedder``."""
        return self._embedder.fingerprint

    def learn(self, texts: Iterable[str]) -> None:
        """Embed what is not known yet."""
        new = [text for text in dict.fromkeys(texts) if text not in self.known]
        for start in range(0, len(new), _AT_ONCE):
            part = new[start : start + _AT_ONCE]
            spans = [words_of(text).spans for text in part]
            wholes, inner = self._embedder.embed_words(part, spans)
            ends = np.cumsum([len(each) for each in spans])
            for text, each, end, whole in zip(part, spans, ends, wholes, strict=True):
                self.known[text] = (whole.astype(np.float16), inner[end - len(each) : end].astype(np.float16))

    def embed_sentences(self, texts: Sequence[str]) -> FloatMatrix:
        """See ``Embedder``."""
        self.learn(texts)
        return np.stack([self.known[text][0] for text in texts]).astype(np.float32)

    def embed_words(
        self, texts: Sequence[str], _words: Sequence[Sequence[Span]]
    ) -> tuple[FloatMatrix, FloatMatrix]:
        """See ``Embedder``. The words are always those of ``words_of``."""
        self.learn(texts)
        inner = np.concatenate([self.known[text][1] for text in texts]).astype(np.float32)
        return self.embed_sentences(texts), inner

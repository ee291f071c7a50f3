"""Vectors that are computed once: MiniLM for the plain hybrid, and the service's vectors of questions."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.baseline import load_minilm
from benchmarks.report import progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ingest.embed import Embedder
    from ingest.sentences import Span
    from ingest.types import FloatMatrix, FloatVector

DIMENSIONS = 384
_SHOWN_EVERY = 1024


class MiniLm:
    """all-MiniLM-L6-v2 as sentence-transformers runs it, in float32; every text is encoded once.

    Args:
        file: Where vectors are kept between runs; None for nowhere.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._model: Any = None
        self._known: dict[bytes, NDArray[np.float32]] = {}
        if file and file.exists():
            with np.load(file) as kept:
                self._known = {bytes(key): row for key, row in zip(kept["keys"], kept["rows"], strict=True)}

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit rows, shape (texts, 384)."""
        keys = [hashlib.sha256(text.encode("utf-8")).digest() for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        # Of similar length together, so that little padding is computed.
        order = sorted(missing, key=lambda key: len(missing[key]))
        for at in range(0, len(order), _SHOWN_EVERY):
            part = order[at : at + _SHOWN_EVERY]
            rows = self._load().encode(
                [missing[key] for key in part], batch_size=32, normalize_embeddings=True
            )
            self._known.update(zip(part, np.asarray(rows, dtype=np.float32), strict=True))
            if len(part) > 1:
                progress(f"baseline: {at + len(part)} of {len(order)} passages embedded")
        return np.array([self._known[key] for key in keys], dtype=np.float32).reshape(-1, DIMENSIONS)

    def keep(self) -> None:
        """Writes what is known, where a file was given."""
        if self._file:
            keys = np.array([np.frombuffer(key, dtype=np.uint8) for key in self._known])
            np.savez(self._file, keys=keys, rows=np.array(list(self._known.values())))

    def _load(self) -> Any:
        if self._model is None:
            self._model = load_minilm()
        return self._model


class RememberedQuestions:
    """The service's embedder; a question that several configurations ask is embedded once."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._questions: dict[str, FloatVector] = {}

    @property
    def fingerprint(self) -> str:
        """See ``Embedder``."""
        return self._embedder.fingerprint

    @property
    def dimensions(self) -> int:
        """See ``Embedder``."""
        return self._embedder.dimensions

    @property
    def max_tokens(self) -> int:
        """See ``Embedder``."""
        return self._embedder.max_tokens

    def load(self) -> None:
        """See ``Embedder``."""
        self._embedder.load()

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """See ``Embedder``."""
        return self._embedder.count_tokens(texts)

    def embed_passages(
        self, texts: Sequence[str], parts: Sequence[Sequence[Span]], done: Callable[[int], None]
    ) -> tuple[FloatMatrix, FloatMatrix]:
        """See ``Embedder``."""
        return self._embedder.embed_passages(texts, parts, done)

    def embed_sentences(self, texts: Sequence[str]) -> FloatMatrix:
        """See ``Embedder``."""
        return self._embedder.embed_sentences(texts)

    def embed_words(
        self, texts: Sequence[str], words: Sequence[Sequence[Span]]
    ) -> tuple[FloatMatrix, FloatMatrix]:
        """See ``Embedder``."""
        return self._embedder.embed_words(texts, words)

    def embed_query(self, text: str) -> FloatVector:
        """See ``Embedder``."""
        if text not in self._questions:
            self._questions[text] = self._embedder.embed_query(text)
        return self._questions[text]

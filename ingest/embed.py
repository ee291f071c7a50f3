"""Texts -> unit vectors, with a fingerprint of everything the vectors depend on."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ingest.model import Loaded, load

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ingest.config import EmbedConfig
    from ingest.sentences import Span
    from ingest.types import FloatMatrix, FloatVector

_COUNTED_AT_ONCE = 1024


class Embedder(Protocol):
    """Turns texts into vectors. Implementations are thread-safe and load at first use."""

    @property
    def fingerprint(self) -> str:
        """Names the model and what else the vectors depend on; equal fingerprints mean comparable vectors."""

    @property
    def dimensions(self) -> int:
        """Length of a vector."""

    def load(self) -> None:
        """Load the model now instead of at first use.

        Raises:
            EmbedderUnavailable: The model cannot be loaded, or its file has an unexpected hash.
        """

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Word pieces in each text, special tokens not counted."""

    @property
    def max_tokens(self) -> int:
        """Word pieces that the model reads of one text, special tokens not counted; it cuts off the rest."""

    def embed_passages(
        self, texts: Sequence[str], parts: Sequence[Sequence[Span]], progress: Callable[[int], None]
    ) -> tuple[FloatMatrix, FloatMatrix]:
        """Embed the passages of a document and stretches of each, a batch at a time.

        Args:
            texts: Any number, also none.
            parts: For each text the stretches of it, as code points into the text; none for none.
            progress: Called with the number of texts done so far.

        Returns:
            float32, shape (len(texts), dimensions) and (all stretches in order, dimensions), rows of length 1.
        """

    def embed_sentences(self, texts: Sequence[str]) -> FloatMatrix:
        """Embed a few texts for a waiting reader, comparable with passages: float32, (len(texts), dimensions)."""

    def embed_words(
        self, texts: Sequence[str], words: Sequence[Sequence[Span]]
    ) -> tuple[FloatMatrix, FloatMatrix]:
        """Embed a few texts and the words in each for a waiting reader, like ``embed_passages``."""

    def embed_query(self, text: str) -> FloatVector:
        """Embed a question for a waiting reader: float32, shape (dimensions,), length 1."""


class SentenceTransformerEmbedder:
    """Any sentence-transformers model; by default the bundled one, which needs no network.

    Importing sentence-transformers takes seconds, so it happens when the model is loaded and not before.
    """

    def __init__(self, config: EmbedConfig) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._loaded: Loaded | None = None

    @property
    def fingerprint(self) -> str:
        """See ``Embedder``."""
        return self._model().fingerprint

    @property
    def dimensions(self) -> int:
        """See ``Embedder``."""
        return self._model().dimensions

    @property
    def ready(self) -> bool:
        """Whether the model is in memory."""
        return self._loaded is not None

    def load(self) -> None:
        """See ``Embedder``."""
        self._model()

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """See ``Embedder``."""
        counter = self._model().counter
        counts: list[int] = []
        # An encoding takes far more memory than its text, so only some exist at a time.
        for start in range(0, len(texts), _COUNTED_AT_ONCE):
            part = list(texts[start : start + _COUNTED_AT_ONCE])
            counts += [len(each) for each in counter.encode_batch_fast(part, add_special_tokens=False)]
        return counts

    @property
    def max_tokens(self) -> int:
        """See ``Embedder``."""
        return self._model().max_tokens

    def embed_passages(
        self, texts: Sequence[str], parts: Sequence[Sequence[Span]], progress: Callable[[int], None]
    ) -> tuple[FloatMatrix, FloatMatrix]:
        """See ``Embedder``. Models that average their tokens read each text once, see ``Encoder.encode``."""
        vectors, inner = self._model().background.encode(texts, parts, progress)
        return unit_rows(vectors), unit_rows(inner)

    def embed_words(
        self, texts: Sequence[str], words: Sequence[Sequence[Span]]
    ) -> tuple[FloatMatrix, FloatMatrix]:
        """See ``Embedder``."""
        vectors, inner = self._model().interactive.encode(texts, words, _unwatched)
        return unit_rows(vectors), unit_rows(inner)

    def embed_sentences(self, texts: Sequence[str]) -> FloatMatrix:
        """See ``Embedder``."""
        vectors, _ = self._model().interactive.encode(texts, [()] * len(texts), _unwatched)
        return unit_rows(vectors)

    def embed_query(self, text: str) -> FloatVector:
        """See ``Embedder``."""
        row: FloatVector = unit_rows(self._model().interactive.encode_query(text)[None, :])[0]
        return row

    def _model(self) -> Loaded:
        if self._loaded is None:
            with self._lock:
                if self._loaded is None:
                    self._loaded = load(self._config)
        return self._loaded


def unit_rows(vectors: NDArray[np.float32]) -> FloatMatrix:
    """Scale each row to length 1.

    Raises:
        ValueError: A row is not finite or has no length, which only a broken model produces.
    """
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(norms).all() or (norms == 0).any():
        raise ValueError("The embedding model returned a vector that is not finite or is zero.")
    return np.asarray(vectors / norms, dtype=np.float32)


def _unwatched(_: int) -> None:
    """Progress of what is too short to be watched."""

"""A second, slower look at the best passages: the seam, and a cross-encoder behind it. Off by default."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from rag.errors import RerankerUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# Endings of the architectures whose output can be a score, see CrossEncoder in sentence-transformers.
_SCORES = ("ForSequenceClassification", "ForCausalLM", "ForConditionalGeneration")


class Reranker(Protocol):
    """Scores passages by reading each together with the question. Implementations are thread-safe."""

    @property
    def name(self) -> str:
        """What it is called in traces."""

    def score(self, question: str, passages: Sequence[str]) -> NDArray[np.float64]:
        """How well each passage answers the question: shape (passages,), comparable within one call.

        Raises:
            RerankerUnavailable: The model cannot be loaded, or what it returned is no score.
        """


class CrossEncoderReranker:
    """Any cross-encoder that sentence-transformers can load, such as cross-encoder/ms-marco-MiniLM-L6-v2.

    Nogueira and Cho: "Passage Re-ranking with BERT", https://arxiv.org/abs/1901.04085. Loaded at first use.

    Args:
        model: A folder, or a name that sentence-transformers can download.
        batch_size: Passages in one forward pass.
    """

    def __init__(self, model: str, batch_size: int = 16) -> None:
        self._name = model
        self._batch_size = batch_size
        self._lock = threading.Lock()
        self._model: Any = None

    @property
    def name(self) -> str:
        """See ``Reranker``."""
        return self._name

    def score(self, question: str, passages: Sequence[str]) -> NDArray[np.float64]:
        """See ``Reranker``."""
        if not passages:
            return np.zeros(0)
        with self._lock:
            if self._model is None:
                self._model = self._load()
            pairs = [(question, passage) for passage in passages]
            scores = np.asarray(
                self._model.predict(pairs, batch_size=self._batch_size, show_progress_bar=False), np.float64
            )
        if scores.shape != (len(passages),) or not np.isfinite(scores).all():
            raise RerankerUnavailable(
                f"The reranker {self._name!r} returned scores of shape {scores.shape} for {len(passages)} passages, or "
                "some that are no numbers. FOOTNOTE_RERANKER must name a cross-encoder with one output."
            )
        return scores

    def _load(self) -> Any:
        try:
            from sentence_transformers import CrossEncoder  # noqa: PLC0415 - takes seconds.

            model = CrossEncoder(
                self._name, device="cpu", model_kwargs={"use_safetensors": True}, trust_remote_code=False
            )
        except Exception as error:
            raise RerankerUnavailable(
                f"The reranker {self._name!r} could not be loaded: {error}. Check FOOTNOTE_RERANKER: it is a folder, "
                "or the name of a cross-encoder that sentence-transformers can download; unset it to search without."
            ) from error
        made_for = getattr(model.config, "architectures", None) or []
        # Other models are loaded too, with an output that was never trained: they would shuffle what was found.
        if made_for and not any(each.endswith(_SCORES) for each in made_for):
            raise RerankerUnavailable(
                f"The reranker {self._name!r} is no cross-encoder but a {', '.join(made_for)}, such as an embedding "
                "model. Name a cross-encoder in FOOTNOTE_RERANKER, or unset it to search without."
            )
        return model

"""Judges from outside: a larger model that says whether sentences carry a claim. None by default."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from rag.errors import JudgeUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a judge says of one source.

    Attributes:
        carries: Probability that the source carries the claim.
        contradicts: Probability that it says the opposite.
    """

    carries: float
    contradicts: float


class Judge(Protocol):
    """Reads a claim together with sources. Implementations are thread-safe."""

    @property
    def name(self) -> str:
        """What it is called in traces."""

    def judge(self, claim: str, sources: Sequence[str]) -> list[Judgement]:
        """One judgement for each source.

        Raises:
            JudgeUnavailable: The judge cannot be asked, or its answer cannot be read.
        """


class CrossEncoderJudge:
    """An inference model that sentence-transformers can load, such as cross-encoder/nli-deberta-v3-small.

    Its outputs must be called entailment, contradiction and anything else, as those of models fitted on SNLI and MNLI
    are (https://arxiv.org/abs/1704.05426); the source is the premise. Loaded at first use.

    Args:
        model: A folder, or a name that sentence-transformers can download.
        batch_size: Sources in one forward pass.
    """

    def __init__(self, model: str, batch_size: int = 16) -> None:
        self._name = model
        self._batch_size = batch_size
        self._lock = threading.Lock()
        self._model: Any = None
        self._places = (0, 0)

    @property
    def name(self) -> str:
        """See ``Judge``."""
        return self._name

    def judge(self, claim: str, sources: Sequence[str]) -> list[Judgement]:
        """See ``Judge``."""
        if not sources:
            return []
        with self._lock:
            if self._model is None:
                self._model, self._places = self._load()
            pairs = [(source, claim) for source in sources]
            scores = np.asarray(
                self._model.predict(
                    pairs, batch_size=self._batch_size, show_progress_bar=False, apply_softmax=True
                ),
                np.float64,
            )
        if scores.ndim != 2 or len(scores) != len(sources) or not np.isfinite(scores).all():  # noqa: PLR2004
            raise JudgeUnavailable(
                f"The verifier {self._name!r} returned scores of shape {scores.shape} for {len(sources)} sources, or "
                "some that are no numbers. FOOTNOTE_VERIFIER must name an inference model (entailment, contradiction)."
            )
        return self._judgements(scores)

    def _judgements(self, scores: NDArray[np.float64]) -> list[Judgement]:
        carries, contradicts = self._places
        return [Judgement(float(row[carries]), float(row[contradicts])) for row in scores]

    def _load(self) -> tuple[Any, tuple[int, int]]:
        try:
            from sentence_transformers import CrossEncoder  # noqa: PLC0415 - takes seconds.

            model = CrossEncoder(
                self._name, device="cpu", model_kwargs={"use_safetensors": True}, trust_remote_code=False
            )
        except Exception as error:
            raise JudgeUnavailable(
                f"The verifier {self._name!r} could not be loaded: {error}. Check FOOTNOTE_VERIFIER: it is a folder, "
                "or the name of an inference model that sentence-transformers can download; unset it to check without."
            ) from error
        labels = {str(label).casefold(): int(at) for at, label in (model.config.id2label or {}).items()}
        carries = next((at for label, at in labels.items() if label.startswith("entail")), None)
        contradicts = next((at for label, at in labels.items() if label.startswith("contradict")), None)
        if carries is None or contradicts is None:
            raise JudgeUnavailable(
                f"The verifier {self._name!r} has the outputs {sorted(labels)}, and not entailment and contradiction. "
                "Name an inference model in FOOTNOTE_VERIFIER, or unset it to check without."
            )
        return model, (carries, contradicts)

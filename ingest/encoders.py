"""Two ways through a model: an own one for BERT models that average their tokens, the library's for all others."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch.nn import functional

from ingest.batching import Batches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from tokenizers import Encoding, Tokenizer

    from ingest.bert import Bert
    from ingest.sentences import Span

    Rows = NDArray[np.float32]

# An encoding takes far more memory than its text, so only some exist at a time.
READ_AT_ONCE = 1024
# Texts in one forward pass of the library's own encoder: larger batches were not faster on two cores.
_PADDED_TEXTS = 16


class Encoder(Protocol):
    """Texts -> vectors that are not scaled yet. Thread-safe."""

    def encode(
        self, texts: Sequence[str], parts: Sequence[Sequence[Span]], progress: Callable[[int], None]
    ) -> tuple[Rows, Rows]:
        """Vectors of texts, and of stretches of them that have read their surroundings.

        A stretch is the mean of its tokens after the whole text went through the model: Günther and others, "Late
        Chunking", https://arxiv.org/abs/2409.04701. A stretch without a token gets the vector of its text.

        Args:
            texts: Any number, also none.
            parts: For each text the stretches of it, as code points into the text.
            progress: Called with the number of texts done so far; what it raises ends the work.

        Returns:
            float32, shape (len(texts), dimensions) and (all stretches in order, dimensions).
        """

    def encode_query(self, text: str) -> Rows:
        """Vector of a question: float32, shape (dimensions,)."""


@dataclass(frozen=True, slots=True, eq=False)
class _Reading:
    """One text, ready for the model: what it reads, and which of its tokens are in which stretch."""

    ids: NDArray[np.int64]
    # Places in ``ids`` of the tokens of each stretch, one stretch after the other, and how many each has.
    inside: NDArray[np.int64]
    counts: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """Texts that are encoded together."""

    readings: list[_Reading]

    @property
    def size(self) -> int:
        """Tokens."""
        return sum(len(each.ids) for each in self.readings)


class BertEncoder:
    """A ``Bert`` whose texts' vectors are the mean of their tokens. Texts of all callers share batches.

    One batch is computed on one core, and as many batches as there are cores at once: no core waits for another, as
    they do when each small product is divided among them.
    """

    def __init__(
        self,
        bert: Bert,
        reader: Tokenizer,
        *,
        dimensions: int,
        batch_tokens: int,
        least_tokens: int,
        name: str,
    ) -> None:
        """Nothing is started yet.

        Args:
            bert: May be shared with other encoders.
            reader: Cuts texts off where the model does, adds its special tokens and pads nothing.
            dimensions: Length of a vector.
            batch_tokens: Tokens in a batch at most, or a text's more.
            least_tokens: Tokens that are not divided among cores.
            name: What the threads are called.
        """
        self._bert = bert
        self._reader = reader
        self._dimensions = dimensions
        self._batch_tokens = batch_tokens
        self._least_tokens = min(least_tokens, batch_tokens)
        self._threads = torch.get_num_threads()
        self._batches: Batches[_Piece, tuple[Rows, Rows]] = Batches(
            self._compute,
            most=batch_tokens,
            threads=self._threads,
            least=self._least_tokens,
            begin=_on_one_core,
            name=name,
        )

    def encode(
        self, texts: Sequence[str], parts: Sequence[Sequence[Span]], progress: Callable[[int], None]
    ) -> tuple[Rows, Rows]:
        """See ``Encoder``."""
        vectors = np.empty((len(texts), self._dimensions), dtype=np.float32)
        first = np.cumsum([0, *map(len, parts)])
        inner = np.empty((int(first[-1]), self._dimensions), dtype=np.float32)
        readings = self._read(texts, parts)
        groups = self._groups(readings)
        done = 0
        with closing(self._batches.each([_Piece([readings[i] for i in each]) for each in groups])) as found:
            for group, (wholes, stretches) in zip(groups, found, strict=True):
                vectors[group] = wholes
                inner[[row for i in group for row in range(first[i], first[i + 1])]] = stretches
                done += len(group)
                progress(done)
        return vectors, inner

    def encode_query(self, text: str) -> Rows:
        """See ``Encoder``."""
        row: Rows = self._batches.submit(_Piece(self._read([text], [()]))).result()[0][0]
        return row

    def _read(self, texts: Sequence[str], parts: Sequence[Sequence[Span]]) -> list[_Reading]:
        read = self._reader.encode_batch if any(parts) else self._reader.encode_batch_fast
        found: list[_Reading] = []
        for start in range(0, len(texts), READ_AT_ONCE):
            some = slice(start, start + READ_AT_ONCE)
            encodings = read(list(texts[some]), add_special_tokens=True)
            found += [_reading(each, spans) for each, spans in zip(encodings, parts[some], strict=True)]
        return found

    def _groups(self, readings: Sequence[_Reading]) -> list[list[int]]:
        """Texts of similar length together, from the longest to the shortest, in batches of about one size.

        As many for each thread, so that none is left with the last of them, unless they would be too small.
        """
        order = sorted(range(len(readings)), key=lambda i: len(readings[i].ids), reverse=True)
        ends = np.cumsum([len(readings[i].ids) for i in order])
        total = int(ends[-1]) if order else 0
        for_each = -(-total // (self._batch_tokens * self._threads))
        batches = max(1, min(for_each * self._threads, total // self._least_tokens))
        groups: list[list[int]] = [[] for _ in range(batches)]
        for i, end in zip(order, ends, strict=True):
            groups[(int(end) - len(readings[i].ids)) * batches // total].append(i)
        return [group for group in groups if group]

    @torch.inference_mode()
    def _compute(self, pieces: list[_Piece]) -> list[tuple[Rows, Rows]]:
        readings = [reading for piece in pieces for reading in piece.readings]
        lengths = np.array([len(each.ids) for each in readings])
        order = np.argsort(-lengths, kind="stable")
        ends = np.cumsum(lengths[order])
        starts = np.empty_like(ends)
        starts[order] = ends - lengths[order]
        ids = torch.from_numpy(np.concatenate([readings[i].ids for i in order]))
        tokens = self._bert(ids, lengths[order].tolist())
        places = np.concatenate([start + np.arange(n) for start, n in zip(starts, lengths, strict=True)])
        wholes = _means(tokens, places, lengths)
        inside = [start + each.inside for start, each in zip(starts, readings, strict=True)]
        counts = np.concatenate([each.counts for each in readings])
        stretches = _means(tokens, np.concatenate(inside), counts)
        # To which text each stretch belongs.
        owners = np.repeat(np.arange(len(readings)), [len(each.counts) for each in readings])
        empty = counts == 0
        stretches[empty] = wholes[owners[empty]]
        rows = np.cumsum([len(piece.readings) for piece in pieces])[:-1]
        return list(
            zip(np.split(wholes, rows), np.split(stretches, np.searchsorted(owners, rows)), strict=True)
        )


class PaddedEncoder:
    """Any model, run by sentence-transformers, behind one lock: its tokenizer changes its own settings at each call."""

    def __init__(self, model: Any, reader: Tokenizer, *, dimensions: int, averages: bool) -> None:
        """Nothing is computed yet.

        Args:
            model: A ``SentenceTransformer``.
            reader: Its tokenizer, which cuts nothing off and pads nothing.
            dimensions: Length of a vector.
            averages: Whether a text's vector is the mean of its tokens'. Where it is not, a stretch is read alone.
        """
        self._model = model
        self._reader = reader
        self._dimensions = dimensions
        self._averages = averages
        self._lock = threading.Lock()
        self._options = {"batch_size": _PADDED_TEXTS, "show_progress_bar": False, "convert_to_numpy": True}

    def encode(
        self, texts: Sequence[str], parts: Sequence[Sequence[Span]], progress: Callable[[int], None]
    ) -> tuple[Rows, Rows]:
        """See ``Encoder``. The lock is let go between batches, so that others need not wait for a long list."""
        vectors = np.empty((len(texts), self._dimensions), dtype=np.float32)
        first = np.cumsum([0, *map(len, parts)])
        inner = np.empty((int(first[-1]), self._dimensions), dtype=np.float32)
        # Batches of similar length waste little padding, so texts are taken from the longest to the shortest.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]), reverse=True)
        for done in range(0, len(order), _PADDED_TEXTS):
            batch = order[done : done + _PADDED_TEXTS]
            rows = [row for i in batch for row in range(first[i], first[i + 1])]
            chosen, spans = [texts[i] for i in batch], [parts[i] for i in batch]
            if self._averages and rows:
                vectors[batch], inner[rows] = self._encode_parts(chosen, spans)
            else:
                vectors[batch] = self._encode(chosen)
                pieces = [text[a:b] for text, each in zip(chosen, spans, strict=True) for a, b in each]
                if pieces:
                    inner[rows] = self._encode(pieces)
            progress(done + len(batch))
        return vectors, inner

    def encode_query(self, text: str) -> Rows:
        """See ``Encoder``."""
        with self._lock:
            found: Rows = self._model.encode_query([text], **self._options)[0]
        return found.astype(np.float32)

    def _encode(self, texts: list[str]) -> Rows:
        with self._lock:
            return np.asarray(self._model.encode_document(texts, **self._options), dtype=np.float32)

    def _encode_parts(self, texts: list[str], parts: Sequence[Sequence[Span]]) -> tuple[Rows, Rows]:
        with self._lock:
            outputs = self._model.encode_document(texts, **self._options | {"output_value": None})
        encodings = self._reader.encode_batch(texts, add_special_tokens=True)
        inner: list[Rows] = []
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


def _reading(encoding: Encoding, spans: Sequence[Span]) -> _Reading:
    ids = np.array(encoding.ids, dtype=np.int64)
    nothing = np.empty(0, dtype=np.int64)
    if not spans:
        return _Reading(ids, nothing, nothing)
    offsets = np.array(encoding.offsets)
    # Special tokens stand for nothing in the text.
    visible = np.flatnonzero(offsets[:, 1] > offsets[:, 0])
    starts = offsets[visible, 0]
    first, last = np.searchsorted(starts, np.array(spans)).T
    counts = np.maximum(last - first, 0)
    return _Reading(ids, visible[_ranges(first, counts)], counts)


def _ranges(first: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """``counts`` numbers each, from ``first`` on, one range after the other."""
    before = np.cumsum(counts) - counts
    return np.asarray(np.arange(int(counts.sum())) + np.repeat(first - before, counts), dtype=np.int64)


def _means(rows: torch.Tensor, places: NDArray[np.int64], counts: NDArray[np.int64]) -> Rows:
    """Mean of each group of rows; zeros for a group of none.

    Args:
        rows: float32, shape (n, dimensions).
        places: Rows of each group, one group after the other.
        counts: How many rows each group has.
    """
    if not len(counts):
        return np.empty((0, rows.shape[1]), dtype=np.float32)
    starts = torch.from_numpy(np.cumsum(counts) - counts)
    means = functional.embedding_bag(torch.from_numpy(places), rows, starts, mode="mean")
    return np.asarray(means, dtype=np.float32)


def _on_one_core() -> None:
    """Let the calling thread's products use one core."""
    # Torch gives a thread its number of cores at this first question, which is not to undo the next line.
    torch.get_num_threads()
    threadpool_limits(1, user_api="openmp")

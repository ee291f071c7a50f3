"""The service with an embedder that needs no model: it starts in a second or two, and all else is as shipped.

    python -m benchmarks.light serve --data DIR --port P

For programs that start it hundreds of times, where what is embedded is not what is measured. Other commands than
``serve`` are those of ``footnote``. FOOTNOTE_LIGHT_BATCH_MS makes each batch of embedding take longer.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from api.cli import app
from api.deps import build
from api.serving import run
from api.terminal import messages, read_settings
from tests.doubles.embedder import HashingEmbedder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ingest.sentences import Span
    from ingest.types import FloatMatrix

COMMAND = f"{sys.executable} -m benchmarks.light"


class SlowEmbedder(HashingEmbedder):
    """The hashing embedder at the pace of a model."""

    def __init__(self, batch_s: float) -> None:
        super().__init__(batch_size=16)
        self._batch_s = batch_s

    def embed_passages(
        self, texts: Sequence[str], parts: Sequence[Sequence[Span]], progress: Callable[[int], None]
    ) -> tuple[FloatMatrix, FloatMatrix]:
        """As ``Embedder``, with a pause for each batch."""

        def report(done: int) -> None:
            time.sleep(self._batch_s)
            progress(done)

        return super().embed_passages(texts, parts, report)


def serve(arguments: Sequence[str]) -> int:
    """Serve with the options that ``footnote serve`` has; returns the exit status."""
    given = dict(zip(arguments[::2], arguments[1::2], strict=True))
    settings = read_settings(**{name.removeprefix("--"): value for name, value in given.items()})
    with messages():
        service = build(settings, SlowEmbedder(float(os.environ.get("FOOTNOTE_LIGHT_BATCH_MS", "0")) / 1000))
    return 0 if run(settings, service) else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        sys.exit(serve(sys.argv[2:]))
    app()

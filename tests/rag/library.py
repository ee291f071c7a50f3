"""A small data folder that tests fill with texts and ask questions of."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

from index.config import JobConfig
from index.jobs import JobRunner
from index.store import Store
from index.types import StoredPassage
from ingest.config import ChunkConfig, ParseConfig
from ingest.parse import Parser
from ingest.pipeline import Pipeline
from rag.config import RetrieveConfig
from rag.retrieve import retrieve

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.embed import Embedder
    from rag.types import Found


def stored(text: str, *ends: int, number: int = 1, start: int = 100) -> StoredPassage:
    """A passage that begins at ``start`` of its document, its sentences ending at these offsets into its text."""
    spans = tuple((start + a, start + b) for a, b in pairwise((0, *(ends or (len(text),)))))
    return StoredPassage(
        id=number,
        document_id=f"doc_{number}",
        version=1,
        title="T",
        filename="t.txt",
        ordinal=0,
        section=0,
        start=start,
        end=start + len(text),
        text=text,
        headings=(),
        pages=None,
        sentences=spans,
    )


@dataclass(frozen=True, slots=True)
class Library:
    """A store, and what fills it."""

    store: Store
    embedder: Embedder
    parser: Parser
    runner: JobRunner

    @classmethod
    def open(cls, folder: Path, embedder: Embedder, passage_tokens: int = 128) -> Self:
        """A library in a new folder, its job running."""
        store, parser = Store(folder), Parser(ParseConfig(timeout_s=60))
        chunks = ChunkConfig(max_tokens=passage_tokens)
        runner = JobRunner(store, Pipeline(parser, embedder, ParseConfig(), chunks), JobConfig(workers=1))
        runner.start()
        return cls(store, embedder, parser, runner)

    def close(self) -> None:
        """Let go of the folder."""
        self.runner.stop()
        self.parser.close()
        self.store.close()

    def add(
        self, data: bytes | str, filename: str = "notes.md", collection: str = "default", **metadata: Any
    ) -> str:
        """Store a document and return its id when it can be searched."""
        blob = self.store.blobs.writer()
        blob.write(data.encode() if isinstance(data, str) else data)
        added = self.store.add(blob, collection=collection, filename=filename, metadata=metadata)
        self.runner.notify()
        while not (record := self.store.catalog.document(added.document_id)).status.final:
            time.sleep(0.01)
        assert record.error is None, record.error
        return added.document_id

    def find(
        self, question: str, collection: str = "default", limit: int = 10, **options: Any
    ) -> list[Found]:
        """What a search finds."""
        return retrieve(
            question,
            collection=self.store.collection(collection),
            catalog=self.store.catalog,
            embedder=self.embedder,
            config=RetrieveConfig(),
            limit=limit,
            **options,
        )

    def passages(self, document_id: str) -> list[StoredPassage]:
        """All live passages of a document, in order."""
        return self.store.catalog.passages_between(document_id, 0, 1_000_000)

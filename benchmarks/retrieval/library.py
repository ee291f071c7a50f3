"""The service's store and ingestion in this process."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from benchmarks.report import progress
from benchmarks.retrieval.encoder import RememberedQuestions
from index.config import JobConfig
from index.jobs import JobRunner
from index.store import Store
from index.types import Status
from ingest.config import ChunkConfig, EmbedConfig, ParseConfig
from ingest.embed import SentenceTransformerEmbedder
from ingest.parse import Parser
from ingest.pipeline import Pipeline
from ingest.types import BlockKind
from rag.evaluation.measures import Range

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from benchmarks.retrieval.types import Corpus, Question

_SHOWN_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Stored:
    """A corpus after ingestion.

    Attributes:
        collection: Its name in the store.
        names: The documents that an id stands for: several when their bytes are the same.
        texts: Canonical texts by name.
        pages: Where each page is, by name and number from 1; empty for texts without pages.
    """

    collection: str
    names: Mapping[str, tuple[str, ...]]
    texts: Mapping[str, str]
    pages: Mapping[str, Mapping[int, Range]]

    def located(self, question: Question) -> Question:
        """The question with its pages as spans.

        Raises:
            SystemExit: A page is not in the document as it was read.
        """
        spans = []
        for name, number in question.pages:
            if number not in self.pages.get(name, {}):
                raise SystemExit(f"{name} has no page {number}, which {question.text[:60]!r} names.")
            spans.append(self.pages[name][number])
        return replace(question, spans=(*question.spans, *spans))


class Library:
    """A store with its ingestion running. A context manager.

    Args:
        folder: New, or one that holds what an earlier run with the same code ingested.
    """

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder)
        self.embedder = RememberedQuestions(SentenceTransformerEmbedder(EmbedConfig()))
        self._parser = Parser(ParseConfig())
        pipeline = Pipeline(self._parser, self.embedder, ParseConfig(), ChunkConfig())
        self._runner = JobRunner(self.store, pipeline, JobConfig(workers=1))

    def __enter__(self) -> Self:
        self._runner.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.stop()
        self._parser.close()
        self.store.close()

    def fill(self, corpus: Corpus, collection: str) -> Stored:
        """Ingests a corpus and waits for it.

        Raises:
            SystemExit: A document failed, or its canonical text is not the file's.
        """
        ids: dict[str, str] = {}
        for document in corpus.documents:
            blob = self.store.blobs.writer()
            blob.write(document.data)
            ids[document.name] = self.store.add(
                blob, collection=collection, filename=document.filename, title=document.title
            ).document_id
        self._runner.notify()
        self._wait(corpus.name, list(dict.fromkeys(ids.values())))
        names: dict[str, list[str]] = {}
        texts: dict[str, str] = {}
        pages: dict[str, dict[int, Range]] = {}
        for document in corpus.documents:
            stored = self.store.catalog.text(ids[document.name])
            if document.verbatim and stored.text != document.data.decode("utf-8"):
                raise SystemExit(
                    f"{document.filename} was stored with another text: its offsets mean nothing."
                )
            names.setdefault(ids[document.name], []).append(document.name)
            texts[document.name] = stored.text
            pages[document.name] = {
                block.number: Range(document.name, block.start, block.end)
                for block in stored.blocks
                if block.kind is BlockKind.PAGE
            }
        self.store.collection(collection).views()
        return Stored(collection, {key: tuple(each) for key, each in names.items()}, texts, pages)

    def _wait(self, name: str, waiting: list[str]) -> None:
        total, shown = len(waiting), time.monotonic()
        while waiting:
            record = self.store.catalog.document(waiting[-1])
            if record.status is Status.FAILED:
                raise SystemExit(f"{record.filename} of {name} could not be ingested: {record.error}")
            if record.status.final:
                waiting.pop()
                continue
            if time.monotonic() - shown > _SHOWN_EVERY_S:
                # Documents are ingested in the order in which they were added.
                waiting = [each for each in waiting if not self.store.catalog.document(each).status.final]
                progress(f"{name}: {total - len(waiting)} of {total} documents ingested")
                shown = time.monotonic()
            time.sleep(0.02)


def ingestion_digest() -> str:
    """Changes whenever the code that documents pass through before they are searched changes."""
    root = Path(__file__).resolve().parents[2]
    files = sorted(file for part in ("ingest", "index") for file in (root / part).rglob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]

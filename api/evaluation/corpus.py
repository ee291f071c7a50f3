"""What questions are asked of: a collection as it is, or files ingested into a temporary data folder."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from api.deps import GENERATIVE_CALIBRATION, MEBIBYTE, build, calibration_file
from api.local import ingest_files
from index.config import JobConfig
from index.jobs import JobRunner
from index.types import Status
from ingest.config import ParseConfig
from ingest.pipeline import Pipeline
from rag.evaluation.errors import NothingToMeasure
from rag.evaluation.measures import Range
from rag.retrieve import retrieve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from api.deps import Service
    from api.evaluation.configure import Configuration
    from api.settings import Settings
    from index.types import DocumentRecord
    from ingest.config import ChunkConfig
    from ingest.embed import SentenceTransformerEmbedder

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Corpus:
    """Documents that can be searched.

    Attributes:
        loop: The one event loop that the service is used in.
        documents: The live ones.
        failed: Those that could not be ingested, with the reason.
        passages: How many there are.
        embedder: Fingerprint of the model that embedded them.
    """

    service: Service
    loop: asyncio.Runner
    collection: str
    documents: tuple[DocumentRecord, ...]
    failed: tuple[DocumentRecord, ...]
    passages: int
    embedder: str

    def search(self, question: str, configuration: Configuration, limit: int) -> list[Range]:
        """Passages for a question, best first."""
        store = self.service.store
        found = retrieve(
            question,
            collection=store.collection(self.collection),
            catalog=store.catalog,
            embedder=self.service.embedder,
            config=configuration.retrieve,
            limit=limit,
            mode=configuration.mode,
        )
        return [Range(each.passage.document_id, each.passage.start, each.passage.end) for each in found]


@contextmanager
def existing(
    settings: Settings,
    collection: str,
    *,
    gateway: bool = False,
    otherwise: str = "or ingest documents first",
) -> Iterator[Corpus]:
    """A collection of the data folder, as it is.

    Args:
        settings: Of the service.
        collection: Its name.
        gateway: Whether a language model may be asked.
        otherwise: What else the user can do where there is no such data folder.

    Raises:
        NothingToMeasure: There is no such data folder, or nothing in the collection.
        NotFound: There is no such collection.
        FolderInUse: A server or another command holds the folder.
    """
    check_folder(settings, otherwise)
    with _opened(settings, gateway=gateway) as (service, loop):
        yield _corpus(service, loop, collection)


def check_folder(settings: Settings, otherwise: str = "or ingest documents first") -> None:
    """Refuse a folder that is none, which would be made by opening it.

    Raises:
        NothingToMeasure: It has no catalog.
    """
    if not (settings.data / "catalog.sqlite3").is_file():
        raise NothingToMeasure(
            f"{settings.data} is not a data folder: it has no catalog. Name one with --data, {otherwise}."
        )


@contextmanager
def ingested(
    settings: Settings,
    files: Mapping[Path, str],
    chunk: ChunkConfig,
    embedder: SentenceTransformerEmbedder,
    *,
    gateway: bool = False,
) -> Iterator[Corpus]:
    """Files in a data folder of their own, which is deleted at the end.

    Args:
        settings: Of the service.
        files: With the names to ingest them under.
        chunk: How they are cut.
        embedder: Of passages and questions.
        gateway: Whether a language model may be asked.

    Raises:
        NothingToMeasure: No file could be ingested.
    """
    collection = "evaluation"
    with tempfile.TemporaryDirectory(prefix="footnote-eval-") as folder:
        own = settings.model_copy(update={"data": Path(folder), "calibration": calibration_file(settings)})
        written = settings.data / GENERATIVE_CALIBRATION
        if written.is_file():
            shutil.copy(written, folder)
        with _opened(own, gateway=gateway) as (service, loop):
            service.embedder = embedder
            service.answerer = replace(service.answerer, embedder=embedder)
            parse_config = ParseConfig(max_bytes=own.max_upload_mib * MEBIBYTE)
            pipeline = Pipeline(service.parser, embedder, parse_config, chunk)
            service.runner = JobRunner(service.store, pipeline, JobConfig(workers=own.ingest_workers))
            service.runner.start()
            ingest_files(service, files, collection)
            yield _corpus(service, loop, collection)


@contextmanager
def _opened(settings: Settings, *, gateway: bool) -> Iterator[tuple[Service, asyncio.Runner]]:
    """A service with no job running, without its gateway unless a language model may be asked."""
    with asyncio.Runner() as loop:
        # A search alone needs neither the model nor a judge at its gateway.
        without = settings.model_copy(
            update={"gateway_url": None, "gateway_file": None, "verifier": None, "step_up": None}
        )
        service = build(settings if gateway else without)
        try:
            yield service, loop
        finally:
            loop.run(service.close())


def _corpus(service: Service, loop: asyncio.Runner, collection: str) -> Corpus:
    record = service.store.catalog.collection(collection)
    documents: list[DocumentRecord] = []
    while page := service.store.catalog.documents(
        collection, None, documents[-1].id if documents else None, _PAGE
    ):
        documents += page
    live = tuple(each for each in documents if each.live_version is not None)
    failed = tuple(each for each in documents if each.status is Status.FAILED)
    if not live:
        raise NothingToMeasure(
            f"Collection {collection!r} holds no document that can be searched. Ingest documents first."
            if not failed
            else f"None of the {len(failed)} documents could be ingested. The first: {failed[0].error}"
        )
    # Loaded now, so that the first question does not wait for it.
    service.embedder.load()
    service.store.collection(collection).views()
    return Corpus(service, loop, collection, live, failed, record.passages, record.embedder or "")

"""What tests of several packages share: a parser, a store with a pipeline, and the bundled model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from index.config import JobConfig
from index.jobs import JobRunner
from index.store import Store
from ingest.config import ChunkConfig, EmbedConfig, ParseConfig
from ingest.embed import SentenceTransformerEmbedder
from ingest.parse import Parser
from ingest.pipeline import Pipeline
from tests.doubles.embedder import HashingEmbedder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def parser() -> Iterator[Parser]:
    """A parser with the default ceilings, shared because its child is warm."""
    with Parser(ParseConfig(timeout_s=30)) as shared:
        yield shared


@pytest.fixture(scope="session")
def pipeline(parser: Parser) -> Pipeline:
    """The three steps with the hashing embedder and small passages, so that short texts have several."""
    return Pipeline(parser, HashingEmbedder(), ParseConfig(), ChunkConfig(max_tokens=24))


@pytest.fixture(scope="session")
def bundled() -> SentenceTransformerEmbedder:
    """The bundled model, loaded once, in float32 so that every machine computes the same."""
    embedder = SentenceTransformerEmbedder(EmbedConfig(precision="float32"))
    embedder.load()
    return embedder


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty data folder, open."""
    opened = Store(tmp_path / "data")
    yield opened
    opened.close()


@pytest.fixture
def runner(store: Store, pipeline: Pipeline) -> Iterator[JobRunner]:
    """A runner that works through the store's jobs."""
    started = JobRunner(store, pipeline, JobConfig(workers=1))
    started.start()
    yield started
    started.stop()

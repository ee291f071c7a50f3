"""The service as shipped, but for an embedder that needs no model, in this process and over real HTTP."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from api import logs
from api.deps import build
from api.settings import Settings
from tests.api.server import serving
from tests.doubles.embedder import HashingEmbedder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from api.deps import Service


@pytest.fixture(scope="session", autouse=True)
def _quiet() -> None:
    """Only what went wrong is logged, as the command line would set it up."""
    logs.configure("error")


@contextmanager
def light(folder: Path, embedder: HashingEmbedder | None = None) -> Iterator[tuple[httpx.Client, Service]]:
    """A client of a service on a data folder, and the service itself."""
    settings = Settings(_env_file=None, data=folder, ingest_workers=1)  # type: ignore[call-arg]
    service = build(settings, embedder or HashingEmbedder())
    with serving(settings, service) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client, service


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[httpx.Client, Service]]:
    """One on an empty folder."""
    with light(tmp_path / "data") as both:
        yield both


@pytest.fixture
def client(served: tuple[httpx.Client, Service]) -> httpx.Client:
    """Its client."""
    return served[0]

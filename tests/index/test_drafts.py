"""No text is embedded twice in a collection: what it holds already is taken from there."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from index.config import JobConfig
from index.jobs import JobRunner
from index.schema import passages
from ingest.config import ChunkConfig
from tests.doubles.embedder import HashingEmbedder
from tests.index.helpers import add

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from sqlalchemy import Row

    from index.store import Store
    from ingest.pipeline import Pipeline
    from ingest.sentences import Span
    from ingest.types import FloatMatrix

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
PARAGRAPHS = [f"The {number} room opens early. Its {number} windows face the garden." for number in NUMBERS]


def text(paragraphs: Sequence[str]) -> str:
    """A file of paragraphs, each ended in the same way."""
    return "".join(f"{each}\n\n" for each in paragraphs)


class Recording(HashingEmbedder):
    """An embedder that says which passages it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[str] = []

    def embed_passages(
        self, texts: Sequence[str], parts: Sequence[Sequence[Span]], progress: Callable[[int], None]
    ) -> tuple[FloatMatrix, FloatMatrix]:
        """As ``Embedder``."""
        self.given += texts
        return super().embed_passages(texts, parts, progress)


@contextmanager
def recorded(store: Store, pipeline: Pipeline) -> Iterator[tuple[JobRunner, Recording]]:
    """A runner, and its embedder, which is given a passage for each paragraph, some at a time."""
    embedder = Recording()
    small = ChunkConfig(max_tokens=13)
    used = replace(pipeline, embedder=embedder, chunk_config=small, part_passages=4)
    runner = JobRunner(store, used, JobConfig(workers=1))
    runner.start()
    yield runner, embedder
    runner.stop()


def stored(store: Store, document_id: str) -> list[Row[Any]]:
    """Texts and vectors of a document's passages."""
    query = (
        select(passages.c.text, passages.c.vector, passages.c.sentence_vectors)
        .where(passages.c.document_id == document_id)
        .order_by(passages.c.ordinal)
    )
    with store.database.read() as connection:
        return list(connection.execute(query))


@pytest.mark.parametrize("at", [0, 5, 9])
def test_a_new_version_embeds_what_changed(store: Store, pipeline: Pipeline, at: int) -> None:
    """One paragraph of ten, and the vectors are those of a document that is new."""
    changed = [*PARAGRAPHS]
    changed[at] = "The old room was closed. A cellar with shelves came in its place."
    with recorded(store, pipeline) as (runner, embedder):
        add(store, runner, "rooms.txt", text(PARAGRAPHS))
        assert len(embedder.given) == len(PARAGRAPHS)
        embedder.given.clear()
        record = add(store, runner, "rooms.txt", text(changed))
        assert record.version == 2
        assert len(embedder.given) == 1
        assert changed[at] in embedder.given[0]
        anew = add(store, runner, "rooms.txt", text(changed), collection="other")
    assert [row.text.strip() for row in stored(store, record.id)] == changed
    assert stored(store, record.id) == stored(store, anew.id)


def test_a_moved_paragraph_keeps_its_vector(store: Store, pipeline: Pipeline) -> None:
    """Where it stands does not matter."""
    with recorded(store, pipeline) as (runner, embedder):
        add(store, runner, "rooms.txt", text(PARAGRAPHS))
        embedder.given.clear()
        record = add(store, runner, "rooms.txt", text(PARAGRAPHS[::-1]))
        assert embedder.given == []
        anew = add(store, runner, "rooms.txt", text(PARAGRAPHS[::-1]), collection="other")
    assert stored(store, record.id) == stored(store, anew.id)


def test_documents_of_one_collection_share_vectors(store: Store, pipeline: Pipeline) -> None:
    """Two documents of one name and one beginning."""
    with recorded(store, pipeline) as (runner, embedder):
        add(store, runner, "rooms.txt", text(PARAGRAPHS))
        embedder.given.clear()
        last = "The last room is the hall. Its doors are of oak."
        add(store, runner, "rooms.txt", text([*PARAGRAPHS, last]), always_new=True)
        assert len(embedder.given) == 1
        assert last in embedder.given[0]


def test_collections_share_nothing(store: Store, pipeline: Pipeline) -> None:
    """How long it takes tells nobody what others have."""
    with recorded(store, pipeline) as (runner, embedder):
        add(store, runner, "rooms.txt", text(PARAGRAPHS))
        add(store, runner, "rooms.txt", text(PARAGRAPHS), collection="other")
    assert len(embedder.given) == 2 * len(PARAGRAPHS)


def test_what_a_document_repeats_is_embedded_once(store: Store, pipeline: Pipeline) -> None:
    """Each of its places gets the vector."""
    repeated = [*PARAGRAPHS[:3]] * 5
    with recorded(store, pipeline) as (runner, embedder):
        record = add(store, runner, "rooms.txt", text(repeated))
    assert len(embedder.given) == len(set(embedder.given)) == 3
    rows = stored(store, record.id)
    assert [row.text.strip() for row in rows] == repeated
    assert [row.vector for row in rows[:3]] * 5 == [row.vector for row in rows]


def test_what_was_deleted_is_embedded_again(store: Store, pipeline: Pipeline) -> None:
    """Nothing of it is kept for later."""
    with recorded(store, pipeline) as (runner, embedder):
        record = add(store, runner, "rooms.txt", text(PARAGRAPHS))
        store.delete_document(record.id)
        embedder.given.clear()
        add(store, runner, "rooms.txt", text(PARAGRAPHS))
    assert len(embedder.given) == len(PARAGRAPHS)

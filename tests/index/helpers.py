"""Steps that many tests of the index take."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.types import Query
from tests.doubles.embedder import HashingEmbedder

if TYPE_CHECKING:
    from index.jobs import JobRunner
    from index.store import Store
    from index.types import DocumentRecord, Hit, Submission

WAIT_S = 30.0


def copy_of_the_moment(folder: Path, to: Path) -> None:
    """A data folder as a kill would leave it, while an index in it may be in the middle of a commit."""
    for found, _, names in os.walk(folder):
        target = to / os.path.relpath(found, folder)
        target.mkdir()
        for name in names:
            # Files of the indexes come and go meanwhile, whole folders of them too, which os.walk passes over.
            with suppress(FileNotFoundError):
                shutil.copy2(Path(found) / name, target)


def upload(
    store: Store, name: str | None, content: str | bytes, collection: str = "default", **more: Any
) -> Submission:
    """Store an original and queue its ingestion."""
    blob = store.blobs.writer()
    blob.write(content.encode() if isinstance(content, str) else content)
    return store.add(blob, collection=collection, filename=name, **more)


def settled(store: Store, document_id: str) -> DocumentRecord:
    """The document's record, once no work on its newest version is left.

    Raises:
        TimeoutError: The work does not end.
    """
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        record = store.catalog.document(document_id)
        if record.status.final:
            return record
        time.sleep(0.005)
    raise TimeoutError(f"{document_id} is still {record.status}.")


def add(
    store: Store,
    runner: JobRunner,
    name: str | None,
    content: str | bytes,
    collection: str = "default",
    **more: Any,
) -> DocumentRecord:
    """Upload a document and wait until it is ready or failed."""
    submission = upload(store, name, content, collection, **more)
    runner.notify()
    return settled(store, submission.document_id)


def query(text: str) -> Query:
    """A question as views want it, with the hashing embedder's vector."""
    return Query(text, HashingEmbedder().embed_query(text))


def search(
    store: Store, text: str, collection: str = "default", limit: int = 10, wanted: Any = None
) -> dict[str, list[Hit]]:
    """Hits of both views."""
    return store.collection(collection).search(query(text), limit, ("dense", "lexical"), wanted)


def found_texts(store: Store, text: str, collection: str = "default", limit: int = 50) -> set[str]:
    """Texts of all live passages that either view finds."""
    hits = search(store, text, collection, limit)
    ids = [hit.passage_id for ranking in hits.values() for hit in ranking]
    return {passage.text for passage in store.catalog.passages(ids).values()}

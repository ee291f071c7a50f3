"""One process's worth of everything that is written: uploaded, ingested, replaced, deleted, flushed.

    python -m tests.durability.driver FOLDER

In one thread and without a parser's child, so that the n-th write of one run is the n-th of the next. Says what is
acknowledged the moment it is, and what the disk prevented, as one JSON object a line. Run under strace, which makes
system calls fail, and under quotas.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import OperationalError

from api import logs
from index.disk import passes
from index.errors import NotFound
from index.store import Store
from ingest.config import ChunkConfig, ParseConfig
from ingest.pipeline import Original, Pipeline
from ingest.types import Parsed
from tests.doubles.embedder import HashingEmbedder
from tests.index.helpers import found_texts, upload

if TYPE_CHECKING:
    from collections.abc import Callable

    from index.jobs import Job

DOCUMENTS = 3


class PlainParser:
    """Reads plain text in this process."""

    def parse(self, path: Path, _filename: str) -> tuple[str, Parsed]:
        """As ``ingest.parse.Parser``."""
        return "text/plain", Parsed(text=path.read_text(), blocks=(), title="", parser="plain 1")


def say(**what: Any) -> None:
    """Print a line. With ``writev``, which the tests leave alone, in the place of ``write``."""
    os.writev(1, [(json.dumps(what) + "\n").encode()])


def attempt(step: str, do: Callable[..., Any], *given: Any) -> Any:
    """Do something that the disk may prevent; anything else that goes wrong ends the program."""
    try:
        return do(*given)
    except (OSError, OperationalError) as error:
        if not passes(error):
            raise
        say(failed=step, error=str(error).partition("\n")[0])
        return None


def publish(store: Store, pipeline: Pipeline, job: Job) -> bool:
    """What a worker does with a job."""
    path = store.blobs.path(job.sha256)
    original = Original(path, job.document_id, job.version, job.sha256, job.filename, job.title)
    return store.catalog.publish(job, pipeline.run(original, lambda _stage, _share: None))


def work(store: Store, pipeline: Pipeline) -> None:
    """Bring what is queued to its end."""
    while True:
        job = attempt("claim", store.jobs.claim, 60)
        if job is None:
            return
        if attempt("publish", publish, store, pipeline, job):
            say(ready=job.document_id, version=job.version)


def put(store: Store, name: str, text: str) -> str | None:
    """Upload a text."""
    submission = attempt("upload", upload, store, name, text)
    if submission is None:
        return None
    say(stored=submission.document_id, version=submission.version, text=text)
    return str(submission.document_id)


def main(folder: Path) -> None:
    """Do all of it, going on after each failure."""
    logs.configure("error")
    store = attempt("open", Store, folder)
    if store is None:
        return
    pipeline = Pipeline(PlainParser(), HashingEmbedder(), ParseConfig(), ChunkConfig(max_tokens=24))  # type: ignore[arg-type]
    for number in range(DOCUMENTS):
        put(store, f"{number}.txt", f"Bird {number} sings. " * 40)
    work(store, pipeline)
    # Reading goes on whatever the disk does: nothing is caught here.
    documents = store.catalog.documents(None, None, None, 100)
    for each in documents:
        store.blobs.path(each.sha256).read_bytes()
    if any(each.live_version for each in documents):
        try:
            say(found=len(found_texts(store, "bird sings")))
        except OSError as error:
            # Only the first index of a collection, which the disk did not let be made, is nothing to search in.
            if not passes(error) or any((folder / "views").glob("*/*")):
                raise
            say(failed="search", error=str(error))
    put(store, "0.txt", "Another bird sings. " * 40)
    work(store, pipeline)
    for each in documents[1:2]:
        say(deleting=each.id)
        try:
            receipt = attempt("delete", store.delete_document, each.id)
        except NotFound:
            continue
        if receipt is not None:
            say(deleted=each.id)
    attempt("flush", store.flush)
    attempt("tidy", store.tidy)
    say(end=True)
    attempt("close", store.close)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Ingestion jobs: resumed after any interruption, never done twice, each failure its own."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from index.config import JobConfig
from index.doctor import examine
from index.jobs import JobRunner
from index.store import Store
from index.types import Status
from ingest.errors import EmbedderUnavailable
from ingest.pipeline import Ingested, Original
from tests.doubles.embedder import HashingEmbedder
from tests.index.helpers import WAIT_S, add, copy_of_the_moment, found_texts, settled, upload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from index.jobs import Job
    from ingest.pipeline import Pipeline
    from ingest.sentences import Span
    from ingest.types import FloatMatrix

LONG = "".join(f"Sentence number {number} of a long document. " for number in range(300))


class Troubled(HashingEmbedder):
    """An embedder to which something happens: in ``counting`` before, in ``embedding`` between its batches."""

    def __init__(
        self, *, counting: Callable[[], None] | None = None, embedding: Callable[[], None] | None = None
    ) -> None:
        super().__init__()
        self._counting = counting
        self._embedding = embedding

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """As ``Embedder``, after what happens."""
        if self._counting:
            self._counting()
        return super().count_tokens(texts)

    def embed_passages(
        self, texts: Sequence[str], parts: Sequence[Sequence[Span]], progress: Callable[[int], None]
    ) -> tuple[FloatMatrix, FloatMatrix]:
        """As ``Embedder``; something happens before each report of progress."""

        def report(done: int) -> None:
            if self._embedding:
                self._embedding()
            progress(done)

        return super().embed_passages(texts, parts, report)


class Gate:
    """A place where a job waits until the test lets it through."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.open = threading.Event()
        self.passed = 0

    def __call__(self) -> None:
        """Wait here."""
        self.passed += 1
        self.reached.set()
        assert self.open.wait(WAIT_S)


@contextmanager
def running(
    store: Store, pipeline: Pipeline, embedder: HashingEmbedder | None = None, config: JobConfig | None = None
) -> Iterator[JobRunner]:
    """A runner with another embedder or other settings."""
    used = replace(pipeline, embedder=embedder or pipeline.embedder)
    runner = JobRunner(store, used, config or JobConfig(workers=1))
    runner.start()
    yield runner
    runner.stop()


def ingest(store: Store, pipeline: Pipeline, job: Job) -> Ingested:
    """What a worker makes of a job before it publishes."""
    path = store.blobs.path(job.sha256)
    original = Original(path, job.document_id, job.version, job.sha256, job.filename, job.title)
    return pipeline.run(original, lambda _stage, _share: None)


def copied(store: Store, target: Path) -> Store:
    """The folder as a kill at this moment leaves it, opened anew."""
    copy_of_the_moment(store.folder, target)
    return Store(target)


@pytest.mark.parametrize("stage", ["queued", "claimed", "parsed", "embedding", "published"])
def test_a_killed_job_is_resumed(store: Store, pipeline: Pipeline, tmp_path: Path, stage: str) -> None:
    """Wherever the process dies, the next one brings the document to its end, once."""
    document_id = upload(store, "long.txt", LONG).document_id
    gate = Gate()
    if stage == "claimed":
        assert store.jobs.claim(60) is not None
    if stage in ("parsed", "embedding"):
        embedder = Troubled(**{"counting" if stage == "parsed" else "embedding": gate})
        with running(store, pipeline, embedder):
            assert gate.reached.wait(WAIT_S)
            copy = copied(store, tmp_path / "copy")
            gate.open.set()
    else:
        if stage == "published":
            with running(store, pipeline):
                settled(store, document_id)
        copy = copied(store, tmp_path / "copy")

    with running(copy, pipeline):
        record = settled(copy, document_id)

    assert (record.status, record.live_version) == (Status.READY, 1)
    assert copy.jobs.waiting() == 0
    assert copy.catalog.text(document_id).text == LONG
    report = examine(copy, repair=False)
    copy.close()
    assert report.clean, report.findings
    assert report.passages == record.passages > 1


def test_a_stopped_job_is_resumed(store: Store, pipeline: Pipeline) -> None:
    """Stopping in the middle of a document takes no longer than its next report, and loses nothing."""
    folder, gate = store.folder, Gate()
    document_id = upload(store, "long.txt", LONG).document_id
    with running(store, pipeline, Troubled(embedding=gate)) as runner:
        assert gate.reached.wait(WAIT_S)
        stopper = threading.Thread(target=runner.stop)
        stopper.start()
        time.sleep(0.05)
        gate.open.set()
        stopper.join(WAIT_S)
        assert gate.passed == 1
    assert store.catalog.document(document_id).status is Status.QUEUED
    store.close()

    again = Store(folder)
    with running(again, pipeline):
        assert settled(again, document_id).status is Status.READY
    again.close()


def test_the_oldest_job_comes_first_and_is_held_by_one(store: Store) -> None:
    """Claims hand out jobs in the order of the uploads, each once while its lease lasts."""
    ids = [upload(store, f"{name}.txt", name).document_id for name in "abc"]

    jobs = [store.jobs.claim(60) for _ in range(4)]

    assert [job and job.document_id for job in jobs] == [*ids, None]
    assert store.jobs.waiting() == 3


def test_a_renewed_lease_does_not_run_out(store: Store) -> None:
    """A job that is still worked on is not handed to another."""
    upload(store, "a.txt", "a")
    job = store.jobs.claim(0.2)
    assert job is not None

    store.jobs.renew(job, 60)
    time.sleep(0.25)

    assert store.jobs.claim(60) is None


def test_an_owner_that_lost_its_lease_cannot_publish(store: Store, pipeline: Pipeline) -> None:
    """Two workers end the same job: only the one that holds it now is heard, whoever comes first."""
    document_id = upload(store, "a.txt", "the canonical text").document_id
    former = store.jobs.claim(0.0)
    time.sleep(0.01)
    present = store.jobs.claim(60)
    assert former is not None
    assert present is not None
    assert (present.id, present.attempts) == (former.id, 2)

    assert not store.catalog.publish(former, ingest(store, pipeline, former))
    store.catalog.fail(former, "internal_error", "late")
    store.jobs.renew(former, 60)

    assert store.catalog.document(document_id).status is Status.QUEUED
    assert store.catalog.collection("default").seq == 0
    assert store.catalog.publish(present, ingest(store, pipeline, present))
    assert not store.catalog.publish(former, ingest(store, pipeline, former))
    assert store.catalog.document(document_id).status is Status.READY
    assert store.catalog.collection("default").seq == 1


def test_a_file_that_takes_longer_than_the_lease_is_read_once(store: Store, pipeline: Pipeline) -> None:
    """A silent parser keeps its job: no second worker begins the same file."""
    calls: list[float] = []

    def slow() -> None:
        calls.append(time.monotonic())
        time.sleep(2.0)

    document_id = upload(store, "slow.txt", "one short text").document_id
    with running(store, pipeline, Troubled(counting=slow), JobConfig(workers=2, lease_s=1.0)) as runner:
        for _ in range(30):
            runner.notify()
            time.sleep(0.1)
        assert settled(store, document_id).status is Status.READY

    # One reading counts the tokens of the sentences, and those of what the passages are read under.
    assert len(calls) == 2


def test_a_bad_file_fails_alone(store: Store, runner: JobRunner) -> None:
    """It ends with its own code and message; what was uploaded before and after it is ready."""
    names = {"good.txt": "good text", "bad.pdf": "%PDF-1.7 nothing", "empty.txt": "", "last.txt": "last text"}
    ids = {name: upload(store, name, content).document_id for name, content in names.items()}
    runner.notify()

    found = {name: settled(store, each) for name, each in ids.items()}

    assert {name: record.status for name, record in found.items()} == {
        "good.txt": Status.READY,
        "bad.pdf": Status.FAILED,
        "empty.txt": Status.FAILED,
        "last.txt": Status.READY,
    }
    assert {record.error and record.error[0] for record in found.values()} == {
        None,
        "corrupt_file",
        "no_text",
    }
    assert all(record.error and record.error[1] for name, record in found.items() if name[0] in "be")
    assert found["bad.pdf"].live_version is None


def test_a_failed_new_version_leaves_the_old_one_live(store: Store, runner: JobRunner) -> None:
    """Readers keep the version that works, and the owner sees what went wrong with the other."""
    first = add(store, runner, "a.txt", "the first text")

    second = add(store, runner, "a.txt", "%PDF-1.7 nothing")

    assert (second.id, second.version, second.live_version) == (first.id, 2, 1)
    assert second.status is Status.FAILED
    assert found_texts(store, "first") == {"the first text"}


class Panic(BaseException):
    """As extension modules in Rust raise: no ``Exception``."""


@pytest.mark.parametrize("error", [Panic("at the disco"), RuntimeError("odd"), MemoryError()])
def test_an_unexpected_error_ends_the_document_and_not_the_worker(
    store: Store, pipeline: Pipeline, error: BaseException
) -> None:
    """Whatever a library raises concerns one document, and uploading it again tries again."""
    troubles = [error]

    def trouble() -> None:
        if troubles:
            raise troubles.pop()

    with running(store, pipeline, Troubled(counting=trouble)) as runner:
        first = add(store, runner, "a.txt", "some text")
        other = add(store, runner, "b.txt", "other text")
        again = add(store, runner, "a.txt", "some text")

    assert first.error is not None
    assert first.error[0] == "internal_error"
    assert type(error).__name__ in first.error[1]
    assert other.status is Status.READY
    assert (again.id, again.status, again.version) == (first.id, Status.READY, 2)


def test_an_unavailable_model_can_be_tried_again_under_any_name(store: Store, pipeline: Pipeline) -> None:
    """The same bytes stay the same document when they come again, also from a file with another name."""
    troubles = [EmbedderUnavailable("gone")]

    def trouble() -> None:
        if troubles:
            raise troubles.pop()

    with running(store, pipeline, Troubled(counting=trouble)) as runner:
        failed = add(store, runner, "a.txt", "some text")
        again = add(store, runner, "renamed.txt", "some text")

    assert failed.error == ("embedder_unavailable", "gone")
    assert (again.id, again.status, again.filename) == (failed.id, Status.READY, "renamed.txt")
    assert len(store.catalog.documents(None, None, None, 10)) == 1


def test_a_full_disk_does_not_fail_the_document(store: Store, pipeline: Pipeline) -> None:
    """An error of the disk keeps the job, which ends well once there is room again."""
    troubles = [OSError(28, "No space left on device")] * 2

    def trouble() -> None:
        if troubles:
            raise troubles.pop()

    document_id = upload(store, "a.txt", "some text").document_id
    with running(store, pipeline, Troubled(embedding=trouble), JobConfig(workers=1, lease_s=0.1)) as runner:
        statuses = set()
        while not store.catalog.document(document_id).status.final:
            statuses.add(store.catalog.document(document_id).status)
            runner.notify()
            time.sleep(0.02)

    assert statuses == {Status.QUEUED}
    assert store.catalog.document(document_id).status is Status.READY


def test_a_full_catalog_does_not_fail_the_document(store: Store, pipeline: Pipeline) -> None:
    """The same when it is the database that cannot grow: nothing of the document is stored until it can."""
    document_id = upload(store, "long.txt", LONG * 20).document_id
    with store.database.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 5}")

    with running(store, pipeline, config=JobConfig(workers=1, lease_s=0.2)) as runner:
        time.sleep(1.0)
        assert store.catalog.document(document_id).status is Status.QUEUED
        assert store.catalog.collection("default").passages == 0
        with store.database.write() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count=1000000")
        runner.notify()
        end = time.monotonic() + WAIT_S
        while not store.catalog.document(document_id).status.final and time.monotonic() < end:
            runner.notify()
            time.sleep(0.05)

    assert store.catalog.document(document_id).status is Status.READY
    assert examine(store, repair=False).clean


def test_a_job_that_never_ends_is_given_up(store: Store, pipeline: Pipeline) -> None:
    """After the configured number of beginnings the document fails, and says how often it was tried."""

    def trouble() -> None:
        raise OSError("always")

    config = JobConfig(workers=1, lease_s=0.05, max_attempts=3)
    document_id = upload(store, "a.txt", "some text").document_id
    with running(store, pipeline, Troubled(counting=trouble), config) as runner:
        while not store.catalog.document(document_id).status.final:
            runner.notify()
            time.sleep(0.02)

    record = store.catalog.document(document_id)
    assert record.error is not None
    assert record.error[0] == "limit_exceeded"
    assert "begun 3 times" in record.error[1]


def test_progress_is_seen_while_a_job_runs(store: Store, pipeline: Pipeline) -> None:
    """Stage and share while there is work, nothing before and after."""
    gate = Gate()
    document_id = upload(store, "long.txt", LONG).document_id
    with running(store, pipeline, Troubled(counting=gate)) as runner:
        assert gate.reached.wait(WAIT_S)
        assert runner.progress(document_id, 1) == (Status.EMBEDDING, 0.0)
        assert runner.progress(document_id, 2) is None
        gate.open.set()
        runner.drain()
        settled(store, document_id)
    assert runner.progress(document_id, 1) is None


def test_a_document_deleted_while_in_work_stays_deleted(store: Store, pipeline: Pipeline) -> None:
    """What its worker still does leaves no trace, and the worker goes on with the next."""
    gate = Gate()
    document_id = upload(store, "long.txt", LONG).document_id
    with running(store, pipeline, Troubled(counting=gate)) as runner:
        assert gate.reached.wait(WAIT_S)
        receipt = store.delete_document(document_id)
        gate.open.set()
        other = add(store, runner, "other.txt", "other text")

    assert (receipt.passages, receipt.original) == (0, True)
    assert other.status is Status.READY
    assert found_texts(store, "Sentence number") == {"other text"}
    assert examine(store, repair=False).clean


def test_an_older_version_never_replaces_a_newer_one(store: Store, pipeline: Pipeline) -> None:
    """When the work on version 2 ends before that on version 1, version 2 stays."""
    upload(store, "a.txt", "text of the first version")
    first = store.jobs.claim(60)
    upload(store, "a.txt", "text of the second version")
    second = store.jobs.claim(60)
    assert first is not None
    assert second is not None

    assert store.catalog.publish(second, ingest(store, pipeline, second))
    assert not store.catalog.publish(first, ingest(store, pipeline, first))

    record = store.catalog.document(first.document_id)
    assert (record.version, record.live_version, record.status) == (2, 2, Status.READY)
    assert store.jobs.waiting() == 0
    assert store.catalog.text(record.id).text == "text of the second version"


def test_many_documents_with_several_workers(store: Store, pipeline: Pipeline) -> None:
    """Every document is ingested once, whoever takes it."""
    ids = [upload(store, f"{number}.txt", f"document number {number}").document_id for number in range(30)]
    with running(store, pipeline, config=JobConfig(workers=3)) as runner:
        runner.drain()

    assert [settled(store, each).status for each in ids] == [Status.READY] * 30
    assert store.catalog.collection("default").seq == 30
    assert len(found_texts(store, "document", limit=50)) == 30

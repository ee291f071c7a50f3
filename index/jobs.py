"""Ingestion jobs: durable, leased, resumed after a crash, and each on its own.

A job is a row that is made in the transaction that accepts the upload, and removed in the one that publishes
the document or marks it failed. Whoever works on it holds a fencing token; a token that has been replaced can
no longer publish.
"""

from __future__ import annotations

import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.exc import OperationalError

from index.disk import passes
from index.drafts import JobDrafts
from index.errors import IndexingError, NotFound
from index.schema import collections, documents, jobs, versions
from index.types import Status
from ingest.errors import IngestError
from ingest.pipeline import Original

if TYPE_CHECKING:
    from index.config import JobConfig
    from index.database import Database
    from index.store import Store
    from ingest.pipeline import Pipeline

log = structlog.get_logger(__name__)

# Seconds between looks at the queue when nobody called: only another process's work is found this way.
_IDLE_S = 5.0


@dataclass(frozen=True, slots=True)
class Job:
    """One document version to ingest, held under the token ``owner``."""

    id: int
    owner: str
    document_id: str
    version: int
    attempts: int
    sha256: str
    filename: str
    title: str | None


class JobQueue:
    """The jobs table."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._release_all()

    def claim(self, lease_s: float) -> Job | None:
        """Take the job that has been free for longest, or None: one that was put back goes to the end of the line."""
        owner, now = uuid.uuid4().hex, time.time()
        # A job that was put back has no owner and waits until its time has come.
        free = or_(jobs.c.lease_until.is_(None), jobs.c.lease_until < now)
        with self._database.write() as connection:
            since = func.coalesce(jobs.c.lease_until, versions.c.created_at)
            named = and_(versions.c.document_id == jobs.c.document_id, versions.c.version == jobs.c.version)
            line = select(jobs.c.id).join(versions, named).where(free).order_by(since, jobs.c.id)
            oldest = line.limit(1).scalar_subquery()
            taken = connection.execute(
                update(jobs)
                .where(jobs.c.id == oldest)
                .values(owner=owner, lease_until=now + lease_s, attempts=jobs.c.attempts + 1)
                .returning(jobs.c.id, jobs.c.document_id, jobs.c.version, jobs.c.attempts)
            ).one_or_none()
            if taken is None:
                return None
            file = connection.execute(
                select(versions.c.sha256, versions.c.filename, versions.c.given_title).where(
                    and_(versions.c.document_id == taken.document_id, versions.c.version == taken.version)
                )
            ).one()
        return Job(
            taken.id, owner, taken.document_id, taken.version, taken.attempts, file[0], file[1], file[2]
        )

    def renew(self, job: Job, lease_s: float) -> bool:
        """Say that the job is still being worked on; whether there still is such a job, and it is this one's."""
        mine = and_(jobs.c.id == job.id, jobs.c.owner == job.owner)
        with self._database.write() as connection:
            renewed = update(jobs).where(mine).values(lease_until=time.time() + lease_s)
            return connection.execute(renewed).rowcount > 0

    def put_back(self, job: Job, wait_s: float | None = None) -> None:
        """Let go of a job that was interrupted through no fault of its document; this beginning does not count.

        Args:
            job: As it was claimed.
            wait_s: Seconds until it may be begun again, at the end of the line; None keeps its place in it.
        """
        mine = and_(jobs.c.id == job.id, jobs.c.owner == job.owner)
        until = None if wait_s is None else time.time() + wait_s
        with self._database.write() as connection:
            connection.execute(
                update(jobs).where(mine).values(owner=None, lease_until=until, attempts=jobs.c.attempts - 1)
            )

    def waiting(self) -> int:
        """How many jobs there are, in work or not."""
        with self._database.read() as connection:
            return connection.execute(select(func.count()).select_from(jobs)).scalar_one()

    def waiting_in(self, collection: str) -> int:
        """How many jobs there are for a collection of that name, in work or not; none when there is no such one."""
        query = (
            select(func.count())
            .select_from(jobs)
            .join(documents, documents.c.id == jobs.c.document_id)
            .join(collections, collections.c.id == documents.c.collection_id)
            .where(collections.c.name == collection)
        )
        with self._database.read() as connection:
            return connection.execute(query).scalar_one()

    def _release_all(self) -> None:
        """Free the jobs of a process that is gone: this one alone holds the folder."""
        with self._database.write() as connection:
            connection.execute(update(jobs).values(owner=None, lease_until=None))


class JobRunner:
    """Threads that work through the queue."""

    def __init__(self, store: Store, pipeline: Pipeline, config: JobConfig) -> None:
        self._store = store
        self._pipeline = pipeline
        self._config = config
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._held: dict[int, Job] = {}
        # How often the disk has stopped each job.
        self._put_backs: dict[int, int] = {}
        # When each job in work last said something, on the monotonic clock.
        self._heard: dict[int, float] = {}
        # Tokens of jobs whose worker was given up; its thread ends when it comes back at all.
        self._abandoned: set[str] = set()
        # Tokens of jobs in work that are nobody's any more, as when their document was deleted.
        self._withdrawn: set[str] = set()
        # What running jobs report, by document: too frequent for the disk, worthless after a restart.
        self._progress: dict[tuple[str, int], tuple[Status, float]] = {}

    def start(self) -> None:
        """Start the worker threads."""
        names = [f"ingest-{number}" for number in range(self._config.workers)]
        self._threads = [threading.Thread(target=self._work, name=name, daemon=True) for name in names]
        self._threads.append(threading.Thread(target=self._heartbeat, name="ingest-heartbeat", daemon=True))
        for thread in self._threads:
            thread.start()

    def notify(self) -> None:
        """Say that there is work."""
        self._wake.set()

    def progress(self, document_id: str, version: int) -> tuple[Status, float] | None:
        """Stage of a version in work and the share of it that is done, or None when none is."""
        return self._progress.get((document_id, version))

    def drain(self) -> None:
        """Return when no job is left."""
        while self._store.jobs.waiting():
            time.sleep(0.05)

    def stop(self, timeout_s: float = 10.0) -> None:
        """Take no further job and wait for those in work. What is cut off is resumed at the next start."""
        self._stopping.set()
        self.notify()
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self) -> None:
        while not self._stopping.is_set():
            # Cleared before the look at the queue, so that a call between the look and the wait is not lost.
            self._wake.clear()
            try:
                job = self._store.jobs.claim(self._config.lease_s)
            except Exception:
                # A full disk, for one, passes; the thread must outlive it.
                log.exception("job_claim_failed")
                job = None
            if job is None:
                self._flush()
                if not self._stopping.is_set():
                    self._wake.wait(_IDLE_S)
                continue
            self._heard[job.id] = time.monotonic()
            self._held[job.id] = job
            try:
                self._run(job)
            except _Stopped:
                self._put_back(job)
                return
            except _Withdrawn:
                log.info("job_withdrawn", document_id=job.document_id, version=job.version)
            except Exception as error:
                # The job keeps its row and its lease runs out: it is tried again, here or elsewhere.
                log.exception("job_lost", document_id=job.document_id, version=job.version)
                if passes(error):
                    self._put_back(job, self._wait_s(job))
            finally:
                self._held.pop(job.id, None)
                self._withdrawn.discard(job.owner)
                self._heard.pop(job.id, None)
                self._progress.pop((job.document_id, job.version), None)
            if job.owner in self._abandoned:
                # Another worker has this one's place.
                return

    def _wait_s(self, job: Job) -> float:
        """Seconds until a job that the disk stopped is begun again, as often as it takes."""
        # Longer each time: what finds no room must not keep the disk and the processor busy.
        times = self._put_backs[job.id] = self._put_backs.get(job.id, 0) + 1
        return min(self._config.lease_s, _IDLE_S * 2.0 ** min(times - 1, 10))

    def _put_back(self, job: Job, wait_s: float | None = None) -> None:
        try:
            self._store.jobs.put_back(job, wait_s)
        except (RuntimeError, OperationalError):
            # The folder is closed, or cannot be written. The job's lease runs out, or the next start frees it.
            log.exception("job_not_put_back", document_id=job.document_id, version=job.version)

    def _flush(self) -> None:
        """With nothing to do, bring the views to disk, so that a start after a crash replays little."""
        try:
            self._store.flush()
            self._store.tidy()
        except (OSError, OperationalError):
            # Only speed and room are lost; a full disk passes.
            log.exception("flush_failed")

    def _heartbeat(self) -> None:
        """Keep the leases of jobs in work, also while a parser is silent for minutes."""
        while not self._stopping.wait(self._config.lease_s / 3):
            for job in list(self._held.values()):
                silent_s = time.monotonic() - self._heard.get(job.id, time.monotonic())
                try:
                    if silent_s > self._config.silence_s:
                        self._abandon(job, silent_s)
                    elif not self._store.jobs.renew(job, self._config.lease_s):
                        # Nobody would see the rest of the work, and others wait for the worker.
                        self._withdrawn.add(job.owner)
                except Exception:
                    log.exception("lease_not_renewed", document_id=job.document_id, version=job.version)

    def _abandon(self, job: Job, silent_s: float) -> None:
        """End the document of a worker that is stuck, and put another in its place: no thread can be killed."""
        message = (
            f"Ingesting this file stood still for {silent_s:.0f} seconds and was given up. The service's log may say "
            "why. Upload the file again to retry, or split it."
        )
        self._store.catalog.fail(job, "stalled", message)
        log.error("job_abandoned", document_id=job.document_id, version=job.version)
        self._held.pop(job.id, None)
        self._abandoned.add(job.owner)
        name = f"ingest-again-{len(self._abandoned)}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _run(self, job: Job) -> None:
        """Ingest one document. Its failure is a result like another."""
        if job.attempts > self._config.max_attempts:
            message = (
                f"Ingesting this file was begun {job.attempts - 1} times and never came to an end. It is not "
                "tried again."
            )
            self._store.catalog.fail(job, "limit_exceeded", message)
            return

        def report(stage: str, share: float) -> None:
            self._note(job, stage, share)

        try:
            drafts = JobDrafts(self._store.database, job)
            ingested = self._pipeline.run(self._original(job), report, drafts)
            published = self._store.catalog.publish(job, ingested)
        except (IngestError, IndexingError) as error:
            if self._stopping.is_set() and error.retryable:
                # Stopping closed the parser under this job, which says nothing about the document.
                raise _Stopped from error
            log.info("document_failed", document_id=job.document_id, code=error.code)
            self._store.catalog.fail(job, error.code, str(error))
            return
        except FileNotFoundError:
            message = "The stored original is missing. Upload the file again."
            self._store.catalog.fail(job, "original_missing", message)
            return
        except (OSError, OperationalError, _Stopped, _Withdrawn):
            # The disk or the end of the service, not the document: keep the job. Or there is none any more.
            raise
        except BaseException as error:
            # A panic of a library in Rust is no Exception, and must not end the thread either.
            log.exception("document_failed", document_id=job.document_id, code="internal_error")
            message = (
                f"An unexpected {type(error).__name__} stopped the ingestion. Upload the file again to retry."
            )
            self._store.catalog.fail(job, "internal_error", message)
            return
        self._put_backs.pop(job.id, None)
        if published:
            self._catch_up(job)

    def _note(self, job: Job, stage: str, share: float) -> None:
        """What a job says of its progress, which is also where it learns that it is to end."""
        if self._stopping.is_set():
            raise _Stopped
        if job.owner in self._withdrawn:
            raise _Withdrawn
        self._heard[job.id] = time.monotonic()
        self._progress[job.document_id, job.version] = (Status(stage), share)

    def _catch_up(self, job: Job) -> None:
        # Deleted in this very moment, the document and perhaps its collection need no view any more.
        with suppress(NotFound):
            name = self._store.catalog.document(job.document_id).collection
            self._store.collection(name).views()

    def _original(self, job: Job) -> Original:
        return Original(
            path=self._store.blobs.path(job.sha256),
            document_id=job.document_id,
            version=job.version,
            sha256=job.sha256,
            filename=job.filename,
            title=job.title,
        )


class _Stopped(Exception):
    """Raised inside a job when the service is stopping."""


class _Withdrawn(Exception):
    """Raised inside a job that is nobody's any more."""

"""What the doctor would find, as figures that are cheap enough to take every minute while the service runs."""

from __future__ import annotations

import random
import shutil
import time
from typing import TYPE_CHECKING

from sqlalchemy import and_, case, func, select

from index.database import CATALOG
from index.schema import documents, jobs, versions
from index.types import Status

if TYPE_CHECKING:
    from index.store import Store

# Each figure with what it counts. Those of the first group are 0 in a healthy folder.
FIGURES = {
    "jobs_overdue": "Jobs whose lease has run out and that nobody has taken over.",
    "originals_missing": "Originals that documents refer to and that are not there.",
    "originals_unreferenced": "Originals that no document refers to.",
    "originals_damaged": "Originals among those sampled this time whose bytes have changed.",
    "view_changes_behind": "Changes of the catalog that opened views have not applied.",
    "view_passages_missing": "Live passages that an opened view does not hold.",
    "view_passages_extra": "Passages that an opened view holds and the catalog does not.",
    "jobs_waiting": "Jobs in work or waiting.",
    "jobs_in_work": "Jobs that a worker holds.",
    "oldest_job_seconds": "Age of the oldest job.",
    "documents": "Documents.",
    "documents_failed": "Documents whose newest version failed.",
    "originals": "Originals stored.",
    "originals_sampled": "Originals whose bytes were read this time.",
    "catalog_bytes": "Size of the catalog.",
    "log_bytes": "Size of its write-ahead log.",
    "disk_free_bytes": "Room on the disk of the data folder.",
}
# Of ``FIGURES``, those that ask for ``footnote doctor`` when they stay above 0.
ALARMS = tuple(FIGURES)[:7]
# Bytes read of sampled originals; at least one is read whole.
_MOST_SAMPLED_BYTES = 8 * 1024 * 1024


def health_figures(store: Store, *, sample: int = 4, seed: float | None = None) -> dict[str, float]:
    """Take all figures of an open store.

    Takes about as long as listing the originals: milliseconds for hundreds, under a second for 100,000.

    Args:
        store: Open; jobs may be running.
        sample: How many originals to read, chosen at random each time, so that all are read in time.
        seed: Of that choice; by default the time.

    Returns:
        A value for each name of ``FIGURES``.
    """
    found = dict.fromkeys(FIGURES, 0.0)
    found |= _queue(store)
    found |= _originals(store, sample, random.Random(time.time() if seed is None else seed))  # noqa: S311
    for collection in store.opened_collections():
        for behind, missing, extra in collection.agreement():
            found["view_changes_behind"] += behind
            found["view_passages_missing"] += missing
            found["view_passages_extra"] += extra
    for name, path in (("catalog_bytes", CATALOG), ("log_bytes", f"{CATALOG}-wal")):
        file = store.folder / path
        found[name] = float(file.stat().st_size) if file.exists() else 0.0
    found["disk_free_bytes"] = float(shutil.disk_usage(store.folder).free)
    return found


def _queue(store: Store) -> dict[str, float]:
    now = time.time()
    held = jobs.c.owner.is_not(None)
    waiting = select(
        func.count(),
        func.sum(case((held, 1), else_=0)),
        func.sum(case((and_(held, jobs.c.lease_until < now), 1), else_=0)),
        func.min(versions.c.created_at),
    ).select_from(
        jobs.join(
            versions, and_(versions.c.document_id == jobs.c.document_id, versions.c.version == jobs.c.version)
        )
    )
    newest = and_(versions.c.document_id == documents.c.id, versions.c.version == documents.c.version)
    total = select(
        func.count(), func.sum(case((versions.c.status == Status.FAILED, 1), else_=0))
    ).select_from(documents.join(versions, newest))
    with store.database.read() as connection:
        count, in_work, overdue, oldest = connection.execute(waiting).one()
        every, failed = connection.execute(total).one()
    return {
        "jobs_waiting": float(count),
        "jobs_in_work": float(in_work or 0),
        "jobs_overdue": float(overdue or 0),
        "oldest_job_seconds": 0.0 if oldest is None else max(0.0, now - oldest),
        "documents": float(every),
        "documents_failed": float(failed or 0),
    }


def _originals(store: Store, sample: int, source: random.Random) -> dict[str, float]:
    # Stored first and used second, then the other way round: an original that comes or goes meanwhile is in neither
    # difference.
    stored_before = store.blobs.stored()
    unsettled = store.catalog.unsettled_originals()
    used = store.catalog.blobs_in_use()
    stored = store.blobs.stored()
    missing = (used & store.catalog.blobs_in_use()) - stored
    unreferenced = (stored_before & stored) - used - unsettled - store.catalog.unsettled_originals()
    chosen = source.sample(sorted(used & stored), min(sample, len(used & stored)))
    damaged = read = 0
    size = 0
    for sha256 in chosen:
        path = store.blobs.path(sha256)
        if read and size > _MOST_SAMPLED_BYTES:
            break
        size += path.stat().st_size if path.exists() else 0
        read += 1
        if not store.blobs.is_intact(sha256) and sha256 in store.catalog.blobs_in_use():
            damaged += 1
    return {
        "originals": float(len(stored)),
        "originals_missing": float(len(missing)),
        "originals_unreferenced": float(len(unreferenced)),
        "originals_sampled": float(read),
        "originals_damaged": float(damaged),
    }

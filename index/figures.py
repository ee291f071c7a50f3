"""Counts of a whole data folder for a monitor, in a few short queries."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, select

from index.schema import collections, documents, jobs, passages, versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from index.collection import Collection
    from index.database import Database


@dataclass(frozen=True, slots=True)
class Figures:
    """How a data folder stands.

    Attributes:
        running: Jobs that a worker holds.
        waiting: Jobs that nobody holds.
        oldest: When the oldest job's document came, in seconds since 1970; None without jobs.
        documents: Newest versions by status.
        passages: Live ones.
        lag: By the view's name, changes that the slowest of the open ones has not applied.
    """

    running: int
    waiting: int
    oldest: float | None
    documents: Mapping[str, int]
    passages: int
    lag: Mapping[str, int]


def read_figures(database: Database, opened: Iterable[Collection]) -> Figures:
    """Count.

    Args:
        database: The catalog's.
        opened: Collections whose views are open. The others' catch up when they are opened.
    """
    newest = and_(versions.c.document_id == documents.c.id, versions.c.version == documents.c.version)
    of_job = and_(versions.c.document_id == jobs.c.document_id, versions.c.version == jobs.c.version)
    held = and_(jobs.c.owner.is_not(None), jobs.c.lease_until > time.time())
    with database.read() as connection:
        total = connection.execute(select(func.count()).select_from(jobs)).scalar_one()
        running = connection.execute(select(func.count()).select_from(jobs).where(held)).scalar_one()
        oldest = connection.execute(
            select(func.min(versions.c.created_at)).select_from(jobs).join(versions, of_job)
        ).scalar_one()
        by_status = connection.execute(
            select(versions.c.status, func.count())
            .select_from(documents)
            .join(versions, newest)
            .group_by(versions.c.status)
        ).all()
        count = connection.execute(select(func.count()).select_from(passages)).scalar_one()
        changes = dict(connection.execute(select(collections.c.id, collections.c.seq)).all())
    lag: dict[str, int] = {}
    for collection in opened:
        for name, at in collection.watermarks().items():
            lag[name] = max(lag.get(name, 0), changes.get(collection.id, at) - at)
    return Figures(running, total - running, oldest, dict(by_status), count, lag)

"""How much the service was used, by day and by key: counted from the audit log, which holds no content."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Integer, cast, func, select

from index.schema import audit
from index.usage import DAY_S

if TYPE_CHECKING:
    from index.database import Database

# Statuses from here on are refusals and failures.
_REFUSED = 400


@dataclass(frozen=True, slots=True)
class Done:
    """What was done with one key on one day.

    Attributes:
        day: Days since 1970-01-01 UTC.
        action: As the audit log calls it.
        count: How often, refusals left out.
        refused: How often it was refused or failed.
    """

    day: int
    key_id: str
    action: str
    count: int
    refused: int


class Activity:
    """Reads the counts of a data folder."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def done(self, days: int) -> list[Done]:
        """What was done in the last days, today included."""
        day = cast(audit.c.at / DAY_S, Integer)
        failed = func.sum(cast(audit.c.outcome >= _REFUSED, Integer))
        since = float((int(time.time()) // DAY_S - days + 1) * DAY_S)
        query = (
            select(day, audit.c.key_id, audit.c.action, func.count(), failed)
            .where(audit.c.at >= since)
            .group_by(day, audit.c.key_id, audit.c.action)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [Done(on, key_id, action, count - bad, bad) for on, key_id, action, count, bad in rows]

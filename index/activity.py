"""How much the service was used, by day: counted from the audit log and from the answers that are still stored."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Float, Integer, cast, func, select

from index.schema import answers, audit, collections
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


@dataclass(frozen=True, slots=True)
class Answered:
    """The answers of one day in one collection. Those that went with a deleted document are not among them.

    Attributes:
        day: Days since 1970-01-01 UTC.
        abstained: How many of them said that the documents do not answer.
        cost_usd: What they cost together, as far as prices are known.
    """

    day: int
    collection: str
    count: int
    abstained: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float


class Activity:
    """Reads the counts of a data folder."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def done(self, days: int) -> list[Done]:
        """What was done in the last days, today included."""
        day = cast(audit.c.at / DAY_S, Integer)
        failed = func.sum(cast(audit.c.outcome >= _REFUSED, Integer))
        query = (
            select(day.label("day"), audit.c.key_id, audit.c.action, func.count().label("count"), failed)
            .where(audit.c.at >= _since(days))
            .group_by(day, audit.c.key_id, audit.c.action)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [Done(on, key_id, action, count - bad, bad) for on, key_id, action, count, bad in rows]

    def answered(self, days: int) -> list[Answered]:
        """The answers of the last days, today included."""
        day = cast(answers.c.created_at / DAY_S, Integer)
        query = (
            select(
                day,
                collections.c.name,
                func.count(),
                func.coalesce(func.sum(cast(_field("abstained"), Integer)), 0),
                func.coalesce(func.sum(cast(_field("usage.prompt_tokens"), Integer)), 0),
                func.coalesce(func.sum(cast(_field("usage.completion_tokens"), Integer)), 0),
                func.coalesce(func.sum(cast(_field("cost_usd"), Float)), 0.0),
            )
            .join(collections, collections.c.id == answers.c.collection_id)
            .where(answers.c.created_at >= _since(days))
            .group_by(day, collections.c.name)
        )
        with self._database.read() as connection:
            return [Answered(*row) for row in connection.execute(query)]


def _since(days: int) -> float:
    """Midnight UTC at which the first of the last days began."""
    return float((int(time.time()) // DAY_S - days + 1) * DAY_S)


def _field(name: str) -> Any:
    return func.json_extract(answers.c.body, f"$.{name}")

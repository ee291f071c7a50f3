"""How much the service was used, by day, key and collection."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel

from index.usage import DAY_S

if TYPE_CHECKING:
    from collections.abc import Iterable

    from index.activity import Answered, Done

# What the audit log calls that which is counted. Everything else it notes is management.
_COUNTED = {"ask": "questions", "ground": "questions", "search": "searches", "document.upload": "uploads"}


class DayOut(BaseModel):
    """One day, UTC. ``answers`` and what follows count those that are still stored."""

    day: str
    questions: int = 0
    searches: int = 0
    uploads: int = 0
    refused: int = 0
    answers: int = 0
    abstained: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0


class KeyUsageOut(BaseModel):
    """One key; ``admin`` is that of the settings, ``local`` nobody's, ``-`` stands for refusals without a key."""

    key_id: str
    questions: int = 0
    searches: int = 0
    uploads: int = 0
    refused: int = 0


class CollectionUsageOut(BaseModel):
    """One collection's answers that are still stored."""

    name: str
    answers: int = 0
    cost_usd: float = 0.0


class UsageOut(BaseModel):
    """Every day of the time asked for, oldest first; keys and collections with the most first."""

    days: list[DayOut]
    keys: list[KeyUsageOut]
    collections: list[CollectionUsageOut]


def usage_of(days: int, done: Iterable[Done], answered: Iterable[Answered]) -> UsageOut:
    """Put the counts together."""
    today = int(time.time()) // DAY_S
    by_day = {day: DayOut(day=_name(day)) for day in range(today - days + 1, today + 1)}
    by_key: dict[str, KeyUsageOut] = {}
    by_collection: dict[str, CollectionUsageOut] = {}
    for each in done:
        key = by_key.setdefault(each.key_id, KeyUsageOut(key_id=each.key_id))
        for count in (key, by_day.get(each.day)):
            if count is None:
                continue
            count.refused += each.refused
            if name := _COUNTED.get(each.action):
                setattr(count, name, getattr(count, name) + each.count)
    for found in answered:
        place = by_collection.setdefault(found.collection, CollectionUsageOut(name=found.collection))
        place.answers += found.count
        place.cost_usd += found.cost_usd
        if day := by_day.get(found.day):
            day.answers += found.count
            day.abstained += found.abstained
            day.prompt_tokens += found.prompt_tokens
            day.completion_tokens += found.completion_tokens
            day.cost_usd += found.cost_usd
    return UsageOut(
        days=list(by_day.values()),
        keys=sorted(by_key.values(), key=lambda each: -each.questions),
        collections=sorted(by_collection.values(), key=lambda each: -each.answers),
    )


def _name(day: int) -> str:
    return datetime.fromtimestamp(day * DAY_S, UTC).date().isoformat()

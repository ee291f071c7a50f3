"""How much the service was used, by day and by key, counted from the audit log."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel

from index.usage import DAY_S

if TYPE_CHECKING:
    from collections.abc import Iterable

    from index.activity import Done

# What the audit log calls that which is counted. Everything else it notes is reading and management.
_COUNTED = {
    "ask": "questions",
    "ground": "checks",
    "search": "searches",
    "document.upload": "uploads",
    "file.upload": "uploads",
}


class CountsOut(BaseModel):
    """How often something was done; ``refused`` is what was turned away or failed, whatever it was."""

    questions: int = 0
    checks: int = 0
    searches: int = 0
    uploads: int = 0
    refused: int = 0

    def add(self, done: Done) -> None:
        """Count what was done."""
        self.refused += done.refused
        if name := _COUNTED.get(done.action):
            setattr(self, name, getattr(self, name) + done.count)


class DayOut(CountsOut):
    """One day, UTC."""

    day: str


class KeyActivityOut(CountsOut):
    """One key; ``admin`` is that of the settings, ``local`` nobody's, ``-`` stands for refusals without a key."""

    key_id: str


class ActivityOut(BaseModel):
    """Every day of the time asked for, oldest first; the keys with the most questions first."""

    days: list[DayOut]
    keys: list[KeyActivityOut]


def activity_of(days: int, done: Iterable[Done]) -> ActivityOut:
    """Put the counts together."""
    today = int(time.time()) // DAY_S
    by_day = {day: DayOut(day=_name(day)) for day in range(today - days + 1, today + 1)}
    by_key: dict[str, KeyActivityOut] = {}
    for each in done:
        if day := by_day.get(each.day):
            day.add(each)
        by_key.setdefault(each.key_id, KeyActivityOut(key_id=each.key_id)).add(each)
    return ActivityOut(
        days=list(by_day.values()), keys=sorted(by_key.values(), key=lambda key: -key.questions)
    )


def _name(day: int) -> str:
    return datetime.fromtimestamp(day * DAY_S, UTC).date().isoformat()

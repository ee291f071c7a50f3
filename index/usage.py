"""What each key has used of its daily quotas. Counted before the work, so that requests at once cannot overspend."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from index.schema import key_usage

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from index.database import Database

DAY_S = 86_400


class Metered(StrEnum):
    """What is counted by the day: questions, bytes, and millionths of a US dollar."""

    QUESTIONS = "questions"
    UPLOAD_BYTES = "upload_bytes"
    MICRO_USD = "micro_usd"


class Usage:
    """The counters of a data folder. They outlive a restart."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, key_id: str, kind: Metered, amount: int, limit: int) -> bool:
        """Count an amount if the day's quota has room for all of it; otherwise count nothing.

        Returns:
            Whether it had.
        """
        with self._database.write() as connection:
            return take_of(connection, key_id, kind, amount, limit)

    def give_back(self, key_id: str, kind: Metered, amount: int) -> None:
        """Take back what was counted and not used. What was counted on a day that is over stays so."""
        today = int(time.time()) // DAY_S
        with self._database.write() as connection:
            connection.execute(
                key_usage.update()
                .where(key_usage.c.key_id == key_id, key_usage.c.kind == kind, key_usage.c.day == today)
                .values(amount=key_usage.c.amount - amount)
            )

    def used(self, key_id: str) -> dict[Metered, int]:
        """What a key has used today."""
        today = int(time.time()) // DAY_S
        query = select(key_usage).where(key_usage.c.key_id == key_id, key_usage.c.day == today)
        found = dict.fromkeys(Metered, 0)
        with self._database.read() as connection:
            found |= {Metered(row.kind): row.amount for row in connection.execute(query)}
        return found


def taken_of(connection: Connection, key_id: str, kind: Metered) -> int:
    """What a key has used of one kind today, inside a transaction."""
    today = int(time.time()) // DAY_S
    mine = (key_usage.c.key_id == key_id) & (key_usage.c.kind == kind) & (key_usage.c.day == today)
    return connection.execute(select(key_usage.c.amount).where(mine)).scalar_one_or_none() or 0


def take_of(connection: Connection, key_id: str, kind: Metered, amount: int, limit: int | None) -> bool:
    """What ``Usage.take`` does, inside a transaction; without a limit there is room for everything."""
    today = int(time.time()) // DAY_S
    mine = (key_usage.c.key_id == key_id) & (key_usage.c.kind == kind)
    used = connection.execute(
        select(key_usage.c.amount).where(mine, key_usage.c.day == today)
    ).scalar_one_or_none()
    if limit is not None and (used or 0) + amount > limit:
        return False
    if used is None:
        connection.execute(delete(key_usage).where(mine))
    row = insert(key_usage).values(key_id=key_id, day=today, kind=kind, amount=amount)
    connection.execute(
        row.on_conflict_do_update(
            index_elements=["key_id", "day", "kind"], set_={"amount": key_usage.c.amount + amount}
        )
    )
    return True

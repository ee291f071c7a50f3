"""What was asked and spent by day, key, collection and model, and the budgets that nothing may pass.

What a request may cost is taken of both budgets, its key's and its collection's, in one transaction before anything is
sent, and what it did not cost is given back at its end. So requests at once never see the same room twice.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import OperationalError

from index.disk import passes
from index.schema import collection_budgets, collections, spending
from index.sight import EVERYTHING, owned
from index.usage import DAY_S, Metered, take_of, taken_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection, Row

    from index.database import Database
    from index.sight import Sight

log = structlog.get_logger(__name__)

# Seconds after which counts that cost nothing are written; a crash loses at most these.
_FLUSH_S = 5.0
GROUPS = ("day", "key_id", "collection", "model")


@dataclass(frozen=True, slots=True)
class Amounts:
    """What is added up. Money is in billionths of a US dollar.

    Attributes:
        cached: Questions that were answered from the cache.
        calls: Sent to language models.
        cost: Of the calls whose tokens were counted.
        at_most: With the most that the others can have cost.
    """

    questions: int = 0
    cached: int = 0
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: int = 0
    at_most: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """What one key spent in one collection with one model; empty for what needed none."""

    key_id: str
    collection: str
    model: str
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class Total:
    """Amounts added up under the values of what was grouped by."""

    group: tuple[str | int, ...]
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class Budget:
    """What a collection may cost a day, and what of today's is taken; in millionths of a US dollar."""

    collection: str
    per_day: int
    taken: int


@dataclass(frozen=True, slots=True)
class Hold:
    """Money that is held for one request, in millionths of a US dollar.

    Attributes:
        of_key: Whether it was taken of the key's budget.
        of_collection: The collection's id, where it was taken of that one's budget.
        refused_by: ``key`` or ``collection`` when there was no room, and nothing was taken.
        limit: What that one has a day.
        soon: Whether there may be room in a moment: others hold money that they may not spend.
    """

    amount: int
    day: int
    of_key: bool = False
    of_collection: int | None = None
    refused_by: str = ""
    limit: int = 0
    soon: bool = False


_NAMES = tuple(each.name for each in fields(Amounts))


class Spending:
    """The books of a data folder."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: Counter[tuple[str, str, str, str]] = Counter()
        # What requests under way hold, by key and by collection. What a crash left held stays taken for its day.
        self._held: Counter[str | int] = Counter()
        self._lock = threading.Lock()
        self._flushed = time.monotonic()

    def hold(
        self,
        key_id: str,
        key_limit: int | None,
        collection: str | None,
        amount: int,
        *,
        or_less: bool = False,
    ) -> Hold:
        """Take an amount of the budgets that there are, or nothing of either.

        Args:
            key_id: Whose request it is.
            key_limit: Of that key a day, or None.
            collection: Which is asked; one without a budget has all the room.
            amount: Millionths of a US dollar.
            or_less: Whether what is left will do where that is less, and no other request holds any of it.
        """
        today = _today()
        with self._database.write() as connection:
            row = _budget(connection, collection)
            if or_less:
                amount = min(amount, self._left(connection, key_id, key_limit, row) or amount)
            if row is not None:
                taken = row.taken if row.day == today else 0
                if taken + amount > row.micro_usd_per_day:
                    return self._refused("collection", row.collection_id, amount, row.micro_usd_per_day)
            if key_limit is not None and not take_of(
                connection, key_id, Metered.MICRO_USD, amount, key_limit
            ):
                return self._refused("key", key_id, amount, key_limit)
            if row is not None:
                connection.execute(
                    update(collection_budgets)
                    .where(collection_budgets.c.collection_id == row.collection_id)
                    .values(day=today, taken=taken + amount)
                )
        hold = Hold(amount, today, key_limit is not None, None if row is None else row.collection_id)
        self._holding(hold, key_id, amount)
        return hold

    def _left(
        self, connection: Connection, key_id: str, key_limit: int | None, row: Row[Any] | None
    ) -> int | None:
        """What is left of today's budgets; None where there is none, nothing is left, or others hold some of it."""
        rooms: list[int] = []
        if row is not None:
            rooms.append(row.micro_usd_per_day - (row.taken if row.day == _today() else 0))
        if key_limit is not None:
            rooms.append(key_limit - taken_of(connection, key_id, Metered.MICRO_USD))
        with self._lock:
            held = self._held[key_id] + (0 if row is None else self._held[row.collection_id])
        left = min(rooms, default=0)
        return left if left > 0 and not held else None

    def _refused(self, by: str, whose: str | int, amount: int, limit: int) -> Hold:
        with self._lock:
            soon = amount <= limit and self._held[whose] > 0
        return Hold(amount, _today(), refused_by=by, limit=limit, soon=soon)

    def _holding(self, hold: Hold, key_id: str, amount: int) -> None:
        with self._lock:
            if hold.of_key:
                self._held[key_id] += amount
            if hold.of_collection is not None:
                self._held[hold.of_collection] += amount
            self._held += Counter()

    def limit(self, collection: str | None) -> int | None:
        """What a collection may cost a day, in millionths of a US dollar; None without a budget."""
        with self._database.read() as connection:
            row = _budget(connection, collection)
        return None if row is None else int(row.micro_usd_per_day)

    def settle(self, hold: Hold | None, key_id: str, spent: int, lines: Sequence[Line]) -> None:
        """Give back what a request did not cost, and write down what it did.

        Args:
            hold: What was held for it, if anything.
            key_id: Whose request it was.
            spent: The most that it can have cost, in millionths of a US dollar.
            lines: For the books.
        """
        try:
            with self._database.write() as connection:
                _add(connection, lines)
                rest = 0 if hold is None else hold.amount - min(hold.amount, spent)
                # What was taken on a day that is over stays taken.
                if hold is None or not rest or hold.day != _today():
                    return
                if hold.of_key:
                    take_of(connection, key_id, Metered.MICRO_USD, -rest, None)
                if hold.of_collection is not None:
                    mine = collection_budgets.c.collection_id == hold.of_collection
                    connection.execute(
                        update(collection_budgets)
                        .where(mine, collection_budgets.c.day == hold.day)
                        .values(taken=collection_budgets.c.taken - rest)
                    )
        finally:
            # Only now: who finds no room and nothing held is told to come back tomorrow.
            if hold is not None:
                self._holding(hold, key_id, -hold.amount)

    def count(self, key_id: str, collection: str, *, cached: bool) -> bool:
        """Count a question. It is written with others, a few seconds of them at a time.

        Returns:
            Whether that is due: call ``flush``.
        """
        with self._lock:
            self._waiting[key_id, collection, "", "questions"] += 1
            self._waiting[key_id, collection, "", "cached"] += cached
            return time.monotonic() - self._flushed > _FLUSH_S

    def flush(self) -> None:
        """Write what was counted; where the disk is full or failing it waits on."""
        with self._lock:
            waiting, self._waiting = self._waiting, Counter()
            self._flushed = time.monotonic()
        keys = {name[:3] for name in waiting}
        if not keys:
            return
        lines = [
            Line(*key, Amounts(questions=waiting[*key, "questions"], cached=waiting[*key, "cached"]))
            for key in sorted(keys)
        ]
        try:
            with self._database.write() as connection:
                _add(connection, lines)
        except (OSError, OperationalError) as error:
            with self._lock:
                self._waiting.update(waiting)
            if not passes(error):
                raise
            log.warning("questions_not_counted_yet", error=str(error))

    def totals(
        self,
        first_day: int,
        last_day: int,
        by: Sequence[str],
        key_id: str | None = None,
        sight: Sight = EVERYTHING,
    ) -> list[Total]:
        """Amounts added up.

        Args:
            first_day: Days since 1970-01-01 UTC, both ends included.
            last_day: Likewise.
            by: Some of ``GROUPS``, in the order of the groups.
            key_id: Only what this key spent; None for all.
            sight: Only collections that the caller sees.
        """
        self.flush()
        columns = [spending.c[name] for name in by]
        sums = [func.coalesce(func.sum(spending.c[name]), 0) for name in _NAMES]
        query = select(*columns, *sums).where(spending.c.day.between(first_day, last_day))
        if key_id is not None:
            query = query.where(spending.c.key_id == key_id)
        if sight.collections is not None:
            query = query.where(spending.c.collection.in_(sorted(sight.collections)))
        with self._database.read() as connection:
            rows = connection.execute(query.group_by(*columns).order_by(*columns)).all()
        return [Total(tuple(row[: len(by)]), Amounts(*row[len(by) :])) for row in rows]

    def set_budget(self, collection_id: int, micro_usd_per_day: int | None) -> None:
        """Say what a collection may cost a day from now on; None for as much as it does. Today's spending counts."""
        today = _today()
        with self._database.write() as connection:
            if micro_usd_per_day is None:
                connection.execute(
                    delete(collection_budgets).where(collection_budgets.c.collection_id == collection_id)
                )
                return
            name = select(collections.c.name).where(collections.c.id == collection_id).scalar_subquery()
            spent = connection.execute(
                select(func.coalesce(func.sum(spending.c.at_most), 0)).where(
                    spending.c.day == today, spending.c.collection == name
                )
            ).scalar_one()
            row = insert(collection_budgets).values(
                collection_id=collection_id,
                micro_usd_per_day=micro_usd_per_day,
                day=today,
                taken=-(-int(spent) // 1000),
            )
            connection.execute(
                row.on_conflict_do_update(
                    index_elements=["collection_id"], set_={"micro_usd_per_day": micro_usd_per_day}
                )
            )

    def budgets(self, sight: Sight = EVERYTHING) -> list[Budget]:
        """Every budget of a collection that the caller sees."""
        today = _today()
        query = (
            select(collections.c.name, collection_budgets)
            .join(collections, collections.c.id == collection_budgets.c.collection_id)
            .where(owned(sight))
            .order_by(collections.c.name)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [Budget(row.name, row.micro_usd_per_day, row.taken if row.day == today else 0) for row in rows]


def _today() -> int:
    return int(time.time()) // DAY_S


def _budget(connection: Connection, collection: str | None) -> Row[Any] | None:
    query = (
        select(collection_budgets)
        .join(collections, collections.c.id == collection_budgets.c.collection_id)
        .where(collections.c.name == collection)
    )
    return connection.execute(query).one_or_none()


def _add(connection: Connection, lines: Iterable[Line]) -> None:
    today = _today()
    for line in lines:
        values = {name: getattr(line.amounts, name) for name in _NAMES}
        row = insert(spending).values(
            day=today, key_id=line.key_id, collection=line.collection, model=line.model, **values
        )
        connection.execute(
            row.on_conflict_do_update(
                index_elements=list(GROUPS),
                set_={name: spending.c[name] + value for name, value in values.items()},
            )
        )

"""Questions in bulk: durable, leased, and gone on with after a crash.

An item that is done names its answer and holds nothing of it: when a document is deleted, the answers that show it go,
and the item then says so.
"""

from __future__ import annotations

import secrets
import time
import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, insert, or_, select, update

from index.errors import KeyReused, NotFound
from index.rows import delete_batches
from index.schema import batch_items, batches, collections
from index.sight import EVERYTHING, owned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection

    from index.database import Database
    from index.sight import Sight


class ItemStatus(StrEnum):
    """What became of a question."""

    QUEUED = "queued"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Item:
    """One question in work, held under the token ``owner``."""

    batch_id: str
    ordinal: int
    owner: str
    attempts: int
    question: str
    collection: str
    key_id: str
    principals: frozenset[str] | None
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One question of a batch as it stands."""

    ordinal: int
    label: str
    question: str
    status: ItemStatus
    answer_id: str | None
    error: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """A batch as it stands. Times are Unix seconds, money millionths of a US dollar.

    Attributes:
        counts: Questions by status.
        limit: What all of it may cost; None for no limit.
        taken: Of that.
    """

    id: str
    collection: str
    key_id: str
    options: dict[str, Any]
    counts: dict[ItemStatus, int]
    limit: int | None
    taken: int
    created_at: float
    cancelled_at: float | None
    finished_at: float | None
    expires_at: float

    @property
    def status(self) -> str:
        """In one word."""
        if self.finished_at is None:
            return "cancelling" if self.cancelled_at is not None else "running"
        return "cancelled" if self.cancelled_at is not None else "finished"


class Batches:
    """The batches of a data folder."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._release_all()

    def create(
        self,
        *,
        collection_id: int,
        key_id: str,
        principals: frozenset[str] | None,
        options: dict[str, Any],
        questions: Sequence[tuple[str, str]],
        limit: int | None = None,
        request_key: str | None = None,
        keep_s: float = 7 * 86_400.0,
    ) -> tuple[str, bool]:
        """Store questions as (label, text) to be answered.

        Returns:
            The batch's id, and whether it is new: the same ``request_key`` of the same key is the same batch.

        Raises:
            KeyReused: That ``request_key`` came with other questions, or other options, before.
        """
        now = time.time()
        batch_id = f"batch_{secrets.token_hex(12)}"
        with self._database.write() as connection:
            delete_batches(connection, select(batches.c.id).where(batches.c.expires_at <= now))
            if request_key is not None:
                mine = (batches.c.key_id == key_id) & (batches.c.request_key == request_key)
                known = connection.execute(select(batches).where(mine)).one_or_none()
                if known is not None:
                    asked = (collection_id, principals and sorted(principals), options, limit)
                    before = (known.collection_id, known.principals, known.options, known.micro_usd)
                    if asked != before or list(questions) != _questions(connection, known.id):
                        raise KeyReused(
                            "This Idempotency-Key came with another batch before. Use a new key for each request."
                        )
                    return str(known.id), False
            connection.execute(
                insert(batches).values(
                    id=batch_id,
                    collection_id=collection_id,
                    key_id=key_id,
                    principals=None if principals is None else sorted(principals),
                    options=options,
                    request_key=request_key,
                    micro_usd=limit,
                    taken=0,
                    created_at=now,
                    expires_at=now + keep_s,
                )
            )
            rows = [
                {
                    "batch_id": batch_id,
                    "ordinal": ordinal,
                    "label": label,
                    "question": text,
                    "status": ItemStatus.QUEUED,
                    "attempts": 0,
                }
                for ordinal, (label, text) in enumerate(questions)
            ]
            connection.execute(insert(batch_items), rows)
        return batch_id, True

    def claim(self, lease_s: float) -> Item | None:
        """Take a question that is free, or None. Batches take turns: each its first one, each its second one."""
        owner, now = uuid.uuid4().hex, time.time()
        free = or_(batch_items.c.lease_until.is_(None), batch_items.c.lease_until < now)
        line = (
            select(batch_items.c.batch_id, batch_items.c.ordinal)
            .join(batches, batches.c.id == batch_items.c.batch_id)
            .where(batch_items.c.status == ItemStatus.QUEUED, free, batches.c.cancelled_at.is_(None))
            .order_by(batch_items.c.ordinal, batches.c.created_at)
            .limit(1)
        )
        with self._database.write() as connection:
            found = connection.execute(line).one_or_none()
            if found is None:
                return None
            taken = connection.execute(
                update(batch_items)
                .where(_is(found.batch_id, found.ordinal))
                .values(owner=owner, lease_until=now + lease_s, attempts=batch_items.c.attempts + 1)
                .returning(batch_items.c.attempts, batch_items.c.question)
            ).one()
            batch = connection.execute(
                select(batches, collections.c.name)
                .join(collections, collections.c.id == batches.c.collection_id)
                .where(batches.c.id == found.batch_id)
            ).one()
        return Item(
            batch_id=found.batch_id,
            ordinal=found.ordinal,
            owner=owner,
            attempts=taken.attempts,
            question=taken.question,
            collection=batch.name,
            key_id=batch.key_id,
            principals=None if batch.principals is None else frozenset(batch.principals),
            options=batch.options,
        )

    def renew(self, item: Item, lease_s: float) -> bool:
        """Say that an item is still being worked on.

        Returns:
            Whether it is still wanted: it was neither cancelled nor taken over.
        """
        with self._database.write() as connection:
            changed = connection.execute(
                update(batch_items).where(_mine(item)).values(lease_until=time.time() + lease_s)
            )
            return changed.rowcount == 1

    def put_back(self, item: Item, wait_s: float | None = None) -> None:
        """Let go of an item that was interrupted through no fault of its own; this beginning does not count."""
        until = None if wait_s is None else time.time() + wait_s
        with self._database.write() as connection:
            connection.execute(
                update(batch_items)
                .where(_mine(item))
                .values(owner=None, lease_until=until, attempts=batch_items.c.attempts - 1)
            )

    def retry(self, item: Item, wait_s: float) -> None:
        """Let go of an item that failed in a way that may pass; this beginning counts."""
        with self._database.write() as connection:
            connection.execute(
                update(batch_items).where(_mine(item)).values(owner=None, lease_until=time.time() + wait_s)
            )

    def finish(self, item: Item, answer_id: str) -> None:
        """Say which answer an item got."""
        self._end(item, status=ItemStatus.DONE, answer_id=answer_id)

    def fail(self, item: Item, code: str, message: str) -> None:
        """Say why an item got none."""
        self._end(item, status=ItemStatus.FAILED, error_code=code, error_message=message)

    def take(self, batch_id: str, amount: int) -> bool:
        """Take an amount of what a batch may cost, in millionths of a US dollar; nothing without room for all of it."""
        room = or_(batches.c.micro_usd.is_(None), batches.c.taken + amount <= batches.c.micro_usd)
        with self._database.write() as connection:
            changed = connection.execute(
                update(batches).where(batches.c.id == batch_id, room).values(taken=batches.c.taken + amount)
            )
            return changed.rowcount == 1

    def give_back(self, batch_id: str, amount: int) -> None:
        """Take back what was taken and not spent."""
        with self._database.write() as connection:
            connection.execute(
                update(batches).where(batches.c.id == batch_id).values(taken=batches.c.taken - amount)
            )

    def get(self, batch_id: str, key_id: str | None = None, sight: Sight = EVERYTHING) -> BatchRecord:
        """A batch.

        Raises:
            NotFound: Unknown, expired, or not the caller's. ``key_id`` None is an administrator's.
        """
        with self._database.read() as connection:
            return _record(connection, batch_id, key_id, sight)

    def all(self, key_id: str | None, sight: Sight, limit: int = 100) -> list[BatchRecord]:
        """The caller's batches, newest first."""
        query = (
            select(batches.c.id)
            .join(collections, collections.c.id == batches.c.collection_id)
            .where(owned(sight), batches.c.expires_at > time.time())
            .order_by(batches.c.created_at.desc())
            .limit(limit)
        )
        if key_id is not None:
            query = query.where(batches.c.key_id == key_id)
        with self._database.read() as connection:
            ids = connection.execute(query).scalars().all()
            return [_record(connection, each, key_id, sight) for each in ids]

    def rows(self, batch_id: str, first: int, count: int) -> list[Row]:
        """Questions from an ordinal on, in the order in which they were given."""
        query = (
            select(batch_items)
            .where(batch_items.c.batch_id == batch_id, batch_items.c.ordinal >= first)
            .order_by(batch_items.c.ordinal)
            .limit(count)
        )
        with self._database.read() as connection:
            return [
                Row(
                    ordinal=row.ordinal,
                    label=row.label,
                    question=row.question,
                    status=ItemStatus(row.status),
                    answer_id=row.answer_id,
                    error=None if row.error_code is None else (row.error_code, row.error_message),
                )
                for row in connection.execute(query)
            ]

    def cancel(self, batch_id: str, key_id: str | None = None, sight: Sight = EVERYTHING) -> BatchRecord:
        """Answer no further question of a batch. What is answered stays.

        Raises:
            NotFound: As for ``get``.
        """
        with self._database.write() as connection:
            found = _record(connection, batch_id, key_id, sight)
            if found.finished_at is None and found.cancelled_at is None:
                connection.execute(
                    update(batches).where(batches.c.id == batch_id).values(cancelled_at=time.time())
                )
                waiting = (batch_items.c.batch_id == batch_id) & (batch_items.c.status == ItemStatus.QUEUED)
                # Also those in work: whoever works on them learns of it when the lease is renewed.
                connection.execute(
                    update(batch_items).where(waiting).values(status=ItemStatus.CANCELLED, owner=None)
                )
                _finish_if_over(connection, batch_id)
            return _record(connection, batch_id, key_id, sight)

    def delete(self, batch_id: str, key_id: str | None = None, sight: Sight = EVERYTHING) -> None:
        """Remove a batch with its questions. The answers stay under their own ids.

        Raises:
            NotFound: As for ``get``.
        """
        with self._database.write() as connection:
            _record(connection, batch_id, key_id, sight)
            delete_batches(connection, select(batches.c.id).where(batches.c.id == batch_id))

    def _end(self, item: Item, **values: Any) -> None:
        with self._database.write() as connection:
            connection.execute(
                update(batch_items).where(_mine(item)).values(owner=None, lease_until=None, **values)
            )
            _finish_if_over(connection, item.batch_id)

    def _release_all(self) -> None:
        """Free the items of a process that is gone: this one alone holds the folder."""
        with self._database.write() as connection:
            connection.execute(
                update(batch_items)
                .where(batch_items.c.owner.is_not(None))
                .values(owner=None, lease_until=None)
            )


def _is(batch_id: str, ordinal: int) -> ColumnElement[bool]:
    return and_(batch_items.c.batch_id == batch_id, batch_items.c.ordinal == ordinal)


def _mine(item: Item) -> ColumnElement[bool]:
    return and_(_is(item.batch_id, item.ordinal), batch_items.c.owner == item.owner)


def _questions(connection: Connection, batch_id: str) -> list[tuple[str, str]]:
    """What a batch asks, as it was given."""
    query = select(batch_items.c.label, batch_items.c.question).where(batch_items.c.batch_id == batch_id)
    return [(row.label, row.question) for row in connection.execute(query.order_by(batch_items.c.ordinal))]


def _finish_if_over(connection: Connection, batch_id: str) -> None:
    left = select(func.count()).where(
        batch_items.c.batch_id == batch_id, batch_items.c.status == ItemStatus.QUEUED
    )
    if not connection.execute(left).scalar_one():
        connection.execute(
            update(batches)
            .where(batches.c.id == batch_id, batches.c.finished_at.is_(None))
            .values(finished_at=time.time())
        )


def _record(connection: Connection, batch_id: str, key_id: str | None, sight: Sight) -> BatchRecord:
    query = (
        select(batches, collections.c.name)
        .join(collections, collections.c.id == batches.c.collection_id)
        .where(batches.c.id == batch_id, owned(sight), batches.c.expires_at > time.time())
    )
    if key_id is not None:
        query = query.where(batches.c.key_id == key_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound("There is no such batch.")
    counted = (
        select(batch_items.c.status, func.count())
        .where(batch_items.c.batch_id == batch_id)
        .group_by(batch_items.c.status)
    )
    counts = dict.fromkeys(ItemStatus, 0)
    counts |= {ItemStatus(status): count for status, count in connection.execute(counted)}
    return BatchRecord(
        id=row.id,
        collection=row.name,
        key_id=row.key_id,
        options=row.options,
        counts=counts,
        limit=row.micro_usd,
        taken=row.taken,
        created_at=row.created_at,
        cancelled_at=row.cancelled_at,
        finished_at=row.finished_at,
        expires_at=row.expires_at,
    )

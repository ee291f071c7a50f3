"""Requests with an Idempotency-Key: done once, however often they are sent.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/

The first request with a key claims it. What it does is noted in the transactions that do it, so that the same
request, sent again after a crash, goes on where it was cut off. The answer is kept for ``KEPT_S``.
"""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import and_, delete, func, insert, select, update
from sqlalchemy.exc import OperationalError

from index.errors import KeyReused, RequestInProgress
from index.schema import documents
from index.schema import idempotent_requests as requests
from index.schema import idempotent_steps as steps
from index.types import Submission

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from index.database import Database

log = structlog.get_logger(__name__)

# Seconds after which a key is forgotten and a request that carries it is a new one.
KEPT_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to do a request, held under the token ``owner``; ``done`` is what a former try did of it."""

    scope: str
    key: str
    owner: str
    done: tuple[Submission, ...]


@dataclass(frozen=True, slots=True)
class Replay:
    """A request that was answered already.

    Attributes:
        body: The answer, or None when a document that it showed has been deleted since.
        done: The documents that the request stored, in order.
    """

    status: int
    body: str | None
    done: tuple[Submission, ...]


class Idempotency:
    """The table of requests with a key."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # A token that is not here belongs to a request that has ended, or to a process that is gone.
        self._running: set[str] = set()
        self._lock = threading.Lock()

    def begin(self, scope: str, key: str, fingerprint: str) -> Claim | Replay:
        """Claim a request, or say how it was answered.

        Args:
            scope: The caller.
            key: As the caller gave it.
            fingerprint: Equal for equal requests.

        Raises:
            KeyReused: The key came with another request before.
            RequestInProgress: The same request is being worked on.
        """
        owner, now = uuid.uuid4().hex, time.time()
        mine = and_(requests.c.scope == scope, requests.c.key == key)
        with self._lock:
            with self._database.write() as connection:
                connection.execute(
                    delete(requests).where(
                        requests.c.expires_at < now, requests.c.owner.not_in(sorted(self._running))
                    )
                )
                row = connection.execute(select(requests).where(mine)).one_or_none()
                if row is not None and row.fingerprint != fingerprint:
                    raise KeyReused(
                        "This Idempotency-Key came with another request before. Use a new key for each request."
                    )
                done = _done(connection, scope, key)
                if row is not None and row.status is not None:
                    return Replay(row.status, row.body, done)
                if row is not None and row.owner in self._running:
                    raise RequestInProgress(
                        "The same request is being worked on. Send it again in a moment to get its answer."
                    )
                if row is None:
                    connection.execute(
                        insert(requests).values(
                            scope=scope,
                            key=key,
                            fingerprint=fingerprint,
                            owner=owner,
                            expires_at=now + KEPT_S,
                        )
                    )
                else:
                    connection.execute(update(requests).where(mine).values(owner=owner))
            self._running.add(owner)
        return Claim(scope, key, owner, done)

    def note(self, connection: Connection, claim: Claim, submission: Submission) -> None:
        """Note, in the transaction that stores it, a document that the request stored.

        Raises:
            RequestInProgress: Another try has taken the request over; the transaction must not be committed.
        """
        _insist(connection, claim)
        mine = and_(steps.c.scope == claim.scope, steps.c.key == claim.key)
        number = connection.execute(select(func.count()).select_from(steps).where(mine)).scalar_one()
        connection.execute(
            insert(steps).values(
                scope=claim.scope,
                key=claim.key,
                step=number,
                document_id=submission.document_id,
                version=submission.version,
                is_new=int(submission.is_new),
            )
        )

    def note_answer(self, connection: Connection, claim: Claim, status: int, body: str) -> None:
        """Note the answer in a transaction that does the request.

        Raises:
            RequestInProgress: As ``note``.
        """
        _insist(connection, claim)
        connection.execute(update(requests).where(_own(claim)).values(status=status, body=body))

    def finish(self, claim: Claim, status: int, body: str) -> None:
        """Keep the answer of a request that is done.

        Of one whose documents were deleted meanwhile only the status is kept.
        """
        with self._database.write() as connection:
            gone = [each.document_id for each in _done(connection, claim.scope, claim.key)]
            kept = body if documents_exist(connection, gone) else None
            connection.execute(update(requests).where(_own(claim)).values(status=status, body=kept))

    def release(self, claim: Claim) -> None:
        """Say that nobody works on the request any more, whether it was answered or failed.

        One that failed before it did anything is forgotten, so that its key can come with a mended request.
        """
        with self._lock:
            self._running.discard(claim.owner)
        nothing_done = (
            ~select(steps.c.step)
            .where(steps.c.scope == requests.c.scope, steps.c.key == requests.c.key)
            .exists()
        )
        try:
            with self._database.write() as connection:
                connection.execute(
                    delete(requests).where(_own(claim), requests.c.status.is_(None), nothing_done)
                )
        except OperationalError:
            # On a full disk the row stays until it expires, and the same request may still take it over.
            log.exception("idempotency_key_not_released")


def forget_documents(connection: Connection, document_id: str) -> None:
    """Empty the kept answers that show a document, in the transaction that deletes it."""
    shown = select(steps.c.step).where(
        steps.c.scope == requests.c.scope, steps.c.key == requests.c.key, steps.c.document_id == document_id
    )
    connection.execute(update(requests).where(shown.exists()).values(body=None))


def documents_exist(connection: Connection, ids: list[str]) -> bool:
    """Whether none of the documents has been deleted."""
    wanted = set(ids)
    found = connection.execute(select(documents.c.id).where(documents.c.id.in_(wanted))).scalars()
    return set(found) == wanted


def _own(claim: Claim) -> Any:
    return and_(requests.c.scope == claim.scope, requests.c.key == claim.key, requests.c.owner == claim.owner)


def _insist(connection: Connection, claim: Claim) -> None:
    if connection.execute(select(requests.c.key).where(_own(claim))).scalar_one_or_none() is None:
        raise RequestInProgress("This request was sent again and is being worked on there.")


def _done(connection: Connection, scope: str, key: str) -> tuple[Submission, ...]:
    query = select(steps).where(steps.c.scope == scope, steps.c.key == key).order_by(steps.c.step)
    return tuple(
        Submission(row.document_id, row.version, is_new=bool(row.is_new)) for row in connection.execute(query)
    )

"""Answers that may be given again: found by their question, gone in the transaction that changes what they rest on.

A row says which question an answer is for, at which change of its collection it was made, and from which passages. It
is used as it stands while the collection has not changed since. After a change the passages are searched for anew, and
where they are the same of the same versions, the answer holds still (``evidence``).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import OperationalError

from index.answers import visible_answer
from index.disk import passes
from index.errors import NotFound
from index.schema import answer_cache, answer_documents, collections
from index.sight import owned

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from index.database import Database
    from index.sight import Sight

log = structlog.get_logger(__name__)

# Rows that are kept; each is a few hundred bytes beside its answer. Those that expire first go first.
_MOST = 50_000


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer that is given again.

    Attributes:
        body: As it was stored.
        found: Passages that it was made from: ``[id, rank, score, scores, ranks, also_in]`` each.
    """

    body: dict[str, Any]
    found: list[list[Any]]


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be kept of an answer.

    Attributes:
        key: Hash of its question, with all that decides about the answer.
        seq: The last change of the collection that was looked at.
        evidence: Hash of the passages that it was made from.
        found: As of ``Kept``.
        seconds: For which it may be given again.
    """

    key: str
    seq: int
    evidence: str
    found: list[list[Any]]
    seconds: float


class AnswerCache:
    """The kept answers of a data folder."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def state(self, collection: str, sight: Sight) -> tuple[int, int] | None:
        """Id of a collection and the number of its last change; None when there is none of that name for the caller."""
        query = select(collections.c.id, collections.c.seq).where(
            collections.c.name == collection, owned(sight)
        )
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else (row.id, row.seq)

    def find(self, key: str, sight: Sight) -> Kept | None:
        """The answer to a question, if nothing in its collection has changed since it was made."""
        query = (
            select(answer_cache.c.answer_id, answer_cache.c.found)
            .join(collections, collections.c.id == answer_cache.c.collection_id)
            .where(
                answer_cache.c.key == key,
                answer_cache.c.seq == collections.c.seq,
                answer_cache.c.expires_at > time.time(),
            )
        )
        # One snapshot: an answer that is deleted meanwhile was asked for before.
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
            return None if row is None else _kept(connection, row, sight)

    def find_again(self, key: str, evidence: str, seq: int, sight: Sight) -> Kept | None:
        """The answer to a question whose passages were found again after a change; from now on it holds for ``seq``.

        Args:
            key: Of the question.
            evidence: Hash of what was found now.
            seq: The collection's last change before that search.
            sight: Who asks.
        """
        mine = (answer_cache.c.key == key) & (answer_cache.c.evidence == evidence)
        query = select(answer_cache.c.answer_id, answer_cache.c.found).where(
            mine, answer_cache.c.expires_at > time.time()
        )
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
            kept = None if row is None else _kept(connection, row, sight)
        if kept is None:
            return None
        try:
            with self._database.write() as connection:
                connection.execute(update(answer_cache).where(mine).values(seq=seq))
        except (OSError, OperationalError) as error:
            if not passes(error):
                raise
            # Answering goes on when the disk is full or failing; next time the passages are searched for again.
            log.warning("kept_answer_not_renewed", error=str(error))
        return kept

    def clear(self) -> int:
        """Forget all of them; the answers themselves stay."""
        with self._database.write() as connection:
            return connection.execute(delete(answer_cache)).rowcount


def keep(connection: Connection, answer_id: str, collection_id: int, entry: Entry) -> bool:
    """Keep an answer, in the transaction that stores it.

    Returns:
        False when the collection has changed since: it might be another answer by now.
    """
    now = time.time()
    seq = connection.execute(
        select(collections.c.seq).where(collections.c.id == collection_id)
    ).scalar_one_or_none()
    if seq != entry.seq:
        return False
    connection.execute(delete(answer_cache).where(answer_cache.c.expires_at <= now))
    row = {
        "collection_id": collection_id,
        "seq": entry.seq,
        "evidence": entry.evidence,
        "answer_id": answer_id,
        "found": entry.found,
        "expires_at": now + entry.seconds,
    }
    connection.execute(
        insert(answer_cache)
        .values(key=entry.key, **row)
        .on_conflict_do_update(index_elements=["key"], set_=row)
    )
    if connection.execute(select(func.count()).select_from(answer_cache)).scalar_one() > _MOST:
        oldest = select(answer_cache.c.key).order_by(answer_cache.c.expires_at).limit(_MOST // 10)
        connection.execute(delete(answer_cache).where(answer_cache.c.key.in_(oldest)))
    return True


def forget_document(connection: Connection, document_id: str) -> None:
    """Keep no answer any more that shows a document: another version takes its place."""
    showing = select(answer_documents.c.answer_id).where(answer_documents.c.document_id == document_id)
    connection.execute(delete(answer_cache).where(answer_cache.c.answer_id.in_(showing)))


def forget_collection(connection: Connection, collection_id: int) -> None:
    """Keep no answer of a collection any more: who may see its documents, or what a filter finds, may have changed."""
    connection.execute(delete(answer_cache).where(answer_cache.c.collection_id == collection_id))


def _kept(connection: Connection, row: Any, sight: Sight) -> Kept | None:
    try:
        body = visible_answer(connection, row.answer_id, sight)
    except NotFound:
        return None
    return Kept(body, row.found)

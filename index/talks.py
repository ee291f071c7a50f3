"""Conversations: which questions belong together, for how long, and whose they are.

A turn keeps the question and the id of the answer. What was answered is read from ``index.answers`` each time, under
the reader's sight, so that it vanishes from a conversation the moment it vanishes from the answers.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, func, insert, or_, select, update

from index.answers import visible_answer
from index.errors import NotFound
from index.rows import delete_answers, delete_conversations
from index.schema import answers, collections, conversation_turns, conversations
from index.sight import owned

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ColumnElement, Connection

    from index.database import Database
    from index.sight import Sight

# Turns of one conversation; the first ones go when there are more.
MOST_TURNS = 200
# Conversations of one owner; the one that rested longest goes when there are more.
MOST_OF_ONE = 10_000
_PREFIX = "conv_"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a conversation is: a key, as the principals that the request was.

    Attributes:
        key_id: Whose key.
        principals: Sorted, as JSON. The same key as somebody else is another owner.
    """

    key_id: str
    principals: str

    @classmethod
    def of(cls, key_id: str, principals: Iterable[str] | None) -> Owner:
        """From a caller; None sees every document, which is not the same as being nobody."""
        return cls(key_id, json.dumps(None if principals is None else sorted(principals)))


@dataclass(frozen=True, slots=True)
class Turn:
    """A question with what was answered.

    Attributes:
        number: From 1. Those of deleted turns are not used again.
        answer: As it is stored; None when it went with a document, or is not the reader's to see any more.
    """

    number: int
    question: str
    answer_id: str | None
    answer: dict[str, Any] | None
    created_at: float


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation. Times are Unix seconds; ``title`` is the first question."""

    id: str
    collection: str
    title: str
    turns: int
    created_at: float
    updated_at: float
    expires_at: float


def new_talk_id() -> str:
    """An id that nobody can guess: 128 random bits."""
    return f"{_PREFIX}{secrets.token_hex(16)}"


def unknown_talk() -> NotFound:
    """The one error for conversations that never were, are over, or are somebody else's, letter for letter."""
    return NotFound("There is no such conversation. Conversations expire, and can be deleted.")


class Talks:
    """The conversations of a data folder."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_turn(
        self,
        talk_id: str,
        collection_id: int,
        owner: Owner,
        question: str,
        answer_id: str,
        *,
        kept_s: float,
        begins: bool,
    ) -> bool:
        """Store a turn, and the conversation with its first.

        Args:
            talk_id: Which conversation.
            collection_id: Where it is held.
            owner: Whose it is.
            question: As it was asked.
            answer_id: Of the stored answer.
            kept_s: Seconds for which the conversation is kept from now on.
            begins: Whether this is the first turn.

        Returns:
            False when the conversation was deleted or has expired meanwhile: then the answer is deleted too.
        """
        now = time.time()
        mine = and_(conversations.c.id == talk_id, _of(owner), conversations.c.expires_at > now)
        with self._database.write() as connection:
            if begins:
                _make_room(connection, owner)
                connection.execute(
                    insert(conversations).values(
                        id=talk_id,
                        collection_id=collection_id,
                        key_id=owner.key_id,
                        principals=owner.principals,
                        created_at=now,
                        updated_at=now,
                        expires_at=now + kept_s,
                    )
                )
            else:
                kept = update(conversations).where(mine).values(updated_at=now, expires_at=now + kept_s)
                if not connection.execute(kept).rowcount:
                    delete_answers(connection, select(answers.c.id).where(answers.c.id == answer_id))
                    return False
            turns = conversation_turns.c
            last = select(func.max(turns.number)).where(turns.conversation_id == talk_id)
            number = (connection.execute(last).scalar_one() or 0) + 1
            connection.execute(
                insert(conversation_turns).values(
                    conversation_id=talk_id,
                    number=number,
                    question=question,
                    answer_id=answer_id,
                    created_at=now,
                )
            )
            over = and_(turns.conversation_id == talk_id, turns.number <= number - MOST_TURNS)
            delete_answers(connection, select(turns.answer_id).where(over, turns.answer_id.is_not(None)))
            connection.execute(delete(conversation_turns).where(over))
        return True

    def get(self, talk_id: str, owner: Owner, sight: Sight) -> Talk:
        """One conversation.

        Raises:
            NotFound: Unknown, deleted, expired, or somebody else's.
        """
        with self._database.read() as connection:
            return _talk(connection, talk_id, owner, sight)

    def turns(self, talk_id: str, owner: Owner, sight: Sight, last: int = MOST_TURNS) -> list[Turn]:
        """The last turns of a conversation, oldest first, with the answers that the reader may see now.

        Raises:
            NotFound: As ``get``.
        """
        with self._database.read() as connection:
            _talk(connection, talk_id, owner, sight)
            wanted = (
                select(conversation_turns)
                .where(conversation_turns.c.conversation_id == talk_id)
                .order_by(conversation_turns.c.number.desc())
                .limit(last)
            )
            rows = connection.execute(wanted).all()[::-1]
            return [
                Turn(
                    row.number,
                    row.question,
                    row.answer_id,
                    _answer(connection, row.answer_id, sight),
                    row.created_at,
                )
                for row in rows
            ]

    def page(
        self, owner: Owner, sight: Sight, collection: str | None, before: str | None, limit: int
    ) -> list[Talk]:
        """Conversations of an owner, the latest first.

        Args:
            owner: Whose.
            sight: What they may see through this route.
            collection: Of this one alone, or of all.
            before: The id of the last one of the page before.
            limit: At most so many.

        Raises:
            NotFound: ``before`` is none of theirs.
        """
        conditions = [_of(owner), owned(sight), conversations.c.expires_at > time.time()]
        if collection is not None:
            conditions.append(collections.c.name == collection)
        with self._database.read() as connection:
            if before is not None:
                last = _talk(connection, before, owner, sight)
                conditions.append(
                    or_(
                        conversations.c.updated_at < last.updated_at,
                        and_(conversations.c.updated_at == last.updated_at, conversations.c.id < last.id),
                    )
                )
            wanted = (
                _SHOWN.where(*conditions)
                .order_by(conversations.c.updated_at.desc(), conversations.c.id.desc())
                .limit(limit)
            )
            return [_record(row) for row in connection.execute(wanted)]

    def delete(self, talk_id: str, owner: Owner, sight: Sight) -> int:
        """Delete a conversation with its answers, and say how many turns it had. Gone when this returns.

        Raises:
            NotFound: As ``get``.
        """
        with self._database.write() as connection:
            turns = _talk(connection, talk_id, owner, sight).turns
            delete_conversations(connection, conversations.c.id == talk_id)
        self._database.forget_log()
        return turns

    def delete_all(self, owner: Owner, sight: Sight, collection: str | None = None) -> int:
        """Delete all conversations of an owner, or those in one collection, and count them."""
        named = owned(sight) if collection is None else and_(owned(sight), collections.c.name == collection)
        inside = conversations.c.collection_id.in_(select(collections.c.id).where(named))
        with self._database.write() as connection:
            count = delete_conversations(connection, and_(_of(owner), inside))
        self._database.forget_log()
        return count

    def forget_expired(self) -> int:
        """Delete what has expired, and count it."""
        now = time.time()
        with self._database.read() as connection:
            query = select(conversations.c.id).where(conversations.c.expires_at <= now).limit(1)
            if connection.execute(query).first() is None:
                return 0
        with self._database.write() as connection:
            count = delete_conversations(connection, conversations.c.expires_at <= now)
        self._database.forget_log()
        return count


_SHOWN = select(
    conversations,
    collections.c.name,
    select(func.count())
    .where(conversation_turns.c.conversation_id == conversations.c.id)
    .scalar_subquery()
    .label("turns"),
    select(conversation_turns.c.question)
    .where(conversation_turns.c.conversation_id == conversations.c.id)
    .order_by(conversation_turns.c.number)
    .limit(1)
    .scalar_subquery()
    .label("title"),
).join(collections, collections.c.id == conversations.c.collection_id)


def _of(owner: Owner) -> ColumnElement[bool]:
    return and_(conversations.c.key_id == owner.key_id, conversations.c.principals == owner.principals)


def _talk(connection: Connection, talk_id: str, owner: Owner, sight: Sight) -> Talk:
    live = conversations.c.expires_at > time.time()
    wanted = _SHOWN.where(conversations.c.id == talk_id, _of(owner), owned(sight), live)
    row = connection.execute(wanted).one_or_none()
    if row is None:
        raise unknown_talk()
    return _record(row)


def _record(row: Any) -> Talk:
    return Talk(row.id, row.name, row.title or "", row.turns, row.created_at, row.updated_at, row.expires_at)


def _answer(connection: Connection, answer_id: str | None, sight: Sight) -> dict[str, Any] | None:
    if answer_id is None:
        return None
    try:
        return visible_answer(connection, answer_id, sight)
    except NotFound:
        return None


def _make_room(connection: Connection, owner: Owner) -> None:
    """Delete what has expired, and the conversations that rested longest when an owner has as many as they may."""
    delete_conversations(connection, conversations.c.expires_at <= time.time())
    count = connection.execute(select(func.count()).select_from(conversations).where(_of(owner))).scalar_one()
    if count >= MOST_OF_ONE:
        oldest = (
            select(conversations.c.id)
            .where(_of(owner))
            .order_by(conversations.c.updated_at)
            .limit(count - MOST_OF_ONE + 1)
        )
        delete_conversations(connection, conversations.c.id.in_(oldest))

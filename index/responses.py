"""Answers that were given as OpenAI responses: what was asked with them, and which one each went on from."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from index.answers import visible_answer
from index.errors import NotFound
from index.rows import delete_answers
from index.schema import answers, responses

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from index.database import Database
    from index.sight import Sight


@dataclass(frozen=True, slots=True)
class ResponseRecord:
    """A response.

    Attributes:
        key_id: The key that asked for it. No other reads it.
        body: What was asked, and how.
        answer: The stored answer.
    """

    id: str
    key_id: str
    answer_id: str
    previous_id: str | None
    created_at: float
    body: dict[str, Any]
    answer: dict[str, Any]


class Responses:
    """The table of responses. One goes with its answer, and so with any document that the answer shows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(
        self, response_id: str, key_id: str, answer_id: str, previous_id: str | None, body: dict[str, Any]
    ) -> bool:
        """Keep a response; False when its answer is not stored (any more), and then nothing is."""
        with self._database.write() as connection:
            stored = select(answers.c.id).where(answers.c.id == answer_id)
            if connection.execute(stored).one_or_none() is None:
                return False
            connection.execute(
                insert(responses).values(
                    id=response_id,
                    key_id=key_id,
                    answer_id=answer_id,
                    previous_id=previous_id,
                    body=body,
                    created_at=time.time(),
                )
            )
        return True

    def get(self, response_id: str, key_id: str, sight: Sight) -> ResponseRecord:
        """A response.

        Raises:
            NotFound: Unknown, deleted, deleted with a document that its answer shows, or not the caller's to see.
        """
        with self._database.read() as connection:
            return _visible(connection, response_id, key_id, sight)

    def thread(self, response_id: str, most: int, key_id: str, sight: Sight) -> list[ResponseRecord]:
        """A response and those that it went on from, oldest first, as far back as they are still there.

        Raises:
            NotFound: As of ``get``, for the response itself.
        """
        with self._database.read() as connection:
            found = [_visible(connection, response_id, key_id, sight)]
            while len(found) < most and (before := found[-1].previous_id) is not None:
                try:
                    found.append(_visible(connection, before, key_id, sight))
                except NotFound:
                    # Deleted or hidden since: what was said before it cannot be understood without it.
                    break
        return found[::-1]

    def delete(self, response_id: str, key_id: str, sight: Sight) -> None:
        """Delete a response with its answer.

        Raises:
            NotFound: As of ``get``.
        """
        with self._database.write() as connection:
            found = _visible(connection, response_id, key_id, sight)
            delete_answers(connection, select(answers.c.id).where(answers.c.id == found.answer_id))
        self._database.forget_log()


def _visible(connection: Connection, response_id: str, key_id: str, sight: Sight) -> ResponseRecord:
    mine = (responses.c.id == response_id) & (responses.c.key_id == key_id)
    row = connection.execute(select(responses).where(mine)).one_or_none()
    if row is None:
        raise unknown_response()
    try:
        answer = visible_answer(connection, row.answer_id, sight)
    except NotFound as error:
        raise unknown_response() from error
    return ResponseRecord(**row._mapping, answer=answer)


def unknown_response() -> NotFound:
    """The one error for responses that never were, are gone, or belong to somebody else, letter for letter."""
    return NotFound("There is no such response. Responses go with the documents that they cite.")

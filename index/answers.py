"""Answers that were given, and what people thought of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, not_, select

from index.errors import NotFound
from index.schema import answer_documents, answers, collections, documents, feedback
from index.sight import EVERYTHING, allowed_by, owned, readable, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection

    from index.database import Database
    from index.sight import Sight


class Answers:
    """Stored answers. One that shows text of a document goes when the document goes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(
        self,
        answer_id: str,
        collection_id: int,
        body: dict[str, Any],
        document_ids: Iterable[str],
        sight: Sight = EVERYTHING,
    ) -> bool:
        """Store an answer with the documents whose text it shows.

        Returns:
            False when one of these, or the collection, was deleted or taken from the asker's sight while the
            answer was made: then nothing is stored.
        """
        wanted = set(document_ids)
        with self._database.write() as connection:
            present = _shown(connection, collection_id, wanted, sight)
            if present is None:
                return False
            restricted = [allow for allow in present.values() if allow is not None]
            connection.execute(
                insert(answers).values(
                    id=answer_id,
                    collection_id=collection_id,
                    body=body,
                    created_at=time.time(),
                    allow=restricted or None,
                )
            )
            if wanted:
                rows = [{"answer_id": answer_id, "document_id": each} for each in sorted(wanted)]
                connection.execute(insert(answer_documents), rows)
        return True

    def sources_exist(
        self, collection_id: int, document_ids: Iterable[str], sight: Sight = EVERYTHING
    ) -> bool:
        """What ``save`` returns, where nothing can be written."""
        with self._database.read() as connection:
            return _shown(connection, collection_id, set(document_ids), sight) is not None

    def get(self, answer_id: str, sight: Sight = EVERYTHING) -> dict[str, Any]:
        """A stored answer.

        Raises:
            NotFound: Unknown, deleted with a document that it cited, or not the caller's to see.
        """
        with self._database.read() as connection:
            return visible_answer(connection, answer_id, sight)

    def add_feedback(
        self,
        answer_id: str,
        rating: int,
        *,
        correct: bool | None,
        comment: str | None,
        sight: Sight = EVERYTHING,
    ) -> None:
        """Note what somebody thought of an answer.

        Raises:
            NotFound: There is no such answer, or it is not the caller's to see.
        """
        with self._database.write() as connection:
            visible_answer(connection, answer_id, sight)
            connection.execute(
                insert(feedback).values(
                    answer_id=answer_id,
                    rating=rating,
                    correct=correct,
                    comment=comment,
                    created_at=time.time(),
                )
            )

    def ratings(self) -> Iterator[tuple[str, dict[str, Any], int, bool | None]]:
        """All feedback, oldest first.

        Yields:
            Id of the answer, the answer, the rating (-1 or 1), and whether somebody said that it is correct.
        """
        wanted = (
            select(answers.c.id, answers.c.body, feedback.c.rating, feedback.c.correct)
            .join_from(feedback, answers, feedback.c.answer_id == answers.c.id)
            .order_by(feedback.c.id)
        )
        with self._database.read() as connection:
            for answer_id, body, rating, correct in connection.execute(wanted):
                yield answer_id, body, rating, None if correct is None else bool(correct)


def _shown(
    connection: Connection, collection_id: int, wanted: set[str], sight: Sight
) -> dict[str, list[str] | None] | None:
    """Whom each of the documents is allowed to; None when one, or the collection, is gone or out of sight."""
    query = select(documents.c.id, documents.c.metadata).where(documents.c.id.in_(wanted), readable(sight))
    present = {row.id: allowed_by(row.metadata) for row in connection.execute(query)}
    asked = select(collections.c.id).where(collections.c.id == collection_id)
    if present.keys() != wanted or connection.execute(asked).scalar_one_or_none() is None:
        return None
    return present


def visible_answer(connection: Connection, answer_id: str, sight: Sight) -> dict[str, Any]:
    """An answer whose documents the caller may see now, and might have seen when it was made.

    Raises:
        NotFound: There is none.
    """
    query = (
        select(answers.c.body, answers.c.allow)
        .join(collections, collections.c.id == answers.c.collection_id)
        .where(answers.c.id == answer_id, owned(sight))
    )
    hidden = (
        select(documents.c.id)
        .join(answer_documents, answer_documents.c.document_id == documents.c.id)
        .where(answer_documents.c.answer_id == answer_id, not_(visible(sight)))
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    kept = connection.execute(hidden).first() is not None
    if row is None or kept or not all(sight.admits(allow) for allow in row.allow or ()):
        raise unknown_answer(answer_id)
    body: dict[str, Any] = row.body
    return body


def unknown_answer(answer_id: str) -> NotFound:
    """The one error for answers that never were, or are gone."""
    return NotFound(f"There is no answer {answer_id!r}. Answers go with the documents that they cite.")

"""Answers that were given, and what people thought of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from index.errors import NotFound
from index.schema import answer_documents, answers, collections, documents, feedback

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection

    from index.database import Database


class Answers:
    """Stored answers. One that shows text of a document goes when the document goes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(
        self, answer_id: str, collection_id: int, body: dict[str, Any], document_ids: Iterable[str]
    ) -> bool:
        """Store an answer with the documents whose text it shows.

        Returns:
            False when one of these, or the collection, was deleted while the answer was made: then nothing
            is stored.
        """
        wanted = set(document_ids)
        with self._database.write() as connection:
            if not _exist(connection, collection_id, wanted):
                return False
            connection.execute(
                insert(answers).values(
                    id=answer_id, collection_id=collection_id, body=body, created_at=time.time()
                )
            )
            if wanted:
                rows = [{"answer_id": answer_id, "document_id": each} for each in sorted(wanted)]
                connection.execute(insert(answer_documents), rows)
        return True

    def sources_exist(self, collection_id: int, document_ids: Iterable[str]) -> bool:
        """What ``save`` returns, where nothing can be written."""
        with self._database.read() as connection:
            return _exist(connection, collection_id, set(document_ids))

    def get(self, answer_id: str) -> dict[str, Any]:
        """A stored answer.

        Raises:
            NotFound: Unknown, or deleted with a document that it cited.
        """
        with self._database.read() as connection:
            body = connection.execute(select(answers.c.body).where(answers.c.id == answer_id))
            found: dict[str, Any] | None = body.scalar_one_or_none()
        if found is None:
            raise unknown_answer(answer_id)
        return found

    def add_feedback(self, answer_id: str, rating: int, *, correct: bool | None, comment: str | None) -> None:
        """Note what somebody thought of an answer.

        Raises:
            NotFound: There is no such answer.
        """
        with self._database.write() as connection:
            known = connection.execute(
                select(answers.c.id).where(answers.c.id == answer_id)
            ).scalar_one_or_none()
            if known is None:
                raise unknown_answer(answer_id)
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


def _exist(connection: Connection, collection_id: int, wanted: set[str]) -> bool:
    present = connection.execute(select(documents.c.id).where(documents.c.id.in_(wanted))).scalars()
    asked = select(collections.c.id).where(collections.c.id == collection_id)
    return set(present) == wanted and connection.execute(asked).scalar_one_or_none() is not None


def unknown_answer(answer_id: str) -> NotFound:
    """The one error for answers that never were, or are gone."""
    return NotFound(f"There is no answer {answer_id!r}. Answers go with the documents that they cite.")

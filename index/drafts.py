"""What need not be embedded again: parts of a document in work, kept until its job ends, and what is ready already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import and_, delete, insert, select

from index.records import held_passages, restore
from index.schema import drafts, jobs, passages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection

    from index.database import Database
    from index.jobs import Job
    from ingest.types import FloatMatrix, FloatVector


class JobDrafts:
    """The parts of one job. Implements ``ingest.pipeline.Drafts``."""

    def __init__(self, database: Database, job: Job) -> None:
        self._database = database
        self._job = job

    def held(self, contents: Sequence[str]) -> dict[str, tuple[FloatVector, FloatMatrix]]:
        """See ``Drafts``. Only the document's own collection is asked, whose readers may know what it holds."""
        columns = (passages.c.vector, passages.c.sentence_vectors, passages.c.sentences)
        found = held_passages(self._job.document_id, contents, *columns)
        with self._database.read() as connection:
            rows = connection.execute(found).all()
        return {
            row.content: (
                np.frombuffer(row.vector, "<f4").astype(np.float32),
                restore(row.sentence_vectors, len(row.sentences)),
            )
            for row in rows
        }

    def load(self, part: str) -> tuple[FloatMatrix, FloatMatrix] | None:
        """See ``Drafts``."""
        with self._database.read() as connection:
            row = connection.execute(select(drafts).where(self._named(part))).one_or_none()
        if row is None:
            return None
        return _matrix(row.vectors, row.dimensions), _matrix(row.sentence_vectors, row.dimensions)

    def save(self, part: str, vectors: FloatMatrix, sentence_vectors: FloatMatrix) -> None:
        """See ``Drafts``. Nothing is kept for a job that another holds by now, or that has ended."""
        self._save(
            part,
            dimensions=vectors.shape[1],
            vectors=vectors.astype("<f4").tobytes(),
            sentence_vectors=sentence_vectors.astype("<f4").tobytes(),
        )

    def load_text(self, part: str) -> str | None:
        """See ``ingest.vision.Readings``."""
        with self._database.read() as connection:
            return connection.execute(select(drafts.c.text).where(self._named(part))).scalar_one_or_none()

    def save_text(self, part: str, text: str) -> None:
        """See ``ingest.vision.Readings``. As for ``save``."""
        self._save(part, dimensions=0, vectors=b"", sentence_vectors=b"", text=text)

    def _named(self, part: str) -> ColumnElement[bool]:
        return and_(
            drafts.c.document_id == self._job.document_id,
            drafts.c.version == self._job.version,
            drafts.c.part == part,
        )

    def _save(self, part: str, **values: Any) -> None:
        held = and_(jobs.c.id == self._job.id, jobs.c.owner == self._job.owner)
        with self._database.write() as connection:
            if connection.execute(select(jobs.c.id).where(held)).scalar_one_or_none() is None:
                return
            connection.execute(
                insert(drafts).values(
                    document_id=self._job.document_id,
                    version=self._job.version,
                    part=part,
                    **values,
                )
            )


def end_job(connection: Connection, job: Job) -> None:
    """Remove a job with what it kept, in the transaction that ends it."""
    mine = and_(drafts.c.document_id == job.document_id, drafts.c.version == job.version)
    connection.execute(delete(drafts).where(mine))
    connection.execute(delete(jobs).where(jobs.c.id == job.id))


def _matrix(content: bytes, dimensions: int) -> FloatMatrix:
    return np.frombuffer(content, "<f4").reshape(-1, dimensions).astype(np.float32)

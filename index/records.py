"""Rows of the catalog -> records: the statements that select them and the types that they become."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import and_, bindparam, func, select

from index.schema import collections, documents, passages, versions
from index.sight import readable
from index.types import DocumentRecord, IdRange, NewPassages, Status, StoredPassage
from ingest.hidden import hidden_characters, shown
from ingest.types import Disclosure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from sqlalchemy import Connection, Row

    from index.sight import Sight
    from ingest.sentences import Span
    from ingest.types import FloatMatrix

# Steps of a signed byte between nothing and one.
_QUANTA = 127.0

RECORD = (
    select(
        documents,
        collections.c.name.label("collection"),
        versions.c.sha256,
        versions.c.bytes,
        versions.c.status,
        versions.c.title,
        versions.c.given_title,
        versions.c.media_type,
        versions.c.pages,
        versions.c.passages,
        versions.c.error_code,
        versions.c.error_message,
        versions.c.disclosures,
    )
    .join(collections, collections.c.id == documents.c.collection_id)
    .join(versions, and_(versions.c.document_id == documents.c.id, versions.c.version == documents.c.version))
)

PASSAGE = (
    select(
        passages.c.id,
        passages.c.document_id,
        passages.c.version,
        passages.c.ordinal,
        passages.c.section,
        passages.c.start,
        passages.c.end,
        passages.c.text,
        passages.c.headings,
        passages.c.first_page,
        passages.c.last_page,
        passages.c.sentences,
        passages.c.hidden,
        passages.c.transcribed,
        versions.c.title,
        documents.c.filename,
    )
    .join(documents, documents.c.id == passages.c.document_id)
    .join(
        versions,
        and_(versions.c.document_id == passages.c.document_id, versions.c.version == passages.c.version),
    )
)
# Those of some ids, a list in JSON; whether the caller may see each is for the reader to say.
PASSAGE_TO_WEIGH = PASSAGE.add_columns(
    passages.c.sentence_vectors, passages.c.sentence_terms, documents.c.metadata
).where(passages.c.id.in_(select(func.json_each(bindparam("ids")).table_valued("value").c.value)))


def held_passages(document_id: str, contents: Sequence[str], *columns: Any) -> Any:
    """Selects columns of passages with these contents in a document's collection, one for each content.

    What every document repeats would otherwise be read once for each of them.
    """
    mine = select(documents.c.collection_id).where(documents.c.id == document_id).scalar_subquery()
    asked = func.json_each(json.dumps(list(contents))).table_valued("value").alias("asked")
    first = (
        select(passages.c.id)
        .where(passages.c.content == asked.c.value, passages.c.collection_id == mine)
        .limit(1)
        .correlate(asked)
        .scalar_subquery()
    )
    return select(passages.c.content, *columns).where(passages.c.id.in_(select(first).select_from(asked)))


def collections_with_counts(sight: Sight) -> Any:
    """Selects collections with how many documents and live passages a caller sees in them."""
    # Counted for each collection that is wanted: grouped, those of all would be counted for one.
    live = select(func.count()).select_from(passages).where(passages.c.collection_id == collections.c.id)
    if sight.principals is not None:
        live = live.join(documents, documents.c.id == passages.c.document_id).where(readable(sight))
    held = select(func.count()).select_from(documents).where(documents.c.collection_id == collections.c.id)
    return select(
        collections,
        held.where(readable(sight)).correlate(collections).scalar_subquery().label("documents"),
        live.correlate(collections).scalar_subquery().label("passages"),
    )


def to_record(row: Row[Any]) -> DocumentRecord:
    """From a row of ``RECORD``."""
    status = Status(row.status)
    return DocumentRecord(
        id=row.id,
        collection=row.collection,
        title=row.title or row.given_title or row.filename,
        filename=row.filename,
        media_type=row.media_type,
        sha256=row.sha256,
        bytes=row.bytes,
        status=status,
        version=row.version,
        live_version=row.live_version,
        pages=row.pages,
        passages=row.passages,
        error=None if row.error_code is None else (row.error_code, row.error_message),
        disclosures=tuple(Disclosure(*each) for each in row.disclosures or ()),
        progress=1.0 if status is Status.READY else 0.0,
        metadata=row.metadata,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def to_passage(row: Any) -> StoredPassage:
    """From a row of ``PASSAGE``, whose further columns are left out."""
    # By position: a search reads some hundred rows, and each name would be looked up in each of them.
    number, document_id, version, ordinal, section, start, end, text, headings, *others = row
    first_page, last_page, sentences, hidden, transcribed, title, filename, *_ = others
    ends = [start + each for each in sentences]
    return StoredPassage(
        id=number,
        document_id=document_id,
        version=version,
        title=title,
        filename=filename,
        ordinal=ordinal,
        section=section,
        start=start,
        end=end,
        text=text,
        headings=tuple(headings),
        pages=None if first_page is None else (first_page, last_page),
        sentences=tuple(zip([start, *ends[:-1]], ends, strict=True)),
        hidden=tuple((start + first, start + last) for first, last in _unseen(text, hidden)),
        transcribed=tuple((start + first, start + last) for first, last in transcribed or ()),
    )


def _unseen(text: str, stored: list[Span] | None) -> list[Span]:
    """What no reader sees of a passage. Older folders have not noted it; of them the characters are found anew."""
    return [span for _, span in hidden_characters(text)] if stored is None else stored


def added_passages(connection: Connection, first: int | None, last: int | None) -> NewPassages | None:
    """Those of the passages with these ids that are still live, as views need them; None when none is."""
    if first is None or last is None:
        return None
    query = (
        select(
            passages.c.document_id,
            passages.c.text,
            passages.c.headings,
            passages.c.context,
            passages.c.hidden,
            passages.c.vector,
            versions.c.title,
            versions.c.filename,
        )
        .join(
            versions,
            and_(versions.c.document_id == passages.c.document_id, versions.c.version == passages.c.version),
        )
        .where(passages.c.id.between(first, last))
        .order_by(passages.c.id)
    )
    rows = connection.execute(query).all()
    if not rows:
        return None
    return NewPassages(
        ids=IdRange(first, last),
        document_id=rows[0].document_id,
        titles=tuple(_context(row) for row in rows),
        texts=tuple(shown(row.text, _unseen(row.text, row.hidden)) for row in rows),
        vectors=np.frombuffer(b"".join(row.vector for row in rows), "<f4").reshape(len(rows), -1),
    )


def _context(row: Any) -> str:
    """What is indexed beside a passage: its context and the file's name, in which people put what a file is about."""
    context = row.context if row.context is not None else " / ".join((row.title, *row.headings))
    return f"{context}\n{PurePath(row.filename).stem}"


def quantise(vectors: FloatMatrix) -> NDArray[np.int8]:
    """Unit rows as signed bytes, in a quarter of the room.

    Cosines move by 0.0023 (127 steps, each number off by up to half of one), and seldom by more than 0.01.
    """
    codes: NDArray[np.int8] = np.rint(np.clip(vectors, -1.0, 1.0) * _QUANTA).astype(np.int8)
    return codes


def restore(codes: bytes, rows: int) -> FloatMatrix:
    """What ``quantise`` made, as float32 of shape (rows, dimensions)."""
    return np.frombuffer(codes, np.int8).reshape(rows, -1).astype(np.float32) / _QUANTA

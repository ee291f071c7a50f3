"""Questions to the catalog. Everything here reads one consistent snapshot and changes nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import and_, bindparam, exists, func, select, union

from index.errors import NotFound
from index.extents import Extents
from index.filters import condition
from index.prepared import Prepared
from index.records import (
    PASSAGE,
    PASSAGE_TO_WEIGH,
    RECORD,
    added_passages,
    collections_with_counts,
    held_passages,
    restore,
    to_passage,
    to_record,
)
from index.schema import (
    RESTRICTED,
    changes,
    collections,
    documents,
    files,
    passages,
    texts,
    unsettled_originals,
    versions,
)
from index.sentence_terms import from_bytes
from index.sight import EVERYTHING, allowed_by, owned, readable, visible
from index.types import (
    Allowed,
    Change,
    CollectionRecord,
    CollectionState,
    DocumentRecord,
    IdRange,
    Moved,
    Status,
    StoredPassage,
    StoredText,
)
from ingest.types import Block, BlockKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from index.database import Database
    from index.filters import Filter
    from index.sentence_terms import SentenceTerms
    from index.sight import Sight
    from ingest.types import FloatMatrix

# What every search asks.
_ID = Prepared(select(collections.c.id).where(collections.c.name == bindparam("name")))
_STATE = Prepared(
    select(collections.c.seq, collections.c.embedder, collections.c.dimensions).where(
        collections.c.id == bindparam("id")
    )
)
_TO_WEIGH = Prepared(PASSAGE_TO_WEIGH)
# SQLite takes 32,766 bound values in one statement; views ask for far fewer at a time.
_IDS_AT_ONCE = 10_000


class CatalogReader:
    """Read access to a catalog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collection_id(self, name: str, sight: Sight = EVERYTHING) -> int:
        """Id of a collection, nothing of it counted.

        Raises:
            NotFound: As of ``collection``.
        """
        found = self._database.rows(_ID, {"name": name}) if sight.covers(name) else []
        if not found:
            raise unknown_collection()
        return int(found[0][0])

    def collection(self, name: str, sight: Sight = EVERYTHING) -> CollectionRecord:
        """One collection by name, its counts those of what the caller sees.

        Raises:
            NotFound: There is none of that name, or it is somebody else's.
        """
        query = collections_with_counts(sight).where(collections.c.name == name, owned(sight))
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise unknown_collection()
        return CollectionRecord(**row._mapping)

    def state(self, collection_id: int) -> CollectionState:
        """How far a collection has come, and what its vectors are; nothing of it counted.

        Raises:
            NotFound: It was deleted.
        """
        found = self._database.rows(_STATE, {"id": collection_id})
        if not found:
            raise unknown_collection()
        return CollectionState(*found[0])

    def collections(self, sight: Sight = EVERYTHING) -> list[CollectionRecord]:
        """The caller's collections by name."""
        query = collections_with_counts(sight).where(owned(sight)).order_by(collections.c.name)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [CollectionRecord(**row._mapping) for row in rows]

    def document(self, document_id: str, sight: Sight = EVERYTHING) -> DocumentRecord:
        """One document by id.

        Raises:
            NotFound: Unknown, deleted, or not the caller's to see.
        """
        wanted = RECORD.where(documents.c.id == document_id, visible(sight))
        with self._database.read() as connection:
            row = connection.execute(wanted).one_or_none()
        if row is None:
            raise unknown_document()
        return to_record(row)

    def documents(
        self,
        collection: str | None,
        status: Status | None,
        after: str | None,
        limit: int,
        sight: Sight = EVERYTHING,
    ) -> list[DocumentRecord]:
        """Documents in the order of their ids, which is the order of their arrival.

        Args:
            collection: Only those of this collection.
            status: Only those whose newest version has this status.
            after: Only those with a greater id.
            limit: At most so many.
            sight: Who asks.
        """
        query = RECORD.where(visible(sight)).order_by(documents.c.id).limit(limit)
        if collection is not None:
            query = query.where(collections.c.name == collection)
        if status is not None:
            query = query.where(versions.c.status == status)
        if after is not None:
            query = query.where(documents.c.id > after)
        with self._database.read() as connection:
            return [to_record(row) for row in connection.execute(query)]

    def text(self, document_id: str, version: int | None = None, sight: Sight = EVERYTHING) -> StoredText:
        """Canonical text and structure of one version, by default the live one.

        Raises:
            NotFound: Unknown, deleted, never became text, or not the caller's to see.
        """
        wanted = documents.c.live_version if version is None else version
        query = (
            select(
                texts.c.version,
                versions.c.title,
                documents.c.filename,
                versions.c.media_type,
                versions.c.sha256,
                texts.c.text,
                texts.c.blocks,
                documents.c.live_version,
                versions.c.given_metadata,
            )
            .join(documents, documents.c.id == texts.c.document_id)
            .join(
                versions,
                and_(versions.c.document_id == texts.c.document_id, versions.c.version == texts.c.version),
            )
            .where(texts.c.document_id == document_id, texts.c.version == wanted, visible(sight))
        )
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None or not _version_admits(row, sight):
            raise unknown_document()
        found = {k: v for k, v in row._mapping.items() if k not in ("live_version", "given_metadata")}
        blocks = tuple(
            Block(BlockKind(kind), start, end, number, tuple(box[0]) if box else None)
            for kind, start, end, number, *box in found.pop("blocks")
        )
        return StoredText(document_id=document_id, blocks=blocks, **found)

    def sha256(self, document_id: str, version: int | None = None, sight: Sight = EVERYTHING) -> str:
        """Hash of the original of one version, by default the live one, or the newest where none is live.

        Raises:
            NotFound: Unknown, deleted, or not the caller's to see.
        """
        live = func.coalesce(documents.c.live_version, documents.c.version)
        wanted = live if version is None else version
        query = (
            select(versions.c.sha256, versions.c.version, versions.c.given_metadata, documents.c.live_version)
            .join(documents, documents.c.id == versions.c.document_id)
            .where(documents.c.id == document_id, versions.c.version == wanted, visible(sight))
        )
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None or not _version_admits(row, sight):
            raise unknown_document()
        return str(row.sha256)

    def passages(self, ids: Sequence[int], sight: Sight = EVERYTHING) -> dict[int, StoredPassage]:
        """Those of the passages that are live, and of documents that the caller may see."""
        with self._database.read() as connection:
            rows = connection.execute(PASSAGE.where(passages.c.id.in_(list(ids)), readable(sight))).all()
        return {row.id: to_passage(row) for row in rows}

    def passages_to_weigh(
        self, ids: Sequence[int], sight: Sight = EVERYTHING
    ) -> tuple[dict[int, StoredPassage], dict[int, FloatMatrix], dict[int, SentenceTerms]]:
        """As ``passages`` and ``sentence_vectors``, and the sentences' terms, in one reading."""
        live: dict[int, StoredPassage] = {}
        inside: dict[int, FloatMatrix] = {}
        words: dict[int, SentenceTerms] = {}
        for *row, vectors, codes, metadata in self._database.rows(_TO_WEIGH, {"ids": json.dumps(list(ids))}):
            if not sight.admits(allowed_by(metadata)):
                continue
            passage = to_passage(row)
            live[passage.id] = passage
            count = len(passage.sentences)
            if vectors is not None:
                inside[passage.id] = restore(vectors, count)
            if codes is not None and (terms := from_bytes(codes, count)) is not None:
                words[passage.id] = terms
        return live, inside, words

    def passages_at(
        self, spans: Sequence[tuple[str, int, int, int]], sight: Sight = EVERYTHING
    ) -> list[StoredPassage]:
        """Live passages that hold some of the spans (document, version, start, end), in the order of these."""
        found: dict[int, StoredPassage] = {}
        with self._database.read() as connection:
            for document_id, version, start, end in spans:
                place = and_(passages.c.document_id == document_id, passages.c.version == version)
                touching = and_(passages.c.start < end, passages.c.end > start)
                rows = connection.execute(
                    PASSAGE.where(place, touching, readable(sight)).order_by(passages.c.ordinal)
                )
                found |= {row.id: to_passage(row) for row in rows}
        return list(found.values())

    def passages_between(
        self, document_id: str, first: int, last: int, sight: Sight = EVERYTHING
    ) -> list[StoredPassage]:
        """Live passages of a document by ordinal, both ends included; none of one that the caller may not see."""
        query = PASSAGE.where(
            passages.c.document_id == document_id, passages.c.ordinal.between(first, last), visible(sight)
        )
        with self._database.read() as connection:
            return [to_passage(row) for row in connection.execute(query.order_by(passages.c.ordinal))]

    def extents(self, collection_id: int) -> Extents:
        """The ids of each live document's passages, and the change up to which that holds, in one snapshot."""
        mine = and_(documents.c.id == versions.c.document_id, documents.c.live_version == versions.c.version)
        query = (
            select(versions.c.first_passage, versions.c.passages)
            .join(documents, mine)
            .where(documents.c.collection_id == collection_id, versions.c.passages > 0)
        )
        with self._database.read() as connection:
            seq = connection.execute(select(collections.c.seq).where(collections.c.id == collection_id))
            watermark = seq.scalar_one_or_none() or 0
            rows = connection.execute(query).all()
        return Extents.of(watermark, (IdRange(first, first + size - 1) for first, size in rows))

    def moves_since(self, collection_id: int, seq: int) -> list[Moved]:
        """The ids alone of what happened to a collection after ``seq``, oldest first."""
        query = (
            select(changes)
            .where(changes.c.collection_id == collection_id, changes.c.seq > seq)
            .order_by(changes.c.seq)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [
            Moved(
                row.seq,
                None if row.removed_first is None else IdRange(row.removed_first, row.removed_last),
                None if row.added_first is None else IdRange(row.added_first, row.added_last),
            )
            for row in rows
        ]

    def sentence_vectors(self, ids: Sequence[int]) -> dict[int, FloatMatrix]:
        """Vectors of the sentences of live passages, in order; none for passages from before they were kept."""
        query = select(passages.c.id, passages.c.sentences, passages.c.sentence_vectors).where(
            passages.c.id.in_(list(ids)), passages.c.sentence_vectors.is_not(None)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return {row.id: restore(row.sentence_vectors, len(row.sentences)) for row in rows}

    def held_terms(self, document_id: str, contents: Sequence[str]) -> dict[str, bytes]:
        """What is stored of the sentences' terms of passages with these contents, in a document's collection."""
        query = held_passages(document_id, contents, passages.c.sentence_terms)
        with self._database.read() as connection:
            rows = connection.execute(query.where(passages.c.sentence_terms.is_not(None))).all()
        return {row.content: row.sentence_terms for row in rows}

    def live_ids(self, collection_id: int) -> tuple[int, set[int]]:
        """The collection's sequence number and the ids of its live passages, in one snapshot.

        Raises:
            NotFound: There is no such collection any more.
        """
        with self._database.read() as connection:
            seq = connection.execute(
                select(collections.c.seq).where(collections.c.id == collection_id)
            ).scalar_one_or_none()
            if seq is None:
                raise NotFound("The collection has been deleted.")
            ids = connection.execute(select(passages.c.id).where(passages.c.collection_id == collection_id))
            return seq, set(ids.scalars())

    def restricts(self, collection_id: int, sight: Sight) -> bool:
        """Whether a collection may hold documents that the caller must not see."""
        if sight.principals is None:
            return False
        query = select(documents.c.id).where(documents.c.collection_id == collection_id, RESTRICTED).limit(1)
        with self._database.read() as connection:
            return connection.execute(query).first() is not None

    def allowed(self, collection_id: int, wanted: Filter, sight: Sight = EVERYTHING) -> Allowed:
        """Live documents that a filter admits and that the caller may see.

        Raises:
            InvalidFilter: The filter is not of the documented form.
        """
        query = (
            select(documents.c.id, versions.c.first_passage, versions.c.passages)
            .join(
                versions,
                and_(
                    versions.c.document_id == documents.c.id, versions.c.version == documents.c.live_version
                ),
            )
            .where(
                documents.c.collection_id == collection_id,
                versions.c.passages > 0,
                condition(wanted),
                readable(sight),
            )
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        ranges = tuple(IdRange(row.first_passage, row.first_passage + row.passages - 1) for row in rows)
        return Allowed(tuple(row.id for row in rows), ranges)

    def changes_since(self, collection_id: int, seq: int, limit: int | None = None) -> Iterator[Change]:
        """What happened to a collection after ``seq``, oldest first, at most ``limit`` changes.

        What was added and has gone again since is left out of the additions, never of the removals.
        """
        # A version's passages come and go together, so the first one tells of all. Most changes of a long history
        # added what has gone, and cost no look of their own.
        there = exists().where(passages.c.id == changes.c.added_first)
        query = (
            select(changes, there.label("there"))
            .where(changes.c.collection_id == collection_id, changes.c.seq > seq)
            .order_by(changes.c.seq)
            .limit(limit)
        )
        with self._database.read() as connection:
            for row in connection.execute(query).all():
                removed = None if row.removed_first is None else IdRange(row.removed_first, row.removed_last)
                added = added_passages(connection, row.added_first, row.added_last) if row.there else None
                yield Change(row.seq, removed, added)

    def vectors(self, ids: Sequence[int]) -> dict[int, np.ndarray[Any, np.dtype[np.float32]]]:
        """Stored vectors of live passages."""
        found = {}
        with self._database.read() as connection:
            for at in range(0, len(ids), _IDS_AT_ONCE):
                part = list(ids[at : at + _IDS_AT_ONCE])
                query = select(passages.c.id, passages.c.vector).where(passages.c.id.in_(part))
                found.update({row.id: np.frombuffer(row.vector, "<f4") for row in connection.execute(query)})
        return found

    def sampled_vectors(self, collection_id: int, count: int) -> FloatMatrix:
        """Vectors of passages chosen at random, the same ones of the same passages: at most so many rows.

        Raises:
            NotFound: There are no passages.
        """
        query = select(passages.c.id).where(passages.c.collection_id == collection_id).order_by(passages.c.id)
        with self._database.read() as connection:
            ids = np.fromiter(connection.execute(query).scalars(), np.int64)
        if len(ids) > count:
            ids = np.sort(np.random.default_rng(1).choice(ids, count, replace=False))
        parts = [
            np.stack(list(found.values()))
            for at in range(0, len(ids), _IDS_AT_ONCE)
            if (found := self.vectors(ids[at : at + _IDS_AT_ONCE].tolist()))
        ]
        if not parts:
            raise NotFound("The collection holds no passages.")
        return np.concatenate(parts)

    def unsettled_originals(self) -> set[str]:
        """Hashes of originals that were being stored or removed when the process ended."""
        with self._database.read() as connection:
            return set(connection.execute(select(unsettled_originals.c.sha256)).scalars())

    def is_in_use(self, sha256: str) -> bool:
        """Whether an original is that of a version, and is being neither stored nor removed."""
        held = exists().where(versions.c.sha256 == sha256)
        moving = exists().where(unsettled_originals.c.sha256 == sha256)
        with self._database.read() as connection:
            return bool(connection.execute(select(and_(held, ~moving))).scalar_one())

    def blobs_in_use(self) -> set[str]:
        """Hashes of all originals that some version or file refers to."""
        query = union(select(versions.c.sha256), select(files.c.sha256))
        with self._database.read() as connection:
            return set(connection.execute(query).scalars())


def unknown_collection() -> NotFound:
    """The one error for collections that never were, are gone, or belong to somebody else, letter for letter."""
    return NotFound(
        "There is no such collection. It is made with the first document put into it; where no name is given it is "
        "'default'."
    )


def _version_admits(row: Any, sight: Sight) -> bool:
    """Whether a version that is not the live one may be seen too: under what it was uploaded with."""
    return row.version == row.live_version or sight.admits(allowed_by(row.given_metadata))


def unknown_document() -> NotFound:
    """The one error for documents that never were, are gone, or belong to somebody else, letter for letter."""
    return NotFound("There is no such document. It may have been deleted.")

"""Collections as OpenAI clients have them: vector stores with files, and batches of files."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from index.answer_cache import forget_collection
from index.errors import Conflict, NotFound
from index.files import DOCUMENT, paged, unknown_file, unlink
from index.reading import unknown_collection
from index.rows import take_numbers
from index.schema import (
    collections,
    documents,
    file_batch_files,
    file_batches,
    file_documents,
    jobs,
    vector_stores,
    versions,
)
from index.sight import EVERYTHING, merged, owned, readable, visible
from index.types import Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Row

    from index.database import Database
    from index.sight import Sight

BATCH = "vsfb_"
# What OpenAI calls the states of a file, by ours.
_IN_WORK = (Status.QUEUED, Status.PARSING, Status.EMBEDDING)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many files are in which state."""

    in_progress: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.in_progress + self.completed + self.failed + self.cancelled


@dataclass(frozen=True, slots=True)
class StoreRecord:
    """A collection as a vector store: what the caller sees of it."""

    id: str
    name: str
    metadata: dict[str, Any]
    created_at: float
    bytes: int
    counts: Counts
    last_active_at: float


@dataclass(frozen=True, slots=True)
class StoreFile:
    """A file in a collection. ``document_id`` is the document that it has become."""

    id: str
    document_id: str
    filename: str
    collection: str
    created_at: float
    bytes: int
    status: Status
    error: tuple[str, str] | None
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """Files that were put into a collection together."""

    id: str
    collection: str
    created_at: float
    is_cancelled: bool
    counts: Counts


_FILE_ID = func.coalesce(file_documents.c.file_id, documents.c.id)
_FILES = (
    select(
        _FILE_ID.label("id"),
        documents.c.id.label("document_id"),
        documents.c.filename,
        collections.c.name.label("collection"),
        documents.c.created_at,
        versions.c.bytes,
        versions.c.status,
        versions.c.error_code,
        versions.c.error_message,
        documents.c.metadata.label("attributes"),
    )
    .join(collections, collections.c.id == documents.c.collection_id)
    .join(versions, and_(versions.c.document_id == documents.c.id, versions.c.version == documents.c.version))
    .outerjoin(file_documents, file_documents.c.document_id == documents.c.id)
)


class VectorStores:
    """Reads and writes what the catalog holds of vector stores beside the documents."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, collection: str, name: str, metadata: dict[str, Any]) -> None:
        """Make an empty collection with a name to be shown.

        Raises:
            Conflict: There is one of that id.
        """
        with self._database.write() as connection:
            known = select(collections.c.id).where(collections.c.name == collection)
            if connection.execute(known).one_or_none() is not None:
                raise Conflict(
                    f"There is a vector store {collection!r} already. Use it by this id, or give another name."
                )
            number = take_numbers(connection, "collection", 1)
            row = {"id": number, "name": collection, "seq": 0, "created_at": time.time()}
            connection.execute(insert(collections).values(row))
            connection.execute(
                insert(vector_stores).values(collection_id=number, name=name, metadata=metadata)
            )

    def get(self, collection: str, sight: Sight = EVERYTHING) -> StoreRecord:
        """One collection.

        Raises:
            NotFound: There is none of that name, or it is somebody else's.
        """
        with self._database.read() as connection:
            row = connection.execute(_stores(sight).where(collections.c.name == collection)).one_or_none()
        if row is None:
            raise unknown_collection()
        return _to_store(row)

    def all(
        self,
        sight: Sight,
        *,
        after: str | None = None,
        before: str | None = None,
        limit: int,
        newest_first: bool = True,
    ) -> list[StoreRecord]:
        """The caller's collections in the order of their making.

        Raises:
            NotFound: ``after`` or ``before`` is none of them.
        """
        query = (
            _stores(sight)
            .order_by(collections.c.id.desc() if newest_first else collections.c.id)
            .limit(limit)
        )
        with self._database.read() as connection:
            for name, behind in ((after, newest_first), (before, not newest_first)):
                if name is not None:
                    at = _collection(connection, name, sight).id
                    query = query.where(collections.c.id < at if behind else collections.c.id > at)
            return [_to_store(row) for row in connection.execute(query)]

    def modify(
        self, collection: str, sight: Sight, *, name: str | None, metadata: dict[str, Any] | None
    ) -> StoreRecord:
        """Change the name that is shown, or the metadata; None leaves them.

        Raises:
            NotFound: There is no such collection, or it is somebody else's.
        """
        with self._database.write() as connection:
            found = _collection(connection, collection, sight)
            row = upsert(vector_stores).values(
                collection_id=found.id, name=name or found.name, metadata=metadata or {}
            )
            given = {
                key: value for key, value in (("name", name), ("metadata", metadata)) if value is not None
            }
            connection.execute(
                row.on_conflict_do_update(index_elements=["collection_id"], set_=given)
                if given
                else row.on_conflict_do_nothing()
            )
        return self.get(collection, sight)

    def file(self, collection: str, file_id: str, sight: Sight = EVERYTHING) -> StoreFile:
        """One file in a collection.

        Raises:
            NotFound: It is not there, or the caller may not see it.
        """
        with self._database.read() as connection:
            _collection(connection, collection, sight)
            return _file(connection, collection, file_id, sight)

    def files(
        self,
        collection: str,
        sight: Sight,
        *,
        batch_id: str | None = None,
        status: str | None = None,
        after: str | None = None,
        before: str | None = None,
        limit: int,
        newest_first: bool = True,
    ) -> list[StoreFile]:
        """Files in a collection, in the order of their arrival.

        Raises:
            NotFound: There is no such collection or batch, or it is somebody else's.
        """
        query = _FILES.where(visible(sight), collections.c.name == collection)
        if batch_id is not None:
            members = select(file_batch_files.c.file_id).where(file_batch_files.c.batch_id == batch_id)
            query = query.where(_FILE_ID.in_(members))
        if status is not None:
            query = query.where(versions.c.status.in_(_statuses(status)))
        query = paged(query, _FILE_ID, after, before, newest_first=newest_first).limit(limit)
        with self._database.read() as connection:
            if batch_id is not None:
                _batch(connection, collection, batch_id, sight)
            _collection(connection, collection, sight)
            return [_to_file(row) for row in connection.execute(query)]

    def file_ids(self, document_ids: Iterable[str]) -> dict[str, str]:
        """What each of the documents is called as a file."""
        query = (
            select(file_documents.c.document_id, func.min(file_documents.c.file_id).label("file_id"))
            .where(file_documents.c.document_id.in_(list(document_ids)))
            .group_by(file_documents.c.document_id)
        )
        with self._database.read() as connection:
            return {row.document_id: row.file_id for row in connection.execute(query)}

    def set_attributes(self, collection: str, file_id: str, attributes: dict[str, Any], sight: Sight) -> None:
        """Give a file's document other metadata, at once and also for a version that is still in work.

        Raises:
            NotFound: It is not there, or the caller may not see it.
        """
        with self._database.write() as connection:
            place = _collection(connection, collection, sight)
            found = _file(connection, collection, file_id, sight)
            # Who may see it, and which filters find it, may be others now.
            forget_collection(connection, place.id)
            now = merged(found.attributes, attributes)
            mine = documents.c.id == found.document_id
            connection.execute(update(documents).where(mine).values(metadata=now))
            newest = select(documents.c.version).where(mine).scalar_subquery()
            connection.execute(
                update(versions)
                .where(versions.c.document_id == found.document_id, versions.c.version == newest)
                .values(given_metadata=now or None)
            )

    def detach(self, collection: str, file_id: str, sight: Sight) -> set[str]:
        """Take a file out of a collection; the file itself stays, unless it is only a document.

        Returns:
            Hashes of originals that nothing refers to any more.

        Raises:
            NotFound: It is not there, or the caller may not see it.
        """
        with self._database.write() as connection:
            _collection(connection, collection, sight)
            found = _file(connection, collection, file_id, sight)
            return unlink(connection, file_id, found.document_id, sight)

    def create_batch(self, collection: str, file_ids: Iterable[str]) -> str:
        """Note that files were put into a collection together; the batch's id."""
        with self._database.write() as connection:
            found = _collection(connection, collection, EVERYTHING)
            batch_id = f"{BATCH}{take_numbers(connection, 'batch', 1):08x}{uuid.uuid4().hex[:16]}"
            row = {"id": batch_id, "collection_id": found.id, "is_cancelled": 0, "created_at": time.time()}
            connection.execute(insert(file_batches).values(row))
            rows = [
                {"batch_id": batch_id, "file_id": each, "is_cancelled": 0} for each in dict.fromkeys(file_ids)
            ]
            connection.execute(insert(file_batch_files), rows)
        return batch_id

    def batch(self, collection: str, batch_id: str, sight: Sight = EVERYTHING) -> BatchRecord:
        """One batch, its counts those of what the caller sees.

        Raises:
            NotFound: Unknown, of another collection, or none of its files is the caller's to see.
        """
        with self._database.read() as connection:
            return _batch(connection, collection, batch_id, sight)

    def cancel_batch(self, collection: str, batch_id: str, sight: Sight) -> set[str]:
        """Take those of a batch's files out of the collection again that are not ready yet.

        Returns:
            Hashes of originals that nothing refers to any more.

        Raises:
            NotFound: As of ``batch``.
        """
        orphans = set[str]()
        with self._database.write() as connection:
            _batch(connection, collection, batch_id, sight)
            query = (
                _FILES.join(file_batch_files, file_batch_files.c.file_id == _FILE_ID)
                .join(jobs, and_(jobs.c.document_id == documents.c.id, jobs.c.version == documents.c.version))
                .where(
                    file_batch_files.c.batch_id == batch_id, collections.c.name == collection, visible(sight)
                )
            )
            for row in connection.execute(query).all():
                orphans |= unlink(connection, row.id, row.document_id, sight)
                member = and_(file_batch_files.c.batch_id == batch_id, file_batch_files.c.file_id == row.id)
                connection.execute(update(file_batch_files).where(member).values(is_cancelled=1))
            connection.execute(
                update(file_batches).where(file_batches.c.id == batch_id).values(is_cancelled=1)
            )
        return orphans


def _collection(connection: Connection, name: str, sight: Sight) -> Row[Any]:
    query = select(collections).where(collections.c.name == name, owned(sight))
    row = connection.execute(query).one_or_none()
    if row is None:
        raise unknown_collection()
    return row


def _stores(sight: Sight) -> Any:
    """Selects the caller's collections with the counts of what they see in them."""
    counts = (
        select(
            documents.c.collection_id,
            func.sum(versions.c.bytes).label("bytes"),
            func.max(documents.c.updated_at).label("active"),
            *_counted(),
        )
        .join(
            versions,
            and_(versions.c.document_id == documents.c.id, versions.c.version == documents.c.version),
        )
        .where(readable(sight))
        .group_by(documents.c.collection_id)
        .subquery()
    )
    return (
        select(
            collections.c.name.label("id"),
            func.coalesce(vector_stores.c.name, collections.c.name).label("name"),
            vector_stores.c.metadata,
            collections.c.created_at,
            counts,
        )
        .outerjoin(vector_stores, vector_stores.c.collection_id == collections.c.id)
        .outerjoin(counts, counts.c.collection_id == collections.c.id)
        .where(owned(sight))
    )


def _counted() -> list[Any]:
    states = {
        "in_progress": versions.c.status.in_(_IN_WORK),
        "completed": versions.c.status == Status.READY,
        "failed": versions.c.status == Status.FAILED,
    }
    return [func.sum(case((held, 1), else_=0)).label(name) for name, held in states.items()]


def _statuses(status: str) -> tuple[Status, ...]:
    return {"in_progress": _IN_WORK, "completed": (Status.READY,), "failed": (Status.FAILED,)}.get(status, ())


def _to_store(row: Row[Any]) -> StoreRecord:
    return StoreRecord(
        id=row.id,
        name=row.name,
        metadata=row.metadata or {},
        created_at=row.created_at,
        bytes=row.bytes or 0,
        counts=Counts(row.in_progress or 0, row.completed or 0, row.failed or 0),
        last_active_at=row.active or row.created_at,
    )


def _to_file(row: Any) -> StoreFile:
    found = dict(row._mapping)
    code, message = found.pop("error_code"), found.pop("error_message")
    return StoreFile(
        **found | {"status": Status(row.status)}, error=None if code is None else (code, message)
    )


def _file(connection: Connection, collection: str, file_id: str, sight: Sight) -> StoreFile:
    query = _FILES.where(visible(sight), collections.c.name == collection)
    called = documents.c.id if file_id.startswith(DOCUMENT) else _FILE_ID
    query = query.where(called.in_([file_id]))
    row = connection.execute(query.limit(1)).one_or_none()
    if row is None:
        raise unknown_file()
    return _to_file(row)


def _batch(connection: Connection, collection: str, batch_id: str, sight: Sight) -> BatchRecord:
    query = (
        select(file_batches)
        .join(collections, collections.c.id == file_batches.c.collection_id)
        .where(file_batches.c.id == batch_id, collections.c.name == collection, owned(sight))
    )
    row = connection.execute(query).one_or_none()
    members = _FILES.join(file_batch_files, file_batch_files.c.file_id == _FILE_ID)
    members = members.where(file_batch_files.c.batch_id == batch_id, collections.c.name == collection)
    every = len(connection.execute(members).all())
    seen = [Status(each.status) for each in connection.execute(members.where(readable(sight)))]
    if row is None or (every and not seen):
        raise NotFound("There is no such batch.")
    cancelled = select(func.count()).select_from(file_batch_files)
    cancelled = cancelled.where(file_batch_files.c.batch_id == batch_id, file_batch_files.c.is_cancelled == 1)
    return BatchRecord(
        id=batch_id,
        collection=collection,
        created_at=row.created_at,
        is_cancelled=bool(row.is_cancelled),
        counts=Counts(
            in_progress=sum(not each.final for each in seen),
            completed=seen.count(Status.READY),
            failed=seen.count(Status.FAILED),
            cancelled=connection.execute(cancelled).scalar_one(),
        ),
    )

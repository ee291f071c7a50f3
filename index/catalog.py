"""The catalog: each change to a collection is one transaction and gets the collection's next number.

Passages, their vectors, the text and the change itself become visible together or not at all. Views follow.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, insert, select, update

from index.answer_cache import forget_collection, forget_document
from index.drafts import end_job
from index.errors import Conflict, EmbedderMismatch
from index.file_rows import forget_files, forget_vector_store, held_by_files
from index.idempotency import forget_documents
from index.reading import CatalogReader, unknown_collection, unknown_document
from index.rows import (
    delete_answers,
    delete_batches,
    delete_conversations,
    insert_passages,
    insert_text,
    new_document_id,
    record_change,
    remove_passages,
    settle_originals,
    take_numbers,
    unsettle_originals,
)
from index.schema import (
    answer_documents,
    answers,
    batches,
    changes,
    collection_budgets,
    collections,
    conversations,
    deletions,
    documents,
    drafts,
    jobs,
    texts,
    versions,
)
from index.sentence_terms import of_document
from index.sight import EVERYTHING, merged, visible
from index.types import DeletionReceipt, Status, Submission

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from collections.abc import Set as AbstractSet

    from sqlalchemy import Connection, Row

    from index.jobs import Job
    from index.sight import Sight
    from ingest.pipeline import Ingested


# What an upload without a name is called.
UNNAMED = "unnamed"


class Catalog(CatalogReader):
    """All writes to the catalog."""

    def unsettle_original(self, sha256: str) -> None:
        """Note, before the bytes are moved to their place, that an original is being stored."""
        with self._database.write() as connection:
            unsettle_originals(connection, [sha256])

    def settle_originals(self, hashes: Iterable[str]) -> None:
        """Note that originals have been removed, as was said in the transaction that gave them up."""
        with self._database.write() as connection:
            settle_originals(connection, hashes)

    def create_collection(self, name: str) -> None:
        """Make an empty collection.

        Raises:
            Conflict: There is one of that name.
        """
        with self._database.write() as connection:
            if _collection_id(connection, name) is not None:
                raise Conflict(f"There is a collection {name!r} already.")
            _ensure_collection(connection, name)

    def submit(
        self,
        *,
        collection: str,
        filename: str | None,
        title: str | None,
        metadata: dict[str, Any],
        sha256: str,
        size: int,
        document_id: str | None = None,
        always_new: bool = False,
        keep: AbstractSet[str] = frozenset(),
        then: Callable[[Connection, Submission], None] | None = None,
        sight: Sight = EVERYTHING,
    ) -> Submission:
        """Register an upload, whose bytes are stored already, and queue its ingestion.

        The same bytes again are the same document. The same file name with other bytes is its next version,
        unless ``always_new``; with ``document_id`` it is the next version of that document in any case, under
        its present name when no file name is given. Name and metadata of a new version become the document's
        when the version becomes live; metadata given with the same bytes do so at once. Where the name is one
        document's and the bytes are another's, the name decides. Documents in ``keep`` get no next version: an
        earlier file of the same request became them, and would be gone with it. Documents that the uploader may not
        see are as if they were not there. A document's ``allow`` stays when the metadata given does not name it.
        ``then`` is called in the transaction, with what it is going to commit.

        Raises:
            NotFound: ``document_id`` is unknown, or the collection is somebody else's.
            ValueError: The metadata holds what JSON has no form for, as the number NaN. Stored, it would make
                every filter over its collection fail.
        """
        json.dumps(metadata, allow_nan=False)
        with self._database.write() as connection:
            submission = _submit(
                connection,
                collection,
                filename,
                title,
                metadata,
                sha256=sha256,
                size=size,
                document_id=document_id,
                always_new=always_new,
                keep=keep,
                sight=sight,
            )
            if then is not None:
                then(connection, submission)
            return submission

    def publish(self, job: Job, ingested: Ingested) -> bool:
        """Make a version live in place of the one before, and end its job.

        Returns:
            False when there was nothing to publish into any more: the document was deleted, a newer version
            is live, or another worker has taken the job over.

        Raises:
            EmbedderMismatch: The collection holds vectors of another model.
        """
        document, embedded = ingested.document, ingested.embedded
        # Takes a while for a long document, in which others may write.
        words = of_document(ingested, self.held_terms(document.id, embedded.contents))
        with self._database.write() as connection:
            if not _still_owned(connection, job):
                return False
            row = _document(connection, documents.c.id == document.id)
            if row is None or (row.live_version or 0) >= document.version:
                end_job(connection, job)
                return False
            mine = and_(versions.c.document_id == document.id, versions.c.version == document.version)
            given = connection.execute(
                select(versions.c.filename, versions.c.given_metadata).where(mine)
            ).one()
            _claim_embedder(connection, row.collection_id, embedded.fingerprint, embedded.vectors.shape[1])
            removed = remove_passages(connection, document.id)
            added = insert_passages(connection, row.collection_id, ingested, words)
            insert_text(connection, ingested)
            connection.execute(
                update(versions)
                .where(mine)
                .values(
                    status=Status.READY,
                    title=document.title,
                    media_type=document.media_type,
                    parser=document.parser,
                    pages=document.pages,
                    disclosures=[(each.code, each.count, each.kept) for each in document.disclosures] or None,
                    first_passage=None if added is None else added.first,
                    passages=0 if added is None else added.size,
                )
            )
            connection.execute(
                update(documents)
                .where(documents.c.id == document.id)
                .values(
                    live_version=document.version,
                    filename=given.filename,
                    metadata=merged(row.metadata, given.given_metadata or row.metadata),
                    updated_at=time.time(),
                )
            )
            end_job(connection, job)
            record_change(connection, row.collection_id, removed, added)
            forget_document(connection, document.id)
        return True

    def fail(self, job: Job, code: str, message: str) -> None:
        """End a job whose document cannot be ingested. An earlier version stays live."""
        with self._database.write() as connection:
            if not _still_owned(connection, job):
                return
            connection.execute(
                update(versions)
                .where(versions.c.document_id == job.document_id, versions.c.version == job.version)
                .values(status=Status.FAILED, error_code=code, error_message=message)
            )
            end_job(connection, job)

    def delete_document(
        self,
        document_id: str,
        sight: Sight = EVERYTHING,
        then: Callable[[Connection, DeletionReceipt], None] | None = None,
    ) -> tuple[int, DeletionReceipt, set[str]]:
        """Remove every trace of a document but its id; ``then`` is called in the transaction.

        Returns:
            Its collection's id, the receipt, and the hashes of originals that nothing refers to any more. The
            receipt says what the caller can see of that: bytes that somebody else has uploaded too are kept for
            them, and the receipt does not tell.

        Raises:
            NotFound: Unknown, deleted already, or not the caller's to see.
        """
        with self._database.write() as connection:
            row = _document(connection, documents.c.id == document_id, visible(sight))
            if row is None:
                raise unknown_document()
            receipt, unused = _delete(connection, row, sight)
            if then is not None:
                then(connection, receipt)
            return row.collection_id, receipt, unused

    def delete_collection(self, name: str) -> tuple[int, list[DeletionReceipt], set[str]]:
        """Remove a collection with everything in it; returns as ``delete_document``, a receipt each.

        Raises:
            NotFound: There is none of that name.
        """
        found = self.collection(name)
        with self._database.write() as connection:
            receipts, orphans = [], set[str]()
            ids = select(documents.c.id).where(documents.c.collection_id == found.id)
            for document_id in connection.execute(ids).scalars().all():
                row = _document(connection, documents.c.id == document_id)
                if row is not None:
                    receipt, unused = _delete(connection, row)
                    receipts.append(receipt)
                    orphans |= unused
            delete_conversations(connection, conversations.c.collection_id == found.id)
            delete_answers(connection, select(answers.c.id).where(answers.c.collection_id == found.id))
            forget_vector_store(connection, found.id)
            forget_collection(connection, found.id)
            delete_batches(connection, select(batches.c.id).where(batches.c.collection_id == found.id))
            for table in (changes, collection_budgets):
                connection.execute(delete(table).where(table.c.collection_id == found.id))
            connection.execute(delete(collections).where(collections.c.id == found.id))
        return found.id, receipts, orphans


def _submit(
    connection: Connection,
    collection: str,
    filename: str | None,
    title: str | None,
    metadata: dict[str, Any],
    *,
    sha256: str,
    size: int,
    document_id: str | None,
    always_new: bool,
    keep: AbstractSet[str],
    sight: Sight,
) -> Submission:
    """What ``Catalog.submit`` does, inside its transaction."""
    now = time.time()
    if document_id is not None:
        known = _document(connection, documents.c.id == document_id, visible(sight))
        if known is None:
            raise unknown_document()
        same = known if known.sha256 == sha256 else None
    else:
        if not sight.covers(collection):
            raise unknown_collection()
        collection_id = _ensure_collection(connection, collection)
        inside = and_(documents.c.collection_id == collection_id, visible(sight))
        known = None if always_new else _document(connection, inside, documents.c.filename == filename)
        if known is not None and known.id in keep and known.sha256 != sha256:
            known = None
        if known is None:
            same = _document(connection, inside, versions.c.sha256 == sha256)
        else:
            same = known if known.sha256 == sha256 else None
    if same is not None:
        if not (same.status == Status.FAILED and same.retryable):
            settle_originals(connection, [sha256])
            if metadata:
                connection.execute(
                    update(documents)
                    .where(documents.c.id == same.id)
                    .values(metadata=merged(same.metadata, metadata))
                )
                forget_collection(connection, same.collection_id)
            return Submission(same.id, same.version, is_new=False)
        known = same
    if known is None:
        document_id, version = new_document_id(connection), 1
        connection.execute(
            insert(documents).values(
                id=document_id,
                collection_id=collection_id,
                filename=filename or UNNAMED,
                metadata=merged({}, metadata),
                version=1,
                created_at=now,
                updated_at=now,
            )
        )
    else:
        document_id, version = known.id, known.version + 1
        filename = filename or known.filename
        connection.execute(
            update(documents).where(documents.c.id == document_id).values(version=version, updated_at=now)
        )
    connection.execute(
        insert(versions).values(
            document_id=document_id,
            version=version,
            sha256=sha256,
            bytes=size,
            status=Status.QUEUED,
            filename=filename or UNNAMED,
            given_title=title,
            given_metadata=metadata or None,
            passages=0,
            created_at=now,
        )
    )
    connection.execute(insert(jobs).values(document_id=document_id, version=version, attempts=0))
    settle_originals(connection, [sha256])
    return Submission(str(document_id), version, is_new=True)


def _collection_id(connection: Connection, name: str) -> int | None:
    return connection.execute(select(collections.c.id).where(collections.c.name == name)).scalar_one_or_none()


def _ensure_collection(connection: Connection, name: str) -> int:
    found = _collection_id(connection, name)
    if found is None:
        found = take_numbers(connection, "collection", 1)
        connection.execute(insert(collections).values(id=found, name=name, seq=0, created_at=time.time()))
    return found


def _document(connection: Connection, *conditions: Any) -> Row[Any] | None:
    """The newest document that meets the conditions, with its newest version."""
    query = (
        select(
            documents.c.id,
            documents.c.collection_id,
            documents.c.version,
            documents.c.live_version,
            documents.c.filename,
            documents.c.metadata,
            versions.c.sha256,
            versions.c.status,
            versions.c.error_code.in_(RETRYABLE_CODES).label("retryable"),
        )
        .join(versions, versions.c.document_id == documents.c.id)
        .where(versions.c.version == documents.c.version, *conditions)
        .order_by(documents.c.id.desc())
        .limit(1)
    )
    return connection.execute(query).one_or_none()


# Failures that the same bytes need not meet again: uploading them once more tries again.
RETRYABLE_CODES = (
    "embedder_unavailable",
    "vision_unavailable",
    "original_missing",
    "parser_unavailable",
    "embedder_mismatch",
    "stalled",
    "internal_error",
)


def _still_owned(connection: Connection, job: Job) -> bool:
    owner = connection.execute(select(jobs.c.owner).where(jobs.c.id == job.id)).scalar_one_or_none()
    return owner == job.owner


def _claim_embedder(connection: Connection, collection_id: int, fingerprint: str, dimensions: int) -> None:
    """Note whose vectors a collection holds, or insist that they are the same model's."""
    row = connection.execute(select(collections).where(collections.c.id == collection_id)).one()
    if row.embedder is None:
        connection.execute(
            update(collections)
            .where(collections.c.id == collection_id)
            .values(embedder=fingerprint, dimensions=dimensions)
        )
    elif row.embedder != fingerprint:
        raise EmbedderMismatch(
            f"Collection {row.name!r} was embedded with {row.embedder}, and this server runs {fingerprint}. "
            "Start it with the former model (FOOTNOTE_EMBEDDER), or use another collection."
        )


def _delete(
    connection: Connection, row: Row[Any], sight: Sight = EVERYTHING
) -> tuple[DeletionReceipt, set[str]]:
    mine = versions.c.document_id == row.id
    hashes = set(connection.execute(select(versions.c.sha256).where(mine)).scalars())
    hashes |= forget_files(connection, row.id)
    removed = remove_passages(connection, row.id)
    cached = delete_answers(
        connection,
        select(answer_documents.c.answer_id).where(answer_documents.c.document_id == row.id),
    )
    for table in (jobs, drafts, texts, versions):
        connection.execute(delete(table).where(table.c.document_id == row.id))
    connection.execute(delete(documents).where(documents.c.id == row.id))
    connection.execute(insert(deletions).values(document_id=row.id, deleted_at=time.time()))
    forget_documents(connection, row.id)
    record_change(connection, row.collection_id, removed, None)
    same = select(versions.c.sha256).where(versions.c.sha256.in_(hashes))
    kept = set(connection.execute(same).scalars()) | held_by_files(connection, hashes)
    theirs = same.join(documents, documents.c.id == versions.c.document_id).where(visible(sight))
    gone = hashes - set(connection.execute(theirs).scalars())
    unsettle_originals(connection, hashes - kept)
    count = removed.size if removed else 0
    return DeletionReceipt(row.id, count, count, cached, original=bool(gone)), hashes - kept

"""What deleting documents and collections does to files, in the transaction that deletes them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from index.schema import (
    deletions,
    file_batch_files,
    file_batches,
    file_documents,
    files,
    vector_stores,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection


def forget_files(connection: Connection, document_id: str) -> set[str]:
    """Delete the files that a document was made from, but for those that are another document too.

    Returns:
        Hashes of the files deleted.
    """
    mine = select(file_documents.c.file_id).where(file_documents.c.document_id == document_id)
    ids = connection.execute(mine).scalars().all()
    connection.execute(delete(file_documents).where(file_documents.c.document_id == document_id))
    connection.execute(delete(file_batch_files).where(file_batch_files.c.file_id == document_id))
    hashes = set[str]()
    for file_id in ids:
        other = select(file_documents.c.document_id).where(file_documents.c.file_id == file_id).limit(1)
        if connection.execute(other).first() is None:
            hashes.add(delete_file_row(connection, file_id))
    return hashes


def delete_file_row(connection: Connection, file_id: str) -> str:
    """Delete a file that is no document any more, and keep its id among the deletions; its hash."""
    sha256 = connection.execute(select(files.c.sha256).where(files.c.id == file_id)).scalar_one()
    connection.execute(delete(file_batch_files).where(file_batch_files.c.file_id == file_id))
    connection.execute(delete(files).where(files.c.id == file_id))
    connection.execute(insert(deletions).values(document_id=file_id, deleted_at=time.time()))
    return str(sha256)


def held_by_files(connection: Connection, hashes: Iterable[str]) -> set[str]:
    """Those of the hashes that some file has."""
    query = select(files.c.sha256).where(files.c.sha256.in_(sorted(hashes)))
    return set(connection.execute(query).scalars())


def forget_vector_store(connection: Connection, collection_id: int) -> None:
    """Delete what stands of a collection beside its documents."""
    batches = select(file_batches.c.id).where(file_batches.c.collection_id == collection_id)
    connection.execute(delete(file_batch_files).where(file_batch_files.c.batch_id.in_(batches)))
    connection.execute(delete(file_batches).where(file_batches.c.collection_id == collection_id))
    connection.execute(delete(vector_stores).where(vector_stores.c.collection_id == collection_id))

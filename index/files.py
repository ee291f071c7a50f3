"""Files as OpenAI clients have them: uploaded alone, put into collections, where each becomes a document.

A document that was uploaded otherwise is a file too, under its own id. Whoever may see one of the documents that a file
has become sees the file. Until it is one, it is seen with the key that uploaded it, acting as all of the principals
that it was uploaded as; and never by those from whom a document made of it is hidden.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    and_,
    delete,
    exists,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    true,
    union_all,
    update,
)

from index.catalog import _delete, _document
from index.errors import NotFound
from index.file_rows import delete_file_row, held_by_files
from index.rows import settle_originals, take_numbers, unsettle_originals
from index.schema import collections, documents, file_documents, files, versions
from index.sight import EVERYTHING, readable, visible

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from index.database import Database
    from index.sight import Sight

# How the id of a file begins, and that of a document.
FILE, DOCUMENT = "file-", "doc_"
# The last so many characters of either say when it came: a counter in hexadecimal digits, then what is random.
_SORTED = 24
# What a file is for; nothing else can be done with one here.
PURPOSES = ("assistants", "user_data")


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks at files: what they may see of documents, and whose key it is."""

    sight: Sight
    key_id: str


# Of the service itself and of the command line.
ANYBODY = Viewer(EVERYTHING, "")


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file: uploaded as one, or a document seen as one."""

    id: str
    filename: str
    purpose: str
    sha256: str
    bytes: int
    created_at: float

    @property
    def is_document(self) -> bool:
        """Whether its id is that of a document."""
        return self.id.startswith(DOCUMENT)


class Files:
    """The table of files."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, *, viewer: Viewer, filename: str, purpose: str, sha256: str, size: int) -> FileRecord:
        """Note a file whose bytes are stored already."""
        principals = sorted(viewer.sight.principals or ())
        with self._database.write() as connection:
            file_id = f"{FILE}{take_numbers(connection, 'document', 1):08x}{uuid.uuid4().hex[:16]}"
            row: dict[str, Any] = {
                "id": file_id,
                "filename": filename,
                "purpose": purpose,
                "sha256": sha256,
                "bytes": size,
                "created_at": time.time(),
            }
            connection.execute(insert(files).values(owner=viewer.key_id, principals=principals, **row))
            settle_originals(connection, [sha256])
        return FileRecord(**row)

    def get(self, file_id: str, viewer: Viewer = ANYBODY) -> FileRecord:
        """One file.

        Raises:
            NotFound: Unknown, deleted, or not the caller's to see.
        """
        with self._database.read() as connection:
            return find_file(connection, file_id, viewer)

    def all(
        self,
        viewer: Viewer,
        *,
        after: str | None = None,
        before: str | None = None,
        limit: int,
        newest_first: bool = True,
        purpose: str | None = None,
    ) -> list[FileRecord]:
        """Files in the order of their arrival. ``after`` and ``before`` may have been deleted meanwhile."""
        listed = _listed(viewer).subquery()
        query = paged(select(listed), listed.c.id, after, before, newest_first=newest_first).limit(limit)
        if purpose is not None:
            query = query.where(listed.c.purpose == purpose)
        with self._database.read() as connection:
            return [FileRecord(**row._mapping) for row in connection.execute(query)]

    def delete(self, file_id: str, viewer: Viewer = ANYBODY) -> tuple[set[str], set[str]]:
        """Delete a file with every document that it has become and that the caller may see.

        What it has become elsewhere stays, and the file with it, for those who see that.

        Returns:
            Names of the collections that lost a document, and hashes of originals that nothing refers to any more.

        Raises:
            NotFound: Unknown, deleted, or not the caller's to see.
        """
        with self._database.write() as connection:
            found = find_file(connection, file_id, viewer)
            orphans, names = set[str](), set[str]()
            for document_id, collection in _documents_of(connection, file_id, viewer.sight):
                orphans |= unlink(connection, file_id, document_id, viewer.sight)
                names.add(collection)
            left = select(file_documents.c.file_id).where(file_documents.c.file_id == file_id).limit(1)
            if connection.execute(left).first() is not None:
                connection.execute(update(files).where(files.c.id == file_id).values(owner=None))
                return names, orphans
            delete_file_row(connection, file_id)
            orphans |= _unreferenced(connection, {found.sha256})
            unsettle_originals(connection, orphans)
            return names, orphans


def find_file(connection: Connection, file_id: str, viewer: Viewer) -> FileRecord:
    """One file.

    Raises:
        NotFound: Unknown, deleted, or not the caller's to see.
    """
    listed = _listed(viewer, documents.c.id == file_id if file_id.startswith(DOCUMENT) else None).subquery()
    row = connection.execute(select(listed).where(listed.c.id == file_id)).one_or_none()
    if row is None:
        raise unknown_file()
    return FileRecord(**row._mapping)


def unlink(connection: Connection, file_id: str, document_id: str, sight: Sight) -> set[str]:
    """Take a file out of its collection: its document goes, unless another file is that document too.

    Returns:
        Hashes of originals that nothing refers to any more. The file itself stays.
    """
    mine = and_(file_documents.c.file_id == file_id, file_documents.c.document_id == document_id)
    connection.execute(delete(file_documents).where(mine))
    others = select(file_documents.c.file_id).where(file_documents.c.document_id == document_id).limit(1)
    row = _document(connection, documents.c.id == document_id)
    if row is None or connection.execute(others).first() is not None:
        return set()
    return _delete(connection, row, sight)[1]


def link(connection: Connection, file_id: str, document_id: str) -> None:
    """Note that a file has become a document.

    Raises:
        NotFound: The file was deleted meanwhile.
    """
    if connection.execute(select(files.c.id).where(files.c.id == file_id)).one_or_none() is None:
        raise unknown_file()
    mine = and_(file_documents.c.file_id == file_id, file_documents.c.document_id == document_id)
    if connection.execute(select(file_documents).where(mine)).one_or_none() is None:
        connection.execute(insert(file_documents).values(file_id=file_id, document_id=document_id))


def paged(
    query: Any, column: ColumnElement[str], after: str | None, before: str | None, *, newest_first: bool
) -> Any:
    """Order by arrival, and begin behind one id or end before another; both may be of what is gone."""
    key = func.substr(column, -_SORTED)
    if after is not None:
        query = query.where(key < after[-_SORTED:] if newest_first else key > after[-_SORTED:])
    if before is not None:
        query = query.where(key > before[-_SORTED:] if newest_first else key < before[-_SORTED:])
    return query.order_by(key.desc() if newest_first else key)


def unknown_file() -> NotFound:
    """The one error for files that never were, are gone, or belong to somebody else, letter for letter."""
    return NotFound("There is no such file. It may have been deleted.")


def _listed(viewer: Viewer, only: ColumnElement[bool] | None = None) -> Any:
    uploaded = select(
        files.c.id, files.c.filename, files.c.purpose, files.c.sha256, files.c.bytes, files.c.created_at
    ).where(_seen(viewer))
    other = (
        select(
            documents.c.id,
            documents.c.filename,
            literal(PURPOSES[0]),
            versions.c.sha256,
            versions.c.bytes,
            documents.c.created_at,
        )
        .join(
            versions,
            and_(versions.c.document_id == documents.c.id, versions.c.version == documents.c.version),
        )
        .where(
            visible(viewer.sight),
            ~exists().where(file_documents.c.document_id == documents.c.id),
            true() if only is None else only,
        )
    )
    return union_all(uploaded, other)


def _seen(viewer: Viewer) -> ColumnElement[bool]:
    """Condition on ``files``: see the head of this module."""
    sight = viewer.sight
    if sight.collections is None and sight.principals is None:
        return true()
    become = (
        select(documents.c.id)
        .join(file_documents, file_documents.c.document_id == documents.c.id)
        .where(file_documents.c.file_id == files.c.id)
    )
    own = [files.c.owner == viewer.key_id, ~become.where(not_(readable(sight))).correlate(files).exists()]
    if sight.principals is not None:
        named = func.json_each(files.c.principals).table_valued("value")
        others = select(named.c.value).where(named.c.value.not_in(sorted(sight.principals)))
        own.append(~others.correlate(files).exists())
    return or_(become.where(visible(sight)).correlate(files).exists(), and_(*own))


def _documents_of(connection: Connection, file_id: str, sight: Sight) -> list[tuple[str, str]]:
    """The documents that a file has become and the caller may see, with the names of their collections."""
    query = (
        select(documents.c.id, collections.c.name)
        .join(file_documents, file_documents.c.document_id == documents.c.id)
        .join(collections, collections.c.id == documents.c.collection_id)
        .where(file_documents.c.file_id == file_id, visible(sight))
    )
    return [(row.id, row.name) for row in connection.execute(query)]


def _unreferenced(connection: Connection, hashes: set[str]) -> set[str]:
    used = select(versions.c.sha256).where(versions.c.sha256.in_(sorted(hashes)))
    return hashes - set(connection.execute(used).scalars()) - held_by_files(connection, hashes)

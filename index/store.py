"""A data folder, open: catalog, originals, answers and searchable collections."""

from __future__ import annotations

import shutil
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from index.answers import Answers
from index.blobs import Blobs
from index.catalog import Catalog
from index.collection import Collection
from index.database import Database
from index.errors import NotFound
from index.figures import Figures, read_figures
from index.jobs import JobQueue
from index.reading import unknown_document

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from index.blobs import BlobWriter
    from index.types import DeletionReceipt, Submission


class Store:
    """Everything that is stored. Thread-safe; one process at a time holds a folder."""

    def __init__(self, folder: Path) -> None:
        """Open or create a data folder.

        Raises:
            FolderInUse: Another process holds it.
        """
        self.folder = folder
        self.database = Database(folder)
        self.catalog = Catalog(self.database)
        self.blobs = Blobs(folder / "originals")
        self.answers = Answers(self.database)
        self.jobs = JobQueue(self.database)
        self._collections: dict[int, Collection] = {}
        self._collections_lock = threading.Lock()
        # An original must not be removed between being stored and being referred to.
        self._originals_lock = threading.Lock()

    def collection(self, name: str) -> Collection:
        """A collection, ready to be searched.

        Raises:
            NotFound: There is none of that name.
        """
        record = self.catalog.collection(name)
        with self._collections_lock:
            if record.id not in self._collections:
                folder = self._views_folder(record.id)
                self._collections[record.id] = Collection(self.catalog, record.id, name, folder)
            return self._collections[record.id]

    def add(
        self,
        blob: BlobWriter,
        *,
        collection: str,
        filename: str | None,
        title: str | None = None,
        metadata: dict[str, Any] | None = None,
        document_id: str | None = None,
        always_new: bool = False,
        keep: AbstractSet[str] = frozenset(),
    ) -> Submission:
        """Store an original and queue its ingestion. On disk when this returns.

        See ``Catalog.submit`` for which document it becomes.

        Raises:
            NotFound: ``document_id`` is unknown.
        """
        sha256 = blob.seal()
        with self._originals_lock:
            self.catalog.unsettle_original(sha256)
            # Also when it is there already: that heals an original that was damaged.
            blob.keep(self.blobs.path(sha256))
            try:
                return self.catalog.submit(
                    collection=collection,
                    filename=filename,
                    title=title,
                    metadata=metadata or {},
                    sha256=sha256,
                    size=blob.size,
                    document_id=document_id,
                    always_new=always_new,
                    keep=keep,
                )
            except BaseException:
                self.blobs.remove({sha256} - self.catalog.blobs_in_use())
                self.catalog.settle_originals([sha256])
                raise

    def original(self, document_id: str, version: int | None = None) -> Path:
        """Where the original of a version is, by default of the live one.

        Raises:
            NotFound: Unknown or deleted.
        """
        path = self.blobs.path(self.catalog.sha256(document_id, version))
        if not path.is_file():
            raise unknown_document(document_id)
        return path

    def delete_document(self, document_id: str) -> DeletionReceipt:
        """Remove a document with everything derived from it. Gone when this returns.

        Raises:
            NotFound: Unknown or deleted already.
        """
        name = self.catalog.document(document_id).collection
        with self._originals_lock:
            _, receipt, orphans = self.catalog.delete_document(document_id)
            self.blobs.remove(orphans)
            self.catalog.settle_originals(orphans)
        self.database.forget_log()
        # Deleted in this very moment, the collection needs no view any more.
        with suppress(NotFound):
            self.collection(name).views()
        return receipt

    def delete_collection(self, name: str) -> list[DeletionReceipt]:
        """Remove a collection with everything in it.

        Raises:
            NotFound: There is none of that name.
        """
        opened = self.collection(name)
        with self._originals_lock:
            collection_id, receipts, orphans = self.catalog.delete_collection(name)
            self.blobs.remove(orphans)
            self.catalog.settle_originals(orphans)
        self.database.forget_log()
        with self._collections_lock:
            self._collections.pop(collection_id, None)
        opened.remove()
        return receipts

    def finish_interrupted(self) -> None:
        """Finish what a crash cut off: uploads that were never acknowledged, and deletions after their commit."""
        unsettled = self.catalog.unsettled_originals()
        self.blobs.remove(unsettled - self.catalog.blobs_in_use())
        self.catalog.settle_originals(unsettled)
        known = {str(record.id) for record in self.catalog.collections()}
        for folder in (self.folder / "views").glob("*"):
            if folder.name not in known:
                shutil.rmtree(folder, ignore_errors=True)

    def figures(self) -> Figures:
        """Counts of the whole folder, for a monitor."""
        with self._collections_lock:
            opened = list(self._collections.values())
        return read_figures(self.database, opened)

    def flush(self) -> None:
        """Bring the views' memory to disk, so that the next start takes less time."""
        with self._collections_lock:
            opened = list(self._collections.values())
        for collection in opened:
            collection.flush()

    def close(self) -> None:
        """Flush, close every file and let go of the folder."""
        for collection in self._collections.values():
            collection.close()
        self.database.close()

    def _views_folder(self, collection_id: int) -> Path:
        return self.folder / "views" / str(collection_id)

"""A data folder, open: catalog, originals, answers and searchable collections."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy.exc import OperationalError

from index.activity import Activity
from index.answer_cache import AnswerCache
from index.answers import Answers
from index.audit import AuditLog
from index.batches import Batches
from index.blobs import Blobs
from index.catalog import Catalog
from index.collection import Collection
from index.database import Database
from index.dense import remove_strays
from index.disk import passes
from index.errors import NotFound
from index.figures import Figures, read_figures
from index.files import ANYBODY, Files, link
from index.idempotency import Idempotency
from index.jobs import JobQueue
from index.keys import Keys
from index.preferences import Preferences
from index.reading import unknown_document
from index.responses import Responses
from index.sight import EVERYTHING
from index.spending import Spending
from index.talks import Talks
from index.usage import Usage
from index.vector_stores import VectorStores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from sqlalchemy import Connection

    from index.blobs import BlobWriter
    from index.config import ViewConfig
    from index.files import FileRecord, Viewer
    from index.idempotency import Claim
    from index.sight import Sight
    from index.types import DeletionReceipt, Submission

log = structlog.get_logger(__name__)

# In which one view is asked beside another. It is work for processors: more threads would not make them faster.
_THREADS = 4


class Store:
    """Everything that is stored. Thread-safe; one process at a time holds a folder."""

    def __init__(self, folder: Path, config: ViewConfig | None = None) -> None:
        """Open or create a data folder.

        Raises:
            FolderInUse: Another process holds it.
        """
        self.folder = folder
        self._config = config
        self.database = Database(folder)
        self.catalog = Catalog(self.database)
        self.blobs = Blobs(folder / "originals")
        self.answers = Answers(self.database)
        self.talks = Talks(self.database)
        self.preferences = Preferences(self.database)

        self.files = Files(self.database)
        self.vector_stores = VectorStores(self.database)
        self.responses = Responses(self.database)
        self.idempotency = Idempotency(self.database)
        self.jobs = JobQueue(self.database)
        self.keys = Keys(self.database)
        self.usage = Usage(self.database)
        self.spending = Spending(self.database)
        self.cache = AnswerCache(self.database)
        self.batches = Batches(self.database)
        self.audit = AuditLog(self.database)
        self.activity = Activity(self.database)
        self._collections: dict[int, Collection] = {}
        self._collections_lock = threading.Lock()
        self._threads = ThreadPoolExecutor(_THREADS, "views")
        # An original must not be removed between being stored and being referred to.
        self._originals_lock = threading.Lock()
        # Whether a failure of the disk left an original that nothing refers to.
        self._unsettled = False

    def collection(self, name: str, sight: Sight = EVERYTHING) -> Collection:
        """A collection, ready to be searched.

        Raises:
            NotFound: There is none of that name, or it is somebody else's.
        """
        collection_id = self.catalog.collection_id(name, sight)
        with self._collections_lock:
            if collection_id not in self._collections:
                self._collections[collection_id] = Collection(
                    self.catalog,
                    collection_id,
                    name,
                    self._views_folder(collection_id),
                    self._config,
                    self._threads,
                )
            return self._collections[collection_id]

    def opened_collections(self) -> list[Collection]:
        """Those that have been asked since the start."""
        with self._collections_lock:
            return list(self._collections.values())

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
        claim: Claim | None = None,
        sight: Sight = EVERYTHING,
    ) -> Submission:
        """Store an original and queue its ingestion. On disk when this returns.

        See ``Catalog.submit`` for which document it becomes. Under a claim it is noted as a step of its request.

        Raises:
            NotFound: ``document_id`` is unknown, or the collection is somebody else's.
        """
        submit = partial(
            self.catalog.submit,
            collection=collection,
            filename=filename,
            title=title,
            metadata=metadata or {},
            sha256=blob.sha256,
            size=blob.size,
            document_id=document_id,
            always_new=always_new,
            keep=keep,
            then=None if claim is None else partial(self._note, claim),
            sight=sight,
        )
        with self._originals_lock:
            # The same again costs reading it: nothing is brought to disk that is there already, whole and in use.
            if self.catalog.is_in_use(blob.sha256) and self.blobs.is_intact(blob.sha256):
                blob.discard()
                return submit()
        sha256 = blob.seal()
        with self._originals_lock:
            self.catalog.unsettle_original(sha256)
            try:
                # Also when it is there already: that heals an original that was damaged.
                blob.keep(self.blobs.path(sha256))
                return submit()
            except BaseException:
                self._unsettled = True
                self._settle()
                raise

    def original(self, document_id: str, version: int | None = None, sight: Sight = EVERYTHING) -> Path:
        """Where the original of a version is, by default of the live one.

        Raises:
            NotFound: Unknown, deleted, or not the caller's to see.
        """
        path = self.blobs.path(self.catalog.sha256(document_id, version, sight))
        if not path.is_file():
            raise unknown_document()
        return path

    def delete_document(
        self,
        document_id: str,
        sight: Sight = EVERYTHING,
        then: Callable[[Connection, DeletionReceipt], None] | None = None,
    ) -> DeletionReceipt:
        """Remove a document with everything derived from it. Gone when this returns.

        ``then`` is called in the transaction that deletes it.

        Raises:
            NotFound: Unknown, deleted already, or not the caller's to see.
            OSError: It is deleted, and its original could not be removed yet. That is tried again.
        """
        name = self.catalog.document(document_id, sight).collection
        with self._originals_lock:
            _, receipt, orphans = self.catalog.delete_document(document_id, sight, then)
            self._remove_originals(orphans)
        self._after_deletion([name])
        return receipt

    def add_file(self, blob: BlobWriter, *, viewer: Viewer, filename: str, purpose: str) -> FileRecord:
        """Store the bytes of a file that is no document yet. On disk when this returns."""
        sha256 = blob.seal()
        with self._originals_lock:
            self.catalog.unsettle_original(sha256)
            try:
                blob.keep(self.blobs.path(sha256))
                return self.files.add(
                    viewer=viewer, filename=filename, purpose=purpose, sha256=sha256, size=blob.size
                )
            except BaseException:
                self._unsettled = True
                self._settle()
                raise

    def attach_file(
        self, file: FileRecord, collection: str, attributes: dict[str, Any], sight: Sight = EVERYTHING
    ) -> Submission:
        """Make a file a document of a collection and queue its ingestion.

        Raises:
            NotFound: The file was deleted meanwhile, or the collection is somebody else's.
        """
        return self.catalog.submit(
            collection=collection,
            filename=file.filename,
            title=None,
            metadata=attributes,
            sha256=file.sha256,
            size=file.bytes,
            always_new=True,
            then=lambda connection, made: link(connection, file.id, made.document_id),
            sight=sight,
        )

    def detach_file(self, collection: str, file_id: str, sight: Sight = EVERYTHING) -> None:
        """Take a file out of a collection. Not found by any search when this returns.

        Raises:
            NotFound: It is not there, or not the caller's to see.
        """
        with self._originals_lock:
            self._remove_originals(self.vector_stores.detach(collection, file_id, sight))
        self._after_deletion([collection])

    def cancel_batch(self, collection: str, batch_id: str, sight: Sight = EVERYTHING) -> None:
        """Take those files of a batch out of a collection that are not ready yet.

        Raises:
            NotFound: There is no such batch, or it is not the caller's to see.
        """
        with self._originals_lock:
            self._remove_originals(self.vector_stores.cancel_batch(collection, batch_id, sight))
        self._after_deletion([collection])

    def delete_file(self, file_id: str, viewer: Viewer = ANYBODY) -> None:
        """Remove a file with the documents that it has become. Gone when this returns.

        Raises:
            NotFound: Unknown, deleted already, or not the caller's to see.
        """
        with self._originals_lock:
            names, orphans = self.files.delete(file_id, viewer)
            self._remove_originals(orphans)
        self._after_deletion(names)

    def delete_collection(self, name: str) -> list[DeletionReceipt]:
        """Remove a collection with everything in it.

        Raises:
            NotFound: There is none of that name.
        """
        opened = self.collection(name)
        with self._originals_lock:
            collection_id, receipts, orphans = self.catalog.delete_collection(name)
            self._remove_originals(orphans)
        self.database.forget_log()
        with self._collections_lock:
            self._collections.pop(collection_id, None)
        opened.remove()
        return receipts

    def finish_interrupted(self) -> None:
        """Finish what a crash cut off: uploads that were never acknowledged, and deletions after their commit."""
        with self._originals_lock:
            self._finish_originals()
        known = {str(record.id) for record in self.catalog.collections()}
        for folder in (self.folder / "views").glob("*"):
            if folder.name not in known:
                shutil.rmtree(folder, ignore_errors=True)
            else:
                # What a kill has left of a snapshot may hold what was deleted since.
                remove_strays(folder)

    def tidy(self) -> None:
        """With nothing else to do: finish what trouble with the disk cut off, and clear indexes of what was removed."""
        with self._originals_lock:
            self._settle()
        self.talks.forget_expired()
        self.database.forget_log_if_left()
        for collection in self.opened_collections():
            collection.compact()

    def figures(self) -> Figures:
        """Counts of the whole folder, for a monitor."""
        return read_figures(self.database, self.opened_collections())

    def flush(self) -> None:
        """Bring the views' memory to disk, so that the next start takes less time."""
        for collection in self.opened_collections():
            collection.flush()

    def close(self) -> None:
        """Flush, close every file and let go of the folder."""
        self.spending.flush()
        self._threads.shutdown()
        for collection in self._collections.values():
            collection.close()
        self.database.close()

    def _after_deletion(self, names: Iterable[str]) -> None:
        self.database.forget_log()
        for name in names:
            # Deleted in this very moment, the collection needs no view any more.
            with suppress(NotFound):
                self.collection(name).views()

    def _note(self, claim: Claim, connection: Connection, submission: Submission) -> None:
        self.idempotency.note(connection, claim, submission)

    def _remove_originals(self, hashes: set[str]) -> None:
        """Remove originals that the catalog has given up, or remember that it is still to be done."""
        if hashes:
            self._unsettled = True
            self.blobs.remove(hashes)
            self.catalog.settle_originals(hashes)
            self._unsettled = False

    def _settle(self) -> None:
        """Remove the originals that nothing refers to, if a failure left some, or leave it for the next time."""
        if not self._unsettled:
            return
        try:
            self._finish_originals()
        except (OSError, OperationalError) as error:
            if not passes(error):
                raise
            log.warning("originals_not_settled", error=str(error))
        else:
            self._unsettled = False

    def _finish_originals(self) -> None:
        unsettled = self.catalog.unsettled_originals()
        self.blobs.remove(unsettled - self.catalog.blobs_in_use())
        self.catalog.settle_originals(unsettled)

    def _views_folder(self, collection_id: int) -> Path:
        return self.folder / "views" / str(collection_id)

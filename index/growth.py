"""Makes a collection's search by meaning anew, beside the one that answers, when it has outgrown its form."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import OperationalError

from index.disk import passes
from index.errors import NotFound
from index.sharing import Shared
from index.types import Change

if TYPE_CHECKING:
    from index.catalog import Catalog
    from index.coded import Coded
    from index.dense import DenseView
    from index.exact import Exact
    from index.types import IdRange

log = structlog.get_logger(__name__)

# Changes read in one transaction.
_CHANGES_AT_ONCE = 8
# Times as long as a try that failed took, until the next.
_REST = 20


class Growth:
    """At most one thread that reads the catalog and ends with a new form in the place of the old one."""

    def __init__(self, catalog: Catalog, collection_id: int, lock: threading.Lock) -> None:
        """Note what it needs.

        Args:
            catalog: What the new form is made from.
            collection_id: Of the collection.
            lock: Under which changes reach the collection's views.
        """
        self._catalog = catalog
        self._id = collection_id
        self._lock = lock
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._not_before = 0.0
        # What is being made, which two threads change: its own, and who deletes.
        self._made: Exact | Coded | None = None
        self._applying = threading.Lock()

    def begin(self, view: DenseView, passages: int) -> None:
        """Make the view anew for so many passages, unless that is being done, or has failed just now."""
        busy = self._thread is not None and self._thread.is_alive()
        if busy or self._stopping.is_set() or time.monotonic() < self._not_before:
            return
        self._thread = threading.Thread(target=self._grow, args=(view, passages), name="growth", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float | None = None) -> None:
        """Give up what is being made, and make no more; wait for its end, or only so long."""
        self._stopping.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(timeout_s)

    def forget(self, removed: IdRange) -> None:
        """Remove what was deleted from what is being made too, which comes to that change only later."""
        with self._applying:
            if self._made is not None:
                self._made.apply(Change(0, removed, None), Shared())

    def begun(self, view: DenseView, passages: int) -> Exact | Coded:
        """A form for so many passages that knows how the collection's vectors lie, and none of them yet.

        Raises:
            NotFound: There are no passages any more.
            OSError: Its file cannot be made.
        """
        return view.anew(passages, lambda count: self._catalog.sampled_vectors(self._id, count))

    def _grow(self, view: DenseView, passages: int) -> None:
        began = time.monotonic()
        made, taken = None, False
        try:
            made = self._made = self.begun(view, passages)
            seq = self._replay(made, 0)
            with self._lock:
                # What came while it was made.
                seq = self._replay(made, seq)
                if not self._stopping.is_set():
                    # Whatever fails from here on, it is in use.
                    self._made, taken = None, True
                    view.take_over(made, seq)
            if taken:
                view.flush()
                log.info("view_grown", view=view.name, collection=self._id, vectors=len(made))
        except NotFound:
            # It was deleted meanwhile, or all that was in it.
            pass
        except (OSError, OperationalError) as error:
            if not passes(error):
                raise
            log.exception("view_not_grown", view=view.name, collection=self._id)
        finally:
            if not taken:
                self._not_before = time.monotonic() + _REST * (time.monotonic() - began)
                with self._applying:
                    self._made = None
                    if made is not None:
                        made.discard()

    def _replay(self, made: Exact | Coded, seq: int) -> int:
        """Apply what came after a change; returns the last one applied."""
        while not self._stopping.is_set():
            # Not all in one reading, which would keep what is deleted meanwhile in the database's log.
            with self._applying:
                # What is deleted after the reading is removed after it was added.
                found = list(self._catalog.changes_since(self._id, seq, _CHANGES_AT_ONCE))
                for change in found:
                    made.apply(change, Shared())
                    seq = change.seq
            if len(found) < _CHANGES_AT_ONCE:
                break
        return seq

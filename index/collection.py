"""One collection as a searchable thing: its views, kept up with the catalog."""

from __future__ import annotations

import shutil
import threading
import time
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import OperationalError

from index.coded import sample_size
from index.dense import DenseView
from index.disk import passes
from index.errors import EmbedderMismatch, NotFound
from index.lexical import LexicalView
from index.sharing import Shared
from index.sight import EVERYTHING
from index.vector_file import DamagedVectors

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from index.catalog import Catalog
    from index.coded import Coded
    from index.config import ViewConfig
    from index.filters import Filter
    from index.sight import Sight
    from index.types import Allowed, CollectionRecord, Hit, Query
    from index.view import View

log = structlog.get_logger(__name__)

# Times as long as making an index anew took, until it may be done again.
_REST = 20
# Changes read in one transaction.
_CHANGES_AT_ONCE = 64
_KINDS = (DenseView.name, LexicalView.name)


class Collection:
    """The views of one collection. Thread-safe."""

    def __init__(
        self, catalog: Catalog, collection_id: int, name: str, folder: Path, config: ViewConfig | None = None
    ) -> None:
        self.id = collection_id
        self.name = name
        self._catalog = catalog
        self._folder = folder
        self._config = config
        self._lock = threading.Lock()
        self._views: dict[str, View] = {}
        self._embedder: str | None = None
        self._flushing = threading.Lock()
        self._compacting = threading.Lock()
        self._compact_at = 0.0
        self._growing: threading.Thread | None = None
        self._grow_at = 0.0
        self._closing = threading.Event()
        # Why a view could not be opened the last time, if one could not.
        self._unopened: OSError | None = None

    def views(self) -> dict[str, View]:
        """The views by name, opened at first use and caught up with the catalog.

        Empty while the collection holds no passages, because only then is the vectors' length unknown.

        Raises:
            OSError: Not one of them can be opened, because the disk is full or failing.
        """
        with self._lock:
            # Read under the lock: a number from before another thread caught up would look like a catalog
            # that was restored from an older copy, and the views would be thrown away.
            record = self._catalog.collection(self.name)
            self._embedder = record.embedder
            if len(self._views) < len(_KINDS) and record.dimensions is not None:
                self._open(record.dimensions)
            for view in self._views.values():
                try:
                    self._catch_up(view, record)
                except OSError as error:
                    if not passes(error):
                        raise
                    # The catalog drops what has gone. What has come is found by the other view meanwhile, and by
                    # this one when the disk is well again.
                    log.exception("view_behind", view=view.name, collection=self.name)
            self._grow_if_due()
        return self._views

    def search(
        self,
        query: Query,
        limit: int,
        names: Sequence[str],
        wanted: Filter | None = None,
        sight: Sight = EVERYTHING,
    ) -> dict[str, list[Hit]]:
        """Ask the named views.

        Args:
            query: The question.
            limit: At most so many hits of each view.
            names: Which views to ask.
            wanted: A metadata filter.
            sight: Who asks: the views look at no passage that they may not see.

        Returns:
            Hits by view, best first. Some may be of passages that have gone meanwhile: the catalog says.

        Raises:
            InvalidFilter: The filter is not of the documented form.
            EmbedderMismatch: The collection's vectors come from another model than the question's.
            OSError: None of these views can be opened, because the disk is full or failing.
        """
        # The views first: a document that comes meanwhile is then at most missing, and never without its filter.
        views = self.views()
        if query.embedder is not None and self._embedder not in (None, query.embedder):
            raise EmbedderMismatch(
                f"Collection {self.name!r} was embedded with {self._embedder}, and this server runs "
                f"{query.embedder}. Start it with the former model (FOOTNOTE_EMBEDDER), or use another collection."
            )
        if self._unopened is not None and not any(name in views for name in names):
            raise self._unopened
        allowed = None
        if wanted is not None or self._catalog.restricts(self.id, sight):
            allowed = self._catalog.allowed(self.id, wanted or {}, sight)
        return {name: self._asked(views[name], query, limit, allowed) for name in names if name in views}

    def _asked(self, view: View, query: Query, limit: int, allowed: Allowed | None) -> list[Hit]:
        try:
            return view.search(query, limit, allowed)
        except DamagedVectors:
            log.exception("view_damaged", view=view.name, collection=self.name)
            self.rebuild(view.name)
            return view.search(query, limit, allowed)

    def rarity(self, words: Iterable[str]) -> dict[str, float]:
        """How rare index terms are here (inverse document frequency); empty without passages."""
        view = self.views().get(LexicalView.name)
        return view.rarity(words) if isinstance(view, LexicalView) else {}

    def weights(self, words: Iterable[str]) -> dict[str, float]:
        """How much index terms weigh in the search by words; empty without passages."""
        view = self.views().get(LexicalView.name)
        return view.weights(words) if isinstance(view, LexicalView) else {}

    def agreement(self) -> list[tuple[int, int, int]]:
        """How far each opened view is from the catalog, at one moment and without catching up.

        Returns:
            Changes not applied, and, for a view that has applied all, passages that it lacks and that it has too many.
        """
        with self._lock:
            if not self._views:
                return []
            try:
                seq, live = self._catalog.live_ids(self.id)
            except NotFound:
                return []
            found = []
            for view in self._views.values():
                behind = max(0, seq - view.watermark)
                ids = live if behind else view.ids()
                found.append((behind, len(live - ids), len(ids - live)))
        return found

    def watermarks(self) -> dict[str, int]:
        """The change that each open view has applied, without waiting for one that is catching up."""
        return {name: view.watermark for name, view in list(self._views.items())}

    def rebuild(self, name: str) -> None:
        """Throw one view away and make it again from the catalog."""
        view = self.views()[name]
        with self._lock:
            view.reset()
        self.views()

    def compact(self, *, at_once: bool = False) -> None:
        """Make the index by words anew if passages were removed from it, so that nothing of them is left.

        It is then what a rebuild gives, to the last digit of a score. Searches go on meanwhile. Unless ``at_once``,
        it takes at most a small share of the time: the longer it took, the later it is done again.
        """
        view = self._views.get(LexicalView.name)
        if (
            not isinstance(view, LexicalView)
            or not view.holds_removed
            or (time.monotonic() < self._compact_at and not at_once)
            or not self._compacting.acquire(blocking=False)
        ):
            return
        began = time.monotonic()
        try:
            fresh = view.anew()
            fresh.apply(self._catalog.changes_since(self.id, 0))
            with self._lock:
                if self._views.get(LexicalView.name) is view:
                    # What came while it was made.
                    fresh.apply(self._catalog.changes_since(self.id, fresh.watermark))
                    view.take_over(fresh)
                else:
                    # The collection was deleted meanwhile.
                    shutil.rmtree(self._folder, ignore_errors=True)
        except OSError:
            if self._views.get(LexicalView.name) is view:
                raise
            # It was deleted, and its folder with it, while files were made there.
            shutil.rmtree(self._folder, ignore_errors=True)
        finally:
            self._compact_at = time.monotonic() + _REST * (time.monotonic() - began)
            self._compacting.release()

    def flush(self) -> None:
        """Bring the views' memory to disk. Searches go on meanwhile."""
        with self._flushing:
            for view in list(self._views.values()):
                view.flush()

    def close(self) -> None:
        """Flush and let go of files. On a full disk the next start takes longer, and nothing else is lost."""
        self._stop_growing()
        with self._flushing, self._lock:
            for view in self._views.values():
                try:
                    view.close()
                except OSError as error:
                    if not passes(error):
                        raise
                    log.exception("view_not_flushed", view=view.name, collection=self.name)

    def remove(self) -> None:
        """Delete the views' files. The collection is not used afterwards."""
        self._stop_growing()
        with self._flushing, self._lock:
            dense = self._views.get(DenseView.name)
            if dense is not None:
                dense.reset()
            self._views = {}
            shutil.rmtree(self._folder, ignore_errors=True)

    def _open(self, dimensions: int) -> None:
        """Open the views that are not; one that the disk prevents is tried again the next time."""
        self._unopened = None
        for name in _KINDS:
            if name in self._views:
                continue
            try:
                view: View = (
                    LexicalView(self._folder)
                    if name == LexicalView.name
                    else DenseView(self._folder, dimensions, self._config)
                )
                self._views[name] = view
            except OSError as error:
                if not passes(error):
                    raise
                log.exception("view_not_opened", view=name, collection=self.name)
                self._unopened = error
        if self._unopened is not None and not self._views:
            raise self._unopened

    def _catch_up(self, view: View, record: CollectionRecord) -> None:
        if view.watermark > record.seq:
            # The catalog was restored from an older copy: what the view knows more is not the truth.
            view.reset()
        if isinstance(view, DenseView) and view.watermark == 0 and not view.fits(record.passages):
            view.take_over(self._coded(view), 0)
        if view.watermark < record.seq:
            view.apply(self._catalog.changes_since(self.id, view.watermark))

    def _grow_if_due(self) -> None:
        view = self._views.get(DenseView.name)
        if (
            isinstance(view, DenseView)
            and view.outgrown
            and time.monotonic() >= self._grow_at
            and (self._growing is None or not self._growing.is_alive())
        ):
            self._growing = threading.Thread(target=self._grow, args=(view,), name="grow", daemon=True)
            self._growing.start()

    def _stop_growing(self) -> None:
        self._closing.set()
        if self._growing is not None:
            self._growing.join()

    def _grow(self, view: DenseView) -> None:
        """Make the search by meaning anew, in the way that fits its size, while the former one goes on."""
        began = time.monotonic()
        coded, taken = None, False
        try:
            coded = self._coded(view)
            seq = self._replay(coded, 0)
            with self._lock:
                # What came while it was made.
                seq = self._replay(coded, seq)
                if not self._closing.is_set():
                    view.take_over(coded, seq)
                    taken = True
            if taken:
                self.flush()
                log.info("view_grown", view=view.name, collection=self.name, vectors=len(coded))
        except NotFound:
            # It was deleted meanwhile, or all that was in it.
            pass
        except (OSError, OperationalError) as error:
            if not passes(error):
                raise
            log.exception("view_not_grown", view=view.name, collection=self.name)
        finally:
            if not taken:
                self._grow_at = time.monotonic() + _REST * (time.monotonic() - began)
                if coded is not None:
                    coded.discard()

    def _coded(self, view: DenseView) -> Coded:
        """A search by codes that knows how this collection's vectors lie, and none of them yet."""
        count = self._catalog.collection(self.name).passages
        return view.anew(self._catalog.sampled_vectors(self.id, sample_size(count)), count)

    def _replay(self, coded: Coded, seq: int) -> int:
        """Apply what came after a change; returns the last one applied."""
        while not self._closing.is_set():
            # Not all in one reading, which would keep what is deleted meanwhile in the database's log.
            found = list(self._catalog.changes_since(self.id, seq, _CHANGES_AT_ONCE))
            for change in found:
                coded.apply(change, Shared())
                seq = change.seq
            if len(found) < _CHANGES_AT_ONCE:
                break
        return seq

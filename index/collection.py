"""One collection as a searchable thing: its views, kept up with the catalog."""

from __future__ import annotations

import shutil
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from index.dense import DenseView
from index.disk import passes
from index.errors import EmbedderMismatch
from index.extents import Extents
from index.growth import Growth
from index.lexical import LexicalView
from index.sight import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from concurrent.futures import Executor
    from pathlib import Path

    from index.catalog import Catalog
    from index.config import ViewConfig
    from index.filters import Filter
    from index.sight import Sight
    from index.types import Hit, IdRange, Query
    from index.view import View

log = structlog.get_logger(__name__)

# Times as long as making an index anew took, until it may be done again.
_REST = 20
# Seconds that the end of the process waits for what is being made anew, and would be for nothing.
_PATIENCE_S = 5.0
_KINDS = (DenseView.name, LexicalView.name)


class Collection:
    """The views of one collection. Thread-safe.

    Args:
        catalog: What the views follow.
        collection_id: Of the collection.
        name: Of the collection.
        folder: Of the views' files.
        config: How it is searched.
        threads: In which views are asked beside one another; None asks them in turn.
    """

    def __init__(
        self,
        catalog: Catalog,
        collection_id: int,
        name: str,
        folder: Path,
        config: ViewConfig | None = None,
        threads: Executor | None = None,
    ) -> None:
        self.id = collection_id
        self._threads = threads
        self.name = name
        self._catalog = catalog
        self._folder = folder
        self._config = config
        self._lock = threading.Lock()
        self._views: dict[str, View] = {}
        self._extents = Extents()
        self._embedder: str | None = None
        self._flushing = threading.Lock()
        self._compacting = threading.Lock()
        self._compact_at = 0.0
        self._growth = Growth(catalog, collection_id, self._lock)
        # Why a view could not be opened the last time, if one could not.
        self._unopened: OSError | None = None

    def views(self) -> dict[str, View]:
        """The views by name, opened at first use and caught up with the catalog.

        Empty while the collection holds no passages, because only then is the vectors' length unknown.

        Raises:
            OSError: Not one of them can be opened, because the disk is full or failing.
        """
        state = self._catalog.state(self.id)
        if len(self._views) == len(_KINDS) and self._is_at(state.seq):
            return self._views
        with self._lock:
            # Read under the lock: a number from before another thread caught up would look like a catalog
            # that was restored from an older copy, and the views would be thrown away.
            state = self._catalog.state(self.id)
            self._embedder = state.embedder
            if len(self._views) < len(_KINDS) and state.dimensions is not None:
                self._open(state.dimensions)
            self._follow(state.seq)
            for view in self._views.values():
                try:
                    self._catch_up(view, state.seq)
                except OSError as error:
                    if not passes(error):
                        raise
                    # The catalog drops what has gone. What has come is found by the other view meanwhile, and by
                    # this one when the disk is well again.
                    log.exception("view_behind", view=view.name, collection=self.name)
            self._grow()
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
        asked = [views[name] for name in names if name in views]
        if self._threads is None:
            hits = [view.search(query, limit, allowed) for view in asked]
        else:
            # Both kinds of search let go of the interpreter, so that one goes on beside the other.
            beside = [self._threads.submit(view.search, query, limit, allowed) for view in asked[1:]]
            here = [view.search(query, limit, allowed) for view in asked[:1]]
            hits = [*here, *(each.result() for each in beside)]
        dense = views.get(DenseView.name)
        if isinstance(dense, DenseView) and dense.damaged:
            with self._lock:
                self._grow()
        return {view.name: each for view, each in zip(asked, hits, strict=True)}

    def places(self, ids: Sequence[int]) -> dict[int, IdRange]:
        """The ids of the document that each of the passages is of, as of the last search; of live ones only."""
        return self._extents.around(ids)

    def rarity(self, words: Iterable[str]) -> dict[str, float]:
        """How rare index terms are here (inverse document frequency); empty without passages."""
        view = self._by_words()
        return view.rarity(words) if view is not None else {}

    def weights(self, words: Iterable[str]) -> dict[str, float]:
        """How much index terms weigh in the search by words; empty without passages."""
        view = self._by_words()
        return view.weights(words) if view is not None else {}

    def agreement(self) -> list[tuple[int, int, int]]:
        """How far each opened view is from the catalog, at one moment and without catching up.

        Passages are counted, not compared: that takes as long for a million of them as for one. ``doctor`` compares.

        Returns:
            Changes not applied, and, for a view that has applied all, passages that it lacks and that it has too many.
        """
        with self._lock:
            if not self._views:
                return []
            extents = self._catalog.extents(self.id)
            if extents.watermark == 0:
                # It was deleted in this moment.
                return []
            live = extents.passages
            found = []
            for view in self._views.values():
                behind = max(0, extents.watermark - view.watermark)
                held = live if behind else view.count
                found.append((behind, max(0, live - held), max(0, held - live)))
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
            # Outside of the lock: merging may take long.
            view.settle()
            fresh.settle()
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
        self._growth.stop(_PATIENCE_S)
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
        self._growth.stop()
        with self._flushing, self._lock:
            for view in self._views.values():
                # Nothing may be written into the folder any more when it goes; on a full disk that much is left.
                with suppress(OSError):
                    view.reset()
            self._views = {}
            shutil.rmtree(self._folder, ignore_errors=True)

    def _by_words(self) -> LexicalView | None:
        """The view by words as of the last search: what is asked of it here belongs to what was found then."""
        view = self._views.get(LexicalView.name) or self.views().get(LexicalView.name)
        return view if isinstance(view, LexicalView) else None

    def _is_at(self, seq: int) -> bool:
        """Whether all that is open has applied this change, and nothing after it."""
        return self._extents.watermark == seq and all(
            view.watermark == seq for view in list(self._views.values())
        )

    def _follow(self, seq: int) -> None:
        """Bring the extents to a change, or read them anew where they are not known yet."""
        before = self._extents
        if before.watermark == seq:
            return
        if not 0 < before.watermark < seq:
            self._extents = self._catalog.extents(self.id)
            return
        moves = self._catalog.moves_since(self.id, before.watermark)
        self._extents = before.after(moves)
        for each in moves:
            if each.removed is not None:
                self._growth.forget(each.removed)

    def _grow(self) -> None:
        """Begin to make the view by meaning anew where that is due."""
        dense = self._views.get(DenseView.name)
        if isinstance(dense, DenseView) and dense.outgrown:
            self._growth.begin(dense, self._extents.passages)

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
                    else DenseView(self._folder, dimensions, self._config, self._catalog.vectors)
                )
                self._views[name] = view
            except OSError as error:
                if not passes(error):
                    raise
                log.exception("view_not_opened", view=name, collection=self.name)
                self._unopened = error
        if self._unopened is not None and not self._views:
            raise self._unopened

    def _catch_up(self, view: View, seq: int) -> None:
        if view.watermark > seq:
            # The catalog was restored from an older copy: what the view knows more is not the truth.
            view.reset()
        passages = self._extents.passages
        if isinstance(view, DenseView) and view.watermark == 0 and not view.fits(passages):
            view.take_over(self._growth.begun(view, passages), 0)
        if view.watermark < seq:
            view.apply(self._catalog.changes_since(self.id, view.watermark))

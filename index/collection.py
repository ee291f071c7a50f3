"""One collection as a searchable thing: its views, kept up with the catalog."""

from __future__ import annotations

import shutil
import threading
from typing import TYPE_CHECKING

from index.dense import DenseView
from index.errors import EmbedderMismatch
from index.lexical import LexicalView

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from index.catalog import Catalog
    from index.filters import Filter
    from index.types import CollectionRecord, Hit, Query
    from index.view import View


class Collection:
    """The views of one collection. Thread-safe."""

    def __init__(self, catalog: Catalog, collection_id: int, name: str, folder: Path) -> None:
        self.id = collection_id
        self.name = name
        self._catalog = catalog
        self._folder = folder
        self._lock = threading.Lock()
        self._views: dict[str, View] = {}
        self._embedder: str | None = None

    def views(self) -> dict[str, View]:
        """The views by name, opened at first use and caught up with the catalog.

        Empty while the collection holds no passages, because only then is the vectors' length unknown.
        """
        with self._lock:
            # Read under the lock: a number from before another thread caught up would look like a catalog
            # that was restored from an older copy, and the views would be thrown away.
            record = self._catalog.collection(self.name)
            self._embedder = record.embedder
            if not self._views and record.dimensions is not None:
                folder = self._folder
                opened: tuple[View, ...] = (DenseView(folder, record.dimensions), LexicalView(folder))
                self._views = {view.name: view for view in opened}
            for view in self._views.values():
                self._catch_up(view, record)
        return self._views

    def search(
        self, query: Query, limit: int, names: Sequence[str], wanted: Filter | None = None
    ) -> dict[str, list[Hit]]:
        """Ask the named views.

        Args:
            query: The question.
            limit: At most so many hits of each view.
            names: Which views to ask.
            wanted: A metadata filter.

        Returns:
            Hits by view, best first. Some may be of passages that have gone meanwhile: the catalog says.

        Raises:
            InvalidFilter: The filter is not of the documented form.
            EmbedderMismatch: The collection's vectors come from another model than the question's.
        """
        # The views first: a document that comes meanwhile is then at most missing, and never without its filter.
        views = self.views()
        if query.embedder is not None and self._embedder not in (None, query.embedder):
            raise EmbedderMismatch(
                f"Collection {self.name!r} was embedded with {self._embedder}, and this server runs "
                f"{query.embedder}. Start it with the former model (FOOTNOTE_EMBEDDER), or use another collection."
            )
        allowed = None if wanted is None else self._catalog.allowed(self.id, wanted)
        return {name: views[name].search(query, limit, allowed) for name in names if name in views}

    def rarity(self, words: Iterable[str]) -> dict[str, float]:
        """How rare index terms are here (inverse document frequency); empty without passages."""
        view = self.views().get(LexicalView.name)
        return view.rarity(words) if isinstance(view, LexicalView) else {}

    def weights(self, words: Iterable[str]) -> dict[str, float]:
        """How much index terms weigh in the search by words; empty without passages."""
        view = self.views().get(LexicalView.name)
        return view.weights(words) if isinstance(view, LexicalView) else {}

    def watermarks(self) -> dict[str, int]:
        """The change that each open view has applied, without waiting for one that is catching up."""
        return {name: view.watermark for name, view in list(self._views.items())}

    def rebuild(self, name: str) -> None:
        """Throw one view away and make it again from the catalog."""
        view = self.views()[name]
        with self._lock:
            view.reset()
        self.views()

    def flush(self) -> None:
        """Bring the views' memory to disk."""
        with self._lock:
            for view in self._views.values():
                view.flush()

    def close(self) -> None:
        """Flush and let go of files."""
        with self._lock:
            for view in self._views.values():
                view.close()

    def remove(self) -> None:
        """Delete the views' files. The collection is not used afterwards."""
        with self._lock:
            self._views = {}
            shutil.rmtree(self._folder, ignore_errors=True)

    def _catch_up(self, view: View, record: CollectionRecord) -> None:
        if view.watermark > record.seq:
            # The catalog was restored from an older copy: what the view knows more is not the truth.
            view.reset()
        if view.watermark < record.seq:
            view.apply(self._catalog.changes_since(self.id, view.watermark))

"""Search among all vectors of a small collection, in memory.

https://faiss.ai/cpp_api/struct/structfaiss_1_1IndexIDMap2.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from index.sharing import Shared
    from index.types import Change, IdRange
    from ingest.types import FloatVector


class Exact:
    """Every vector is compared. One thread at a time changes it, while nobody searches."""

    def __init__(self, dimensions: int, content: bytes | None = None) -> None:
        """Take a copy from ``frozen`` that was written out, or start empty."""
        self._index: Any = (
            faiss.IndexIDMap2(faiss.IndexFlatIP(dimensions))
            if content is None
            else faiss.deserialize_index(np.frombuffer(content, dtype=np.uint8))
        )

    def __len__(self) -> int:
        """Vectors that can be found."""
        return int(self._index.ntotal)

    def apply(self, change: Change, shared: Shared) -> None:
        """Remove and add what a change says, while searches wait."""
        with shared.writing():
            if change.removed:
                self._index.remove_ids(faiss.IDSelectorRange(change.removed.first, change.removed.last + 1))
            if change.added:
                ids = np.arange(change.added.ids.first, change.added.ids.last + 1, dtype=np.int64)
                self._index.add_with_ids(np.ascontiguousarray(change.added.vectors, np.float32), ids)

    def search(
        self, vector: FloatVector, limit: int, ranges: Sequence[IdRange] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Ids and inner products of the best, best first; of these ranges only, where given."""
        parameters = None
        if ranges is not None:
            wanted = [np.arange(r.first, r.last + 1, dtype=np.int64) for r in ranges]
            chosen = np.concatenate(wanted) if wanted else np.empty(0, np.int64)
            parameters = faiss.SearchParameters(sel=faiss.IDSelectorBatch(chosen))  # type: ignore[call-arg]
        scores, ids = self._index.search(vector.reshape(1, -1), min(limit, len(self)), params=parameters)
        there = ids[0] >= 0
        return ids[0][there], scores[0][there]

    def discard(self) -> None:
        """There are no files to let go of."""

    def ids(self) -> NDArray[np.int64]:
        """Ids of all vectors."""
        found: NDArray[np.int64] = faiss.vector_to_array(self._index.id_map)
        return found

    def vector(self, passage_id: int) -> FloatVector:
        """One vector, shape (dimensions,)."""
        return np.asarray(self._index.reconstruct(passage_id), dtype=np.float32)

    def frozen(self) -> Any:
        """A copy of everything, which takes less time than writing it out."""
        return faiss.clone_index(self._index)

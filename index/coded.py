"""Search among many vectors by short codes, the best of which are compared exactly.

Vectors are turned by a random rotation, sorted into lists around centres found by k-means, and kept there as one bit a
dimension (RaBitQ: Gao and Long, SIGMOD 2024, https://arxiv.org/abs/2405.12497; https://faiss.ai). A question looks
into the lists nearest to it, and some times as many candidates as are wanted are read from disk and compared to the
last digit. Memory: 56 bytes of code at 384 dimensions, 8 of id, 13 of listing for each vector.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from index.sharing import Shared
    from index.types import Change, IdRange
    from index.vector_file import VectorFile
    from ingest.types import FloatMatrix, FloatVector

    # Vectors by passage id, as the catalog has them.
    Stored = Callable[[Sequence[int]], Mapping[int, FloatVector]]

# Candidates read from disk for each hit that is wanted, and the least number of them.
_READ, _LEAST_READ = 3, 100
# Share of the lists that a question looks into, and the least number of them.
_PROBED_SHARE, _PROBED = 1 / 4, 32
# Vectors for each list that the centres are found from, FAISS's own least without a warning being 39.
_SAMPLE = 40
# Bits that a question is rounded to where it meets the codes.
_QUERY_BITS = 8
# Where fewer passages than this are allowed, each is compared exactly.
_FEW = 20_000
# Vectors whose codes are added at a time, while searches wait.
_PIECE = 256


def lists_for(count: int) -> int:
    """How many lists serve so many vectors, and four times as many still well."""
    return max(16, int(4 * (2 * count) ** 0.5))


def sample_size(count: int) -> int:
    """How many of so many vectors the centres are found from."""
    return min(count, _SAMPLE * lists_for(count))


def trained(sample: FloatMatrix, count: int) -> Any:
    """An empty index for about ``count`` vectors, from a random sample of them; the same sample gives the same."""
    dimensions = sample.shape[1]
    rotation = faiss.RandomRotationMatrix(dimensions, dimensions)
    rotation.init(1)
    lists = min(lists_for(count), len(sample))
    inner = faiss.IndexIVFRaBitQ(
        faiss.IndexFlatIP(dimensions), dimensions, lists, faiss.METRIC_INNER_PRODUCT, True, 1
    )
    inner.cp.min_points_per_centroid = 1
    inner.train(rotation.apply(np.ascontiguousarray(sample, np.float32)))
    return faiss.IndexPreTransform(rotation, inner)


class Coded:
    """Codes in memory over vectors on disk. One thread at a time changes it, while nobody searches."""

    def __init__(self, index: Any, file: VectorFile, stored: Stored) -> None:
        """Take an index and the file with exactly its vectors, and where those are found that the file has lost."""
        self.index = index
        self.file = file
        self._stored = stored
        # Whether a row of the file could not be read as it was written.
        self.damaged = False
        # FAISS hands out base classes, and frees what nobody holds.
        rotation: Any = faiss.downcast_VectorTransform(index.chain.at(0))
        self._rotation = rotation
        # For one vector FAISS would wake all threads, which takes longer than a search.
        self._matrix: FloatMatrix = faiss.vector_to_array(rotation.A).reshape(rotation.d_out, rotation.d_in)
        self._inner: Any = faiss.downcast_index(index.index)

    def __len__(self) -> int:
        """Vectors that can be found."""
        return int(self._inner.ntotal)

    @property
    def lists(self) -> int:
        """How many lists the vectors are sorted into."""
        return int(self._inner.nlist)

    def apply(self, change: Change, shared: Shared) -> None:
        """Remove and add what a change says. Searches wait while vectors are written and codes moved, not while made.

        Raises:
            OSError: The vectors could not be written. Applying the change again is right.
        """
        # Of a long history most removals name what was never added here, and each would look at every code.
        if change.removed and self.file.count_in([change.removed]):
            with shared.writing():
                self._remove(change.removed)
        if not change.added:
            return
        ids, vectors = change.added.ids, change.added.vectors
        with shared.writing():
            if self.file.count_in([ids]):
                # What a try before has left.
                self._remove(ids)
            self.file.append(ids, vectors)
        for at in range(0, len(vectors), _PIECE):
            turned, lists = self._sorted_in(vectors[at : at + _PIECE])
            with shared.writing():
                self._add(ids.first + at, turned, lists)

    def ids(self) -> NDArray[np.int64]:
        """Ids of all vectors."""
        return self.file.ids()

    def vector(self, passage_id: int) -> FloatVector:
        """One vector, shape (dimensions,)."""
        row: FloatVector = self._read(np.array([passage_id]))[1][0]
        return row

    def frozen(self) -> Any:
        """A copy of everything but vectors and their listing, which takes less time than writing it out."""
        return faiss.clone_index(self.index)

    def discard(self) -> None:
        """Remove the file of something that is not used after all."""
        self.file.discard()

    def _sorted_in(self, vectors: FloatMatrix) -> tuple[FloatMatrix, NDArray[np.int64]]:
        """Vectors as codes are made of them, and the list of each."""
        turned = self._rotation.apply(np.ascontiguousarray(vectors, np.float32))
        _, lists = self._inner.quantizer.search(turned, 1)
        return turned, np.ascontiguousarray(lists.ravel())

    def _add(self, first: int, turned: FloatMatrix, lists: NDArray[np.int64]) -> None:
        ids = np.arange(first, first + len(turned), dtype=np.int64)
        pointers = (faiss.swig_ptr(each) for each in (turned, ids, lists))
        self._inner.add_core(len(turned), *pointers)

    def _remove(self, ids: IdRange) -> None:
        self._inner.remove_ids(faiss.IDSelectorRange(ids.first, ids.last + 1))
        self.file.erase(ids)

    def search(
        self, vector: FloatVector, limit: int, ranges: Sequence[IdRange] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Ids and inner products of the best, best first; of these ranges only, where given."""
        admitted = None if ranges is None else self.file.count_in(ranges)
        if ranges is not None and admitted is not None and admitted <= _FEW:
            found = [self.file.read_range(each) for each in ranges]
            ids = np.concatenate([np.empty(0, np.int64), *(each for each, _ in found)])
            scores = np.concatenate([np.empty(0, np.float32), *(rows @ vector for _, rows in found)])
            ids, _ = best(ids, scores, limit)
        else:
            ids = self._candidates(vector, max(_READ * limit, _LEAST_READ), ranges, admitted)
        # In the order of the file, which is that of ids.
        ids, rows = self._read(np.sort(ids))
        return best(ids, rows @ vector, limit)

    def _read(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], FloatMatrix]:
        """Vectors of some ids; what the file has lost comes from the catalog, and what that has lost is left out."""
        rows, good = self.file.read(ids)
        if good.all():
            return ids, rows
        self.damaged = True
        found = self._stored(ids[~good].tolist())
        for at in np.flatnonzero(~good).tolist():
            if int(ids[at]) in found:
                rows[at], good[at] = found[int(ids[at])], True
        return ids[good], rows[good]

    def _candidates(
        self, vector: FloatVector, count: int, ranges: Sequence[IdRange] | None, admitted: int | None
    ) -> NDArray[np.int64]:
        probed = max(_PROBED, int(self.lists * _PROBED_SHARE))
        # Enough lists that twice the candidates stand in them, also where only some may be found.
        admitted = max(1, len(self) if admitted is None else admitted)
        probed = max(probed * len(self) // admitted, 2 * count * self.lists // admitted)
        options: dict[str, Any] = {"nprobe": min(self.lists, probed), "qb": _QUERY_BITS}
        if ranges is not None:
            bits = bitmap(ranges)
            options["sel"] = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
        turned = (self._matrix @ vector)[None, :]
        parameters = faiss.IVFRaBitQSearchParameters(**options)
        _, found = self._inner.search(turned, min(count, len(self)), params=parameters)
        ids: NDArray[np.int64] = found[0][found[0] >= 0]
        return ids


def best(
    ids: NDArray[np.int64], scores: NDArray[np.float32], limit: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The highest scores, highest first, equal ones by id."""
    order = np.lexsort((ids, -scores))[:limit]
    return ids[order], scores[order]


def bitmap(ranges: Sequence[IdRange]) -> NDArray[np.uint8]:
    """One bit for each id up to the highest, set for those in the ranges."""
    # One step up where each begins and one down after it; ranges may overlap.
    steps = np.zeros(max((each.last for each in ranges), default=0) + 2, np.int32)
    np.add.at(steps, [each.first for each in ranges], 1)
    np.add.at(steps, [each.last + 1 for each in ranges], -1)
    return np.packbits(np.cumsum(steps[:-1]) > 0, bitorder="little")

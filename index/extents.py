"""Which passages stand together: the ids of each live document's passages, in memory, kept up with the changes.

A search asks this of some hundred passages. The catalog would look each of them up among rows that hold texts and
vectors; here it is a binary search in two arrays, 16 bytes for each document.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from index.types import IdRange

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from index.types import Moved


def _none() -> NDArray[np.int64]:
    return np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Extents:
    """The extents of a collection's live documents at one change. It never changes itself.

    Attributes:
        watermark: Number of the change.
        first: The first passage's id of each document, in rising order, shape (documents,).
        last: The last one's, likewise.
    """

    watermark: int = 0
    first: NDArray[np.int64] = field(default_factory=_none)
    last: NDArray[np.int64] = field(default_factory=_none)

    @property
    def passages(self) -> int:
        """Of all documents together."""
        return int((self.last - self.first + 1).sum())

    @classmethod
    def of(cls, watermark: int, ranges: Iterable[IdRange]) -> Extents:
        """From the extents themselves, in any order."""
        rows = np.array(sorted((each.first, each.last) for each in ranges), np.int64).reshape(-1, 2)
        return cls(watermark, rows[:, 0].copy(), rows[:, 1].copy())

    def after(self, changes: Iterable[Moved]) -> Extents:
        """As they are after these changes, which are in order and follow the watermark."""
        watermark, first, last = self.watermark, self.first, self.last
        for change in changes:
            watermark = change.seq
            if change.removed is not None:
                kept = (first < change.removed.first) | (first > change.removed.last)
                first, last = first[kept], last[kept]
            if change.added is not None:
                at = int(np.searchsorted(first, change.added.first))
                first, last = np.insert(first, at, change.added.first), np.insert(last, at, change.added.last)
        return Extents(watermark, first, last)

    def around(self, ids: Sequence[int]) -> dict[int, IdRange]:
        """The extent of the document that each passage is of; ids of no live document are left out."""
        if not len(self.first):
            return {}
        wanted = np.array(ids, np.int64)
        at = np.searchsorted(self.first, wanted, side="right") - 1
        inside = (at >= 0) & (wanted <= self.last[at])
        at = at[inside]
        rows = zip(wanted[inside].tolist(), self.first[at].tolist(), self.last[at].tolist(), strict=True)
        return {passage: IdRange(first, last) for passage, first, last in rows}

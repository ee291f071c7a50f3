"""Vectors of a large collection on disk, of which a search reads a few rows.

Rows are appended and erased, never moved: a kill leaves at most rows at the end that no listing names. Reading goes
through ``pread`` and not through a mapped file, so that a failing disk is an ``OSError`` and not the process's end.
"""

from __future__ import annotations

import os
import zlib
from typing import TYPE_CHECKING

import numpy as np

from index.disk import passes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from index.types import IdRange
    from ingest.types import FloatMatrix

# Rows erased or copied at a time.
_ROWS_AT_ONCE = 4096
# What is listed of a row: the passage, a checksum of its bytes, and whether it was not erased.
_LISTED = np.dtype([("id", "<i8"), ("check", "<u4"), ("alive", "?")])


class DamagedVectors(Exception):
    """Files are not what was written. The view is made anew from the catalog."""


class VectorFile:
    """float32 rows under ascending ids. Not thread-safe where it changes; reading is."""

    def __init__(self, path: Path, dimensions: int, listing: bytes | None = None) -> None:
        """Open a file for what its listing names, or make an empty one.

        Args:
            path: The file. What stands in it beyond the listing is cut off.
            dimensions: Length of a row.
            listing: What ``listing`` gave; None for a new file.

        Raises:
            DamagedVectors: The file is shorter than its listing says, or that is no listing.
            OSError: It cannot be opened.
        """
        self.path = path
        self._dimensions = dimensions
        self._row_bytes = 4 * dimensions
        self._ids = np.empty(0, np.int64)
        self._checks = np.empty(0, np.uint32)
        self._alive = np.empty(0, bool)
        self._count = 0
        flags = os.O_RDWR | os.O_CLOEXEC
        if listing is None:
            flags |= os.O_CREAT | os.O_EXCL
        else:
            if len(listing) % _LISTED.itemsize:
                raise DamagedVectors(f"The listing of {path.name} is of another kind.")
            stored = np.frombuffer(listing, _LISTED)
            self._ids, self._checks, self._alive = (stored[name].copy() for name in _LISTED.names or ())
            self._count = len(self._ids)
        self._file = os.open(path, flags, 0o600)
        if os.fstat(self._file).st_size < self._count * self._row_bytes:
            self.close()
            raise DamagedVectors(f"{path.name} is shorter than its listing says.")
        os.ftruncate(self._file, self._count * self._row_bytes)

    def __len__(self) -> int:
        """Rows that were not erased."""
        return int(self._alive[: self._count].sum())

    @property
    def erased(self) -> int:
        """Rows that take room for nothing."""
        return self._count - len(self)

    def ids(self) -> NDArray[np.int64]:
        """Ids of the rows that were not erased, ascending."""
        found: NDArray[np.int64] = self._ids[: self._count][self._alive[: self._count]]
        return found

    def listing(self) -> bytes:
        """Ids and checksums, without which the file says nothing."""
        n = self._count
        stored = np.empty(n, _LISTED)
        stored["id"], stored["check"], stored["alive"] = self._ids[:n], self._checks[:n], self._alive[:n]
        return stored.tobytes()

    def append(self, ids: IdRange, vectors: FloatMatrix) -> None:
        """Write rows under consecutive ids, which come after all ids so far.

        Raises:
            OSError: They could not be written. Appending them again is right.
        """
        first, end = self._places(ids)
        if end == self._count:
            # A try before was cut off after its rows.
            self._count = first
        if self._count and ids.first <= self._ids[self._count - 1]:
            raise ValueError(f"Passage {ids.first} comes after passage {self._ids[self._count - 1]}.")
        rows = np.ascontiguousarray(vectors, "<f4")
        self._write(rows.tobytes(), self._count)
        end = self._count + len(rows)
        self._make_room(end)
        self._ids[self._count : end] = np.arange(ids.first, ids.last + 1)
        self._checks[self._count : end] = [zlib.crc32(row.data) for row in rows]
        self._alive[self._count : end] = True
        self._count = end

    def erase(self, ids: IdRange) -> None:
        """Overwrite rows with zeros; ids that are not there are passed over."""
        first, end = self._places(ids)
        for at in range(first, end, _ROWS_AT_ONCE):
            self._write(bytes(min(_ROWS_AT_ONCE, end - at) * self._row_bytes), at)
        self._alive[first:end] = False

    def read(self, ids: NDArray[np.int64]) -> tuple[FloatMatrix, NDArray[np.bool_]]:
        """Rows of some ids, shape (len(ids), dimensions), and which of them are there and as they were written."""
        rows = np.zeros((len(ids), self._dimensions), "<f4")
        if not len(ids) or not self._count:
            return rows, np.zeros(len(ids), bool)
        known = self._ids[: self._count]
        places = np.minimum(np.searchsorted(known, ids), self._count - 1)
        good = known[places] == ids
        checks = self._checks[places].tolist()
        size, buffer = self._row_bytes, memoryview(rows.data).cast("B")
        for at in np.flatnonzero(good).tolist():
            row = buffer[at * size : (at + 1) * size]
            try:
                got = os.preadv(self._file, [row], int(places[at]) * size)
            except OSError as error:
                if not passes(error):
                    raise
                got = 0
            good[at] = got == size and zlib.crc32(row) == checks[at]
        return rows, good

    def read_range(self, ids: IdRange) -> tuple[NDArray[np.int64], FloatMatrix]:
        """All ids of a range that are there, and their rows, not checked."""
        first, end = self._places(ids)
        rows = np.empty((end - first, self._dimensions), "<f4")
        for at in range(0, len(rows), _ROWS_AT_ONCE):
            part = rows[at : at + _ROWS_AT_ONCE]
            if os.preadv(self._file, [part.data], (first + at) * self._row_bytes) != part.nbytes:
                raise DamagedVectors(f"{self.path.name} ends too early.")
        alive = self._alive[first:end]
        return self._ids[first:end][alive], rows[alive]

    def count_in(self, ranges: Sequence[IdRange]) -> int:
        """How many rows ``read_range`` would read for all of them."""
        known = self._ids[: self._count]
        firsts = np.searchsorted(known, [each.first for each in ranges])
        ends = np.searchsorted(known, [each.last for each in ranges], side="right")
        return int((ends - firsts).sum())

    def sync(self) -> None:
        """Bring what was written to disk."""
        os.fsync(self._file)

    def close(self) -> None:
        """Let go of the file. Reading is an error from now on, also where its number is given to another file."""
        file, self._file = self._file, -1
        os.close(file)

    def discard(self) -> None:
        """Let go of the file and remove it."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _write(self, content: bytes, row: int) -> None:
        left, at = memoryview(content), row * self._row_bytes
        while left:
            written = os.pwrite(self._file, left, at)
            left, at = left[written:], at + written

    def _places(self, ids: IdRange) -> tuple[int, int]:
        known = self._ids[: self._count]
        first = int(np.searchsorted(known, ids.first))
        return first, int(np.searchsorted(known, ids.last, side="right"))

    def _make_room(self, count: int) -> None:
        if count <= len(self._ids):
            return
        room = max(count, 2 * len(self._ids), 1024)
        for name in ("_ids", "_checks", "_alive"):
            old = getattr(self, name)
            new = np.zeros(room, old.dtype)
            new[: len(old)] = old
            setattr(self, name, new)

"""The dense view: exact inner-product search over unit vectors with FAISS.

https://faiss.ai/cpp_api/struct/structfaiss_1_1IndexIDMap2.html
"""

from __future__ import annotations

import hashlib
import json
import threading
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

from index.types import Hit
from index.view import read_manifest, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from index.types import Allowed, Change, IdRange, Query


class DenseView:
    """Searches by vector. Keeps a snapshot on disk and replays what came after it."""

    name = "dense"

    def __init__(self, folder: Path, dimensions: int) -> None:
        """Open the snapshot if it fits, else start empty.

        Args:
            folder: The collection's view folder.
            dimensions: Length of the vectors.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._dimensions = dimensions
        self._lock = threading.Lock()
        # Under which the snapshot is written or dropped. One that is being written when something is deleted still
        # holds it, and must be there to be dropped.
        self._files = threading.Lock()
        self._manifest = folder / "dense.json"
        self._flushed = -1
        self._index, self._watermark = self._open()

    @property
    def watermark(self) -> int:
        """See ``View``."""
        return self._watermark

    def apply(self, changes: Iterable[Change]) -> None:
        """See ``View``."""
        for change in changes:
            if change.seq <= self._watermark:
                continue
            with self._lock:
                if change.removed:
                    self._remove(change.removed)
                if change.added:
                    ids = np.arange(change.added.ids.first, change.added.ids.last + 1, dtype=np.int64)
                    self._index.add_with_ids(np.ascontiguousarray(change.added.vectors, np.float32), ids)
                self._watermark = change.seq
            if change.removed:
                # What was deleted must not stay behind in a snapshot.
                self._drop_snapshot()

    def search(self, query: Query, limit: int, allowed: Allowed | None = None) -> list[Hit]:
        """See ``View``."""
        if query.vector is None:
            raise ValueError("The dense view searches by vector, and the query has none.")
        parameters = None
        if allowed is not None:
            wanted = [np.arange(r.first, r.last + 1, dtype=np.int64) for r in allowed.ranges]
            ids = np.concatenate(wanted) if wanted else np.empty(0, np.int64)
            parameters = faiss.SearchParameters(sel=faiss.IDSelectorBatch(ids))  # type: ignore[call-arg]
        with self._lock:
            count = min(limit, self._index.ntotal)
            if count <= 0:
                return []
            scores, ids = self._index.search(query.vector.reshape(1, -1), count, params=parameters)
        found = [(int(i), float(s)) for i, s in zip(ids[0], scores[0], strict=True) if i >= 0]
        return [Hit(i, self.name, rank, score) for rank, (i, score) in enumerate(found, 1)]

    def ids(self) -> set[int]:
        """See ``View``."""
        with self._lock:
            return set(faiss.vector_to_array(self._index.id_map).tolist())

    def vector(self, passage_id: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        """The vector that searches compare with, shape (dimensions,)."""
        with self._lock:
            return np.asarray(self._index.reconstruct(passage_id), dtype=np.float32)

    def reset(self) -> None:
        """See ``View``."""
        with self._lock:
            self._index, self._watermark = self._empty(), 0
        self._drop_snapshot()

    def flush(self) -> None:
        """See ``View``."""
        with self._files:
            with self._lock:
                seq = self._watermark
                if seq == self._flushed or self._index.ntotal == 0:
                    return
                content = faiss.serialize_index(self._index).tobytes()
            # The manifest names a file that is complete on disk before the manifest is written.
            write_atomically(self._folder / f"dense-{seq}.faiss", content)
            manifest = {
                "seq": seq,
                "dimensions": self._dimensions,
                "file": f"dense-{seq}.faiss",
                "sha256": hashlib.sha256(content).hexdigest(),
            }
            write_atomically(self._manifest, json.dumps(manifest).encode())
            self._flushed = seq
            for old in self._folder.glob("dense-*.faiss*"):
                if old.name != manifest["file"]:
                    old.unlink()

    def close(self) -> None:
        """See ``View``."""
        self.flush()

    def _remove(self, ids: IdRange) -> None:
        self._index.remove_ids(faiss.IDSelectorRange(ids.first, ids.last + 1))

    def _drop_snapshot(self) -> None:
        with self._files:
            self._manifest.unlink(missing_ok=True)
            for old in self._folder.glob("dense-*.faiss*"):
                old.unlink()
            self._flushed = -1

    def _empty(self) -> faiss.IndexIDMap2:
        return faiss.IndexIDMap2(faiss.IndexFlatIP(self._dimensions))

    def _open(self) -> tuple[Any, int]:
        manifest = read_manifest(self._manifest)
        file, seq = manifest.get("file"), manifest.get("seq")
        if (
            manifest.get("dimensions") != self._dimensions
            or not isinstance(file, str)
            or not isinstance(seq, int)
        ):
            return self._empty(), 0
        path = self._folder / file
        if path.parent != self._folder or not path.is_file():
            return self._empty(), 0
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != manifest.get("sha256"):
            # A damaged snapshot costs a rebuild from the catalog and nothing else.
            return self._empty(), 0
        index: Any = faiss.deserialize_index(np.frombuffer(content, dtype=np.uint8))
        self._flushed = seq
        return index, seq

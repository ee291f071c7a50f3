"""The dense view: search by meaning over unit vectors, exact while they are few and by codes when they are many."""

from __future__ import annotations

import hashlib
import json
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

from index.coded import Coded, lists_for, sample_size, trained
from index.config import ViewConfig
from index.exact import Exact
from index.sharing import Shared
from index.types import Hit
from index.vector_file import DamagedVectors, VectorFile
from index.view import read_manifest, write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from index.coded import Stored
    from index.types import Allowed, Change, Query
    from ingest.types import FloatMatrix, FloatVector

# Times as long as writing a snapshot of codes took, until the next is written.
_REST = 20


class DenseView:
    """Searches by vector. Keeps a snapshot on disk and replays what came after it."""

    name = "dense"

    def __init__(
        self, folder: Path, dimensions: int, config: ViewConfig | None = None, stored: Stored | None = None
    ) -> None:
        """Open the snapshot if it fits, else start empty.

        Args:
            folder: The collection's view folder.
            dimensions: Length of the vectors.
            config: How many vectors are searched without codes.
            stored: Where vectors are found that the disk has lost; None finds none.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._dimensions = dimensions
        self._stored = stored or (lambda _: {})
        self._exact_up_to = (config or ViewConfig()).exact_up_to
        # Changes come one after the other; searches run beside each other and beside most of a change's work.
        self._changing = threading.Lock()
        self._flushing = threading.Lock()
        # Under which a snapshot becomes the one that counts, or none does; and how often none did.
        self._naming = threading.Lock()
        self._drops = 0
        self._shared = Shared()
        self._manifest = folder / "dense.json"
        self._flushed = -1
        self._flush_at = 0.0
        self._vectors: Exact | Coded
        try:
            self._vectors, self._watermark = self._open()
        except DamagedVectors:
            self._vectors, self._watermark = Exact(dimensions), 0
            self._drop_snapshot()
        remove_strays(folder)

    @property
    def watermark(self) -> int:
        """See ``View``."""
        return self._watermark

    @property
    def outgrown(self) -> bool:
        """Whether another form fits the number of vectors better, or a row of this one is lost, see ``anew``."""
        count = len(self._vectors)
        if isinstance(self._vectors, Exact):
            return count > self._exact_up_to
        # Far below, so that a collection about that size does not go to and fro.
        few = count < self._exact_up_to // 2
        erased = self._vectors.file.erased > max(count, self._exact_up_to)
        return few or erased or self._vectors.damaged or lists_for(count) > 2 * self._vectors.lists

    @property
    def damaged(self) -> bool:
        """Whether a row could not be read as it was written. It is right in every answer, and takes longer."""
        return isinstance(self._vectors, Coded) and self._vectors.damaged

    def fits(self, count: int) -> bool:
        """Whether so many vectors may be added to what it is now."""
        return isinstance(self._vectors, Coded) or count <= self._exact_up_to

    def apply(self, changes: Iterable[Change]) -> None:
        """See ``View``."""
        for change in changes:
            with self._changing:
                if change.seq <= self._watermark:
                    continue
                self._vectors.apply(change, self._shared)
                self._watermark = change.seq
            if change.removed and isinstance(self._vectors, Exact):
                # What was deleted must not stay behind in a snapshot. Codes leave theirs with the next one.
                self._drop_snapshot()

    def search(self, query: Query, limit: int, allowed: Allowed | None = None) -> list[Hit]:
        """See ``View``."""
        if query.vector is None:
            raise ValueError("The dense view searches by vector, and the query has none.")
        ranges = None if allowed is None else allowed.ranges
        with self._shared.reading():
            if limit <= 0 or not len(self._vectors):
                return []
            ids, scores = self._vectors.search(query.vector, limit, ranges)
        found = zip(ids.tolist(), scores.tolist(), strict=True)
        return [Hit(i, self.name, rank, score) for rank, (i, score) in enumerate(found, 1)]

    @property
    def count(self) -> int:
        """See ``View``."""
        with self._shared.reading():
            return len(self._vectors)

    def ids(self) -> set[int]:
        """See ``View``."""
        with self._shared.reading():
            return set(self._vectors.ids().tolist())

    def vector(self, passage_id: int) -> FloatVector:
        """The vector that searches compare with, shape (dimensions,)."""
        with self._shared.reading():
            return self._vectors.vector(passage_id)

    def anew(self, count: int, sampled: Callable[[int], FloatMatrix]) -> Exact | Coded:
        """The form that fits about ``count`` vectors, empty yet.

        Args:
            count: How many there will be.
            sampled: Gives so many of them at random.

        Raises:
            OSError: Its file cannot be made.
        """
        if count <= self._exact_up_to:
            return Exact(self._dimensions)
        # The file first: learning how vectors lie takes long, and would be for nothing without one.
        file = VectorFile(self._folder / f"vectors-{uuid.uuid4().hex}.f4", self._dimensions)
        try:
            return Coded(trained(sampled(sample_size(count)), count), file, self._stored)
        except BaseException:
            file.discard()
            raise

    def take_over(self, made: Exact | Coded, seq: int) -> None:
        """Search with what was made anew and has applied all changes up to ``seq``."""
        with self._changing, self._shared.writing():
            former, self._vectors, self._watermark = self._vectors, made, seq
        self._let_go(former)

    def reset(self) -> None:
        """See ``View``."""
        with self._changing, self._shared.writing():
            former, self._vectors, self._watermark = self._vectors, Exact(self._dimensions), 0
        self._let_go(former)

    def flush(self) -> None:
        """See ``View``. Codes are written the less often the longer it takes."""
        with self._flushing:
            if not self.count:
                # Codes of what was deleted leave the disk with the next snapshot, and there will be none.
                self._drop_snapshot()
            if time.monotonic() < self._flush_at:
                return
            began = time.monotonic()
            with self._changing:
                seq, vectors, drops = self._watermark, self._vectors, self._drops
                if seq == self._flushed or not len(vectors):
                    return
                frozen = vectors.frozen()
                listing = vectors.file.listing() if isinstance(vectors, Coded) else b""
            try:
                self._write(seq, vectors, frozen, listing, drops)
            finally:
                # Also of a try that found no room. Vectors are left: they may be of what is being made anew.
                remove_strays(self._folder, vectors=False)
                self._flush_at = time.monotonic() + _REST * (time.monotonic() - began)

    def _write(self, seq: int, vectors: Exact | Coded, frozen: Any, listing: bytes, drops: int) -> None:
        """Write a snapshot of what was frozen, unless something was deleted since ``_drops`` was ``drops``."""
        content = faiss.serialize_index(frozen).tobytes()
        parts = {f"dense-{seq}.faiss": content}
        manifest: dict[str, Any] = {"seq": seq, "dimensions": self._dimensions}
        manifest |= {"file": f"dense-{seq}.faiss", "sha256": hashlib.sha256(content).hexdigest()}
        if isinstance(vectors, Coded):
            try:
                vectors.file.sync()
            except OSError:
                if self._drops != drops:
                    # Another form has taken its place, and closed its file.
                    return
                raise
            parts[f"dense-{seq}.rows"] = listing
            manifest |= {"vectors": vectors.file.path.name, "rows": f"dense-{seq}.rows"}
            manifest["rows_sha256"] = hashlib.sha256(listing).hexdigest()
        # The manifest names files that are complete on disk before the manifest is written.
        for name, part in parts.items():
            write_atomically(self._folder / name, part)
        with self._naming:
            # What was deleted while it was written still stands in it.
            if self._drops == drops:
                write_atomically(self._manifest, json.dumps(manifest).encode())
                self._flushed = seq

    def close(self) -> None:
        """See ``View``."""
        self._flush_at = 0.0
        self.flush()
        if isinstance(self._vectors, Coded):
            self._vectors.file.close()

    def _let_go(self, former: Exact | Coded) -> None:
        # Nothing that is deleted from now on may stay behind in files of what is not kept up any more.
        self._drop_snapshot()
        former.discard()
        self._flush_at = 0.0

    def _drop_snapshot(self) -> None:
        with self._naming:
            self._drops += 1
            self._manifest.unlink(missing_ok=True)
            for old in self._folder.glob("dense-*"):
                # One that is being written is removed by whoever writes it.
                if old.suffix != ".new":
                    old.unlink(missing_ok=True)
            self._flushed = -1

    def _open(self) -> tuple[Exact | Coded, int]:
        manifest = read_manifest(self._manifest)
        seq = manifest.get("seq")
        if manifest.get("dimensions") != self._dimensions or not isinstance(seq, int):
            return Exact(self._dimensions), 0
        # A damaged snapshot costs a rebuild from the catalog and nothing else.
        content = self._part(manifest.get("file"), manifest.get("sha256"))
        self._flushed = seq
        if "vectors" not in manifest:
            return Exact(self._dimensions, content), seq
        listing = self._part(manifest.get("rows"), manifest.get("rows_sha256"))
        path = self._inside(manifest["vectors"])
        index = faiss.deserialize_index(np.frombuffer(content, dtype=np.uint8))
        return Coded(index, VectorFile(path, self._dimensions, listing), self._stored), seq

    def _part(self, name: object, sha256: object) -> bytes:
        content = self._inside(name).read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise DamagedVectors(f"{name} differs from what was written.")
        return content

    def _inside(self, name: object) -> Path:
        path = self._folder / str(name)
        if path.parent != self._folder or not path.is_file():
            raise DamagedVectors(f"There is no {name}.")
        return path


def remove_strays(folder: Path, *, vectors: bool = True) -> None:
    """Remove files of a dense view that its manifest does not name: what a kill has left of a snapshot.

    Args:
        folder: Of the view.
        vectors: Also files of vectors, which must not be those of a view in use.
    """
    named = set(map(str, read_manifest(folder / "dense.json").values()))
    for pattern in ("dense-*", "vectors-*.f4") if vectors else ("dense-*",):
        for found in folder.glob(pattern):
            if found.name not in named:
                found.unlink(missing_ok=True)

"""Originals, stored once under the hash of their content. Names from outside never reach the file system."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from index.view import sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

log = structlog.get_logger(__name__)


class BlobWriter:
    """Takes the bytes of one original as they arrive. Nothing is kept unless ``keep`` is called."""

    def __init__(self, folder: Path) -> None:
        descriptor, name = tempfile.mkstemp(dir=folder, prefix="incoming-")
        self._file = os.fdopen(descriptor, "wb")
        self._path = Path(name)
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, part: bytes) -> None:
        """Append bytes."""
        self._file.write(part)
        self._hash.update(part)
        self.size += len(part)

    @property
    def sha256(self) -> str:
        """Of the bytes so far."""
        return self._hash.hexdigest()

    def seal(self) -> str:
        """Bring the bytes to disk and return their sha256."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return self.sha256

    def keep(self, target: Path) -> None:
        """Move the sealed bytes to their place: file, rename and both folders are synced, in this order.

        Raises:
            OSError: The disk is full or failing. The bytes may be in their place or not, and nothing relies on it.
        """
        target.parent.mkdir(exist_ok=True)
        self._path.replace(target)
        sync_folder(target.parent)
        sync_folder(target.parent.parent)

    def discard(self) -> None:
        """Remove what was written, if it has not been kept."""
        try:
            self._file.close()
        except OSError:
            # On a full disk closing tries once more to write what is being thrown away, and lets go all the same.
            log.info("upload_discarded", bytes=self.size)
        self._path.unlink(missing_ok=True)


class Blobs:
    """A folder of originals."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        # Uploads that a crash cut off were never acknowledged.
        for left in folder.glob("incoming-*"):
            left.unlink()

    def writer(self) -> BlobWriter:
        """Start storing an original."""
        return BlobWriter(self._folder)

    def path(self, sha256: str) -> Path:
        """Where the original of that hash is, or will be."""
        return self._folder / sha256[:2] / sha256

    def remove(self, hashes: Iterable[str]) -> None:
        """Remove originals; those that are not there are fine."""
        for sha256 in hashes:
            path = self.path(sha256)
            path.unlink(missing_ok=True)
            if path.parent.is_dir():
                sync_folder(path.parent)

    def stored(self) -> set[str]:
        """Hashes of all originals there are."""
        return {path.name for path in self._folder.glob("??/*")}

    def is_intact(self, sha256: str) -> bool:
        """Whether the original is there and still has its hash."""
        path = self.path(sha256)
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256

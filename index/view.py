"""What every index over a collection has in common. A view can be thrown away and rebuilt at any time."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from index.types import Allowed, Change, Hit, Query


class View(Protocol):
    """A searchable index over the passages of one collection. Implementations are thread-safe."""

    @property
    def name(self) -> str:
        """What hits of this view say they were found by."""

    @property
    def watermark(self) -> int:
        """Number of the last change that has been applied; 0 when empty."""

    def apply(self, changes: Iterable[Change]) -> None:
        """Apply changes in order. Applying one that was applied before changes nothing."""

    def search(self, query: Query, limit: int, allowed: Allowed | None = None) -> list[Hit]:
        """The best passages, best first.

        Args:
            query: Its text and its vector; a view uses its own part.
            limit: At most so many.
            allowed: When given, only passages of these documents.
        """

    @property
    def count(self) -> int:
        """How many passages can be found."""

    def ids(self) -> set[int]:
        """Ids of all passages that can be found."""

    def reset(self) -> None:
        """Forget everything, on disk too, and start at watermark 0."""

    def flush(self) -> None:
        """Bring what is in memory to disk, so that opening takes less time. Never needed for correctness."""

    def close(self) -> None:
        """Let go of files. The view is not used afterwards."""


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file so that a crash leaves either the old one or the new one, whole."""
    temporary = path.with_name(path.name + ".new")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        # Half a file on a full disk would keep others from the room it takes.
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, after a file in it was made, renamed or removed."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_manifest(path: Path) -> dict[str, object]:
    """A view's manifest, empty when there is none or it is damaged: then the view is rebuilt."""
    try:
        found = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}

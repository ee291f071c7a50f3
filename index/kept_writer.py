"""Tantivy's writer of one index, kept from commit to commit, so that none waits for the merging of segments.

A writer has some seven threads and ten megabytes, so only those that are at work keep one.
"""

from __future__ import annotations

import errno
import re
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import structlog

from index.disk import passes
from index.segments import remove_strays

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import tantivy

log = structlog.get_logger(__name__)

_MEMORY_BYTES = 32_000_000
# Seconds that a writer is kept without work, and how many are kept at once.
_KEPT_S, _MOST = 10.0, 8
_OS_ERROR = re.compile(r"os error (\d+)")
# Those with a writer. Changed by single operations only, which are whole in every thread.
_at_work: dict[int, KeptWriter] = {}


class KeptWriter:
    """One thread at a time writes; others may settle or rest it meanwhile."""

    def __init__(self, folder: Path) -> None:
        """Note where the index lies. Nothing is opened yet."""
        self._folder = folder
        self._lock = threading.Lock()
        self._writer: Any = None
        self._used_at = 0.0
        # Whether the last commit may have been cut off, in this process or by the end of the one before.
        self._stumbled = True

    def commit(self, index: tantivy.Index, fill: Callable[[Any], None]) -> None:
        """Bring to disk what ``fill`` gives the writer, all or nothing, and let it be found.

        Raises:
            OSError: It could not be written. The index is as it was.
        """
        with self._lock:
            try:
                if self._writer is None:
                    if self._stumbled:
                        remove_strays(self._folder)
                    self._writer = index.writer(heap_size=_MEMORY_BYTES, num_threads=1)
                    _at_work[id(self)] = self
                self._stumbled = True
                fill(self._writer)
                self._writer.commit()
                index.reload()
                self._stumbled, self._used_at = False, time.monotonic()
            except ValueError as error:
                self._give_up()
                raise disk_error(error) from None
        _rest_others(self)

    def rest(self) -> None:
        """Let go of the writer if it has had nothing to do for a while.

        Raises:
            OSError: As ``settle``.
        """
        if self._writer is not None and time.monotonic() > self._used_at + _KEPT_S:
            self.settle()

    def settle(self) -> None:
        """Let go of the writer when segments are merged: nothing is written to the folder afterwards.

        Raises:
            OSError: They could not be merged. The index is as it was.
        """
        with self._lock:
            self._settle()

    def _settle(self) -> None:
        writer, self._writer = self._writer, None
        _at_work.pop(id(self), None)
        if writer is not None:
            try:
                writer.wait_merging_threads()
            except ValueError as error:
                self._stumbled = True
                raise disk_error(error) from None

    def _give_up(self) -> None:
        """Let go of the writer with what it was given and could not write."""
        writer, self._writer = self._writer, None
        _at_work.pop(id(self), None)
        if writer is not None:
            # What went wrong is raised already; the same disk may be in the way of this too.
            with suppress(ValueError):
                writer.rollback()
                writer.wait_merging_threads()


def _rest_others(own: KeptWriter) -> None:
    """Let go of the writers used longest ago where too many are kept; those that write at this moment keep theirs."""
    others = sorted(
        (each for each in list(_at_work.values()) if each is not own), key=lambda each: each._used_at
    )
    for other in others[: max(0, len(others) + 1 - _MOST)]:
        if other._lock.acquire(blocking=False):
            try:
                other._settle()
            except OSError as error:
                if not passes(error):
                    raise
                log.exception("writer_not_settled", folder=str(other._folder))
            finally:
                other._lock.release()


def disk_error(error: ValueError) -> OSError:
    """What stopped tantivy, which says so in words only, such as "No space left on device (os error 28)"."""
    found = _OS_ERROR.search(str(error))
    return OSError(int(found[1]) if found else errno.EIO, f"The index by words could not be written: {error}")

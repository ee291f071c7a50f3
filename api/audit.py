"""Writes the audit log beside the requests: those that change something wait for it, the others do not."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import OperationalError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prometheus_client import Counter

    from index.audit import AuditLog, Entry

log = structlog.get_logger(__name__)

# Requests whose entries may wait, when the disk takes none.
_QUEUED = 10_000
# Seconds between attempts, and those that a change waits for its entry before it is answered nevertheless.
_RETRY_S = 1.0
_PATIENCE_S = 5.0


class Recorder:
    """One thread that writes entries in the order of their arrival, many in one transaction."""

    def __init__(self, audit: AuditLog, dropped: Counter) -> None:
        self._log = audit
        self._dropped = dropped
        self._queue: queue.Queue[tuple[Sequence[Entry], threading.Event]] = queue.Queue(_QUEUED)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    def note(self, entries: Sequence[Entry]) -> threading.Event:
        """Have entries written soon.

        Returns:
            Set when they are on disk.
        """
        written = threading.Event()
        try:
            self._queue.put_nowait((entries, written))
        except queue.Full:
            self._dropped.inc(len(entries))
            log.exception("audit_entry_dropped", actions=[each.action for each in entries])
        return written

    def record(self, entries: Sequence[Entry]) -> None:
        """Have entries written and wait for the disk. What takes too long is written later, and said in the log."""
        if not self.note(entries).wait(_PATIENCE_S):
            log.warning("audit_delayed", actions=[each.action for each in entries])

    def close(self) -> None:
        """Write what is left and end."""
        self._closing.set()
        # Nothing, to wake it up.
        self.note(())
        self._thread.join(_PATIENCE_S)

    def _run(self) -> None:
        while True:
            batch = [self._queue.get()]
            while not self._queue.empty():
                batch.append(self._queue.get_nowait())
            while not self._written([entry for entries, _ in batch for entry in entries]):
                if self._closing.wait(_RETRY_S):
                    self._dropped.inc(sum(len(entries) for entries, _ in batch))
                    break
            for _, written in batch:
                written.set()
            if self._closing.is_set() and self._queue.empty():
                return

    def _written(self, entries: Sequence[Entry]) -> bool:
        try:
            self._log.append(entries)
        except (OSError, OperationalError) as error:
            # A full disk, most likely: the entries wait until there is room.
            log.warning("audit_not_written", error=type(error).__name__, entries=len(entries))
            return False
        return True

"""Has the doctor look at the data folder now and then, so that a monitor learns of damage before a user does."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import structlog

from index.doctor import examine
from index.health import health_figures

if TYPE_CHECKING:
    from api.metrics import Metrics
    from index.doctor import Finding
    from index.store import Store

log = structlog.get_logger(__name__)
# Seconds between measurements of the data folder, and between looks for a moment without jobs.
_MEASURED_S = 60.0
# Seconds after the start, when the service has better things to do.
_FIRST_S = 120.0
_STOP_S = 2.0


class Checkup:
    """A thread that measures every minute, examines now and then, and repairs nothing.

    Args:
        store: What to examine.
        metrics: Where findings are counted.
        interval_s: Seconds between two examinations; 0 for none. Figures are taken in any case.
    """

    def __init__(self, store: Store, metrics: Metrics, interval_s: float) -> None:
        self._store = store
        self._metrics = metrics
        self._interval_s = interval_s
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._work, name="checkup", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End before the next step of an examination."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(_STOP_S)

    def look(self) -> tuple[Finding, ...]:
        """Examine once, and count what was found."""
        report = examine(self._store, repair=False, progress=self._step)
        if not report.clean:
            # What is being written at this moment looks like damage; what is damaged still is at a second look.
            again = examine(self._store, repair=False, progress=self._step)
            known = {(each.check, each.subject) for each in report.findings}
            findings = tuple(each for each in again.findings if (each.check, each.subject) in known)
        else:
            findings = ()
        self._metrics.examined(findings)
        for check in sorted({each.check for each in findings}):
            log.error("doctor_finding", check=check, count=sum(each.check == check for each in findings))
        return findings

    def _work(self) -> None:
        due = time.monotonic() + _FIRST_S
        while not self._stopping.wait(_MEASURED_S):
            try:
                self._metrics.measured(health_figures(self._store))
                if self._interval_s and time.monotonic() >= due and not self._store.jobs.waiting():
                    due = time.monotonic() + self._interval_s
                    self.look()
            except _Stopped:
                return
            except Exception:
                log.exception("checkup_failed")

    def _step(self, _name: str) -> None:
        if self._stopping.is_set():
            raise _Stopped


class _Stopped(Exception):
    """Raised inside an examination when the service ends."""

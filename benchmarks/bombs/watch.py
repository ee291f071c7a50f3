"""Asks a server whether it is alive, all the time, and notes how long that takes and what memory it holds."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import httpx

if TYPE_CHECKING:
    from types import TracebackType

    from benchmarks.server import Server

_EVERY_S = 0.02
# An answer that never came counts as this many milliseconds.
_LOST_MS = 10_000.0


class Watch:
    """A thread that asks; use it as a context manager.

    Attributes:
        livez_ms: Milliseconds of each answer.
        most_mib: The most memory that the service held, its children not counted.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask, name="watch", daemon=True)
        self.livez_ms: list[float] = []
        self.most_mib = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _ask(self) -> None:
        with httpx.Client(base_url=self._server.url, timeout=_LOST_MS / 1000, trust_env=False) as client:
            while not self._stop.is_set():
                started = time.perf_counter()
                try:
                    ok = client.get("/livez").status_code == httpx.codes.OK
                except httpx.TransportError:
                    ok = False
                self.livez_ms.append((time.perf_counter() - started) * 1000 if ok else _LOST_MS)
                self.most_mib = max(self.most_mib, resident_mib(self._server.pid))
                self._stop.wait(_EVERY_S)


def resident_mib(pid: int) -> float:
    """Memory that a process holds now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 2**20

"""Work from many threads, done together: what comes while everybody is busy is taken up in one batch next."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from ingest.errors import EmbedderUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence


class Sized(Protocol):
    """A piece of work that knows how much it is."""

    @property
    def size(self) -> int:
        """In the unit in which batches are bounded."""


Work = TypeVar("Work", bound=Sized)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Work, Result]):
    work: Work
    result: Future[Result] = field(default_factory=Future)


class Batches(Generic[Work, Result]):
    """Threads that compute batches.

    A piece of work that finds a thread idle is begun at once. Only when all are busy does it wait, and then all that
    waits is computed together, in the order in which it came, up to the size of a batch. What is so much that it pays
    is shared with threads that are idle.
    """

    def __init__(
        self,
        compute: Callable[[list[Work]], Sequence[Result]],
        *,
        most: int,
        threads: int,
        least: int = 0,
        begin: Callable[[], object],
        name: str,
    ) -> None:
        """Nothing is started before the first piece of work.

        Args:
            compute: Results of a batch, in its order. What it raises goes to all that wait for the batch.
            most: Size of a batch at most; a larger piece is a batch of its own.
            threads: Batches computed at the same time.
            least: What is not more than this is not divided among threads.
            begin: Called in each thread before its first batch.
            name: What the threads are called.
        """
        self._compute = compute
        self._most = most
        self._least = least
        self._ahead = threads
        # Threads that compute, or are about to.
        self._busy = 0
        self._lock = threading.Lock()
        self._line: deque[_Waiting[Work, Result]] = deque()
        self._begin = begin
        self._own = threading.local()
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)

    def submit(self, work: Work) -> Future[Result]:
        """Queue a piece of work. A result that is cancelled before its batch begins is not computed.

        Raises:
            EmbedderUnavailable: The process is ending, or may have no more threads.
        """
        waiting: _Waiting[Work, Result] = _Waiting(work)
        with self._lock:
            self._line.append(waiting)
        try:
            # One call for each piece: when a batch takes several, the calls of the others find less to do, or nothing.
            self._threads.submit(self._next)
        except RuntimeError as error:
            with self._lock, suppress(ValueError):
                # Unless another call has taken it up already.
                self._line.remove(waiting)
            waiting.result.cancel()
            raise EmbedderUnavailable(f"Nothing can be embedded now ({error}). Try again later.") from error
        return waiting.result

    def each(self, pieces: Sequence[Work]) -> Generator[Result]:
        """Results of pieces of work in their order, with only as many in the line as can be begun.

        So somebody else's work gets its turn between them. When the caller stops in the middle, so does the work.
        """
        running: deque[Future[Result]] = deque()
        try:
            for piece in pieces:
                if len(running) > self._ahead:
                    yield running.popleft().result()
                running.append(self.submit(piece))
            while running:
                yield running.popleft().result()
        finally:
            for result in running:
                result.cancel()

    def _next(self) -> None:
        """Compute the pieces at the head of the line."""
        with self._lock:
            self._busy += 1
            batch = self._taken()
        try:
            if batch:
                self._finish(batch)
        finally:
            with self._lock:
                self._busy -= 1

    def _taken(self) -> list[_Waiting[Work, Result]]:
        """What one thread takes of the line: an even share, so that those that are idle have theirs."""
        share = -(-sum(each.work.size for each in self._line) // (1 + self._ahead - self._busy))
        most = min(self._most, max(share, self._least))
        batch: list[_Waiting[Work, Result]] = []
        size = 0
        while self._line and (not batch or size + self._line[0].work.size <= most):
            first = self._line.popleft()
            if first.result.set_running_or_notify_cancel():
                batch.append(first)
                size += first.work.size
        return batch

    def _finish(self, batch: list[_Waiting[Work, Result]]) -> None:
        try:
            if not hasattr(self._own, "begun"):
                self._begin()
                self._own.begun = True
            found = self._compute([each.work for each in batch])
            for each, result in zip(batch, found, strict=True):
                each.result.set_result(result)
        except BaseException as error:  # A panic of a library in Rust is no Exception, and somebody waits.
            for each in batch:
                if not each.result.done():
                    each.result.set_exception(error)

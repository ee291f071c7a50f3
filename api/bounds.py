"""What bounds a request: how many run at once, how long each may take, and when nobody waits for it any more."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.requests import ClientDisconnect

from api.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator

    from api.settings import Settings

_T = TypeVar("_T")
# Seconds after which a client that was turned away may try again.
RETRY_AFTER_S = 2
# Seconds that one stream of progress may last; a client opens the next one.
WATCH_S = 3600.0
# Page images: one process draws them, so more at once would only wait in another place.
PAGES, PAGES_WAITING = 4, 32
WATCHERS = 100


class Gate:
    """Lets so many in, lets so many wait in the order of their coming, and turns the others away.

    Args:
        name: What it bounds, for messages and metrics.
        running: How many at once.
        waiting: How many may wait.
    """

    def __init__(self, name: str, running: int, waiting: int) -> None:
        self.name = name
        self._free = asyncio.Semaphore(running)
        self._most = waiting
        self.running = 0
        self.waiting = 0
        self.refused = 0

    async def enter(self) -> None:
        """Return when there is room.

        Raises:
            ApiError: 503 when too many wait already.
        """
        if self._free.locked() and self.waiting >= self._most:
            self.refused += 1
            raise ApiError(
                503,
                "overloaded",
                f"More {self.name} are in work and waiting than this service takes at once. Try again later.",
                {"Retry-After": str(RETRY_AFTER_S)},
                retryable=True,
            )
        self.waiting += 1
        try:
            await self._free.acquire()
        finally:
            self.waiting -= 1
        self.running += 1

    def leave(self) -> None:
        """Make room for the next."""
        self.running -= 1
        self._free.release()


class Draining:
    """How far the service is on its way to its end: not begun, begun (not ready any more), or over for requests."""

    def __init__(self) -> None:
        self.begun = False
        self._over = asyncio.Event()

    def begin(self) -> None:
        """From now on the service is not ready; requests go on."""
        self.begun = True

    def end(self) -> None:
        """From now on open requests are answered with what they are: incomplete."""
        self.begun = True
        self._over.set()

    @property
    def is_over(self) -> bool:
        """Whether requests are being ended."""
        return self._over.is_set()

    async def over(self) -> None:
        """Return when requests are to end."""
        await self._over.wait()


class Limits:
    """The bounds of one request.

    Args:
        seconds: Until its deadline.
        draining: The service's.
        gate: Which it has entered, if any.
    """

    def __init__(self, seconds: float, draining: Draining, gate: Gate | None = None) -> None:
        self._until = asyncio.get_running_loop().time() + seconds
        self._seconds = seconds
        self._draining = draining
        self._gate = gate
        self.gone = asyncio.Event()
        # Whether events are being sent: such a response ends itself, with an event that says so.
        self.streaming = False
        # Whether one of the bounds was reached. Threads look at this.
        self.ended = False

    def left(self) -> float:
        """Seconds until the deadline, at least 0."""
        return max(0.0, self._until - asyncio.get_running_loop().time())

    async def within(
        self, work: Coroutine[Any, Any, _T], grace_s: float = 0.0, *, watched: bool = True
    ) -> _T:
        """Await some work, which is cancelled when the deadline passes, the client leaves or the service ends.

        Args:
            work: What to do.
            grace_s: Seconds that a stream of events has to end itself.
            watched: Whether the client's leaving is one of the bounds.

        Raises:
            ApiError: 504 at the deadline, 503 at the service's end.
            ClientDisconnect: The client has left.
        """
        task = asyncio.ensure_future(work)
        signs: set[asyncio.Task[Any]] = {asyncio.create_task(self._draining.over())}
        if watched:
            signs.add(asyncio.create_task(self.gone.wait()))
        try:
            await asyncio.wait({task, *signs}, timeout=self.left(), return_when=asyncio.FIRST_COMPLETED)
            if not task.done() and self.streaming and not self.gone.is_set():
                await asyncio.wait({task}, timeout=grace_s)
            if not task.done():
                self.ended = True
                raise self.reason()
            return task.result()
        finally:
            for sign in signs:
                sign.cancel()
            if not task.done():
                task.cancel()
                await asyncio.wait({task})

    async def pause(self, seconds: float) -> None:
        """Sleep, unless one of the bounds is reached.

        Raises:
            ApiError, ClientDisconnect: As for ``within``.
        """
        await self.within(asyncio.sleep(seconds))

    def reason(self) -> Exception:
        """Why the request is over."""
        if self.gone.is_set():
            return ClientDisconnect()
        if self._draining.is_over:
            return ApiError(
                503,
                "shutting_down",
                "The service is being stopped, and this was not finished in time. Try again in a moment.",
                {"Retry-After": str(RETRY_AFTER_S)},
                retryable=True,
            )
        return ApiError(
            504,
            "deadline_exceeded",
            f"This took longer than the {self._seconds:g} seconds that a request may take and was ended.",
            retryable=True,
        )

    def leave_gate(self) -> None:
        """Make room already: what is left to do for this request is only to wait."""
        if self._gate is not None:
            self._gate.leave()
            self._gate = None


# The bounds of the request that is being served here; None outside of one, as on the command line.
LIMITS: ContextVar[Limits | None] = ContextVar("limits", default=None)


async def pause(seconds: float) -> None:
    """Sleep within the bounds of the request that is being served, if one is.

    Raises:
        ApiError, ClientDisconnect: One of them was reached.
    """
    limits = LIMITS.get()
    await (asyncio.sleep(seconds) if limits is None else limits.pause(seconds))


class Steps(list[_T]):
    """The steps of a long work in a thread. Going through them ends with ClientDisconnect when the request has ended.

    Nobody hears of it any more: it only ends the thread's work.
    """

    def __iter__(self) -> Iterator[_T]:
        """Each step, as long as somebody waits for it."""
        limits = LIMITS.get()
        for step in super().__iter__():
            if limits is not None and limits.ended:
                raise ClientDisconnect
            yield step


def stop_holding_up() -> None:
    """Say that the request that is being served only waits from here on, and another may come in for it."""
    if limits := LIMITS.get():
        limits.leave_gate()


@dataclass(frozen=True, slots=True)
class Kind:
    """How requests of one kind are bounded.

    Attributes:
        seconds: Until their deadline.
        gate: What they have to pass, if anything.
        watched: Whether work is cancelled when the client leaves. Only for work that really ends then: a thread that
            goes on would have lost its place here and be one more than was let in.
        whole: Whether it is never cut off, because it stores. The route then minds the bounds itself.
    """

    seconds: float
    gate: Gate | None = None
    watched: bool = False
    whole: bool = False


class Kinds:
    """Every kind of request with its bounds, made from the settings."""

    def __init__(self, settings: Settings) -> None:
        request_s, transfer_s = settings.request_deadline_s, settings.transfer_deadline_s
        questions = Gate("questions", settings.max_questions, settings.max_waiting)
        uploads = Gate("uploads", settings.max_uploads, settings.max_waiting)
        pages = Gate("page images", PAGES, PAGES_WAITING)
        watchers = Gate("streams of progress", WATCHERS, 0)
        self.body_s = settings.body_wait_s
        self.gates = (questions, uploads, pages, watchers)
        self._question = Kind(request_s, questions, watched=True)
        self._page = Kind(request_s, pages)
        self._watch = Kind(WATCH_S, watchers, watched=True)
        self._upload = Kind(transfer_s, uploads, whole=True)
        self._transfer = Kind(transfer_s)
        self._other = Kind(request_s)

    def of(self, method: str, path: str) -> Kind | None:
        """The kind of a request; None for those by which the service is observed, which nothing may hold up."""
        if path in ("/livez", "/readyz", "/metrics"):
            return None
        reads = method in ("GET", "HEAD")
        return self._reading(path) if reads else self._writing(method, path)

    def _reading(self, path: str) -> Kind:
        if path.endswith("/events") or path == "/mcp":
            return self._watch
        if path.endswith(".png") and "/pages/" in path:
            return self._page
        return self._transfer if path.endswith(("/original", "/content")) else self._other

    def _writing(self, method: str, path: str) -> Kind:
        if method == "POST" and (path in _QUESTIONS or path.endswith("/search")):
            return self._question
        return self._upload if method in ("POST", "PUT") and takes_files(path) else self._other


_QUESTIONS = frozenset(
    (
        "/v1/ask",
        "/v1/search",
        "/v1/ground",
        "/v1/chat/completions",
        "/v1/responses",
        "/v1/ai-sdk/chat",
        "/retrieval",
        "/mcp",
    )
)


def takes_files(path: str) -> bool:
    """Whether a route takes files, and so bodies as large as the largest of them."""
    return path.startswith(("/v1/documents", "/v1/files"))


@asynccontextmanager
async def admitted(kind: Kind, draining: Draining) -> AsyncIterator[Limits]:
    """A place among the requests of a kind, with the bounds of this one.

    Raises:
        ApiError: 503 when there is no room, 504 when there was none until the deadline.
    """
    limits = Limits(kind.seconds, draining)
    if kind.gate is not None:
        await limits.within(kind.gate.enter())
        limits._gate = kind.gate  # noqa: SLF001 -- entered under its own bounds.
    try:
        yield limits
    finally:
        limits.leave_gate()

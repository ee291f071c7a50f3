"""The beginning of an answer: the first of several models to begin one, asked in turn or beside each other.

Until an answer has begun, nothing was shown to anybody and another model can take its place. "Hedged requests" of Dean
and Barroso, "The Tail at Scale", CACM 56 (2013): the next one is asked when the one before has been silent for longer
than usual, and the slower of the two is let go.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from rag.errors import IncompleteAnswer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable

    from rag.gateway.routes import Target
    from rag.gateway.wire import Delta


class Opened:
    """An answer that has begun: what came first, and what follows. Close ``deltas``, also when it broke."""

    def __init__(self, first: list[Delta], rest: AsyncGenerator[Delta, None]) -> None:
        self._first = first
        self._rest = rest

    async def deltas(self) -> AsyncGenerator[Delta, None]:
        """All of it."""
        async with aclosing(self._rest):
            for delta in self._first:
                yield delta
            async for delta in self._rest:
                yield delta

    async def aclose(self) -> None:
        """Let it go."""
        await self._rest.aclose()


async def open_attempt(deltas: AsyncGenerator[Delta, None]) -> Opened:
    """Read an answer up to its first text; one without any is none.

    Raises:
        GatewayError: It failed before.
    """
    first: list[Delta] = []
    try:
        async for delta in deltas:
            first.append(delta)
            if delta.text:
                return Opened(first, deltas)
    except BaseException:
        await deltas.aclose()
        raise
    # The attempt itself says so when it ends without a finish reason.
    raise IncompleteAnswer("The gateway ended its answer before it had begun.")


async def first_of(
    targets: Iterable[Target], attempt: Callable[[Target], Awaitable[Opened | None]], hedge_s: float | None
) -> Opened | None:
    """The first answer that begins, or None when none does.

    Args:
        targets: In the order in which they are to be asked; looked at only when the next one is needed.
        attempt: Asks one. None when it failed.
        hedge_s: Seconds of silence after which the next one is asked beside it; None to wait for its failure.
    """
    if hedge_s is None:
        for target in targets:
            if (opened := await attempt(target)) is not None:
                return opened
        return None
    waiting = iter(targets)
    running: set[asyncio.Task[Opened | None]] = set()
    more = _start(waiting, attempt, running)
    try:
        while running:
            done, _ = await asyncio.wait(
                running, timeout=hedge_s if more else None, return_when=asyncio.FIRST_COMPLETED
            )
            running -= done
            found = [opened for task in done if (opened := task.result()) is not None]
            for late in found[1:]:
                await late.aclose()
            if found:
                return found[0]
            # One has failed, or all have been silent for too long.
            more = more and _start(waiting, attempt, running)
    finally:
        await _let_go(running)
    return None


def _start(
    waiting: Iterable[Target],
    attempt: Callable[[Target], Awaitable[Opened | None]],
    running: set[asyncio.Task[Opened | None]],
) -> bool:
    """Ask the next one, if there is one."""
    target = next(iter(waiting), None)
    if target is None:
        return False
    running.add(asyncio.ensure_future(attempt(target)))
    return True


async def _let_go(running: set[asyncio.Task[Opened | None]]) -> None:
    """End what is still being asked; an answer that has begun in this very moment is closed."""
    for task in running:
        task.cancel()
    for ended in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(ended, Opened):
            await ended.aclose()

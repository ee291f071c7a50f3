"""Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect

from api.bounds import LIMITS
from api.errors import ApiError, describe

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from api.bounds import Limits

# Proxies that buffer would hold back the sentences of an answer.
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def event(name: str, data: Any) -> str:
    """One event, its data as one line of JSON."""
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def broken_off(error: Exception) -> str:
    """The last event of what did not come to its end."""
    return event("error", {**describe(error)[1], "finish_reason": "incomplete"})


def event_stream(
    parts: AsyncGenerator[str, None], last_words: Callable[[Exception], str] = broken_off
) -> StreamingResponse:
    """A response that sends each part as soon as it is there, and ends within the bounds of its request.

    Args:
        parts: The events. Closed when the client leaves, the deadline passes or the service ends.
        last_words: The event that is sent when it was not the parts that ended.
    """
    limits = LIMITS.get()
    bounded = _bounded(parts, limits, last_words) if limits is not None else parts
    return StreamingResponse(bounded, media_type="text/event-stream", headers=HEADERS)


async def _bounded(
    parts: AsyncGenerator[str, None], limits: Limits, last_words: Callable[[Exception], str]
) -> AsyncIterator[str]:
    # One task runs the whole generator: what is opened in it is closed in the same task, as libraries demand.
    ready: asyncio.Queue[str | Exception | None] = asyncio.Queue(maxsize=1)
    pump = asyncio.create_task(_pump(parts, ready))
    try:
        while True:
            try:
                part = await limits.within(ready.get())
            except ClientDisconnect:
                return
            except ApiError as reason:
                yield last_words(reason)
                return
            if isinstance(part, Exception):
                raise part
            if part is None:
                return
            yield part
    finally:
        pump.cancel()
        await asyncio.wait({pump})


async def _pump(parts: AsyncGenerator[str, None], ready: asyncio.Queue[str | Exception | None]) -> None:
    """Hand on every part, and then how it ended."""
    try:
        async with aclosing(parts):
            async for part in parts:
                await ready.put(part)
    except Exception as error:
        await ready.put(error)
    else:
        await ready.put(None)

"""Ends what has taken too long, what nobody waits for any more, and what the end of the service does not wait for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from api.bounds import LIMITS, admitted
from api.errors import ApiError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from api.bounds import Draining, Kinds, Limits

# Seconds that a stream of events has, after its bounds were reached, to say so and end.
_LAST_WORDS_S = 2.0
# What a body must bring, beyond the first seconds, so that who drips one in does not keep its place for long. It is
# 64 kbit/s, less than any line over which somebody uploads on purpose.
BODY_BYTES_PER_S = 8_192


class Lifetime:
    """An ASGI middleware around the routes, inside the one that turns errors into responses."""

    def __init__(self, app: ASGIApp, *, kinds: Kinds, draining: Draining) -> None:
        self._app = app
        self._kinds = kinds
        self._draining = draining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request within its bounds."""
        kind = self._kinds.of(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if kind is None:
            await self._app(scope, receive, send)
            return
        async with admitted(kind, self._draining) as limits:
            client = _Client(receive, limits, self._kinds.body_s)
            token = LIMITS.set(limits)
            watcher = asyncio.create_task(client.watch())

            async def send_marked(message: Message) -> None:
                if message["type"] == "http.response.start":
                    limits.streaming = _is_event_stream(message)
                await send(message)

            try:
                serving = self._app(scope, client.receive, send_marked)
                if kind.whole:
                    await serving
                else:
                    await limits.within(_awaited(serving), _LAST_WORDS_S, watched=kind.watched)
            finally:
                watcher.cancel()
                LIMITS.reset(token)


class _Client:
    """Somebody's end of the connection, watched for its closing once the body is there."""

    def __init__(self, receive: Receive, limits: Limits, body_s: float) -> None:
        self._receive = receive
        self._limits = limits
        self._body_read = asyncio.Event()
        # Seconds that the service may still be kept waiting for the body.
        self._patience = body_s

    async def receive(self) -> Message:
        """The next message. After the body that is the client's leaving.

        Raises:
            ApiError: 408 when the body comes too slowly.
        """
        if self._body_read.is_set():
            await self._limits.gone.wait()
            return {"type": "http.disconnect"}
        message = await self._part()
        if message["type"] == "http.disconnect":
            self._limits.gone.set()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self._body_read.set()
        return message

    async def _part(self) -> Message:
        """The next message of the body. Only waiting for it counts, not what the service does in between."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(self._patience):
                message = await self._receive()
        except TimeoutError:
            raise ApiError(
                408,
                "body_too_slow",
                f"The body of the request came more slowly than {BODY_BYTES_PER_S:,} bytes a second.",
                {"Connection": "close"},
                retryable=True,
            ) from None
        self._patience += len(message.get("body", b"")) / BODY_BYTES_PER_S - (loop.time() - began)
        return message

    async def watch(self) -> None:
        """Note the client's leaving. Messages are taken from here only after the route has had the body."""
        await self._body_read.wait()
        while not self._limits.gone.is_set():
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._limits.gone.set()


async def _awaited(serving: object) -> None:
    await serving  # type: ignore[misc]


def _is_event_stream(start: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/event-stream")
        for name, value in start.get("headers", ())
    )

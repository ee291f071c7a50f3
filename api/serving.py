"""Runs the application until it is told to stop, and then to a stated end.

SIGTERM, then: ``/readyz`` says 503 while requests are still taken, so that whoever sends them can look elsewhere; no
new connection is taken; open requests and streams finish, or are told that they are incomplete; jobs in work are
handed back. With the defaults that is over in 25 seconds at the most. A second SIGINT ends it at once.
"""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any

import structlog
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from api.app import create_app
from api.bounds import Draining

if TYPE_CHECKING:
    import socket

    from fastapi import FastAPI

    from api.deps import Service
    from api.settings import Settings

log = structlog.get_logger(__name__)
# Seconds in which streams send their last event, after the time for requests is over.
_LAST_WORDS_S = 3


def run(settings: Settings, service: Service) -> bool:
    """Serve until SIGTERM or SIGINT, then finish what can be finished and let go of everything.

    Returns:
        False when it could not start, as where the port is taken.
    """
    draining = Draining()
    config = configuration(create_app(settings, service, draining), settings)
    server = DrainingServer(config, draining, settings.drain_notice_s, settings.drain_s)
    server.run()
    return server.started


def configuration(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """How uvicorn serves the application."""

    def connection(*arguments: Any, **options: Any) -> Connection:
        return Connection(*arguments, **options, wait_s=settings.body_wait_s)

    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=connection,  # type: ignore[arg-type]
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=round(settings.drain_s) + _LAST_WORDS_S,
    )


class Connection(H11Protocol):
    """A connection that is closed when no request comes on it, or only the beginning of one's headers.

    uvicorn waits for the first one forever, and each waiting connection is one of the process's open files.
    """

    def __init__(self, *arguments: Any, wait_s: float, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._wait_s = wait_s
        self._waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Called when a client has connected."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called when the connection has ended."""
        super().connection_lost(exc)
        if self._waiting is not None:
            self._waiting.cancel()

    def on_response_complete(self) -> None:
        """Called when a request has been answered."""
        super().on_response_complete()
        self._wait()

    def _wait(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        self._waiting = self.loop.call_later(self._wait_s, self._give_up)

    def _give_up(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()


class DrainingServer(uvicorn.Server):
    """A server that says that it will end before it does.

    Args:
        config: uvicorn's.
        draining: What the application learns it from.
        notice_s: Seconds between saying so and taking no connection any more.
        drain_s: Seconds that open requests then have.
    """

    def __init__(self, config: uvicorn.Config, draining: Draining, notice_s: float, drain_s: float) -> None:
        super().__init__(config)
        self._draining = draining
        self._notice_s = notice_s
        self._drain_s = drain_s

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Called by the server when it has been told to stop."""
        self._draining.begin()
        log.info("draining", notice_s=self._notice_s, drain_s=self._drain_s)
        if signal.SIGTERM in self._captured_signals:
            # Whoever pressed Ctrl-C has no load balancer that needs to notice.
            await self._pause(self._notice_s)
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._drain_s, self._draining.end)
        try:
            await super().shutdown(sockets)
        finally:
            timer.cancel()

    async def _pause(self, seconds: float) -> None:
        until = asyncio.get_running_loop().time() + seconds
        # uvicorn's sign of a second interrupt is a plain attribute.
        while not self.force_exit and (left := until - asyncio.get_running_loop().time()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(min(left, 0.1))

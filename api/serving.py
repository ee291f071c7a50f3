"""Runs the application until it is told to stop, and then to a stated end.

SIGTERM, then: ``/readyz`` says 503 while requests are still taken, so that whoever sends them can look elsewhere; no
new connection is taken; open requests and streams finish, or are told that they are incomplete; jobs in work are
handed back. With the defaults that is over in 25 seconds at the most. A second SIGINT ends it at once.
"""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import structlog
import uvicorn

from api.app import create_app
from api.bounds import Draining

if TYPE_CHECKING:
    import socket

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
    config = uvicorn.Config(
        create_app(settings, service, draining),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=round(settings.drain_s) + _LAST_WORDS_S,
    )
    server = DrainingServer(config, draining, settings.drain_notice_s, settings.drain_s)
    server.run()
    return server.started


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

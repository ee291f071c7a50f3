"""Runs the application until it is told to stop, and then within a stated time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import uvicorn

from api.app import create_app

if TYPE_CHECKING:
    from api.deps import Service
    from api.settings import Settings

# Seconds that open requests and streams have after SIGTERM. With those of the jobs (``JobRunner.stop``) and of
# closing everything, the process ends within 30.
DRAIN_S = 12


def run(settings: Settings, service: Service) -> bool:
    """Serve until SIGTERM or SIGINT, then finish what can be finished and let go of everything.

    Returns:
        False when it could not start, as where the port is taken.
    """
    config = uvicorn.Config(
        create_app(settings, service),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_S,
    )
    server = uvicorn.Server(config)
    server.run()
    return server.started

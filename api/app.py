"""Puts routes, errors and middleware together into the ASGI application."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import Depends, FastAPI

from api import errors
from api.access import authorise
from api.audit import Recorder
from api.batches import BatchRunner
from api.bounds import Draining, Kinds
from api.deps import build
from api.description import describe_access
from api.faces.mcp import session_manager
from api.gate import Gate
from api.lifetime import Lifetime
from api.middleware import Boundary
from api.pages import add_pages
from api.routes import (
    ai_sdk,
    answers,
    ask,
    batch,
    collections,
    conversations,
    dify,
    documents,
    files,
    ground,
    health,
    keys,
    mcp,
    openai,
    responses,
    search,
    usage,
    vector_stores,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from api.deps import Service
    from api.settings import Settings

LOOPBACK = ("127.0.0.1", "localhost", "::1")
# What surrounds the files of one upload in its request body.
FORM_ALLOWANCE = 1024 * 1024
# Threads in which questions are answered and uploads stored. More would not make two cores faster.
THREADS = 16


def create_app(
    settings: Settings, opened: Service | None = None, draining: Draining | None = None
) -> FastAPI:
    """The application for some settings.

    Args:
        settings: Where to listen, and what to build the service from.
        opened: The service, which is closed at the end; without one the data folder is opened at the start.
        draining: How whoever runs the application says that it is about to end.
    """
    draining = draining or Draining()
    kinds = Kinds(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # Work for a client that has left is taken out of this queue again, so that it cannot grow without end.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, "work"))
        service = opened or build(settings)
        app.state.service = service
        app.state.recorder = Recorder(service.store.audit, service.observed.metrics.audit_dropped)
        service.warm_up()
        service.runner.start()
        service.checkup.start()
        service.batches = BatchRunner(service, settings.batch_workers)
        service.batches.start()
        app.state.mcp = session_manager()
        try:
            async with app.state.mcp.run():
                yield
        finally:
            await service.batches.stop()
            app.state.recorder.close()
            await service.close()

    app = FastAPI(
        title="Footnote",
        summary="Answers from your documents, every sentence with a checked footnote.",
        version="0.1.0",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # A redirect would repeat the Host header, which anybody may forge.
        redirect_slashes=False,
        # Every route, also one that forgets to ask who calls.
        dependencies=[Depends(authorise)],
    )
    app.state.draining, app.state.kinds = draining, kinds
    # The last one added is the outermost: whose request it is is known before it takes a place.
    app.add_middleware(Lifetime, kinds=kinds, draining=draining)
    app.add_middleware(
        Gate,
        admin_key=settings.admin_key.get_secret_value() if settings.admin_key else None,
        metrics_key=settings.metrics_key.get_secret_value() if settings.metrics_key else None,
    )
    app.add_middleware(
        Boundary,
        max_body_bytes=settings.max_upload_mib * 1024 * 1024 + FORM_ALLOWANCE,
        # On loopback only its own names are served; elsewhere the key protects, under any name.
        hosts=LOOPBACK if settings.host in LOOPBACK else (),
    )
    errors.install(app)
    for module in (
        documents, search, ask, batch, ground, collections, usage, answers, conversations, keys, openai, health,
    ):  # fmt: skip
        app.include_router(module.router)
    for module in (responses, files, vector_stores, ai_sdk, dify, mcp):
        app.include_router(module.router)
    add_pages(app)
    describe_access(app)
    return app

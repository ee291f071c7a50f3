"""Puts routes, errors and middleware together into the ASGI application."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import Depends, FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from api import errors
from api.access import authorise
from api.audit import Recorder
from api.deps import build
from api.description import describe_access
from api.gate import Gate
from api.middleware import Boundary
from api.routes import answers, ask, collections, documents, ground, health, keys, openai, search

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from api.deps import Service
    from api.settings import Settings

WEB = Path(__file__).parent / "web"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# What surrounds the files of one upload in its request body.
_FORM_ALLOWANCE = 1024 * 1024


def create_app(settings: Settings, opened: Service | None = None) -> FastAPI:
    """The application for some settings.

    Args:
        settings: Where to listen, and what to build the service from.
        opened: The service, which is closed at the end; without one the data folder is opened at the start.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service = opened or build(settings)
        app.state.service = service
        app.state.recorder = Recorder(service.store.audit)
        service.warm_up()
        service.runner.start()
        try:
            yield
        finally:
            app.state.recorder.close()
            await service.close()

    app = FastAPI(
        title="Footnote",
        summary="Answers from your documents, every sentence with a checked footnote.",
        version="0.1.0",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # Every route, also one that forgets to ask who calls.
        dependencies=[Depends(authorise)],
    )
    # Inside of the boundary, which is added last.
    app.add_middleware(Gate, admin_key=settings.admin_key.get_secret_value() if settings.admin_key else None)
    app.add_middleware(
        Boundary,
        max_body_bytes=settings.max_upload_mib * 1024 * 1024 + _FORM_ALLOWANCE,
        # On loopback only its own names are served; elsewhere the key protects, under any name.
        hosts=LOOPBACK if settings.host in LOOPBACK else (),
    )
    errors.install(app)
    for module in (documents, search, ask, ground, collections, answers, keys, openai, health):
        app.include_router(module.router)

    async def page(_request: Request) -> FileResponse:
        return FileResponse(WEB / "index.html", headers={"Cache-Control": "no-cache"})

    app.add_route("/", page, include_in_schema=False)
    app.mount("/web", StaticFiles(directory=WEB), name="web")
    describe_access(app)
    return app

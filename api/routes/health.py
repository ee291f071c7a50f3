"""Is the process alive, can it answer, and how is it doing."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.exc import SQLAlchemyError

from api.deps import Service, ServiceDep

router = APIRouter(tags=["health"])


@router.get("/livez")
async def livez() -> dict[str, str]:
    """The process is alive."""
    return {"status": "alive"}


@router.get("/readyz")
async def readyz(request: Request, service: ServiceDep, response: Response) -> dict[str, Any]:
    """Whether questions can be answered, part by part."""
    if service.embedder_error:
        embedder = f"failed: {service.embedder_error}"
    else:
        embedder = "ready" if service.embedder.ready else "loading"
    catalog, jobs = await asyncio.to_thread(_catalog, service)
    draining = request.app.state.draining.begun
    ready = embedder == catalog == "ready" and not draining and not service.confinement_error
    if not ready:
        response.status_code = 503
        response.headers["Retry-After"] = "2"
    return {
        "status": "draining" if draining else "ready" if ready else "not ready",
        "parts": {
            "catalog": catalog,
            "embedder": embedder,
            "gateway": "configured" if service.gateway else "none: answers are quotations",
            "verifier": service.settings.verifier or "built-in",
            "tokens": service.answerer.tokens.source,
            "jobs": jobs,
            "parser": _parser(service),
        },
    }


def _catalog(service: Service) -> tuple[str, int]:
    """Whether the catalog can be read, and how many jobs wait in it."""
    try:
        return "ready", service.store.jobs.waiting()
    except SQLAlchemyError as error:
        return f"failed: {type(error).__name__}", 0


def _parser(service: Service) -> str:
    """What the operating system keeps the parser from, in words."""
    found = service.confinement
    if found is None:
        return f"failed: {service.confinement_error}" if service.confinement_error else "starting"
    if found.complete:
        return f"sandboxed: Landlock {found.files}, seccomp"
    held = [name for name, holds in (("Landlock", found.files), ("seccomp", found.calls)) if holds]
    return f"not sandboxed by {' and '.join(sorted({'Landlock', 'seccomp'} - set(held)))}: {found.reason}"


@router.get("/metrics", response_class=Response)
async def metrics(request: Request, service: ServiceDep) -> Response:
    """Figures for Prometheus."""
    body = await asyncio.to_thread(
        service.observed.metrics.exposition, service, request.app.state.kinds, ready=_ready(service)
    )
    return Response(body, media_type=CONTENT_TYPE_LATEST)


def _ready(service: Service) -> bool:
    return service.embedder.ready and not service.embedder_error and not service.confinement_error

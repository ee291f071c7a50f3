"""Is the process alive, can it answer, and how is it doing."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from api.deps import ServiceDep

router = APIRouter(tags=["health"])

JOBS = Gauge("footnote_ingestion_jobs", "Documents waiting to be ingested or in work.")
PASSAGES = Gauge("footnote_passages", "Live passages.", ("collection",))


@router.get("/livez")
async def livez() -> dict[str, str]:
    """The process is alive."""
    return {"status": "alive"}


@router.get("/readyz")
def readyz(service: ServiceDep, response: Response) -> dict[str, Any]:
    """Whether questions can be answered, part by part."""
    if service.embedder_error:
        embedder = f"failed: {service.embedder_error}"
    else:
        embedder = "ready" if service.embedder.ready else "loading"
    ready = embedder == "ready"
    if not ready:
        response.status_code = 503
        response.headers["Retry-After"] = "2"
    return {
        "status": "ready" if ready else "not ready",
        "parts": {
            "catalog": "ready",
            "embedder": embedder,
            "gateway": "configured" if service.gateway else "none: answers are quotations",
            "verifier": service.settings.verifier or "built-in",
            "tokens": service.answerer.tokens.source,
            "jobs": service.store.jobs.waiting(),
        },
    }


@router.get("/metrics", response_class=Response)
def metrics(service: ServiceDep) -> Response:
    """Prometheus metrics."""
    JOBS.set(service.store.jobs.waiting())
    PASSAGES.clear()
    for record in service.store.catalog.collections():
        PASSAGES.labels(record.name).set(record.passages)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

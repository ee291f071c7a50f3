"""The Model Context Protocol over streamable HTTP: https://modelcontextprotocol.io/specification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import structlog
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from api.access import LOCAL, CallerDep, Identity
from api.bounds import LIMITS
from api.deps import ServiceDep
from api.errors import ApiError
from api.faces.links import base_of
from api.faces.mcp import Visit
from api.schemas.base import CollectionName

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
    from starlette.types import Receive, Scope, Send

router = APIRouter(tags=["mcp"])

_MESSAGE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object", "description": "A JSON-RPC message."}}},
    },
    "responses": {"202": {"description": "A notification was taken."}},
}


@router.post("/mcp", response_class=Response, openapi_extra=_MESSAGE)
async def mcp(
    request: Request,
    service: ServiceDep,
    _caller: CallerDep,
    collection: Annotated[
        CollectionName | None, Query(description="Which collection is meant where a tool's call names none.")
    ] = None,
) -> Response:
    """Tools ``search``, ``fetch``, ``ask`` and ``ground``, and the pages of documents as resources."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ApiError(415, "unsupported_media_type", f"The request is {kind or 'of no stated type'}.")
    identity = getattr(request.state, "identity", None) or LOCAL
    _check_origin(request, identity)
    named = request.query_params.getlist("as")
    request.state.visit = Visit(
        service=service,
        recorder=request.app.state.recorder,
        identity=identity,
        principals=tuple(named) if named else None,
        base=base_of(request, service),
        collection=collection,
        limits=LIMITS.get(),
        trace_id=str(structlog.contextvars.get_contextvars().get("trace_id", "")),
    )
    return _HandedOn(request.app.state.mcp)


class _HandedOn(Response):
    """A response that the protocol's own machinery gives."""

    def __init__(self, manager: StreamableHTTPSessionManager) -> None:
        super().__init__()
        self._manager = manager

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request."""
        await self._manager.handle_request(scope, receive, send)


def _check_origin(request: Request, identity: Identity) -> None:
    """Refuse pages of other sites, as the protocol demands: a page could use whatever its visitor's browser can reach.

    Raises:
        ApiError: 403.
    """
    origin = request.headers.get("origin")
    own = origin is None or origin.partition("://")[2] == request.headers.get("host", "")
    if not own and origin not in identity.grant.origins:
        raise ApiError(
            403, "origin_not_allowed", f"Pages from {origin!r} may not use this address with this key."
        )

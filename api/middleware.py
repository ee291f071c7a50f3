"""What happens around every request: a trace id, a check of its host, a bound on the body, safe headers."""

from __future__ import annotations

import re
import time
import uuid
from typing import TYPE_CHECKING

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from api.bounds import takes_files
from api.errors import ApiError, describe, for_client

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.trace import Span
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from api.observe import Observed

log = structlog.get_logger(__name__)

# The page loads nothing from elsewhere, and no answer can make it do so.
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
# A client may send any word as its method, and each would be a series of its own for ever.
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
# Of a request without files. The longest history and sources that the schemas allow take about half.
MAX_JSON_BYTES = 4 * 1024 * 1024
_MAX_DIGITS = 18
_CLIENT_LEFT = 499
_TRACE_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


class Boundary:
    """One ASGI middleware for all of it, so that even a refusal has a trace id and safe headers."""

    def __init__(self, app: ASGIApp, *, max_body_bytes: int, hosts: Iterable[str]) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        method = scope["method"] if scope["method"] in _METHODS else "other"
        observed: Observed = scope["app"].state.service.observed
        with observed.tracing.request(method, headers) as span:
            route, status = await self._serve(scope, receive, send, headers, span)
            observed.tracing.responded(span, method, route, status)

    async def _serve(
        self, scope: Scope, receive: Receive, send: Send, headers: Headers, span: Span | None
    ) -> tuple[str, int]:
        """Serve one request; its route and its status."""
        observed: Observed = scope["app"].state.service.observed
        given = headers.get("x-request-id", "")
        trace_id = (
            given if _TRACE_ID.fullmatch(given) else observed.tracing.trace_id(span) or uuid.uuid4().hex
        )
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(trace_id=trace_id)
        started = time.perf_counter()
        status = 500
        begun = False

        async def send_marked(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                begun = True
                status = message["status"]
                out = MutableHeaders(scope=message)
                out["X-Request-Id"] = trace_id
                for name, value in _HEADERS.items():
                    out.setdefault(name, value)
                if scope["path"].startswith("/v1/"):
                    # What is deleted here must not live on in a browser or a proxy.
                    out.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            self._admit(scope["path"], headers)
            most = self._most_bytes(scope["path"])
            await self._app(scope, _bounded(receive, most), send_marked)
        except ClientDisconnect:
            # Nobody is there to be answered. The number is the one that nginx logs for this.
            status = _CLIENT_LEFT
        except Exception as error:
            status, body, extra = describe(error)
            if begun:
                # Half a response cannot be taken back; the server closes the connection under it.
                raise
            await JSONResponse(for_client(scope, status, body), status, extra)(scope, receive, send_marked)
        finally:
            seconds = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", "unknown")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            observed.metrics.requests.labels(method, route, status).inc()
            observed.metrics.request_seconds.labels(method, route).observe(seconds)
            log.info("request", method=method, route=route, status=status, ms=round(seconds * 1000, 1))
        return route, status

    def _admit(self, path: str, headers: Headers) -> None:
        """Refuse what must not reach a route.

        Raises:
            ApiError: 400 for a foreign Host, 413 for a body that is announced as too large.
        """
        host = re.sub(r":\d+$", "", headers.get("host", "")).strip("[]").lower()
        if self._hosts and host not in self._hosts:
            # A page elsewhere that resolves its own name to this address must not be served.
            raise ApiError(400, "unknown_host", f"This service does not answer for the host {host!r}.")
        length = headers.get("content-length", "0")
        if not length.isdecimal():
            raise ApiError(400, "malformed", "Content-Length is not a number.")
        most = self._most_bytes(path)
        # A number of very many digits is not even converted.
        if len(length) > _MAX_DIGITS or int(length) > most:
            raise _too_large(most)

    def _most_bytes(self, path: str) -> int:
        """The largest body of a request: of those that bring no files it is held in memory and read at once."""
        return self._max_body_bytes if takes_files(path) else min(MAX_JSON_BYTES, self._max_body_bytes)


def _bounded(receive: Receive, most: int) -> Receive:
    """Count what arrives, because a chunked body announces no length."""
    arrived = 0

    async def bounded() -> Message:
        nonlocal arrived
        message = await receive()
        arrived += len(message.get("body", b""))
        if arrived > most:
            raise _too_large(most)
        return message

    return bounded


def _too_large(most: int) -> ApiError:
    return ApiError(413, "body_too_large", f"The request body is larger than {most / (1024 * 1024):g} MiB.")

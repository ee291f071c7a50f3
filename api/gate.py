"""The gate before every route: whose key it is, from which page it comes, how often, and what the audit log notes.

It works before a body is read, so that a stranger cannot make the service read one.
"""

from __future__ import annotations

import asyncio
import hmac
import math
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

import structlog
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy.exc import OperationalError
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response

from api import COLLECTION_NAME
from api.access import ADMIN, LOCAL, MONITOR, Identity
from api.errors import ApiError, describe, for_client
from api.rules import METRICS_PATH, RULES, is_open
from index.audit import Entry
from index.disk import passes
from index.keys import TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from api.audit import Recorder
    from api.rules import Rule
    from index.store import Store

log = structlog.get_logger(__name__)

_KEY_IN_ADDRESS = re.compile(TOKEN.pattern.encode())
# Refusals of strangers that are noted in a minute. More say nothing new, and would fill the disk.
_NOTED_STRANGERS = RateLimitItemPerMinute(60)
# What the log may hold of an address: ids that the service gave. Anything else is a client's own words, such as the
# name of a file, or a key that was pasted into the wrong place; a collection's name tells whose log line it is.
_OBJECTS = {
    "document_id": re.compile(r"doc_[0-9a-f]{1,40}"),
    "answer_id": re.compile(r"ans_[0-9a-f]{1,40}"),
    "key_id": re.compile(r"[0-9a-f]{16}"),
    "name": re.compile(COLLECTION_NAME),
}
# A shorter key is a word that addresses hold anyway.
_SOUGHT_CHARACTERS = 16
_NO_KEY = "-"


class Gate:
    """One ASGI middleware. It stands inside of ``Boundary``, which gives each answer its trace id."""

    def __init__(self, app: ASGIApp, *, admin_key: str | None, metrics_key: str | None = None) -> None:
        self._app = app
        self._admin_key = admin_key
        self._metrics_key = metrics_key
        # One process holds a data folder, so its memory sees every request.
        self._rates = MovingWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        store: Store = scope["app"].state.service.store
        visit = _Visit(scope, scope["app"].state.recorder, send, self._rates)
        try:
            self._refuse_key_in_address(scope)
            if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
                answer = await asyncio.to_thread(_preflight, store, headers)
                await answer(scope, receive, send)
                return
            if not is_open(scope["path"]):
                visit.identity = await self._identify(scope, store, headers)
                self._admit(visit, headers)
            await self._app(scope, receive, visit.send)
        except ApiError as error:
            # Also when there was no place or no time for it: a page elsewhere may read that too.
            if visit.begun:
                raise
            status, body, extra = describe(error)
            await JSONResponse(for_client(scope, status, body), status, extra)(scope, receive, visit.send)

    def _refuse_key_in_address(self, scope: Scope) -> None:
        """Addresses end up in logs, histories and referrers; a key in one is as good as published.

        Raises:
            ApiError: 400.
        """
        query = scope["query_string"]
        # The path has been decoded by the server.
        address = b"?".join((scope["path"].encode(), query, unquote_to_bytes(query)))
        own = [
            key.encode()
            for key in (self._admin_key, self._metrics_key)
            if key and len(key) >= _SOUGHT_CHARACTERS
        ]
        if any(key in address for key in own) or _KEY_IN_ADDRESS.search(address):
            message = (
                "There is a key in the address, where logs keep it. Revoke it; keys go into a header only."
            )
            raise ApiError(400, "key_in_address", message)

    async def _identify(self, scope: Scope, store: Store, headers: Headers) -> Identity:
        """Whose request it is. Only the Authorization header says so, and only one of them.

        Raises:
            ApiError: 401 without a key that is live, 403 for a foreign page where no key is needed.
        """
        given = headers.getlist("authorization")
        scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        token = token.strip() if scheme.lower() == "bearer" else ""
        if self._admin_key and hmac.compare_digest(token.encode(), self._admin_key.encode()):
            return ADMIN
        monitor = self._metrics_key if scope["path"] == METRICS_PATH else None
        if monitor and hmac.compare_digest(token.encode(), monitor.encode()):
            return MONITOR
        record = await asyncio.to_thread(store.keys.authenticate, token) if token else None
        if record is not None:
            try:
                await asyncio.to_thread(store.keys.note_use, record)
            except OperationalError as error:
                if not passes(error):
                    raise
                # Nobody is turned away because the time of last use cannot be written.
                log.warning("last_use_not_stored", key_id=record.id)
            return Identity(record.id, record.grant)
        if not self._admin_key and not await asyncio.to_thread(store.keys.exist):
            origin = headers.get("origin")
            foreign = origin is not None and origin.partition("://")[2] != headers.get("host", "")
            if foreign and scope["method"] not in ("GET", "HEAD", "OPTIONS"):
                # Without a key, a page of another site could upload documents through a visitor's browser.
                raise ApiError(403, "foreign_origin", f"Pages from {origin!r} may not change anything here.")
            return LOCAL
        message = "A key is needed, and it is not this one."
        raise ApiError(401, "unauthorized", message, {"WWW-Authenticate": "Bearer"})

    def _admit(self, visit: _Visit, headers: Headers) -> None:
        """Let a key's request in.

        Raises:
            ApiError: 403 for a publishable key on a page that it is not for, 429 when it asks too often.
        """
        identity = visit.identity
        if identity is None:
            return
        visit.scope.setdefault("state", {})["identity"] = identity
        structlog.contextvars.bind_contextvars(key_id=identity.key_id)
        grant = identity.grant
        if grant.is_publishable:
            origin = headers.get("origin", "")
            if origin not in grant.origins:
                message = (
                    f"This key is for other pages than {origin!r}."
                    if origin
                    else "This key is for web pages."
                )
                raise ApiError(403, "origin_not_allowed", message)
            visit.headers |= _cors(origin)
        if grant.limits.requests_per_minute is not None:
            item = RateLimitItemPerMinute(grant.limits.requests_per_minute)
            fits = self._rates.hit(item, identity.key_id)
            window = self._rates.get_window_stats(item, identity.key_id)
            wait = max(1, math.ceil(window.reset_time - time.time()))
            visit.headers |= {
                "X-RateLimit-Limit": str(item.amount),
                "X-RateLimit-Remaining": str(window.remaining),
                "X-RateLimit-Reset": str(wait),
            }
            if not fits:
                message = f"This key makes at most {item.amount:,} requests a minute."
                raise ApiError(429, "rate_limited", message, {"Retry-After": str(wait)}, retryable=True)


class _Visit:
    """One request on its way: who it is of, the headers that its answer gets, and what is noted of it."""

    def __init__(self, scope: Scope, recorder: Recorder, send: Send, rates: MovingWindowRateLimiter) -> None:
        self.scope = scope
        self.identity: Identity | None = None
        self.headers: dict[str, str] = {}
        self.begun = False
        self._recorder = recorder
        self._send = send
        self._rates = rates

    async def send(self, message: Message) -> None:
        """Pass on a part of the answer; before the first, note what was done."""
        if message["type"] == "http.response.start":
            self.begun = True
            out = MutableHeaders(scope=message)
            for name, value in self.headers.items():
                out[name] = value
            await self._note(message["status"])
        await self._send(message)

    async def _note(self, status: int) -> None:
        route = getattr(self.scope.get("route"), "path", "")
        rule = RULES.get(f"{self.scope['method']} {route}")
        refused = status in (401, 403)
        if not refused and (rule is None or not rule.audited):
            return
        if self.identity is None and not self._rates.hit(_NOTED_STRANGERS, _NO_KEY):
            return
        entries = self._entries(rule, status)
        if rule is not None and rule.changes and self.scope["method"] != "GET" and not refused:
            # An acknowledged change stands in the log.
            await asyncio.to_thread(self._recorder.record, entries)
        else:
            self._recorder.note(entries)

    def _entries(self, rule: Rule | None, status: int) -> list[Entry]:
        state: dict[str, Any] = self.scope.get("state", {})
        in_path = self.scope.get("path_params", {}).items()
        shown: list[str | None] = state.get("audited") or [
            value if _OBJECTS[name].fullmatch(value) else "?" for name, value in in_path if name in _OBJECTS
        ]
        return [
            Entry(
                at=time.time(),
                key_id=_NO_KEY if self.identity is None else self.identity.key_id,
                action=rule.action if rule else "unknown",
                object=each,
                outcome=status,
                trace_id=str(structlog.contextvars.get_contextvars().get("trace_id", "")),
            )
            for each in (shown or [None])
        ]


def note_objects(state: Any, ids: Iterable[str]) -> None:
    """Say which objects a request made, where its address does not name them."""
    state.audited = list(ids)


def _cors(origin: str) -> dict[str, str]:
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": "Retry-After, X-Request-Id, X-RateLimit-Remaining, X-RateLimit-Reset",
        "Vary": "Origin",
    }


def _preflight(store: Store, headers: Headers) -> Response:
    """What a browser asks before a page of another site may send its key.

    Raises:
        ApiError: 403 for pages that no live key is for.
    """
    origin = headers.get("origin", "")
    if not store.keys.origin_is_listed(origin):
        raise ApiError(403, "origin_not_allowed", f"No key is for pages from {origin!r}.")
    allowed = {
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Allow-Headers": "Authorization, Content-Type",
        "Access-Control-Max-Age": "600",
    }
    return Response(status_code=204, headers=_cors(origin) | allowed)

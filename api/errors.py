"""Errors as the contract has them, and one table from exception class to HTTP status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from api import COLLECTION_NAME
from api.remote.errors import UrlBusy, UrlError
from api.rules import methods_of
from index.disk import Trouble, trouble
from index.errors import (
    Conflict,
    FolderInUse,
    IndexingError,
    InvalidFilter,
    KeyReused,
    NotFound,
    RequestInProgress,
)
from ingest.errors import EmbedderUnavailable, IngestError, PageNotFound, ParseError, ParserUnavailable
from rag.errors import (
    BudgetExceeded,
    GatewayError,
    GatewayNotConfigured,
    GatewayRateLimited,
    GatewayTimeout,
    IncompleteAnswer,
    JudgeUnavailable,
    RagError,
    RerankerUnavailable,
)

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.types import Scope

log = structlog.get_logger(__name__)

# The nearest class in an exception's line of descent decides.
STATUS: dict[type[Exception], int] = {
    NotFound: 404,
    PageNotFound: 404,
    Conflict: 409,
    InvalidFilter: 422,
    KeyReused: 422,
    FolderInUse: 503,
    IndexingError: 500,
    EmbedderUnavailable: 503,
    ParserUnavailable: 503,
    ParseError: 422,
    IngestError: 500,
    UrlError: 422,
    UrlBusy: 503,
    RerankerUnavailable: 503,
    JudgeUnavailable: 503,
    BudgetExceeded: 422,
    GatewayNotConfigured: 422,
    GatewayRateLimited: 429,
    GatewayTimeout: 504,
    GatewayError: 502,
    RagError: 500,
}
_HINTS = {
    400: "See /openapi.json for the form of this request.",
    401: "Send the key as 'Authorization: Bearer ...'.",
    404: "Check the address and the id. What was deleted is not found either.",
    405: "See /openapi.json for the methods of this address.",
    408: "Send the body faster, in smaller parts, or raise FOOTNOTE_BODY_WAIT_S.",
    413: "Upload smaller files, or raise FOOTNOTE_MAX_UPLOAD_MIB.",
    415: "Send multipart/form-data with one or more 'file' parts, or application/json.",
    422: "See /openapi.json for the fields of this request.",
    500: "This is a fault of the service. Its log has the trace id.",
    502: "Look at the gateway named in the message.",
    504: "Ask again, or raise FOOTNOTE_GATEWAY_DEADLINE_S or FOOTNOTE_REQUEST_DEADLINE_S.",
    507: "Free space on the disk that holds the data folder. Reading goes on meanwhile.",
}


class ApiError(Exception):
    """A refusal that only HTTP knows, such as a body that is too large."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: dict[str, str] | None = None,
        *,
        retryable: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers or {}
        self.retryable = retryable


# Seconds after which to try again, by what is wrong with the disk.
_DISK_RETRY_S = {Trouble.FAILED: 10, Trouble.BUSY: 1}
_DISK_HINT = (
    "Look at the disk that holds the data folder and at the service's log; 'footnote doctor' says what is damaged. "
    "Restore from a backup what cannot be repaired."
)


def _storage(found: Trouble) -> tuple[int, dict[str, Any], dict[str, str]]:
    """The disk's troubles: nothing was stored by halves, and reading goes on where it can."""
    if found is Trouble.FULL:
        return 507, _body("disk_full", "There is no space left to store this.", 507, retryable=True), {}
    code, message = {
        Trouble.FAILED: (
            "storage_failed",
            "The disk could not be read or written. Nothing was changed by halves.",
        ),
        Trouble.BUSY: ("storage_busy", "The data folder is locked by somebody else for too long."),
        Trouble.DAMAGED: ("storage_damaged", "The stored data are damaged."),
    }[found]
    body = _body(code, message, 503, retryable=found in _DISK_RETRY_S)
    if found is not Trouble.BUSY:
        body["error"]["hint"] = _DISK_HINT
    return 503, body, {"Retry-After": str(_DISK_RETRY_S.get(found, 60))}


DIFY_PATH = "/retrieval"
# Dify's own numbers: a header of another form, a key that is not accepted, a knowledge base that is not there.
_DIFY_HEADER, _DIFY_KEY, _DIFY_UNKNOWN = 1001, 1002, 2001


def for_client(scope: Scope, status: int, body: dict[str, Any]) -> dict[str, Any]:
    """An error's body as the client of that address reads it: Dify looks for fields of its own beside ours."""
    if scope["path"] != DIFY_PATH:
        return body
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    well_formed = len(given) == 1 and given[0].lower().startswith(b"bearer ")
    code = {401: _DIFY_KEY if well_formed else _DIFY_HEADER, 403: _DIFY_KEY, 404: _DIFY_UNKNOWN}.get(
        status, status
    )
    return {**body, "error_code": code, "error_msg": body["error"]["message"]}


def describe(error: Exception) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, body and headers that an exception becomes."""
    if isinstance(error, ApiError):
        return (
            error.status,
            _body(error.code, str(error), error.status, retryable=error.retryable),
            error.headers,
        )
    headers: dict[str, str] = {}
    wrong = trouble(error)
    if wrong is not None:
        log.error("storage_trouble", kind=wrong.value, exc_info=error)
        return _storage(wrong)
    if isinstance(error, IncompleteAnswer) and error.cause is not None:
        # What broke a stream off decides the status; that it broke off stays the code.
        cause = describe(error.cause)
        return cause[0], _body(error.code, str(error), cause[0], retryable=error.retryable), cause[2]
    status = next((STATUS[cls] for cls in type(error).__mro__ if cls in STATUS), None)
    if status is None:
        log.error("unexpected_error", exc_info=error)
        message = f"An unexpected {type(error).__name__} ended the request."
        return 500, _body("internal_error", message, 500, retryable=False), headers
    retry_after = getattr(error, "retry_after_s", None)
    retryable = bool(getattr(error, "retryable", False))
    if status in (429, 503) or isinstance(error, RequestInProgress):
        headers["Retry-After"] = str(max(1, round(retry_after or 1)))
    return status, _body(getattr(error, "code", "error"), str(error), status, retryable=retryable), headers


def _words(found: dict[str, Any]) -> str:
    """What is wrong with a field; patterns that people meet are put into words."""
    if found["type"] == "string_pattern_mismatch":
        if COLLECTION_NAME in found["ctx"]["pattern"]:
            return (
                "A collection's name has 1 to 100 letters, digits, '.', '_' and '-', "
                "a letter or a digit first."
            )
        if found["loc"][1:2] == ("origins",):
            return "An origin is http or https and a host in small letters, such as https://www.example.org."
    return str(found["msg"])


def install(app: FastAPI) -> None:
    """Make every failure of a route come out in the contract's form."""

    def told(
        request: Request, status: int, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> JSONResponse:
        return JSONResponse(for_client(request.scope, status, body), status, headers)

    async def handle(request: Request, error: Exception) -> JSONResponse:
        status, body, headers = describe(error)
        return told(request, status, body, headers)

    async def handle_http(request: Request, error: Exception) -> JSONResponse:
        if isinstance(error.__cause__, ApiError):
            # FastAPI calls whatever stops it from reading a body a bad request; ours says what it was.
            return await handle(request, error.__cause__)
        status = error.status_code if isinstance(error, HTTPException) else 500
        detail = str(error.detail) if isinstance(error, HTTPException) else ""
        code = {400: "malformed", 404: "not_found", 405: "method_not_allowed"}.get(status, "error")
        headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
        if status == 405 and (methods := methods_of(request.scope["path"])):  # noqa: PLR2004
            # The router names those of one route alone.
            headers["Allow"] = ", ".join(methods)
        return told(request, status, _body(code, detail, status, retryable=False), headers)

    async def handle_invalid(request: Request, error: Exception) -> JSONResponse:
        found = error.errors() if isinstance(error, RequestValidationError) else []
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        # FastAPI hands a body that is not said to be JSON on as bytes, which fit no model.
        if any(each["loc"] == ("body",) and isinstance(each["input"], bytes) for each in found):
            message = f"The body is {media_type or 'of no stated type'}; this address takes application/json."
            return told(request, 415, _body("unsupported_media_type", message, 415, retryable=False))
        if any(each["type"] == "json_invalid" for each in found):
            return told(request, 400, _body("malformed", "The body is not valid JSON.", 400, retryable=False))
        parts = [
            f"{'.'.join(str(at) for at in each['loc'][1:]) or 'body'}: {_words(each)}" for each in found[:5]
        ]
        return told(request, 422, _body("invalid_field", "; ".join(parts), 422, retryable=False))

    # Anything else is a fault of ours, and the middleware answers it.
    for cls in (*STATUS, ApiError, OSError):
        app.add_exception_handler(cls, handle)
    app.add_exception_handler(HTTPException, handle_http)
    app.add_exception_handler(RequestValidationError, handle_invalid)


def _body(code: str, message: str, status: int, *, retryable: bool) -> dict[str, Any]:
    trace_id = structlog.contextvars.get_contextvars().get("trace_id", "")
    hint = _HINTS.get(status, "Try again later." if retryable else "")
    return {
        "error": {
            "code": code,
            "message": message,
            "hint": hint,
            "retryable": retryable,
            "trace_id": trace_id,
        }
    }

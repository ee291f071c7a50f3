"""What can go wrong with a gateway, mapped to this package's errors in one place.

Nothing from outside is quoted without ``quote``, which removes the key and cuts the length.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple

import httpx

from rag.errors import (
    GatewayAuthError,
    GatewayBadRequest,
    GatewayError,
    GatewayNotConfigured,
    GatewayProtocolError,
    GatewayRateLimited,
    GatewayTimeout,
    GatewayUnavailable,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

# Everything that httpx raises descends from one of these.
HTTPX_ERRORS = (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError)

# With these no question was sent.
NEVER_ARRIVED = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.InvalidURL,
)

# The nearest class of the raised exception's ancestry decides.
FROM_HTTPX: dict[type[Exception], type[GatewayError]] = {
    httpx.TimeoutException: GatewayTimeout,
    # Neither opened a connection: the model was never asked.
    httpx.ConnectTimeout: GatewayUnavailable,
    httpx.PoolTimeout: GatewayUnavailable,
    httpx.NetworkError: GatewayUnavailable,
    httpx.ProxyError: GatewayUnavailable,
    # A kept connection that the gateway had closed meanwhile shows as this: worth another attempt.
    httpx.RemoteProtocolError: GatewayUnavailable,
    httpx.LocalProtocolError: GatewayBadRequest,
    httpx.UnsupportedProtocol: GatewayNotConfigured,
    httpx.InvalidURL: GatewayNotConfigured,
    httpx.DecodingError: GatewayProtocolError,
    httpx.TooManyRedirects: GatewayProtocolError,
    httpx.HTTPStatusError: GatewayProtocolError,
    httpx.CookieConflict: GatewayProtocolError,
    httpx.StreamError: GatewayProtocolError,
}

_ADVICE: dict[type[GatewayError], str] = {
    GatewayAuthError: "Check FOOTNOTE_GATEWAY_KEY, and that its account may use the model.",
    GatewayBadRequest: "Check FOOTNOTE_MODEL, and that FOOTNOTE_GATEWAY_URL ends where the API begins (/v1).",
    GatewayNotConfigured: "Set FOOTNOTE_GATEWAY_URL to an address such as http://localhost:11434/v1.",
    GatewayProtocolError: "Check that FOOTNOTE_GATEWAY_URL is the address of an OpenAI-compatible API.",
    GatewayRateLimited: "Ask less often, or use a FOOTNOTE_GATEWAY_KEY with a higher limit.",
    GatewayTimeout: "Try again, or set FOOTNOTE_MODEL to a faster model.",
    GatewayUnavailable: "Try again, and check that FOOTNOTE_GATEWAY_URL is right and reachable from here.",
}

# Errors inside a stream come without a status; these are the names that gateways use instead.
_STATUS_OF_NAME = {
    "authentication_error": 401,
    "billing_not_active": 402,
    "context_length_exceeded": 400,
    "insufficient_quota": 402,
    "invalid_api_key": 401,
    "invalid_request_error": 400,
    "model_not_found": 404,
    "not_found_error": 404,
    "overloaded_error": 503,
    "permission_error": 403,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
}
_PAYMENT_REQUIRED = 402
_RETRYABLE_4XX = frozenset({408, 409, 425})
_FIRST_ERROR = 400
_FIRST_SERVER_ERROR = 500
_LAST_STATUS = 599
# Letters of a key that are more of it than chance: at its end behind what was left out, and anywhere.
_SHOWN_END, _SHOWN_PART = 3, 8
_LEFT_OUT = ("*", ".", "\u2026")
_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?")


class Fault(NamedTuple):
    """An error as a gateway reports it: the status it stands for and the gateway's own words."""

    status: int
    message: str


def quote(text: str, key: str | None, limit: int = 300) -> str:
    """Makes text from outside fit for a message: one line, without the key or a part of it, at most ``limit`` long."""
    line = " ".join(text.split())
    if key:
        line = _without_parts(line.replace(key, "***"), key)
    line = "".join(char if char.isprintable() else "\ufffd" for char in line)
    return line if len(line) <= limit else line[: limit - 1] + "\u2026"


def _without_parts(line: str, key: str) -> str:
    """The line without longer parts of a key: gateways show its beginning and its end when they refuse it."""
    kept = []
    at = 0
    while at < len(line):
        length = 0
        while at + length < len(line) and line[at : at + length + 1] in key:
            length += 1
        # A key's end is shown after stars or points, and four letters of it are enough to tell whose it is.
        is_end = (
            length >= _SHOWN_END and key.endswith(line[at : at + length]) and line[:at].endswith(_LEFT_OUT)
        )
        kept.append("***" if length >= _SHOWN_PART or is_end else line[at : at + max(length, 1)])
        at += max(length, 1)
    return "".join(kept)


def from_httpx(error: Exception, place: str, key: str | None) -> GatewayError:
    """Maps any exception of httpx.

    Args:
        error: What httpx raised.
        place: The address that was called, without anything secret.
        key: The gateway's key, so that it can be kept out of the message.
    """
    kind = next(
        (FROM_HTTPX[parent] for parent in type(error).__mro__ if parent in FROM_HTTPX), GatewayUnavailable
    )
    reason = quote(f"{type(error).__name__}: {error}".rstrip(": "), key)
    found = kind(f"The exchange with the gateway at {place} failed ({reason}). {_ADVICE[kind]}")
    found.unbilled = isinstance(error, NEVER_ARRIVED)
    return found


def from_fault(fault: Fault, place: str, key: str | None, retry_after_s: float | None = None) -> GatewayError:
    """Maps an HTTP status, or the status that an error inside a stream stands for."""
    kind = _kind_of_status(fault.status)
    said = f", saying: {quote(fault.message, key)}" if fault.message.strip() else ""
    wait = f" It asks to wait {retry_after_s:g} s." if retry_after_s is not None else ""
    return kind(
        f"The gateway at {place} answered {fault.status}{said}.{wait} {_ADVICE[kind]}",
        retry_after_s=retry_after_s,
    )


def unusable(reason: str, place: str) -> GatewayProtocolError:
    """The error for an answer that is not what an OpenAI-compatible API sends."""
    return GatewayProtocolError(f"The gateway at {place} {reason}. {_ADVICE[GatewayProtocolError]}")


def too_late(what: str, place: str) -> GatewayTimeout:
    """The error for something that did not happen in its time."""
    return GatewayTimeout(f"The gateway at {place} {what}. {_ADVICE[GatewayTimeout]}")


def read_fault(payload: object, status: int | None = None) -> Fault | None:
    """Finds the error in a decoded body or stream event, in any of the shapes that gateways use.

    Those are ``{"error": {"message", "type", "code"}}`` (OpenAI), ``{"error": "..."}`` (Ollama),
    ``{"object": "error", "message", "code"}`` (vLLM) and ``{"detail": ...}`` (FastAPI).

    Args:
        payload: Decoded JSON, of whatever shape.
        status: The HTTP status, None inside a stream: then the error's code or type tells it, else 500.

    Returns:
        The fault, or None when the payload reports none.
    """
    if not isinstance(payload, dict):
        return None
    error = payload.get("error")
    if error is None and (payload.get("object") == "error" or status is not None):
        error = payload if "message" in payload else payload.get("detail")
    # Some gateways put an empty error into every event that has none.
    if not error:
        return None
    if not isinstance(error, dict):
        return Fault(status or _FIRST_SERVER_ERROR, str(error))
    named = _status_of(error.get("code")) or _status_of(error.get("type"))
    # An exhausted account is reported as 429 and will not recover by waiting.
    if status is None or named == _PAYMENT_REQUIRED:
        status = named or _FIRST_SERVER_ERROR
    return Fault(status, str(error.get("message") or error))


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Reads how long the gateway asks us to wait, in seconds; None when it does not say so intelligibly.

    ``retry-after-ms`` is OpenAI's finer variant. ``Retry-After`` is a number of seconds or a date:
    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    milliseconds = headers.get("retry-after-ms", "").strip()
    if _SECONDS.fullmatch(milliseconds):
        return float(milliseconds) / 1000
    value = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds())


def _kind_of_status(status: int) -> type[GatewayError]:
    if status >= _FIRST_SERVER_ERROR or status in _RETRYABLE_4XX:
        return GatewayUnavailable
    if status < _FIRST_ERROR:
        return GatewayProtocolError
    named: dict[int, type[GatewayError]] = {
        401: GatewayAuthError,
        _PAYMENT_REQUIRED: GatewayAuthError,
        403: GatewayAuthError,
        429: GatewayRateLimited,
    }
    return named.get(status, GatewayBadRequest)


def _status_of(name: object) -> int | None:
    """Reads an error's code or type: a status as a number or as digits, or one of the known names."""
    if isinstance(name, str):
        if name in _STATUS_OF_NAME:
            return _STATUS_OF_NAME[name]
        name = int(name) if re.fullmatch(r"[0-9]{3}", name) else None
    return name if isinstance(name, int) and _FIRST_ERROR <= name <= _LAST_STATUS else None

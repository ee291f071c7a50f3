"""How failures are mapped, without a server."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from rag.errors import (
    GatewayAuthError,
    GatewayBadRequest,
    GatewayError,
    GatewayNotConfigured,
    GatewayProtocolError,
    GatewayRateLimited,
    GatewayUnavailable,
)
from rag.gateway import faults
from rag.gateway.wire import base_url, bearer_key, read_delta

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


def descendants(kind: type[BaseException]) -> set[type[BaseException]]:
    """A class and everything that inherits from it."""
    found = {kind}
    for child in kind.__subclasses__():
        found |= descendants(child)
    return found


def httpx_exceptions() -> list[type[BaseException]]:
    """Every exception class of httpx, the unexported ones included."""
    named = {
        value for value in vars(httpx).values() if isinstance(value, type) and issubclass(value, Exception)
    }
    return sorted({child for kind in named for child in descendants(kind)}, key=lambda kind: kind.__name__)


def test_the_tree_of_httpx_is_found() -> None:
    """The completeness test below looks at all of httpx's exceptions, not at an empty list."""
    assert {httpx.ReadError, httpx.StreamClosed, httpx.InvalidURL} < set(httpx_exceptions())
    assert len(httpx_exceptions()) >= 28


# Classes with children, such as HTTPError, are only ever raised as one of them.
@pytest.mark.parametrize("kind", [kind for kind in httpx_exceptions() if not kind.__subclasses__()])
def test_every_exception_of_httpx_is_caught_and_mapped(kind: type[BaseException]) -> None:
    """No exception of httpx, in this version or the next, escapes or falls to the default unnoticed."""
    assert issubclass(kind, faults.HTTPX_ERRORS)
    assert any(parent in faults.FROM_HTTPX for parent in kind.__mro__)


@pytest.mark.parametrize(
    ("status", "expected", "retryable"),
    [
        (301, GatewayProtocolError, False),
        (400, GatewayBadRequest, False),
        (401, GatewayAuthError, False),
        (402, GatewayAuthError, False),
        (403, GatewayAuthError, False),
        (404, GatewayBadRequest, False),
        (408, GatewayUnavailable, True),
        (409, GatewayUnavailable, True),
        (413, GatewayBadRequest, False),
        (422, GatewayBadRequest, False),
        (425, GatewayUnavailable, True),
        (429, GatewayRateLimited, True),
        (500, GatewayUnavailable, True),
        (503, GatewayUnavailable, True),
        (529, GatewayUnavailable, True),
    ],
)
def test_a_status_decides_the_error_and_whether_to_retry(
    status: int, expected: type[GatewayError], *, retryable: bool
) -> None:
    """Each status has one error; only those that can pass by themselves are retryable."""
    error = faults.from_fault(faults.Fault(status, "why"), "http://host/v1", None)

    assert (expected, retryable) == (type(error), error.retryable)
    assert "why" in str(error)
    assert "FOOTNOTE_" in str(error)


@pytest.mark.parametrize(
    ("payload", "status", "expected"),
    [
        ({"error": {"message": "m", "type": "t", "code": None}}, 400, (400, "m")),
        ({"error": "m"}, 404, (404, "m")),
        ({"object": "error", "message": "m", "code": 404}, None, (404, "m")),
        ({"detail": "m"}, 422, (422, "m")),
        ({"error": {"message": "m", "code": "429"}}, None, (429, "m")),
        ({"error": {"message": "m", "code": 502}}, None, (502, "m")),
        ({"error": {"message": "m", "code": "rate_limit_exceeded"}}, None, (429, "m")),
        ({"error": {"message": "m", "type": "overloaded_error"}}, None, (503, "m")),
        ({"error": {"message": "m", "code": "something else"}}, None, (500, "m")),
        # An exhausted account comes as 429 and does not recover by waiting.
        ({"error": {"message": "m", "code": "insufficient_quota"}}, 429, (402, "m")),
        ({"error": {"code": ["x"]}}, None, (500, "{'code': ['x']}")),
        ({"error": None, "choices": []}, None, None),
        ({"error": "", "choices": []}, None, None),
        ({"choices": []}, None, None),
        ([1], 500, None),
    ],
)
def test_errors_are_found_in_every_gateways_shape(
    payload: object, status: int | None, expected: tuple[int, str] | None
) -> None:
    """The shapes of OpenAI, Ollama, vLLM, FastAPI and OpenRouter are understood, and no other is invented."""
    assert expected == faults.read_fault(payload, status)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Thu, 01 Jan 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Thu, 01 Jan 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "9" * 400}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(headers: dict[str, str], expected: float | None) -> None:
    """Both forms of the header are understood; nonsense counts as not said."""
    assert expected == faults.retry_after_s(headers, NOW)


def test_what_is_quoted_is_short_and_without_the_key() -> None:
    """A quotation is one printable line, cut, and never holds the key, wherever the cut falls."""
    text = "a\n b\x00" + "x" * 280 + "sk-secret" * 3
    for limit in range(270, 330):
        quoted = faults.quote(text, "sk-secret", limit)

        assert len(quoted) <= limit
        assert "sk-" not in quoted
        assert quoted.startswith("a b\ufffdx")


@pytest.mark.parametrize(
    "shown",
    [
        "sk-proj-Zx81LmQ",
        "sk-proj-Zx81…",
        "sk-proj-****************9KfW",
        "....9KfW",
        "Bearer LmQpR7tVw and more",
    ],
)
def test_parts_of_the_key_are_not_quoted(shown: str) -> None:
    """Gateways show the beginning and the end of a key that they refuse."""
    quoted = faults.quote(f"Incorrect API key provided: {shown}.", "sk-proj-Zx81LmQpR7tVwB29KfW")

    assert quoted.startswith("Incorrect API key provided: ")
    assert not any(part in quoted for part in ("sk-proj-Z", "Zx81", "LmQpR7tV", "9KfW"))


def test_words_beside_the_key_are_quoted_as_they_are() -> None:
    """Letters that a word and the key have in common are no part of it."""
    said = "The key is wrong... keys have a model each, 9 of them. Ask Kfir W."

    assert faults.quote(said, "sk-proj-Zx81LmQpR7tVwB29KfW") == said


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://host:11434", "http://host:11434/v1"),
        ("http://host:11434/", "http://host:11434/v1"),
        ("http://host:11434/v1", "http://host:11434/v1"),
        ("http://host:11434/v1/", "http://host:11434/v1"),
        (" https://openrouter.ai/api/v1 ", "https://openrouter.ai/api/v1"),
        ("https://host/v1beta/openai/", "https://host/v1beta/openai"),
        ("https://host/litellm", "https://host/litellm"),
        ("https://host/v1/chat/completions", "https://host/v1"),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1"),
    ],
)
def test_the_address_may_be_written_in_several_ways(url: str, expected: str) -> None:
    """A bare host gets /v1; a path is respected; a pasted endpoint is cut back."""
    assert expected == base_url(url)


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "  ",
        "localhost:11434",
        "sk-secret",
        "ftp://sk-secret/v1",
        "http://",
        "http://user:sk-secret@host/v1",
        "http://host/v1?key=sk-secret",
        "http://host/v1#sk-secret",
        "http://host:port/sk-secret",
    ],
)
def test_an_unusable_address_is_refused_without_being_quoted(url: str | None) -> None:
    """The message names the setting; it does not repeat a value that may hold a secret."""
    with pytest.raises(GatewayNotConfigured, match="FOOTNOTE_GATEWAY_URL") as caught:
        base_url(url)

    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize(
    "key", ["sk secret", "Bearer sk-secret", "sk-\nsecret", "sk-sécret", "sk-secret\x00"]
)
def test_an_unusable_key_is_refused_without_being_quoted(key: str) -> None:
    """Libraries quote headers that they refuse, so a key that cannot be one never becomes one."""
    with pytest.raises(GatewayNotConfigured, match="FOOTNOTE_GATEWAY_KEY") as caught:
        bearer_key(key)

    assert "secret" not in str(caught.value)


def test_a_key_is_stripped_and_an_empty_one_is_none() -> None:
    """The line break at the end of a key file does no harm."""
    assert (bearer_key("sk-secret\n"), bearer_key(" "), bearer_key(None)) == ("sk-secret", None, None)


@pytest.mark.parametrize(
    ("payload", "text", "finish_reason"),
    [
        ({"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}]}, "a", None),
        ({"choices": [{"delta": {"content": None}, "finish_reason": "length"}]}, "", "length"),
        ({"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}, "a", "stop"),
        ({"choices": [{"index": 1, "delta": {"content": "a"}, "finish_reason": "stop"}]}, "", None),
        (
            {"choices": [{"delta": {"content": [{"type": "thinking", "text": "no"}, {"text": "a"}, 7]}}]},
            "a",
            None,
        ),
        ({"choices": [{"delta": {"reasoning_content": "hm", "content": ""}}]}, "", None),
        ({"choices": [{"delta": {"content": "\ud83d"}}]}, "\ufffd", None),
        ({"choices": []}, "", None),
        ({"choices": [None]}, "", None),
        ({"choices": {"0": 1}}, "", None),
        ({"choices": [{"delta": "x", "finish_reason": 1}]}, "", None),
        (None, "", None),
        ([], "", None),
    ],
)
def test_a_delta_is_read_from_whatever_comes(payload: object, text: str, finish_reason: str | None) -> None:
    """Only the first choice's text is the answer; what has the wrong shape reads as absent."""
    delta = read_delta(payload)

    assert (text, finish_reason) == (delta.text, delta.finish_reason)

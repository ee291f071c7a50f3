"""The OpenAI chat format on the wire: addresses and requests out, JSON back in.

https://platform.openai.com/docs/api-reference/chat-streaming. Everything read here comes from
outside, so no field is trusted to exist or to have its type.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from rag.errors import GatewayNotConfigured

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rag.config import GatewayConfig

    # Its content is a text, or a list of parts of which some are images.
    Message = Mapping[str, Any]

# Parameters that some models refuse, with what in the refusal tells it. Reasoning models know
# max_tokens only as max_completion_tokens and no temperature; older gateways know no stream_options.
_REFUSABLE = (
    ("stream_options", re.compile(r"stream_options|include_usage")),
    ("max_tokens", re.compile(r"max_tokens")),
    ("temperature", re.compile(r"temperature")),
    ("logprobs", re.compile(r"logprobs|log_probs|log probabilities", re.IGNORECASE)),
    ("response_format", re.compile(r"response_format|json_schema", re.IGNORECASE)),
)
# OpenAI writes -9999 for what it calls very improbable.
_LEAST_LOGPROB = 10_000.0
_LONE_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer as the gateway counted them; ``cached_tokens`` are part of the prompt's."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Delta:
    """What one event of an answer brought. ``finish_reason`` is the gateway's word, unchanged.

    ``logprobs`` are the natural logarithms of the probabilities of its tokens, where they were given.
    """

    text: str = ""
    finish_reason: str | None = None
    usage: Usage | None = None
    model: str | None = None
    logprobs: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Completion:
    """A finished answer. ``finish_reason`` may be ``length`` or ``content_filter``: look at it."""

    text: str
    finish_reason: str
    usage: Usage | None
    model: str | None


def base_url(url: str | None) -> str:
    """Turns the configured address into the one that paths such as ``/chat/completions`` follow.

    A bare host gets ``/v1``. Any other path is taken as it is: not every gateway has its API there.
    The address is never quoted in an error, as a key is easily pasted into the wrong variable.

    Raises:
        GatewayNotConfigured: No address, or one that cannot be called or holds more than an address.
    """
    if not url or not url.strip():
        raise GatewayNotConfigured(
            "No gateway is configured. Set FOOTNOTE_GATEWAY_URL to an address such as "
            "http://localhost:11434/v1, or ask in extractive mode, which needs none."
        )
    try:
        parsed = httpx.URL(url.strip())
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise GatewayNotConfigured(
            "FOOTNOTE_GATEWAY_URL is not an address. It must begin with http:// or https:// and name a host, "
            "as in http://localhost:11434/v1."
        )
    if parsed.userinfo or parsed.query or parsed.fragment:
        raise GatewayNotConfigured(
            "FOOTNOTE_GATEWAY_URL holds a password, a query or a fragment, which would end up in logs. "
            "Give the plain address, and the key in FOOTNOTE_GATEWAY_KEY."
        )
    path = parsed.path.rstrip("/").removesuffix("/chat/completions")
    return str(parsed.copy_with(path=path or "/v1"))


def bearer_key(key: str | None) -> str | None:
    """Checks the key before it becomes a header, so that no library quotes it in complaint.

    Raises:
        GatewayNotConfigured: The key holds white space or anything else that a header cannot carry.
    """
    key = key.strip() if key else None
    if key and not (key.isascii() and key.isprintable() and " " not in key):
        raise GatewayNotConfigured(
            "FOOTNOTE_GATEWAY_KEY holds a space, a line break or a character outside ASCII. "
            "Give the key alone, without 'Bearer' before it."
        )
    return key or None


def request_body(
    model: str, messages: Sequence[Message], config: GatewayConfig, refused: frozenset[str]
) -> dict[str, Any]:
    """Builds the JSON of a streaming request, without the parameters that this model refused before."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [dict(message) for message in messages],
        "stream": True,
    }
    limit = "max_completion_tokens" if "max_tokens" in refused else "max_tokens"
    body[limit] = config.max_output_tokens
    if "stream_options" not in refused:
        body["stream_options"] = {"include_usage": True}
    if "temperature" not in refused:
        body["temperature"] = config.temperature
    if config.logprobs and "logprobs" not in refused:
        body["logprobs"] = True
    if config.response_format is not None and "response_format" not in refused:
        body["response_format"] = dict(config.response_format)
    return body


def refused_parameter(message: str, already: frozenset[str]) -> str | None:
    """Names the parameter that a gateway's refusal is about, if the request can do without it."""
    found = (name for name, pattern in _REFUSABLE if name not in already and pattern.search(message))
    return next(found, None)


def decode(text: str) -> object:
    """Decodes JSON from outside.

    Raises:
        ValueError: It is not JSON, or nested so deeply that only an attack would be.
    """
    try:
        decoded: object = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return decoded


def read_delta(payload: object) -> Delta:
    """Reads one decoded event of a stream, or a whole answer sent as one JSON body.

    Only the first choice counts: no more are asked for. What is missing or of the wrong type reads
    as absent; a stream in which nothing can be read then ends without a finish reason.
    """
    fields = _mapping(payload)
    choices = fields.get("choices")
    choice = _mapping(choices[0]) if isinstance(choices, list) and choices else {}
    if choice.get("index", 0) != 0:
        choice = {}
    message = _mapping(choice.get("delta")) or _mapping(choice.get("message"))
    return Delta(
        text=_text(message.get("content")),
        finish_reason=_string(choice.get("finish_reason")),
        usage=_usage(fields.get("usage")),
        model=_string(fields.get("model")),
        logprobs=_logprobs(choice.get("logprobs")),
    )


def read_model_names(payload: object) -> tuple[str, ...] | None:
    """Reads the answer to ``GET /models``; None when it is not a list of models."""
    data = _mapping(payload).get("data")
    if not isinstance(data, list):
        return None
    names = (_string(_mapping(entry).get("id")) for entry in data)
    return tuple(name for name in names if name)


def _usage(value: object) -> Usage | None:
    fields = _mapping(value)
    if not fields:
        return None
    cached = _mapping(fields.get("prompt_tokens_details")).get("cached_tokens")
    return Usage(_count(fields.get("prompt_tokens")), _count(fields.get("completion_tokens")), _count(cached))


def _logprobs(value: object) -> tuple[float, ...]:
    """Reads the log-probabilities of tokens; what is none, as a positive one, is left out."""
    tokens = _mapping(value).get("content")
    found = [_mapping(token).get("logprob") for token in tokens] if isinstance(tokens, list) else []
    return tuple(
        float(each)
        for each in found
        if isinstance(each, int | float) and not isinstance(each, bool) and -_LEAST_LOGPROB <= each <= 0
    )


def _text(content: object) -> str:
    """Reads a content that is a string, or a list of parts of which only the text ones are the answer."""
    if isinstance(content, list):
        parts = (_mapping(part) for part in content)
        texts = (part.get("text") for part in parts if part.get("type", "text") == "text")
        content = "".join(text for text in texts if isinstance(text, str))
    # JSON can spell half of a surrogate pair; no encoder downstream could write it.
    return _LONE_SURROGATES.sub("\ufffd", content) if isinstance(content, str) else ""


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _string(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0

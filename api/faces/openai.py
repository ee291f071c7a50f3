"""Requests and answers as OpenAI's chat completions and responses have them.

https://platform.openai.com/docs/api-reference/chat/object, https://platform.openai.com/docs/api-reference/responses
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from api.errors import ApiError
from api.faces.links import citation_url
from api.schemas.answers import (
    MAX_HISTORY_CHARS,
    MAX_TURN_CHARS,
    MAX_TURNS,
    CitationOut,
    ClaimOut,
    ConfidenceOut,
)
from api.schemas.base import MAX_QUESTION_CHARS, CollectionName, LongText

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rag.types import Answer, Citation, Claim

# The bounds that /v1/ask has.
MAX_MESSAGES = MAX_TURNS + 1
_TEXT: TypeAdapter[str] = TypeAdapter(LongText)
_NAME: TypeAdapter[str] = TypeAdapter(CollectionName)
# Kinds of text parts, of chat messages and of the items of responses.
_TEXT_PARTS = ("text", "input_text", "output_text")
# What only steers how a model writes, or labels a request: taken, and without effect here.
STEERING = (
    "temperature", "top_p", "max_tokens", "max_completion_tokens", "max_output_tokens", "presence_penalty",
    "frequency_penalty", "logit_bias", "seed", "reasoning", "reasoning_effort", "verbosity", "service_tier",
    "parallel_tool_calls", "prediction", "top_logprobs", "truncation", "max_tool_calls", "web_search_options",
)  # fmt: skip


def unsupported(field: str, why: str) -> ApiError:
    """The refusal of something that a request asks for and this service does not do."""
    return ApiError(422, "unsupported_parameter", f"{field}: {why}")


def refuse_shared(asked: Mapping[str, Any]) -> None:
    """Refuse what neither chat completions nor responses can do here, rather than to answer something else.

    Raises:
        ApiError: 422, naming the field.
    """
    if asked.get("n") not in (None, 1):
        raise unsupported(
            "n", "one answer is made, and it is checked against the sources. Send 1 or leave it out."
        )
    if asked.get("stop"):
        raise unsupported("stop", "an answer is not cut off in a sentence that was checked. Leave it out.")
    if asked.get("logprobs") or "message.output_text.logprobs" in (asked.get("include") or ()):
        raise unsupported(
            "logprobs", "the probabilities of tokens say nothing about checked sentences. Leave it out."
        )
    forms = {
        "response_format": asked.get("response_format"),
        "text.format": (asked.get("text") or {}).get("format"),
    }
    for name, form in forms.items():
        if form and form.get("type", "text") != "text":
            raise unsupported(name, "answers are sentences with footnotes. Use the type 'text'.")
    if (asked.get("modalities") or ["text"]) != ["text"] or asked.get("audio"):
        raise unsupported("modalities", "answers are text.")


def refuse_tools(tools: Iterable[Mapping[str, Any]], choice: Any, known: Sequence[str] = ()) -> None:
    """Refuse tools that a client expects to be called.

    Raises:
        ApiError: 422.
    """
    others = sorted({str(each.get("type", "function")) for each in tools} - set(known))
    if others and choice != "none":
        message = f"tools of the type {', '.join(others)} are never called: answers come from the documents. "
        raise unsupported("tools", message + "Leave them out, or send the tool_choice 'none'.")


def ignored(asked: Mapping[str, Any], *, instructed: bool) -> list[str]:
    """What a request says and the answer does not depend on."""
    found = [name for name in STEERING if asked.get(name) not in (None, [], {})]
    return [*found, *(["instructions"] if instructed else [])]


def text_of(content: Any, where: str) -> str:
    """The words of a message.

    Raises:
        ApiError: 422 for parts that are not text, and for what is no text.
    """
    parts = content if isinstance(content, list) else [content or ""]
    words = []
    for part in parts:
        if isinstance(part, str):
            words.append(part)
        elif isinstance(part, dict) and part.get("type") in _TEXT_PARTS:
            words.append(str(part.get("text", "")))
        else:
            raise ApiError(422, "invalid_field", f"{where}: only text parts can be answered.")
    try:
        return _TEXT.validate_python("\n".join(words))
    except ValidationError as error:
        raise ApiError(422, "invalid_field", f"{where}: {error.errors()[0]['msg']}") from error


def turns_of(spoken: Sequence[tuple[str, str]], where: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The question, and the turns before it.

    Raises:
        ApiError: 422 when there is none, or when they are too long.
    """
    if not spoken or spoken[-1][0] != "user" or not spoken[-1][1].strip():
        raise ApiError(422, "invalid_field", f"{where}: the last one is the user's question.")
    before, question = spoken[:-1], spoken[-1][1].strip()
    if any(len(text) > MAX_TURN_CHARS for _, text in before) or len(spoken) > MAX_MESSAGES:
        message = f"{where}: at most {MAX_MESSAGES}, of at most {MAX_TURN_CHARS:,} characters each."
        raise ApiError(422, "invalid_field", message)
    if sum(len(text) for _, text in before) > MAX_HISTORY_CHARS:
        message = f"{where}: those before the last have at most {MAX_HISTORY_CHARS:,} characters together."
        raise ApiError(422, "invalid_field", message)
    if len(question) > MAX_QUESTION_CHARS:
        raise ApiError(
            422, "invalid_field", f"{where}: a question has at most {MAX_QUESTION_CHARS:,} characters."
        )
    return question, tuple(before)


def model_of(name: str) -> tuple[str, str | None]:
    """Collection and language model that ``collection`` or ``collection@model`` names."""
    collection, _, model = name.partition("@")
    return collection, model or None


def collection_name(name: str, field: str) -> str:
    """A name that a collection can have.

    Raises:
        ApiError: 422.
    """
    try:
        return _NAME.validate_python(name)
    except ValidationError as error:
        message = (
            f"{field}: letters, digits, '.', '_' and '-', at most 100, beginning with a letter or digit."
        )
        raise ApiError(422, "invalid_field", message) from error


def url_citations(
    claims: Iterable[Claim], citations: Mapping[int, Citation], base: str
) -> list[dict[str, Any]]:
    """For each footnote of each sentence where it stands in the answer, and where its source is."""
    return [
        {
            "type": "url_citation",
            "start_index": claim.start,
            "end_index": claim.end,
            "url": citation_url(citations[number], base),
            "title": citations[number].title,
        }
        for claim in claims
        for number in claim.citations
    ]


def nested(annotations: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """URL citations as chat completions have them, where responses have them flat."""
    return [
        {"type": each["type"], each["type"]: {key: value for key, value in each.items() if key != "type"}}
        for each in annotations
    ]


def by_number(answer: Answer) -> dict[int, Citation]:
    """An answer's footnotes by their numbers."""
    return {each.number: each for each in answer.citations}


def grounding(answer: Answer, without_effect: Sequence[str] = ()) -> dict[str, Any]:
    """What OpenAI's objects have no field for: verdicts, quotes, confidence, and which parameters had no effect."""
    return {
        "answer_id": answer.id,
        "abstained": answer.abstained,
        "claims": [ClaimOut.of(claim).model_dump(mode="json") for claim in answer.claims],
        "citations": [CitationOut.of(citation).model_dump(mode="json") for citation in answer.citations],
        "confidence": ConfidenceOut.of(answer.confidence).model_dump(mode="json"),
        "ignored": list(without_effect),
    }

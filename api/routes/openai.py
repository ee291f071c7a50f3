"""For OpenAI clients: a collection is a model, an answer a chat completion with annotations.

https://platform.openai.com/docs/api-reference/chat/object
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from api.access import CallerDep
from api.deps import Service, ServiceDep
from api.errors import ApiError, describe
from api.gate import note_objects
from api.quotas import answered
from api.routes.ask import complete, remember
from api.schemas.answers import (
    MAX_TURN_CHARS,
    MAX_TURNS,
    CitationOut,
    ClaimOut,
    ConfidenceOut,
    UsageOut,
)
from api.schemas.base import MAX_QUESTION_CHARS, ActingAs
from api.stream import event_stream
from rag.cite import rendered
from rag.types import Claimed, Done, OnUnsupported, Question, Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from fastapi.responses import StreamingResponse

    from api.access import Caller
    from rag.types import Answer

router = APIRouter(prefix="/v1", tags=["openai"])

# The bounds that /v1/ask has.
MAX_MESSAGES = MAX_TURNS + 1


# The bound makes pydantic look at the characters too: half a surrogate pair is refused.
Text = Annotated[str, StringConstraints(max_length=1_000_000)]
_TEXT: TypeAdapter[str] = TypeAdapter(Text)


class ChatMessage(BaseModel):
    """One message. Parts that are not text are refused."""

    model_config = ConfigDict(extra="ignore")

    role: str
    content: Text | list[dict[str, Any]] | None = None

    def text(self) -> str:
        """The message's words."""
        if isinstance(self.content, list):
            if any(part.get("type") != "text" for part in self.content):
                raise ApiError(422, "invalid_field", "Only text parts can be answered.")
            try:
                return _TEXT.validate_python("\n".join(str(part.get("text", "")) for part in self.content))
            except ValidationError as error:
                raise ApiError(422, "invalid_field", error.errors()[0]["msg"]) from error
        return self.content or ""


class ChatIn(BaseModel):
    """A chat completion request. Fields that only steer a model's style are accepted and not needed."""

    model_config = ConfigDict(extra="ignore")

    model: Text
    messages: list[ChatMessage] = Field(max_length=MAX_MESSAGES * 4)
    stream: bool = False
    # Beyond OpenAI's fields: what /v1/ask has under this name.
    on_unsupported: OnUnsupported | None = None
    # OpenAI's ``user`` is a label that any client sets as it likes; it is nobody's principal.
    principals: ActingAs = None


@router.get("/models")
def models(service: ServiceDep, caller: CallerDep) -> dict[str, Any]:
    """Each collection is a model."""
    data = [
        {"id": each.name, "object": "model", "created": int(each.created_at), "owned_by": "footnote"}
        for each in service.store.catalog.collections(caller.sight)
    ]
    return {"object": "list", "data": data}


@router.post("/chat/completions", response_model=None)
async def chat(
    body: ChatIn, request: Request, service: ServiceDep, caller: CallerDep
) -> dict[str, Any] | StreamingResponse:
    """Answer the last message from a collection. ``model`` is ``collection`` or ``collection@model``."""
    question = replace(_question(body), sight=caller.acting_as(body.principals).sight)
    await asyncio.to_thread(service.store.catalog.collection, question.collection, question.sight)
    if body.stream:
        return event_stream(_chunks(service, question, caller, body.model), _broken_off)
    answer = await complete(service, question, caller)
    note_objects(request.state, [answer.id])
    message = {
        "role": "assistant",
        "content": answer.text,
        "refusal": None,
        "annotations": url_citations(answer),
    }
    return {
        **_envelope(answer.id, "chat.completion", body.model),
        "choices": [
            {"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish_reason}
        ],
        "usage": UsageOut.of(answer.usage).model_dump(),
        "grounding": _grounding(answer),
    }


def url_citations(answer: Answer) -> list[dict[str, Any]]:
    """URL citations of the sentences that each footnote supports, as offsets into the answer."""
    shown = {citation.number: CitationOut.of(citation) for citation in answer.citations}
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": claim.start,
                "end_index": claim.end,
                "url": shown[number].url,
                "title": shown[number].title,
            },
        }
        for claim in answer.claims
        for number in claim.citations
    ]


async def _chunks(
    service: Service, question: Question, caller: Caller, model: str
) -> AsyncGenerator[str, None]:
    identity = f"chatcmpl-{time.time_ns():x}"
    sent, held = False, ""
    yield _chunk(identity, model, {"role": "assistant", "content": ""})
    try:
        async with aclosing(answered(service, caller, question)) as events:
            async for each in events:
                if isinstance(each, Claimed):
                    # Until something is supported, this may still become an answer that abstains, and what
                    # was sent cannot be taken back.
                    held += each.separator + rendered(each.claim)
                    if sent or (each.claim.needs_source and each.claim.verdict is not Verdict.UNSUPPORTED):
                        yield _chunk(identity, model, {"content": held})
                        sent, held = True, ""
                elif isinstance(each, Done):
                    await remember(service, question, each.answer)
                    rest = {"content": each.answer.text} if not sent else {}
                    delta = {**rest, "annotations": url_citations(each.answer)}
                    extra = {
                        "usage": UsageOut.of(each.answer.usage).model_dump(),
                        "grounding": _grounding(each.answer),
                    }
                    yield _chunk(identity, model, delta, each.answer.finish_reason, extra)
    except Exception as error:
        # No finish reason and no [DONE]: a client sees that this is not an answer.
        yield _broken_off(error)
        return
    yield "data: [DONE]\n\n"


def _broken_off(error: Exception) -> str:
    return f"data: {json.dumps(describe(error)[1])}\n\n"


def _chunk(
    identity: str,
    model: str,
    delta: dict[str, Any],
    finish_reason: str | None = None,
    extra: dict[str, Any] | None = None,
) -> str:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    body = {**_envelope(identity, "chat.completion.chunk", model), "choices": [choice], **(extra or {})}
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"


def _envelope(identity: str, kind: str, model: str) -> dict[str, Any]:
    return {"id": identity, "object": kind, "created": int(time.time()), "model": model}


def _question(body: ChatIn) -> Question:
    spoken = [message for message in body.messages if message.role in ("user", "assistant")]
    if any(len(message.text()) > MAX_TURN_CHARS for message in spoken[:-1]) or len(spoken) > MAX_MESSAGES:
        message = f"messages: at most {MAX_MESSAGES}, of at most {MAX_TURN_CHARS:,} characters each."
        raise ApiError(422, "invalid_field", message)
    if spoken and len(spoken[-1].text()) > MAX_QUESTION_CHARS:
        raise ApiError(
            422, "invalid_field", f"messages: a question has at most {MAX_QUESTION_CHARS:,} characters."
        )
    if not spoken or spoken[-1].role != "user" or not spoken[-1].text().strip():
        raise ApiError(422, "invalid_field", "messages: the last one is the user's question.")
    collection, _, model = body.model.partition("@")
    return Question(
        text=spoken[-1].text().strip(),
        collection=collection,
        history=tuple((message.role, message.text()) for message in spoken[:-1]),
        model=model or None,
        on_unsupported=body.on_unsupported,
    )


def _grounding(answer: Answer) -> dict[str, Any]:
    return {
        "answer_id": answer.id,
        "abstained": answer.abstained,
        "claims": [ClaimOut.of(claim).model_dump(mode="json") for claim in answer.claims],
        "citations": [CitationOut.of(citation).model_dump(mode="json") for citation in answer.citations],
        "confidence": ConfidenceOut.of(answer.confidence).model_dump(mode="json"),
    }

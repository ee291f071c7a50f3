"""For OpenAI clients: a collection is a model, an answer a chat completion with annotations.

https://platform.openai.com/docs/api-reference/chat/object
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, ConfigDict, Field

from api.access import CallerDep
from api.deps import Service, ServiceDep
from api.errors import describe
from api.faces.links import base_of, citation_url
from api.faces.openai import (
    MAX_MESSAGES,
    by_number,
    grounding,
    ignored,
    model_of,
    nested,
    refuse_shared,
    refuse_tools,
    text_of,
    turns_of,
    unsupported,
    url_citations,
)
from api.faces.pieces import Piece, pieces
from api.gate import note_objects
from api.routes.ask import complete
from api.schemas.answers import UsageOut
from api.schemas.base import ActingAs, LongText
from api.stream import event_stream
from rag.types import OnUnsupported, Question

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from fastapi.responses import StreamingResponse

    from api.access import Caller
    from index.types import CollectionRecord
    from rag.types import Answer, Citation

router = APIRouter(prefix="/v1", tags=["openai"])

StreamFormat = Literal["openai", "open_webui"]


class ChatMessage(BaseModel):
    """One message. Parts that are not text are refused."""

    model_config = ConfigDict(extra="ignore")

    role: str
    content: LongText | list[dict[str, Any]] | None = None


class StreamOptions(BaseModel):
    """What a stream holds beside the answer."""

    model_config = ConfigDict(extra="ignore")

    include_usage: bool = False


class ChatIn(BaseModel):
    """A chat completion request. What cannot be done is refused; what only steers a model's style has no effect."""

    model_config = ConfigDict(extra="allow")

    model: LongText
    messages: list[ChatMessage] = Field(max_length=MAX_MESSAGES * 4)
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: int | None = None
    stop: Any = None
    response_format: dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None
    functions: list[dict[str, Any]] | None = None
    tool_choice: Any = None
    # Beyond OpenAI's fields: what /v1/ask has under this name.
    on_unsupported: OnUnsupported | None = None
    stream_format: StreamFormat | None = Field(
        None, description="Open WebUI shows sources with their quotes when it gets events of its own."
    )
    # OpenAI's ``user`` is a label that any client sets as it likes; it is nobody's principal.
    principals: ActingAs = None

    def question(self) -> Question:
        """What is asked.

        Raises:
            ApiError: 422 for what cannot be answered.
        """
        asked = self.model_dump()
        refuse_shared(asked)
        refuse_tools([*(self.tools or ()), *(self.functions or ())], self.tool_choice)
        if any(message.role in ("tool", "function") for message in self.messages):
            raise unsupported("messages", "results of tools are not read: answers come from the documents.")
        spoken = [
            (each.role, text_of(each.content, "messages"))
            for each in self.messages
            if each.role in ("user", "assistant")
        ]
        text, history = turns_of(spoken, "messages")
        collection, model = model_of(self.model)
        return Question(
            text=text, collection=collection, history=history, model=model, on_unsupported=self.on_unsupported
        )

    def ignored(self) -> list[str]:
        """What of the request has no effect."""
        instructed = any(message.role in ("system", "developer") for message in self.messages)
        return ignored(self.model_dump(), instructed=instructed)


@dataclass(frozen=True, slots=True)
class Form:
    """How a completion is to be told.

    Attributes:
        model: As the request names it.
        base: What the links begin with.
        ignored: Parameters without effect.
        usage: Whether a chunk of its own tells the usage.
        events: Whether sources are told as Open WebUI's events.
    """

    model: str
    base: str
    ignored: tuple[str, ...]
    usage: bool = False
    events: bool = False

    def envelope(self, identity: str, kind: str) -> dict[str, Any]:
        """What every object and chunk begins with."""
        return {"id": identity, "object": kind, "created": int(time.time()), "model": self.model}


@router.get("/models")
def models(service: ServiceDep, caller: CallerDep) -> dict[str, Any]:
    """Each collection is a model."""
    found = service.store.catalog.collections(caller.sight)
    return {"object": "list", "data": [_model(each, each.name) for each in found]}


@router.get("/models/{model}")
def read_model(model: str, service: ServiceDep, caller: CallerDep) -> dict[str, Any]:
    """One collection as a model; ``collection@model`` is one too."""
    return _model(service.store.catalog.collection(model_of(model)[0], caller.sight), model)


def _model(record: CollectionRecord, name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": int(record.created_at), "owned_by": "footnote"}


@router.post("/chat/completions", response_model=None)
async def chat(
    body: ChatIn,
    request: Request,
    service: ServiceDep,
    caller: CallerDep,
    x_footnote_stream_format: Annotated[StreamFormat | None, Header()] = None,
) -> dict[str, Any] | StreamingResponse:
    """Answer the last message from a collection. ``model`` is ``collection`` or ``collection@model``."""
    question = replace(body.question(), sight=caller.acting_as(body.principals).sight)
    form = Form(
        model=body.model,
        base=base_of(request, service),
        ignored=tuple(body.ignored()),
        usage=bool(body.stream_options and body.stream_options.include_usage),
        events=(body.stream_format or x_footnote_stream_format) == "open_webui",
    )
    await asyncio.to_thread(service.store.catalog.collection_id, question.collection, question.sight)
    if body.stream:
        return event_stream(_chunks(service, question, caller, form), _broken_off)
    answer = await complete(service, question, caller)
    note_objects(request.state, [answer.id])
    message = {
        "role": "assistant",
        "content": answer.text,
        "refusal": None,
        "annotations": nested(url_citations(answer.claims, by_number(answer), form.base)),
    }
    return {
        **form.envelope(answer.id, "chat.completion"),
        "choices": [
            {"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish_reason}
        ],
        "usage": UsageOut.of(answer.usage).model_dump(),
        "grounding": grounding(answer, form.ignored),
    }


async def _chunks(
    service: Service, question: Question, caller: Caller, form: Form
) -> AsyncGenerator[str, None]:
    identity = f"chatcmpl-{time.time_ns():x}"
    known: dict[int, Citation] = {}
    yield _chunk(form, identity, {"role": "assistant", "content": ""})
    try:
        async with aclosing(pieces(service, question, caller)) as parts:
            async for each in parts:
                if isinstance(each, Piece):
                    known |= {citation.number: citation for citation in each.citations}
                    if form.events:
                        for citation in each.citations:
                            yield _data({"event": _source_event(citation, form.base)})
                    notes = [] if form.events else nested(url_citations(each.claims, known, form.base))
                    yield _chunk(
                        form, identity, {"content": each.text, **({"annotations": notes} if notes else {})}
                    )
                else:
                    for last in _last_chunks(form, identity, each):
                        yield last
    except Exception as error:
        # No finish reason and no [DONE]: a client sees that this is not an answer.
        yield _broken_off(error)
        return
    yield "data: [DONE]\n\n"


def _last_chunks(form: Form, identity: str, answer: Answer) -> list[str]:
    """How it ended. With ``include_usage`` the tokens come in a chunk of their own, as OpenAI has it."""
    usage = UsageOut.of(answer.usage).model_dump()
    extra = {"grounding": grounding(answer, form.ignored), **({} if form.usage else {"usage": usage})}
    last = [_chunk(form, identity, {}, answer.finish_reason, extra)]
    if form.usage:
        last.append(
            _data({**form.envelope(identity, "chat.completion.chunk"), "choices": [], "usage": usage})
        )
    return last


def _source_event(citation: Citation, base: str) -> dict[str, Any]:
    """A footnote as Open WebUI shows sources: https://docs.openwebui.com/features/extensibility/plugin/development/events."""
    pages = "" if citation.pages is None else f", p. {citation.pages[0]}"
    url = citation_url(citation, base)
    return {
        "type": "source",
        "data": {
            "source": {"id": url, "name": f"{citation.title}{pages}", "url": url},
            "document": [citation.quote],
            # It counts sources by this field, so each footnote keeps the number that the text has.
            "metadata": [{"source": url, "name": f"[{citation.number}] {citation.title}{pages}", "url": url}],
            "distances": [citation.support],
        },
    }


def _broken_off(error: Exception) -> str:
    return _data(describe(error)[1])


def _data(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"


def _chunk(
    form: Form,
    identity: str,
    delta: dict[str, Any],
    finish_reason: str | None = None,
    extra: dict[str, Any] | None = None,
) -> str:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    usage = {"usage": None} if form.usage else {}
    return _data(
        {**form.envelope(identity, "chat.completion.chunk"), "choices": [choice], **usage, **(extra or {})}
    )

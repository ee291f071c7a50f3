"""The AI SDK's UI message stream, which ``useChat`` reads: https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol."""

from __future__ import annotations

import asyncio
import json
import secrets
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from api.access import CallerDep
from api.deps import Service, ServiceDep
from api.errors import describe
from api.faces.links import base_of, citation_url
from api.faces.openai import MAX_MESSAGES, grounding, model_of, text_of, turns_of
from api.faces.pieces import Piece, pieces
from api.schemas.answers import CitationOut
from api.schemas.base import ActingAs, LongText
from api.stream import event_stream
from rag.types import Question

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from api.access import Caller
    from rag.types import Citation

router = APIRouter(prefix="/v1/ai-sdk", tags=["ai-sdk"])

_VERSION = {"x-vercel-ai-ui-message-stream": "v1"}


class UiMessage(BaseModel):
    """A message as ``useChat`` keeps it: text stands in parts, beside sources and data that are not read."""

    model_config = ConfigDict(extra="ignore")

    role: str
    parts: list[dict[str, Any]] = Field(default_factory=list, max_length=1_000)

    def text(self) -> str:
        """The words."""
        return text_of([each for each in self.parts if each.get("type") == "text"], "messages")


class UiChatIn(BaseModel):
    """What ``useChat`` sends, with the collection from its transport's ``body``."""

    model_config = ConfigDict(extra="ignore")

    messages: list[UiMessage] = Field(max_length=MAX_MESSAGES * 4)
    collection: LongText = Field("default", description="A collection, or collection@model.")
    principals: ActingAs = None


@router.post("/chat", response_class=StreamingResponse)
async def ui_chat(
    body: UiChatIn, request: Request, service: ServiceDep, caller: CallerDep
) -> StreamingResponse:
    """Answer the last message from a collection, as a UI message stream with a source for each footnote."""
    spoken = [(each.role, each.text()) for each in body.messages if each.role in ("user", "assistant")]
    text, history = turns_of(spoken, "messages")
    collection, model = model_of(body.collection)
    sight = caller.acting_as(body.principals).sight
    question = Question(text=text, collection=collection, history=history, model=model, sight=sight)
    await asyncio.to_thread(service.store.catalog.collection_id, collection, sight)
    response = event_stream(_parts(service, question, caller, base_of(request, service)), _broken_off)
    response.headers.update(_VERSION)
    return response


async def _parts(
    service: Service, question: Question, caller: Caller, base: str
) -> AsyncGenerator[str, None]:
    text_id = f"text_{secrets.token_hex(8)}"
    yield _part("start", messageId=f"msg_{secrets.token_hex(12)}")
    yield _part("text-start", id=text_id)
    try:
        async with aclosing(pieces(service, question, caller)) as found:
            async for each in found:
                if isinstance(each, Piece):
                    for citation in each.citations:
                        for part in _source(citation, base):
                            yield part
                    yield _part("text-delta", id=text_id, delta=each.text)
                else:
                    yield _part("text-end", id=text_id)
                    yield _part("data-grounding", id=each.id, data=grounding(each))
    except Exception as error:
        # No 'finish' follows: a client sees that this is not an answer.
        yield _broken_off(error)
        return
    yield _part("finish")
    yield "data: [DONE]\n\n"


def _source(citation: Citation, base: str) -> Iterator[str]:
    """A footnote: a source that every client shows, and all that is known of it for those who show the quote."""
    number = str(citation.number)
    pages = "" if citation.pages is None else f", p. {citation.pages[0]}"
    title = f"[{number}] {citation.title}{pages}"
    yield _part("source-url", sourceId=number, url=citation_url(citation, base), title=title)
    yield _part("data-citation", id=number, data=CitationOut.of(citation).model_dump(mode="json"))


def _broken_off(error: Exception) -> str:
    return _part("error", errorText=describe(error)[1]["error"]["message"])


def _part(kind: str, **fields: Any) -> str:
    return f"data: {json.dumps({'type': kind, **fields}, ensure_ascii=False)}\n\n"

"""OpenAI's responses: asked whole or streamed, kept with their answer, gone on from, and deleted."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import structlog
from fastapi import APIRouter, Query, Request
from pydantic import ValidationError
from sqlalchemy.exc import OperationalError

from api.access import CallerDep
from api.deps import Service, ServiceDep
from api.errors import ApiError
from api.faces.links import base_of
from api.faces.openai import unsupported
from api.faces.pages import Order
from api.faces.pieces import Piece, pieces
from api.faces.responses import FileSearch, Reply, ResponseIn
from api.gate import note_objects
from api.routes.ask import complete
from api.schemas.answers import MAX_TURNS
from api.stream import event_stream
from index.disk import passes

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from fastapi.responses import StreamingResponse

    from api.access import Caller
    from rag.types import Answer, Question

log = structlog.get_logger(__name__)
router = APIRouter(prefix="/v1/responses", tags=["openai"])


@router.post("", response_model=None)
async def create_response(
    body: ResponseIn, request: Request, service: ServiceDep, caller: CallerDep
) -> dict[str, Any] | StreamingResponse:
    """Answer the last message from a collection: that of ``model``, or of the tool ``file_search``."""
    sight = caller.acting_as(body.principals).sight
    thread = []
    if body.previous_response_id is not None:
        kept = service.store.responses.thread
        thread = await asyncio.to_thread(
            kept, body.previous_response_id, MAX_TURNS // 2, caller.key_id, sight
        )
    search = _file_search(body)
    question = replace(body.question(thread, search), sight=sight)
    await asyncio.to_thread(service.store.catalog.collection_id, question.collection, sight)
    reply = Reply(body, base_of(request, service), search, question.text)
    if body.stream:
        return event_stream(_events(service, question, caller, reply), reply.broken_off)
    answer = await complete(service, question, caller, own=body.store)
    note_objects(request.state, [reply.id, answer.id])
    await _name_files(service, reply, answer)
    whole = reply.whole(answer)
    await _keep(service, caller, reply, answer, whole)
    return whole


@router.get("/{response_id}")
def read_response(
    response_id: str,
    service: ServiceDep,
    caller: CallerDep,
    stream: Annotated[bool, Query(description="Only as a whole: false.")] = False,
) -> dict[str, Any]:
    """A response that was kept, for the key that asked for it. It goes with any of the documents that it shows."""
    if stream:
        raise unsupported("stream", "a response that was kept is given as a whole. Leave it out.")
    found: dict[str, Any] = service.store.responses.get(response_id, caller.key_id, caller.sight).body[
        "response"
    ]
    return found


@router.get("/{response_id}/input_items")
def read_input_items(
    response_id: str, service: ServiceDep, caller: CallerDep, order: Order = "desc"
) -> dict[str, Any]:
    """What was asked, without the answers that were sent along with it."""
    items = service.store.responses.get(response_id, caller.key_id, caller.sight).body["input"]
    items = items if order == "asc" else items[::-1]
    return {
        "object": "list",
        "data": items,
        "first_id": items[0]["id"] if items else None,
        "last_id": items[-1]["id"] if items else None,
        "has_more": False,
    }


@router.delete("/{response_id}")
def delete_response(response_id: str, service: ServiceDep, caller: CallerDep) -> dict[str, Any]:
    """Delete a response with its answer. Later ones that went on from it lose what was said before."""
    service.store.responses.delete(response_id, caller.key_id, caller.sight)
    return {"id": response_id, "object": "response", "deleted": True}


async def _events(
    service: Service, question: Question, caller: Caller, reply: Reply
) -> AsyncGenerator[str, None]:
    for event in reply.begun():
        yield event
    try:
        async with aclosing(pieces(service, question, caller, own=reply.asked.store)) as parts:
            async for each in parts:
                if isinstance(each, Piece):
                    if reply.search is not None:
                        ids = [citation.document_id for citation in each.citations]
                        reply.file_ids |= await asyncio.to_thread(service.store.vector_stores.file_ids, ids)
                    for event in reply.told(each):
                        yield event
                else:
                    await _name_files(service, reply, each)
                    await _keep(service, caller, reply, each, reply.whole(each))
                    for event in reply.ended(each):
                        yield event
    except Exception as error:
        yield reply.broken_off(error)


async def _name_files(service: Service, reply: Reply, answer: Answer) -> None:
    if reply.search is not None:
        ids = [citation.document_id for citation in answer.citations]
        reply.file_ids |= await asyncio.to_thread(service.store.vector_stores.file_ids, ids)


async def _keep(
    service: Service, caller: Caller, reply: Reply, answer: Answer, whole: dict[str, Any]
) -> None:
    if reply.asked.store:
        body = {"response": whole, "input": reply.asked.items()}
        previous = reply.asked.previous_response_id
        try:
            await asyncio.to_thread(
                service.store.responses.save, reply.id, caller.key_id, answer.id, previous, body
            )
        except (OSError, OperationalError) as error:
            if not passes(error):
                raise
            # As of the answer itself: answering goes on when the disk is full or failing.
            log.warning("response_not_stored", response_id=reply.id, error=str(error))


def _file_search(body: ResponseIn) -> FileSearch | None:
    """The tool that names the collection.

    Raises:
        ApiError: 422 when there are two, or when it is not of the documented form.
    """
    found = [each for each in body.tools if each.get("type") == "file_search"]
    if len(found) > 1:
        raise ApiError(
            422, "invalid_field", "tools: one file_search, over one vector store, is answered from."
        )
    try:
        return FileSearch.model_validate(found[0]) if found else None
    except ValidationError as error:
        raise ApiError(422, "invalid_field", f"tools: {error.errors()[0]['msg']}") from error

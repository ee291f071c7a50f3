"""Ask: an answer whose every sentence has a checked footnote, whole or streamed."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import structlog
from fastapi import APIRouter, Request
from sqlalchemy.exc import OperationalError

from api.access import CallerDep
from api.conversing import SUGGESTED, join, keep_turn
from api.deps import Service, ServiceDep
from api.errors import ApiError
from api.gate import note_objects
from api.quotas import answered
from api.schemas.answers import AnswerOut, AskIn, CitationOut, ClaimOut, PassageOut
from api.stream import broken_off, event, event_stream
from index.answer_cache import keep
from index.disk import passes
from rag.answer import new_answer_id
from rag.types import Cited, Claimed, Done, Mode, OnUnsupported, Question, Retrieved

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from fastapi.responses import StreamingResponse
    from sqlalchemy import Connection

    from api.access import Caller
    from api.conversing import Joined
    from index.answer_cache import Entry
    from rag.types import Answer, Event

log = structlog.get_logger(__name__)
router = APIRouter(prefix="/v1/ask", tags=["ask"])


@router.post("", response_model=AnswerOut)
async def ask(
    body: AskIn, request: Request, service: ServiceDep, caller: CallerDep
) -> AnswerOut | StreamingResponse:
    """Answer a question from a collection."""
    if caller.is_publishable and (body.explain or body.model is not None):
        raise ApiError(
            403, "forbidden", "A publishable key cannot choose the model or see what was sent to it."
        )
    question = Question(
        text=body.question,
        collection=body.collection,
        history=tuple((turn.role, turn.content) for turn in body.history),
        mode=None if body.mode == "auto" else Mode(body.mode),
        model=body.model,
        wanted=body.filter,
        top_k=body.top_k,
        max_cost_usd=body.max_cost_usd,
        target_error=body.target_error,
        on_unsupported=OnUnsupported(body.on_unsupported) if body.on_unsupported else None,
        sight=caller.acting_as(body.principals).sight,
    )
    caller = caller.acting_as(body.principals)
    # An unknown collection is an error of the request, streamed or not.
    talking = "conversation_id" in body.model_fields_set
    question, joined = await asyncio.to_thread(
        _begun, service, question, caller, body.conversation_id, asked=talking
    )
    suggested = SUGGESTED if body.follow_ups is None and joined else body.follow_ups or 0
    question = replace(question, follow_ups=suggested)
    if body.stream:
        return event_stream(
            _events(service, question, caller, joined, explain=body.explain, fresh=not body.cache)
        )
    answer = await complete(service, question, caller, joined, fresh=not body.cache)
    note_objects(request.state, [answer.id])
    return _out(answer, question, explain=body.explain)


def _begun(
    service: Service, question: Question, caller: Caller, conversation: str | None, *, asked: bool
) -> tuple[Question, Joined | None]:
    service.store.catalog.collection_id(question.collection, question.sight)
    return join(service, question, caller, conversation, asked=asked)


async def complete(
    service: Service,
    question: Question,
    caller: Caller,
    joined: Joined | None = None,
    *,
    fresh: bool = False,
    own: bool = False,
    paid: Callable[[int], object] | None = None,
) -> Answer:
    """The whole answer, stored under its id.

    ``fresh`` takes none that is kept, ``own`` is as of ``remember``, ``paid`` as of ``answered``.
    """
    own = own or joined is not None
    async with aclosing(answered(service, caller, question, fresh=fresh, own=own, paid=paid)) as events:
        async for each in events:
            if isinstance(each, Done):
                return await remember(service, question, each.answer, joined, own=own)
    raise RuntimeError("An answer ended without its last event.")


async def remember(
    service: Service, question: Question, answer: Answer, joined: Joined | None = None, *, own: bool = False
) -> Answer:
    """Store an answer with everything that made it, for as long as its documents exist, as a turn where it is one.

    Args:
        service: That answered.
        question: As it was asked.
        answer: That was made, or is given again.
        joined: The conversation that it is given in.
        own: Whether it will be deleted with what it is given in. Given again, it is stored under an id of its own.

    Returns:
        The answer as it is stored.

    Raises:
        ApiError: 409 when one of these was deleted or hidden from the asker while the answer was made.
    """
    if answer.cached:
        if not own:
            return answer
        answer = replace(answer, id=new_answer_id())
    collection_id = await asyncio.to_thread(service.store.catalog.collection_id, question.collection)
    shown = {each["document_id"] for each in answer.trace["passages"]}
    shown |= {citation.document_id for citation in answer.citations}
    shown |= {each.other.document_id for each in answer.disagreements}
    shown |= {each["document_id"] for each in answer.trace["evidence"]}
    shown |= set(answer.trace["suggested_from"])
    body = {"question": question.text, "collection": question.collection}
    body |= _out(answer, question, explain=True).model_dump(mode="json")
    stored = True
    try:
        saved = await asyncio.to_thread(
            service.store.answers.save,
            answer.id,
            collection_id,
            body,
            shown,
            question.sight,
            partial(_kept, answer, collection_id) if answer.keep is not None else None,
        )
    except (OSError, OperationalError) as error:
        if not passes(error):
            raise
        # Answering goes on when the disk is full or failing; only this answer cannot be read again later.
        log.warning("answer_not_stored", answer_id=answer.id, error=str(error))
        stored = False
        saved = await asyncio.to_thread(
            service.store.answers.sources_exist, collection_id, shown, question.sight
        )
    if not saved:
        message = "A document that this answer was made from was deleted meanwhile. Ask again."
        raise ApiError(409, "evidence_deleted", message, retryable=True)
    if joined is not None and stored:
        await asyncio.to_thread(keep_turn, service, question, answer.id, collection_id, joined)
    return answer


def _kept(answer: Answer, collection_id: int, connection: Connection) -> None:
    keep(connection, answer.id, collection_id, cast("Entry", answer.keep))


async def _events(
    service: Service,
    question: Question,
    caller: Caller,
    joined: Joined | None,
    *,
    explain: bool,
    fresh: bool = False,
) -> AsyncGenerator[str, None]:
    try:
        own = joined is not None
        async with aclosing(answered(service, caller, question, fresh=fresh, own=own)) as events:
            async for each in events:
                if isinstance(each, Done):
                    answer = await remember(service, question, each.answer, joined, own=own)
                    data = _out(answer, question, explain=explain).model_dump(mode="json")
                    yield event("done", data)
                else:
                    yield _event(each)
    except Exception as error:
        # The status line is long sent: the failure is an event of its own, and no 'done' follows.
        yield broken_off(error)


def _event(each: Event) -> str:
    match each:
        case Retrieved(passages):
            found: Any = {"passages": [PassageOut.of(p).model_dump(mode="json") for p in passages]}
            return event("retrieval", found)
        case Cited(citation):
            return event("citation", CitationOut.of(citation).model_dump(mode="json"))
        case Claimed(claim, _):
            return event("claim", ClaimOut.of(claim).model_dump(mode="json"))
        case _:
            raise TypeError(f"There is no event for {each!r}.")


def _out(answer: Answer, question: Question, *, explain: bool) -> AnswerOut:
    trace_id = structlog.contextvars.get_contextvars().get("trace_id", "")
    return AnswerOut.of(answer, trace_id=trace_id, conversation_id=question.conversation_id, explain=explain)

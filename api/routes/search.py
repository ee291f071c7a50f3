"""Search: passages for a query, without a language model."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from fastapi import APIRouter

from api.access import CallerDep
from api.deps import Service, ServiceDep
from api.schemas.answers import PassageOut, SearchIn, SearchOut
from rag.budget import within_characters
from rag.retrieve import retrieve

if TYPE_CHECKING:
    from index.sight import Sight

router = APIRouter(prefix="/v1/search", tags=["search"])


@router.post("")
async def search(body: SearchIn, service: ServiceDep, caller: CallerDep) -> SearchOut:
    """Passages, best first, by meaning (dense), by words (lexical) or by both (hybrid)."""
    # In a queue from which it is taken out again when the client leaves.
    return await asyncio.to_thread(_search, body, service, caller.acting_as(body.principals).sight)


def _search(body: SearchIn, service: Service, sight: Sight) -> SearchOut:
    started = time.perf_counter()
    answerer = service.answerer
    # A budget of characters may take more passages than the default count.
    limit = body.top_k if body.max_chars is None else max(body.top_k, min(200, body.max_chars // 100 + 1))
    found = retrieve(
        body.query,
        collection=service.store.collection(body.collection, sight),
        catalog=service.store.catalog,
        embedder=service.embedder,
        config=answerer.retrieve_config,
        limit=limit,
        mode=body.mode,
        wanted=body.filter,
        reranker=answerer.reranker,
        per_document=body.per_document,
        sight=sight,
    )
    if body.max_chars is not None:
        found = within_characters(found, body.max_chars)
    total = (time.perf_counter() - started) * 1000
    return SearchOut(passages=[PassageOut.of(each) for each in found], timings={"total": total})

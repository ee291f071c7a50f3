"""Ground: checks a text that somebody else's model wrote."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from api.deps import ServiceDep
from api.errors import ApiError
from api.schemas.answers import CitationOut, ConfidenceOut, GroundedOut, GroundIn, GroundOut, UsageOut
from rag.claims import split_claims
from rag.cost import Purse, check_budget
from rag.ground import Source, ground_in_collection, ground_in_sources
from rag.types import Usage

if TYPE_CHECKING:
    from api.deps import Service
    from rag.gateway_judge import GatewayJudge

# Every sentence of the sources is embedded for this one request: about two seconds at this length.
_MAX_SOURCE_CHARS = 200_000
# Each claim is searched for and checked: about 10 seconds on two cores, and never beyond the deadline of an answer.
_MAX_CLAIMS = 200
router = APIRouter(prefix="/v1/ground", tags=["ground"])


@router.post("")
async def ground(body: GroundIn, service: ServiceDep) -> GroundOut:
    """Check each claim of a text against a collection or against the sources given."""
    if (body.collection is None) == (body.sources is None):
        raise ApiError(422, "invalid_field", "Give either a collection or sources.")
    if body.sources is not None and sum(len(each.text) for each in body.sources) > _MAX_SOURCE_CHARS:
        message = (
            f"sources: more than {_MAX_SOURCE_CHARS:,} characters together. Upload them as documents instead."
        )
        raise ApiError(422, "invalid_field", message)
    answerer = service.answerer
    if answerer.judges is None:
        return await run_in_threadpool(_grounded, body, service, None)
    if body.max_cost_usd is not None:
        check_budget(answerer.judges.model, 0, 0, body.max_cost_usd)
    deadline = asyncio.get_running_loop().time() + answerer.gateway_config.deadline_s
    with answerer.judges.of(Purse(answerer.judges.model, body.max_cost_usd), deadline) as judge:
        return await run_in_threadpool(_grounded, body, service, judge)


def _grounded(body: GroundIn, service: Service, judge: GatewayJudge | None) -> GroundOut:
    claims = split_claims(body.text)
    if len(claims) > _MAX_CLAIMS:
        message = (
            f"text: {len(claims):,} claims, and at most {_MAX_CLAIMS} are checked at once. Send it in parts."
        )
        raise ApiError(422, "invalid_field", message)
    if body.sources is not None:
        sources = [Source(each.id, each.title, each.text) for each in body.sources]
        found = ground_in_sources(claims, sources, service.answerer, body.question, judge)
    else:
        found = ground_in_collection(claims, body.collection or "", service.answerer, body.question, judge)
    return GroundOut(
        claims=[GroundedOut.of_grounded(each) for each in found.claims],
        citations=[CitationOut.of(each) for each in found.citations],
        support=found.support,
        confidence=ConfidenceOut.of(found.confidence),
        usage=UsageOut.of(judge.usage if judge else Usage()),
        cost_usd=judge.cost_usd if judge else 0.0,
    )

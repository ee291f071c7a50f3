"""Ground: checks a text that somebody else's model wrote."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fastapi import APIRouter

from api.access import CallerDep
from api.bounds import Steps
from api.deps import ServiceDep
from api.errors import ApiError
from api.quotas import budget
from api.schemas.answers import (
    MAX_SOURCE_CHARS,
    CitationOut,
    ConfidenceOut,
    GroundedOut,
    GroundIn,
    GroundOut,
    UsageOut,
)
from rag.generative import check_prices
from rag.ground import Source, claims_of, ground_in_collection, ground_in_sources
from rag.types import Usage

if TYPE_CHECKING:
    from api.deps import Service
    from index.sight import Sight
    from rag.gateway.judge import GatewayJudge

# Each claim is searched for and checked: about 10 seconds on two cores, and never beyond the deadline of an answer.
MAX_CLAIMS = 200
router = APIRouter(prefix="/v1/ground", tags=["ground"])


@router.post("")
async def ground(body: GroundIn, service: ServiceDep, caller: CallerDep) -> GroundOut:
    """Check each claim of a text against a collection or against the sources given."""
    if (body.collection is None) == (body.sources is None):
        raise ApiError(422, "invalid_field", "Give either a collection or sources.")
    if body.sources is not None and sum(len(each.text) for each in body.sources) > MAX_SOURCE_CHARS:
        message = (
            f"sources: more than {MAX_SOURCE_CHARS:,} characters together. Upload them as documents instead."
        )
        raise ApiError(422, "invalid_field", message)
    answerer, sight = service.answerer, caller.acting_as(body.principals).sight
    # In a queue from which it is taken out again when the client leaves.
    if answerer.judges is None:
        return await asyncio.to_thread(_grounded, body, service, None, sight)
    where = body.collection
    async with budget(service, caller, where, body.max_cost_usd, costs=True) as purse:
        check_prices(answerer, purse)
        deadline = asyncio.get_running_loop().time() + answerer.gateway_config.deadline_s
        with answerer.judges.of(purse, deadline) as judge:
            return await asyncio.to_thread(_grounded, body, service, judge, sight)


def _grounded(body: GroundIn, service: Service, judge: GatewayJudge | None, sight: Sight) -> GroundOut:
    claims = Steps(claims_of(body.text))
    if len(claims) > MAX_CLAIMS:
        message = (
            f"text: {len(claims):,} claims, and at most {MAX_CLAIMS} are checked at once. Send it in parts."
        )
        raise ApiError(422, "invalid_field", message)
    if body.sources is not None:
        sources = [Source(each.id, each.title, each.text) for each in body.sources]
        found = ground_in_sources(claims, sources, service.answerer, body.question, judge)
    else:
        answerer = service.answerer
        found = ground_in_collection(claims, body.collection or "", answerer, body.question, judge, sight)
    return GroundOut(
        claims=[GroundedOut.of_grounded(each) for each in found.claims],
        citations=[CitationOut.of(each) for each in found.citations],
        support=found.support,
        confidence=ConfidenceOut.of(found.confidence),
        usage=UsageOut.of(judge.usage if judge else Usage()),
        cost_usd=judge.cost_usd if judge else 0.0,
    )

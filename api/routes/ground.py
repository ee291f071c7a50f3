"""Ground: checks a text that somebody else's model wrote."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter

from api.bounds import Steps
from api.deps import Service, ServiceDep
from api.errors import ApiError
from api.schemas.answers import (
    MAX_SOURCE_CHARS,
    CitationOut,
    ConfidenceOut,
    GroundedOut,
    GroundIn,
    GroundOut,
)
from rag.claims import split_claims
from rag.ground import Source, ground_in_collection, ground_in_sources

# Each claim is searched for and checked: about 10 seconds on two cores.
MAX_CLAIMS = 200
router = APIRouter(prefix="/v1/ground", tags=["ground"])


@router.post("")
async def ground(body: GroundIn, service: ServiceDep) -> GroundOut:
    """Check each claim of a text against a collection or against the sources given."""
    # In a queue from which it is taken out again when the client leaves.
    return await asyncio.to_thread(_ground, body, service)


def _ground(body: GroundIn, service: Service) -> GroundOut:
    if (body.collection is None) == (body.sources is None):
        raise ApiError(422, "invalid_field", "Give either a collection or sources.")
    if body.sources is not None and sum(len(each.text) for each in body.sources) > MAX_SOURCE_CHARS:
        message = (
            f"sources: more than {MAX_SOURCE_CHARS:,} characters together. Upload them as documents instead."
        )
        raise ApiError(422, "invalid_field", message)
    claims = Steps(split_claims(body.text))
    if len(claims) > MAX_CLAIMS:
        message = (
            f"text: {len(claims):,} claims, and at most {MAX_CLAIMS} are checked at once. Send it in parts."
        )
        raise ApiError(422, "invalid_field", message)
    if body.sources is not None:
        sources = [Source(each.id, each.title, each.text) for each in body.sources]
        found = ground_in_sources(claims, sources, service.answerer, body.question)
    else:
        found = ground_in_collection(claims, body.collection or "", service.answerer, body.question)
    return GroundOut(
        claims=[GroundedOut.of_grounded(each) for each in found.claims],
        citations=[CitationOut.of(each) for each in found.citations],
        support=found.support,
        confidence=ConfidenceOut.of(found.confidence),
    )

"""Dify's external knowledge: https://docs.dify.ai/en/self-host/use-dify/knowledge/external-knowledge-api."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.access import CallerDep
from api.deps import ServiceDep
from api.faces.filters import from_dify
from api.faces.links import base_of, source_of, text_url
from api.faces.openai import collection_name
from api.faces.vector_stores import scalars
from api.schemas.base import LongText, QuestionText
from index.errors import NotFound
from rag.retrieve import retrieve

if TYPE_CHECKING:
    from api.deps import Service
    from index.sight import Sight

router = APIRouter(tags=["dify"])


class _Given(BaseModel):
    """What Dify sends; later versions of it may send more."""

    model_config = ConfigDict(extra="ignore")


class RetrievalSetting(_Given):
    """How many, and how good."""

    top_k: int = Field(10, ge=1, le=200)
    score_threshold: float | None = Field(None, ge=0.0, le=1.0)


class Condition(_Given):
    """A condition on one field, or the same on several of them. Earlier versions send a list of names."""

    name: LongText | list[LongText]
    comparison_operator: str
    value: JsonValue = None


class Conditions(_Given):
    """Conditions on metadata."""

    logical_operator: Literal["and", "or"] = "and"
    conditions: list[Condition] = Field(default_factory=list, max_length=100)


class RetrievalIn(_Given):
    """A retrieval. The knowledge is a collection."""

    knowledge_id: str
    query: QuestionText
    retrieval_setting: RetrievalSetting = RetrievalSetting(top_k=10, score_threshold=None)
    metadata_condition: Conditions | None = None


@router.post("/retrieval")
async def retrieval(
    body: RetrievalIn, request: Request, service: ServiceDep, caller: CallerDep
) -> dict[str, Any]:
    """Passages of a collection, best first, in the form that Dify reads."""
    return await asyncio.to_thread(_records, body, service, caller.sight, base_of(request, service))


def _records(body: RetrievalIn, service: Service, sight: Sight, base: str) -> dict[str, Any]:
    asked = body.metadata_condition
    conditions = [
        (name, each.comparison_operator, each.value)
        for each in (asked.conditions if asked else ())
        for name in (each.name if isinstance(each.name, list) else [each.name])
    ]
    found = retrieve(
        body.query,
        collection=service.store.collection(collection_name(body.knowledge_id, "knowledge_id"), sight),
        catalog=service.store.catalog,
        embedder=service.embedder,
        config=service.answerer.retrieve_config,
        limit=body.retrieval_setting.top_k,
        wanted=from_dify(conditions, asked.logical_operator) if asked else None,
        reranker=service.answerer.reranker,
        sight=sight,
    )
    least = body.retrieval_setting.score_threshold or 0.0
    records = []
    for each in found:
        passage = each.passage
        try:
            metadata = service.store.catalog.document(passage.document_id, sight).metadata
        except NotFound:
            # Deleted since it was found.
            continue
        place = (passage.document_id, passage.version, passage.start, passage.end)
        said = {
            "document_id": passage.document_id,
            "version": passage.version,
            "filename": passage.filename,
            "path": source_of(metadata) or text_url(*place, base),
            "start": passage.start,
            "end": passage.end,
            "pages": passage.pages,
            "headings": passage.headings,
        }
        if each.score >= least:
            records.append(
                {
                    # A model is not shown what no reader of the document sees.
                    "content": passage.seen,
                    "score": min(1.0, each.score),
                    "title": passage.title,
                    "metadata": scalars(metadata) | said,
                }
            )
    return {"records": records}

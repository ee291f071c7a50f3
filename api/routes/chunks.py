"""How a document was cut: its passages with their sentences, as search and answers see them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.access import CallerDep
from api.deps import ServiceDep
from api.schemas.chunks import ChunkOut, ChunksOut

router = APIRouter(prefix="/v1/documents", tags=["documents"])

# A document has at most 100,000 passages; the database takes no larger numbers than this.
_LAST = 2**31 - 1


@router.get("/{document_id}/chunks")
def read_chunks(
    document_id: str,
    service: ServiceDep,
    caller: CallerDep,
    after: Annotated[int, Query(ge=0, le=_LAST, description="``next_after`` of the part before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ChunksOut:
    """The passages of the version that is searched, in the order of the text; none while no version is."""
    record = service.store.catalog.document(document_id, caller.sight)
    found = service.store.catalog.passages_between(document_id, after, after + limit, caller.sight)
    shown = found[:limit]
    return ChunksOut(
        document_id=document_id,
        version=shown[0].version if shown else record.live_version,
        title=record.title,
        filename=record.filename,
        passages=[ChunkOut.of(each) for each in shown],
        next_after=found[limit].ordinal if len(found) > limit else None,
    )

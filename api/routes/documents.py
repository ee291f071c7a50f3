"""Documents: upload, list, read, replace, delete, watch."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse, StreamingResponse

from api.access import CallerDep
from api.attachment import Attachment
from api.deps import ServiceDep
from api.errors import ApiError
from api.idempotency import HEADER, answer, fingerprint, key_of, scope_of
from api.intake import state_of, take
from api.schemas.base import CollectionName
from api.schemas.documents import DocumentOut, DocumentsOut, ReceiptOut, TextOut
from api.stream import event, event_stream
from index.errors import NotFound
from index.idempotency import Replay
from index.types import Status
from ingest.errors import PageNotFound
from rag.cite import PDF, quote_boxes

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from sqlalchemy import Connection

    from index.types import DeletionReceipt

router = APIRouter(prefix="/v1/documents", tags=["documents"])

# The database takes no larger numbers.
Version = Annotated[int | None, Query(ge=1, le=2**31 - 1)]

_POLL_S = 0.1
_CITATION = re.compile(r"(\d{1,9}):(\d{1,12})-(\d{1,12})")
_UPLOAD_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "array", "items": {"type": "string", "format": "binary"}},
                        "collection": {"type": "string", "default": "default"},
                        "metadata": {"type": "string", "description": "A JSON object."},
                        "title": {"type": "string"},
                        "wait": {"type": "boolean", "default": False},
                        "on_conflict": {"type": "string", "enum": ["replace", "new"], "default": "replace"},
                    },
                }
            },
            "application/json": {
                "schema": {
                    "type": "object",
                    "description": "A document as text, or its address, which is fetched where the settings allow it.",
                    "oneOf": [{"required": ["text"]}, {"required": ["url"]}],
                    "properties": {
                        "text": {"type": "string"},
                        "url": {"type": "string", "maxLength": 2000},
                        "title": {"type": "string"},
                        "filename": {"type": "string"},
                        "collection": {"type": "string", "default": "default"},
                        "metadata": {"type": "object"},
                        "wait": {"type": "boolean", "default": False},
                        "on_conflict": {"type": "string", "enum": ["replace", "new"], "default": "replace"},
                    },
                }
            },
        },
    }
}


def _with_key(extra: dict[str, Any]) -> dict[str, Any]:
    """What describes a route that takes an Idempotency-Key."""
    header = {
        "name": HEADER,
        "in": "header",
        "required": False,
        "schema": {"type": "string", "maxLength": 257},
        "description": "Sent again with the same key within 24 hours, the same request is answered and not done again.",
    }
    return {**extra, "parameters": [header]}


@router.post("", status_code=202, response_model=DocumentsOut, openapi_extra=_with_key(_UPLOAD_FORM))
async def upload(
    request: Request, response: Response, service: ServiceDep, caller: CallerDep
) -> DocumentsOut | Response:
    """Upload documents. They are stored when this answers, and ingested in the background unless ``wait``.

    A ZIP archive is taken apart: each file in it is a document, named after the archive and its path in it.
    """
    return await take(request, response, service, caller, None)


@router.put(
    "/{document_id}", status_code=202, response_model=DocumentsOut, openapi_extra=_with_key(_UPLOAD_FORM)
)
async def replace(
    document_id: str, request: Request, response: Response, service: ServiceDep, caller: CallerDep
) -> DocumentsOut | Response:
    """Upload a new version. The present one is searched until the new one is ready."""
    if key_of(request) is None:
        await asyncio.to_thread(service.store.catalog.document, document_id, caller.sight)
    return await take(request, response, service, caller, document_id)


@router.get("")
def list_documents(
    service: ServiceDep,
    caller: CallerDep,
    collection: CollectionName | None = None,
    status: Status | Literal["deleted"] | None = None,
    cursor: Annotated[str | None, Query(pattern=r"^doc_[0-9a-f]{1,40}$")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> DocumentsOut:
    """Documents in the order of their arrival. No deleted one is kept, so none is listed."""
    if status == "deleted":
        return DocumentsOut(documents=[])
    records = service.store.catalog.documents(collection, status, cursor, limit + 1, caller.sight)
    shown = [DocumentOut.of(r, service.runner.progress(r.id, r.version)) for r in records[:limit]]
    return DocumentsOut(documents=shown, next_cursor=shown[-1].id if len(records) > limit else None)


@router.get("/{document_id}")
def read_document(document_id: str, service: ServiceDep, caller: CallerDep) -> DocumentOut:
    """One document."""
    return state_of(service, document_id, caller.sight)


@router.delete("/{document_id}", response_model=ReceiptOut, openapi_extra=_with_key({}))
def delete_document(
    document_id: str, request: Request, service: ServiceDep, caller: CallerDep
) -> ReceiptOut | Response:
    """Delete a document. When this answers, nothing returns its text any more."""
    key = key_of(request)
    if key is None:
        return ReceiptOut.of(service.store.delete_document(document_id, caller.sight))
    kept = service.store.idempotency
    claim = kept.begin(scope_of(caller), key, fingerprint(request, None))
    if isinstance(claim, Replay):
        return answer(claim.status, claim.body or "")

    def remember(connection: Connection, receipt: DeletionReceipt) -> None:
        kept.note_answer(connection, claim, 200, ReceiptOut.of(receipt).model_dump_json())

    try:
        return ReceiptOut.of(service.store.delete_document(document_id, caller.sight, remember))
    finally:
        kept.release(claim)


@router.get("/{document_id}/text")
def read_text(
    document_id: str,
    service: ServiceDep,
    caller: CallerDep,
    version: Version = None,
    start: Annotated[int, Query(ge=0)] = 0,
    end: Annotated[int | None, Query(ge=0)] = None,
) -> TextOut:
    """The canonical text that all offsets refer to, or a part of it."""
    stored = service.store.catalog.text(document_id, version, caller.sight)
    last = len(stored.text) if end is None else end
    if not start <= last <= len(stored.text):
        message = f"start and end must satisfy 0 <= start <= end <= {len(stored.text)}."
        raise ApiError(422, "invalid_field", message)
    part = stored.text[start:last]
    return TextOut(document_id=document_id, version=stored.version, start=start, end=last, text=part)


@router.get("/{document_id}/original", response_class=FileResponse)
def read_original(
    document_id: str, service: ServiceDep, caller: CallerDep, version: Version = None
) -> Attachment:
    """The uploaded bytes, always as an attachment."""
    record = service.store.catalog.document(document_id, caller.sight)
    return Attachment(service.store.original(document_id, version, caller.sight), record.filename)


@router.get("/{document_id}/pages/{page}.png", response_class=Response)
def read_page(
    document_id: str,
    page: int,
    service: ServiceDep,
    caller: CallerDep,
    citation: str | None = None,
    version: Version = None,
) -> Response:
    """A page as an image. ``citation`` is ``version:start-end``; that part of the text is marked."""
    mark = None
    if citation is not None:
        found = _CITATION.fullmatch(citation)
        if found is None:
            raise ApiError(422, "invalid_field", "citation is 'version:start-end', as in a citation's url.")
        version, *span = map(int, found.groups())
        mark = (span[0], span[1])
    stored = service.store.catalog.text(document_id, version, caller.sight)
    if stored.media_type != PDF:
        raise PageNotFound(
            f"{stored.filename} is no PDF, so it has no page images. Its text is under "
            f"/v1/documents/{document_id}/text."
        )
    original = service.store.original(document_id, stored.version, caller.sight)
    boxes = quote_boxes(service.viewer, original, stored, mark, only=page) if mark else ()
    image = service.viewer.render(original, page, boxes)
    return Response(image, media_type="image/png", headers={"Cache-Control": "private, no-cache"})


@router.get("/{document_id}/events", response_class=StreamingResponse)
async def watch(document_id: str, service: ServiceDep, caller: CallerDep) -> StreamingResponse:
    """Ingestion progress as server-sent events: ``progress`` with the document, until it is ready or failed."""
    first = await asyncio.to_thread(state_of, service, document_id, caller.sight)

    async def changes() -> AsyncGenerator[str, None]:
        current: DocumentOut = first
        yield event("progress", current.model_dump())
        while not Status(current.status).final:
            await asyncio.sleep(_POLL_S)
            try:
                latest = await asyncio.to_thread(state_of, service, document_id, caller.sight)
            except NotFound:
                yield event("deleted", {"id": document_id, "status": "deleted"})
                return
            if latest != current:
                current = latest
                yield event("progress", current.model_dump())

    return event_stream(changes())

"""OpenAI's files: uploaded alone, and put into vector stores later. Documents uploaded otherwise are listed too.

https://platform.openai.com/docs/api-reference/files
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse
from starlette.datastructures import UploadFile

from api.access import CallerDep
from api.attachment import Attachment
from api.bounds import LIMITS
from api.deps import Service, ServiceDep
from api.errors import ApiError
from api.faces.openai import unsupported
from api.faces.pages import LongPageDep
from api.gate import note_objects
from api.quotas import counted_upload
from api.uploads import clean_filename, copy
from index.files import PURPOSES, Viewer, unknown_file

if TYPE_CHECKING:
    from starlette.datastructures import FormData

    from api.access import Caller
    from index.files import FileRecord

router = APIRouter(prefix="/v1/files", tags=["openai"])

_MAX_FIELDS = 10
_MAX_FIELD_BYTES = 10_000
_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "purpose"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "purpose": {"type": "string", "enum": list(PURPOSES)},
                    },
                }
            }
        },
    }
}


@router.post("", openapi_extra=_FORM)
async def upload_file(request: Request, service: ServiceDep, caller: CallerDep) -> dict[str, Any]:
    """Store a file. It is searched once it is put into a vector store, and seen with this key until then."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        message = f"The request is {kind or 'of no stated type'}. A file comes as multipart/form-data."
        raise ApiError(415, "unsupported_media_type", message)
    limits = LIMITS.get()
    try:
        async with counted_upload(service, caller, request):
            reading = _read(request)
            form = await (limits.within(reading) if limits else reading)
            found = await _store(service, caller, form)
    finally:
        # Temporary files.
        await request.close()
    note_objects(request.state, [found.id])
    return shown(found)


async def _read(request: Request) -> FormData:
    # Reads the body when it is awaited, within the request's bounds.
    return await request.form(max_files=1, max_fields=_MAX_FIELDS, max_part_size=_MAX_FIELD_BYTES)


async def _store(service: Service, caller: Caller, form: FormData) -> FileRecord:
    file, purpose = form.get("file"), form.get("purpose")
    if not isinstance(file, UploadFile):
        raise ApiError(422, "invalid_field", "There is no part named 'file' with a file in it.")
    if purpose not in PURPOSES:
        raise ApiError(
            422, "invalid_field", f"purpose: files are documents here, for {' or '.join(PURPOSES)}."
        )
    if any(name.startswith("expires_after") for name in form):
        raise unsupported("expires_after", "files stay until they are deleted. Leave it out.")
    blob = await asyncio.to_thread(service.store.blobs.writer)
    try:
        await copy(file, blob)
        return await asyncio.to_thread(
            service.store.add_file,
            blob,
            viewer=viewer_of(caller),
            filename=clean_filename(file.filename),
            purpose=purpose,
        )
    finally:
        await asyncio.to_thread(blob.discard)


@router.get("")
def list_files(
    service: ServiceDep,
    caller: CallerDep,
    page: LongPageDep,
    purpose: Annotated[str | None, Query(max_length=100)] = None,
) -> dict[str, Any]:
    """Files in the order of their arrival."""
    return page.shown(service.store.files.all(viewer_of(caller), purpose=purpose, **page.asked()), shown)


@router.get("/{file_id}")
def read_file(file_id: str, service: ServiceDep, caller: CallerDep) -> dict[str, Any]:
    """One file."""
    return shown(service.store.files.get(file_id, viewer_of(caller)))


@router.delete("/{file_id}")
def delete_file(file_id: str, service: ServiceDep, caller: CallerDep) -> dict[str, Any]:
    """Delete a file, and take it out of every vector store. When this answers, nothing returns its text any more."""
    viewer = viewer_of(caller)
    if service.store.files.get(file_id, viewer).is_document:
        service.store.delete_document(file_id, viewer.sight)
    else:
        service.store.delete_file(file_id, viewer)
    return {"id": file_id, "object": "file", "deleted": True}


@router.get("/{file_id}/content", response_class=FileResponse)
def read_file_content(file_id: str, service: ServiceDep, caller: CallerDep) -> Attachment:
    """The uploaded bytes, always as an attachment."""
    found = service.store.files.get(file_id, viewer_of(caller))
    path = service.store.blobs.path(found.sha256)
    if not path.is_file():
        raise unknown_file()
    return Attachment(path, found.filename)


def viewer_of(caller: Caller) -> Viewer:
    """The caller as somebody who looks at files."""
    return Viewer(caller.sight, caller.key_id)


def shown(file: FileRecord) -> dict[str, Any]:
    """A file as OpenAI has it. Stored is all that it becomes by itself."""
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.bytes,
        "created_at": int(file.created_at),
        "expires_at": None,
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
        "status_details": None,
    }

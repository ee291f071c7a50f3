"""OpenAI's vector stores: each is a collection, and each of its files a document."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

from fastapi import APIRouter, Response

from api.access import CallerDep, require_collection
from api.deps import Service, ServiceDep
from api.errors import ApiError
from api.faces.filters import from_openai
from api.faces.pages import PageDep
from api.faces.vector_stores import (
    POLL_MS,
    BatchIn,
    FileChange,
    FileIn,
    StoreChange,
    StoreIn,
    StoreSearchIn,
    attach,
    attributes_of,
    new_store,
    refuse_settings,
    scalars,
    shown_batch,
    shown_file,
    shown_store,
)
from api.routes.files import viewer_of
from api.uploads import Upload, require_room
from index.errors import NotFound
from index.sight import EVERYTHING
from rag.retrieve import retrieve

if TYPE_CHECKING:
    from api.access import Caller
    from index.sight import Sight
    from rag.types import Found

router = APIRouter(prefix="/v1/vector_stores", tags=["openai"])

FileState = Literal["in_progress", "completed", "failed", "cancelled"]
_MAX_QUERIES = 10


@router.post("")
async def create_vector_store(body: StoreIn, service: ServiceDep, caller: CallerDep) -> dict[str, Any]:
    """Make a collection. Its id is the name given, where a collection can have that name and none has it."""
    refuse_settings(body.chunking_strategy, body.expires_after)
    metadata = attributes_of(body.metadata)
    store_id, name = await asyncio.to_thread(new_store, body.name, service, caller.sight)
    require_collection(caller, store_id)
    for each in body.file_ids:
        await asyncio.to_thread(service.store.files.get, each, viewer_of(caller))
    await asyncio.to_thread(service.store.vector_stores.create, store_id, name, metadata)
    for each in body.file_ids:
        await asyncio.to_thread(attach, service, caller, store_id, each, {})
    return shown_store(await asyncio.to_thread(service.store.vector_stores.get, store_id, caller.sight))


@router.get("")
def list_vector_stores(service: ServiceDep, caller: CallerDep, page: PageDep) -> dict[str, Any]:
    """The caller's collections in the order of their making."""
    return page.shown(service.store.vector_stores.all(caller.sight, **page.asked()), shown_store)


@router.get("/{vector_store_id}")
def read_vector_store(vector_store_id: str, service: ServiceDep, caller: CallerDep) -> dict[str, Any]:
    """One collection, with the counts of what the caller sees in it."""
    return shown_store(service.store.vector_stores.get(vector_store_id, caller.sight))


@router.post("/{vector_store_id}")
def modify_vector_store(
    vector_store_id: str, body: StoreChange, service: ServiceDep, caller: CallerDep
) -> dict[str, Any]:
    """Change the name that is shown, or the metadata. The id stays."""
    refuse_settings(None, body.expires_after)
    metadata = None if body.metadata is None else attributes_of(body.metadata)
    changed = service.store.vector_stores.modify(
        vector_store_id, caller.sight, name=body.name, metadata=metadata
    )
    return shown_store(changed)


@router.delete("/{vector_store_id}")
def delete_vector_store(vector_store_id: str, service: ServiceDep) -> dict[str, Any]:
    """Delete a collection with every document in it, also those that are restricted: for admin keys."""
    service.store.delete_collection(vector_store_id)
    return {"id": vector_store_id, "object": "vector_store.deleted", "deleted": True}


@router.post("/{vector_store_id}/search")
async def search_vector_store(
    vector_store_id: str, body: StoreSearchIn, service: ServiceDep, caller: CallerDep
) -> dict[str, Any]:
    """Passages, best first. A score says how one compares with the best of the same search."""
    return await asyncio.to_thread(_search, vector_store_id, body, service, caller.sight)


@router.post("/{vector_store_id}/files")
async def attach_file(
    vector_store_id: str, body: FileIn, service: ServiceDep, caller: CallerDep
) -> dict[str, Any]:
    """Put a file into a collection. It is ingested in the background."""
    await _require_room(service, caller, vector_store_id)
    refuse_settings(body.chunking_strategy)
    attributes = attributes_of(body.attributes)
    return shown_file(
        await asyncio.to_thread(attach, service, caller, vector_store_id, body.file_id, attributes)
    )


@router.get("/{vector_store_id}/files")
def list_store_files(
    vector_store_id: str,
    service: ServiceDep,
    caller: CallerDep,
    page: PageDep,
    filter: FileState | None = None,  # noqa: A002 -- OpenAI's name for it.
) -> dict[str, Any]:
    """Files of a collection in the order of their arrival, those uploaded as documents among them."""
    found = service.store.vector_stores.files(vector_store_id, caller.sight, status=filter, **page.asked())
    return page.shown(found, shown_file)


@router.get("/{vector_store_id}/files/{file_id}")
def read_store_file(
    vector_store_id: str, file_id: str, response: Response, service: ServiceDep, caller: CallerDep
) -> dict[str, Any]:
    """One file of a collection, and how far its ingestion is."""
    return _polled(
        response, shown_file(service.store.vector_stores.file(vector_store_id, file_id, caller.sight))
    )


@router.post("/{vector_store_id}/files/{file_id}")
def modify_store_file(
    vector_store_id: str, file_id: str, body: FileChange, service: ServiceDep, caller: CallerDep
) -> dict[str, Any]:
    """Give a file other attributes. They are its document's metadata; who may see it stays unless they say so."""
    stores, attributes = service.store.vector_stores, attributes_of(body.attributes)
    found = stores.file(vector_store_id, file_id, caller.sight)
    stores.set_attributes(vector_store_id, file_id, attributes, caller.sight)
    return shown_file(stores.file(vector_store_id, found.id, EVERYTHING))


@router.delete("/{vector_store_id}/files/{file_id}")
def detach_file(vector_store_id: str, file_id: str, service: ServiceDep, caller: CallerDep) -> dict[str, Any]:
    """Take a file out of a collection. No search finds it when this answers; the file itself stays."""
    service.store.detach_file(vector_store_id, file_id, caller.sight)
    return {"id": file_id, "object": "vector_store.file.deleted", "deleted": True}


@router.get("/{vector_store_id}/files/{file_id}/content")
def read_store_file_content(
    vector_store_id: str, file_id: str, service: ServiceDep, caller: CallerDep
) -> dict[str, Any]:
    """The text that was read from a file, without what no reader of it sees; nothing until it is ready."""
    found = service.store.vector_stores.file(vector_store_id, file_id, caller.sight)
    try:
        data = [
            {"type": "text", "text": service.store.catalog.text(found.document_id, None, caller.sight).seen}
        ]
    except NotFound:
        data = []
    return {"object": "vector_store.file_content.page", "data": data, "has_more": False, "next_page": None}


@router.post("/{vector_store_id}/file_batches")
async def create_batch(
    vector_store_id: str, body: BatchIn, service: ServiceDep, caller: CallerDep
) -> dict[str, Any]:
    """Put several files into a collection. None is, when one of them is unknown."""
    if (body.file_ids is None) == (body.files is None):
        raise ApiError(422, "invalid_field", "Give either file_ids or files.")
    await _require_room(service, caller, vector_store_id)
    refuse_settings(body.chunking_strategy)
    given = {each: attributes_of(body.attributes) for each in body.file_ids or ()}
    for file in body.files or ():
        refuse_settings(file.chunking_strategy)
        given[file.file_id] = attributes_of(file.attributes)
    for file_id in given:
        await asyncio.to_thread(service.store.files.get, file_id, viewer_of(caller))
    for file_id, attributes in given.items():
        await asyncio.to_thread(attach, service, caller, vector_store_id, file_id, attributes)
    batch_id = await asyncio.to_thread(service.store.vector_stores.create_batch, vector_store_id, given)
    return shown_batch(await asyncio.to_thread(service.store.vector_stores.batch, vector_store_id, batch_id))


@router.get("/{vector_store_id}/file_batches/{batch_id}")
def read_batch(
    vector_store_id: str, batch_id: str, response: Response, service: ServiceDep, caller: CallerDep
) -> dict[str, Any]:
    """How far a batch is."""
    return _polled(
        response, shown_batch(service.store.vector_stores.batch(vector_store_id, batch_id, caller.sight))
    )


@router.post("/{vector_store_id}/file_batches/{batch_id}/cancel")
def cancel_batch(
    vector_store_id: str, batch_id: str, service: ServiceDep, caller: CallerDep
) -> dict[str, Any]:
    """Take those files of a batch out of the collection again that are not ready yet."""
    service.store.cancel_batch(vector_store_id, batch_id, caller.sight)
    return shown_batch(service.store.vector_stores.batch(vector_store_id, batch_id, caller.sight))


@router.get("/{vector_store_id}/file_batches/{batch_id}/files")
def list_batch_files(
    vector_store_id: str,
    batch_id: str,
    service: ServiceDep,
    caller: CallerDep,
    page: PageDep,
    filter: FileState | None = None,  # noqa: A002 -- OpenAI's name for it.
) -> dict[str, Any]:
    """Files of a batch that are in the collection."""
    found = service.store.vector_stores.files(
        vector_store_id, caller.sight, batch_id=batch_id, status=filter, **page.asked()
    )
    return page.shown(found, shown_file)


async def _require_room(service: Service, caller: Caller, collection: str) -> None:
    await asyncio.to_thread(service.store.vector_stores.get, collection, caller.sight)
    await require_room(service, Upload(collection=collection), None, caller.sight)


def _polled(response: Response, body: dict[str, Any]) -> dict[str, Any]:
    """Tell a client that waits for the end when to ask again."""
    if body["status"] == "in_progress":
        response.headers["openai-poll-after-ms"] = str(POLL_MS)
    return body


def _search(name: str, body: StoreSearchIn, service: Service, sight: Sight) -> dict[str, Any]:
    queries = [body.query] if isinstance(body.query, str) else body.query
    if not 1 <= len(queries) <= _MAX_QUERIES:
        raise ApiError(422, "invalid_field", f"query: one, or a list of at most {_MAX_QUERIES}.")
    wanted = from_openai(body.filters) if body.filters else None
    collection = service.store.collection(name, sight)
    best: dict[int, Found] = {}
    for query in queries:
        found = retrieve(
            query,
            collection=collection,
            catalog=service.store.catalog,
            embedder=service.embedder,
            config=service.answerer.retrieve_config,
            limit=body.max_num_results,
            wanted=wanted,
            reranker=None if body.ranking_options.ranker == "none" else service.answerer.reranker,
            sight=sight,
        )
        for each in found:
            known = best.get(each.passage.id)
            best[each.passage.id] = each if known is None or each.score > known.score else known
    ranked = sorted(best.values(), key=lambda each: -each.score)[: body.max_num_results]
    enough = [each for each in ranked if each.score >= body.ranking_options.score_threshold]
    return {
        "object": "vector_store.search_results.page",
        "search_query": queries,
        "data": _results(enough, service, sight),
        "has_more": False,
        "next_page": None,
    }


def _results(found: list[Found], service: Service, sight: Sight) -> list[dict[str, Any]]:
    ids = {each.passage.document_id for each in found}
    names = service.store.vector_stores.file_ids(ids)
    metadata: dict[str, dict[str, Any]] = {}
    for document_id in ids:
        try:
            metadata[document_id] = service.store.catalog.document(document_id, sight).metadata
        except NotFound:
            # Deleted since it was found.
            continue
    return [
        {
            "file_id": names.get(each.passage.document_id, each.passage.document_id),
            "filename": each.passage.filename,
            "score": min(1.0, each.score),
            "attributes": scalars(metadata[each.passage.document_id]),
            # OpenAI's form has no place to say what of it no reader of the file sees.
            "content": [{"type": "text", "text": each.passage.seen}],
        }
        for each in found
        if each.passage.document_id in metadata
    ]

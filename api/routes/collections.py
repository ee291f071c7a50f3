"""Collections: list, create, read, delete."""

from __future__ import annotations

from fastapi import APIRouter, Request

from api.access import CallerDep, require_collection
from api.deps import ServiceDep
from api.gate import note_objects
from api.schemas.base import CollectionName
from api.schemas.documents import (
    CollectionDeletedOut,
    CollectionIn,
    CollectionOut,
    CollectionsOut,
    ReceiptOut,
)

router = APIRouter(prefix="/v1/collections", tags=["collections"])


@router.get("")
def list_collections(service: ServiceDep, caller: CallerDep) -> CollectionsOut:
    """The caller's collections by name."""
    found = service.store.catalog.collections(caller.sight)
    return CollectionsOut(collections=[CollectionOut.of(each) for each in found])


@router.post("", status_code=201)
def create_collection(
    body: CollectionIn, request: Request, service: ServiceDep, caller: CallerDep
) -> CollectionOut:
    """Make an empty collection. Uploading into one that does not exist makes it too."""
    require_collection(caller, body.name)
    service.store.catalog.create_collection(body.name)
    note_objects(request.state, [body.name])
    return CollectionOut.of(service.store.catalog.collection(body.name, caller.sight))


@router.get("/{name}")
def read_collection(name: CollectionName, service: ServiceDep, caller: CallerDep) -> CollectionOut:
    """One collection, with its embedding model and counts."""
    return CollectionOut.of(service.store.catalog.collection(name, caller.sight))


@router.delete("/{name}")
def delete_collection(name: CollectionName, service: ServiceDep) -> CollectionDeletedOut:
    """Delete a collection with every document in it, also those that are restricted: for admin keys."""
    receipts = service.store.delete_collection(name)
    return CollectionDeletedOut(name=name, deleted=True, documents=[ReceiptOut.of(each) for each in receipts])

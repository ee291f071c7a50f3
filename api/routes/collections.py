"""Collections: list, create, read, delete."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import ServiceDep
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
def list_collections(service: ServiceDep) -> CollectionsOut:
    """All collections by name."""
    return CollectionsOut(
        collections=[CollectionOut.of(each) for each in service.store.catalog.collections()]
    )


@router.post("", status_code=201)
def create_collection(body: CollectionIn, service: ServiceDep) -> CollectionOut:
    """Make an empty collection. Uploading into one that does not exist makes it too."""
    service.store.catalog.create_collection(body.name)
    return CollectionOut.of(service.store.catalog.collection(body.name))


@router.get("/{name}")
def read_collection(name: CollectionName, service: ServiceDep) -> CollectionOut:
    """One collection, with its embedding model and counts."""
    return CollectionOut.of(service.store.catalog.collection(name))


@router.delete("/{name}")
def delete_collection(name: CollectionName, service: ServiceDep) -> CollectionDeletedOut:
    """Delete a collection with every document in it."""
    receipts = service.store.delete_collection(name)
    return CollectionDeletedOut(name=name, deleted=True, documents=[ReceiptOut.of(each) for each in receipts])

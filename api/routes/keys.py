"""Keys: create, list, read, rotate, revoke; and the audit log of what was done with them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from api.deps import ServiceDep
from api.gate import note_objects
from api.schemas.keys import AuditOut, EntryOut, KeyIn, KeyOut, KeysOut, NewKeyOut, RotateIn

router = APIRouter(prefix="/v1", tags=["keys"])


@router.get("/keys")
def list_keys(service: ServiceDep) -> KeysOut:
    """All keys, revoked ones too."""
    return KeysOut(keys=[KeyOut.of(each) for each in service.store.keys.all()])


@router.post("/keys", status_code=201)
def create_key(body: KeyIn, request: Request, service: ServiceDep) -> NewKeyOut:
    """Make a key. Its token is in this answer and nowhere else."""
    record, token = service.store.keys.create(body.grant())
    note_objects(request.state, [record.id])
    return NewKeyOut.made(record, token)


@router.get("/keys/{key_id}")
def read_key(key_id: str, service: ServiceDep) -> KeyOut:
    """One key."""
    return KeyOut.of(service.store.keys.get(key_id))


@router.delete("/keys/{key_id}")
def revoke_key(key_id: str, service: ServiceDep) -> KeyOut:
    """Revoke a key. When this answers, it opens nothing any more."""
    return KeyOut.of(service.store.keys.revoke(key_id))


@router.post("/keys/{key_id}/rotate")
def rotate_key(key_id: str, service: ServiceDep, body: RotateIn | None = None) -> NewKeyOut:
    """Give a key a new secret; the one before stays good for ``overlap_s`` seconds."""
    record, token = service.store.keys.rotate(key_id, body.overlap_s if body else 0.0)
    return NewKeyOut.made(record, token)


@router.get("/audit")
def read_audit(
    service: ServiceDep,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    newest: Annotated[bool, Query(description="Newest first; ``after`` goes on to older entries.")] = False,
) -> AuditOut:
    """Who did what, oldest first unless ``newest``, without any content."""
    log = service.store.audit
    found = log.latest(after or None, limit + 1) if newest else log.entries(after, limit + 1)
    shown = found[:limit]
    return AuditOut(
        entries=[EntryOut.of(number, entry) for number, entry in shown],
        next_after=shown[-1][0] if len(found) > limit else None,
    )

"""Conversations of a key and its principals: list, read, delete; and what they prefer."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.access import CallerDep
from api.conversing import owner_of
from api.deps import ServiceDep
from api.schemas.base import CollectionName
from api.schemas.conversations import (
    ConversationOut,
    ConversationReadOut,
    ConversationsOut,
    DeletedConversationsOut,
    PreferencesIn,
    PreferencesOut,
)

router = APIRouter(prefix="/v1", tags=["conversations"])


@router.get("/conversations")
def list_conversations(
    service: ServiceDep,
    caller: CallerDep,
    collection: CollectionName | None = None,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ConversationsOut:
    """Your own conversations, the latest first."""
    found = service.store.talks.page(owner_of(caller), caller.sight, collection, cursor, limit + 1)
    shown = found[:limit]
    return ConversationsOut(
        conversations=[ConversationOut.of(each) for each in shown],
        next_cursor=shown[-1].id if len(found) > limit else None,
    )


@router.delete("/conversations")
def delete_conversations(
    service: ServiceDep, caller: CallerDep, collection: CollectionName | None = None
) -> DeletedConversationsOut:
    """Delete all of your own conversations, or those in one collection, with their answers."""
    deleted = service.store.talks.delete_all(owner_of(caller), caller.sight, collection)
    return DeletedConversationsOut(deleted=deleted)


@router.get("/conversations/{conversation_id}")
def read_conversation(conversation_id: str, service: ServiceDep, caller: CallerDep) -> ConversationReadOut:
    """A conversation with its turns."""
    owner = owner_of(caller)
    talk = service.store.talks.get(conversation_id, owner, caller.sight)
    return ConversationReadOut.told(talk, service.store.talks.turns(conversation_id, owner, caller.sight))


@router.delete("/conversations/{conversation_id}")
def delete_conversation(
    conversation_id: str, service: ServiceDep, caller: CallerDep
) -> DeletedConversationsOut:
    """Delete a conversation with its answers. When this answers, nothing of it is left."""
    service.store.talks.delete(conversation_id, owner_of(caller), caller.sight)
    return DeletedConversationsOut(deleted=1)


@router.get("/preferences")
def read_preferences(service: ServiceDep, caller: CallerDep) -> PreferencesOut:
    """What is kept of how you want your answers."""
    return PreferencesOut(**service.store.preferences.get(owner_of(caller)))


@router.put("/preferences")
def keep_preferences(body: PreferencesIn, service: ServiceDep, caller: CallerDep) -> PreferencesOut:
    """Keep how you want your answers, in the place of what was kept before."""
    wanted = body.model_dump(exclude_none=True)
    service.store.preferences.put(owner_of(caller), wanted)
    return PreferencesOut(**wanted)


@router.delete("/preferences")
def forget_preferences(service: ServiceDep, caller: CallerDep) -> PreferencesOut:
    """Forget them."""
    service.store.preferences.delete(owner_of(caller))
    return PreferencesOut()

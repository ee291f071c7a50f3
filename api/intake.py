"""Taking an upload in: whose it is, what it is counted as, whether it was sent before, and what it became."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from api.access import require_collection
from api.bounds import LIMITS, pause, stop_holding_up
from api.errors import ApiError
from api.gate import note_objects
from api.idempotency import answer, fingerprint, key_of, scope_of
from api.quotas import counted_upload
from api.schemas.documents import DocumentOut, DocumentsOut
from api.uploads import Upload, fetch_into, read_upload, require_room, store_upload
from index.errors import NotFound
from index.idempotency import Claim, Replay
from index.sight import EVERYTHING, Sight, allowed_by
from index.types import Status

if TYPE_CHECKING:
    from fastapi import Request, Response

    from api.access import Caller
    from api.deps import Service
    from api.quotas import Count
    from index.types import Submission

_POLL_S = 0.1


async def take(
    request: Request, response: Response, service: Service, caller: Caller, document_id: str | None
) -> DocumentsOut | Response:
    """Store what a request uploads, once for each Idempotency-Key, and say what it became.

    Args:
        request: With the upload as its body.
        response: Gets the status.
        service: Where to.
        caller: Whose request it is.
        document_id: The document that is replaced, if one is.
    """
    kept = service.store.idempotency
    given, claim = Upload(), None
    try:
        try:
            async with counted_upload(service, caller, request) as count:
                given = await read_upload(request)
                _check(given, caller, document_id)
                begun = await _begin(request, service, caller, given)
                if isinstance(begun, Replay):
                    count.again = True
                    note_objects(request.state, [each.document_id for each in begun.done])
                    return await _again(service, begun, _told(given, caller), caller.sight)
                claim = begun
                stored = await _store(service, caller, given, document_id, claim, count)
        finally:
            # Temporary files, which would otherwise last as long as the wait.
            await request.close()
            for file in given.files:
                await file.close()
        note_objects(request.state, [each.document_id for each in stored])
        service.runner.notify()
        stop_holding_up()
        response.status_code = 201 if given.wait else 202
        told = _told(given, caller)
        shown = [await _shown(service, each, told, caller.sight, wait=given.wait) for each in stored]
        found = DocumentsOut(documents=shown)
        if claim is not None:
            await asyncio.to_thread(kept.finish, claim, response.status_code, found.model_dump_json())
        return found
    finally:
        if claim is not None:
            await asyncio.to_thread(kept.release, claim)


def state_of(service: Service, document_id: str, sight: Sight) -> DocumentOut:
    """A document as it stands, work on it included.

    Raises:
        NotFound: Unknown, deleted, or not the caller's to see.
    """
    record = service.store.catalog.document(document_id, sight)
    return DocumentOut.of(record, service.runner.progress(record.id, record.version))


def _check(given: Upload, caller: Caller, document_id: str | None) -> None:
    if document_id is None:
        require_collection(caller, given.collection)
    elif len(given.files) > 1:
        raise ApiError(422, "invalid_field", "A document is replaced by one file, not by several.")


def _told(given: Upload, caller: Caller) -> Sight:
    """What an uploader may be told of their own upload, also where they hide it from themselves."""
    hides = not caller.sight.admits(allowed_by(given.metadata))
    return EVERYTHING if hides else caller.sight


async def _begin(request: Request, service: Service, caller: Caller, given: Upload) -> Claim | Replay | None:
    key = key_of(request)
    if key is None:
        return None
    asked = await asyncio.to_thread(fingerprint, request, given)
    return await asyncio.to_thread(service.store.idempotency.begin, scope_of(caller), key, asked)


async def _store(
    service: Service,
    caller: Caller,
    given: Upload,
    document_id: str | None,
    claim: Claim | None,
    count: Count,
) -> list[Submission]:
    """Put an upload where it belongs. What an address leads to is fetched for those who may store it there."""
    await require_room(service, given, document_id, caller.sight)
    if given.url is not None:
        limits = LIMITS.get()
        fetching = fetch_into(given, service.fetcher)
        await count.more(await (limits.within(fetching) if limits else fetching))
    return await store_upload(service.store, given, document_id, claim, caller.sight)


async def _again(service: Service, replay: Replay, told: Sight, seen: Sight) -> Response:
    """The answer that was given before, or what is left of it when something it showed was deleted or hidden since."""
    left = [await _shown(service, each, told, seen, wait=False) for each in replay.done]
    if replay.body is None or any(each.status == "deleted" for each in left):
        return answer(replay.status, DocumentsOut(documents=left).model_dump_json())
    return answer(replay.status, replay.body)


async def _shown(
    service: Service, submission: Submission, told: Sight, seen: Sight, *, wait: bool
) -> DocumentOut:
    """A document as the answer to its upload shows it; of one deleted or hidden since, that it was deleted.

    Args:
        service: For the document.
        submission: What the upload became.
        told: What its uploader may be told of that version.
        seen: What they may see besides.
        wait: Whether to wait until it is ready or failed.
    """
    while True:
        try:
            found = await asyncio.to_thread(state_of, service, submission.document_id, told)
            if found.version != submission.version:
                found = await asyncio.to_thread(state_of, service, submission.document_id, seen)
        except NotFound:
            return DocumentOut.deleted(submission)
        if not wait or Status(found.status).final:
            return found
        await pause(_POLL_S)

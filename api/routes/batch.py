"""Ask many questions at once: JSON or CSV in, progress while they are answered, JSON or CSV out."""

from __future__ import annotations

import asyncio
import csv
import io
import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from pydantic import ValidationError

from api.access import CallerDep
from api.bounds import pause
from api.deps import Service, ServiceDep
from api.errors import ApiError
from api.gate import note_objects
from api.idempotency import key_of
from api.schemas.answers import CitationOut
from api.schemas.base import Dollars
from api.schemas.batches import (
    BatchDeletedOut,
    BatchErrorOut,
    BatchesOut,
    BatchIn,
    BatchOut,
    BatchResultsOut,
    BatchRowOut,
)
from api.stream import event, event_stream
from index.errors import NotFound
from index.filters import condition
from index.keys import Scope

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from api.access import Caller
    from index.batches import Row

router = APIRouter(prefix="/v1/ask/batch", tags=["batch"])
_MICRO = 1_000_000
_POLL_S = 0.5
# Rows that are read at once for a download.
_PAGE = 200
_COLUMNS = (
    "id", "question", "status", "answer", "abstained", "confidence", "level", "sources", "model", "cost_usd",
    "answer_id", "error",
)  # fmt: skip
# A spreadsheet takes a cell that begins so for a formula, and documents are written by others.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# What of a stored answer is for those who ask to have it explained, one by one.
_NOT_SHOWN = frozenset({"trace", "question", "collection"})


@router.post(
    "",
    status_code=202,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/BatchIn"}},
                "text/csv": {"schema": {"type": "string"}},
            },
        }
    },
)
async def create_batch(
    request: Request,
    service: ServiceDep,
    caller: CallerDep,
    collection: Annotated[str | None, Query(description="For CSV: the collection.")] = None,
    mode: Annotated[
        Literal["auto", "extractive", "generative"], Query(description="For CSV: as in JSON.")
    ] = "auto",
    max_cost_usd: Annotated[Dollars | None, Query(description="For CSV: as in JSON.")] = None,
) -> BatchOut:
    """Have questions answered, as JSON or as CSV with the columns ``question`` and, if wanted, ``id``.

    They are answered one after the other, also across a restart. With an ``Idempotency-Key`` the same request makes the
    same batch.
    """
    given = await _given(request, collection, mode, max_cost_usd)
    if given.filter is not None:
        # Refused now, and not once for each of its questions.
        condition(given.filter)
    who = caller.acting_as(given.principals)
    collection_id = await asyncio.to_thread(service.store.catalog.collection_id, given.collection, who.sight)
    limit = None if given.max_cost_usd is None else math.floor(round(given.max_cost_usd * _MICRO, 3))
    batch_id, is_new = await asyncio.to_thread(
        service.store.batches.create,
        collection_id=collection_id,
        key_id=caller.key_id,
        principals=who.principals,
        options=given.options(),
        questions=given.labelled(),
        limit=limit,
        request_key=key_of(request),
    )
    note_objects(request.state, [batch_id])
    if is_new:
        service.batches.notify()
    return await asyncio.to_thread(_state, service, caller, batch_id)


@router.get("")
def list_batches(service: ServiceDep, caller: CallerDep) -> BatchesOut:
    """The batches that this key made, newest first; with an admin key those of all."""
    return BatchesOut(
        batches=[BatchOut.of(each) for each in service.store.batches.all(_whose(caller), caller.sight)]
    )


@router.get("/{batch_id}")
def read_batch(batch_id: str, service: ServiceDep, caller: CallerDep) -> BatchOut:
    """How far a batch is."""
    return _state(service, caller, batch_id)


@router.get("/{batch_id}/events", response_class=StreamingResponse)
async def watch_batch(batch_id: str, service: ServiceDep, caller: CallerDep) -> StreamingResponse:
    """Progress as server-sent events: ``progress`` with the batch, until it is finished or cancelled."""
    first = await asyncio.to_thread(_state, service, caller, batch_id)

    async def changes() -> AsyncGenerator[str, None]:
        current: BatchOut = first
        yield event("progress", current.model_dump())
        while current.status not in ("finished", "cancelled"):
            await pause(_POLL_S)
            try:
                latest = await asyncio.to_thread(_state, service, caller, batch_id)
            except NotFound:
                yield event("deleted", {"id": batch_id, "status": "deleted"})
                return
            if latest != current:
                current = latest
                yield event("progress", current.model_dump())

    return event_stream(changes())


@router.get("/{batch_id}/results")
def read_results(
    batch_id: str,
    service: ServiceDep,
    caller: CallerDep,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> BatchResultsOut:
    """Questions with their answers, in their order; also while others are still waiting."""
    batch = _state(service, caller, batch_id)
    rows = service.store.batches.rows(batch_id, offset, limit)
    follows = offset + limit if offset + limit < batch.questions else None
    return BatchResultsOut(
        batch=batch, results=[_row(service, caller, each) for each in rows], next_offset=follows
    )


@router.get("/{batch_id}/results.csv", response_class=Response)
def download_results(batch_id: str, service: ServiceDep, caller: CallerDep) -> StreamingResponse:
    """All questions with their answers as CSV, for a spreadsheet."""
    batch = _state(service, caller, batch_id)
    headers = {
        "Content-Disposition": f'attachment; filename="{batch_id}.csv"',
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(
        _csv(service, caller, batch), media_type="text/csv; charset=utf-8", headers=headers
    )


@router.post("/{batch_id}/cancel")
def cancel_batch(batch_id: str, service: ServiceDep, caller: CallerDep) -> BatchOut:
    """Answer no further question of a batch; what is answered stays."""
    return BatchOut.of(service.store.batches.cancel(batch_id, _whose(caller), caller.sight))


@router.delete("/{batch_id}")
def delete_batch(batch_id: str, service: ServiceDep, caller: CallerDep) -> BatchDeletedOut:
    """Remove a batch with its questions. The answers stay under their own ids, as long as their documents do."""
    service.store.batches.delete(batch_id, _whose(caller), caller.sight)
    return BatchDeletedOut(id=batch_id, deleted=True)


def _whose(caller: Caller) -> str | None:
    """Whose batches somebody sees: their own, or an administrator all."""
    return None if Scope.ADMIN in caller.scopes else caller.key_id


def _state(service: Service, caller: Caller, batch_id: str) -> BatchOut:
    return BatchOut.of(service.store.batches.get(batch_id, _whose(caller), caller.sight))


async def _given(request: Request, collection: str | None, mode: str, max_cost_usd: float | None) -> BatchIn:
    """The questions of a body.

    Raises:
        ApiError: 415 for another type, 422 for CSV that is none.
        RequestValidationError: It is no JSON, or a field is not as documented.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    try:
        if kind == "application/json":
            return BatchIn.model_validate_json(body)
        if kind in ("text/csv", "application/csv"):
            fields: dict[str, Any] = {"collection": collection} if collection is not None else {}
            questions = _read_csv(body)
            return BatchIn(questions=questions, mode=mode, max_cost_usd=max_cost_usd, **fields)  # type: ignore[arg-type]
    except ValidationError as error:
        raise RequestValidationError(
            # The input of what is no JSON are its bytes, which elsewhere tell that JSON was not what was sent.
            [
                {**each, "loc": ("body", *each["loc"]), "input": None}
                for each in error.errors(include_url=False)
            ]
        ) from None
    raise ApiError(415, "unsupported_media_type", "Send application/json or text/csv.")


def _read_csv(body: bytes) -> list[dict[str, str | None]]:
    """Rows of a table with a head; the separator is a comma, a semicolon or a tab, whichever the head has.

    Raises:
        ApiError: 422 when it is none.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ApiError(422, "invalid_field", f"CSV is read as UTF-8: {error}.") from None
    head = text.partition("\n")[0]
    separator = max(",;\t", key=head.count)
    # Without strict a quotation mark that is never closed makes one question of all that follow.
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    names = {(name or "").strip().casefold(): name for name in rows.fieldnames or ()}
    if "question" not in names:
        raise ApiError(
            422, "invalid_field", "CSV has a first line that names its columns, one of them 'question'."
        )
    found = []
    try:
        for row in rows:
            if any(row.pop(None, ())):
                message = (
                    f"Line {rows.line_num} has more cells than the first line. Put a question that holds "
                    f"{separator!r} into quotation marks."
                )
                raise ApiError(422, "invalid_field", message)
            if any(row.values()):
                label = (row[names["id"]] or None) if "id" in names else None
                found.append({"question": row[names["question"]] or "", "id": label})
    except csv.Error as error:
        raise ApiError(
            422, "invalid_field", f"The CSV cannot be read at line {rows.line_num}: {error}."
        ) from None
    return found


def _row(service: Service, caller: Caller, row: Row) -> BatchRowOut:
    """A question with its answer, as long as the caller may see what that was made from."""
    answer, error, status = None, None, str(row.status)
    if row.answer_id is not None:
        try:
            found = service.store.answers.get(row.answer_id, caller.sight)
            answer = {name: value for name, value in found.items() if name not in _NOT_SHOWN}
        except NotFound:
            status = "gone"
            message = "A document that this answer was made from was deleted since. Ask again."
            error = BatchErrorOut(code="evidence_deleted", message=message)
    if row.error is not None:
        error = BatchErrorOut(code=row.error[0], message=row.error[1])
    return BatchRowOut(id=row.label, question=row.question, status=status, answer=answer, error=error)


def _csv(service: Service, caller: Caller, batch: BatchOut) -> Iterator[str]:
    """The lines of a download, read from the catalog a page at a time."""
    yield _line(_COLUMNS)
    for offset in range(0, batch.questions, _PAGE):
        for row in service.store.batches.rows(batch.id, offset, _PAGE):
            yield _line(_cells(_row(service, caller, row)))


def _cells(row: BatchRowOut) -> list[object]:
    answer = row.answer or {}
    confidence = answer.get("confidence", {})
    return [
        row.id,
        row.question,
        row.status,
        answer.get("answer", ""),
        answer.get("abstained", ""),
        confidence.get("value", ""),
        confidence.get("level", ""),
        _sources([CitationOut(**each) for each in answer.get("citations", [])]),
        answer.get("model") or "",
        answer.get("cost_usd", ""),
        answer.get("id", ""),
        f"{row.error.code}: {row.error.message}" if row.error else "",
    ]


def _sources(citations: list[CitationOut]) -> str:
    """Footnotes as a cell holds them."""
    lines = []
    for each in citations:
        pages = "" if each.pages is None else f", p. {each.pages[0]}"
        lines.append(f"[{each.number}] {each.filename}{pages}: {each.quote}")
    return "\n".join(lines)


def _line(cells: Any) -> str:
    out = io.StringIO(newline="")
    shown = [f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell for cell in cells]
    csv.writer(out).writerow(shown)
    return out.getvalue()

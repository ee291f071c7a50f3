"""Answers that were given: read again, and rated."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from api.access import CallerDep
from api.deps import ServiceDep
from api.schemas.answers import FeedbackIn

router = APIRouter(prefix="/v1/answers", tags=["answers"])


@router.get("/{answer_id}")
def read_answer(answer_id: str, service: ServiceDep, caller: CallerDep) -> dict[str, Any]:
    """What was asked, retrieved, sent and answered, and why that confidence."""
    return service.store.answers.get(answer_id, caller.sight)


@router.post("/{answer_id}/feedback", status_code=201)
def give_feedback(answer_id: str, body: FeedbackIn, service: ServiceDep, caller: CallerDep) -> dict[str, str]:
    """Rate an answer, and say whether it was correct."""
    service.store.answers.add_feedback(
        answer_id, body.rating, correct=body.correct, comment=body.comment, sight=caller.sight
    )
    return {"id": answer_id, "status": "stored"}

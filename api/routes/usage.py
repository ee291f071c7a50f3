"""How much the service was used, for administrators."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import ServiceDep
from api.schemas.usage import UsageOut, usage_of

router = APIRouter(prefix="/v1", tags=["usage"])


@router.get("/usage")
def read_usage(service: ServiceDep, days: Annotated[int, Query(ge=1, le=366)] = 30) -> UsageOut:
    """Questions, searches, uploads, tokens and cost of the last days, today included."""
    activity = service.store.activity
    return usage_of(days, activity.done(days), activity.answered(days))

"""How much the service was used, for administrators. What it cost is not counted here."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import ServiceDep
from api.schemas.activity import ActivityOut, activity_of

router = APIRouter(prefix="/v1", tags=["activity"])


@router.get("/activity")
def read_activity(service: ServiceDep, days: Annotated[int, Query(ge=1, le=366)] = 30) -> ActivityOut:
    """Questions, searches, uploads and refusals of the last days, today included, by day and by key."""
    return activity_of(days, service.store.activity.done(days))

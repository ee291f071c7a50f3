"""What was asked and spent, and the budgets of collections."""

from __future__ import annotations

import math
import time
from datetime import UTC, date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query

from api.access import CallerDep
from api.deps import ServiceDep
from api.errors import ApiError
from api.schemas.base import CollectionName
from api.schemas.usage import (
    MICRO,
    BudgetIn,
    BudgetOut,
    CollectionBudgetOut,
    KeyBudgetOut,
    SpentOut,
    UsageOut,
    UsageRowOut,
    day_of,
)
from index.keys import Scope
from index.usage import DAY_S, Metered

router = APIRouter(prefix="/v1", tags=["usage"])
# Days that one answer covers.
MAX_DAYS = 366
_USUAL_DAYS = 30


@router.get("/usage")
def read_usage(
    service: ServiceDep,
    caller: CallerDep,
    by: Annotated[
        list[Literal["day", "key_id", "collection", "model"]],
        Query(max_length=4, description="What to add up by, once or several times."),
    ] = ["day"],  # noqa: B006 -- FastAPI copies it.
    first_day: Annotated[
        date | None, Query(description="Such as 2026-11-01; 30 days ago if left out.")
    ] = None,
    last_day: Annotated[date | None, Query(description="Today if left out.")] = None,
) -> UsageOut:
    """What was asked and spent, added up. Keys without the admin scope see their own questions alone."""
    today = int(time.time()) // DAY_S
    last = _number(last_day) if last_day else today
    first = _number(first_day) if first_day else last - _USUAL_DAYS + 1
    if not last - MAX_DAYS < first <= last:
        raise ApiError(422, "invalid_field", f"first_day and last_day: 1 to {MAX_DAYS} days, in this order.")
    groups = list(dict.fromkeys(by))
    books, own = service.store.spending, None if Scope.ADMIN in caller.scopes else caller.key_id
    used = service.store.usage.used(caller.key_id)[Metered.MICRO_USD]
    (total,) = books.totals(first, last, [], own, caller.sight)
    return UsageOut(
        first_day=day_of(first),
        last_day=day_of(last),
        rows=[
            UsageRowOut.of_total(groups, each)
            for each in books.totals(first, last, groups, own, caller.sight)
            if groups
        ],
        total=SpentOut.of(total.amounts),
        key=KeyBudgetOut(usd_per_day=caller.limits.usd_per_day, taken_usd=used / MICRO),
        budgets=[BudgetOut.of(each) for each in books.budgets(caller.sight)] if own is None else [],
    )


@router.put("/collections/{name}/budget")
def set_budget(
    name: CollectionName, body: BudgetIn, service: ServiceDep, caller: CallerDep
) -> CollectionBudgetOut:
    """Say what all questions to a collection together may cost a day, whichever key asks. For admin keys."""
    found = service.store.catalog.collection(name, caller.sight)
    most = body.usd_per_day
    service.store.spending.set_budget(found.id, None if most is None else math.floor(round(most * MICRO, 3)))
    return CollectionBudgetOut(collection=name, usd_per_day=most)


def _number(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) // DAY_S

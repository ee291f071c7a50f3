"""What was asked and spent, as the contract has it. Days are those of UTC, money is US dollars."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, Field

from api.schemas.base import Body
from index.usage import DAY_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from index.spending import Amounts, Budget, Total

NANO, MICRO = 1_000_000_000, 1_000_000


class SpentOut(BaseModel):
    """Amounts added up.

    ``cost_usd`` is that of the calls whose tokens the gateway counted; ``at_most_usd`` holds the most that the others
    can have cost too, and is what budgets count. ``cached`` questions were answered again without any call.
    """

    questions: int
    cached: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float
    at_most_usd: float

    @classmethod
    def of(cls, amounts: Amounts) -> Self:
        """From the books."""
        found = asdict(amounts)
        return cls(cost_usd=found.pop("cost") / NANO, at_most_usd=found.pop("at_most") / NANO, **found)


class UsageRowOut(SpentOut):
    """The amounts of one group; null where it is not grouped by. ``model`` is ``endpoint/model``, empty without one."""

    day: str | None = None
    key_id: str | None = None
    collection: str | None = None
    model: str | None = None

    @classmethod
    def of_total(cls, by: Sequence[str], total: Total) -> Self:
        """From a group of the books."""
        named = {
            name: day_of(int(value)) if name == "day" else str(value)
            for name, value in zip(by, total.group, strict=True)
        }
        return cls.model_validate(SpentOut.of(total.amounts).model_dump() | named)


class BudgetOut(BaseModel):
    """What a collection may cost a day, and what of today's is spent or held for questions under way."""

    collection: str
    usd_per_day: float
    taken_usd: float

    @classmethod
    def of(cls, budget: Budget) -> Self:
        """From the books."""
        return cls(
            collection=budget.collection,
            usd_per_day=budget.per_day / MICRO,
            taken_usd=budget.taken / MICRO,
        )


class KeyBudgetOut(BaseModel):
    """What the caller's key may cost a day, null without a limit, and what of today's is spent or held."""

    usd_per_day: float | None
    taken_usd: float


class UsageOut(BaseModel):
    """What was asked and spent. Both ends of the days are included."""

    first_day: str
    last_day: str
    rows: list[UsageRowOut]
    total: SpentOut
    key: KeyBudgetOut
    budgets: list[BudgetOut]


class BudgetIn(Body):
    """A budget of a collection; null lifts it."""

    usd_per_day: float | None = Field(ge=0, le=1_000_000)


class CollectionBudgetOut(BaseModel):
    """The budget of a collection; null for none."""

    collection: str
    usd_per_day: float | None


def day_of(day: int) -> str:
    """A day as ISO 8601 has it."""
    return datetime.fromtimestamp(day * DAY_S, UTC).date().isoformat()

"""Daily quotas of keys: questions, uploaded bytes, and money. What may be used is taken first and the rest given back.

Taken afterwards, requests at once would each see the same room and overspend it together.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from api.errors import ApiError
from index.errors import IndexingError
from index.usage import DAY_S, Metered
from rag.errors import BudgetExceeded, GatewayNotConfigured
from rag.types import Done, Mode

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from fastapi import Request

    from api.access import Caller
    from api.deps import Service
    from index.keys import KeyLimits
    from index.usage import Usage
    from rag.types import Event, Question

_MICRO = 1_000_000
# What an answer may cost where the question sets no limit of its own: ten times what one of a small model does.
_USD_PER_ANSWER = 0.05
# Errors that come before anything was asked of a gateway, so that nothing was spent.
_UNSPENT = (IndexingError, BudgetExceeded, GatewayNotConfigured)


def take_question(usage: Usage, key_id: str, limits: KeyLimits) -> None:
    """Count a question, answered or not.

    Raises:
        ApiError: 429 when the day's questions are asked.
    """
    most = limits.questions_per_day
    if most is not None and not usage.take(key_id, Metered.QUESTIONS, 1, most):
        raise _used_up(f"The {most:,} questions a day of this key are asked.")


@dataclass(slots=True)
class Count:
    """How an upload is counted.

    Attributes:
        again: Whether it turned out to be one that was stored and counted before.
        taken: Bytes that are taken of the day's quota.
    """

    usage: Usage
    caller: Caller
    again: bool = False
    taken: int = 0

    async def more(self, size: int) -> None:
        """Count bytes that it turned out to bring: those of its request, and of what was fetched for it.

        Raises:
            ApiError: 429 when the day's quota has no room for them.
        """
        most = self.caller.limits.upload_bytes_per_day
        if most is None:
            return
        if not await asyncio.to_thread(self.usage.take, self.caller.key_id, Metered.UPLOAD_BYTES, size, most):
            raise _used_up(
                f"The {most:,} bytes a day that this key may upload have no room for {size:,} more."
            )
        self.taken += size

    async def give_back(self) -> None:
        """Give back what was taken."""
        if self.taken:
            await asyncio.to_thread(
                self.usage.give_back, self.caller.key_id, Metered.UPLOAD_BYTES, self.taken
            )


@asynccontextmanager
async def counted_upload(service: Service, caller: Caller, request: Request) -> AsyncIterator[Count]:
    """Count the bytes of an upload while it is stored; those of one that stores nothing are given back.

    Raises:
        ApiError: 411 when the request does not say how long it is, 429 when the day's quota has no room for it.
    """
    count = Count(service.store.usage, caller)
    if caller.limits.upload_bytes_per_day is not None:
        if "content-length" not in request.headers:
            raise ApiError(
                411, "length_required", "This key has a quota of bytes, so uploads must say their length."
            )
        await count.more(int(request.headers["content-length"]))
    stored = False
    try:
        yield count
        stored = not count.again
    finally:
        if not stored:
            await count.give_back()


@dataclass(slots=True)
class Money:
    """What one request may cost the gateway.

    Attributes:
        limit: US dollars; None for no limit.
        spent: What it did cost; None while nobody can say, which counts as all of the limit.
    """

    limit: float | None
    spent: float | None = None


@asynccontextmanager
async def budget(
    service: Service, caller: Caller, wanted: float | None, *, costs: bool
) -> AsyncIterator[Money]:
    """Hold back what a request may cost of what its key may spend today, and give back the rest at its end.

    Args:
        service: For what was used.
        caller: Whose key.
        wanted: US dollars that the request itself sets as its limit.
        costs: Whether it may ask the gateway at all.

    Raises:
        ApiError: 429 when the day's money is spent.
    """
    most, usage = caller.limits.usd_per_day, service.store.usage
    if most is None or not costs:
        yield Money(wanted)
        return
    money = Money(wanted or min(_USD_PER_ANSWER, most))
    taken = round((money.limit or 0) * _MICRO)
    if not await asyncio.to_thread(usage.take, caller.key_id, Metered.MICRO_USD, taken, round(most * _MICRO)):
        raise _used_up(f"The ${most:g} a day that this key may spend have no room for ${money.limit:g} more.")
    try:
        yield money
    except _UNSPENT:
        money.spent = 0.0
        raise
    finally:
        rest = taken if money.spent is None else min(taken, round(money.spent * _MICRO))
        if taken > rest:
            await asyncio.to_thread(usage.give_back, caller.key_id, Metered.MICRO_USD, taken - rest)


async def answered(service: Service, caller: Caller, question: Question) -> AsyncGenerator[Event, None]:
    """Answer inside of what the key may spend today. Close it: only then is the rest given back.

    Raises:
        ApiError: 429 when the day's money is spent.
    """
    generative = question.mode is Mode.GENERATIVE or (question.mode is None and service.gateway is not None)
    async with budget(service, caller, question.max_cost_usd, costs=generative) as money:
        asked = replace(question, max_cost_usd=money.limit)
        async with aclosing(service.observed.answering(service.answerer, asked)) as events:
            async for each in events:
                if isinstance(each, Done):
                    money.spent = each.answer.cost_usd
                yield each


def _used_up(message: str) -> ApiError:
    left = DAY_S - int(time.time()) % DAY_S
    return ApiError(
        429,
        "quota_exceeded",
        f"{message} It is renewed at midnight UTC.",
        {"Retry-After": str(left)},
        retryable=True,
    )

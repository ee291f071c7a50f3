"""Daily quotas of keys: questions, uploaded bytes, and money. What may be used is taken first and the rest given back.

Taken afterwards, requests at once would each see the same room and overspend it together.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import replace
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


@asynccontextmanager
async def counted_upload(service: Service, caller: Caller, request: Request) -> AsyncIterator[None]:
    """Count the bytes of an upload while it is stored; those of one that is refused are given back.

    Raises:
        ApiError: 411 when the request does not say how long it is, 429 when the day's quota has no room for it.
    """
    most, usage = caller.limits.upload_bytes_per_day, service.store.usage
    if most is None:
        yield
        return
    if "content-length" not in request.headers:
        raise ApiError(
            411, "length_required", "This key has a quota of bytes, so uploads must say their length."
        )
    size = int(request.headers["content-length"])
    if not await asyncio.to_thread(usage.take, caller.key_id, Metered.UPLOAD_BYTES, size, most):
        raise _used_up(f"The {most:,} bytes a day that this key may upload have no room for {size:,} more.")
    try:
        yield
    except BaseException:
        await asyncio.to_thread(usage.give_back, caller.key_id, Metered.UPLOAD_BYTES, size)
        raise


async def answered(service: Service, caller: Caller, question: Question) -> AsyncGenerator[Event, None]:
    """Answer inside of what the key may spend today. Close it: only then is the rest given back.

    Raises:
        ApiError: 429 when the day's money is spent.
    """
    most, usage = caller.limits.usd_per_day, service.store.usage
    generative = question.mode is Mode.GENERATIVE or (question.mode is None and service.gateway is not None)
    taken = 0
    if most is not None and generative:
        limit = question.max_cost_usd or min(_USD_PER_ANSWER, most)
        taken = round(limit * _MICRO)
        room = await asyncio.to_thread(
            usage.take, caller.key_id, Metered.MICRO_USD, taken, round(most * _MICRO)
        )
        if not room:
            raise _used_up(f"The ${most:g} a day that this key may spend have no room for ${limit:g} more.")
        question = replace(question, max_cost_usd=limit)
    # A stream that breaks off may have spent all of it.
    spent = taken
    events = service.answerer.answer(question)
    try:
        async for each in events:
            if isinstance(each, Done) and each.answer.cost_usd is not None:
                spent = min(taken, round(each.answer.cost_usd * _MICRO))
            yield each
    except _UNSPENT:
        spent = 0
        raise
    finally:
        await events.aclose()
        if taken > spent:
            await asyncio.to_thread(usage.give_back, caller.key_id, Metered.MICRO_USD, taken - spent)


def _used_up(message: str) -> ApiError:
    left = DAY_S - int(time.time()) % DAY_S
    return ApiError(
        429,
        "quota_exceeded",
        f"{message} It is renewed at midnight UTC.",
        {"Retry-After": str(left)},
        retryable=True,
    )

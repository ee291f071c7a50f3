"""Daily quotas of keys: questions, uploaded bytes, and money. What may be used is taken first and the rest given back.

Taken afterwards, requests at once would each see the same room and overspend it together.
"""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from api.cached import Look
from api.errors import ApiError
from index.spending import Amounts, Line
from index.usage import DAY_S, Metered
from rag.errors import BudgetExceeded
from rag.types import Done, Mode
from rag.wishes import wishes_in

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from fastapi import Request

    from api.access import Caller
    from api.deps import Service
    from index.keys import KeyLimits
    from index.spending import Hold
    from index.usage import Usage
    from rag.cost import Call, Purse
    from rag.types import Event, Question

_MICRO = 1_000_000
# What an answer may cost where the question sets no limit of its own: ten times what one of a small model does.
_USD_PER_ANSWER = 0.05


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


@asynccontextmanager
async def budget(
    service: Service,
    caller: Caller,
    collection: str | None,
    wanted: float | None,
    *,
    costs: bool,
    paid: Callable[[int], object] | None = None,
) -> AsyncIterator[Purse]:
    """Hold back what a request may cost of what its key and its collection may spend today; the rest is given back.

    Args:
        service: For the books.
        caller: Whose key.
        collection: Which is asked, if one is.
        wanted: US dollars that the request itself sets as its limit.
        costs: Whether it may ask the gateway at all.
        paid: Is told the most that it can have cost, in millionths of a US dollar, however it ends.

    Yields:
        What every call of the request is paid from.

    Raises:
        ApiError: 429 when the day's money of the key or of the collection is spent.
    """
    if not costs:
        yield service.answerer.purse(wanted)
        return
    books = service.store.spending
    hold, limit = await _held(service, caller, collection, wanted)
    purse = service.answerer.purse(limit)
    try:
        yield purse
    except BudgetExceeded as error:
        service.observed.metrics.budget_refusals.labels("request").inc()
        if hold is not None and wanted is None and hold.amount < _USD_PER_ANSWER * _MICRO:
            raise _used_up(
                f"What is left of the day's budget, ${hold.amount / _MICRO:g}, may not do for an answer."
            ) from error
        raise
    finally:
        # What is still being asked when the request ends counts with the most that it can cost.
        spent = math.ceil(round(purse.at_most_usd * _MICRO, 3))
        if paid is not None:
            paid(spent)
        if hold is not None or purse.calls:
            lines = lines_of(caller.key_id, collection or "", purse.calls)
            await asyncio.to_thread(books.settle, hold, caller.key_id, spent, lines)


async def _held(
    service: Service, caller: Caller, collection: str | None, wanted: float | None
) -> tuple[Hold | None, float | None]:
    """Money for a request, and the limit that it is held to.

    Raises:
        ApiError: 429 without room for it.
    """
    books, key_most = service.store.spending, caller.limits.usd_per_day
    of_collection = await asyncio.to_thread(books.limit, collection)
    mosts = [
        *([] if key_most is None else [key_most]),
        *([] if of_collection is None else [of_collection / _MICRO]),
    ]
    if not mosts:
        return None, wanted
    limit = wanted or min(_USD_PER_ANSWER, *mosts)
    # A budget of nothing has no room for anything.
    taken = max(1, math.ceil(round(limit * _MICRO, 3)))
    of_key = None if key_most is None else math.floor(round(key_most * _MICRO, 3))
    # A question without a limit of its own makes do with what is left of the day.
    hold = await asyncio.to_thread(
        partial(books.hold, caller.key_id, of_key, collection, taken, or_less=wanted is None)
    )
    if hold.refused_by:
        service.observed.metrics.budget_refusals.labels(hold.refused_by).inc()
        whose = "key" if hold.refused_by == "key" else "collection"
        room = (
            f"The ${hold.limit / _MICRO:g} a day that this {whose} may spend have no room for ${limit:g} more"
        )
        if hold.soon:
            raise _held_by_others(f"{room} while other questions hold some of it.")
        raise _used_up(f"{room}.")
    return hold, min(limit, hold.amount / _MICRO) if wanted is None else limit


def lines_of(key_id: str, collection: str, calls: Sequence[Call]) -> list[Line]:
    """Calls that were made together, for the books, by model."""
    found: dict[str, Amounts] = {}
    for call in calls:
        name, before = f"{call.endpoint}/{call.model}", found.get(f"{call.endpoint}/{call.model}", Amounts())
        usage = call.usage
        found[name] = replace(
            before,
            calls=before.calls + 1,
            prompt_tokens=before.prompt_tokens + (usage.prompt_tokens if usage else 0),
            completion_tokens=before.completion_tokens + (usage.completion_tokens if usage else 0),
            cost=before.cost + (call.cost or 0),
            at_most=before.at_most + call.counts,
        )
    return [Line(key_id, collection, name, amounts) for name, amounts in found.items()]


async def answered(
    service: Service,
    caller: Caller,
    question: Question,
    *,
    fresh: bool = False,
    own: bool = False,
    paid: Callable[[int], object] | None = None,
) -> AsyncGenerator[Event, None]:
    """Answer inside of what the key and the collection may spend today, or give an answer again that still holds.

    Close it: only then is the rest given back.

    Args:
        service: That answers.
        caller: Who asks.
        question: What.
        fresh: Whether to answer anew in any case.
        own: Whether the answer is deleted with what it is given in, such as a conversation.
        paid: As of ``budget``; not called where nothing is asked of the gateway.

    Raises:
        ApiError: 429 when the day's money is spent.
    """
    # Whichever interface it came through, how it is wanted is no part of what is searched for.
    _, question = wishes_in(question)
    mode = question.mode or (Mode.GENERATIVE if service.gateway else Mode.EXTRACTIVE)
    look = Look(service.shelf, question, mode, service.observed.metrics.cache, fresh=fresh, own=own)
    count = partial(service.store.spending.count, caller.key_id, question.collection)
    if await look.at_once():
        yield look.passages
    else:
        costs = mode is Mode.GENERATIVE
        limit = question.max_cost_usd
        async with budget(service, caller, question.collection, limit, costs=costs, paid=paid) as purse:
            asked = replace(question, max_cost_usd=purse.limit)
            events = service.observed.answering(service.answerer, asked, purse, look.after)
            async with aclosing(events):
                async for each in events:
                    if isinstance(each, Done):
                        if count(cached=False):
                            await asyncio.to_thread(service.store.spending.flush)
                        yield Done(look.to_keep(each.answer, whole=not purse.refused))
                    else:
                        yield each
    if look.kept is not None:
        if count(cached=True):
            await asyncio.to_thread(service.store.spending.flush)
        for each in look.events():
            yield each


def _held_by_others(message: str) -> ApiError:
    message = (
        f"{message} What these do not cost is there again once they are answered; ask for less, or again."
    )
    return ApiError(429, "quota_exceeded", message, {"Retry-After": "1"}, retryable=True)


def _used_up(message: str) -> ApiError:
    left = DAY_S - int(time.time()) % DAY_S
    return ApiError(
        429,
        "quota_exceeded",
        f"{message} It is renewed at midnight UTC.",
        {"Retry-After": str(left)},
        retryable=True,
    )

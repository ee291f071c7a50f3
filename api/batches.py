"""Answers questions in bulk, beside those of people who wait and within the same limits.

Each question is leased in the catalog, answered as ``/v1/ask`` answers it, and marked as done: whatever ends the
service, the next start goes on with the first question that is not done.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import OperationalError

from api.access import ADMIN, LOCAL, Identity, caller_for
from api.errors import ApiError, describe
from api.quotas import take_question
from api.routes.ask import complete
from api.rules import RULES
from index.disk import passes
from index.errors import IndexingError, NotFound
from index.sight import Sight
from index.usage import Metered
from rag.errors import RagError
from rag.types import Mode, OnUnsupported, Question

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.access import Caller
    from api.deps import Service
    from index.batches import Item
    from rag.types import Answer

log = structlog.get_logger(__name__)

_MICRO = 1_000_000
# Seconds for which a question is held without a sign of life, and between looks when nobody called.
_LEASE_S, _IDLE_S = 60.0, 5.0
# How often a question is begun whose failure may pass, with so many seconds between, doubled each time.
_ATTEMPTS, _AGAIN_S = 5, 5.0
# What is asked again after a quota is used up, at the latest.
_QUOTA_S = 3600.0
# And what is asked again once others have given back what they hold.
_HELD_S = 0.5
# What one answer of a batch with a limit may cost, where the limit does not allow less.
_USD_PER_ANSWER = 0.05
_ASK = RULES["POST /v1/ask/batch"]


class _Wait(Exception):
    """A question cannot be answered now, and can be in so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"again in {seconds:g} s")
        self.seconds = seconds


def _wait_of(error: _Wait | ApiError) -> _Wait | None:
    """For how long a question waits that was not asked because of it; None when it is over."""
    if isinstance(error, _Wait):
        return error
    if error.code != "quota_exceeded":
        return None
    return _Wait(min(_QUOTA_S, float(error.headers.get("Retry-After", _QUOTA_S))))


class BatchRunner:
    """Tasks of the event loop that answer questions in bulk.

    Args:
        service: That answers.
        workers: Questions at the same time.
    """

    def __init__(self, service: Service, workers: int) -> None:
        self._service = service
        self._workers = workers
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        # Millionths of a dollar that questions under way hold of their batch's money.
        self._holding: Counter[str] = Counter()

    def start(self) -> None:
        """Begin, or go on."""
        self._tasks = [asyncio.create_task(self._work(), name="batch") for _ in range(self._workers)]

    def notify(self) -> None:
        """Say that there are questions."""
        self._wake.set()

    async def stop(self) -> None:
        """End; what is cut off is asked again after the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def _work(self) -> None:
        while True:
            self._wake.clear()
            item = None
            try:
                item = await asyncio.to_thread(self._service.store.batches.claim, _LEASE_S)
                if item is not None:
                    await self._answer(item)
                    continue
            except Exception:
                # A full disk, for one, passes; the task must outlive it. The lease of its question runs out.
                log.exception("batch_item_lost", batch_id=item.batch_id if item else None)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _IDLE_S)

    async def _answer(self, item: Item) -> None:
        """Answer one question, and note what became of it."""
        batches = self._service.store.batches
        work = asyncio.create_task(self._asked(item))
        heart = asyncio.create_task(self._beat(item, work.cancel))
        try:
            answer = await work
        except asyncio.CancelledError:
            if heart.done():
                # It is not wanted any more.
                return
            work.cancel()
            await asyncio.wait({work})
            await asyncio.to_thread(batches.put_back, item)
            raise
        except _Wait as wait:
            await asyncio.to_thread(batches.put_back, item, wait.seconds)
            # Of a long batch the next question would only be told the same.
            await asyncio.sleep(min(wait.seconds, _HELD_S))
        except Exception as error:
            await self._failed(item, error)
        else:
            await asyncio.to_thread(batches.finish, item, answer.id)
        finally:
            heart.cancel()

    async def _beat(self, item: Item, give_up: Callable[[], object]) -> None:
        """Keep a question's lease; once it is not wanted any more, end the work on it."""
        while True:
            await asyncio.sleep(_LEASE_S / 6)
            if not await asyncio.to_thread(self._service.store.batches.renew, item, _LEASE_S):
                give_up()
                return

    async def _failed(self, item: Item, error: Exception) -> None:
        batches = self._service.store.batches
        if isinstance(error, OSError | OperationalError) and passes(error):
            raise error
        retryable = isinstance(error, ApiError | RagError | IndexingError) and error.retryable
        if retryable and item.attempts < _ATTEMPTS:
            wait_s = _AGAIN_S * 2 ** (item.attempts - 1)
            await asyncio.to_thread(batches.retry, item, max(wait_s, getattr(error, "retry_after_s", 0) or 0))
            return
        body = describe(error)[1]["error"]
        await asyncio.to_thread(batches.fail, item, body["code"], body["message"])

    async def _asked(self, item: Item) -> Answer:
        """The answer to a question, within what its batch, its key and its collection may spend.

        Raises:
            _Wait: A quota is used up for now, or others hold what is left of it.
            ApiError: The key is not good any more, or the batch's money is spent.
        """
        service, options = self._service, item.options
        caller = await asyncio.to_thread(self._caller, item)
        counted = False
        try:
            await asyncio.to_thread(take_question, service.store.usage, caller.key_id, caller.limits)
            counted = caller.limits.questions_per_day is not None
            held = await self._held(item)
            question = Question(
                text=item.question,
                collection=item.collection,
                mode=None if options["mode"] == "auto" else Mode(options["mode"]),
                model=options["model"],
                wanted=options["filter"],
                top_k=options["top_k"],
                max_cost_usd=None if held is None else held / _MICRO,
                target_error=options["target_error"],
                on_unsupported=OnUnsupported(options["on_unsupported"])
                if options["on_unsupported"]
                else None,
                sight=Sight(caller.sight.collections, item.principals),
            )
            return await self._complete(item, question, caller, held or 0)
        except (_Wait, ApiError) as error:
            wait = _wait_of(error)
            if wait is None:
                raise
            if counted:
                # It was not asked yet.
                await asyncio.to_thread(service.store.usage.give_back, caller.key_id, Metered.QUESTIONS, 1)
            raise wait from error

    async def _complete(self, item: Item, question: Question, caller: Caller, held: int) -> Answer:
        """Answer, and give back of the batch's money what it did not cost, however it ends."""
        spent = 0

        def paid(amount: int) -> None:
            nonlocal spent
            spent = amount

        try:
            return await complete(self._service, question, caller, paid=paid)
        finally:
            try:
                if spent < held:
                    await asyncio.to_thread(
                        self._service.store.batches.give_back, item.batch_id, held - spent
                    )
            finally:
                # Only now: who sees nothing held takes what is left for all there is.
                self._holding[item.batch_id] -= held

    async def _held(self, item: Item) -> int | None:
        """Millionths of a dollar taken of the batch's money for one answer; None for a batch without a limit.

        Raises:
            _Wait: Others under way hold some, and may give it back.
            ApiError: 422 when none is left.
        """
        batches = self._service.store.batches
        others = self._holding[item.batch_id] > 0
        record = await asyncio.to_thread(batches.get, item.batch_id)
        if record.limit is None or item.options["mode"] == Mode.EXTRACTIVE.value:
            return None
        # With nobody else under way, the last questions make do with what is left.
        left = record.limit - record.taken
        for amount in (min(round(_USD_PER_ANSWER * _MICRO), record.limit), left):
            if amount > 0 and await asyncio.to_thread(batches.take, item.batch_id, amount):
                self._holding[item.batch_id] += amount
                return amount
            if others or self._holding[item.batch_id] > 0:
                raise _Wait(_HELD_S)
        raise ApiError(422, "budget_exceeded", "The batch's max_cost_usd is spent.")

    def _caller(self, item: Item) -> Caller:
        """Who asks, as long as they may.

        Raises:
            ApiError: 403 when the key was revoked, has expired, or is not for that collection.
        """
        gone = ApiError(
            403, "forbidden", "The key that asked is revoked, has expired, or lacks the scope by now."
        )
        if item.key_id in (ADMIN.key_id, LOCAL.key_id):
            return caller_for(ADMIN if item.key_id == ADMIN.key_id else LOCAL, _ASK)
        try:
            record = self._service.store.keys.get(item.key_id)
        except NotFound:
            raise gone from None
        if not record.is_live(time.time()):
            raise gone
        caller = caller_for(Identity(record.id, record.grant), _ASK)
        if not caller.sight.covers(item.collection):
            raise gone
        return caller

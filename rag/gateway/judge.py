"""A chat model behind the gateway as judge of claims: bounded in time, in money and in calls at once. Fails closed."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

from rag.errors import BudgetExceeded, GatewayError, JudgeUnavailable
from rag.judge import ENDED
from rag.judging import messages_to_judge, read_judgements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from concurrent.futures import Executor

    from rag.config import JudgeConfig
    from rag.cost import Purse
    from rag.gateway.client import Gateway
    from rag.redaction import PrivateGateway
    from rag.types import Usage
    from rag.verification.judge import Judgement

_log = logging.getLogger(__name__)
_P = ParamSpec("_P")
_T = TypeVar("_T")
_Item = TypeVar("_Item")

# Seconds more than a call may take that a thread waits for it; only a loop that has stopped needs them.
_GRACE_S = 5.0
_ENDED = "The request ended before the judge had answered."


@dataclass(frozen=True, slots=True)
class GatewayJudges:
    """Makes the judge of each request.

    Attributes:
        gateway: Configured for short answers in the form of ``rag.judging.RESPONSE_FORMAT``.
        model: That it asks for.
    """

    gateway: Gateway | PrivateGateway
    model: str
    config: JudgeConfig

    def of(self, purse: Purse, deadline: float) -> GatewayJudge:
        """The judge of one request; close it at the end. Called in the event loop that the gateway is used from.

        Args:
            purse: What the request may still spend.
            deadline: On the loop's clock; nothing goes on beyond it.
        """
        return GatewayJudge(self, purse, deadline, asyncio.get_running_loop())


class GatewayJudge:
    """The judge of one request. Asked from threads, while the calls themselves run in the event loop.

    Attributes:
        threads: Where to ask it from: whoever waits in a thread of the loop's own keeps others from being served.
        failures: Why a claim could not be judged, each reason once.
    """

    def __init__(
        self, judges: GatewayJudges, purse: Purse, deadline: float, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._judges = judges
        self._purse = purse.part()
        self._deadline = deadline
        self._loop = loop
        self._known: dict[tuple[str, tuple[str, ...]], list[Judgement]] = {}
        self._waiting: set[Future[list[Judgement]]] = set()
        self._failed_in_a_row = 0
        # A call begun after the end would be left in a loop that runs no more.
        self._closing = threading.RLock()
        self._closed = False
        self.threads = ThreadPoolExecutor(judges.config.at_once, thread_name_prefix="judging")
        self.failures: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def name(self) -> str:
        """See ``Judge``."""
        return f"gateway:{self._judges.model}"

    @property
    def calls(self) -> int:
        """Sent so far."""
        return len(self._purse.calls)

    @property
    def usage(self) -> Usage:
        """Tokens of all calls that were counted."""
        return self._purse.usage

    @property
    def cost_usd(self) -> float | None:
        """Dollars of all calls; None when tokens were not counted or the price is not known."""
        return self._purse.cost_usd

    @property
    def trace(self) -> dict[str, Any]:
        """What it did, for the trace of an answer."""
        return {
            "name": self.name,
            "calls": self.calls,
            "failures": self.failures,
            "prompt_tokens": self.usage.prompt_tokens,
            "completion_tokens": self.usage.completion_tokens,
            "cost_usd": self.cost_usd,
        }

    def judge(self, claim: str, sources: Sequence[str]) -> list[Judgement]:
        """See ``Judge``. All sources go in one call, and the same question is asked once."""
        if not sources:
            return []
        with self._closing:
            if self._closed:
                raise JudgeUnavailable(_ENDED)
            asked = asyncio.run_coroutine_threadsafe(self._judged(claim, tuple(sources)), self._loop)
            self._waiting.add(asked)
        try:
            return asked.result(self._judges.config.call_s + _GRACE_S)
        except (CancelledError, TimeoutError) as error:
            asked.cancel()
            raise JudgeUnavailable(_ENDED) from error
        finally:
            with self._closing:
                self._waiting.discard(asked)

    def ahead(self, check: Callable[[_Item], _T], items: Iterable[_Item]) -> list[_T]:
        """Check several things, as many at once as may be judged at once; in their order."""
        # Each in a context of its own, so that log lines keep the id of the request.
        futures = [self.threads.submit(copy_context().run, check, item) for item in items]
        return [each.result() for each in futures]

    def close(self) -> None:
        """End what is still being asked, and ask nothing more."""
        with self._closing:
            self._closed = True
            for asked in self._waiting:
                asked.cancel()
        self.threads.shutdown(wait=False, cancel_futures=True)

    async def _judged(self, claim: str, sources: tuple[str, ...]) -> list[Judgement]:
        if (claim, sources) in self._known:
            return self._known[claim, sources]
        try:
            found = await self._ask(claim, sources)
        except JudgeUnavailable as error:
            reason = f"The judge {self.name} gave no verdict: {error}."
            if reason not in self.failures:
                self.failures.append(reason)
            raise JudgeUnavailable(reason) from error
        self._known[claim, sources] = found
        return found

    async def _ask(self, claim: str, sources: tuple[str, ...]) -> list[Judgement]:
        config = self._judges.config
        seconds = min(self._deadline - self._loop.time(), config.call_s)
        if self._failed_in_a_row >= config.most_failures:
            raise JudgeUnavailable(f"it failed {self._failed_in_a_row} times in a row before")
        if seconds < config.least_s:
            raise JudgeUnavailable("the deadline of the request is near")
        sent, keys = messages_to_judge(claim, sources)
        try:
            found = await self._call(sent, keys, seconds)
        except BudgetExceeded as error:
            raise JudgeUnavailable("max_cost_usd does not allow asking it") from error
        except JudgeUnavailable:
            self._failed_in_a_row += 1
            raise
        self._failed_in_a_row = 0
        return found

    async def _call(
        self, sent: Sequence[dict[str, str]], keys: Sequence[str], seconds: float
    ) -> list[Judgement]:
        judges = self._judges
        try:
            # One layer more than the gateway's own deadline, so that nothing outlasts the request's.
            async with asyncio.timeout(seconds):
                reply = await judges.gateway.complete(
                    sent, model=judges.model, deadline_s=seconds, purse=self._purse
                )
        except (GatewayError, TimeoutError) as error:
            code = getattr(error, "code", "gateway_timeout")
            _log.warning("the judge could not be asked: %s (%s)", code, type(error).__name__)
            raise JudgeUnavailable(code) from error
        if reply.finish_reason not in ENDED:
            raise JudgeUnavailable(f"its answer was cut off ({reply.finish_reason})")
        return read_judgements(reply.text, keys)


async def in_thread(
    threads: Executor | None, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs
) -> _T:
    """``asyncio.to_thread`` with a choice of threads; None takes the loop's own."""
    call = partial(copy_context().run, function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(threads, call)

"""A chat client for OpenAI-compatible gateways: chains of models, one deadline, one retry layer, no surprises.

Why not an SDK, and why these limits: docs/decisions/0004-gateway-client.md. Why chains are as they are:
docs/decisions/0029-chains.md.
"""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.cost import SHIPPED, Purse, contents
from rag.errors import BudgetExceeded, GatewayError, GatewayNotConfigured, IncompleteAnswer, RagError
from rag.gateway.endpoint import Endpoint
from rag.gateway.opening import Opened, first_of, open_attempt
from rag.gateway.routes import Chain, endpoints_of, resolve
from rag.gateway.standing import Standings
from rag.gateway.wire import Completion, Delta, Usage
from rag.types import Usage as Counted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    import httpx

    from rag.config import GatewayConfig
    from rag.cost import Call
    from rag.gateway.routes import Target
    from rag.gateway.wire import Message

__all__ = ["Attempt", "Completion", "Delta", "Gateway", "Usage"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One question sent once, as it is measured.

    Attributes:
        target: What was asked.
        seconds: Until it was over.
        first_byte_s: Until the answer began; None when it did not.
        outcome: ``ok``, the error's code, or ``cancelled`` when nobody waited for it any more.
        usage: Tokens, where the gateway counted them.
    """

    target: Target
    seconds: float
    first_byte_s: float | None
    outcome: str
    usage: Usage | None


class Gateway:
    """Streams answers from language models.

    One gateway is shared by all requests of a process and used from one event loop.

    Args:
        config: Addresses, keys, models, chains and every limit.
        transport: What carries the requests instead of the network, for tests.
        jitter: Draws the wait before a retry from a window in seconds, as ``random.uniform`` does.

    Raises:
        GatewayNotConfigured: An address or a key cannot be used.
    """

    def __init__(
        self,
        config: GatewayConfig,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._config = config
        self._jitter = jitter
        self._prices = config.prices or SHIPPED
        self.standings = Standings(random.uniform)
        self._endpoints = {each.name: Endpoint(each, config, transport) for each in endpoints_of(config)}

    def __repr__(self) -> str:
        bases = ", ".join(repr(each.base) for each in self._endpoints.values())
        return f"Gateway({bases}, model={self._config.model!r})"

    async def aclose(self) -> None:
        """Closes every connection."""
        for each in self._endpoints.values():
            await each.aclose()

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        model: str | None = None,
        deadline_s: float | None = None,
        purse: Purse | None = None,
    ) -> AsyncGenerator[Delta, None]:
        """Asks and yields the answer as it arrives.

        Another model or another attempt is tried only while no text has been yielded. Ends normally only after a
        finish reason was yielded. A consumer that may stop early wraps the call in
        ``contextlib.aclosing``; then, as when it is cancelled, the connection is closed at once and
        the gateway can stop generating.

        Args:
            messages: Mappings with ``role`` and ``content``.
            model: A chain or a model instead of the configured one: see ``rag.gateway.routes.resolve``.
            deadline_s: Seconds for everything, the consumer's own time included, instead of the
                configured ones.
            purse: What each attempt is paid from before it is sent; None to count nothing.

        Raises:
            BudgetExceeded: The purse allows no attempt, and none was made.
            IncompleteAnswer: The answer broke off; the text so far and the cause are in it.
            GatewayError: Any of its other children, before any text was yielded.
        """
        asking = _Asking(
            resolve(self._config, model),
            messages,
            self._deadline(deadline_s),
            purse or Purse(None, self._prices),
        )
        arrived: list[str] = []
        finished = False
        opened = await self._opened(asking)
        try:
            async with aclosing(opened.deltas()) as deltas:
                async for delta in deltas:
                    if delta.text:
                        arrived.append(delta.text)
                    finished = finished or delta.finish_reason is not None
                    yield delta
        except GatewayError as error:
            if finished:
                # The answer is complete. All that can be missing is the count of its tokens.
                _log.warning("The gateway failed after a finished answer: %s", error.code)
                return
            raise _broken_off("".join(arrived), error) from error

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        model: str | None = None,
        deadline_s: float | None = None,
        purse: Purse | None = None,
    ) -> Completion:
        """Asks and returns the whole answer.

        Args:
            messages: Mappings with ``role`` and ``content``.
            model: As for ``stream``.
            deadline_s: Seconds for everything instead of the configured ones.
            purse: As for ``stream``.

        Raises:
            BudgetExceeded, GatewayError: As ``stream`` does.
        """
        parts: list[str] = []
        finish_reason, usage, answered_by = "", None, None
        async with aclosing(self.stream(messages, model=model, deadline_s=deadline_s, purse=purse)) as deltas:
            async for delta in deltas:
                parts.append(delta.text)
                finish_reason = finish_reason or delta.finish_reason or ""
                usage = delta.usage or usage
                answered_by = answered_by or delta.model
        return Completion("".join(parts), finish_reason, usage, answered_by)

    async def models(self, *, deadline_s: float | None = None) -> tuple[str, ...]:
        """Lists the names of the models that the endpoints offer; with several, behind the endpoint's name.

        Args:
            deadline_s: Seconds for everything instead of the configured ones.

        Raises:
            GatewayError: Any of its children but IncompleteAnswer.
        """
        deadline = self._deadline(deadline_s)
        found: list[str] = []
        for name, endpoint in self._endpoints.items():
            prefix = f"{name}/" if self._config.endpoints else ""
            found += [prefix + each for each in await self._names(endpoint, deadline)]
        return tuple(found)

    def attempted(self, attempt: Attempt) -> None:
        """Called after each attempt; whoever measures overrides it."""

    async def _names(self, endpoint: Endpoint, deadline: float) -> tuple[str, ...]:
        attempt = 1
        while True:
            try:
                return await endpoint.model_names(deadline)
            except GatewayError as error:
                wait_s = self._wait_s(error, attempt, deadline)
            await asyncio.sleep(wait_s)
            attempt += 1

    async def _opened(self, asking: _Asking) -> Opened:
        """Tries the targets of the chain, in rounds, until one has begun to answer."""
        attempt = 1
        hopeless: set[Target] = set()
        while True:
            now = asyncio.get_running_loop().time()
            order = self.standings.order(asking.chain, self._prices, now)
            left = [each for each in order if each not in hopeless]
            asking.begin_round(left)
            opened = await first_of(
                (target for target in left if self._may_ask(asking, target)),
                lambda target: self._attempt(asking, target),
                asking.chain.hedge_s,
            )
            if isinstance(opened, Opened):
                return opened
            hopeless |= {target for target, error in asking.failures.items() if not _is_hopeful(error)}
            error = asking.worst()
            if not isinstance(error, GatewayError):
                raise error
            wait_s = self._wait_s(error, attempt, asking.deadline)
            await asyncio.sleep(wait_s)
            attempt += 1

    def _may_ask(self, asking: _Asking, target: Target) -> bool:
        """Whether a target may be asked now; if not, why not is among the failures."""
        error: RagError | None = None
        loop_time = asyncio.get_running_loop().time()
        if asking.images and not self._endpoints[target.endpoint].takes_images:
            error = GatewayNotConfigured(
                f"The endpoint {target.endpoint!r} is not to be sent images. Set images = true for it in the file that "
                "FOOTNOTE_GATEWAY_FILE names, if it may."
            )
        elif loop_time >= asking.deadline:
            return False
        else:
            error = self.standings.held(target, loop_time)
        if error is not None:
            asking.failures[target] = error
        return error is None

    async def _attempt(self, asking: _Asking, target: Target) -> Opened | None:
        """Asks one target: its answer once that has begun, or None, with the failure noted."""
        try:
            call = asking.purse.reserve(
                target.model, asking.messages, self._config.max_output_tokens, target.endpoint
            )
        except BudgetExceeded as error:
            asking.failures[target] = error
            return None
        first_byte_s = asking.chain.first_byte_s or self._config.first_byte_s
        deltas = self._watched(target, asking, call, first_byte_s)
        try:
            return await open_attempt(deltas)
        except GatewayError as error:
            asking.failures[target] = error
            return None

    async def _watched(
        self, target: Target, asking: _Asking, call: Call, first_byte_s: float
    ) -> AsyncGenerator[Delta, None]:
        """One attempt, paid for and measured, however it ends."""
        loop = asyncio.get_running_loop()
        standing = self.standings.of(target)
        started = loop.time()
        began: float | None = None
        usage: Usage | None = None
        outcome, unbilled = "cancelled", False
        standing.in_flight += 1
        endpoint = self._endpoints[target.endpoint]
        attempt = endpoint.attempt(target.model, asking.messages, asking.deadline, first_byte_s)
        try:
            async with aclosing(attempt) as deltas:
                async for delta in deltas:
                    if began is None and delta.text:
                        began = loop.time() - started
                        standing.began(began)
                    usage = delta.usage or usage
                    if delta.finish_reason and began is not None:
                        # Whoever has the finish reason needs no more.
                        outcome = "ok"
                    yield delta
            outcome = "ok"
        except GatewayError as error:
            if outcome != "ok":
                outcome, unbilled = error.code, error.unbilled
                standing.failed(error, loop.time())
            raise
        finally:
            standing.in_flight -= 1
            if unbilled:
                asking.purse.release(call, outcome)
            else:
                counted = None
                if usage is not None:
                    counted = Counted(usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens)
                asking.purse.settle(call, counted, outcome)
            self.attempted(Attempt(target, loop.time() - started, began, outcome, usage))

    def _wait_s(self, error: GatewayError, attempt: int, deadline: float) -> float:
        """Decides how long to wait before the next attempt, in seconds.

        Exponential windows with full jitter:
        https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/

        Raises:
            GatewayError: The error itself, when there is to be no other attempt: it would not help,
                there have been enough, or the wait would pass the deadline.
        """
        config = self._config
        if not error.retryable or attempt >= config.max_attempts:
            raise error
        window_s = min(config.backoff_max_s, config.backoff_min_s * 2 ** (attempt - 1))
        wait_s = max(self._jitter(0.0, window_s), error.retry_after_s or 0.0)
        if asyncio.get_running_loop().time() + wait_s >= deadline:
            raise error
        _log.warning(
            "Attempt %d of %d failed, next in %.2f s: %s", attempt, config.max_attempts, wait_s, error.code
        )
        return wait_s

    def _deadline(self, deadline_s: float | None) -> float:
        seconds = self._config.deadline_s if deadline_s is None else deadline_s
        return asyncio.get_running_loop().time() + seconds


class _Asking:
    """One question on its way through a chain, with what has failed in this round."""

    def __init__(self, chain: Chain, messages: Sequence[Message], deadline: float, purse: Purse) -> None:
        self.chain = chain
        self.messages = messages
        self.deadline = deadline
        self.purse = purse
        self.images = contents(messages)[1] > 0
        # The last of each target.
        self.failures: dict[Target, RagError] = {}

    def begin_round(self, targets: Sequence[Target]) -> None:
        """Forget how these failed before: they are asked once more."""
        for target in targets:
            self.failures.pop(target, None)

    def worst(self) -> RagError:
        """What to tell of a round in which nothing answered: what gives most hope, with what else failed."""
        if not self.failures:
            return GatewayError("The time for this answer was over before a gateway could be asked.")
        errors = list(self.failures.values())
        asked = [error for error in errors if isinstance(error, GatewayError)]
        if not asked:
            return errors[0]
        hopeful = [error for error in asked if error.retryable]
        found = min(hopeful or asked, key=lambda error: error.retry_after_s or 0.0)
        if len(errors) > 1:
            tried = ", ".join(f"{target.name} ({error.code})" for target, error in self.failures.items())
            found.args = (f"{found} None of the chain {self.chain.name!r} answered: {tried}.",)
        return found


def _is_hopeful(error: RagError) -> bool:
    """Whether asking the same target again could help."""
    return isinstance(error, GatewayError) and error.retryable


def _broken_off(text: str, error: GatewayError) -> IncompleteAnswer:
    cause = None if isinstance(error, IncompleteAnswer) else error
    return IncompleteAnswer(
        f"The answer broke off after {len(text)} characters. {error}", text=text, cause=cause
    )

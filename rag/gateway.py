"""A chat client for any OpenAI-compatible gateway: one deadline, one retry layer, no surprises.

Why not an SDK, and why these limits: docs/decisions/0004-gateway-client.md.
"""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import aclosing
from typing import TYPE_CHECKING

import httpx

from rag import gateway_faults as faults
from rag import gateway_wire as wire
from rag.errors import GatewayError, IncompleteAnswer
from rag.gateway_exchange import Bounds, Exchange
from rag.gateway_wire import Completion, Delta, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from rag.config import GatewayConfig
    from rag.gateway_wire import Message

__all__ = ["Completion", "Delta", "Gateway", "Usage"]

_log = logging.getLogger(__name__)

_OK = 200
# A model refuses a parameter with one of these.
_REFUSALS = frozenset({400, 422})
# Seconds to wait, once the answer is complete, for the count of its tokens.
_TAIL_S = 2.0
# Models whose refused parameters are remembered; callers choose model names, so there must be an end.
_REMEMBERED_MODELS = 64


class Gateway:
    """Streams answers from a language model's gateway.

    One gateway is shared by all requests of a process and used from one event loop.

    Args:
        config: The address, the key, the model and every limit.
        transport: What carries the requests instead of the network, for tests.
        jitter: Draws the wait before a retry from a window in seconds, as ``random.uniform`` does.

    Raises:
        GatewayNotConfigured: The address or the key cannot be used.
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
        self._base = wire.base_url(config.url)
        self._key = wire.bearer_key(config.key)
        self._refused: dict[str, frozenset[str]] = {}
        headers = {"Accept-Encoding": "identity", "User-Agent": "footnote"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        self._client = httpx.AsyncClient(
            transport=transport,
            # Proxies and passwords come from the settings alone: with trust_env, HTTP_PROXY would send
            # questions, sources and the key to a host nobody named here, and ~/.netrc would replace the
            # key. Which authorities to trust may still come from SSL_CERT_FILE.
            trust_env=False,
            proxy=config.proxy if transport is None else None,
            verify=httpx.create_ssl_context(),
            # A redirect would carry the question to another host.
            follow_redirects=False,
            # Reading and writing are bounded by the deadline of each exchange.
            timeout=httpx.Timeout(None, connect=config.connect_s),
            headers=headers,
        )

    def __repr__(self) -> str:
        return f"Gateway({self._base!r}, model={self._config.model!r})"

    async def aclose(self) -> None:
        """Closes every connection."""
        await self._client.aclose()

    async def stream(
        self, messages: Sequence[Message], *, model: str | None = None, deadline_s: float | None = None
    ) -> AsyncGenerator[Delta, None]:
        """Asks the model and yields its answer as it arrives.

        A failure is tried again only while no text has been yielded. Ends normally only after a
        finish reason was yielded. A consumer that may stop early wraps the call in
        ``contextlib.aclosing``; then, as when it is cancelled, the connection is closed at once and
        the gateway can stop generating.

        Args:
            messages: Mappings with ``role`` and ``content``.
            model: The model's name at the gateway instead of the configured one.
            deadline_s: Seconds for everything, the consumer's own time included, instead of the
                configured ones.

        Raises:
            IncompleteAnswer: The answer broke off; the text so far and the cause are in it.
            GatewayError: Any of its other children, before any text was yielded.
        """
        deadline = self._deadline(deadline_s)
        arrived: list[str] = []
        finished = False
        attempt = 1
        while True:
            try:
                async with aclosing(self._attempt(model or self._config.model, messages, deadline)) as deltas:
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
                if arrived:
                    raise _broken_off("".join(arrived), error) from error
                wait_s = self._wait_s(error, attempt, deadline)
            else:
                return
            await asyncio.sleep(wait_s)
            attempt += 1

    async def complete(
        self, messages: Sequence[Message], *, model: str | None = None, deadline_s: float | None = None
    ) -> Completion:
        """Asks the model and returns its whole answer.

        Args:
            messages: Mappings with ``role`` and ``content``.
            model: The model's name at the gateway instead of the configured one.
            deadline_s: Seconds for everything instead of the configured ones.

        Raises:
            GatewayError: As ``stream`` does.
        """
        parts: list[str] = []
        finish_reason, usage, answered_by = "", None, None
        async with aclosing(self.stream(messages, model=model, deadline_s=deadline_s)) as deltas:
            async for delta in deltas:
                parts.append(delta.text)
                finish_reason = finish_reason or delta.finish_reason or ""
                usage = delta.usage or usage
                answered_by = answered_by or delta.model
        return Completion("".join(parts), finish_reason, usage, answered_by)

    async def models(self, *, deadline_s: float | None = None) -> tuple[str, ...]:
        """Lists the names of the models that the gateway offers.

        Args:
            deadline_s: Seconds for everything instead of the configured ones.

        Raises:
            GatewayError: Any of its children but IncompleteAnswer.
        """
        deadline = self._deadline(deadline_s)
        attempt = 1
        while True:
            try:
                return await self._model_names(deadline)
            except GatewayError as error:
                wait_s = self._wait_s(error, attempt, deadline)
            await asyncio.sleep(wait_s)
            attempt += 1

    async def _model_names(self, deadline: float) -> tuple[str, ...]:
        request = self._client.build_request("GET", f"{self._base}/models")
        async with aclosing(await Exchange.open(self._client, request, self._bounds(deadline))) as exchange:
            if exchange.status != _OK:
                raise (await exchange.refusal())[0]
            names = wire.read_model_names(await exchange.json())
        if names is None:
            raise faults.unusable("answered /models with something that is not a list of models", self._base)
        return names

    async def _attempt(
        self, model: str, messages: Sequence[Message], deadline: float
    ) -> AsyncGenerator[Delta, None]:
        """Sends the request once and yields what comes, up to and including the finish reason and usage."""
        async with aclosing(await self._ask(model, messages, deadline)) as exchange:
            finished = False
            size = 0
            async with aclosing(exchange.payloads()) as payloads:
                async for payload in payloads:
                    delta = wire.read_delta(payload)
                    size += len(delta.text.encode())
                    if size > self._config.max_answer_bytes:
                        limit = self._config.max_answer_bytes
                        raise faults.unusable(f"sent an answer of more than {limit} bytes", self._base)
                    if delta.finish_reason:
                        finished = True
                        exchange.shorten(_TAIL_S)
                    if delta.text or delta.finish_reason or delta.usage:
                        yield delta
            if not finished:
                raise IncompleteAnswer(
                    f"The gateway at {self._base} ended its answer without a finish reason: part is missing. "
                    "Try again; if it recurs, see the gateway's own log or change FOOTNOTE_MODEL."
                )

    async def _ask(self, model: str, messages: Sequence[Message], deadline: float) -> Exchange:
        """Opens the exchange, leaving out parameters that the model turns out not to know."""
        refused = self._refused.get(model, frozenset())
        while True:
            body = wire.request_body(model, messages, self._config, refused)
            request = self._client.build_request("POST", f"{self._base}/chat/completions", json=body)
            exchange = await Exchange.open(self._client, request, self._bounds(deadline))
            if exchange.status == _OK:
                self._remember(model, refused)
                return exchange
            async with aclosing(exchange):
                error, said = await exchange.refusal()
            parameter = wire.refused_parameter(said, refused) if exchange.status in _REFUSALS else None
            if parameter is None:
                raise error
            refused |= {parameter}

    def _remember(self, model: str, refused: frozenset[str]) -> None:
        if refused:
            if len(self._refused) >= _REMEMBERED_MODELS:
                self._refused.clear()
            self._refused[model] = refused

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

    def _bounds(self, deadline: float) -> Bounds:
        first_byte = min(deadline, asyncio.get_running_loop().time() + self._config.first_byte_s)
        return Bounds(deadline, first_byte, self._config.max_wire_bytes, self._base, self._key)


def _broken_off(text: str, error: GatewayError) -> IncompleteAnswer:
    cause = None if isinstance(error, IncompleteAnswer) else error
    return IncompleteAnswer(
        f"The answer broke off after {len(text)} characters. {error}", text=text, cause=cause
    )

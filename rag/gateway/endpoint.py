"""One OpenAI-compatible gateway: a question sent once, and what comes back of it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import httpx

from rag.errors import IncompleteAnswer
from rag.gateway import faults, wire
from rag.gateway.exchange import Bounds, Exchange

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from rag.config import GatewayConfig
    from rag.gateway.routes import EndpointConfig
    from rag.gateway.wire import Delta, Message

_OK = 200
# A model refuses a parameter with one of these.
_REFUSALS = frozenset({400, 422})
# Seconds to wait, once the answer is complete, for the count of its tokens.
_TAIL_S = 2.0
# Models whose refused parameters are remembered; callers choose model names, so there must be an end.
_REMEMBERED_MODELS = 64


class Endpoint:
    """A gateway with its connections. It tries nothing twice: that is the chain's to decide.

    Args:
        own: Its address and key.
        config: Limits of time and size, and what answers are asked for.
        transport: What carries the requests instead of the network, for tests.

    Raises:
        GatewayNotConfigured: The address or the key cannot be used.
    """

    def __init__(
        self, own: EndpointConfig, config: GatewayConfig, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.name = own.name
        self.takes_images = own.images
        self.base = wire.base_url(own.url)
        self._config = config
        self._key = wire.bearer_key(own.key)
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
            proxy=own.proxy if transport is None else None,
            verify=httpx.create_ssl_context(),
            # A redirect would carry the question to another host.
            follow_redirects=False,
            # Reading and writing are bounded by the deadline of each exchange.
            timeout=httpx.Timeout(None, connect=config.connect_s),
            headers=headers,
        )

    async def aclose(self) -> None:
        """Closes every connection."""
        await self._client.aclose()

    async def model_names(self, deadline: float) -> tuple[str, ...]:
        """Lists the models that it offers.

        Raises:
            GatewayError: It did not.
        """
        request = self._client.build_request("GET", f"{self.base}/models")
        bounds = self._bounds(deadline, self._config.first_byte_s)
        async with aclosing(await Exchange.open(self._client, request, bounds)) as exchange:
            if exchange.status != _OK:
                raise (await exchange.refusal())[0]
            names = wire.read_model_names(await exchange.json())
        if names is None:
            raise faults.unusable("answered /models with something that is not a list of models", self.base)
        return names

    async def attempt(
        self, model: str, messages: Sequence[Message], deadline: float, first_byte_s: float
    ) -> AsyncGenerator[Delta, None]:
        """Sends the question once and yields what comes, up to and including the finish reason and usage.

        Args:
            model: Its name here.
            messages: Mappings with ``role`` and ``content``.
            deadline: On the event loop's clock.
            first_byte_s: Seconds until the first byte must have come.

        Raises:
            GatewayError: It gave no answer, or broke off.
        """
        async with aclosing(await self._ask(model, messages, deadline, first_byte_s)) as exchange:
            finished = False
            size = 0
            async with aclosing(exchange.payloads()) as payloads:
                async for payload in payloads:
                    delta = wire.read_delta(payload)
                    size += len(delta.text.encode())
                    if size > self._config.max_answer_bytes:
                        limit = self._config.max_answer_bytes
                        raise faults.unusable(f"sent an answer of more than {limit} bytes", self.base)
                    exchange.has_begun = size > 0
                    if delta.finish_reason:
                        finished = True
                        exchange.shorten(_TAIL_S)
                    if delta.text or delta.finish_reason or delta.usage:
                        yield delta
            if finished and not size:
                raise IncompleteAnswer(
                    f"The gateway at {self.base} ended its answer without a word. Try again; if it recurs, the model "
                    "may spend all that it may write on reasoning: change FOOTNOTE_MODEL."
                )
            if not finished:
                raise IncompleteAnswer(
                    f"The gateway at {self.base} ended its answer without a finish reason: part is missing. "
                    "Try again; if it recurs, see the gateway's own log or change FOOTNOTE_MODEL."
                )

    async def _ask(
        self, model: str, messages: Sequence[Message], deadline: float, first_byte_s: float
    ) -> Exchange:
        """Opens the exchange, leaving out parameters that the model turns out not to know."""
        refused = self._refused.get(model, frozenset())
        while True:
            body = wire.request_body(model, messages, self._config, refused)
            request = self._client.build_request("POST", f"{self.base}/chat/completions", json=body)
            exchange = await Exchange.open(self._client, request, self._bounds(deadline, first_byte_s))
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

    def _bounds(self, deadline: float, first_byte_s: float) -> Bounds:
        first_byte = min(deadline, asyncio.get_running_loop().time() + first_byte_s)
        return Bounds(deadline, first_byte, first_byte_s, self._config.max_wire_bytes, self.base, self._key)

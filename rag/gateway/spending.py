"""A gateway that pays for what one request asks it, so that who asks need not know of money."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from rag.cost import Purse
    from rag.gateway.client import Gateway
    from rag.gateway.wire import Completion, Delta, Message


class SpendingGateway:
    """Every attempt is paid for from one purse before it is sent.

    Args:
        gateway: The one that is asked.
        purse: The request's.
        model: A chain or model in the place of the configured one, for questions that name none.
    """

    def __init__(self, gateway: Gateway, purse: Purse, model: str | None = None) -> None:
        self._gateway = gateway
        self._purse = purse
        self._model = model

    async def stream(
        self, messages: Sequence[Message], *, model: str | None = None, deadline_s: float | None = None
    ) -> AsyncGenerator[Delta, None]:
        """See ``Gateway.stream``."""
        stream = self._gateway.stream(
            messages, model=model or self._model, deadline_s=deadline_s, purse=self._purse
        )
        async with aclosing(stream) as deltas:
            async for delta in deltas:
                yield delta

    async def complete(
        self, messages: Sequence[Message], *, model: str | None = None, deadline_s: float | None = None
    ) -> Completion:
        """See ``Gateway.complete``."""
        return await self._gateway.complete(
            messages, model=model or self._model, deadline_s=deadline_s, purse=self._purse
        )

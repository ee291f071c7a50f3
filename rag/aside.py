"""Small calls of a language model beside the answer's own: never in its way, and never beyond its budget."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from rag.cost import NANO
from rag.errors import BudgetExceeded, GatewayError, InvalidRecogniser
from rag.gateway.routes import resolve
from rag.redaction import PrivateGateway
from rag.types import Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.cost import Purse
    from rag.gateway import Completion
    from rag.gateway.wire import Message
    from rag.run import Parts

_log = logging.getLogger(__name__)
# Seconds of such a call, and those that must be left for one to be begun.
_CALL_S, _LEAST_S = 10.0, 1.0
# Of what a request may cost, the share that such a call may take at most.
_SHARE = 0.25


async def aside(
    parts: Parts,
    purse: Purse,
    messages: Sequence[Message],
    *,
    model: str | None,
    until: float | None = None,
) -> Completion | None:
    """Ask, or say that it cannot be asked: it costs too much of the request's money or time, or the gateway fails.

    Args:
        parts: With a gateway.
        purse: The request's, from which the call is paid for.
        messages: What to send; personal data is taken out where it is to be.
        model: Instead of the configured one.
        until: When the request is to be over, on the event loop's clock.
    """
    if parts.gateway is None:
        return None
    wait_s = min(_CALL_S, parts.gateway_config.deadline_s / 2)
    if until is not None:
        wait_s = min(wait_s, until - asyncio.get_running_loop().time())
    if wait_s < min(_LEAST_S, parts.gateway_config.deadline_s / 2):
        return None
    recognisers = parts.config.recognisers
    gateway = PrivateGateway(parts.gateway, recognisers) if recognisers else parts.gateway
    try:
        if not _is_small(parts, purse, messages, model):
            purse.refuse()
            return None
        return await gateway.complete(messages, model=model, deadline_s=wait_s, purse=purse)
    except (BudgetExceeded, GatewayError, InvalidRecogniser) as error:
        # The answer does without it: it can say so itself if the gateway stays like this.
        _log.warning("A call beside the answer failed: %s", error.code)
        return None


def _is_small(parts: Parts, purse: Purse, messages: Sequence[Message], model: str | None) -> bool:
    """Whether a call takes no more than its share of what the request may cost; without a known price none does."""
    if purse.limit is None:
        return True
    config = parts.gateway_config
    prices = [purse.price(each.model, each.endpoint) for each in resolve(config, model).targets]
    usage = Usage(sum(parts.tokens.count(each["content"]) for each in messages), config.max_output_tokens)
    most = [each.nano(usage) for each in prices if each is not None]
    return bool(most) and max(most) <= _SHARE * purse.limit * NANO

"""Small calls of a language model beside the answer's own: never in its way, and never beyond its budget."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from rag.cost import cost_usd
from rag.errors import GatewayError, InvalidRecogniser
from rag.redaction import PrivateGateway
from rag.types import Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.gateway_wire import Completion, Message
    from rag.run import Parts

_log = logging.getLogger(__name__)
# Seconds of such a call.
_CALL_S = 10.0
# Of what an answer may cost, the share that such a call may take at most.
_SHARE = 0.25


def most_usd(parts: Parts, model: str, messages: Sequence[Message]) -> float | None:
    """What a call could cost at most, in US dollars; None where the price is not known."""
    prompt = sum(parts.tokens.count(each["content"]) for each in messages)
    return cost_usd(model, Usage(prompt, parts.gateway_config.max_output_tokens))


async def aside(
    parts: Parts, messages: Sequence[Message], *, model: str | None, limit: float | None
) -> Completion | None:
    """Ask, or say that it cannot be asked: it costs too much of the answer's budget, or the gateway fails.

    Args:
        parts: With a gateway.
        messages: What to send; personal data is taken out where it is to be.
        model: Instead of the configured one.
        limit: What is left of the answer's budget, in US dollars.
    """
    if parts.gateway is None:
        return None
    most = most_usd(parts, model or parts.gateway_config.model, messages)
    if limit is not None and (most is None or most > _SHARE * limit):
        return None
    recognisers = parts.config.recognisers
    gateway = PrivateGateway(parts.gateway, recognisers) if recognisers else parts.gateway
    deadline = min(_CALL_S, parts.gateway_config.deadline_s / 2)
    try:
        return await gateway.complete(messages, model=model, deadline_s=deadline)
    except (GatewayError, InvalidRecogniser) as error:
        # The answer does without it: it can say so itself if the gateway stays like this.
        _log.warning("A call beside the answer failed: %s", error.code)
        return None

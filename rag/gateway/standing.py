"""How each model at each endpoint has done of late: which one rests, and which one is asked first.

Two kinds of rest. Where a gateway says how long to wait (``Retry-After``), it is not asked before. After any other
failure it cools down, longer each time in a row, and is asked only when all others have failed or rest too: with one
model alone, cooling down changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.errors import GatewayAuthError, GatewayBadRequest, GatewayError, GatewayRateLimited
from rag.gateway.routes import Balance

if TYPE_CHECKING:
    from collections.abc import Callable

    from rag.cost import Prices
    from rag.gateway.routes import Chain, Target

# Seconds of the first cool-down and of the longest; doubled with each failure in a row.
_COOL_FIRST_S, _COOL_MOST_S = 2.0, 60.0
# A key that is refused will be refused for a while.
_COOL_REFUSED_S = 60.0
# Longer than that no gateway's word keeps it from being tried again.
_HELD_MOST_S = 3600.0
# How much the newest first byte counts in the average.
_NEWEST = 0.3
# Models at endpoints that are remembered; callers choose model names, so there must be an end.
_REMEMBERED = 256
# How often the price of a word written counts beside one read: answers read about ten times what they write, and
# writing is about four times as dear.
_READ_SHARE = 10.0


@dataclass(slots=True)
class Standing:
    """How one target has done.

    Attributes:
        in_flight: Questions under way.
        failures: In a row.
        cool_until: Until when others go before it, on the event loop's clock.
        held_until: Until when it is not asked at all.
        first_byte_s: Running average; None before the first answer.
        held_by: What it said when it asked for that.
    """

    in_flight: int = 0
    failures: int = 0
    cool_until: float = 0.0
    held_until: float = 0.0
    first_byte_s: float | None = None
    held_by: type[GatewayError] = GatewayRateLimited

    def failed(self, error: GatewayError, now: float) -> None:
        """Note a failure that says something about the target, and not about the question."""
        if error.retry_after_s is not None:
            self.held_until = max(self.held_until, now + min(error.retry_after_s, _HELD_MOST_S))
            self.held_by = type(error)
        if type(error) is GatewayBadRequest:
            return
        self.failures += 1
        seconds = min(_COOL_MOST_S, _COOL_FIRST_S * 2.0 ** min(self.failures - 1, 10))
        if error.retry_after_s is not None:
            # The gateway knows better.
            seconds = 0.0
        if isinstance(error, GatewayAuthError):
            seconds = _COOL_REFUSED_S
        self.cool_until = now + seconds

    def began(self, seconds: float) -> None:
        """Note that its answer has begun, so many seconds after it was asked."""
        self.failures, self.cool_until, self.held_until = 0, 0.0, 0.0
        before = self.first_byte_s
        self.first_byte_s = seconds if before is None else before + _NEWEST * (seconds - before)


class Standings:
    """The standing of every target of a gateway.

    Args:
        draw: Draws between two numbers, as ``random.uniform`` does.
    """

    def __init__(self, draw: Callable[[float, float], float]) -> None:
        self._draw = draw
        self._of: dict[tuple[str, str], Standing] = {}

    def of(self, target: Target) -> Standing:
        """How one has done."""
        key = target.endpoint, target.model
        if key not in self._of:
            if len(self._of) >= _REMEMBERED:
                self._of = {name: each for name, each in self._of.items() if each.in_flight}
            self._of[key] = Standing()
        return self._of[key]

    def all(self) -> dict[tuple[str, str], Standing]:
        """By endpoint and model, those that were asked."""
        return dict(self._of)

    def clear(self) -> None:
        """Forget how all of them did."""
        self._of = {}

    def order(self, chain: Chain, prices: Prices, now: float) -> list[Target]:
        """The targets of a chain, the one to ask first first. Those that rest come last, soonest back first."""
        ordered = sorted(chain.targets, key=lambda each: self._rank(each, chain.balance, prices))
        return sorted(ordered, key=lambda each: self._rest_s(each, now))

    def held(self, target: Target, now: float) -> GatewayError | None:
        """Why a target may not be asked yet, if it may not."""
        standing = self.of(target)
        left = standing.held_until - now
        if left <= 0:
            return None
        return standing.held_by(
            f"The gateway {target.endpoint!r} asked not to be asked for {target.model!r} for {left:.1f} s more. Ask "
            "later, or add another endpoint to the chain.",
            retry_after_s=left,
        )

    def _rest_s(self, target: Target, now: float) -> float:
        standing = self.of(target)
        return max(0.0, standing.held_until - now, standing.cool_until - now)

    def _rank(self, target: Target, balance: Balance, prices: Prices) -> float:
        standing = self.of(target)
        if balance is Balance.SPREAD:
            # Weighted sampling without replacement (Efraimidis and Spirakis, 2006): the key is u ** (1 / weight).
            drawn: float = self._draw(0.0, 1.0) ** (1.0 / target.weight)
            return standing.in_flight / target.weight + 1.0 - drawn
        if balance is Balance.FASTEST:
            # What was never asked goes first, once.
            return standing.first_byte_s or 0.0
        if balance is Balance.CHEAPEST:
            price = prices.of(target.model, target.endpoint)
            return float("inf") if price is None else _READ_SHARE * price.input + price.output
        return 0.0

"""What calls to a language model cost, and the purse of one request, from which each is paid for before it is sent.

A call is reserved with the most that it could cost. Once its tokens were counted, what it did not cost is given back; a
call of which nobody knows what it cost, because it broke off or another one was quicker, counts in full for ever. So
the limit holds whatever the gateway does, as long as its prices are those of the file.

Amounts are whole billionths of a dollar: a price of $0.40 for a million tokens is 400 of them for one.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rag.errors import BudgetExceeded
from rag.types import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

NANO = 1_000_000_000
# Tokens of a message beside its text, and of a conversation beside its messages, with room to spare:
# https://github.com/openai/openai-cookbook, "How to count tokens with tiktoken".
_PER_MESSAGE, _PER_CALL = 8, 16
# By how much a vocabulary that is not the counted one may take more tokens for the same text.
_FOREIGN = 1.3
# Tokens of an image at most, for models of which nothing else is known: what Qwen2-VL takes unless told otherwise
# (https://huggingface.co/Qwen/Qwen2-VL-7B-Instruct), and more than those of Anthropic, Google and most others.
IMAGE_TOKENS = 16_384


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs.

    Attributes:
        input: US dollars for a million tokens read.
        output: The same for tokens written.
        cached: The same for tokens read that the gateway remembered; None as ``input``.
        image: US dollars for one image, where images are billed beside the tokens.
        image_tokens: Tokens that one image takes at most.
        margin: By how much the counted tokens may be too few for this model's own vocabulary, as a factor.
    """

    input: float
    output: float
    cached: float | None = None
    image: float = 0.0
    margin: float = 1.0
    image_tokens: int = IMAGE_TOKENS

    def nano(self, usage: Usage, images: int = 0) -> int:
        """Billionths of a dollar, rounded up."""
        cached = min(usage.cached_tokens, usage.prompt_tokens) if self.cached is not None else 0
        read = (usage.prompt_tokens - cached) * self.input + cached * (self.cached or 0.0)
        micro = read + usage.completion_tokens * self.output + images * self.image * 1_000_000
        # A product such as 0.1 * 30 is off by less than a billionth of itself, and is no reason to round up.
        return math.ceil(round(micro * 1000, 3))


# From https://openai.com/api/pricing (2025-04); tokens of an image of any size from
# https://platform.openai.com/docs/guides/images-vision: 1,536 patches times the model's factor, or eight tiles.
PRICES = {
    "gpt-4.1": Price(2.00, 8.00, 0.50, image_tokens=1_445),
    "gpt-4.1-mini": Price(0.40, 1.60, 0.10, image_tokens=2_489),
    "gpt-4.1-nano": Price(0.10, 0.40, 0.025, image_tokens=3_779),
    "gpt-4o": Price(2.50, 10.00, 1.25, image_tokens=1_445),
    "gpt-4o-mini": Price(0.15, 0.60, 0.075, image_tokens=48_169),
}


class Prices:
    """Prices by what they are for: ``endpoint/model``, ``endpoint/*`` or a model at any endpoint.

    Args:
        given: Those of a file, which go before the shipped ones.
    """

    def __init__(self, given: Mapping[str, Price] | None = None) -> None:
        self._given = dict(given or {})

    def of(self, model: str, endpoint: str = "") -> Price | None:
        """The price of a model at an endpoint, or None when it is not known."""
        for table in (self._given, PRICES):
            for name in (f"{endpoint}/{model}", f"{endpoint}/*", model):
                if name in table:
                    return table[name]
        return None


SHIPPED = Prices()


def cost_usd(model: str, usage: Usage, prices: Prices = SHIPPED) -> float | None:
    """Price of a call in US dollars, or None when the model's price is not known."""
    price = prices.of(model)
    return None if price is None else price.nano(usage) / NANO


@dataclass(slots=True)
class Call:
    """One call to a model, as it is paid for.

    Attributes:
        endpoint: Where it went.
        model: What was asked for.
        most: Billionths of a dollar that it could cost; None without a known price.
        cost: What it did cost, once that is known.
        usage: Tokens that the gateway counted; None when it did not.
        settled: Whether it is over.
        outcome: ``ok``, or why it was none.
        images: How many it showed.
    """

    endpoint: str
    model: str
    most: int | None
    price: Price | None
    images: int = 0
    cost: int | None = None
    usage: Usage | None = None
    settled: bool = False
    outcome: str = ""

    @property
    def counts(self) -> int:
        """What it takes of a limit: what it cost, or what it could cost while nobody knows that."""
        return self.cost if self.cost is not None else self.most or 0

    @property
    def shown(self) -> dict[str, Any]:
        """For the trace of an answer."""
        return {
            "endpoint": self.endpoint,
            "model": self.model,
            "outcome": self.outcome or "running",
            "prompt_tokens": self.usage.prompt_tokens if self.usage else None,
            "completion_tokens": self.usage.completion_tokens if self.usage else None,
            "cost_usd": None if self.cost is None else self.cost / NANO,
        }


@dataclass(slots=True)
class _Pot:
    """What all parts of a request spend together."""

    limit: int | None
    calls: list[Call] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    refused: bool = False

    @property
    def taken(self) -> int:
        return sum(each.counts for each in self.calls)


class Purse:
    """What one request may still spend.

    Args:
        limit: US dollars; None for no limit.
        prices: Of the gateway's models.
        count: Tokens of a text, never too few.
    """

    def __init__(
        self,
        limit: float | None = None,
        prices: Prices = SHIPPED,
        count: Callable[[str], int] = lambda text: len(text.encode()),
    ) -> None:
        self._prices = prices
        self._count = count
        self._pot = _Pot(None if limit is None else math.floor(round(limit * NANO, 3)))
        # Of the whole request; a part has its own.
        self.calls: list[Call] = self._pot.calls

    def part(self) -> Purse:
        """A purse of one part of the request: it spends from the same money, and knows what it spent itself."""
        part = Purse(None, self._prices, self._count)
        part._pot, part.calls = self._pot, []
        return part

    @property
    def limit(self) -> float | None:
        """US dollars that the request may cost; None for no limit."""
        return None if self._pot.limit is None else self._pot.limit / NANO

    @property
    def refused(self) -> bool:
        """Whether a call was not made for want of money."""
        return self._pot.refused

    def refuse(self) -> None:
        """Note that a call was not made for want of money."""
        self._pot.refused = True

    @property
    def is_limited(self) -> bool:
        """Whether there is a limit."""
        return self._pot.limit is not None

    def price(self, model: str, endpoint: str = "") -> Price | None:
        """What a model costs."""
        return self._prices.of(model, endpoint)

    def reserve(
        self, model: str, messages: Sequence[Mapping[str, Any]], output_tokens: int, endpoint: str = ""
    ) -> Call:
        """Pay for a call with the most that it could cost. Without a known price none fits a limit.

        Args:
            model: That is asked.
            messages: That it is shown.
            output_tokens: That it may write.
            endpoint: Where it is.

        Raises:
            BudgetExceeded: What is left does not allow it.
        """
        price, limit = self._prices.of(model, endpoint), self._pot.limit
        if price is None and limit is not None:
            self._pot.refused = True
            raise BudgetExceeded(
                f"The price of {model!r} is not known, so max_cost_usd cannot be kept. Leave it out, or put the price "
                "into the file that FOOTNOTE_GATEWAY_FILE names."
            )
        texts, images = contents(messages)
        most = None
        if price is not None:
            tokens = sum(map(self._count, texts)) + _PER_MESSAGE * len(messages) + _PER_CALL
            read = math.ceil(tokens * price.margin) + images * price.image_tokens
            most = price.nano(Usage(read, output_tokens), images)
        with self._pot.lock:
            left = None if limit is None else limit - self._pot.taken
            if left is not None and most is not None and most > left:
                self._pot.refused = True
                raise BudgetExceeded(
                    f"The answer could cost up to ${most / NANO:.4f} more, and max_cost_usd leaves "
                    f"${left / NANO:.4f}. Raise it, or ask with a smaller top_k."
                )
            call = Call(endpoint, model, most, price, images)
            self._pot.calls.append(call)
        if self.calls is not self._pot.calls:
            self.calls.append(call)
        return call

    def settle(self, call: Call, usage: Usage | None, outcome: str = "ok") -> None:
        """Give back what a call did not cost; without a count it stays paid in full."""
        # A call without a token on either side was not counted, whatever the gateway sent.
        if usage is not None and usage.prompt_tokens and usage.completion_tokens:
            call.usage = usage
            call.cost = None if call.price is None else call.price.nano(usage, call.images)
        call.settled, call.outcome = True, outcome

    def release(self, call: Call, outcome: str) -> None:
        """Give back all of a call that was refused: gateways bill none of these."""
        call.usage, call.cost = Usage(), 0
        call.settled, call.outcome = True, outcome

    @property
    def usage(self) -> Usage:
        """Tokens of all calls that were counted."""
        counted = [each.usage for each in self.calls if each.usage is not None]
        return Usage(
            sum(each.prompt_tokens for each in counted),
            sum(each.completion_tokens for each in counted),
            sum(each.cached_tokens for each in counted),
        )

    @property
    def cost_usd(self) -> float | None:
        """Dollars of all calls; None when the tokens of one were not counted or a price is not known."""
        return cost_of(self.calls)

    @property
    def at_most_usd(self) -> float:
        """Dollars that all calls can have cost together."""
        return sum(each.counts for each in self.calls) / NANO


def cost_of(calls: Iterable[Call]) -> float | None:
    """Dollars of some calls; None when one of them is not known."""
    costs = [each.cost for each in calls]
    known = [cost for cost in costs if cost is not None]
    return sum(known) / NANO if len(known) == len(costs) else None


def contents(messages: Sequence[Mapping[str, Any]]) -> tuple[list[str], int]:
    """The texts of a conversation, and how many images it shows."""
    texts: list[str] = []
    images = 0
    for message in messages:
        content = message["content"]
        if isinstance(content, str):
            texts.append(content)
            continue
        texts += [part["text"] for part in content if part.get("type") == "text"]
        images += sum(part.get("type") == "image_url" for part in content)
    return texts, images


def foreign_margin(model: str) -> float:
    """The margin of a model for which the file names none: the counted vocabulary is that of OpenAI's models."""
    own = model.rsplit("/", 1)[-1].startswith(("gpt-", "o1", "o3", "o4", "chatgpt"))
    return 1.0 if own else _FOREIGN

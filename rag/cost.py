"""What an answer costs at the gateway, and whether it may."""

from __future__ import annotations

from rag.errors import BudgetExceeded
from rag.types import Usage

# US dollars for a million tokens read and written, by model, from https://openai.com/api/pricing (2025-04).
PRICES = {
    "gpt-4.1": (2.00, 8.00),
    "gpt-4.1-mini": (0.40, 1.60),
    "gpt-4.1-nano": (0.10, 0.40),
    "gpt-4o": (2.50, 10.00),
    "gpt-4o-mini": (0.15, 0.60),
}


def cost_usd(model: str, usage: Usage) -> float | None:
    """Price of an answer in US dollars, or None when the model's price is not known."""
    price = PRICES.get(model)
    if price is None:
        return None
    return (usage.prompt_tokens * price[0] + usage.completion_tokens * price[1]) / 1_000_000


class Purse:
    """What one answer may still spend. A call counts with the most that it could cost, so the limit always holds.

    Args:
        model: Whose prices count.
        limit: US dollars; None for no limit.
    """

    def __init__(self, model: str, limit: float | None) -> None:
        self._model = model
        self._left = limit

    def take(self, prompt_tokens: int, max_output_tokens: int) -> bool:
        """Whether a call fits; if so it is counted. Without a known price none fits a limit."""
        return self.reserve(prompt_tokens, max_output_tokens) is not None

    def reserve(self, prompt_tokens: int, max_output_tokens: int, model: str | None = None) -> float | None:
        """Count a call with the most that it could cost, in US dollars; None when it does not fit.

        Args:
            prompt_tokens: Of the call.
            max_output_tokens: That it may write.
            model: Whose prices count, instead of the purse's.
        """
        if self._left is None:
            return 0.0
        most = cost_usd(model or self._model, Usage(prompt_tokens, max_output_tokens))
        if most is None or most > self._left:
            return None
        self._left -= most
        return most

    def settle(self, reserved: float, spent: Usage, model: str | None = None) -> None:
        """Give back what a call was reserved and did not cost."""
        cost = cost_usd(model or self._model, spent)
        if self._left is not None and cost is not None:
            self._left += reserved - cost


def check_budget(model: str, prompt_tokens: int, max_output_tokens: int, limit: float) -> None:
    """Refuse an answer that could cost more than ``limit`` dollars.

    Raises:
        BudgetExceeded: It could, or nobody can say.
    """
    most = cost_usd(model, Usage(prompt_tokens, max_output_tokens))
    if most is None:
        raise BudgetExceeded(
            f"The price of {model!r} is not known, so max_cost_usd cannot be kept. Leave it out."
        )
    if most > limit:
        raise BudgetExceeded(
            f"The answer could cost up to ${most:.4f}, more than max_cost_usd allows (${limit:.4f}). Raise it, "
            "or ask with a smaller top_k."
        )

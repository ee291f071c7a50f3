"""A small model first, and a larger one where the small one's answer is verified too weakly.

What decides is not what the model says of itself: it is the confidence in the answer after each of its sentences was
checked against the sources. "FrugalGPT" (Chen et al., https://arxiv.org/abs/2305.05176) cascades models by a learned
scorer; here the scorer is the one that readers see.

Until it is decided, nothing is shown: what was shown cannot be taken back. Both tries share one deadline, one purse and
the passages found.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rag.answerable import sufficiency
from rag.confidence import retrieval_signals
from rag.errors import BudgetExceeded, GatewayError
from rag.types import Done, Retrieved

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from rag.run import Run
    from rag.types import Answer, Event

# Seconds that must be left for a second answer to be begun.
_LEAST_S = 2.0


def steps_up(run: Run) -> bool:
    """Whether a second model stands ready for a question: one that names its model gets that one alone."""
    config = run.parts.config.step_up
    return config is not None and run.question.model is None and config.model != run.model


async def stepping(
    run: Run, told: Callable[[Run], AsyncGenerator[Event, None]]
) -> AsyncGenerator[Event, None]:
    """The answer of the first model, or that of the second where the first does not do.

    Args:
        run: With passages.
        told: Everything that a run tells, the finished answer last.

    Raises:
        BudgetExceeded, GatewayError: The first model gave no answer, and the second neither.
    """
    held: list[Event] = []
    problem: GatewayError | None = None
    try:
        async with aclosing(told(run)) as events:
            async for event in events:
                if isinstance(event, Retrieved):
                    yield event
                else:
                    held.append(event)
    except GatewayError as error:
        problem = error
    first = _answer(held)
    why = await asyncio.to_thread(_why, run, first, problem)
    if why and not _too_late(run):
        again = await _second(run, told, first, why)
        if again is not None:
            held, problem = again, None
        elif first is not None:
            # What it cost is known only now.
            held[-1] = Done(await asyncio.to_thread(_with_costs, run, first))
    if problem is not None:
        raise problem
    for event in held:
        yield event


async def _second(
    run: Run, told: Callable[[Run], AsyncGenerator[Event, None]], first: Answer | None, why: str
) -> list[Event] | None:
    """What the second model's answer tells, or None where the first one's is to be given; why is noted in the run."""
    config = run.parts.config.step_up
    if config is None:
        return None
    second = run.again(config.model)
    second.stepped = {
        "from": run.model,
        "because": why,
        "confidence": first.confidence.value if first else None,
    }
    try:
        async with aclosing(told(second)) as events:
            again: list[Event] = [event async for event in events if not isinstance(event, Retrieved)]
    except (BudgetExceeded, GatewayError) as error:
        run.stepped = {"to": config.model, "because": why, "failed": error.code}
        return None
    last = _answer(again)
    if last is None or (first is not None and _lost(second, last) and not first.abstained):
        value = last.confidence.value if last else None
        run.stepped = {"to": config.model, "because": why, "confidence": value}
        return None
    return again


def _answer(events: Sequence[Event]) -> Answer | None:
    """The finished answer, if they end with one."""
    last = events[-1] if events else None
    return last.answer if isinstance(last, Done) else None


def _why(run: Run, first: Answer | None, problem: GatewayError | None) -> str:
    """Why the first answer does not do; empty when it does."""
    config = run.parts.config.step_up
    if config is None:
        return ""
    if first is None:
        # What cannot be mended by another model is no reason to ask one.
        return f"the first model gave none ({problem.code})" if problem and not run.builder.claims else ""
    if run.draft.refused and not run.builder.claims:
        holds = holds_answer(run)
        said = f"it finds no answer where the passages hold one with {holds:.2f}"
        return said if holds >= config.refusal_from else ""
    if first.confidence.value < config.below:
        return f"its confidence {first.confidence.value:.2f} is under {config.below:g}"
    return ""


def holds_answer(run: Run) -> float:
    """The probability that the passages hold the answer, as it is estimated for answers by quotation."""
    ranking = run.ranking or run.rank()
    log_odds = sufficiency(ranking, retrieval_signals(run.first or run.found))
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, log_odds))))


def _lost(run: Run, answer: Answer) -> bool:
    """Whether nothing of what a model wrote could be verified; that it finds no answer is one."""
    return answer.abstained and not run.draft.refused


def _too_late(run: Run) -> bool:
    return run.deadline is not None and run.deadline - asyncio.get_running_loop().time() < _LEAST_S


def _with_costs(run: Run, answer: Answer) -> Answer:
    """The first answer with the cost of both."""
    trace: dict[str, Any] = {
        **answer.trace,
        "calls": [each.shown for each in run.purse.calls],
        "stepped_up": run.stepped,
    }
    return replace(answer, usage=run.purse.usage, cost_usd=run.purse.cost_usd, trace=trace)

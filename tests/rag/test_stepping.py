"""A small model first, a larger one where the small one's answer is verified too weakly, budget and time allowing."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from rag.config import GatewayConfig, StepUpConfig
from rag.gateway import Gateway
from rag.prompt import NOT_ANSWERED
from rag.types import Claimed, Mode, Question, Retrieved
from tests.doubles.scripted_gateway import Scene, ScriptedGateway
from tests.rag.test_answer import MEMBERS, QUESTION, TOOLS, Outcome, answerer_of, says

if TYPE_CHECKING:
    from tests.rag.library import Library

MINI, LARGE = "gpt-4.1-mini", "gpt-4.1"
ASKED = Question(QUESTION, "stepping", mode=Mode.GENERATIVE)
RIGHT = "Members may borrow seven books [{m}]."
WRONG = "Members may borrow seven hundred flying elephants on Sundays [{m}]."


@pytest.fixture(scope="module", autouse=True)
def _documents(library: Library) -> None:
    """Two documents in a collection of their own."""
    library.add(MEMBERS, "members.md", "stepping")
    library.add(TOOLS, "tools.md", "stepping")


def plays(mini: str, large: str) -> Scene:
    """A gateway with both models."""

    def text(sent: dict[str, Any]) -> str:
        written = mini if sent["model"] == MINI else large
        return written if written == NOT_ANSWERED else says(written, m="seven books")(sent)

    return Scene.answer(text)


def ask(
    library: Library, *scenes: Scene, question: Question = ASKED, below: float = 0.5, **changes: Any
) -> Outcome:
    """Ask with the larger model in reserve."""
    with ScriptedGateway(scenes) as server:
        config = GatewayConfig(server.url, deadline_s=10, backoff_min_s=0.01, backoff_max_s=0.02, **changes)
        outcome = asyncio.run(_ask(library, question, config, below))
        outcome.requests = server.chats
        return outcome


async def _ask(library: Library, question: Question, config: GatewayConfig, below: float) -> Outcome:
    gateway = Gateway(config)
    answerer = answerer_of(library, gateway, config)
    answerer = replace(answerer, config=replace(answerer.config, step_up=StepUpConfig(LARGE, below)))
    outcome = Outcome()
    try:
        async with aclosing(answerer.answer(question)) as events:
            async for each in events:
                outcome.events.append(each)
    except Exception as error:
        outcome.error = error
    finally:
        await gateway.aclose()
    return outcome


def models(outcome: Outcome) -> list[str]:
    """Who was asked, in turn; sentences that are asked again count once."""
    return list(dict.fromkeys(each.json["model"] for each in outcome.requests))


def test_a_good_answer_of_the_small_model_is_given(library: Library) -> None:
    """The larger one is not asked."""
    outcome = ask(library, plays(RIGHT, RIGHT), below=0.2)

    assert models(outcome) == [MINI]
    assert outcome.answer.text == "Members may borrow seven books. [1]"
    assert "stepped_up" not in outcome.answer.trace


def test_a_weak_one_is_replaced(library: Library) -> None:
    """Nothing of it is shown; the cost of both is told, and why the second was asked."""
    outcome = ask(library, plays(WRONG, RIGHT))
    answer = outcome.answer

    assert models(outcome) == [MINI, LARGE]
    assert answer.text == "Members may borrow seven books. [1]"
    assert [each.claim.text for each in outcome.events if isinstance(each, Claimed)] == [
        "Members may borrow seven books."
    ]
    assert sum(isinstance(each, Retrieved) for each in outcome.events) == 1
    assert answer.trace["stepped_up"]["from"] == MINI
    assert {each["model"] for each in answer.trace["calls"]} == {MINI, LARGE}
    assert answer.cost_usd == pytest.approx(sum(each["cost_usd"] for each in answer.trace["calls"]))


def test_the_better_of_the_two_is_kept(library: Library) -> None:
    """Where the larger one says nothing that holds, the small one's answer stays, with the cost of both."""
    outcome = ask(library, plays(RIGHT, WRONG), below=1.0)
    answer = outcome.answer

    assert models(outcome) == [MINI, LARGE]
    assert answer.text == "Members may borrow seven books. [1]"
    assert answer.trace["stepped_up"]["to"] == LARGE
    assert {each["model"] for each in answer.trace["calls"]} == {MINI, LARGE}


def test_the_budget_decides_too(library: Library) -> None:
    """A limit that the small model fits and the larger does not gives the small one's answer."""
    outcome = ask(library, plays(RIGHT, RIGHT), question=replace(ASKED, max_cost_usd=0.004), below=1.0)

    assert models(outcome) == [MINI]
    assert outcome.answer.trace["stepped_up"]["failed"] == "budget_exceeded"
    assert (outcome.answer.cost_usd or 1) < 0.004


def test_a_larger_model_that_fails_costs_nothing_but_money(library: Library) -> None:
    """The small one's answer is given."""

    def text(sent: dict[str, Any]) -> str:
        return says(RIGHT, m="seven books")(sent)

    outcome = ask(library, Scene.answer(text), Scene.refusal(401), below=1.0)

    assert outcome.answer.text == "Members may borrow seven books. [1]"
    assert outcome.answer.trace["stepped_up"]["failed"] == "gateway_auth"


def test_where_the_small_model_fails_the_larger_answers(library: Library) -> None:
    """An outage of one is no outage of the service; two failures are the first one's error."""
    outcome = ask(library, Scene.refusal(401), plays(RIGHT, RIGHT))
    assert outcome.answer.text == "Members may borrow seven books. [1]"
    assert outcome.answer.model is not None
    both = ask(library, Scene.refusal(401), Scene.refusal(404))
    assert getattr(both.error, "code", "") == "gateway_auth"


def test_who_names_a_model_gets_that_one(library: Library) -> None:
    """It is asked alone, whatever its answer."""
    assert models(ask(library, plays(WRONG, RIGHT), question=replace(ASKED, model=MINI))) == [MINI]


def test_a_refusal_is_believed_where_the_passages_hold_nothing(library: Library) -> None:
    """And not where they seem to hold the answer."""
    far = replace(ASKED, text="Who painted the ceiling of the chapel in Rome?")

    believed = ask(library, plays(NOT_ANSWERED, RIGHT), question=far)
    doubted = ask(library, plays(NOT_ANSWERED, RIGHT))

    assert (models(believed), believed.answer.abstained) == ([MINI], True)
    assert models(doubted) == [MINI, LARGE]
    assert doubted.answer.text == "Members may borrow seven books. [1]"

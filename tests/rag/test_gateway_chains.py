"""Chains of models over real HTTP: fallback, cool-down, Retry-After, balance, hedging, and what attempts cost."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import aclosing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from rag.config import GatewayConfig
from rag.cost import NANO, Price, Prices, Purse
from rag.errors import (
    BudgetExceeded,
    GatewayBadRequest,
    GatewayError,
    GatewayNotConfigured,
    GatewayRateLimited,
    GatewayTimeout,
    GatewayUnavailable,
    IncompleteAnswer,
)
from rag.gateway import Gateway
from rag.gateway.routes import Balance, Chain, EndpointConfig, Target, resolve
from tests.doubles.scripted_gateway import Scene, ScriptedGateway

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

T = TypeVar("T")
MESSAGES = [{"role": "user", "content": "Did it rise?"}]
ONE, TWO = Scene.answer("From the first."), Scene.answer("From the second.")
KEYS = {"one": "sk-first-0123456789", "two": "sk-second-9876543210"}
PRICES = Prices({"cheap": Price(1.0, 2.0), "dear": Price(10.0, 20.0)})

pytestmark = pytest.mark.timeout(60)


class Pair:
    """Two endpoints, each a server of its own, and a client that knows both."""

    def __init__(self, one: ScriptedGateway, two: ScriptedGateway, **changes: Any) -> None:
        self.one, self.two = one, two
        chain = Chain("both", (Target("one", "dear"), Target("two", "cheap")))
        chain = replace(
            chain, **{name: changes.pop(name) for name in ("balance", "hedge_s") if name in changes}
        )
        self.config = replace(
            GatewayConfig(
                None,
                model="both",
                deadline_s=10,
                first_byte_s=1,
                backoff_min_s=0.01,
                backoff_max_s=0.02,
                endpoints=tuple(
                    EndpointConfig(name, server.url, KEYS[name])
                    for name, server in (("one", one), ("two", two))
                ),
                chains={"both": chain},
                prices=PRICES,
            ),
            **changes,
        )

    @property
    def asked(self) -> tuple[int, int]:
        """How many questions each has got."""
        return len(self.one.chats), len(self.two.chats)

    def use(self, action: Callable[[Gateway], Coroutine[Any, Any, T]]) -> T:
        """Run one action with one client."""

        async def run() -> T:
            gateway = Gateway(self.config)
            try:
                return await action(gateway)
            finally:
                await gateway.aclose()

        return asyncio.run(run())

    def ask(self, **more: Any) -> str:
        """The text of one answer."""

        async def text(gateway: Gateway) -> str:
            return (await gateway.complete(MESSAGES, **more)).text

        return self.use(text)


@contextmanager
def pair(one: list[Scene], two: list[Scene], **changes: Any) -> Iterator[Pair]:
    """Two endpoints that play these scenes."""
    with ScriptedGateway(one) as first, ScriptedGateway(two) as second:
        yield Pair(first, second, **changes)


# Everything that can happen before the first byte of an answer.
BEFORE = {
    "500": Scene.refusal(500),
    "502": Scene.refusal(502),
    "429": Scene.rate_limited(),
    "429, Retry-After": Scene.rate_limited("30"),
    "503, Retry-After": Scene.refusal(503, headers={"Retry-After": "30"}),
    "401": Scene.refusal(401),
    "402": Scene.refusal(402),
    "404": Scene.refusal(404, "no such model"),
    "400": Scene.refusal(400, "context_length_exceeded"),
    "redirect": Scene.refusal(302, headers={"Location": "http://127.0.0.1:9/"}),
    "garbage": Scene.garbage(),
    "web page": Scene.web_page(),
    "wrong content type": Scene.raw(b"{}", content_type="application/octet-stream"),
    "empty": Scene.answer("", ending="no_finish"),
    "empty and finished": Scene.answer(""),
    "hang": Scene.hang(),
    "hang after the role": Scene.hang_after(""),
    "error in the stream": Scene.stream_error("", {"message": "overloaded", "type": "overloaded_error"}),
    "connection cut": Scene.broken("", "cut"),
    "connection reset": Scene.broken("", "reset"),
}


@pytest.mark.parametrize("scene", BEFORE.values(), ids=BEFORE)
def test_before_the_first_byte_the_next_one_is_asked(scene: Scene) -> None:
    """Whatever the first endpoint does, the answer is the second's, whole, after one question to each."""
    with pair([scene], [TWO]) as both:
        assert both.ask() == "From the second."

        assert both.asked == (1, 1)
        keys = [server.chats[0].headers["authorization"] for server in (both.one, both.two)]
        assert keys == [f"Bearer {KEYS['one']}", f"Bearer {KEYS['two']}"]


@pytest.mark.parametrize(
    "scene",
    [
        Scene.broken("It rose", "cut"),
        Scene.broken("It rose", "reset"),
        Scene.broken("It rose", "no_finish"),
        Scene.stream_error("It rose", {"message": "overloaded"}),
        replace(Scene.hang_after("It rose"), pause_s=0),
    ],
    ids=["cut", "reset", "no finish reason", "error", "hang"],
)
def test_after_the_first_byte_nothing_takes_its_place(scene: Scene) -> None:
    """What was shown cannot be taken back: the answer is incomplete, and nobody else is asked."""
    with pair([scene], [TWO], deadline_s=2) as both:
        with pytest.raises(IncompleteAnswer) as caught:
            both.ask()

        assert caught.value.text == "It rose"
        assert both.asked == (1, 0)


def test_an_endpoint_that_is_not_there() -> None:
    """A connection that is refused leads on at once."""
    with pair([ONE], [TWO]) as both:
        gone = replace(both.config.endpoints[0], url="http://127.0.0.1:9")
        both.config = replace(both.config, endpoints=(gone, both.config.endpoints[1]))
        started = time.monotonic()

        assert both.ask() == "From the second."
        assert time.monotonic() - started < 5


def test_when_none_answers_the_error_names_all() -> None:
    """It says what gives most hope, and what each did."""
    with pair([Scene.refusal(400, "no")], [Scene.refusal(503)]) as both:
        with pytest.raises(GatewayUnavailable) as caught:
            both.ask()

        assert "one/dear (gateway_bad_request)" in str(caught.value)
        assert "two/cheap (gateway_unavailable)" in str(caught.value)
        # What is hopeless is asked once, the other as often as is allowed.
        assert both.asked == (1, 3)


def test_what_is_hopeless_is_not_tried_again() -> None:
    """Two refusals of the request itself end it at once."""
    with pair([Scene.refusal(400)], [Scene.refusal(404)]) as both:
        with pytest.raises(GatewayBadRequest):
            both.ask()

        assert both.asked == (1, 1)


def test_a_gateway_that_asks_to_wait_is_left_alone_until_then() -> None:
    """Retry-After holds for later questions too; when it is over, the first one is first again."""
    with pair([Scene.rate_limited("1.5"), ONE], [TWO]) as both:

        async def ask_three_times(gateway: Gateway) -> list[str]:
            found = [(await gateway.complete(MESSAGES)).text for _ in range(2)]
            await asyncio.sleep(1.6)
            return [*found, (await gateway.complete(MESSAGES)).text]

        assert both.use(ask_three_times) == ["From the second.", "From the second.", "From the first."]
        assert both.asked == (2, 2)


def test_a_wait_that_fits_the_deadline_is_kept_by_later_questions() -> None:
    """With nobody else to ask, a question waits for as long as the gateway asked an earlier one to."""
    with pair([Scene.rate_limited("0.6"), ONE], [TWO], max_attempts=2) as both:

        async def ask_twice(gateway: Gateway) -> float:
            first = asyncio.create_task(gateway.complete(MESSAGES, model="one/dear"))
            await asyncio.sleep(0.2)
            started = time.monotonic()
            assert (await gateway.complete(MESSAGES, model="one/dear")).text == "From the first."
            await first
            return time.monotonic() - started

        assert both.use(ask_twice) > 0.25


def test_a_wait_beyond_the_deadline_is_an_error_at_once() -> None:
    """The second question is not even sent, and its caller learns how long to wait."""
    with pair([Scene.rate_limited("60")], [TWO]) as both:

        async def ask_twice(gateway: Gateway) -> tuple[float, GatewayError]:
            with pytest.raises(GatewayRateLimited):
                await gateway.complete(MESSAGES, model="one/dear")
            started = time.monotonic()
            with pytest.raises(GatewayRateLimited) as caught:
                await gateway.complete(MESSAGES, model="one/dear")
            return time.monotonic() - started, caught.value

        seconds, error = both.use(ask_twice)
        assert seconds < 1
        assert 50 < (error.retry_after_s or 0) <= 60
        assert both.asked == (1, 0)


def test_what_failed_cools_down() -> None:
    """After a failure later questions go to the other one, and come back once the cool-down is over."""
    with pair([Scene.refusal(500), ONE], [TWO]) as both:

        async def ask(gateway: Gateway) -> list[str]:
            found = [(await gateway.complete(MESSAGES)).text for _ in range(3)]
            gateway.standings.of(Target("one", "dear")).cool_until = 0.0
            return [*found, (await gateway.complete(MESSAGES)).text]

        assert both.use(ask) == [*["From the second."] * 3, "From the first."]
        assert both.asked == (2, 3)


def test_what_cools_down_is_asked_when_all_else_fails() -> None:
    """A cool-down is an order and no ban."""
    with pair([Scene.refusal(500), ONE], [TWO, Scene.refusal(400)]) as both:

        async def ask(gateway: Gateway) -> list[str]:
            return [(await gateway.complete(MESSAGES)).text for _ in range(2)]

        assert both.use(ask) == ["From the second.", "From the first."]


def test_cool_downs_grow_and_end_with_an_answer() -> None:
    """Each failure in a row doubles it; an answer forgets them."""
    with pair([ONE], [TWO]) as both:

        async def look(gateway: Gateway) -> tuple[list[float], float]:
            standing = gateway.standings.of(Target("one", "dear"))
            waits = []
            for _ in range(8):
                standing.failed(GatewayUnavailable("x"), 100.0)
                waits.append(standing.cool_until - 100.0)
            await gateway.complete(MESSAGES, model="one/dear")
            return waits, standing.cool_until

        waits, after = both.use(look)
        assert waits == [2, 4, 8, 16, 32, 60, 60, 60]
        assert after == 0


def test_one_deadline_holds_for_the_whole_chain() -> None:
    """Two endpoints that hang take no longer than one."""
    with pair([Scene.hang()], [Scene.hang()], deadline_s=1.5, first_byte_s=1.0) as both:
        started = time.monotonic()
        with pytest.raises(GatewayTimeout):
            both.ask()

        assert time.monotonic() - started < 4


@pytest.mark.parametrize(
    ("balance", "expected"),
    [(Balance.ORDER, {"one": 30}), (Balance.CHEAPEST, {"two": 30}), (Balance.SPREAD, {"one": 15, "two": 15})],
)
def test_who_is_asked_first(balance: Balance, expected: dict[str, int]) -> None:
    """As they are written, by price, or spread."""
    with pair([ONE], [TWO], balance=balance) as both:

        async def ask(gateway: Gateway) -> None:
            for _ in range(30):
                await gateway.complete(MESSAGES)

        both.use(ask)
        asked = Counter({"one": both.asked[0], "two": both.asked[1]})
        assert all(
            abs(asked[name] - count) <= (10 if balance is Balance.SPREAD else 0)
            for name, count in expected.items()
        )


def test_questions_at_once_go_to_who_has_fewest() -> None:
    """While one is busy, the other is asked."""
    slow = replace(ONE, delay_s=0.4)
    with pair([slow], [replace(TWO, delay_s=0.4)], balance=Balance.SPREAD) as both:

        async def ask(gateway: Gateway) -> None:
            await asyncio.gather(*(gateway.complete(MESSAGES) for _ in range(8)))

        both.use(ask)
        assert both.asked == (4, 4)


def test_the_quicker_one_is_asked_first() -> None:
    """Each is tried once; from then on the one that was quick to begin."""
    with pair([replace(ONE, delay_s=0.4)], [TWO], balance=Balance.FASTEST) as both:

        async def ask(gateway: Gateway) -> None:
            for _ in range(6):
                await gateway.complete(MESSAGES)

        both.use(ask)
        assert both.asked == (1, 5)


def test_a_silent_one_is_hedged_and_let_go() -> None:
    """The second is asked beside it after a while; its answer is taken and the first one's connection closed."""
    with pair([replace(ONE, delay_s=5)], [TWO], hedge_s=0.2, first_byte_s=8) as both:
        started = time.monotonic()

        assert both.ask() == "From the second."
        assert time.monotonic() - started < 3
        assert both.asked == (1, 1)
        assert both.one.chats[0].disconnected.wait(5)


def test_who_answers_in_time_is_not_hedged() -> None:
    """The second is not asked at all."""
    with pair([ONE], [TWO], hedge_s=2.0) as both:
        assert both.ask() == "From the first."
        assert both.asked == (1, 0)


def test_a_failure_does_not_wait_for_the_hedge() -> None:
    """The next one is asked at once."""
    with pair([Scene.refusal(500)], [TWO], hedge_s=30.0) as both:
        started = time.monotonic()

        assert both.ask() == "From the second."
        assert time.monotonic() - started < 3


def test_leaving_a_hedged_question_leaves_nobody_working() -> None:
    """Cancelled, it closes both connections."""
    with pair([replace(ONE, delay_s=9)], [replace(TWO, delay_s=9)], hedge_s=0.1, first_byte_s=9) as both:

        async def leave(gateway: Gateway) -> None:
            asking = asyncio.create_task(gateway.complete(MESSAGES))
            await asyncio.sleep(0.8)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking

        both.use(leave)
        assert both.one.chats[0].disconnected.wait(5)
        assert both.two.chats[0].disconnected.wait(5)


def paid(purse: Purse) -> list[tuple[str, str, bool]]:
    """Model, outcome and whether the price is known of each call."""
    return [(call.model, call.outcome, call.cost is not None) for call in purse.calls]


def test_each_attempt_is_paid_for_before_it_is_sent() -> None:
    """A refused call costs nothing; one that hung counts with the most that it can cost; an answer what it cost."""
    with pair([Scene.refusal(500)], [TWO]) as both:
        purse = Purse(1.0, PRICES)
        both.ask(purse=purse)
        assert paid(purse) == [("dear", "gateway_unavailable", True), ("cheap", "ok", True)]
        assert purse.cost_usd == sum(call.cost or 0 for call in purse.calls) / NANO > 0
        assert purse.calls[0].cost == 0
    with pair([Scene.hang()], [TWO]) as both:
        purse = Purse(1.0, PRICES)
        both.ask(purse=purse)
        assert paid(purse) == [("dear", "gateway_timeout", False), ("cheap", "ok", True)]
        assert purse.cost_usd is None
        assert purse.at_most_usd > (purse.calls[1].cost or 0) / NANO


def test_a_hedge_is_paid_for_too() -> None:
    """The one that was let go counts in full, for it may be billed."""
    with pair([replace(ONE, delay_s=5)], [TWO], hedge_s=0.2, first_byte_s=8) as both:
        purse = Purse(1.0, PRICES)
        both.ask(purse=purse)

        assert paid(purse) == [("dear", "cancelled", False), ("cheap", "ok", True)]
        assert purse.calls[0].counts == purse.calls[0].most


def test_what_does_not_fit_the_purse_is_passed_over() -> None:
    """A dear model is left out where only a cheap one fits, and nothing is sent where none does."""
    with pair([ONE], [TWO]) as both:
        assert both.ask(purse=Purse(0.005, PRICES)) == "From the second."
        assert both.asked == (0, 1)
        with pytest.raises(BudgetExceeded):
            both.ask(purse=Purse(0.0001, PRICES))
        with pytest.raises(BudgetExceeded, match="'unheard-of'"):
            both.ask(purse=Purse(1.0, PRICES), model="unheard-of")
        assert both.asked == (0, 1)


def test_a_purse_is_never_overdrawn_by_calls_at_once() -> None:
    """Of fifty calls at once only as many are sent as could all cost the most."""
    with pair([replace(ONE, delay_s=0.2)], [replace(TWO, delay_s=0.2)]) as both:
        purse = Purse(0.05, PRICES)

        async def ask(gateway: Gateway) -> list[Any]:
            asked = [gateway.complete(MESSAGES, model="one/dear", purse=purse) for _ in range(50)]
            return await asyncio.gather(*asked, return_exceptions=True)

        found = both.use(ask)
        assert any(isinstance(each, BudgetExceeded) for each in found)
        assert both.asked[0] == sum(not isinstance(each, BaseException) for each in found)
        assert max(call.most or 0 for call in purse.calls) * both.asked[0] <= 0.05 * NANO


def test_images_go_only_where_they_may() -> None:
    """An endpoint that is not configured for them is passed over; without any, nothing is sent."""
    shown = [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is on the page?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            ],
        }
    ]

    async def look(gateway: Gateway) -> str:
        return (await gateway.complete(shown)).text

    with pair([ONE], [TWO]) as both:
        with pytest.raises(GatewayNotConfigured, match="images"):
            both.use(look)
        assert both.asked == (0, 0)
        sees = replace(both.config.endpoints[1], images=True)
        both.config = replace(both.config, endpoints=(both.config.endpoints[0], sees))
        assert both.use(look) == "From the second."
        assert both.asked == (0, 1)


def test_what_a_question_may_ask_for() -> None:
    """A chain, a model at an endpoint, a model of some chain, and any other model at the first endpoint."""
    with pair([ONE], [TWO]) as both:
        config = both.config

        assert resolve(config, None).name == "both"
        assert resolve(config, "two/any/name").targets == (Target("two", "any/name"),)
        assert resolve(config, "cheap").targets == (Target("two", "cheap"),)
        assert resolve(config, "mystery").targets == (Target("one", "mystery"),)
        assert resolve(replace(config, endpoints=(), chains={}), "x/y").targets == (Target("gateway", "x/y"),)


def test_a_stream_that_is_left_early_is_paid_and_closed() -> None:
    """Whoever stops reading closes the connection, and the call counts in full."""
    with pair([replace(Scene.drip("It rose and rose and rose", 0.5))], [TWO]) as both:
        purse = Purse(1.0, PRICES)

        async def leave(gateway: Gateway) -> None:
            async with aclosing(gateway.stream(MESSAGES, purse=purse)) as deltas:
                async for _ in deltas:
                    break

        both.use(leave)
        assert both.one.chats[0].disconnected.wait(5)
        assert paid(purse) == [("dear", "cancelled", False)]

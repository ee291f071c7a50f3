"""What was asked and spent, and budgets that a hundred requests at once do not overspend."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import SecretStr

from api.settings import Settings
from rag.cost import PRICES
from rag.types import Usage
from tests.api.server import error_of, serving, upload, wait_until_ready
from tests.api.tenants import bearer
from tests.doubles.scripted_gateway import Scene, ScriptedGateway
from tests.rag.test_answer import says

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ADMIN = "fn_admin-of-the-books"
BOOKS = "# Lending\n\nMembers may borrow seven books at a time. A fine is two euros a week."
NANO = 1_000_000_000


@dataclass(slots=True)
class Served:
    """A service with its gateway."""

    client: httpx.Client
    gateway: ScriptedGateway

    def key(self, *scopes: str, **limits: Any) -> dict[str, Any]:
        """A new key."""
        body = {"name": "made by a test", "scopes": list(scopes), "limits": limits}
        return dict(self.client.post("/v1/keys", json=body).raise_for_status().json())

    def billed(self) -> int:
        """What the gateway counted, in billionths of a dollar: words as tokens, as it reports them."""
        price = PRICES["gpt-4.1-mini"]
        prompts = sum(
            len(message["content"].split())
            for each in self.gateway.chats
            for message in each.json["messages"]
        )
        return price.nano(Usage(prompts, 0))


@contextmanager
def served(data: Path, scene: Scene, **more: Any) -> Iterator[Served]:
    """Serve one document."""
    with ScriptedGateway([scene]) as gateway:
        settings = Settings(  # type: ignore[call-arg]
            _env_file=None,
            data=data,
            gateway_url=gateway.url,
            admin_key=SecretStr(ADMIN),
            answer_cache_hours=0,
            max_waiting=500,
            **more,
        )
        with (
            serving(settings) as url,
            httpx.Client(base_url=url, timeout=120, headers=bearer(ADMIN)) as client,
        ):
            wait_until_ready(client)
            upload(client, BOOKS, "lending.md", collection="lending")
            yield Served(client, gateway)


def good() -> Scene:
    """An answer that is supported."""
    return Scene.answer(says("Members may borrow seven books [{m}].", m="books at a time"))


def at_once(service: Served, count: int, tokens: list[str], **more: Any) -> list[httpx.Response]:
    """So many questions at the same moment."""

    async def run() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=count)
        async with httpx.AsyncClient(base_url=service.client.base_url, timeout=120, limits=limits) as client:
            return await asyncio.gather(
                *(
                    client.post(
                        "/v1/ask",
                        json={"question": f"How many books, asked {at}?", "collection": "lending", **more},
                        headers=bearer(tokens[at % len(tokens)]),
                    )
                    for at in range(count)
                )
            )

    return asyncio.run(run())


def cost_of(response: httpx.Response) -> int:
    """What an answer says that it cost."""
    return round(response.json()["cost_usd"] * NANO)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("whose", ["key", "collection"])
def test_a_hundred_at_once_overspend_nothing(tmp_path: Path, whose: str) -> None:
    """Those for which there is no room are refused; what was spent is what the answers say, and under the budget."""
    with served(tmp_path, good()) as service:
        limit = 0.02
        if whose == "key":
            tokens = [service.key("ask:*", usd_per_day=limit)["token"]]
        else:
            tokens = [service.key("ask:*")["token"] for _ in range(4)]
            body = {"usd_per_day": limit}
            service.client.put("/v1/collections/lending/budget", json=body).raise_for_status()

        found = at_once(service, 100, tokens, max_cost_usd=0.003)

        given = [each for each in found if each.status_code == 200]
        assert {each.status_code for each in found} <= {200, 429}
        assert 1 <= len(given) < 100
        assert all(error_of(each, 429, "quota_exceeded") for each in found if each.status_code == 429)
        spent = sum(map(cost_of, given))
        assert 0 < spent <= limit * NANO
        assert service.billed() <= limit * NANO
        # What was held and not spent is there again.
        usage = service.client.get("/v1/usage", params={"by": "collection"}).json()
        assert round(usage["total"]["cost_usd"] * NANO) == spent
        assert usage["total"]["calls"] == len(given)
        if whose == "collection":
            (budget,) = usage["budgets"]
            assert budget["taken_usd"] * NANO >= spent
            assert budget["taken_usd"] * NANO - spent <= 1000 * len(given)
        assert at_once(service, 1, tokens, max_cost_usd=0.003)[0].status_code == 200


@pytest.mark.parametrize("whose", ["key", "collection"])
def test_money_that_others_hold_is_told_from_money_that_is_spent(tmp_path: Path, whose: str) -> None:
    """Who is refused while another question is answered may ask in a second; who comes too late, tomorrow."""
    slow = replace(good(), delay_s=2.0, usage=False)
    with served(tmp_path, slow) as service:
        limit = 0.003
        token = service.key("ask:*", **({"usd_per_day": limit} if whose == "key" else {}))["token"]
        if whose == "collection":
            body = {"usd_per_day": limit}
            service.client.put("/v1/collections/lending/budget", json=body).raise_for_status()

        found = at_once(service, 3, [token], max_cost_usd=limit)
        later = at_once(service, 1, [token], max_cost_usd=limit)

        refused = [each for each in found if each.status_code == 429]
        assert sorted(each.status_code for each in found) == [200, 429, 429]
        assert [each.headers["Retry-After"] for each in refused] == ["1", "1"]
        assert "midnight" not in refused[0].text
        assert int(later[0].headers["Retry-After"]) > 1 or time.time() % 86_400 > 86_300
        assert "midnight" in error_of(later[0], 429, "quota_exceeded")["message"]


@pytest.mark.parametrize("amount", [0, -1, 1e300, "1e400"])
def test_amounts_that_are_none_are_refused(tmp_path: Path, amount: float | str) -> None:
    """Whatever JSON can spell is an amount under a bound or an error of the request."""
    with served(tmp_path, good()) as service:
        for address, body in (
            ("/v1/ask", '{"question": "How many?", "collection": "lending", "max_cost_usd": %s}'),
            ("/v1/ground", '{"text": "Seven books.", "collection": "lending", "max_cost_usd": %s}'),
        ):
            sent = service.client.post(
                address, content=body % amount, headers={"Content-Type": "application/json"}
            )
            error_of(sent, 422, "invalid_field")


@pytest.mark.timeout(300)
def test_budgets_hold_when_the_gateway_does_not_say_what_it_took(tmp_path: Path) -> None:
    """Answers whose tokens are not counted take the most that they can have cost."""
    with served(tmp_path, replace(good(), usage=False)) as service:
        token = service.key("ask:*", usd_per_day=0.01)["token"]
        found = at_once(service, 30, [token], max_cost_usd=0.003)

        given = [each for each in found if each.status_code == 200]
        assert 1 <= len(given) <= 3
        assert all(each.json()["cost_usd"] is None for each in given)
        own = service.client.get("/v1/usage", headers=bearer(token)).json()
        assert own["total"]["cost_usd"] == 0
        assert 0 < own["total"]["at_most_usd"] <= 0.01
        assert 0 < own["key"]["taken_usd"] <= 0.01


def test_what_is_shown_of_usage(tmp_path: Path) -> None:
    """By key, collection and model; a key sees its own; free answers are counted too, and refusals cost nothing."""
    with served(tmp_path, good()) as service:
        first, second = service.key("ask:lending"), service.key("ask:lending")
        for key, mode in ((first, "generative"), (second, "generative"), (second, "extractive")):
            asked = {"question": "How many books?", "collection": "lending", "mode": mode}
            service.client.post("/v1/ask", json=asked, headers=bearer(key["token"])).raise_for_status()

        by = {"by": ["key_id", "model"]}
        rows = service.client.get("/v1/usage", params=by).json()["rows"]
        own = service.client.get("/v1/usage", params=by, headers=bearer(second["token"])).json()

        assert {(row["key_id"], row["model"]): (row["questions"], row["calls"]) for row in rows} == {
            (first["id"], ""): (1, 0),
            (first["id"], "gateway/gpt-4.1-mini"): (0, 1),
            (second["id"], ""): (2, 0),
            (second["id"], "gateway/gpt-4.1-mini"): (0, 1),
        }
        assert {row["key_id"] for row in own["rows"]} == {second["id"]}
        assert own["total"]["questions"] == 2
        assert own["budgets"] == []
        error_of(service.client.get("/v1/usage", params={"first_day": "1999-01-01"}), 422, "invalid_field")
        metrics = service.client.get("/metrics").text
        assert "footnote_answer_cost_usd_count 2.0" in metrics
        assert (
            'footnote_gateway_attempts_total{endpoint="gateway",model="gpt-4.1-mini",outcome="ok"} 2.0'
            in metrics
        )


def test_a_budget_is_lifted_and_goes_with_its_collection(tmp_path: Path) -> None:
    """Null lifts it; deleting the collection takes it along."""
    with served(tmp_path, good()) as service:
        where = "/v1/collections/lending/budget"
        service.client.put(where, json={"usd_per_day": 0}).raise_for_status()
        asked = {"question": "How many books?", "collection": "lending"}
        error_of(service.client.post("/v1/ask", json=asked), 429, "quota_exceeded")
        assert service.gateway.chats == []
        service.client.put(where, json={"usd_per_day": None}).raise_for_status()
        assert service.client.post("/v1/ask", json=asked).status_code == 200
        service.client.put(where, json={"usd_per_day": 1}).raise_for_status()
        assert service.client.delete("/v1/collections/lending").status_code == 200
        assert service.client.get("/v1/usage").json()["budgets"] == []

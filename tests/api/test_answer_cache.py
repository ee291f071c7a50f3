"""Answers given again: quickly, to those who may see them, and never after what they rest on has changed."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import SecretStr

from api.deps import build
from api.settings import Settings
from index.erasure import traces
from tests.api.server import events, serving, upload, wait_until_ready
from tests.api.tenants import bearer
from tests.doubles.scripted_gateway import Scene, ScriptedGateway
from tests.rag.test_answer import says

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ADMIN = "fn_admin-of-the-cache"
BOOKS = "# Lending\n\nMembers may borrow seven books at a time."
ASKED = {"question": "How many books may members borrow?", "collection": "lending"}


@dataclass(slots=True)
class Served:
    """A service that keeps answers, with its gateway."""

    client: httpx.Client
    gateway: ScriptedGateway
    data: Path

    def ask(self, **more: Any) -> dict[str, Any]:
        """One answer."""
        response = self.client.post("/v1/ask", json={**ASKED, **more})
        assert response.status_code == 200, response.text
        return dict(response.json())

    def calls(self) -> int:
        """How often the gateway was asked."""
        return len(self.gateway.chats)


@contextmanager
def served(data: Path, **more: Any) -> Iterator[Served]:
    """Serve."""
    scene = Scene.answer(says("Members may borrow seven books [{m}].", m="books at a time"))
    with ScriptedGateway([scene]) as gateway:
        settings = Settings(  # type: ignore[call-arg]
            _env_file=None, data=data, gateway_url=gateway.url, admin_key=SecretStr(ADMIN), **more
        )
        with (
            serving(settings) as url,
            httpx.Client(base_url=url, timeout=60, headers=bearer(ADMIN)) as client,
        ):
            wait_until_ready(client)
            yield Served(client, gateway, data)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Served]:
    """A service with one document."""
    with served(tmp_path / "data") as made:
        upload(made.client, BOOKS, "lending.md", collection="lending")
        yield made


def test_the_same_question_gets_the_same_answer_without_a_call(service: Served) -> None:
    """Everything of it is the same but what it costs, how long it took and its trace id; a stream tells the same."""
    first = service.ask()
    again = service.ask(question="  How many books   may members borrow? ")
    stream = events(service.client.post("/v1/ask", json={**ASKED, "stream": True}))

    assert service.calls() == 1
    assert (first["cached"], again["cached"]) == (False, True)
    assert (again["cost_usd"], again["usage"]["total_tokens"]) == (0.0, 0)
    own = {"cached", "cost_usd", "usage", "timings", "trace_id"}
    assert {k: v for k, v in first.items() if k not in own} == {
        k: v for k, v in again.items() if k not in own
    }
    assert [each.name for each in stream] == ["retrieval", "citation", "claim", "done"]
    assert stream[0].data["passages"][0]["text"].endswith("seven books at a time.")
    assert [each.data for each in stream if each.name == "claim"] == first["claims"]
    assert stream[-1].data["answer"] == first["answer"]
    metrics = service.client.get("/metrics").text
    assert 'footnote_answer_cache_total{outcome="hit"} 2.0' in metrics


def test_another_question_is_another_answer(service: Served) -> None:
    """Whatever decides about an answer keeps two apart."""
    service.ask()
    for more in (
        {"top_k": 3},
        {"model": "gpt-4.1"},
        {"on_unsupported": "flag"},
        {"filter": {"filename": "lending.md"}},
        {"history": [{"role": "user", "content": "Hello."}]},
        {"as": ["alice"]},
        {"cache": False},
    ):
        before = service.calls()
        assert not service.ask(**more)["cached"], more
        assert service.calls() == before + 1


@pytest.mark.parametrize("change", ["replace", "delete", "hide"])
def test_nothing_is_given_again_after_its_evidence_changed(service: Served, change: str) -> None:
    """From the moment in which a change is acknowledged, however it changes."""
    document = service.ask()["citations"][0]["document_id"]
    assert service.ask()["cached"]
    address = f"/v1/documents/{document}"
    if change == "delete":
        assert service.client.delete(address).json()["removed"]["cached_answers"] >= 1
    elif change == "hide":
        fields = {"metadata": '{"allow": ["board"]}', "collection": "lending", "wait": "true"}
        file = {"file": ("lending.md", BOOKS.encode())}
        assert service.client.post("/v1/documents", files=file, data=fields).status_code == 201
    else:
        upload(service.client, BOOKS.replace("seven", "nine"), "lending.md", collection="lending")

    found = service.ask()

    assert not found["cached"]
    if change != "hide":
        assert "seven books" not in str([each["quote"] for each in found["citations"]])


def test_what_does_not_touch_the_evidence_leaves_the_answer(service: Served) -> None:
    """After another document came that is not found for it, the passages are searched anew, and no call is made."""
    for number in range(12):
        upload(
            service.client,
            f"Members borrow book {number} of the books.",
            f"b{number}.md",
            collection="lending",
        )
    service.ask(top_k=3)
    assert service.ask(top_k=3)["cached"]
    upload(service.client, "Zebras graze on the plains of the south.", "zebras.md", collection="lending")
    before = service.calls()

    again, then = service.ask(top_k=3), service.ask(top_k=3)

    assert (again["cached"], then["cached"], service.calls()) == (True, True, before)
    assert 'footnote_answer_cache_total{outcome="found_again"} 1.0' in service.client.get("/metrics").text


def test_what_was_found_anew_decides(service: Served) -> None:
    """A new document that belongs among the passages makes it another answer."""
    service.ask()
    upload(
        service.client, "Members may borrow two films beside their books.", "films.md", collection="lending"
    )

    assert not service.ask()["cached"]


def test_who_may_not_see_it_is_not_given_it(service: Served) -> None:
    """An answer for one principal is none for another, and a key that lost the sight of a document gets none."""
    secret = "Members of the board may borrow ninety books at a time."
    fields = {
        "text": secret,
        "title": "Board",
        "collection": "lending",
        "wait": True,
        "metadata": {"allow": ["board"]},
    }
    assert service.client.post("/v1/documents", json=fields).status_code == 201
    seen = service.ask(**{"as": ["board"]})
    assert service.ask(**{"as": ["board"]})["cached"]

    other = service.ask(**{"as": ["staff"]})

    assert not other["cached"]
    assert other["id"] != seen["id"]
    assert "ninety" not in str(other)


def test_it_outlives_a_restart_and_ends_with_its_time(tmp_path: Path) -> None:
    """Kept on disk, under the same settings only, for as long as is set."""
    with served(tmp_path / "data") as first:
        upload(first.client, BOOKS, "lending.md", collection="lending")
        first.ask()
    with served(tmp_path / "data") as second:
        assert not second.ask()["cached"]  # The gateway's address is another one.
    for hours, cached in ((24.0, True), (0.0, False)):
        with served(tmp_path / "x", answer_cache_hours=hours) as third:
            upload(third.client, BOOKS, "lending.md", collection="lending")
            third.ask()
            assert third.ask()["cached"] == cached


def test_the_probe_of_deletions_finds_nothing_left(tmp_path: Path) -> None:
    """After a deletion no row, answer or byte of the document is left of what was kept."""
    word = "xylographarium"
    with served(tmp_path / "data") as service:
        made = upload(service.client, f"{BOOKS} The {word} is closed.", "lending.md", collection="lending")
        service.ask()
        assert service.ask()["cached"]
        service.client.delete(f"/v1/documents/{made['id']}").raise_for_status()
    opened = build(Settings(_env_file=None, data=tmp_path / "data"))  # type: ignore[call-arg]
    try:
        assert [each for each in traces(opened.store, made["id"], word) if "views" not in each.place] == []
    finally:
        opened.store.close()

"""Where interfaces meet: kept answers in conversations and responses, and the same bounds for every interface."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from api.deps import build
from api.settings import Settings
from index.erasure import traces
from tests.api.server import error_of, events, upload
from tests.api.test_answer_cache import ASKED, BOOKS, Served, served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUESTION = ASKED["question"]
CHAT = {"model": "lending", "messages": [{"role": "user", "content": QUESTION}]}
HIDDEN = "# Prices\n\nThe cloakroom costs two euros.\n\n<!-- The quokka is secret. -->\n"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Served]:
    """A service with one document."""
    with served(tmp_path / "data") as made:
        upload(made.client, BOOKS, "lending.md", collection="lending")
        yield made


def test_a_conversation_has_answers_of_its_own(service: Served) -> None:
    """An answer that is given again in another conversation stays when the first one is deleted with its answers."""
    first = service.ask(conversation_id=None)
    again = service.ask(conversation_id=None)
    outside = service.ask()

    assert (again["cached"], outside["cached"]) == (True, False)
    assert again["answer"] == first["answer"]
    assert again["id"] != first["id"]
    assert again["conversation_id"] not in (None, first["conversation_id"])
    assert service.calls() == 2
    service.client.delete(f"/v1/conversations/{first['conversation_id']}").raise_for_status()
    error_of(service.client.get(f"/v1/answers/{first['id']}"), 404)
    for kept in (again, outside):
        shown = service.client.get(f"/v1/answers/{kept['id']}").raise_for_status().json()
        assert shown["answer"] == first["answer"]
    assert service.ask()["cached"]
    # What was kept of the deleted conversation is not given again, and what takes its place is.
    assert not service.ask(conversation_id=None)["cached"]
    streamed = events(service.client.post("/v1/ask", json={**ASKED, "conversation_id": None, "stream": True}))
    done = streamed[-1].data
    assert done["cached"]
    (turn,) = service.client.get(f"/v1/conversations/{done['conversation_id']}").json()["history"]
    assert (turn["question"], turn["answer"]) == (QUESTION, done["answer"])


def test_the_turns_before_decide_about_a_follow_up(service: Served) -> None:
    """The same few words after another question are another question; after the same one they are the same."""
    follow_up = {"question": "And in winter?"}
    asked = [service.ask(conversation_id=None) for _ in range(2)]
    other = service.ask(conversation_id=None, question="Who may borrow books?")
    first, same, another = (
        service.ask(conversation_id=each["conversation_id"], **follow_up) for each in (*asked, other)
    )

    assert (first["cached"], same["cached"], another["cached"]) == (False, True, False)
    assert not service.ask(**follow_up)["cached"]


def test_a_response_has_an_answer_of_its_own(service: Served) -> None:
    """Responses are deleted with their answers: nobody else's response goes with one."""
    made = [
        service.client.post("/v1/responses", json={"model": "lending", "input": QUESTION}).json()
        for _ in range(2)
    ]

    assert service.calls() == 1
    assert made[0]["grounding"]["answer_id"] != made[1]["grounding"]["answer_id"]
    service.client.delete(f"/v1/responses/{made[0]['id']}").raise_for_status()
    kept = service.client.get(f"/v1/responses/{made[1]['id']}").raise_for_status().json()
    assert kept["output"] == made[1]["output"]


def test_every_interface_gives_kept_answers_and_counts_them(service: Served) -> None:
    """Chat completions, their streams, MCP and batches are the same question, and all stand in the books."""
    client = service.client
    first = service.ask()
    chat = client.post("/v1/chat/completions", json=CHAT).json()
    stream = client.post("/v1/chat/completions", json={**CHAT, "stream": True}).text
    call = {"name": "ask", "arguments": {"question": QUESTION, "collection": "lending"}}
    tool = client.post(
        "/mcp",
        json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call},
        headers={"Accept": "application/json, text/event-stream"},
    ).json()["result"]["structuredContent"]
    batch = client.post("/v1/ask/batch", json={"questions": [QUESTION], "collection": "lending"}).json()["id"]
    while client.get(f"/v1/ask/batch/{batch}").json()["status"] != "finished":
        time.sleep(0.02)
    (row,) = client.get(f"/v1/ask/batch/{batch}/results").json()["results"]

    assert service.calls() == 1
    assert chat["choices"][0]["message"]["content"] == first["answer"]
    assert first["id"] in stream
    assert (tool["answer"], tool["answer_id"]) == (first["answer"], first["id"])
    assert row["answer"]["id"] == first["id"]
    total = client.get("/v1/usage").json()["total"]
    assert (total["questions"], total["cached"], total["calls"]) == (5, 4, 1)


def test_other_attributes_of_a_file_end_what_is_kept(service: Served) -> None:
    """They are the document's metadata: who may see it, and what filters find, may be others."""
    (document,) = service.client.get("/v1/documents?collection=lending").json()["documents"]
    service.ask()
    changed = service.client.post(
        f"/v1/vector_stores/lending/files/{document['id']}", json={"attributes": {"shelf": "b"}}
    )

    assert changed.status_code == 200, changed.text
    assert not service.ask()["cached"]


def test_a_budget_of_nothing_lets_no_interface_ask(service: Served) -> None:
    """The money of a collection is that of every way to ask it."""
    client = service.client
    client.put("/v1/collections/lending/budget", json={"usd_per_day": 0}).raise_for_status()
    ui = {
        "messages": [{"role": "user", "parts": [{"type": "text", "text": QUESTION}]}],
        "collection": "lending",
    }

    error_of(client.post("/v1/ask", json={**ASKED, "conversation_id": None}), 429, "quota_exceeded")
    error_of(client.post("/v1/chat/completions", json=CHAT), 429, "quota_exceeded")
    error_of(
        client.post("/v1/responses", json={"model": "lending", "input": QUESTION}), 429, "quota_exceeded"
    )
    assert "may spend" in client.post("/v1/ai-sdk/chat", json=ui).text
    assert service.calls() == 0


def test_what_no_reader_sees_is_in_no_vector_store(service: Served) -> None:
    """OpenAI's forms have no place to say what is hidden, so it is blanked in results and contents."""
    document = upload(service.client, HIDDEN, "prices.md", collection="prices")
    found = service.client.post(
        "/v1/vector_stores/prices/search", json={"query": "What does the cloakroom cost?"}
    ).json()["data"]
    content = service.client.get(f"/v1/vector_stores/prices/files/{document['id']}/content").json()["data"]

    assert "two euros" in found[0]["content"][0]["text"]
    assert "two euros" in content[0]["text"]
    assert "quokka" not in f"{found}{content}"
    # The stored text has it: every offset refers to that.
    assert "quokka" in service.client.get(f"/v1/documents/{document['id']}/text").json()["text"]


def test_the_probe_of_deletions_knows_every_table(tmp_path: Path) -> None:
    """After a document was asked for in every way and deleted, nothing that names it is left but its deletion."""
    data = tmp_path / "data"
    with served(data) as service:
        client = service.client
        file = client.post(
            "/v1/files", files={"file": ("lending.md", BOOKS.encode()), "purpose": (None, "assistants")}
        ).json()["id"]
        client.post("/v1/vector_stores", json={"name": "lending"}).raise_for_status()
        put = client.post("/v1/vector_stores/lending/file_batches", json={"file_ids": [file]}).json()["id"]
        address = f"/v1/vector_stores/lending/file_batches/{put}"
        while client.get(address).json()["status"] == "in_progress":
            time.sleep(0.05)
        service.ask()
        talk = service.ask(conversation_id=None)["conversation_id"]
        client.post("/v1/responses", json={"model": "lending", "input": QUESTION}).raise_for_status()
        (document,) = client.get("/v1/documents?collection=lending").json()["documents"]
        client.delete(f"/v1/documents/{document['id']}").raise_for_status()

        error_of(client.get(f"/v1/files/{file}"), 404)
        (turn,) = client.get(f"/v1/conversations/{talk}").json()["history"]
        assert turn["answer"] is None
    opened = build(Settings(_env_file=None, data=data))  # type: ignore[call-arg]
    try:
        assert traces(opened.store, document["id"], "seven books at a time") == []
    finally:
        opened.store.close()

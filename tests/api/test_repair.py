"""Repair, policies and disagreement over HTTP, whole and streamed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.api.server import error_of, events, upload
from tests.api.test_ask import cite
from tests.doubles.scripted_gateway import Scene

if TYPE_CHECKING:
    import httpx

    from tests.doubles.scripted_gateway import ScriptedGateway

MUSEUM = "# Museum\n\nThe museum opens at ten o'clock on weekdays. A ticket to the museum costs 12 euros for adults."
LEAFLET = "# Leaflet\n\nA ticket to the museum costs 15 euros for adults."
ASKED = {"question": "What does a ticket to the museum cost for adults?", "collection": "museum"}
FAULTY = "The museum opens at ten o'clock on weekdays [{k}]. Bananas grow in Ecuador [{k}]."


@pytest.fixture(scope="module", autouse=True)
def museum(client: httpx.Client) -> dict[str, Any]:
    """The document that is asked about."""
    return upload(client, MUSEUM, "museum.md", collection="museum")


@pytest.fixture(scope="module")
def leaflet(client: httpx.Client) -> dict[str, Any]:
    """Another one, which says otherwise, in a collection of both."""
    upload(client, MUSEUM, "museum.md", collection="disputed-museum")
    return upload(client, LEAFLET, "leaflet.md", collection="disputed-museum")


@pytest.mark.parametrize(
    ("policy", "verdicts"),
    [("flag", ["supported", "unsupported"]), ("drop", ["supported"]), ("abstain", []), (None, ["supported"])],
)
def test_a_policy_holds_in_the_stream_and_in_the_answer(
    client: httpx.Client, gateway: ScriptedGateway, policy: str | None, verdicts: list[str]
) -> None:
    """What a policy keeps from the reader is in no event, and both forms of the answer agree."""
    gateway.play(cite(FAULTY))
    body = {**ASKED, "on_unsupported": policy, "explain": True}

    plain = client.post("/v1/ask", json=body).json()
    told = events(client.post("/v1/ask", json={**body, "stream": True, "explain": False}))

    assert [each.data["verdict"] for each in told if each.name == "claim"] == verdicts
    assert [claim["verdict"] for claim in plain["claims"]] == verdicts
    assert plain["abstained"] is (policy == "abstain")
    assert ("Bananas" in str([each.data for each in told])) is (policy == "flag")
    done = {"flag": "flagged", "abstain": "abstained"}.get(policy or "", "dropped")
    (repair,) = plain["trace"]["repairs"]
    assert (repair["text"], repair["action"]) == ("Bananas grow in Ecuador.", done)
    assert repair["reason"]


def test_a_sentence_is_rewritten_in_the_stream(client: httpx.Client, gateway: ScriptedGateway) -> None:
    """The reader gets the new wording in the place of the old one, and never the old one."""
    wrong = cite(
        "A ticket to the museum costs 80 euros for adults [{k}]. The museum opens at ten o'clock [{k}]."
    )
    gateway.play(wrong, cite("A ticket to the museum costs 12 euros for adults [{k}]."))

    told = events(client.post("/v1/ask", json={**ASKED, "stream": True}))

    claims = [each.data for each in told if each.name == "claim"]
    assert [claim["text"] for claim in claims] == [
        "A ticket to the museum costs 12 euros for adults.",
        "The museum opens at ten o'clock.",
    ]
    assert "80 euros" not in str(told)
    assert told[-1].data["claims"] == claims


def test_a_chat_client_gets_nothing_unsupported(client: httpx.Client, gateway: ScriptedGateway) -> None:
    """Text alone cannot carry a verdict: by default such a client never sees the sentence."""
    gateway.play(cite(FAULTY))
    asked = {"model": "museum", "messages": [{"role": "user", "content": ASKED["question"]}]}

    answer = client.post("/v1/chat/completions", json=asked).json()
    flagged = client.post("/v1/chat/completions", json={**asked, "on_unsupported": "flag"}).json()

    assert "Bananas" not in answer["choices"][0]["message"]["content"]
    assert "Bananas" in flagged["choices"][0]["message"]["content"]


def test_an_unknown_policy_is_refused(client: httpx.Client) -> None:
    """422, naming the field."""
    error = error_of(client.post("/v1/ask", json={**ASKED, "on_unsupported": "hide"}), 422, "invalid_field")

    assert "on_unsupported" in error["message"]


def test_sources_reach_the_model_marked(client: httpx.Client, gateway: ScriptedGateway) -> None:
    """By default each sentence of a document stands behind a mark that is another one for each request."""
    marks = []
    for _ in range(2):
        gateway.play(cite("A ticket costs 12 euros [{k}]."))
        client.post("/v1/ask", json=ASKED)
        system = gateway.chats[-1].json["messages"][0]["content"]
        found = re.search(r"begins with the mark (\S+?),", system)
        assert found
        assert f"{found[1]} The museum opens at ten" in system
        marks.append(found[1])

    assert marks[0] != marks[1]


def test_a_mark_that_the_model_copies_reaches_no_reader(
    client: httpx.Client, gateway: ScriptedGateway
) -> None:
    """It is taken out before the sentence is checked."""

    def copying(sent: dict[str, Any]) -> str:
        system = sent["messages"][0]["content"]
        found = re.search(r"begins with the mark (\S+?),", system)
        key = re.search(r'<source key="(\w+)"', system)
        assert found
        assert key
        return f"{found[1]} A ticket to the museum costs 12 euros for adults [{key[1]}]."

    gateway.play(Scene.answer(copying))

    answer = client.post("/v1/ask", json=ASKED).json()

    assert answer["answer"] == "A ticket to the museum costs 12 euros for adults. [1]"
    assert answer["claims"][0]["verdict"] == "supported"


def test_an_answer_shows_who_says_otherwise(
    client: httpx.Client, gateway: ScriptedGateway, leaflet: dict[str, Any]
) -> None:
    """The other passage with its place, to the letter as the text route has it; none where nothing disagrees."""
    asked = {**ASKED, "mode": "extractive"}
    calm = client.post("/v1/ask", json=asked).json()

    answer = client.post("/v1/ask", json={**asked, "collection": "disputed-museum"}).json()

    assert calm["disagreements"] == []
    (found,) = answer["disagreements"]
    other = found["other"]
    assert set(other) == {"document_id", "version", "title", "filename", "start", "end", "quote"}
    place = f"version={other['version']}&start={other['start']}&end={other['end']}"
    stored = client.get(f"/v1/documents/{other['document_id']}/text?{place}").json()
    assert stored["text"] == other["quote"]
    assert found["kind"] == "contradicts"
    assert {"12", "15"} <= set(re.findall(r"\d+", found["explanation"]))
    cited = answer["citations"][found["citation"] - 1]
    assert cited["document_id"] != other["document_id"]
    assert answer["confidence"]["value"] < calm["confidence"]["value"]


def test_what_was_deleted_disagrees_no_more(
    client: httpx.Client, gateway: ScriptedGateway, leaflet: dict[str, Any]
) -> None:
    """A deleted source is in no answer, and the stored answer that showed it is gone with it."""
    asked = {**ASKED, "mode": "extractive", "collection": "disputed-museum"}
    before = client.post("/v1/ask", json=asked).json()

    client.delete(f"/v1/documents/{leaflet['id']}")
    after = client.post("/v1/ask", json=asked).json()

    assert before["disagreements"]
    assert after["disagreements"] == []
    error_of(client.get(f"/v1/answers/{before['id']}"), 404)

"""Asking, grounding, searching and collections over HTTP."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.api.server import error_of, events, upload
from tests.doubles.scripted_gateway import Scene

if TYPE_CHECKING:
    import httpx

    from tests.doubles.scripted_gateway import ScriptedGateway

RULES = (
    "# Lending\n\nMembers may borrow seven books at a time. Books may be kept for twenty-one days. "
    "Tools are lent for one week. The drill costs 5 euros a day."
)
QUESTION = {"question": "How many books may members borrow at a time?", "collection": "rules"}
ANSWER_FIELDS = {
    "id", "answer", "abstained", "finish_reason", "claims", "citations", "confidence", "follow_ups", "model",
    "mode", "usage", "cost_usd", "timings", "trace_id", "conversation_id", "disagreements", "short_answer",
    "cached",
}  # fmt: skip
CITATION_FIELDS = {
    "number", "document_id", "version", "title", "filename", "start", "end", "quote", "pages", "boxes",
    "headings", "support", "url", "transcribed",
}  # fmt: skip
PASSAGE_FIELDS = {
    "document_id", "version", "title", "filename", "start", "end", "text", "pages", "headings", "score",
    "rank", "found_by", "also_in", "hidden", "transcribed",
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def rules(client: httpx.Client) -> dict[str, Any]:
    """The document that is asked about."""
    return upload(client, RULES, "rules.md", collection="rules", metadata='{"year": 2024, "kind": "rule"}')


def cite(text: str) -> Scene:
    """A model's answer in which ``{k}`` becomes the key of the first source."""

    def write(sent: dict[str, Any]) -> str:
        found = re.search(r'<source key="(\w+)"', sent["messages"][0]["content"])
        assert found
        return text.replace("{k}", found[1])

    return Scene.answer(write)


TWO = "Members may borrow seven books [{k}]. The drill costs 5 euros a day [{k}]."


def test_an_answer_has_the_fields_of_the_contract(
    client: httpx.Client, gateway: ScriptedGateway, rules: dict[str, Any]
) -> None:
    """Every field, offsets that hold, quotes that the text route confirms, and the trace id of the response."""
    gateway.play(cite(TWO))

    response = client.post("/v1/ask", json={**QUESTION, "conversation_id": None})
    answer = response.json()

    assert set(answer) == {*ANSWER_FIELDS, "trace"}
    assert answer["trace_id"] == response.headers["x-request-id"]
    assert (answer["mode"], answer["trace"]) == ("generative", None)
    assert answer["conversation_id"].startswith("conv_")
    assert answer["answer"] == "Members may borrow seven books. [1] The drill costs 5 euros a day. [2]"
    for claim in answer["claims"]:
        assert set(claim) == {"start", "end", "text", "verdict", "support", "citations", "needs_source"}
        assert answer["answer"][claim["start"] : claim["end"]] == claim["text"]
        assert claim["verdict"] == "supported"
    for citation in answer["citations"]:
        assert set(citation) == CITATION_FIELDS
        assert citation["document_id"] == rules["id"]
        assert client.get(citation["url"]).json()["text"] == citation["quote"]
    assert answer["confidence"]["level"] in ("high", "medium", "low")
    assert answer["usage"]["total_tokens"] > 0
    assert answer["timings"]["total"] > 0


def test_a_streamed_answer_is_the_same(client: httpx.Client, gateway: ScriptedGateway) -> None:
    """Passages, then each footnote before its claim, then the whole answer in the plain answer's form."""
    gateway.play(cite(TWO))

    plain = client.post("/v1/ask", json=QUESTION).json()
    told = events(client.post("/v1/ask", json={**QUESTION, "stream": True}))
    done = told[-1].data

    assert [each.name for each in told] == ["retrieval", "citation", "claim", "citation", "claim", "done"]
    assert set(told[0].data["passages"][0]) == PASSAGE_FIELDS
    assert [each.data for each in told if each.name == "claim"] == done["claims"]
    assert [each.data for each in told if each.name == "citation"] == done["citations"]
    differs = {"id", "trace_id", "timings"}
    assert {k: v for k, v in done.items() if k not in differs} == {
        k: v for k, v in plain.items() if k not in differs
    }
    assert done["trace_id"]


def test_a_stream_that_breaks_ends_in_an_error(client: httpx.Client, gateway: ScriptedGateway) -> None:
    """What was verified before the break has been sent; the last event is the error and no answer follows."""
    scene = cite("Members may borrow seven books [{k}]. The drill costs")
    gateway.play(Scene.broken(scene.text, "reset"))

    told = events(client.post("/v1/ask", json={**QUESTION, "stream": True}))

    assert [each.name for each in told] == ["retrieval", "citation", "claim", "error"]
    assert told[-1].data["finish_reason"] == "incomplete"
    assert told[-1].data["error"]["code"] == "incomplete_answer"
    assert told[-1].data["error"]["trace_id"]


def test_explain_shows_what_was_done(client: httpx.Client) -> None:
    """The trace names what was searched, found and sent."""
    answer = client.post("/v1/ask", json={**QUESTION, "mode": "extractive", "explain": True}).json()

    assert answer["trace"]["search_text"] == QUESTION["question"]
    assert answer["trace"]["passages"][0]["rank"] == 1
    assert answer["trace"]["sent"] == []


def test_a_stored_answer_can_be_read_and_rated(client: httpx.Client) -> None:
    """Under its id stand question and answer with the trace; feedback is taken for it and for no other."""
    answer = client.post("/v1/ask", json={**QUESTION, "mode": "extractive"}).json()
    address = f"/v1/answers/{answer['id']}"

    stored = client.get(address).json()
    rated = client.post(f"{address}/feedback", json={"rating": 1, "comment": "Good.", "correct": True})

    assert {name: stored[name] for name in ANSWER_FIELDS} == {name: answer[name] for name in ANSWER_FIELDS}
    assert stored["question"] == QUESTION["question"]
    assert stored["trace"]["passages"]
    assert rated.status_code == 201
    error_of(client.post(f"{address}/feedback", json={"rating": 0}), 422)
    error_of(client.post(f"{address}/feedback", json={"rating": True}), 422)
    error_of(client.post("/v1/answers/ans_none/feedback", json={"rating": 1}), 404)
    error_of(client.get("/v1/answers/ans_none"), 404)


def test_a_budget_that_cannot_be_kept_is_refused(client: httpx.Client, gateway: ScriptedGateway) -> None:
    """422 before anything is sent."""
    before = len(gateway.chats)

    response = client.post("/v1/ask", json={**QUESTION, "max_cost_usd": 0.000001})

    error_of(response, 422, "budget_exceeded")
    assert len(gateway.chats) == before


@pytest.mark.parametrize("stream", [False, True])
def test_an_unknown_collection(client: httpx.Client, stream: bool) -> None:
    """404, streamed or not."""
    asked = {"question": "Anything?", "collection": "no-such", "stream": stream}

    error_of(client.post("/v1/ask", json=asked), 404, "not_found")
    error_of(client.post("/v1/search", json={"query": "x", "collection": "no-such"}), 404, "not_found")
    error_of(client.post("/v1/ground", json={"text": "x y z w.", "collection": "no-such"}), 404, "not_found")


@pytest.mark.parametrize(
    ("mode", "views"), [("hybrid", {"dense", "lexical"}), ("dense", {"dense"}), ("lexical", {"lexical"})]
)
def test_search_modes(client: httpx.Client, rules: dict[str, Any], mode: str, views: set[str]) -> None:
    """Each mode says which views found a passage; the passage is the stored text."""
    body = {"query": "How long are tools lent?", "collection": "rules", "mode": mode}

    found = client.post("/v1/search", json=body).json()

    (passage,) = found["passages"]
    assert set(passage) == PASSAGE_FIELDS
    assert set(passage["found_by"]) == views
    assert (passage["document_id"], passage["rank"], passage["headings"]) == (rules["id"], 1, ["Lending"])
    assert passage["text"] == RULES[passage["start"] : passage["end"]]
    assert found["timings"]["total"] > 0


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({"year": 2024}, 1),
        ({"year": {"$gt": 2024}}, 0),
        ({"year": {"$in": [1, "2024", 2024]}}, 1),
        ({"$or": [{"kind": "law"}, {"filename": "rules.md"}]}, 1),
        ({"$and": [{"kind": "rule"}, {"year": {"$lte": 2023}}]}, 0),
        ({"kind": {"$ne": "rule"}}, 0),
        ({"media_type": "text/markdown", "year": {"$gte": 2024, "$lt": 2025}}, 1),
        ({"no_such_field": "x"}, 0),
        ({}, 1),
    ],
    ids=str,
)
def test_search_filters(client: httpx.Client, wanted: dict[str, Any], count: int) -> None:
    """Only documents whose metadata the filter admits."""
    body = {"query": "books", "collection": "rules", "filter": wanted}

    assert len(client.post("/v1/search", json=body).json()["passages"]) == count


def test_copies_are_shown_once(client: httpx.Client) -> None:
    """A page that stands in two documents is one passage, which names the other document; a third is its own."""
    notice = (
        "The lift in the east wing is out of service until the new motor has been delivered and fitted. Please use "
        "the stairs, or ask the porter to open the goods lift beside the kitchen."
    )
    same = [
        upload(client, text, name, collection="copies")["id"]
        for text, name in ((notice, "a"), (notice + "\n", "b"))
    ]
    other = upload(client, notice + " It takes 3 weeks.", "c", collection="copies")["id"]
    body = {"query": "Which lift is out of service?", "collection": "copies"}

    found = client.post("/v1/search", json=body).json()["passages"]

    assert {each["document_id"]: each["also_in"] for each in found}.pop(other) == []
    (shown,) = [each for each in found if each["document_id"] != other]
    assert sorted([shown["document_id"], *shown["also_in"]]) == sorted(same)
    assert [each["rank"] for each in found] == [1, 2]

    assert client.delete(f"/v1/documents/{shown['document_id']}").status_code == 200
    found = client.post("/v1/search", json=body).json()["passages"]
    assert {(each["document_id"], *each["also_in"]) for each in found} == {(other,), tuple(shown["also_in"])}


def test_search_within_characters(client: httpx.Client) -> None:
    """With a budget the best sentences come back, as they are stored."""
    body = {"query": "books", "collection": "rules", "max_chars": 60}

    (passage,) = client.post("/v1/search", json=body).json()["passages"]

    assert passage["text"] == "Members may borrow seven books at a time."
    assert passage["text"] == RULES[passage["start"] : passage["end"]]


def test_ground_against_sources(client: httpx.Client) -> None:
    """Each sentence is checked against the sources given, which are cited by their ids."""
    text = "A member may borrow 7 books. The drill costs 9 euros a day. Bananas grow in Ecuador."
    sources = [{"id": "other", "text": "Nothing of use."}, {"id": "law", "title": "Rules", "text": RULES}]

    found = client.post("/v1/ground", json={"text": text, "sources": sources}).json()

    assert [claim["verdict"] for claim in found["claims"]] == ["supported", "unsupported", "unsupported"]
    assert [text[claim["start"] : claim["end"]] for claim in found["claims"]] == [
        claim["text"] for claim in found["claims"]
    ]
    (citation,) = found["citations"]
    assert (citation["document_id"], citation["title"]) == ("law", "Rules")
    assert citation["quote"] == RULES[citation["start"] : citation["end"]]
    assert found["claims"][0]["citations"] == [1]
    assert 0.0 < found["support"] < 1.0
    assert found["confidence"]["level"] == "low"


def test_ground_against_a_collection(client: httpx.Client, rules: dict[str, Any]) -> None:
    """The same against what is stored; a sentence of the source itself is worth one."""
    body = {"text": "Books may be kept for twenty-one days.", "collection": "rules", "question": "How long?"}

    found = client.post("/v1/ground", json=body).json()

    assert (found["support"], found["claims"][0]["verdict"]) == (1.0, "supported")
    assert found["citations"][0]["document_id"] == rules["id"]
    assert found["citations"][0]["quote"] == "Books may be kept for twenty-one days"


def test_collections(client: httpx.Client) -> None:
    """Made empty or with the first document, listed with their counts, deleted with all that they hold."""
    made = client.post("/v1/collections", json={"name": "shelf-1"})
    assert made.status_code == 201
    assert (made.json()["documents"], made.json()["embedder"]) == (0, None)
    error_of(client.post("/v1/collections", json={"name": "shelf-1"}), 409, "conflict")

    document = upload(client, "The globe stands on the shelf.", "globe.md", collection="shelf-1")
    one = client.get("/v1/collections/shelf-1").json()
    assert (one["documents"], one["passages"], one["dimensions"]) == (1, document["passages"], 384)
    assert one["embedder"].startswith("all-MiniLM-L6-v2@")
    assert one in client.get("/v1/collections").json()["collections"]

    gone = client.delete("/v1/collections/shelf-1").json()
    assert (gone["name"], gone["deleted"], [each["id"] for each in gone["documents"]]) == (
        "shelf-1",
        True,
        [document["id"]],
    )
    for path in ("/v1/collections/shelf-1", f"/v1/documents/{document['id']}/text"):
        error_of(client.get(path), 404, "not_found")
    error_of(client.delete("/v1/collections/shelf-1"), 404, "not_found")


def test_health(client: httpx.Client) -> None:
    """Alive, ready with the state of each part, and metrics that count requests by route and not by address."""
    assert client.get("/livez").json() == {"status": "alive"}
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["status"] == "ready"
    assert set(ready.json()["parts"]) == {
        "catalog", "embedder", "gateway", "verifier", "tokens", "jobs", "parser",
    }  # fmt: skip
    client.get("/v1/documents/doc_of_a_secret_name")
    metrics = client.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert (
        'footnote_requests_total{method="GET",route="/v1/documents/{document_id}",status="404"}'
        in metrics.text
    )
    assert re.search(r"^footnote_passages [1-9]", metrics.text, re.MULTILINE)
    assert "secret_name" not in metrics.text


def test_the_page_is_served_with_safe_headers(client: httpx.Client) -> None:
    """The page and its parts load nothing from elsewhere, and a folder is no page."""
    page = client.get("/")

    assert page.status_code == 200
    for part in re.findall(r'(?:src|href)="(/[^"]+)"', page.text):
        assert client.get(part).status_code == 200, part
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "'unsafe-inline'" not in page.headers["content-security-policy"]
    assert (page.headers["x-frame-options"], page.headers["referrer-policy"]) == ("DENY", "no-referrer")
    assert "innerHTML" not in "".join(
        client.get(f"/web/{name}.js").text for name in ("dom", "answer", "source")
    )

"""Dify's retrieval and the AI SDK's message stream."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.api.conftest import ADMIN_KEY
from tests.api.server import error_of, upload
from tests.api.test_ask import RULES, cite
from tests.doubles.scripted_gateway import Scene

if TYPE_CHECKING:
    import httpx

    from tests.doubles.scripted_gateway import ScriptedGateway

QUESTION = "How many books may members borrow?"
ASKED = {
    "knowledge_id": "faces",
    "query": QUESTION,
    "retrieval_setting": {"top_k": 3, "score_threshold": 0.0},
}


@pytest.fixture(scope="module", autouse=True)
def _stored(client: httpx.Client) -> None:
    """One document with metadata."""
    upload(client, RULES, "rules.md", collection="faces", metadata=json.dumps({"year": 2024, "kind": "rule"}))


def records(client: httpx.Client, **more: Any) -> list[dict[str, Any]]:
    """What Dify gets."""
    response = client.post("/retrieval", json={**ASKED, **more})
    assert response.status_code == 200, response.text
    return list(response.json()["records"])


def test_dify_retrieves(client: httpx.Client) -> None:
    """Records with content, score, title and metadata, best first, above the threshold."""
    found = records(client)

    assert "seven books" in found[0]["content"]
    assert set(found[0]) == {"content", "score", "title", "metadata"}
    assert all(0 <= each["score"] <= 1 for each in found)
    assert found[0]["metadata"]["year"] == 2024
    assert client.get(found[0]["metadata"]["path"]).json()["text"] == found[0]["content"]
    assert len(records(client, retrieval_setting={"top_k": 1, "score_threshold": 0.0})) == 1
    strict = records(client, retrieval_setting={"top_k": 3, "score_threshold": 1.0})
    assert strict == [each for each in found if each["score"] >= 1.0]


@pytest.mark.parametrize(
    ("operator", "name", "value", "some"),
    [
        ("is", "kind", "rule", True),
        ("is not", "kind", "rule", False),
        (">", "year", 2023, True),
        ("≤", "year", 2023, False),
        ("in", ["kind"], ["rule", "price"], True),
        ("not in", "kind", ["rule"], False),
    ],
)
def test_dify_filters(client: httpx.Client, operator: str, name: object, value: object, some: bool) -> None:
    """Conditions on metadata choose documents."""
    condition = {"name": name, "comparison_operator": operator, "value": value}

    found = records(client, metadata_condition={"logical_operator": "and", "conditions": [condition]})

    assert bool(found) == some


def test_difys_error_codes(client: httpx.Client, guarded: httpx.Client) -> None:
    """Its numbers for a header of another form, a wrong key and an unknown knowledge base, beside our own error."""
    for headers, code in (
        ({}, 1001),
        ({"Authorization": "Basic x"}, 1001),
        ({"Authorization": "Bearer x"}, 1002),
    ):
        response = guarded.post("/retrieval", json=ASKED, headers=headers)
        assert response.json()["error_code"] == code
        assert response.json()["error_msg"] == error_of(response, 401)["message"]
    admin = {"Authorization": f"Bearer {ADMIN_KEY}"}
    key = guarded.post("/v1/keys", json={"name": "d", "scopes": ["ask:faces"]}, headers=admin).json()["token"]
    refused = guarded.post("/retrieval", json=ASKED, headers={"Authorization": f"Bearer {key}"})
    assert refused.json()["error_code"] == 1002
    unknown = client.post("/retrieval", json={**ASKED, "knowledge_id": "no-such"})
    assert (error_of(unknown, 404)["code"], unknown.json()["error_code"]) == ("not_found", 2001)
    wrong = client.post("/retrieval", json={"query": "x"})
    assert (error_of(wrong, 422)["code"], wrong.json()["error_code"]) == ("invalid_field", 422)
    like = {"conditions": [{"name": "kind", "comparison_operator": "contains", "value": "r"}]}
    error_of(client.post("/retrieval", json={**ASKED, "metadata_condition": like}), 422, "invalid_filter")


def ui_chat(client: httpx.Client) -> tuple[httpx.Response, list[dict[str, Any]]]:
    """The response, and its parts but for the last mark."""
    messages = [
        {"id": "1", "role": "user", "parts": [{"type": "text", "text": "Hello"}]},
        {
            "id": "2",
            "role": "assistant",
            "parts": [{"type": "source-url"}, {"type": "text", "text": "Hello."}],
        },
        {"id": "3", "role": "user", "parts": [{"type": "text", "text": QUESTION}]},
    ]
    sent = {"id": "chat", "trigger": "submit-message", "messages": messages, "collection": "faces"}
    response = client.post("/v1/ai-sdk/chat", json=sent)
    parts = [each.removeprefix("data: ") for each in response.text.split("\n\n") if each]
    return response, [json.loads(each) for each in parts if each != "[DONE]"]


def test_the_ai_sdks_stream(client: httpx.Client, gateway: ScriptedGateway) -> None:
    """Its header, text in order, a source before the sentence that it supports, and the grounding as data."""
    gateway.play(cite("Members may borrow seven books [{k}].\n\nThe drill costs 5 euros a day [{k}]."))

    response, parts = ui_chat(client)
    kinds = [each["type"] for each in parts]

    assert response.headers["x-vercel-ai-ui-message-stream"] == "v1"
    assert response.text.endswith("data: [DONE]\n\n")
    assert kinds == [
        "start",
        "text-start",
        *("source-url", "data-citation", "text-delta") * 2,
        "text-end",
        "data-grounding",
        "finish",
    ]
    text = "".join(each["delta"] for each in parts if each["type"] == "text-delta")
    assert text == "Members may borrow seven books. [1]\n\nThe drill costs 5 euros a day. [2]"
    source = next(each for each in parts if each["type"] == "source-url")
    quote = next(each for each in parts if each["type"] == "data-citation")["data"]["quote"]
    assert client.get(source["url"]).json()["text"] == quote
    assert [each["role"] for each in gateway.chats[-1].json["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
    ]


def test_the_ai_sdks_stream_breaks_off(client: httpx.Client, gateway: ScriptedGateway) -> None:
    """An error ends it, and nothing says that it was finished."""
    scene = cite("Members may borrow seven books [{k}]. The drill costs")
    gateway.play(Scene.broken(scene.text, "cut"))

    response, parts = ui_chat(client)

    assert parts[-1]["type"] == "error"
    assert "broke off" in parts[-1]["errorText"]
    assert "[DONE]" not in response.text

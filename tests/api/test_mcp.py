"""The official client of the Model Context Protocol lists tools, calls them and reads pages, with keys and without."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from jsonschema import Draft202012Validator
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from tests.api.server import error_of
from tests.api.tenants import ADMIN, CANARIES, World, bearer, world

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

HEADERS = {"Accept": "application/json, text/event-stream"}
PING = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two tenants, one of them with a sealed document."""
    with world(tmp_path_factory.mktemp("mcp")) as made:
        yield made


def driven(
    both: World, token: str, work: Callable[[Client], Awaitable[Any]], *, query: str = "", mode: str = "auto"
) -> Any:
    """What some work with a connected client gives."""

    async def run() -> Any:
        async with httpx2.AsyncClient(headers=bearer(token), timeout=60) as http:
            address = f"{both.client.base_url}/mcp{query}"
            async with Client(streamable_http_client(address, http_client=http), mode=mode) as client:
                return await work(client)

    return asyncio.run(run())


def called(both: World, token: str, name: str, arguments: dict[str, Any], *, query: str = "") -> Any:
    """The result of one tool's call."""
    return driven(both, token, lambda client: client.call_tool(name, arguments), query=query)


async def _refusal(asked: Awaitable[Any]) -> str:
    """The message of an error of the protocol."""
    try:
        await asked
    except MCPError as error:
        return error.message
    raise AssertionError("It was answered.")


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_four_tools(both: World, mode: str) -> None:
    """Each says what it takes and gives, and that it changes nothing; by the new protocol and by the former."""
    found = driven(both, both.acme.token, lambda client: client.list_tools(), mode=mode).tools

    assert [each.name for each in found] == ["search", "fetch", "ask", "ground"]
    for each in found:
        assert each.description
        assert each.output_schema["type"] == "object"
        assert each.annotations.read_only_hint
    required = {each.name: each.input_schema["required"] for each in found}
    assert required == {"search": ["query"], "fetch": ["id"], "ask": ["question"], "ground": ["text"]}


def test_search_and_fetch_have_the_shape_of_connectors(both: World) -> None:
    """One text content that is the structured result as JSON: results with id, title and url; then the whole text."""
    found = called(both, both.acme.token, "search", {"query": "What does the xylograph cost?"})
    results = found.structured_content["results"]

    assert json.loads(found.content[0].text) == found.structured_content
    assert {"id", "title", "url"} <= set(results[0])
    assert "xylograph" in results[0]["text"]
    assert (
        both.client.get(results[0]["url"], headers=bearer(both.acme.token)).json()["text"]
        == results[0]["text"]
    )
    read = called(both, both.acme.token, "fetch", {"id": results[0]["id"]}).structured_content
    assert set(read) == {"id", "title", "text", "url", "metadata"}
    assert read["id"] == results[0]["id"]
    assert results[0]["text"] in read["text"]
    whole = called(both, both.acme.token, "fetch", {"id": both.acme.document_id}).structured_content
    assert (
        whole["text"]
        == both.client.get(
            f"/v1/documents/{both.acme.document_id}/text", headers=bearer(both.acme.token)
        ).json()["text"]
    )


def test_long_documents_are_read_in_parts(both: World) -> None:
    """Each part names the next one; together they are the text."""
    text = "".join(f"Sentence number {number} of the long report is here. " for number in range(2_500))
    document = both.upload(text, "acme", both.acme.token)
    read, wanted = "", document
    while wanted:
        part = called(both, both.acme.token, "fetch", {"id": wanted}).structured_content
        read += part["text"]
        wanted = part["metadata"].get("next")

    stored = both.client.get(f"/v1/documents/{document}/text", headers=bearer(ADMIN)).json()["text"]
    assert read == stored


def test_ask_and_ground(both: World) -> None:
    """An answer with footnotes that 'fetch' takes, and the verdict on a text."""
    asked = called(
        both, both.acme.token, "ask", {"question": "What does the xylograph of acme cost?"}
    ).structured_content
    checked = called(
        both, both.acme.token, "ground", {"text": "The xylograph of acme costs 800 euros."}
    ).structured_content

    assert "700 euros" in asked["answer"]
    assert not asked["abstained"]
    assert 0 < asked["confidence"] < 1
    quote = asked["citations"][0]
    assert (
        quote["quote"]
        in called(both, both.acme.token, "fetch", {"id": quote["id"]}).structured_content["text"]
    )
    assert (
        both.client.get(f"/v1/answers/{asked['answer_id']}", headers=bearer(both.acme.token)).status_code
        == 200
    )
    assert checked["claims"][0]["verdict"] in ("contradicted", "unsupported")
    assert "700 euros" in checked["claims"][0]["faults"][0]


def test_pages_are_resources(both: World) -> None:
    """Documents are listed with their first page, and pages are read by the template."""
    uri = f"doc://{both.acme.document_id}/page/1"

    async def work(client: Client) -> Any:
        listed = (await client.list_resources()).resources
        templates = (await client.list_resource_templates()).resource_templates
        return [str(each.uri) for each in listed], templates, await client.read_resource(uri)

    uris, templates, page = driven(both, both.acme.token, work)
    assert uri in uris
    assert not any(both.globex.document_id in each or both.sealed in each for each in uris)
    assert [each.uri_template for each in templates] == ["doc://{id}/page/{n}"]
    assert "xylograph" in page.contents[0].text
    for wrong in (
        f"doc://{both.acme.document_id}/page/2",
        f"doc://{both.acme.document_id}/page/0",
        f"doc://{both.globex.document_id}/page/1",
        f"doc://{both.sealed}/page/1",
        "doc://../page/1",
    ):
        refused = driven(both, both.acme.token, lambda client, uri=wrong: _refusal(client.read_resource(uri)))
        assert "There is no" in refused or "has no page" in refused


def test_what_one_may_not_see_is_in_no_tool(both: World) -> None:
    """Another's collection and document, and a sealed one: refused as unknown, or simply not found."""
    for token, query in (
        (both.globex.token, ""),
        (both.tokens["trusted"], "?as=staff"),
        (both.acme.token, ""),
    ):
        for name, arguments in (
            ("search", {"query": "zugzwang of the board", "collection": "acme"}),
            ("ask", {"question": "What does the zugzwang of the board cost?", "collection": "acme"}),
            ("ground", {"text": "The zugzwang of the board costs 900 euros.", "collection": "acme"}),
            ("fetch", {"id": both.sealed}),
            ("fetch", {"id": f"{both.sealed}:1:0-10"}),
        ):
            found = called(both, token, name, arguments, query=query)
            shown = found.model_dump_json().replace(json.dumps(arguments.get("text", ""))[1:-1], "")
            assert "worth a zugzwang" not in shown, (name, query)
            assert both.sealed not in shown.replace(str(arguments.get("id", "-")), "").replace(
                f"'{both.sealed}'", ""
            )
            if token == both.globex.token or name == "fetch":
                assert found.is_error
                assert "There is no" in found.content[0].text
    seen = called(both, both.tokens["trusted"], "search", {"query": "zugzwang"}, query="?as=board")
    assert CANARIES["sealed"] in seen.model_dump_json()


def test_a_collection_is_named_where_there_are_several(both: World) -> None:
    """In the call or in the address; otherwise the refusal names them."""
    unclear = called(both, ADMIN, "search", {"query": "cost"})
    named = called(both, ADMIN, "search", {"query": "cost"}, query="?collection=globex")

    assert unclear.is_error
    assert "acme, globex" in unclear.content[0].text
    assert "globex" in named.structured_content["results"][0]["text"]


def test_scopes_hold_for_each_tool(both: World) -> None:
    """A key sees the tools that it may call, and is refused the others; without a key there is nothing."""
    reader, writer = both.make_key("read:acme")["token"], both.make_key("write:acme")["token"]

    assert [each.name for each in driven(both, reader, lambda c: c.list_tools()).tools] == ["search", "fetch"]
    refused = called(both, reader, "ask", {"question": "What does it cost?"})
    assert refused.is_error
    assert "forbidden" in refused.content[0].text
    for token, status in ((writer, 403), ("wrong", 401), (both.tokens["revoked"], 401)):
        error_of(both.client.post("/mcp", json=PING, headers={**HEADERS, **bearer(token)}), status)
    error_of(both.client.post("/mcp", json=PING, headers=HEADERS), 401)
    error_of(
        both.client.post("/mcp?as=board", json=PING, headers={**HEADERS, **bearer(both.acme.token)}), 403
    )


def test_pages_of_other_sites_are_refused(both: World) -> None:
    """Also with a key that would do: a browser sends its page's origin. So is a Host that is not served here."""
    given = {**HEADERS, **bearer(both.acme.token)}
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
        refused = both.client.post("/mcp", json=PING, headers={**given, "Origin": origin})
        error_of(refused, 403, "origin_not_allowed")
    own = str(both.client.base_url).rstrip("/")
    assert both.client.post("/mcp", json=PING, headers={**given, "Origin": own}).status_code == 200
    error_of(
        both.client.post("/mcp", json=PING, headers={**given, "Host": "evil.example"}), 400, "unknown_host"
    )
    assert both.client.get("/mcp", headers=given).status_code == 405


def test_calls_are_counted_and_noted(both: World) -> None:
    """Rates and quotas hold, and the audit log has each call as what it stands for, without a word of it."""
    key = both.make_key("read:acme", "ask:acme", limits={"questions_per_day": 1})
    assert not called(both, key["token"], "ask", {"question": "What does the xylograph cost?"}).is_error
    spent = called(both, key["token"], "ask", {"question": "What does the xylograph cost?"})
    called(both, key["token"], "search", {"query": "xylograph"})

    assert spent.is_error
    assert "quota_exceeded" in spent.content[0].text
    rare = both.make_key("read:acme", limits={"requests_per_minute": 1})["token"]
    given = {**HEADERS, **bearer(rare)}
    assert both.client.post("/mcp", json=PING, headers=given).status_code == 200
    error_of(both.client.post("/mcp", json=PING, headers=given), 429, "rate_limited")
    entries = both.client.get("/v1/audit?limit=1000", headers=bearer(ADMIN)).json()["entries"]
    mine = [(each["action"], each["outcome"]) for each in entries if each["key_id"] == key["id"]]
    assert ("ask", 200) in mine
    assert ("ask", 429) in mine
    assert ("search", 200) in mine
    assert "xylograph" not in json.dumps(entries)


def test_wrong_calls_are_answered(both: World) -> None:
    """Unknown tools and arguments of another form: an error of the protocol or of the tool, never a fault."""
    for arguments in ({}, {"query": ""}, {"query": "x", "more": 1}, {"query": "x", "collection": "../x"}):
        found = called(both, both.acme.token, "search", arguments)
        assert found.is_error
        assert "invalid_field" in found.content[0].text
    refused = driven(both, both.acme.token, lambda client: _refusal(client.call_tool("delete", {})))
    assert "There is no tool" in refused


@pytest.mark.parametrize(
    ("headers", "sent", "status"),
    [
        ({}, b"{}", 400),
        ({}, b"[", 400),
        ({"Accept": "text/html"}, json.dumps(PING).encode(), 406),
        ({"Content-Type": "text/plain"}, json.dumps(PING).encode(), 415),
    ],
)
def test_what_is_no_message_is_refused_as_described(
    both: World, headers: dict[str, str], sent: bytes, status: int
) -> None:
    """The OpenAPI document has the status, and the form of the error in it."""
    given = {**HEADERS, "Content-Type": "application/json", **headers, **bearer(both.acme.token)}

    answered = both.client.post("/mcp", content=sent, headers=given)

    described = both.client.get("/openapi.json").json()["paths"]["/mcp"]["post"]["responses"]
    assert answered.status_code == status
    content = described[str(status)]["content"]["application/json"]["schema"]
    forms = content.get("anyOf", [content])
    if status == 415:
        error_of(answered, 415, "unsupported_media_type")
    else:
        (form,) = [each for each in forms if "jsonrpc" in each.get("required", ())]
        Draft202012Validator(form).validate(answered.json())

"""The tenant matrix: every route of the OpenAPI document, with every kind of key, on things of one's own and others'.

A new route fails here until ``PROBES`` says how to call it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from api.app import create_app
from api.rules import RULES
from api.settings import Settings
from index.keys import Scope
from tests.api.server import error_of
from tests.api.tenants import ADMIN, CANARIES, PAGE, Tenant, World, bearer, world

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

Probe = Callable[[Tenant], dict[str, Any]]


def body(**fields: str) -> Probe:
    """A JSON body; ``{name}`` in a value becomes the tenant's."""
    return lambda tenant: {"json": {name: value.format(name=tenant.name) for name, value in fields.items()}}


def nothing(_: Tenant) -> dict[str, Any]:
    """The address alone."""
    return {}


# How each route is called so that it does what it is for. Addresses are filled with the tenant's ids.
PROBES: dict[str, Probe] = {
    "POST /v1/documents": body(text="A note.", title="A note", collection="{name}"),
    "GET /v1/documents": lambda tenant: {"params": {"collection": tenant.name}},
    "GET /v1/documents/{document_id}": nothing,
    "PUT /v1/documents/{document_id}": body(text="The xylograph or quincunx costs 701 euros."),
    "DELETE /v1/documents/{document_id}": nothing,
    "GET /v1/documents/{document_id}/text": nothing,
    "GET /v1/documents/{document_id}/chunks": nothing,
    "GET /v1/documents/{document_id}/original": nothing,
    "GET /v1/documents/{document_id}/pages/{page}.png": nothing,
    "GET /v1/documents/{document_id}/events": nothing,
    "GET /v1/collections": nothing,
    "POST /v1/collections": body(name="{name}-2"),
    "GET /v1/collections/{name}": nothing,
    "DELETE /v1/collections/{name}": nothing,
    "POST /v1/search": body(query="What does it cost?", collection="{name}"),
    "POST /v1/ask": body(question="What does it cost?", collection="{name}"),
    "POST /v1/ask/batch": lambda tenant: {
        "json": {"questions": ["What does it cost?"], "collection": tenant.name}
    },
    "GET /v1/ask/batch": nothing,
    "GET /v1/ask/batch/{batch_id}": nothing,
    "GET /v1/ask/batch/{batch_id}/events": nothing,
    "GET /v1/ask/batch/{batch_id}/results": nothing,
    "GET /v1/ask/batch/{batch_id}/results.csv": nothing,
    "POST /v1/ask/batch/{batch_id}/cancel": nothing,
    "DELETE /v1/ask/batch/{batch_id}": nothing,
    "GET /v1/usage": nothing,
    "PUT /v1/collections/{name}/budget": lambda _: {"json": {"usd_per_day": 5}},
    "POST /v1/ground": body(text="It costs 700 euros.", collection="{name}"),
    "GET /v1/answers/{answer_id}": nothing,
    "POST /v1/answers/{answer_id}/feedback": lambda _: {"json": {"rating": 1}},
    "GET /v1/conversations": nothing,
    "DELETE /v1/conversations": nothing,
    "GET /v1/conversations/{conversation_id}": nothing,
    "DELETE /v1/conversations/{conversation_id}": nothing,
    "GET /v1/preferences": nothing,
    "PUT /v1/preferences": body(length="brief"),
    "DELETE /v1/preferences": nothing,
    "GET /v1/models": nothing,
    "POST /v1/chat/completions": lambda tenant: {
        "json": {"model": tenant.name, "messages": [{"role": "user", "content": "What does it cost?"}]}
    },
    "GET /v1/models/{model}": nothing,
    "POST /v1/responses": body(model="{name}", input="What does it cost?"),
    "GET /v1/responses/{response_id}": nothing,
    "DELETE /v1/responses/{response_id}": nothing,
    "GET /v1/responses/{response_id}/input_items": nothing,
    "POST /v1/files": lambda _: {"files": {"file": ("n.md", b"A note."), "purpose": (None, "assistants")}},
    "GET /v1/files": nothing,
    "GET /v1/files/{file_id}": nothing,
    "DELETE /v1/files/{file_id}": nothing,
    "GET /v1/files/{file_id}/content": nothing,
    "POST /v1/vector_stores": body(name="{name}-2"),
    "GET /v1/vector_stores": nothing,
    "GET /v1/vector_stores/{vector_store_id}": nothing,
    "POST /v1/vector_stores/{vector_store_id}": lambda _: {"json": {"metadata": {"a": "b"}}},
    "DELETE /v1/vector_stores/{vector_store_id}": nothing,
    "POST /v1/vector_stores/{vector_store_id}/search": body(query="What does it cost?"),
    "POST /v1/vector_stores/{vector_store_id}/files": lambda tenant: {"json": {"file_id": tenant.file_id}},
    "GET /v1/vector_stores/{vector_store_id}/files": nothing,
    "GET /v1/vector_stores/{vector_store_id}/files/{file_id}": nothing,
    "POST /v1/vector_stores/{vector_store_id}/files/{file_id}": lambda _: {"json": {"attributes": {"a": 1}}},
    "DELETE /v1/vector_stores/{vector_store_id}/files/{file_id}": nothing,
    "GET /v1/vector_stores/{vector_store_id}/files/{file_id}/content": nothing,
    "POST /v1/vector_stores/{vector_store_id}/file_batches": lambda tenant: {
        "json": {"file_ids": [tenant.file_id]}
    },
    "GET /v1/vector_stores/{vector_store_id}/file_batches/{batch_id}": nothing,
    "POST /v1/vector_stores/{vector_store_id}/file_batches/{batch_id}/cancel": nothing,
    "GET /v1/vector_stores/{vector_store_id}/file_batches/{batch_id}/files": nothing,
    "POST /v1/ai-sdk/chat": lambda tenant: {
        "json": {
            "collection": tenant.name,
            "messages": [{"role": "user", "parts": [{"type": "text", "text": "What does it cost?"}]}],
        }
    },
    "POST /retrieval": body(knowledge_id="{name}", query="What does it cost?"),
    # Its tools are crossed between tenants in tests/api/test_mcp.py: a refusal is an answer of the protocol.
    "POST /mcp": lambda _: {
        "json": {"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
        "headers": {"Accept": "application/json, text/event-stream"},
    },
    "GET /v1/keys": nothing,
    "POST /v1/keys": lambda _: {"json": {"name": "mine", "scopes": ["admin"]}},
    "GET /v1/keys/{key_id}": nothing,
    "DELETE /v1/keys/{key_id}": nothing,
    "POST /v1/keys/{key_id}/rotate": nothing,
    "GET /v1/audit": nothing,
    "GET /v1/activity": nothing,
    "GET /v1/settings": nothing,
    "GET /metrics": nothing,
    "GET /livez": nothing,
    "GET /readyz": nothing,
}
PROTECTED = sorted(name for name in PROBES if RULES[name].scopes is not None)
OPEN = sorted(set(PROBES) - set(PROTECTED))
# Where a tenant's thing is named, in the address or in the request.
NAMING = [name for name in PROTECTED if RULES[name].scopes != (Scope.ADMIN,) and name not in (
    "GET /v1/collections", "GET /v1/models", "GET /v1/documents", "GET /v1/ask/batch", "GET /v1/usage",
    "GET /v1/conversations", "DELETE /v1/conversations", "GET /v1/preferences", "PUT /v1/preferences",
    "DELETE /v1/preferences", "GET /v1/files", "GET /v1/vector_stores", "POST /v1/files", "POST /mcp",
)]  # fmt: skip


# Where a file, or a batch of files, is named beside a vector store.
IN_STORES = [name for name in NAMING if "{vector_store_id}/file" in name and name != (
    "GET /v1/vector_stores/{vector_store_id}/files"
)]  # fmt: skip


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Both tenants."""
    with world(tmp_path_factory.mktemp("tenants")) as made:
        yield made


def call(client: httpx.Client, name: str, of: Tenant, token: str | None, **more: Any) -> httpx.Response:
    """Call a route on a tenant's things with a key."""
    method, path = name.split(" ")
    address = path.format(
        document_id=of.document_id,
        answer_id=of.answer_id,
        conversation_id=of.conversation_id,
        key_id=of.key_id,
        name=of.name,
        page=1,
        model=of.name,
        response_id=of.response_id,
        vector_store_id=of.name,
        file_id=of.file_id,
        batch_id=of.file_batch_id if "vector_stores" in path else of.batch_id,
    )
    given = PROBES[name](of)
    headers = {**given.pop("headers", {}), **(bearer(token) if token else {}), **more.pop("headers", {})}
    return client.request(
        method, address, headers=headers, **{**given, "params": {**given.get("params", {}), **more}}
    )


def unknown(like: Tenant) -> Tenant:
    """A tenant that nobody has heard of, with ids of the same form."""
    return Tenant(
        name="nobody",
        token="",
        key_id="0" * len(like.key_id),
        document_id="doc_" + "0" * (len(like.document_id) - 4),
        answer_id="ans_" + "0" * (len(like.answer_id) - 4),
        batch_id="batch_" + "0" * (len(like.batch_id) - 6),
        conversation_id="conv_" + "0" * (len(like.conversation_id) - 5),
        response_id="resp_" + "0" * (len(like.response_id) - 5),
        file_id="file-" + "0" * (len(like.file_id) - 5),
        file_batch_id="vsfb_" + "0" * (len(like.file_batch_id) - 5),
    )


def same(response: httpx.Response) -> str:
    """A response without what must differ: the time and the trace id."""
    text = response.text.replace(response.headers["x-request-id"], "TRACE")
    # To Dify, a header without a key is another error than a key that is not accepted.
    text = text.replace('"error_code":1001', '"error_code":1002')
    headers = {name: each for name, each in response.headers.items() if name not in ("date", "x-request-id")}
    return f"{response.status_code} {sorted(headers.items())} {text}"


def test_every_route_has_a_rule_and_a_probe(tmp_path: Path) -> None:
    """A new route is refused by the service and by this test until both tables know it."""
    app = create_app(Settings(_env_file=None, data=tmp_path))  # type: ignore[call-arg]
    described = {
        f"{method.upper()} {path}" for path, methods in app.openapi()["paths"].items() for method in methods
    }
    assert described == set(PROBES) == set(RULES)


@pytest.mark.parametrize("name", OPEN)
def test_what_is_open_needs_no_key(both: World, name: str) -> None:
    """Whether the service lives is for everybody, with a wrong key too."""
    for token in (None, "wrong", ADMIN):
        assert call(both.client, name, both.acme, token).status_code == 200


@pytest.mark.parametrize("name", PROTECTED)
def test_without_a_live_key_nothing_is_answered(both: World, name: str) -> None:
    """No key, a wrong one, a revoked one, an expired one: the same 401, whether or not the thing exists."""
    expected = None
    for token in (None, "wrong", both.tokens["revoked"], both.tokens["expired"], f"fn_{'0' * 16}_{'A' * 43}"):
        for things in (both.acme, unknown(both.acme)):
            response = call(both.client, name, things, token)

            error_of(response, 401, "unauthorized")
            expected = expected or same(response)
            assert same(response) == expected


@pytest.mark.parametrize("name", NAMING)
def test_a_foreign_thing_is_as_unknown_as_any(both: World, name: str) -> None:
    """The other tenant's key gets 404, and letter for letter what it gets for things that do not exist."""
    foreign = call(both.client, name, both.acme, both.globex.token)
    missing = call(both.client, name, unknown(both.acme), both.globex.token)

    error_of(foreign, 404, "not_found")
    assert same(foreign) == same(missing)
    assert CANARIES["acme"] not in foreign.text


@pytest.mark.parametrize("name", IN_STORES)
def test_a_foreign_file_is_as_unknown_in_ones_own_store(both: World, name: str) -> None:
    """What the other tenant has cannot be put into one's own vector store, nor be told from what does not exist."""
    nobody = unknown(both.acme)
    foreign = replace(both.globex, file_id=both.acme.file_id, file_batch_id=both.acme.file_batch_id)
    missing = replace(both.globex, file_id=nobody.file_id, file_batch_id=nobody.file_batch_id)

    refused = call(both.client, name, foreign, both.globex.token)

    error_of(refused, 404, "not_found")
    assert same(refused) == same(call(both.client, name, missing, both.globex.token))
    kept = both.client.get(f"/v1/files/{both.acme.file_id}", headers=bearer(both.acme.token))
    assert kept.status_code == 200


@pytest.mark.parametrize(
    ("route", "asked"),
    [
        ("/v1/vector_stores", lambda of: {"name": "globex", "file_ids": [of.file_id]}),
        (
            "/v1/vector_stores/globex/file_batches",
            lambda of: {"files": [{"file_id": of.file_id, "attributes": {"a": 1}}]},
        ),
        (
            "/v1/responses",
            lambda of: {"model": "globex", "input": "Why?", "previous_response_id": of.response_id},
        ),
        (
            "/v1/responses",
            lambda of: {
                "model": "globex",
                "input": "Why?",
                "tools": [{"type": "file_search", "vector_store_ids": [of.name]}],
            },
        ),
    ],
)
def test_what_a_body_names_is_as_unknown_as_any(
    both: World, route: str, asked: Callable[[Tenant], dict[str, Any]]
) -> None:
    """Also where the address and the collection are one's own."""
    headers = bearer(both.globex.token)

    foreign, missing = (
        both.client.post(route, json=asked(of), headers=headers) for of in (both.acme, unknown(both.acme))
    )

    error_of(foreign, 404, "not_found")
    assert same(foreign) == same(missing)


@pytest.mark.parametrize("name", PROTECTED)
def test_a_restricted_document_is_in_no_answer(both: World, name: str) -> None:
    """A key without principals meets the sealed document nowhere; those who may see it do."""
    # A conversation is its owner's alone, and here nobody's: see test_conversations. As a file, the document has its
    # own id; whoever may not see it finds no response, file or batch of files of it either.
    sealed = replace(
        both.acme,
        key_id="0" * 16,
        document_id=both.sealed,
        conversation_id="conv_none",
        response_id="resp_0",
        file_id=both.sealed,
        file_batch_id="vsfb_0",
    )
    method, path = name.split(" ")
    if name in ("DELETE /v1/conversations", "DELETE /v1/preferences"):
        assert call(both.client, name, sealed, both.tokens["board"]).is_success
        return
    if RULES[name].scopes == (Scope.ADMIN,):
        error_of(call(both.client, name, sealed, both.tokens["board"]), 403, "forbidden")
        return
    if "{response_id}" in path or "file_batches/{batch_id}" in path:
        error_of(call(both.client, name, sealed, both.acme.token), 404, "not_found")
        return
    if (method == "DELETE" and ("{document_id}" in path or "{file_id}" in path)) or "pages" in path:
        error_of(call(both.client, name, sealed, both.acme.token), 404, "not_found")
        return

    plain = call(both.client, name, sealed, both.acme.token)
    untold = call(both.client, name, sealed, both.tokens["trusted"])

    if "{document_id}" in path or "{file_id}" in path:
        nowhere = replace(unknown(both.acme), name="acme")
        missing = call(both.client, name, nowhere, both.acme.token)
        for refused in (plain, untold):
            error_of(refused, 404, "not_found")
            assert same(refused) == same(missing)
        if method == "GET":
            assert call(both.client, name, sealed, both.tokens["board"]).status_code == 200
            assert (
                call(both.client, name, sealed, both.tokens["trusted"], **{"as": "board"}).status_code == 200
            )
            error_of(call(both.client, name, sealed, both.tokens["trusted"], **{"as": "staff"}), 404)
            error_of(call(both.client, name, sealed, both.acme.token, **{"as": "board"}), 403, "forbidden")
            error_of(
                call(both.client, name, sealed, both.tokens["board"], **{"as": "staff"}), 403, "forbidden"
            )
    for response in (plain, untold):
        assert CANARIES["sealed"] not in response.text
        assert both.sealed not in response.text or response.status_code == 404


@pytest.mark.parametrize("name", PROTECTED)
def test_each_scope_opens_its_routes_only(both: World, name: str) -> None:
    """A key with one scope gets 403 where another is needed, before anybody looks whether the thing exists."""
    for scope in (Scope.READ, Scope.ASK, Scope.WRITE):
        if scope in (RULES[name].scopes or ()):
            continue
        token = both.tokens.setdefault(scope, both.make_key(f"{scope}:*")["token"])
        for things in (both.acme, unknown(both.acme)):
            error_of(call(both.client, name, things, token), 403, "forbidden")


@pytest.mark.parametrize("name", PROTECTED)
def test_a_publishable_key_asks_and_nothing_else(both: World, name: str) -> None:
    """On its own pages it asks and rates; on others, and without a page, it does not even that."""
    response = call(both.client, name, both.acme, both.tokens["page"], headers={"Origin": PAGE})

    assert response.headers["access-control-allow-origin"] == PAGE
    if RULES[name].publishable:
        assert response.is_success, response.text
        for headers in (
            {},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": f"{PAGE}.evil"},
        ):
            refused = call(both.client, name, both.acme, both.tokens["page"], headers=headers)
            error_of(refused, 403, "origin_not_allowed")
            assert "access-control-allow-origin" not in refused.headers
    else:
        error_of(response, 403, "forbidden")


def test_lists_show_only_what_is_ones_own(both: World) -> None:
    """Neither names nor ids nor numbers of the other tenant's things, and no count of restricted documents."""
    token = both.globex.token
    for name in ("GET /v1/documents", "GET /v1/collections", "GET /v1/models"):
        for params in ({}, {"collection": "acme"}) if "documents" in name else ({},):
            found = both.client.get(name.split(" ")[1], params=params, headers=bearer(token))
            assert found.status_code == 200
            assert "acme" not in found.text
            assert both.acme.document_id not in found.text
    assert both.client.get("/v1/documents?collection=acme", headers=bearer(token)).json()["documents"] == []
    (shown,) = both.client.get("/v1/collections", headers=bearer(token)).json()["collections"]
    assert shown["name"] == "globex"
    counted = {
        who: both.client.get("/v1/collections/acme", headers=bearer(each)).json()
        for who, each in (("plain", both.acme.token), ("board", both.tokens["board"]))
    }
    assert counted["board"]["documents"] == counted["plain"]["documents"] + 1
    assert counted["board"]["passages"] == counted["plain"]["passages"] + 1


def test_what_is_asked_never_draws_on_what_may_not_be_seen(both: World) -> None:
    """Asked for the sealed word itself, an answer holds no passage, footnote, trace or disagreement of its document."""
    question = f"What does the {CANARIES['sealed']} of the board cost, and what is the xylograph worth?"
    for token, more, sees in (
        (both.acme.token, {}, False),
        (both.tokens["trusted"], {}, False),
        (both.tokens["trusted"], {"as": ["staff"]}, False),
        (both.tokens["trusted"], {"as": ["staff", "board"]}, True),
        (both.tokens["board"], {}, True),
        (both.tokens["board"], {"as": []}, False),
        (ADMIN, {}, True),
        (ADMIN, {"as": ["staff"]}, False),
    ):
        answer = both.ask(question, "acme", token, explain=True, top_k=50, **more)
        shown = json.dumps({**answer, "trace": {**answer["trace"], "search_text": ""}})
        assert (both.sealed in shown) == sees, more
        stored = both.client.get(f"/v1/answers/{answer['id']}", headers=bearer(both.acme.token))
        assert stored.status_code == (404 if sees else 200)
        streamed = both.client.post(
            "/v1/ask",
            json={"question": question, "collection": "acme", "stream": True, **more},
            headers=bearer(token),
        )
        assert (both.sealed in streamed.text) == sees


def test_a_full_page_of_hits_in_spite_of_hidden_ones(both: World) -> None:
    """Hidden passages take no places: as many are found as were asked for."""
    for number in range(6):
        both.upload(f"The heliotrope number {number} blooms.", "hidden", allow=["board"])
        both.upload(f"A heliotrope, the one numbered {number}, is open to everybody.", "hidden")
    token = both.make_key("read:hidden")["token"]
    for mode in ("hybrid", "dense", "lexical"):
        asked = {"query": "heliotrope number blooms", "collection": "hidden", "top_k": 6, "mode": mode}
        found = both.client.post("/v1/search", json=asked, headers=bearer(token)).json()["passages"]
        assert len(found) == 6, mode
        assert all("everybody" in each["text"] for each in found)


def test_hidden_documents_change_nothing_that_is_answered(both: World) -> None:
    """A hidden copy and a hidden contradiction leave no trace: no also_in, no disagreement, no other score or quote."""
    public = (
        "# Museum\n\nA ticket to the museum costs 12 euros for adults. It opens at ten o'clock on weekdays."
    )
    for collection in ("plain", "haunted"):
        both.upload(public, collection)
        both.upload("The lamp on the pier burns all night, and the keeper sleeps by day.", collection)
    both.upload(f"{public} A copy.", "haunted", allow=["board"])
    leaflet = "# Leaflet\n\nA ticket to the museum costs 15 euros for adults."
    both.upload(leaflet, "haunted", allow=["board"])
    token = both.make_key("read:plain", "ask:plain", "read:haunted", "ask:haunted")["token"]
    question = "What does a ticket to the museum cost for adults?"

    seen = []
    for collection in ("plain", "haunted"):
        asked = {"query": question, "collection": collection, "mode": "dense"}
        found = both.client.post("/v1/search", json=asked, headers=bearer(token)).json()["passages"]
        answer = both.ask(question, collection, token)
        checked = both.client.post(
            "/v1/ground",
            json={"text": "A ticket to the museum costs 15 euros for adults.", "collection": collection},
            headers=bearer(token),
        ).json()
        seen.append(
            (
                [(each["text"], each["score"], each["also_in"]) for each in found],
                (answer["answer"], [each["quote"] for each in answer["citations"]], answer["disagreements"]),
                [(each["verdict"], each["faults"]) for each in checked["claims"]],
            )
        )

    assert seen[0] == seen[1]
    assert "12 euros" in seen[0][1][0]
    board = both.make_key("ask:haunted", principals=["board"])["token"]
    assert both.ask(question, "haunted", board)["disagreements"] != []


def test_the_owner_can_do_all_of_it(both: World) -> None:
    """The probes are good: each route does for its owner what it refused to others. Last, since it deletes."""
    owner = both.make_key("read:owned", "ask:owned", "write:owned")
    for name in PROTECTED:
        if "pages" in name:
            continue
        mine = Tenant("owned", owner["token"], both.make_key("read:owned")["id"])
        mine.document_id = both.upload(f"The tool for {name} costs 700 euros.", "owned", owner["token"])
        answer = both.ask("What does the tool cost?", "owned", owner["token"], conversation_id=None)
        mine.answer_id, mine.conversation_id = answer["id"], answer["conversation_id"]
        mine.batch_id = both.batch("What does the tool cost?", "owned", owner["token"])
        both.fill(mine)
        if name in ("POST /v1/collections", "POST /v1/vector_stores"):
            mine.name = "owned-later"
            error_of(call(both.client, name, mine, owner["token"]), 404)
            continue
        admin = RULES[name].scopes == (Scope.ADMIN,)

        response = call(both.client, name, mine, ADMIN if admin else owner["token"])

        assert response.is_success, (name, response.text)
        if name.startswith("DELETE /v1/documents"):
            error_of(call(both.client, name, mine, owner["token"]), 404)

"""Keys at work: how they are made and ended, from which pages, how often, for how much, and what is noted of it."""

from __future__ import annotations

import json
import re
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import SecretStr

from api.settings import Settings
from index.keys import TOKEN
from tests.api.server import error_of, serving, wait_until_ready
from tests.api.tenants import ADMIN, PAGE, bearer
from tests.doubles.scripted_gateway import Scene, ScriptedGateway

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MINI = "gpt-4.1-mini"


@pytest.fixture(scope="module")
def players() -> Iterator[ScriptedGateway]:
    """The gateway of the service."""
    with ScriptedGateway([Scene.refusal(500, "no test has said what to play")]) as server:
        yield server


@pytest.fixture(scope="module")
def admin(players: ScriptedGateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a service that needs keys, which carries the admin key."""
    settings = Settings(  # type: ignore[call-arg]
        _env_file=None,
        data=tmp_path_factory.mktemp("access"),
        admin_key=SecretStr(ADMIN),
        gateway_url=players.url,
        model=MINI,
    )
    with serving(settings) as url, httpx.Client(base_url=url, timeout=60, headers=bearer(ADMIN)) as client:
        wait_until_ready(client)
        text = "The drill costs 5 euros a day. The saw costs 7 euros a day."
        body = {"text": text, "title": "Tools", "collection": "shop", "wait": True}
        client.post("/v1/documents", json=body).raise_for_status()
        yield client


def make(admin: httpx.Client, *scopes: str, **more: Any) -> dict[str, Any]:
    """A new key."""
    response = admin.post("/v1/keys", json={"name": "test", "scopes": list(scopes), **more})
    assert response.status_code == 201, response.text
    return dict(response.json())


def ask(admin: httpx.Client, token: str, **more: Any) -> httpx.Response:
    """Ask for a price."""
    body = {"question": "What does the drill cost?", "collection": "shop", "mode": "extractive", **more}
    return admin.post("/v1/ask", json=body, headers=bearer(token))


def noted(admin: httpx.Client, **wanted: Any) -> list[dict[str, Any]]:
    """Entries of the audit log with these values."""
    found: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = admin.get("/v1/audit", params={"after": after, "limit": 1000}).json()
        found += page["entries"]
        after = page["next_after"]
    return [each for each in found if all(each[name] == value for name, value in wanted.items())]


def test_the_token_is_shown_once(admin: httpx.Client) -> None:
    """At its making and at its rotation; no other answer has a part of it."""
    made = make(admin, "ask:shop", expires_at=time.time() + 1000)
    assert TOKEN.fullmatch(made["token"])
    rotated = admin.post(f"/v1/keys/{made['id']}/rotate", json={"overlap_s": 60}).json()
    assert rotated["former_secret_until"] == pytest.approx(time.time() + 60, abs=10)

    for path in ("/v1/keys", f"/v1/keys/{made['id']}"):
        text = admin.get(path).text
        assert made["id"] in text
        for token in (made["token"], rotated["token"]):
            assert token.rpartition("_")[2][:12] not in text
    for token in (made["token"], rotated["token"]):
        assert ask(admin, token).status_code == 200


def test_a_revoked_key_is_refused_at_once(admin: httpx.Client) -> None:
    """Also on a connection that it has used, and in a stream of requests that does not stop."""
    made = make(admin, "ask:shop")
    with httpx.Client(base_url=admin.base_url, headers=bearer(made["token"])) as own:
        assert own.get("/v1/models").status_code == 200

        assert admin.delete(f"/v1/keys/{made['id']}").json()["revoked_at"] is not None

        error_of(own.get("/v1/models"), 401, "unauthorized")
    error_of(admin.post(f"/v1/keys/{made['id']}/rotate"), 409, "conflict")
    assert admin.delete(f"/v1/keys/{made['id']}").status_code == 200
    error_of(admin.delete("/v1/keys/unknown"), 404, "not_found")


@pytest.mark.parametrize(
    "spoilt",
    [
        {"scopes": []},
        {"scopes": ["root"]},
        {"scopes": ["read"]},
        {"scopes": ["read:../x"]},
        {"scopes": ["publishable:*"]},
        {"scopes": ["publishable:shop"]},
        {"scopes": ["publishable:shop", "read:shop"], "origins": [PAGE]},
        {"scopes": ["publishable:shop"], "origins": ["*"]},
        {"scopes": ["publishable:shop"], "origins": [f"{PAGE}/"]},
        {"scopes": ["publishable:shop"], "origins": ["null"]},
        {"scopes": ["publishable:shop"], "origins": [PAGE], "principals": ["*"]},
        {"scopes": ["read:shop"], "origins": [PAGE]},
        {"scopes": ["admin", "read:shop"]},
        {"scopes": ["admin"], "principals": ["alice"]},
        {"scopes": ["read:shop"], "principals": ["*", "alice"]},
        {"scopes": ["read:shop"], "principals": [""]},
        {"scopes": ["read:shop"], "limits": {"requests_per_minute": 0}},
        {"scopes": ["read:shop"], "limits": {"reqests": 1}},
        {"scopes": ["read:shop"], "expires_at": 5},
        {"scopes": ["read:shop"], "id": "mine"},
        {"scopes": ["read:shop'; DROP TABLE keys"]},
        {"scopes": ["read:shop"], "name": "\x1b[2Jcleared"},
        {"scopes": ["read:shop"], "name": "two\nlines"},
        {"scopes": ["read:shop"], "name": "\x00"},
    ],
)
def test_a_key_that_makes_no_sense_is_refused(admin: httpx.Client, spoilt: dict[str, Any]) -> None:
    """422 that says why, and no key is made."""
    before = admin.get("/v1/keys").text

    error_of(admin.post("/v1/keys", json={"name": "x", **spoilt}), 422, "invalid_field")

    assert admin.get("/v1/keys").text == before


def test_row_28_a_publishable_key_opens_no_other_door(admin: httpx.Client) -> None:
    """It chooses no model, sees no trace, has limits by itself, and its preflight is answered for its pages only."""
    made = make(admin, "publishable:shop", origins=[PAGE])
    assert (made["limits"]["requests_per_minute"], made["limits"]["questions_per_day"]) == (60, 1000)
    page = {**bearer(made["token"]), "Origin": PAGE}
    body = {"question": "What does the drill cost?", "collection": "shop", "mode": "extractive"}
    assert admin.post("/v1/ask", json=body, headers=page).json()["abstained"] is False
    for more in ({"explain": True}, {"model": "gpt-4.1"}, {"as": ["alice"]}):
        error_of(admin.post("/v1/ask", json={**body, **more}, headers=page), 403, "forbidden")
    error_of(admin.post("/v1/ask", json={**body, "collection": "other"}, headers=page), 404)

    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    with httpx.Client(base_url=admin.base_url) as browser:
        allowed = browser.options("/v1/ask", headers={"Origin": PAGE, **asked})
        assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (204, PAGE)
        assert "access-control-allow-credentials" not in allowed.headers
        for origin in ("https://evil.example", "null", f"{PAGE}.evil.example", PAGE.replace("https", "http")):
            refused = browser.options("/v1/ask", headers={"Origin": origin, **asked})
            error_of(refused, 403, "origin_not_allowed")
            assert "access-control-allow-origin" not in refused.headers
        admin.delete(f"/v1/keys/{made['id']}")
        error_of(browser.options("/v1/ask", headers={"Origin": PAGE, **asked}), 403)
    # Pages of other sites never read what an ordinary key gets.
    assert "access-control-allow-origin" not in admin.get("/v1/keys", headers={"Origin": PAGE}).headers


@pytest.mark.parametrize(
    "headers",
    [
        [("X-API-Key", "{token}")],
        [("api-key", "{token}")],
        [("X-Forwarded-Authorization", "Bearer {token}")],
        [("Proxy-Authorization", "Bearer {token}")],
        [("Cookie", "authorization=Bearer {token}")],
        [("Authorization", "Basic {token}")],
        [("Authorization", "{token}")],
        [("Authorization", "Bearer wrong"), ("Authorization", "Bearer {token}")],
        [("Authorization", "Bearer {token}"), ("Authorization", "Bearer wrong")],
        [("Authorization", "Bearer wrong, Bearer {token}")],
        [("X-Original-URL", "/livez")],
        [("X-HTTP-Method-Override", "GET")],
        [("X-Forwarded-Host", "localhost"), ("X-Forwarded-For", "127.0.0.1")],
    ],
)
def test_row_29_no_other_header_stands_in_for_the_key(
    admin: httpx.Client, headers: list[tuple[str, str]]
) -> None:
    """One Authorization header with the bearer scheme, and nothing else."""
    token = make(admin, "read:shop")["token"]
    given = [(name, value.format(token=token)) for name, value in headers]
    with httpx.Client(base_url=admin.base_url, headers=given) as stranger:
        error_of(stranger.get("/v1/documents"), 401, "unauthorized")


def test_a_key_in_the_address_is_refused(admin: httpx.Client) -> None:
    """With 400, also beside a good header and where no key is needed: it says to revoke the key."""
    token = make(admin, "read:shop")["token"]
    for name in ("key", "access_token", "api_key", "x"):
        for path in ("/v1/documents", "/livez", "/"):
            for secret in (token, ADMIN):
                refused = admin.get(path, params={name: secret})
                error = error_of(refused, 400, "key_in_address")
                assert secret not in refused.text
                assert "Revoke" in error["message"]


def test_a_key_in_any_part_of_an_address_is_refused(admin: httpx.Client) -> None:
    """In the path as in the query, written out or in percent signs; neither the answer nor the log repeats it."""
    token = make(admin, "read:shop", "write:shop")["token"]
    for secret in (token, ADMIN):
        escaped = "".join(f"%{ord(each):02x}" for each in secret)
        for address in (
            f"/v1/documents/{secret}",
            f"/v1/documents/{escaped}/text",
            f"/v1/collections/{secret}",
            f"/v1/documents?key={escaped}",
        ):
            refused = admin.get(address)
            error_of(refused, 400, "key_in_address")
            assert secret not in refused.text
            error_of(admin.delete(address), 400, "key_in_address")
    assert token not in json.dumps(noted(admin))


def test_a_short_admin_key_shuts_no_address(tmp_path: Path) -> None:
    """A key that is a word is still a key, and addresses that hold the word are served."""
    settings = Settings(_env_file=None, data=tmp_path, admin_key=SecretStr("papers"))  # type: ignore[call-arg]
    with serving(settings) as url, httpx.Client(base_url=url, headers=bearer("papers")) as client:
        assert client.get("/v1/documents", params={"collection": "papers"}).status_code == 200


def test_row_20_a_forged_host_changes_nothing(admin: httpx.Client) -> None:
    """The service listens on loopback and has keys: other names are refused before the key is looked at."""
    for host in (
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost:80@evil.example",
        "169.254.169.254",
        "",
    ):
        error_of(admin.get("/v1/keys", headers={"Host": host}), 400, "unknown_host")
    with httpx.Client(base_url=admin.base_url) as stranger:
        for host in ("localhost", "127.0.0.1/livez", "localhost/v1/../livez?"):
            assert stranger.get("/v1/keys", headers={"Host": host}).status_code in (400, 401)


@pytest.mark.parametrize(
    "path",
    [
        "//v1/keys",
        "/V1/keys",
        "/v1//keys",
        "/web/../v1/keys",
        "/livez/../v1/keys",
        "/v1/keys/",
        "/%2e/v1/keys",
    ],
)
def test_no_spelling_of_an_address_slips_past(admin: httpx.Client, path: str) -> None:
    """What the router serves is what the gate has looked at: no other spelling lists the keys."""
    with httpx.Client(base_url=admin.base_url, follow_redirects=True) as stranger:
        url = stranger.base_url.copy_with(raw_path=path.encode())
        response = stranger.get(url)
        assert response.status_code in (401, 404)
        assert "keys" not in response.json()


def test_no_redirect_repeats_a_forged_host(admin: httpx.Client) -> None:
    """An address with a slash too many is unknown, and leads nowhere."""
    for path in ("/v1/documents/", "/v1/keys/", "/livez/"):
        response = admin.get(path, headers={"X-Forwarded-Host": "evil.example"}, follow_redirects=False)
        error_of(response, 404, "not_found")
        assert "location" not in response.headers


def test_an_address_names_all_of_its_methods(admin: httpx.Client) -> None:
    """Whoever calls it with another method is told every one that it takes, of all its routes."""
    for path, allowed in (
        ("/v1/collections", "GET, POST"),
        ("/v1/documents/doc_0", "DELETE, GET, PUT"),
        ("/v1/documents/doc_0/pages/1.png", "GET"),
        ("/livez", "GET"),
    ):
        refused = admin.patch(path)
        error_of(refused, 405, "method_not_allowed")
        assert refused.headers["allow"] == allowed


def test_row_30_no_part_of_a_statement(admin: httpx.Client) -> None:
    """What looks like SQL in a key's name, a principal, a filter or an id is a text like any other."""
    hostile = "x' OR '1'='1'; DROP TABLE keys; --"
    made = make(admin, "read:shop", name=hostile, principals=[hostile])
    assert admin.get(f"/v1/keys/{made['id']}").json()["name"] == hostile
    for path in (f"/v1/keys/{hostile}", f"/v1/documents/{hostile}", f"/v1/answers/{hostile}"):
        error_of(admin.get(path), 404, "not_found")
    found = admin.post(
        "/v1/search",
        json={"query": "drill", "collection": "shop", "filter": {hostile: hostile}, "as": [hostile]},
        headers=bearer(made["token"]),
    )
    assert found.json()["passages"] == []
    assert admin.get("/v1/keys").status_code == 200


def test_row_32_no_caller_chooses_the_gateway(admin: httpx.Client, players: ScriptedGateway) -> None:
    """Addresses and keys of gateways in a request are refused or ignored, and never called."""
    elsewhere = {
        "api_base": "http://127.0.0.1:9/v1",
        "base_url": "http://127.0.0.1:9/v1",
        "api_key": "sk-mine",
    }
    for name, value in elsewhere.items():
        error_of(ask(admin, ADMIN, **{name: value}), 422, "invalid_field")
    players.play(Scene.answer("The drill costs 5 euros a day."))
    chat = {
        "model": "shop",
        "messages": [{"role": "user", "content": "What does the drill cost?"}],
        **elsewhere,
    }
    before = len(players.requests)
    admin.post("/v1/chat/completions", json=chat)
    assert len(players.requests) > before
    assert all("sk-mine" not in str(each) for each in players.requests)


def test_row_34_metrics_and_the_log_are_for_administrators(admin: httpx.Client) -> None:
    """A browser that reaches the port reads neither, and a tenant's key does not either."""
    token = make(admin, "read:*", "ask:*", "write:*")["token"]
    for path in ("/metrics", "/v1/audit", "/v1/keys"):
        assert admin.get(path).status_code == 200
        error_of(admin.get(path, headers=bearer(token)), 403, "forbidden")
        with httpx.Client(base_url=admin.base_url) as stranger:
            error_of(stranger.get(path, headers={"Origin": "https://evil.example"}), 401)


def test_requests_a_minute(admin: httpx.Client) -> None:
    """So many pass, the next gets 429 with a time to wait; other keys are not slowed."""
    made = make(admin, "read:shop", limits={"requests_per_minute": 5})
    seen = [admin.get("/v1/documents", headers=bearer(made["token"])) for _ in range(7)]

    assert [each.status_code for each in seen] == [200] * 5 + [429] * 2
    assert [each.headers["x-ratelimit-remaining"] for each in seen[:5]] == ["4", "3", "2", "1", "0"]
    error = error_of(seen[-1], 429, "rate_limited")
    assert error["retryable"] is True
    assert 1 <= int(seen[-1].headers["retry-after"]) <= 60
    assert seen[-1].headers["x-ratelimit-limit"] == "5"
    assert admin.get("/v1/documents").status_code == 200


def test_questions_a_day(admin: httpx.Client) -> None:
    """Asking, checking and chatting count; searching does not. At the end 429 until midnight."""
    made = make(admin, "ask:shop", "read:shop", limits={"questions_per_day": 2})
    token = made["token"]
    search = {"query": "drill", "collection": "shop"}
    assert ask(admin, token).status_code == 200
    assert admin.post("/v1/search", json=search, headers=bearer(token)).status_code == 200
    assert admin.post(
        "/v1/ground", json={"text": "x.", "collection": "shop"}, headers=bearer(token)
    ).is_success

    refused = ask(admin, token)

    error_of(refused, 429, "quota_exceeded")
    assert 1 <= int(refused.headers["retry-after"]) <= 86_400
    assert admin.post("/v1/search", json=search, headers=bearer(token)).status_code == 200


def test_uploaded_bytes_a_day(admin: httpx.Client) -> None:
    """The body's length counts before it is read; what is refused is given back; a length must be said."""
    made = make(admin, "write:shop", limits={"upload_bytes_per_day": 3_000})
    headers = bearer(made["token"])
    spoilt = admin.post("/v1/documents", json={"text": "", "pad": "x" * 2_000}, headers=headers)
    error_of(spoilt, 422)
    body = {"text": "n" * 2_000, "title": "quota", "collection": "shop"}
    assert admin.post("/v1/documents", json=body, headers=headers).status_code == 202
    error_of(
        admin.post("/v1/documents", json={**body, "title": "two"}, headers=headers), 429, "quota_exceeded"
    )

    pieces = iter([json.dumps({**body, "text": "short"}).encode()])
    chunked = admin.post(
        "/v1/documents", content=pieces, headers={**headers, "Content-Type": "application/json"}
    )
    error_of(chunked, 411, "length_required")


def test_money_a_day_is_not_overspent_at_once(admin: httpx.Client, players: ScriptedGateway) -> None:
    """Of ten questions at the same time, each of which might cost 2 of 5 cents, two are let in; the next wait."""
    made = make(admin, "ask:shop", limits={"usd_per_day": 0.05})
    players.play(Scene.drip("The drill costs 5 euros a day.", 0.3))
    results: list[int] = []
    together = threading.Barrier(10)

    def one() -> None:
        together.wait()
        results.append(ask(admin, made["token"], mode="generative", max_cost_usd=0.02).status_code)

    threads = [threading.Thread(target=one) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(results) == {200, 429}
    assert 2 <= results.count(200) <= 4
    # Quotations cost nothing, whatever is left.
    assert ask(admin, made["token"]).status_code == 200


def test_the_log_notes_who_did_what(admin: httpx.Client) -> None:
    """Each change stands in it when it is answered: key, action, object, outcome, trace; no word of any content."""
    made = make(
        admin, "read:shop", "write:shop", "ask:shop", name="NAME-CANARY", principals=["PRINCIPAL-CANARY"]
    )
    own = bearer(made["token"])
    body = {
        "text": "TEXT-CANARY",
        "filename": "FILE-CANARY.txt",
        "title": "TITLE-CANARY",
        "collection": "shop",
    }
    stored = admin.post("/v1/documents", json={**body, "wait": True}, headers=own)
    (document,) = stored.json()["documents"]
    (entry,) = noted(admin, object=document["id"], action="document.upload")
    assert entry["key_id"] == made["id"]
    assert entry["outcome"] == 201
    assert entry["trace_id"] == stored.headers["x-request-id"]
    assert entry["at"] == pytest.approx(time.time(), abs=60)

    deleted = admin.delete(f"/v1/documents/{document['id']}", headers=own)
    assert noted(admin, action="document.delete", trace_id=deleted.headers["x-request-id"])
    asked = ask(admin, made["token"], question="QUESTION-CANARY, what does the drill cost?")
    refused = admin.get("/v1/keys", headers=own)
    foreign = admin.get("/v1/documents/doc_0/text", headers=own)
    wrong = admin.delete("/v1/documents/FILE-CANARY.txt", headers=own)
    opened = admin.post("/v1/collections", json={"name": "attic"})
    for _ in range(100):
        if noted(admin, trace_id=foreign.headers["x-request-id"]):
            break
        time.sleep(0.02)
    for response, action, thing in (
        (asked, "ask", asked.json()["id"]),
        (refused, "key.list", None),
        (foreign, "document.text", "doc_0"),
        (wrong, "document.delete", "?"),
        (opened, "collection.create", "attic"),
    ):
        (entry,) = noted(admin, trace_id=response.headers["x-request-id"])
        assert (entry["action"], entry["object"], entry["outcome"]) == (action, thing, response.status_code)
        assert entry["key_id"] == ("admin" if response is opened else made["id"])
    everything = json.dumps(noted(admin))
    assert not re.search("CANARY|FILE", everything)
    assert made["token"].rpartition("_")[2][:12] not in everything


def test_strangers_cannot_fill_the_log(admin: httpx.Client) -> None:
    """Refusals without a key are noted, at most sixty in a minute."""
    before = len(noted(admin, key_id="-"))
    with httpx.Client(base_url=admin.base_url) as stranger:
        for _ in range(90):
            error_of(stranger.get("/v1/documents"), 401)
    time.sleep(0.5)
    # Twice sixty where the requests take longer than a minute.
    assert 1 <= len(noted(admin, key_id="-")) <= before + 120
    assert len(noted(admin, key_id="-")) < before + 90


def test_without_any_key_the_first_one_closes_the_door(tmp_path: Path) -> None:
    """On loopback nothing needs a key until one is made; from then on everything does, also when all are revoked."""
    settings = Settings(_env_file=None, data=tmp_path)  # type: ignore[call-arg]
    with serving(settings) as url, httpx.Client(base_url=url) as client:
        assert client.get("/v1/documents").status_code == 200
        assert client.get("/v1/documents", headers=bearer("whatever a client sends")).status_code == 200
        made = make(client, "admin")
        error_of(client.get("/v1/documents"), 401)
        assert client.get("/v1/keys", headers=bearer(made["token"])).status_code == 200
        assert client.delete(f"/v1/keys/{made['id']}", headers=bearer(made["token"])).status_code == 200
        error_of(client.get("/v1/documents"), 401)

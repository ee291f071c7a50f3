"""``Idempotency-Key`` over HTTP, after the IETF draft: done once, answered as often as it is asked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from index.doctor import examine
from tests.api.server import error_of
from tests.api.test_same_request import packed
from tests.doubles.embedder import HashingEmbedder
from tests.durability.conftest import light
from tests.index.test_jobs import Gate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

    from api.deps import Service

KEY = {"Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}


def post(client: httpx.Client, text: str, name: str = "a.txt", headers: Any = None, **fields: str) -> Any:
    """Upload one file."""
    return client.post(
        "/v1/documents",
        files={"file": (name, text.encode())},
        data=fields,
        headers=KEY if headers is None else headers,
    )


def documents(client: httpx.Client) -> list[dict[str, Any]]:
    """All documents."""
    found: list[dict[str, Any]] = client.get("/v1/documents").json()["documents"]
    return found


def test_twenty_parallel_identical_uploads_are_one_document(served: tuple[httpx.Client, Service]) -> None:
    """Without a key each is answered with the same document; with one, one is done and the others told to wait."""
    client, service = served
    with ThreadPoolExecutor(20) as pool:
        plain = list(pool.map(lambda _: post(client, "the same bytes", headers={}, wait="true"), range(20)))
        keyed = list(pool.map(lambda _: post(client, "other bytes", "b.txt", wait="true"), range(20)))

    assert {each.status_code for each in plain} == {201}
    assert {each.status_code for each in keyed} <= {201, 409}
    assert any(each.status_code == 201 for each in keyed)
    for each in keyed:
        if each.status_code == 409:
            assert error_of(each, 409, "request_in_progress")["retryable"]
    again = post(client, "other bytes", "b.txt", wait="true")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert [each["filename"] for each in documents(client)] == ["a.txt", "b.txt"]
    assert [each["version"] for each in documents(client)] == [1, 1]
    assert service.store.catalog.collection("default").passages == 2
    assert len(service.store.blobs.stored()) == 2
    assert examine(service.store, repair=False).clean


def test_the_same_request_has_the_same_answer(client: httpx.Client) -> None:
    """To the last byte, though the document has moved on, and with another multipart boundary."""
    first = post(client, "some text")
    while documents(client)[0]["status"] != "ready":
        pass
    second = post(client, "some text")

    assert first.status_code == second.status_code == 202
    assert first.request.headers["content-type"] != second.request.headers["content-type"]
    assert second.json() == first.json()
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize(
    "change",
    [
        lambda client: post(client, "other text"),
        lambda client: post(client, "some text", "b.txt"),
        lambda client: post(client, "some text", metadata='{"a": 1}'),
        lambda client: post(client, "some text", collection="other"),
        lambda client: client.post("/v1/documents", json={"text": "some text"}, headers=KEY),
        lambda client: client.put(
            f"/v1/documents/{documents(client)[0]['id']}",
            files={"file": ("a.txt", b"some text")},
            headers=KEY,
        ),
        lambda client: client.delete(f"/v1/documents/{documents(client)[0]['id']}", headers=KEY),
    ],
)
def test_another_request_with_the_key_is_refused(
    client: httpx.Client, change: Callable[[httpx.Client], httpx.Response]
) -> None:
    """With 422, and nothing is changed by it."""
    post(client, "some text", wait="true")
    before = documents(client)

    error_of(change(client), 422, "idempotency_key_reused")

    assert documents(client) == before


def test_a_request_that_is_in_progress_is_a_conflict(tmp_path: Path) -> None:
    """409 for as long as the first one runs, then its answer."""
    gate = Gate()

    class Waiting(HashingEmbedder):
        def count_tokens(self, texts: Any) -> list[int]:
            gate()
            return super().count_tokens(texts)

    with light(tmp_path / "data", Waiting()) as (client, _), ThreadPoolExecutor(1) as pool:
        first = pool.submit(post, client, "some text", wait="true")
        assert gate.reached.wait(30)
        refused = post(client, "some text", wait="true")
        gate.open.set()

        assert error_of(refused, 409, "request_in_progress")["retryable"]
        assert refused.headers["Retry-After"] == "1"
        assert first.result().status_code == 201
        assert post(client, "some text", wait="true").json() == first.result().json()
        assert len(documents(client)) == 1


def test_replacing_with_a_key(client: httpx.Client) -> None:
    """A replacement that is sent again makes no further version, also after somebody else's."""
    document_id = post(client, "first", headers={}, wait="true").json()["documents"][0]["id"]

    def put(text: str, headers: dict[str, str]) -> httpx.Response:
        return client.put(
            f"/v1/documents/{document_id}",
            files={"file": ("a.txt", text.encode())},
            data={"wait": "true"},
            headers=headers,
        )

    first = put("second", KEY)
    put("third", {})
    again = put("second", KEY)

    assert first.json() == again.json()
    assert first.json()["documents"][0]["version"] == 2
    assert client.get(f"/v1/documents/{document_id}/text").json()["text"] == "third"


def test_deleting_with_a_key(client: httpx.Client) -> None:
    """The receipt is given again, where without a key the document is unknown; also when the key came late."""
    document_id = post(client, "some text", headers={}, wait="true").json()["documents"][0]["id"]
    url = f"/v1/documents/{document_id}"

    first, again = client.delete(url, headers=KEY), client.delete(url, headers=KEY)

    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert first.json()["removed"]["original"]
    error_of(client.delete(url), 404, "not_found")
    error_of(client.delete(url, headers={"Idempotency-Key": "another"}), 404, "not_found")
    error_of(client.delete(url, headers={"Idempotency-Key": "another"}), 404, "not_found")


def test_a_replayed_answer_shows_nothing_of_a_deleted_document(client: httpx.Client) -> None:
    """Its title, which comes from its text, is gone with it; the request is still not done again."""
    shown = post(client, "# CANARY\n\nsome text", "a.md", wait="true")
    assert "CANARY" in shown.text
    document_id = shown.json()["documents"][0]["id"]
    client.delete(f"/v1/documents/{document_id}")

    again = post(client, "# CANARY\n\nsome text", "a.md", wait="true")

    assert again.status_code == 201
    assert "CANARY" not in again.text
    (left,) = again.json()["documents"]
    assert (left["id"], left["status"], left["title"]) == (document_id, "deleted", "")
    assert documents(client) == []


def test_an_archive_that_was_cut_off_goes_on(served: tuple[httpx.Client, Service]) -> None:
    """A try that stored one of its files before it failed is completed by the next, without a second version."""
    client, service = served
    archive = packed(a="one", b="two", c="three")
    add, calls = service.store.add, []

    def failing(*arguments: Any, **named: Any) -> Any:
        calls.append(named["filename"])
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return add(*arguments, **named)

    service.store.add = failing  # type: ignore[method-assign]
    sent = {"files": {"file": ("r.zip", archive)}, "headers": KEY}
    error_of(client.post("/v1/documents", **sent), 507, "disk_full")
    first = documents(client)
    done = client.post("/v1/documents", **sent)

    assert len(first) == 1
    assert done.status_code == 202
    assert len(done.json()["documents"]) == 3
    assert calls == ["r.zip/a.txt", "r.zip/b.txt", "r.zip/b.txt", "r.zip/c.txt"]
    assert [each["version"] for each in documents(client)] == [1, 1, 1]


@pytest.mark.parametrize("key", ["", "with space", '"', "x" * 256, "tab\tin", "ü"])
def test_a_key_of_another_form_is_malformed(client: httpx.Client, key: str) -> None:
    """400, and nothing is stored."""
    headers = [(b"Idempotency-Key", key.encode())]

    error_of(post(client, "text", headers=headers), 400)
    assert documents(client) == []


def test_two_keys_are_malformed(client: httpx.Client) -> None:
    """Which one is meant is not guessed."""
    error_of(
        post(client, "text", headers=[("Idempotency-Key", "a"), ("Idempotency-Key", "b")]), 400, "malformed"
    )


def test_an_invalid_request_does_not_use_up_its_key(client: httpx.Client) -> None:
    """What is refused before anything is done can be mended and sent with the same key."""
    error_of(post(client, "text", metadata="no json"), 422, "invalid_field")

    assert post(client, "text").status_code == 202


def test_a_quoted_key_and_a_bare_one_are_the_same(client: httpx.Client) -> None:
    """The draft's quoted string, and the bare word that many clients send."""
    first = post(client, "text", headers={"Idempotency-Key": '"abc"'})
    again = post(client, "text", headers={"Idempotency-Key": "abc"})

    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"


def test_the_header_is_described(client: httpx.Client) -> None:
    """In the OpenAPI document, beside the parameters that the routes have anyway."""
    paths = client.get("/openapi.json").json()["paths"]
    routes = [("/v1/documents", "post"), ("/v1/documents/{document_id}", "put")]
    for path, method in [*routes, ("/v1/documents/{document_id}", "delete")]:
        names = {each["name"] for each in paths[path][method]["parameters"]}
        assert names == {"Idempotency-Key", "as"} | ({"document_id"} if "{" in path else set())

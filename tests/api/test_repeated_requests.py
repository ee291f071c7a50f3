"""Requests with an Idempotency-Key behind keys and permissions: repeated for whoever made them, and for nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.api.server import error_of
from tests.api.tenants import ADMIN, World, bearer, world

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Both tenants."""
    with world(tmp_path_factory.mktemp("tenants")) as made:
        yield made


def post(both: World, token: str, key: str, text: str, **more: Any) -> httpx.Response:
    """Upload a text under a key of repetition, as the principals in ``as_``."""
    params = {"as": more.pop("as_")} if "as_" in more else {}
    body = {"text": text, "title": "repeated", "collection": "acme", "on_conflict": "new", **more}
    headers = {**bearer(token), "Idempotency-Key": key.replace(" ", "-")}
    return both.client.post("/v1/documents", json=body, params=params, headers=headers)


def only(response: httpx.Response) -> dict[str, Any]:
    """The one document of an answer."""
    (found,) = response.json()["documents"]
    return dict(found)


def test_the_same_key_of_another_caller_is_another_request(both: World) -> None:
    """Neither its answer nor the fact that it was used shows: each caller's request is done and repeated as its own."""
    tokens = [both.acme.token, both.tokens["trusted"], ADMIN]
    first = [post(both, each, "shared", "One text for three callers.") for each in tokens]
    again = [post(both, each, "shared", "One text for three callers.") for each in tokens]

    assert [each.status_code for each in (*first, *again)] == [202] * 6
    assert not any("Idempotency-Replayed" in each.headers for each in first)
    assert all(each.headers["Idempotency-Replayed"] == "true" for each in again)
    assert [each.json() for each in again] == [each.json() for each in first]
    foreign = both.client.post(
        "/v1/documents",
        json={"text": "Quite another text.", "collection": "globex"},
        headers={**bearer(both.globex.token), "Idempotency-Key": "shared"},
    )
    assert foreign.status_code == 202


def test_the_same_caller_as_somebody_else_is_another_caller(both: World) -> None:
    """Who sees all, nobody, and the board do not share their answers."""
    named: tuple[dict[str, Any], ...] = ({}, {"as_": []}, {"as_": ["board"]})
    seen = [
        post(both, ADMIN, "acting", "A text of the board.", metadata={"allow": ["board"]}, **more)
        for more in named
    ]
    assert [each.status_code for each in seen] == [202, 202, 202]
    assert not any("Idempotency-Replayed" in each.headers for each in seen[:1])
    again = post(both, ADMIN, "acting", "A text of the board.", metadata={"allow": ["board"]}, as_=["board"])
    assert again.headers["Idempotency-Replayed"] == "true"
    assert only(again) == only(seen[2])


def test_a_repeated_answer_shows_nothing_that_was_hidden_since(both: World) -> None:
    """Restricted by an administrator, it is for its former reader as if it had been deleted."""
    text = "The merger is announced on Monday."
    first = post(both, both.acme.token, "hidden since", text, title="CANARY", wait=True)
    document_id = only(first)["id"]
    assert "CANARY" in first.text
    hidden = both.client.put(
        f"/v1/documents/{document_id}",
        json={"text": text + " No.", "wait": True, "metadata": {"allow": ["board"]}},
        headers=bearer(ADMIN),
    )
    assert hidden.status_code == 201

    again = post(both, both.acme.token, "hidden since", text, title="CANARY", wait=True)

    assert again.status_code == 201
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "CANARY" not in again.text
    assert (only(again)["id"], only(again)["status"], only(again)["metadata"]) == (document_id, "deleted", {})


def test_who_hides_an_upload_from_themselves_is_answered_again(both: World) -> None:
    """What they sent is no secret to them, until somebody else puts another version in its place."""
    text = "# For the board\n\nWritten by somebody who does not sit on it."
    more: dict[str, Any] = {"metadata": {"allow": ["board"]}, "wait": True, "filename": "own.md"}
    first = post(both, both.acme.token, "hidden by myself", text, **more)
    again = post(both, both.acme.token, "hidden by myself", text, **more)
    assert only(first)["status"] == "ready"
    assert again.json() == first.json()

    address = f"/v1/documents/{only(first)['id']}"
    error_of(both.client.get(address, headers=bearer(both.acme.token)), 404, "not_found")
    other = {"text": "# ZUGZWANG\n\nThe board's own words.", "wait": True}
    both.client.put(address, json=other, headers=bearer(both.tokens["board"])).raise_for_status()

    later = post(both, both.acme.token, "hidden by myself", text, **more)
    assert "ZUGZWANG" not in later.text
    assert only(later)["status"] == "deleted"


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_foreign_document_is_unknown_with_a_key_too(both: World, method: str) -> None:
    """The answer is that for an unknown id, the claim is let go of, and the key serves for the next request."""
    body: dict[str, Any] = {"json": {"text": "Mine."}} if method == "PUT" else {}
    headers = {**bearer(both.globex.token), "Idempotency-Key": f"foreign-{method}"}
    shown = []
    for document_id in (both.acme.document_id, both.sealed, "doc_unknown", both.acme.document_id):
        response = both.client.request(method, f"/v1/documents/{document_id}", headers=headers, **body)
        error_of(response, 404, "not_found")
        shown.append(response.json()["error"]["message"].replace(document_id, "ID"))
    assert len(set(shown)) == 1
    mine = both.upload(f"A text for {method}.", "globex", both.globex.token)
    done = both.client.request(method, f"/v1/documents/{mine}", headers=headers, **body)
    assert done.is_success, done.text


def test_a_foreign_collection_uses_up_no_key(both: World) -> None:
    """Refused before anything is claimed."""
    error_of(post(both, both.globex.token, "refused", "A text."), 404, "not_found")
    done = post(both, both.globex.token, "refused", "A text.", collection="globex")
    assert done.status_code == 202


def test_a_receipt_is_repeated_to_its_caller_alone(both: World) -> None:
    """Others learn that the document is unknown, with whatever key."""
    document_id = both.upload("A text to delete.", "acme")
    headers = {"Idempotency-Key": "receipt"}
    address = f"/v1/documents/{document_id}"
    first, again = (
        both.client.delete(address, headers={**bearer(both.acme.token), **headers}) for _ in range(2)
    )
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    for token in (both.globex.token, both.tokens["board"], ADMIN):
        error_of(both.client.delete(address, headers={**bearer(token), **headers}), 404, "not_found")


def test_repeating_costs_no_quota(both: World) -> None:
    """The bytes of a request that is only answered again are given back, and those of a refused one too."""
    token = both.make_key("write:acme", limits={"upload_bytes_per_day": 5_000})["token"]
    for _ in range(4):
        assert post(both, token, "quota", "n" * 2_000).status_code == 202
    error_of(post(both, token, "quota", "m" * 2_000), 422, "idempotency_key_reused")
    assert post(both, token, "another", "m" * 2_000).status_code == 202
    error_of(post(both, token, "third", "o" * 2_000), 429, "quota_exceeded")


def test_the_log_notes_repetitions(both: World) -> None:
    """A repeated upload is noted under the document that it became, like the first."""
    key = both.make_key("write:acme")
    done = [post(both, key["token"], "noted", "A text that is noted.") for _ in range(2)]
    entries: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = both.client.get("/v1/audit", params={"after": after}, headers=bearer(ADMIN)).json()
        entries += page["entries"]
        after = page["next_after"]
    noted = [each for each in entries if each["key_id"] == key["id"]]
    assert [(each["action"], each["object"]) for each in noted] == [
        ("document.upload", only(each)["id"]) for each in done
    ]

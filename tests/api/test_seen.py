"""What the page shows of a service: passages, activity, the newest of the audit log, settings, and its own files."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from api.schemas.configuration import shown_settings
from api.settings import Settings
from tests.api.conftest import ADMIN_KEY
from tests.api.server import error_of, upload

if TYPE_CHECKING:
    import httpx

HEADER = {"Authorization": f"Bearer {ADMIN_KEY}"}
TEXT = "# Log\n\nThe keeper sleeps. The lamp burns.\n\n" + "".join(
    f"## Watch {number}\n\nNothing happened in watch {number}. The sea was calm.\n\n" for number in range(30)
)


def test_passages_in_parts_are_the_stored_text(client: httpx.Client) -> None:
    """Part after part, the passages follow one another, tile the text, and are tiled by their sentences."""
    document = upload(client, TEXT, "log.md", collection="watches")
    found, after = [], 0
    while after is not None:
        page = client.get(
            f"/v1/documents/{document['id']}/chunks", params={"after": after, "limit": 7}
        ).json()
        assert page["version"] == 1
        found += page["passages"]
        after = page["next_after"]

    assert [each["ordinal"] for each in found] == list(range(document["passages"]))
    assert "".join(each["text"] for each in found) == TEXT
    for each in found:
        spans = each["sentences"]
        assert (spans[0][0], spans[-1][1]) == (each["start"], each["end"])
        assert all(left[1] == right[0] for left, right in itertools.pairwise(spans))
    assert found[-1]["headings"] == ["Log", "Watch 29"]


def test_a_deleted_document_has_no_passages(client: httpx.Client) -> None:
    """From the receipt on its passages are as unknown as itself; a failed document has none."""
    document = upload(client, TEXT, "gone.md", collection="gone")
    client.delete(f"/v1/documents/{document['id']}").raise_for_status()
    error_of(client.get(f"/v1/documents/{document['id']}/chunks"), 404, "not_found")

    failed = upload(client, "", "empty.md", collection="gone")
    assert failed["status"] == "failed"
    page = client.get(f"/v1/documents/{failed['id']}/chunks").json()
    assert (page["passages"], page["version"], page["next_after"]) == ([], None, None)


def test_settings_are_shown_without_secrets() -> None:
    """A secret is only said to be set, and addresses lose user names, passwords and what follows their path."""
    given = Settings(
        _env_file=None,  # type: ignore[call-arg]
        gateway_key=SecretStr("sk-secret-one"),
        gateway_url="https://anna:secret-two@gateway.example/v1?token=secret-three#secret-four",
        gateway_proxy="http://secret-five@proxy.example:3128",
        model="gpt-4.1-nano",
    )
    shown = {each.name: each for each in shown_settings(given)}

    assert set(shown) == {f"FOOTNOTE_{name.upper()}" for name in Settings.model_fields}
    assert "secret-" not in "".join(str(each.value) for each in shown.values())
    assert (shown["FOOTNOTE_GATEWAY_KEY"].value, shown["FOOTNOTE_GATEWAY_KEY"].is_secret) == ("set", True)
    assert shown["FOOTNOTE_GATEWAY_URL"].value == "https://…@gateway.example/v1"
    assert (shown["FOOTNOTE_ADMIN_KEY"].value, shown["FOOTNOTE_ADMIN_KEY"].is_default) == (None, True)
    assert (shown["FOOTNOTE_MODEL"].value, shown["FOOTNOTE_MODEL"].is_default) == ("gpt-4.1-nano", False)


def test_activity_and_the_newest_of_the_log(guarded: httpx.Client) -> None:
    """A search and a refusal are counted today, and the log can be read from its end backwards."""
    before = guarded.get("/v1/activity?days=7", headers=HEADER).json()
    assert len(before["days"]) == 7
    body = {"text": "A note.", "collection": "counted", "wait": True}
    guarded.post("/v1/documents", json=body, headers=HEADER).raise_for_status()
    guarded.post(
        "/v1/search", json={"query": "note", "collection": "counted"}, headers=HEADER
    ).raise_for_status()
    error_of(guarded.get("/v1/activity"), 401)
    # What is no change is noted a moment after it was answered.
    end = time.monotonic() + 30
    while time.monotonic() < end:
        now = guarded.get("/v1/activity?days=7", headers=HEADER).json()
        if all(now["days"][-1][name] > before["days"][-1][name] for name in ("searches", "refused")):
            break
    assert now["days"][-1]["searches"] == before["days"][-1]["searches"] + 1
    assert now["days"][-1]["uploads"] == before["days"][-1]["uploads"] + 1
    assert now["days"][-1]["refused"] > before["days"][-1]["refused"]
    assert next(each for each in now["keys"] if each["key_id"] == "admin")["searches"] >= 1

    newest = guarded.get("/v1/audit?newest=true&limit=1", headers=HEADER).json()
    older = guarded.get(
        "/v1/audit", params={"newest": True, "limit": 1, "after": newest["next_after"]}, headers=HEADER
    ).json()
    assert [each["number"] for each in older["entries"]] == [newest["entries"][0]["number"] - 1]


@pytest.mark.parametrize("name", ["/widget.js", "/web/widget/main.js", "/web/dom.js"])
def test_other_pages_may_load_the_widget(guarded: httpx.Client, name: str) -> None:
    """Its modules come to every page without a key, as scripts, checked for freshness each time."""
    answer = guarded.get(name, headers={"Origin": "https://www.example.org"})

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "no-cache"
    assert (
        "access-control-allow-origin" not in guarded.get("/", headers={"Origin": "https://a.example"}).headers
    )

"""What a search shows first over HTTP: quoted phrases, few of one document, and a reranker's choice."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from api.settings import Settings
from tests.api.server import error_of, events, serving, upload, wait_until_ready
from tests.doubles.cross_encoder import BUNDLED, write_cross_encoder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUESTION = "When does the keeper close the gate?"
KEEPERS = ("north", "south", "east", "west")


@contextmanager
def reranking(data: Path, model: str) -> Iterator[httpx.Client]:
    """A client of a service with this reranker, four documents that all speak to the question in it."""
    settings = Settings(_env_file=None, data=data, reranker=model)  # type: ignore[call-arg]
    with serving(settings) as url, httpx.Client(base_url=url, timeout=60) as client:
        wait_until_ready(client)
        for number, side in enumerate(KEEPERS, 6):
            upload(client, f"The keeper closes the {side} gate at {number} in the {side}.", f"{side}.md")
        yield client


def search(client: httpx.Client, **changes: Any) -> list[dict[str, Any]]:
    """The passages found."""
    response = client.post("/v1/search", json={"query": QUESTION, **changes})
    assert response.status_code == httpx.codes.OK, response.text
    return list(response.json()["passages"])


# Few of one document


@pytest.fixture(scope="module")
def lamps(client: httpx.Client) -> dict[str, str]:
    """A long document and a short one, by file name."""
    many = "\n\n".join(f"## Lamp {n}\n\nThe lamp in room {n} is switched off at {n}." for n in range(12))
    texts = {"many.md": many, "few.md": "The keeper has a lamp of his own."}
    return {name: upload(client, text, name, collection="lamps")["id"] for name, text in texts.items()}


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
@pytest.mark.parametrize("most", [1, 3])
def test_at_most_so_many_of_one_document(
    client: httpx.Client, lamps: dict[str, str], mode: str, most: int
) -> None:
    """The other document moves up, and ranks have no gap."""
    asked = {"query": "Which lamp is switched off?", "collection": "lamps", "top_k": 6, "mode": mode}

    every = search(client, **asked)
    found = search(client, **asked, per_document=most)

    assert len(every) == 6
    owners = [each["document_id"] for each in found]
    assert (owners.count(lamps["many.md"]), owners.count(lamps["few.md"])) == (most, 1)
    assert [each["rank"] for each in found] == list(range(1, most + 2))
    assert search(client, **asked, per_document=None) == every


@pytest.mark.parametrize("wrong", [0, -1, 201, 1.5, "many"])
def test_a_wrong_limit_for_each_document_is_an_invalid_field(client: httpx.Client, wrong: object) -> None:
    """And is named."""
    body = {"query": "lamp", "collection": "lamps", "per_document": wrong}

    error = error_of(client.post("/v1/search", json=body), 422, "invalid_field")

    assert "per_document" in error["message"]


# Phrases


def test_a_quoted_phrase_comes_first(client: httpx.Client) -> None:
    """Though another passage speaks more of the same words, and with a budget of characters too."""
    near = "The door of the red house is locked. Red is the door that leads to the yard, a red one."
    upload(client, near, "near.md", collection="doors")
    upload(
        client,
        "Deliveries come on Monday. The porter waits beside the red door.",
        "exact.md",
        collection="doors",
    )

    plain = search(client, query="Which is the red door?", collection="doors")
    quoted = search(client, query='Which is the "red door"?', collection="doors")
    short = search(client, query='Which is the "red door"?', collection="doors", max_chars=40)

    assert [each["filename"] for each in plain] == ["near.md", "exact.md"]
    assert [each["filename"] for each in quoted] == ["exact.md", "near.md"]
    assert [each["text"] for each in short] == ["The porter waits beside the red door."]


# A reranker


def test_a_reranker_orders_what_is_found_and_what_answers_are_made_of(tmp_path: Path) -> None:
    """One that likes the opposite turns the order round, for searches and for the passages of an answer."""
    orders = []
    for sign in (1.0, -1.0):
        model = write_cross_encoder(tmp_path / f"model{sign}", sign=sign)
        with reranking(tmp_path / f"data{sign}", model) as client:
            found = search(client)
            body = {"question": QUESTION, "mode": "extractive", "explain": True}
            answer = client.post("/v1/ask", json=body).json()
            told = events(client.post("/v1/ask", json={**body, "stream": True}))

        names = [each["filename"] for each in found]
        ids = [each["document_id"] for each in found]
        assert [each["rank"] for each in found] == [1, 2, 3, 4]
        assert [each["score"] for each in found] == sorted((each["score"] for each in found), reverse=True)
        assert [each["document_id"] for each in answer["trace"]["passages"]] == ids
        assert [each["document_id"] for each in told[0].data["passages"]] == ids
        orders.append(names)

    assert orders[0] == orders[1][::-1]
    assert sorted(orders[0]) == sorted(f"{side}.md" for side in KEEPERS)


def test_a_reranker_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    """503 with the setting's name for what needs it, and everything else goes on."""
    with reranking(tmp_path / "data", str(tmp_path / "missing")) as client:
        for route, body in (
            ("/v1/search", {"query": QUESTION}),
            ("/v1/ask", {"question": QUESTION, "mode": "extractive"}),
        ):
            error = error_of(client.post(route, json=body), 503, "reranker_unavailable")
            assert "FOOTNOTE_RERANKER" in error["message"]
            assert error["retryable"] is False
        told = events(
            client.post("/v1/ask", json={"question": QUESTION, "mode": "extractive", "stream": True})
        )
        assert [each.name for each in told] == ["error"]
        assert told[0].data["error"]["code"] == "reranker_unavailable"

        for mode in ("dense", "lexical"):
            assert len(search(client, mode=mode)) == len(KEEPERS)
        assert len(client.get("/v1/documents").json()["documents"]) == len(KEEPERS)


def test_an_embedding_model_is_no_reranker(tmp_path: Path) -> None:
    """It would put passages in any order; the message says what it is."""
    with reranking(tmp_path / "data", BUNDLED) as client:
        error = error_of(client.post("/v1/search", json={"query": QUESTION}), 503, "reranker_unavailable")

    assert "FOOTNOTE_RERANKER" in error["message"]
    assert "no cross-encoder" in error["message"]

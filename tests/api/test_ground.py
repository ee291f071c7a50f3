"""Grounding over HTTP: claims at clause level, nearest and contradicting evidence, and bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from api.settings import Settings
from tests.api.server import error_of, serving, upload, wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Iterator

RULES = (
    "# Ferry\n\nThe ferry to the island leaves every day at nine o'clock. Dogs travel free of charge. "
    "The crossing takes 40 minutes in calm weather. Never stand on the car deck during the crossing."
)
TOOLS = "Never lend the saw to children."
SOURCES = [{"id": "timetable", "title": "Ferry", "text": RULES}, {"id": "tools", "text": TOOLS}]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Of a service of its own: the shared one gives up after seconds, and claims not checked then have no support."""
    settings = Settings(_env_file=None, data=tmp_path_factory.mktemp("ground"))  # type: ignore[call-arg]
    with serving(settings) as url, httpx.Client(base_url=url, timeout=60) as opened:
        wait_until_ready(opened)
        yield opened


@pytest.fixture(scope="module", autouse=True)
def ferry(client: httpx.Client) -> dict[str, Any]:
    """The document that texts are checked against."""
    upload(client, TOOLS, "tools.md", collection="ferry")
    return upload(client, RULES, "ferry.md", collection="ferry")


def grounded(client: httpx.Client, text: str, where: str, **fields: Any) -> dict[str, Any]:
    """Check a text against the collection or against the sources."""
    against = {"collection": "ferry"} if where == "collection" else {"sources": SOURCES}
    response = client.post("/v1/ground", json={"text": text, **against, **fields})
    assert response.status_code == 200, response.text
    return dict(response.json())


WHERE = pytest.mark.parametrize("where", ["collection", "sources"])


@WHERE
def test_a_sentence_with_two_clauses_is_two_claims(client: httpx.Client, where: str) -> None:
    """The half that is true is not lost for the other half, and both lie in the text as it was given."""
    text = "The ferry to the island leaves every day at nine o'clock; the captain was born in Athens."

    found = grounded(client, text, where)["claims"]

    assert [claim["verdict"] for claim in found] == ["supported", "unsupported"]
    assert all(text[claim["start"] : claim["end"]] == claim["text"] for claim in found)
    assert found[0]["citations"] == [1]
    assert found[1]["citations"] == []


@WHERE
def test_the_nearest_evidence_of_an_unsupported_claim_is_no_footnote(
    client: httpx.Client, ferry: dict[str, Any], where: str
) -> None:
    """What comes closest is shown with its place in the source and marked as not cited."""
    found = grounded(client, "The crossing takes 95 minutes in calm weather.", where)
    (claim,) = found["claims"]
    best = claim["best_evidence"]

    assert claim["verdict"] in ("unsupported", "contradicted")
    assert best["quote"] == RULES[best["start"] : best["end"]]
    assert "40 minutes" in best["quote"]
    assert best["document_id"] == (ferry["id"] if where == "collection" else "timetable")
    assert best["cited"] is bool(claim["citations"])
    assert best["cited"] is (claim["verdict"] == "contradicted")


@WHERE
def test_contradicting_evidence_is_shown(client: httpx.Client, where: str) -> None:
    """A claim that turns its source round names the sentence that proves it wrong."""
    (claim,) = grounded(client, "Lend the saw to children.", where)["claims"]

    assert claim["verdict"] == "contradicted"
    assert claim["contradicting"]["quote"] == TOOLS


@WHERE
def test_a_greeting_is_no_claim_against_the_text(client: httpx.Client, where: str) -> None:
    """Courtesies are passed without a source and lower neither support nor confidence."""
    plain = grounded(client, "Dogs travel free of charge.", where)
    kind = grounded(client, "Hello! Dogs travel free of charge. I hope this helps.", where)

    assert [claim["needs_source"] for claim in kind["claims"]] == [False, True, False]
    assert (kind["support"], kind["confidence"]["value"]) == (plain["support"], plain["confidence"]["value"])
    assert all(claim["best_evidence"] is None for claim in kind["claims"] if not claim["needs_source"])


def test_a_pronoun_is_read_with_its_subject(client: httpx.Client) -> None:
    """A claim that only says "it" is looked for under the name that it stands for."""
    text = "The ferry to the island leaves at nine o'clock. It leaves every day."

    found = grounded(client, text, "collection")["claims"]

    assert [claim["verdict"] for claim in found] == ["supported", "supported"]


def test_bounds_are_refusals_that_say_what_to_change(client: httpx.Client) -> None:
    """Too long a text, too many claims, too many characters of sources: 422, never a long wait."""
    many = "Dogs travel free. " * 250
    for body, words in (
        ({"text": "x" * 20_001, "collection": "ferry"}, "20000"),
        ({"text": many, "collection": "ferry"}, "at most 200"),
        ({"text": many, "sources": SOURCES}, "in parts"),
        ({"text": "", "collection": "ferry"}, "text"),
        ({"text": "Dogs.", "sources": []}, "sources"),
        ({"text": "Dogs.", "sources": [{"id": "a", "text": "x" * 200_000}] * 2}, "Upload"),
        ({"text": "Dogs.", "sources": SOURCES, "collection": "ferry"}, "either"),
        ({"text": "Dogs."}, "either"),
    ):
        assert words in error_of(client.post("/v1/ground", json=body), 422, "invalid_field")["message"]


@pytest.mark.parametrize("text", ["   ", "?!…", "\u200b", "🙂"])
def test_a_text_without_a_claim(client: httpx.Client, text: str) -> None:
    """Nothing to check is an answer and no failure."""
    found = grounded(client, text, "collection")

    assert found["citations"] == []
    assert all(claim["verdict"] != "supported" or not claim["needs_source"] for claim in found["claims"])


@WHERE
@pytest.mark.parametrize("marker", [" [1]", "[1, 2]", " [^1]", " 【3†source】"])
def test_footnotes_of_the_text_are_no_words_of_its_claims(
    client: httpx.Client, where: str, marker: str
) -> None:
    """A text with markers, as Footnote's own answers have them, is checked as it would be without, at its places."""
    text = f"Dogs travel free of charge.{marker} The crossing takes 40 minutes{marker}."

    found = grounded(client, text, where)["claims"]

    assert [claim["verdict"] for claim in found] == ["supported", "supported"]
    assert all(claim["faults"] == [] for claim in found)
    assert all(text[claim["start"] : claim["end"]] == claim["text"] for claim in found)


def test_notes_at_the_foot_are_checked_where_they_state_something(client: httpx.Client) -> None:
    """A place needs no source; a statement does, in a note as anywhere."""
    text = "Dogs travel free of charge.[^1]\n\n[^1]: Ferry, page 3\n[^2]: Dogs travel for 5 euros."

    found = grounded(client, text, "sources")["claims"]

    assert [(claim["needs_source"], claim["verdict"]) for claim in found] == [
        (True, "supported"),
        (False, "supported"),
        (True, "unsupported"),
    ]
    assert text[found[1]["start"] : found[1]["end"]] == "[^1]: Ferry, page 3"


def test_a_bare_no_is_not_supported_by_nothing(client: httpx.Client) -> None:
    """Yes and no are statements about what was asked."""
    (claim,) = grounded(client, "No.", "sources", question="Do dogs travel free of charge?")["claims"]

    assert (claim["needs_source"], claim["verdict"]) == (True, "unsupported")


def test_a_body_that_is_not_json_says_which_type_is_taken(client: httpx.Client) -> None:
    """415, whatever the body would have said."""
    response = client.post("/v1/ground", content="text=Dogs", headers={"content-type": "application/xml"})

    error = error_of(response, 415)
    assert error["code"] == "unsupported_media_type"
    assert "application/xml" in error["message"]

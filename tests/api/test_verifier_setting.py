"""A verifier by name over HTTP: an inference model judges claims, and one that cannot be had makes none supported."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from transformers import AutoConfig

from api.deps import build
from api.settings import Settings
from rag.errors import GatewayNotConfigured
from tests.api.server import error_of, events, serving, upload, wait_until_ready
from tests.doubles.cross_encoder import write_cross_encoder
from tests.doubles.scripted_gateway import Scene, ScriptedGateway
from tests.rag.test_answer import says

if TYPE_CHECKING:
    from pathlib import Path

# Carried by its source, and not in its words: a quotation would need no judge.
BODY = {
    "text": "Every Monday the reading room is shut.",
    "sources": [{"id": "a", "title": "Hours", "text": "The reading room is closed on Mondays."}],
}


def grounded(data: Path, verifier: str | None) -> dict[str, Any]:
    """The one claim of the text, by a service with this verifier."""
    settings = Settings(_env_file=None, data=data, verifier=verifier)  # type: ignore[call-arg]
    with serving(settings) as url, httpx.Client(base_url=url, timeout=60) as client:
        wait_until_ready(client)
        response = client.post("/v1/ground", json=BODY)
        assert response.status_code == httpx.codes.OK, response.text
        (claim,) = response.json()["claims"]
        return dict(claim)


def test_the_model_named_judges(tmp_path: Path) -> None:
    """An untrained model says something else than the built-in verifier, and the same each time."""
    folder = write_cross_encoder(tmp_path / "model", labels=3)
    config = AutoConfig.from_pretrained(folder)
    config.id2label = {0: "contradiction", 1: "entailment", 2: "neutral"}
    config.label2id = {label: at for at, label in config.id2label.items()}
    config.save_pretrained(folder)

    own = grounded(tmp_path / "a", None)
    judged, again = (grounded(tmp_path / name, folder) for name in "bc")

    assert judged["support"] == pytest.approx(again["support"])
    assert judged["support"] != pytest.approx(own["support"], abs=1e-3)


def test_a_model_that_cannot_be_had_supports_nothing(tmp_path: Path) -> None:
    """The request is answered, the claim is unsupported, and the reason is among its faults."""
    claim = grounded(tmp_path / "data", str(tmp_path / "no-such-model"))

    assert claim["verdict"] == "unsupported"
    assert any("no-such-model" in fault for fault in claim["faults"])


JUDGE = "gpt-4.1-nano"
HOURS = "# Hours\n\nThe reading room is closed on Mondays. The cellar is opened for groups of ten."
FAR = "You will find nobody there at the start of a week."


def plays(answer: str, carried: str) -> Scene:
    """A gateway whose judge carries only claims with these words, and whose other model gives this answer."""

    def text(sent: dict[str, Any]) -> str:
        if sent["model"] != JUDGE:
            return says(answer, source="closed on Mondays")(sent)
        shown = sent["messages"][1]["content"]
        word = "all" if carried in shown.split("</claim>")[0] else "none"
        keys = re.findall(r'<source key="(\w+)"', shown)
        return json.dumps({"verdicts": [{"source": key, "verdict": word} for key in keys]})

    return Scene.answer(text)


def judged_by(server: ScriptedGateway, data: Path) -> Settings:
    """Settings of a service whose judge is another model at its gateway."""
    return Settings(  # type: ignore[call-arg]
        _env_file=None, data=data, gateway_url=server.url, verifier=f"gateway:{JUDGE}", answer_cache_hours=0
    )


def test_a_model_at_the_gateway_judges_what_is_asked(tmp_path: Path) -> None:
    """In a stream too a sentence goes out after its check, and judging is in usage, cost and trace."""
    scene = plays(f"{FAR} [{{source}}] The guards wear green hats. [{{source}}]", "start of a week")
    with (
        ScriptedGateway([scene]) as server,
        serving(judged_by(server, tmp_path)) as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        wait_until_ready(client)
        assert client.get("/readyz").json()["parts"]["verifier"] == f"gateway:{JUDGE}"
        upload(client, HOURS, collection="hours")
        body = {"question": "When is the reading room closed?", "collection": "hours", "explain": True}
        whole = client.post("/v1/ask", json=body).json()
        stream = events(client.post("/v1/ask", json={**body, "stream": True}))

        assert [claim["text"] for claim in whole["claims"]] == [FAR]
        assert [each.data["text"] for each in stream if each.name == "claim"] == [FAR]
        assert stream[-1].name == "done"
        trace = whole["trace"]["judge"]
        assert trace["calls"] == sum(each.json["model"] == JUDGE for each in server.chats) / 2
        assert trace["failures"] == []
        assert 0 < trace["prompt_tokens"] < whole["usage"]["prompt_tokens"]
        assert 0 < trace["cost_usd"] < whole["cost_usd"]


def test_a_model_at_the_gateway_judges_texts_of_others(tmp_path: Path) -> None:
    """Each claim gets its own verdict, against sources given and against a collection; tokens and cost are told."""
    texts = [FAR, "The guards wear green hats.", "Crowds of ten may see the vault."]
    with (
        ScriptedGateway([plays("", "start of a week")]) as server,
        serving(judged_by(server, tmp_path)) as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        wait_until_ready(client)
        upload(client, HOURS, collection="hours")
        given = {"text": " ".join(texts), "sources": [{"id": "a", "title": "Hours", "text": HOURS}]}
        stored = {"text": " ".join(texts), "collection": "hours"}
        for body in (given, stored):
            found = client.post("/v1/ground", json=body).json()

            assert [claim["verdict"] for claim in found["claims"]] == [
                "supported",
                "unsupported",
                "unsupported",
            ]
            assert found["usage"]["prompt_tokens"] > 0
            assert found["cost_usd"] > 0

        calls = len(server.chats)
        poor = client.post("/v1/ground", json={**given, "max_cost_usd": 1e-9}).json()
        assert {claim["verdict"] for claim in poor["claims"]} == {"unsupported"}
        assert "max_cost_usd" in poor["claims"][0]["faults"][0]
        assert poor["cost_usd"] == 0
        assert len(server.chats) == calls
        error_of(client.post("/v1/ground", json={**given, "max_cost_usd": -1}), 422)


def test_without_a_judge_at_the_gateway_checking_costs_nothing(tmp_path: Path) -> None:
    """The built-in model has no price."""
    settings = Settings(_env_file=None, data=tmp_path)  # type: ignore[call-arg]
    with serving(settings) as url, httpx.Client(base_url=url, timeout=60) as client:
        wait_until_ready(client)
        found = client.post("/v1/ground", json=BODY).json()

    assert (found["usage"]["total_tokens"], found["cost_usd"]) == (0, 0.0)


@pytest.mark.parametrize(("verifier", "url"), [("gateway", None), ("gateway:", "http://127.0.0.1:9/v1")])
def test_a_judge_that_cannot_be_asked_is_refused_at_the_start(
    tmp_path: Path, verifier: str, url: str | None
) -> None:
    """The message names the setting and what to change."""
    settings = Settings(_env_file=None, data=tmp_path, verifier=verifier, gateway_url=url)  # type: ignore[call-arg]

    with pytest.raises(GatewayNotConfigured, match="FOOTNOTE_VERIFIER is 'gateway"):
        build(settings)

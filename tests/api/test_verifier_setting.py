"""A verifier by name over HTTP: an inference model judges claims, and one that cannot be had makes none supported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from transformers import AutoConfig

from api.settings import Settings
from tests.api.server import serving, wait_until_ready
from tests.doubles.cross_encoder import write_cross_encoder

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

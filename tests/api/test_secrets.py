"""The gateway's key is in no answer, log line, metric or setting that is shown, whatever the gateway says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from api import logs
from api.settings import Settings
from rag.config import GatewayConfig
from tests.api.conftest import GATEWAY_KEY
from tests.api.server import upload
from tests.doubles.scripted_gateway import Scene, ScriptedGateway

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

SAID = f"Incorrect API key provided: {GATEWAY_KEY}. Authorization: Bearer {GATEWAY_KEY}"
FAULTS = {
    "refused": Scene.refusal(401, SAID),
    "no credit": Scene.refusal(402, SAID),
    "forbidden": Scene.refusal(403, SAID),
    "not found": Scene.refusal(404, SAID),
    "invalid": Scene.refusal(422, SAID),
    "too many": Scene.refusal(429, SAID, headers={"X-Echo": GATEWAY_KEY}),
    "failing": Scene.refusal(500, SAID),
    "elsewhere": Scene.refusal(302, SAID, headers={"Location": f"http://127.0.0.1:9/?key={GATEWAY_KEY}"}),
    "in the stream": Scene(text="The lamp", error={"message": SAID, "type": "server_error"}),
    "no JSON": Scene(kind="bytes", status=200, body=SAID.encode()),
    "broken": Scene.broken(f"The lamp {GATEWAY_KEY}"),
}


@pytest.fixture(scope="module")
def lamp(client: httpx.Client) -> None:
    """Something to ask about."""
    upload(client, "# Lamp\n\nThe lamp burns in the hall.\n", "lamp.md", collection="secrets")


@pytest.fixture
def _loud() -> Iterator[None]:
    """Everything is logged, for this test."""
    logs.configure("debug")
    yield
    logs.configure("error")


@pytest.mark.usefixtures("lamp", "_loud")
@pytest.mark.parametrize("scene", FAULTS.values(), ids=FAULTS)
def test_no_fault_of_the_gateway_shows_its_key(
    client: httpx.Client, gateway: ScriptedGateway, scene: Scene, capfd: pytest.CaptureFixture[str]
) -> None:
    """In no body, header, event, log line, metric or page of the service, whole or streamed."""
    gateway.play(scene)
    asked = {"question": "Where does the lamp burn?", "collection": "secrets"}
    chat = {"model": "secrets", "messages": [{"role": "user", "content": "Where does the lamp burn?"}]}

    responses = [
        client.post("/v1/ask", json=asked),
        client.post("/v1/ask", json={**asked, "stream": True}),
        client.post("/v1/chat/completions", json=chat),
        client.post("/v1/chat/completions", json={**chat, "stream": True}),
        *(client.get(path) for path in ("/readyz", "/livez", "/metrics", "/openapi.json", "/")),
    ]
    written = capfd.readouterr()

    everything = "".join(f"{each.headers}{each.text}" for each in responses) + written.out + written.err
    assert len(gateway.chats) >= 4
    assert f"Bearer {GATEWAY_KEY}" in gateway.chats[-1].headers.get("authorization", "")
    assert GATEWAY_KEY not in everything


def test_settings_do_not_show_secrets() -> None:
    """Neither as text nor as JSON, whoever prints them."""
    settings = Settings(  # type: ignore[call-arg]
        _env_file=None, gateway_key=SecretStr(GATEWAY_KEY), admin_key=SecretStr("fn_secret-of-the-test")
    )
    config = GatewayConfig("http://127.0.0.1", key=GATEWAY_KEY, proxy=f"http://u:{GATEWAY_KEY}@proxy")

    shown = f"{settings!r}{settings}{json.dumps(settings.model_dump(mode='json'))}{config!r}{config}"

    assert GATEWAY_KEY not in shown
    assert "fn_secret-of-the-test" not in shown

"""The service behind a real LiteLLM proxy with mock models: answers, fallback, models, refusals, and no key anywhere.

``make litellm`` installs the proxy beside the project and runs this; without it these tests are skipped.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import SecretStr

from api import logs
from api.settings import Settings
from tests.api.server import error_of, events, serving, upload, wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = os.environ.get("FOOTNOTE_LITELLM_COMMAND", "")
CONFIG = Path(__file__).resolve().parents[2] / "scripts" / "litellm" / "config.yaml"
BOOKS = "# Lending\n\nMembers may borrow seven books at a time. A fine is two euros a week."
ASKED = {"question": "How many books may members borrow?", "collection": "lending", "cache": False}

pytestmark = [
    pytest.mark.skipif(not COMMAND, reason="make litellm installs a LiteLLM proxy and sets the variable"),
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, Path]]:
    """Address, key and log of a proxy that runs."""
    key = f"sk-{secrets.token_hex(12)}"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("proxy") / "proxy.log"
    environment = {**os.environ, "LITELLM_MASTER_KEY": key, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with log.open("wb") as out:
        running = subprocess.Popen(
            [COMMAND, "--config", str(CONFIG), "--host", "127.0.0.1", "--port", str(port)],
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            until = time.monotonic() + 180
            while True:
                assert running.poll() is None, log.read_text()[-3000:]
                assert time.monotonic() < until, log.read_text()[-3000:]
                try:
                    if httpx.get(f"{address}/health/liveliness", timeout=2).status_code == httpx.codes.OK:
                        break
                except httpx.HTTPError:
                    time.sleep(0.3)
            yield f"{address}/v1", key, log
        finally:
            running.terminate()
            running.wait(20)


@pytest.fixture(scope="module")
def client(proxy: tuple[str, str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The service, with a chain over two endpoints that are both this proxy."""
    url, key, _ = proxy
    folder = tmp_path_factory.mktemp("served")
    (folder / "proxy.key").write_text(key)
    prices = "".join(
        f"[prices.{name}]\ninput = 1\noutput = 2\n" for name in ("mini", "large", "busy", "failing")
    )
    (folder / "gateway.toml").write_text(
        f"""
[endpoints.first]
url = "{url}"
key_file = "proxy.key"
[endpoints.second]
url = "{url}"
key_file = "proxy.key"
[endpoints.locked]
url = "{url}"
[chains.usual]
targets = ["first/busy", "first/failing", "locked/mini", "second/mini"]
{prices}"""
    )
    settings = Settings(  # type: ignore[call-arg]
        _env_file=None,
        data=folder / "data",
        model="usual",
        gateway_file=folder / "gateway.toml",
        admin_key=SecretStr("fn_admin-behind-a-proxy"),
    )
    logs.configure("debug")
    headers = {"Authorization": "Bearer fn_admin-behind-a-proxy"}
    with serving(settings) as address, httpx.Client(base_url=address, timeout=120, headers=headers) as opened:
        wait_until_ready(opened)
        upload(opened, BOOKS, "lending.md", collection="lending")
        yield opened


def ask(client: httpx.Client, **more: Any) -> dict[str, Any]:
    """One answer."""
    response = client.post("/v1/ask", json={**ASKED, "explain": True, **more})
    assert response.status_code == httpx.codes.OK, response.text
    return dict(response.json())


def test_the_chain_answers_through_its_last_model(client: httpx.Client) -> None:
    """Busy, failing and locked models are passed over; the sentence is verified and cited; its cost is known."""
    answer = ask(client)

    assert answer["answer"] == "Members may borrow seven books at a time. [1]"
    busy, failing, locked, good = ((each["model"], each["outcome"]) for each in answer["trace"]["calls"])
    assert (busy, failing) == (("busy", "gateway_rate_limited"), ("failing", "gateway_unavailable"))
    # Without a key the proxy says 401, or 500 where it has no database to look keys up in.
    assert locked in (("mini", "gateway_auth"), ("mini", "gateway_unavailable"))
    assert good == ("mini", "ok")
    assert answer["cost_usd"] > 0


def test_what_failed_rests(client: httpx.Client) -> None:
    """The next question goes to the model that answered, first."""
    ask(client)
    assert [each["outcome"] for each in ask(client)["trace"]["calls"]] == ["ok"]


def test_streams_and_another_model_by_name(client: httpx.Client) -> None:
    """A streamed answer of the larger one."""
    stream = events(client.post("/v1/ask", json={**ASKED, "stream": True, "model": "second/large"}))

    assert stream[-1].name == "done"
    assert len([each for each in stream if each.name == "claim"]) == 2


def test_refusals_are_errors_of_the_gateway(client: httpx.Client) -> None:
    """A model that the proxy does not have, and one that is always busy."""
    error_of(
        client.post("/v1/ask", json={**ASKED, "model": "first/no-such-model"}), 502, "gateway_bad_request"
    )
    error_of(client.post("/v1/ask", json={**ASKED, "model": "first/busy"}), 429, "gateway_rate_limited")


def test_the_key_is_nowhere(
    client: httpx.Client, proxy: tuple[str, str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    """In no body, header, metric or line of this service's log."""
    seen = [
        client.post("/v1/ask", json={**ASKED, "model": name, "explain": True})
        for name in ("usual", "locked/mini", "first/no-such-model", "first/busy")
    ]
    seen += [client.get(path) for path in ("/metrics", "/readyz", "/v1/usage", "/openapi.json")]
    written = capfd.readouterr()

    everything = "".join(f"{each.headers}{each.text}" for each in seen) + written.out + written.err
    assert proxy[1] not in everything
    assert "sk-upstream" not in everything

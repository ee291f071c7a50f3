"""SIGTERM with open streams and a running job: everything ends within 30 seconds, and nothing is lost."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pypdf
import pytest
from pypdf.generic import ArrayObject, DecodedStreamObject, NameObject

from tests.api.server import upload
from tests.doubles.scripted_gateway import Scene, ScriptedGateway

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.api.conftest import PdfMaker

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")


@contextmanager
def running(data: Path, **settings: str) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    """The command as a person starts it, ready, and a client of it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **settings}
    with (data.parent / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "api.cli", "serve", "--data", str(data), "--port", port],
            env=environment,
            cwd=data.parent,
            stderr=log,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            while True:
                assert process.poll() is None, (data.parent / "log").read_text()
                try:
                    if client.get("/readyz").status_code == 200:
                        break
                except httpx.ConnectError:
                    pass
                time.sleep(0.2)
            yield process, client
    finally:
        process.kill()
        process.wait()


def endless_pdf(make_pdf: PdfMaker) -> bytes:
    """A small PDF whose reading lasts until it is stopped."""
    writer, target = pypdf.PdfWriter(clone_from=io.BytesIO(make_pdf("x"))), io.BytesIO()
    content = DecodedStreamObject()
    content.set_data(b"BT /F1 9 Tf " + b"(a) Tj 0 1 Td " * 100_000 + b"ET")
    writer.pages[0][NameObject("/Contents")] = ArrayObject([writer._add_object(content.flate_encode())])
    for _ in range(999):
        writer.add_page(writer.pages[0])
    writer.write(target)
    return target.getvalue()


def test_sigterm_with_open_streams_and_a_running_job(tmp_path: Path, make_pdf: PdfMaker) -> None:
    """/readyz says 503 first, requests still go through; a stream ends incomplete; the job is resumed later."""
    data = tmp_path / "data"
    told: list[str] = []
    with ScriptedGateway([Scene.hang()]) as gateway:
        with running(
            data,
            FOOTNOTE_GATEWAY_URL=gateway.url,
            FOOTNOTE_DRAIN_NOTICE_S="2",
            FOOTNOTE_DRAIN_S="4",
            FOOTNOTE_PARSE_TIMEOUT_S="100",
        ) as (process, client):
            upload(client, "The kiln is at the quay.", collection="drain")
            job = client.post("/v1/documents", files={"file": ("endless.pdf", endless_pdf(make_pdf))})
            document_id = job.json()["documents"][0]["id"]
            while client.get(f"/v1/documents/{document_id}").json()["status"] != "parsing":
                time.sleep(0.1)

            def ask() -> None:
                body = {
                    "question": "Where is the kiln?",
                    "collection": "drain",
                    "mode": "generative",
                    "stream": True,
                }
                with client.stream("POST", "/v1/ask", json=body) as response:
                    told.extend(response.iter_lines())

            stream = threading.Thread(target=ask)
            stream.start()
            while not gateway.requests:
                time.sleep(0.05)

            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            time.sleep(0.7)
            ready = client.get("/readyz")
            assert (ready.status_code, ready.json()["status"]) == (503, "draining")
            assert client.get("/livez").status_code == 200
            found = client.post("/v1/search", json={"query": "kiln", "collection": "drain"})
            assert found.status_code == 200
            stream.join(25)
            process.wait(30)
            took = time.monotonic() - began

        assert took < 30
        assert gateway.requests[-1].disconnected.wait(2)
    last = json.loads(told[-2].removeprefix("data: "))
    assert told[-3] == "event: error"
    assert (last["error"]["code"], last["finish_reason"]) == ("shutting_down", "incomplete")
    assert not any(line == "event: done" for line in told)

    with running(data, FOOTNOTE_PARSE_TIMEOUT_S="2") as (_, client):
        document: dict[str, Any] = {"status": ""}
        while document["status"] not in ("ready", "failed"):
            time.sleep(0.2)
            document = client.get(f"/v1/documents/{document_id}").json()
    # Stopped at its first beginning, read to its own end after the second start.
    assert document["error"]["code"] == "limit_exceeded"

"""SIGTERM with open streams and a job in work: the process ends in time, and nothing is lost."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from benchmarks.client import Client, Upload
from benchmarks.light import COMMAND
from benchmarks.server import Server

if TYPE_CHECKING:
    from pathlib import Path

LONG = "".join(f"Sentence number {number} of a long document. " for number in range(4000))


@pytest.mark.parametrize("again", [False, True])
def test_a_terminated_service_ends_within_30_seconds_and_resumes(tmp_path: Path, *, again: bool) -> None:
    """The open streams end, no child is left, and the job is taken up at the next start; also when told twice."""
    server = Server(f"env FOOTNOTE_LIGHT_BATCH_MS=300 {COMMAND}", tmp_path / "data")
    closed = threading.Event()

    def watch(document_id: str) -> None:
        try:
            with httpx.stream(
                "GET", f"{server.url}/v1/documents/{document_id}/events", timeout=60
            ) as response:
                for _ in response.iter_lines():
                    pass
        except httpx.TransportError:
            pass
        closed.set()

    with server, Client(server.url) as client:
        (document,) = client.upload([Upload("long.txt", LONG.encode())], "default")
        watcher = threading.Thread(target=watch, args=(document["id"],), daemon=True)
        watcher.start()
        while client.document(document["id"])["status"] != "embedding":
            time.sleep(0.05)
        began = time.monotonic()
        process = server._process
        assert process is not None
        process.terminate()
        if again:
            time.sleep(0.5)
            process.send_signal(signal.SIGTERM)
        process.wait(60)
        took = time.monotonic() - began

        assert took < 30
        assert closed.wait(5)
        assert server.orphans([]) == []
        server.start()
        states = client.wait_final([document["id"]], timeout_s=120)
        assert states[document["id"]]["status"] == "ready"
        assert client.text(document["id"]) == LONG
    assert server.doctor()[0] == 0

"""The service as its clients meet it: a real server on a free port of this machine."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn

from api.app import create_app
from api.serving import configuration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.deps import Service
    from api.settings import Settings

ERROR_FIELDS = {"code", "message", "hint", "retryable", "trace_id"}


@dataclass(frozen=True, slots=True)
class Sent:
    """One server-sent event."""

    name: str
    data: Any


@contextmanager
def serving(settings: Settings, opened: Service | None = None) -> Iterator[str]:
    """Serve from a thread and give the address."""
    settings = settings.model_copy(update={"host": "127.0.0.1", "port": 0})
    server = uvicorn.Server(configuration(create_app(settings, opened), settings))
    thread = threading.Thread(target=server.run, name="server")
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def wait_until_ready(client: httpx.Client) -> None:
    """Return when questions can be answered."""
    while client.get("/readyz").status_code != httpx.codes.OK:
        time.sleep(0.05)


def events(response: httpx.Response) -> list[Sent]:
    """The events of a stream that has been read to its end."""
    assert response.headers["content-type"].startswith("text/event-stream")
    found = []
    for block in response.text.split("\n\n"):
        if block:
            name, data = block.split("\n")
            found.append(Sent(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def error_of(response: httpx.Response, status: int, code: str | None = None) -> dict[str, Any]:
    """The error of a response, after checking that it has the contract's form."""
    assert response.status_code == status, (response.status_code, response.text)
    body = response.json()
    # Dify's interface has two fields of its own beside it.
    assert set(body) - {"error_code", "error_msg"} == {"error"}
    error: dict[str, Any] = body["error"]
    assert set(error) == ERROR_FIELDS
    assert error["message"]
    assert error["trace_id"] == response.headers["x-request-id"]
    assert response.headers["x-content-type-options"] == "nosniff"
    if code is not None:
        assert error["code"] == code
    return error


def upload(client: httpx.Client, text: str, filename: str = "notes.md", **fields: str) -> dict[str, Any]:
    """Upload one text file, wait, and return its document."""
    response = client.post(
        "/v1/documents", files={"file": (filename, text.encode())}, data={"wait": "true", **fields}
    )
    assert response.status_code == httpx.codes.CREATED, response.text
    (document,) = response.json()["documents"]
    return dict(document)

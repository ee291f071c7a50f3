"""A real OpenAI-compatible HTTP server on 127.0.0.1 that plays a script.

    with ScriptedGateway([Scene.status(500), Scene.answer("It rose. [k7f]")]) as gateway:
        config = GatewayConfig(url=gateway.url, key="secret")
        ...
    assert [request.json["model"] for request in gateway.requests] == [...]

Each chat request plays the next scene; the last scene repeats. A scene's text may be a function of
the request's JSON, so that it can cite the keys that the prompt issued. ``GET /v1/models`` is answered
from ``models`` and plays no scene.
"""

from __future__ import annotations

import json
import re
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self

Text = str | Sequence[str] | Callable[[dict[str, Any]], "str | Sequence[str]"]

# How a streamed answer ends: with finish reason and [DONE]; without [DONE]; cleanly but without a
# finish reason; in the middle of a chunk; with a reset connection; never. The last two are complete
# answers, after which the stream breaks or stays open.
Ending = Literal["done", "no_done", "no_finish", "cut", "reset", "hang", "finish_cut", "finish_hang"]


@dataclass(frozen=True, slots=True)
class Scene:
    """What one request gets. Build one with the class methods; vary it with ``dataclasses.replace``.

    Attributes:
        kind: A model's answer, fixed bytes, or silence.
        text: The answer: one string (cut into words for streaming), its deltas, or a function of the
            request's JSON that returns either.
        status: HTTP status of fixed bytes.
        headers: Headers of fixed bytes, added to every answer as well.
        body: Fixed bytes.
        delay_s: Seconds before the first byte of the answer's head.
        pause_s: Seconds before each delta after the first.
        ending: How a streamed answer ends.
        finish_reason: What the last delta says.
        error: An error object sent in the stream after the text.
        stream: Whether a request to stream is obeyed, or answered with one JSON body.
        usage: Whether token counts are sent, when the request asks for them.
        wire_bytes: Cut the stream into pieces of this many bytes, anywhere; 0 sends event by event.
        newline: What ends the lines of the stream.
        keep_alive: Send a comment before every event.
    """

    kind: Literal["answer", "bytes", "silence"] = "answer"
    text: Text = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay_s: float = 0.0
    pause_s: float = 0.0
    ending: Ending = "done"
    finish_reason: str = "stop"
    error: object = None
    stream: bool = True
    usage: bool = True
    wire_bytes: int = 0
    newline: str = "\n"
    keep_alive: bool = False

    @classmethod
    def answer(cls, text: Text, *, finish_reason: str = "stop", ending: Ending = "done") -> Self:
        """A model's answer, streamed or not as the request asks."""
        return cls(text=text, finish_reason=finish_reason, ending=ending)

    @classmethod
    def plain_json(cls, text: Text) -> Self:
        """A gateway that does not stream: one JSON body whatever the request asks."""
        return cls(text=text, stream=False)

    @classmethod
    def drip(cls, text: Text, pause_s: float) -> Self:
        """An answer with a pause before each delta."""
        return cls(text=text, pause_s=pause_s)

    @classmethod
    def split_marker(cls, before: str, marker: str, after: str = "") -> Self:
        """An answer whose citation marker is cut in two, as in ``[k7`` and ``f]``."""
        middle = len(marker) // 2
        return cls(text=[part for part in (before, marker[:middle], marker[middle:], after) if part])

    @classmethod
    def refusal(
        cls,
        status: int,
        message: str = "refused on purpose",
        *,
        headers: Mapping[str, str] | None = None,
        **error: Any,
    ) -> Self:
        """An HTTP error with OpenAI's error body; ``error`` adds fields such as ``code`` to it."""
        body = json.dumps({"error": {"message": message, "type": None, "code": None, **error}}).encode()
        return cls.raw(body, status=status, headers=headers)

    @classmethod
    def rate_limited(cls, retry_after: str | None = None) -> Self:
        """A 429, with a ``Retry-After`` when one is given."""
        return cls.refusal(
            429, "Rate limit reached", headers={"Retry-After": retry_after} if retry_after is not None else {}
        )

    @classmethod
    def raw(
        cls,
        body: bytes,
        *,
        status: int = 200,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> Self:
        """Exactly these bytes as the body."""
        return cls(
            kind="bytes", status=status, body=body, headers={"Content-Type": content_type, **(headers or {})}
        )

    @classmethod
    def garbage(cls) -> Self:
        """A body that claims to be JSON and is not."""
        return cls.raw(b"\x00\xff\xfe not json <<<")

    @classmethod
    def web_page(cls) -> Self:
        """What a wrong address or a login wall gives: HTML with status 200."""
        return cls.raw(b"<!doctype html><title>Sign in</title>", content_type="text/html; charset=utf-8")

    @classmethod
    def hang(cls) -> Self:
        """Takes the request and never says anything."""
        return cls(kind="silence")

    @classmethod
    def hang_after(cls, text: Text) -> Self:
        """Streams the text, then stays silent with the connection open."""
        return cls(text=text, ending="hang")

    @classmethod
    def broken(cls, text: Text, ending: Literal["no_finish", "cut", "reset"] = "cut") -> Self:
        """Streams the text, then ends without a finish reason."""
        return cls(text=text, ending=ending)

    @classmethod
    def stream_error(cls, text: Text, error: object) -> Self:
        """Streams the text, then an ``{"error": ...}`` event."""
        return cls(text=text, error=error, ending="no_finish")


@dataclass(slots=True)
class Recorded:
    """One request as the server saw it.

    Attributes:
        method: As in the request line, like ``path``.
        path: Path, or the whole address when the server was used as a proxy.
        headers: With names in lower case.
        json: The decoded body; empty for a GET.
        at_s: When it came, on ``time.monotonic``'s clock.
        client_port: Tells one connection from another.
        disconnected: Set once the client has closed the connection before its answer was complete.
        done: Set once the server has finished with the request.
    """

    method: str
    path: str
    headers: dict[str, str]
    json: dict[str, Any]
    at_s: float
    client_port: int
    disconnected: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)


class ScriptedGateway:
    """The server. Use it as a context manager; it answers from threads of its own.

    Args:
        scenes: What the chat requests get, in turn; the last one repeats.
        models: Names that ``GET /v1/models`` lists.
    """

    def __init__(self, scenes: Sequence[Scene], *, models: Sequence[str] = ("gpt-4.1-mini",)) -> None:
        if not scenes:
            raise ValueError("a script needs at least one scene")
        self.models = tuple(models)
        self.requests: list[Recorded] = []
        self.closing = threading.Event()
        self._scenes = list(scenes)
        self._lock = threading.Lock()
        self._played = 0
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, name="scripted-gateway"
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The base address, ending in ``/v1``."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    @property
    def chats(self) -> list[Recorded]:
        """The chat requests so far."""
        return [request for request in self.requests if request.method == "POST"]

    def add(self, *scenes: Scene) -> None:
        """Appends scenes to the script."""
        with self._lock:
            self._scenes.extend(scenes)

    def play(self, *scenes: Scene) -> None:
        """Starts another script, whatever is left of this one."""
        with self._lock:
            self._scenes, self._played = list(scenes), 0

    def record(self, request: Recorded) -> Scene:
        """Notes a request and returns its scene; called by the server."""
        with self._lock:
            self.requests.append(request)
            if request.method != "POST":
                return Scene()
            scene = self._scenes[min(self._played, len(self._scenes) - 1)]
            self._played += 1
            return scene


class _Server(ThreadingHTTPServer):
    # Threads of hung requests end when `closing` is set; server_close waits for them.
    daemon_threads = False

    def __init__(self, gateway: ScriptedGateway) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.gateway = gateway


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Seconds for each part of a request once it has begun: a client in a busy process takes its time.
    timeout = 10
    server: _Server
    recorded: Recorded

    def log_message(self, *_: object) -> None:
        """Keeps the test output clean."""

    def handle_one_request(self) -> None:
        # The idle time is for waiting between requests; the server's end must not wait for it.
        while not self.server.gateway.closing.is_set():
            readable, _, _ = select.select([self.connection], [], [], 0.02)
            if readable:
                super().handle_one_request()
                return
        self.close_connection = True

    def do_GET(self) -> None:
        self._start({})
        names = [{"id": name, "object": "model"} for name in self.server.gateway.models]
        self._send_whole(200, {"Content-Type": "application/json"}, json.dumps({"data": names}).encode())
        self.recorded.done.set()

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        scene = self._start(sent)
        try:
            self._play(scene, sent)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            self.recorded.disconnected.set()
            self.close_connection = True
        finally:
            self.recorded.done.set()

    def _start(self, sent: dict[str, Any]) -> Scene:
        headers = {name.lower(): value for name, value in self.headers.items()}
        port = self.client_address[1]
        self.recorded = Recorded(self.command, self.path, headers, sent, time.monotonic(), port)
        return self.server.gateway.record(self.recorded)

    def _play(self, scene: Scene, sent: dict[str, Any]) -> None:
        self._sleep(scene.delay_s)
        if scene.kind == "silence":
            self._hang()
        elif scene.kind == "bytes":
            self._send_whole(scene.status, scene.headers, scene.body)
        elif sent.get("stream") and scene.stream:
            self._send_stream(scene, sent)
        else:
            body = json.dumps(_whole(scene, sent)).encode()
            self._send_whole(200, {"Content-Type": "application/json", **scene.headers}, body)

    def _send_whole(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_stream(self, scene: Scene, sent: dict[str, Any]) -> None:
        self.send_response(200)
        headers = {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked", **scene.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        for number, event in enumerate(_events(scene, sent)):
            if number:
                self._sleep(scene.pause_s)
            step = scene.wire_bytes or len(event)
            for start in range(0, len(event), step):
                piece = event[start : start + step]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self._end_stream(scene)

    def _end_stream(self, scene: Scene) -> None:
        if scene.ending in {"hang", "finish_hang"}:
            self._hang()
        elif scene.ending in {"cut", "finish_cut"}:
            self.wfile.write(b"40\r\ndata: {")
            self.close_connection = True
        elif scene.ending == "reset":
            # With a linger time of zero, closing sends a reset in place of an orderly end.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def finish(self) -> None:
        if self.connection.fileno() != -1:
            super().finish()

    def _sleep(self, seconds: float) -> None:
        """Waits, and notices a client that leaves meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._check_client(min(left, 0.02))

    def _hang(self) -> None:
        while not self.server.gateway.closing.is_set():
            self._check_client(0.02)
        self.close_connection = True

    def _check_client(self, seconds: float) -> None:
        readable, _, _ = select.select([self.connection], [], [], seconds)
        if readable and not self.connection.recv(1, socket.MSG_PEEK):
            raise BrokenPipeError
        if self.server.gateway.closing.is_set():
            raise BrokenPipeError


def _deltas(scene: Scene, sent: dict[str, Any]) -> list[str]:
    text = scene.text(sent) if callable(scene.text) else scene.text
    return re.findall(r"\s*\S+\s*$|\s*\S+", text) or [text] if isinstance(text, str) else list(text)


def _counts(sent: dict[str, Any], deltas: list[str]) -> dict[str, int]:
    """Token counts that a test can predict: words of the prompt, and one token for each delta."""
    prompt = sum(len(str(message["content"]).split()) for message in sent["messages"])
    return {"prompt_tokens": prompt, "completion_tokens": len(deltas), "total_tokens": prompt + len(deltas)}


def _whole(scene: Scene, sent: dict[str, Any]) -> dict[str, Any]:
    deltas = _deltas(scene, sent)
    message = {"role": "assistant", "content": "".join(deltas)}
    choice = {"index": 0, "message": message, "finish_reason": scene.finish_reason}
    whole = {"id": "chatcmpl-1", "object": "chat.completion", "model": sent["model"], "choices": [choice]}
    return {**whole, "usage": _counts(sent, deltas)} if scene.usage else whole


def _events(scene: Scene, sent: dict[str, Any]) -> Iterator[bytes]:
    deltas = _deltas(scene, sent)
    envelope = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": sent["model"]}

    def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        return {**envelope, "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}

    payloads: list[object] = [chunk({"role": "assistant", "content": ""})]
    payloads += [chunk({"content": delta}) for delta in deltas]
    if scene.error is not None:
        payloads.append({"error": scene.error})
    if scene.ending in {"done", "no_done", "finish_cut", "finish_hang"}:
        payloads.append(chunk({}, scene.finish_reason))
        if scene.usage and (sent.get("stream_options") or {}).get("include_usage"):
            payloads.append({**envelope, "choices": [], "usage": _counts(sent, deltas)})
    for payload in payloads:
        yield _event(scene, json.dumps(payload, ensure_ascii=False))
    if scene.ending == "done":
        yield _event(scene, "[DONE]")


def _event(scene: Scene, data: str) -> bytes:
    comment = f": keep-alive{scene.newline}{scene.newline}" if scene.keep_alive else ""
    return f"{comment}data: {data}{scene.newline}{scene.newline}".encode()

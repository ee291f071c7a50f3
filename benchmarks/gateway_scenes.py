"""The faults that ``gateway_faults`` plays, by the stage of an answer in which they come."""

from __future__ import annotations

import re
import socket
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from tests.doubles.scripted_gateway import Scene

if TYPE_CHECKING:
    from benchmarks.client import Json

KEYS = {"main": "sk-main-canary-0123456789", "spare": "sk-spare-canary-9876543210"}

# Words of the answer that is right, each a delta of its own.
DELTAS = 9


def written(sent: Json) -> list[str]:
    """What the model writes, with the key of the first source that it is shown."""
    key = re.findall(r'<source key="(\w+)"', sent["messages"][0]["content"])[0]
    return re.findall(r"\s*\S+", f"Members may borrow seven books at a time [{key}].")


def good() -> Scene:
    """An answer that the document carries."""
    return Scene.answer(written)


def _half(sent: Json) -> list[str]:
    # A whole sentence with its source, and the beginning of another.
    return [*written(sent), " A", " fine", " is"]


class RawGateway:
    """Takes each connection, sends these bytes whatever it is asked, and closes."""

    def __init__(self, said: bytes | None) -> None:
        self._said = said
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"
        if said is None:
            # Nobody listens at this port.
            self._socket.close()
            return
        self._thread = threading.Thread(target=self._serve, name="raw-gateway", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                try:
                    connection.recv(65_536)
                    connection.sendall(self._said or b"")
                except OSError:
                    continue

    def close(self) -> None:
        """Take no more."""
        if self._said is not None:
            self._socket.shutdown(socket.SHUT_RDWR)
            self._thread.join()
        self._socket.close()


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        stage: Before the first word, after it, or when the answer was whole.
        scene: Of the scripted gateway.
        raw: What a gateway below HTTP sends in its place.
        is_absent: Whether nobody listens there at all.
    """

    name: str
    stage: Literal["before", "after", "finished"]
    scene: Scene = field(default_factory=good)
    raw: bytes | None = None
    is_absent: bool = False

    @property
    def is_raw(self) -> bool:
        """Whether the scripted gateway has no part in it."""
        return self.is_absent or self.raw is not None


_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
_OVERLOADED = {"message": "overloaded", "type": "overloaded_error"}
_ROLE = b'data: {"choices": [{"index": 0, "delta": {"role": "assistant"}}]}\n\n'


def _echo(status: int) -> Scene:
    """A refusal that says the key, as some gateways do."""
    return Scene.refusal(
        status, f"Incorrect API key provided: Bearer {KEYS['main']}.", headers={"X-Key": KEYS["main"]}
    )


BEFORE = (
    Fault("nobody listens", "before", is_absent=True),
    Fault("closed without a word", "before", raw=b""),
    Fault("half a status line", "before", raw=b"HTTP/1.1 20"),
    Fault("half a head", "before", raw=_HEAD),
    Fault("head without its body", "before", raw=_HEAD + b"Content-Length: 500\r\n\r\n"),
    Fault("cut within the first event", "before", raw=_HEAD + b"\r\n" + _ROLE[:40]),
    Fault("cut after the role", "before", raw=_HEAD + b"\r\n" + _ROLE),
    Fault("not HTTP", "before", raw=b"\x16\x03\x01\x02\x00\x01\x00"),
    Fault("hang", "before", Scene.hang()),
    Fault("hang after the role", "before", Scene.hang_after("")),
    Fault("500", "before", Scene.refusal(500)),
    Fault("502, a page", "before", Scene.raw(b"<h1>Bad Gateway</h1>", status=502, content_type="text/html")),
    Fault("503", "before", Scene.refusal(503)),
    Fault("503, Retry-After 60", "before", Scene.refusal(503, headers={"Retry-After": "60"})),
    Fault("429", "before", Scene.rate_limited()),
    Fault("429, Retry-After 60", "before", Scene.rate_limited("60")),
    Fault("429, Retry-After a date long gone", "before", Scene.rate_limited("Wed, 21 Oct 2015 07:28:00 GMT")),
    Fault("429, Retry-After nonsense", "before", Scene.rate_limited("-1e9 soon")),
    Fault("400", "before", Scene.refusal(400, "context_length_exceeded")),
    Fault("401 that says the key", "before", _echo(401)),
    Fault("402", "before", Scene.refusal(402)),
    Fault("404 that says the key", "before", _echo(404)),
    Fault("500 that says the key", "before", _echo(500)),
    Fault("redirect", "before", Scene.refusal(307, headers={"Location": "http://127.0.0.1:9/v1"})),
    Fault("garbage", "before", Scene.garbage()),
    Fault("garbage that says the key", "before", Scene.raw(b"<<" + KEYS["main"].encode())),
    Fault("web page", "before", Scene.web_page()),
    Fault("wrong content type", "before", Scene.raw(b"{}", content_type="application/octet-stream")),
    Fault("JSON that is no answer", "before", Scene.raw(b"[1, 2, 3]")),
    Fault("JSON, very deep", "before", Scene.raw(b"[" * 100_000)),
    Fault("empty body", "before", Scene.raw(b"")),
    Fault("empty answer", "before", Scene.answer("")),
    Fault("error as the first event", "before", Scene.stream_error("", _OVERLOADED)),
    Fault("error that says the key", "before", Scene.stream_error("", {"message": KEYS["main"]})),
    Fault("reset before the first word", "before", Scene.broken("", "reset")),
)
AFTER = (
    Fault("cut within a sentence", "after", Scene.broken(_half, "cut")),
    Fault("cut after a sentence", "after", Scene.broken(written, "cut")),
    Fault("reset", "after", Scene.broken(_half, "reset")),
    Fault("no finish reason", "after", Scene.broken(_half, "no_finish")),
    Fault("hang after a word", "after", Scene.hang_after("Members")),
    Fault("hang after a sentence", "after", Scene.hang_after(_half)),
    Fault("error in the stream", "after", Scene.stream_error(_half, _OVERLOADED)),
    Fault(
        "error in the stream that says the key", "after", Scene.stream_error(_half, {"message": KEYS["main"]})
    ),
    Fault("no [DONE]", "finished", Scene.answer(written, ending="no_done")),
    Fault("cut after the finish reason", "finished", Scene.answer(written, ending="finish_cut")),
    Fault("hang after the finish reason", "finished", Scene.answer(written, ending="finish_hang")),
    Fault(
        "one JSON body in place of a stream",
        "finished",
        Scene.plain_json(lambda sent: "".join(written(sent))),
    ),
    Fault("events cut anywhere", "finished", replace(good(), wire_bytes=3, newline="\r\n", keep_alive=True)),
)

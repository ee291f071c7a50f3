"""One HTTP connection that costs its client next to nothing, so that the server is what is measured."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType

Json = dict[str, Any]


class Line:
    """A connection to a port of this machine, kept alive."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None
        self._left = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def send(self, path: str, body: Json) -> None:
        """Send one request."""
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=120)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._left = b""
        content = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        self._socket.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)

    def post(self, path: str, body: Json, *, check: bool = True) -> tuple[int, Json]:
        """Status and JSON of one request whose answer says its length.

        Raises:
            RuntimeError: ``check``, and it was not answered with 200.
        """
        self.send(path, body)
        head = self._until(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        status = int(lines[0].split()[1])
        length = next(int(each[15:]) for each in lines if each.lower().startswith("content-length:"))
        while len(self._left) < length:
            self._left += self._receive()
        content, self._left = self._left[:length], self._left[length:]
        if any(each.lower() == "connection: close" for each in lines):
            self.close()
        if check and status != 200:
            raise RuntimeError(f"{path} answered {status}: {content[:300]!r}")
        return status, json.loads(content) if check else {}

    def _until(self, end: bytes) -> bytes:
        while end not in self._left:
            self._left += self._receive()
        found, _, self._left = self._left.partition(end)
        return found

    def _receive(self) -> bytes:
        if self._socket is None or not (found := self._socket.recv(65_536)):
            raise ConnectionError("the server has closed the connection")
        return found

    def wait_for(self, *marks: bytes) -> bytes | None:
        """The first of some marks in what is streamed; None when it ends without one."""
        seen = b""
        while True:
            for mark in marks:
                if mark in seen:
                    return mark
            try:
                seen += self._receive()
            except ConnectionError:
                return None


def first_event(port: int, path: str, body: Json, name: str | None) -> float | None:
    """Milliseconds until the first event of a name in a stream, or with None until its first sentence has ended.

    Returns:
        None when the stream ends without it.
    """
    with Line(port) as line:
        started = time.perf_counter()
        line.send(path, body)
        if name is None:
            found = line.wait_for(b'"finish_reason": "stop"')
        else:
            found = line.wait_for(f"event: {name}\n".encode(), b"event: done\n", b"event: error\n")
        took = (time.perf_counter() - started) * 1000
        wanted = name is None or found == f"event: {name}\n".encode()
        return took if found is not None and wanted else None

"""Server-sent events, from bytes that may be cut anywhere.

The format: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from __future__ import annotations

from typing import NamedTuple


class Event(NamedTuple):
    """One dispatched event: its type (``message`` unless the stream says otherwise) and its data."""

    name: str
    data: str


class EventParser:
    """Collects bytes and gives back each event as soon as its closing blank line has arrived.

    Lines are cut at byte level, where a line feed can never be part of another character, so a chunk
    may end inside a UTF-8 sequence. Work is linear in the bytes fed. As the format demands, an event
    that the stream's end cuts off is never given back.
    """

    def __init__(self) -> None:
        self._line: list[bytes] = []  # The pieces of a line that has not ended yet.
        self._after_return = False
        self._first_line = True
        self._name = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[Event]:
        """Takes the next bytes of the stream and returns the events that they complete."""
        if not chunk:
            return []
        # A line may end in CR, LF or CR LF; the two bytes of the last may come in two chunks.
        starts_inside_ending = self._after_return and chunk.startswith(b"\n")
        self._after_return = chunk.endswith(b"\r")
        if starts_inside_ending:
            chunk = chunk[1:]
        head, *tails = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._line.append(head)
        events: list[Event] = []
        for tail in tails:
            self._take_line(b"".join(self._line).decode("utf-8", "replace"), events)
            self._line = [tail]
        return events

    def _take_line(self, line: str, events: list[Event]) -> None:
        if self._first_line:
            line = line.removeprefix("\ufeff")
            self._first_line = False
        if not line:
            data = "\n".join(self._data)
            if data:
                events.append(Event(self._name or "message", data))
            self._name, self._data = "", []
            return
        # A line that starts with a colon is a comment: its field name is empty. Gateways keep a
        # connection alive with them while the model thinks.
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._data.append(value)
        elif field == "event":
            self._name = value

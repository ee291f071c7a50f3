"""The event stream parser, against the format's own rules."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.sse import Event, EventParser


def parse(stream: bytes, cuts: list[int] | None = None) -> list[Event]:
    """The events of a stream that arrives in pieces cut at these offsets."""
    parser = EventParser()
    edges = [0, *sorted(cuts or []), len(stream)]
    pieces = [stream[start:end] for start, end in itertools.pairwise(edges)]
    return [event for piece in pieces for event in parser.feed(piece)]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"data: a\n\n", ["a"]),
        (b"data:a\r\n\r\n", ["a"]),
        (b"data: a\r\r", ["a"]),
        (b"data:  a\n\n", [" a"]),
        (b"data: a\ndata: b\n\n", ["a\nb"]),
        (b": comment\n\ndata: a\n\n", ["a"]),
        (b"id: 7\nretry: 10\ndata: a\n\n", ["a"]),
        (b"data: a\n\n\n\ndata: b\n\n", ["a", "b"]),
        (b"\xef\xbb\xbfdata: a\n\n", ["a"]),
        ("data: é\u2028😀\n\n".encode(), ["é\u2028😀"]),
        (b"data: a\xff\n\n", ["a\ufffd"]),
        # Neither an event without data nor one that the end of the stream cuts off is dispatched.
        (b"event: ping\n\ndata:\n\n", []),
        (b"data: a\n\ndata: b\n", ["a"]),
        (b"data\n\ndataset: a\n\n", []),
    ],
)
def test_events_are_read_as_the_format_says(stream: bytes, expected: list[str]) -> None:
    """Line endings, comments, other fields, several data lines and cut-off events follow the format."""
    assert expected == [event.data for event in parse(stream)]


def test_an_event_carries_its_name() -> None:
    """The event field names the event; without one it is a message, and a name does not outlive its event."""
    assert parse(b"event: error\ndata: a\n\ndata: b\n\n") == [("error", "a"), ("message", "b")]


_LINES = st.sampled_from(["data: é", "data: 😀 x", "data:", ": ping", "event: error", "", "", "id: 1"])


@given(lines=st.lists(_LINES), newline=st.sampled_from(["\n", "\r\n", "\r"]), data=st.data())
def test_where_the_bytes_are_cut_does_not_matter(lines: list[str], newline: str, data: st.DataObject) -> None:
    """Any cutting, also inside a character or between CR and LF, gives the events of the whole."""
    stream = "".join(line + newline for line in lines).encode()
    cuts = data.draw(st.lists(st.integers(0, len(stream))))

    assert parse(stream) == parse(stream, cuts)

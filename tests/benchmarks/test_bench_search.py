"""Questions over HTTP and what starting costs: composing, the figures, and the thin client against a real server."""

from __future__ import annotations

import random
import re
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from benchmarks.composed import compose, variant
from benchmarks.footprint import heaviest, memory
from benchmarks.line import Line, first_event
from benchmarks.search import in_turn, paired, summary, written
from tests.doubles.scripted_gateway import Scene, ScriptedGateway

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = "The harbour office counted 1200 crates. The harbour is at the northern gate of the old harbour."
WORDS = ["lantern", "copper", "meadow"]
CHAT = {"model": "m", "messages": [{"role": "user", "content": "?"}], "stream": True}


def test_a_variant_exchanges_a_word_for_the_same_one_throughout() -> None:
    """Its short words and its punctuation stay, its numbers have as many digits, and one seed gives one variant."""
    made = variant(TEXT, WORDS, random.Random(3))

    assert made == variant(TEXT, WORDS, random.Random(3)) != TEXT
    assert re.sub(r"\w+", "w", made) == re.sub(r"\w+", "w", TEXT)
    pairs = list(zip(re.findall(r"\w+", TEXT), re.findall(r"\w+", made), strict=True))
    assert all(after == before for before, after in pairs if len(before) < 5 and before.isalpha())
    assert len({after for before, after in pairs if before == "harbour"}) == 1
    assert all(after == before or after.lower() in WORDS for before, after in pairs if before.isalpha())
    assert all(after.isdigit() and len(after) == 4 for before, after in pairs if before == "1200")


def test_the_originals_come_first_and_as_they_are() -> None:
    """So that their questions have answers; no two files have one name."""
    texts = [("One", TEXT), ("Two", "Lanterns of copper hang over the meadow.")]

    made = list(islice(compose(texts, 1), 12))

    assert [text for _, text in made[:2]] == [f"# {title}\n\n{text}\n" for title, text in texts]
    assert len({name for name, _ in made}) == len({text for _, text in made}) == 12


def test_a_summary_says_how_far_the_tail_is() -> None:
    """By nearest rank."""
    found = summary([*range(1, 100), 1000.0])

    assert (found["n"], found["p50_ms"], found["p99_ms"]) == (100, 50, 99)
    assert found["p99_by_p50"] == pytest.approx(1.98)


def test_a_ratio_is_of_medians_and_its_spread_of_tenths() -> None:
    """One slow request changes neither."""
    bare = [10.0] * 100
    steady = paired([20.0] * 99 + [5000.0], bare)
    drifting = paired([20.0] * 50 + [40.0] * 50, bare)

    assert steady == {"ratio": 2.0, "ratio_spread": 0.0, "beyond_ms": 10.0}
    assert drifting["ratio_spread"] == 1.0


def test_who_goes_first_alternates() -> None:
    """What the second one finds warm, each finds warm as often."""
    order: list[str] = []

    def noted(name: str, milliseconds: float) -> Callable[[str], float]:
        def call(question: str) -> float:
            order.append(f"{name} {question}")
            return milliseconds

        return call

    spent = in_turn(["a", "b", "c"], [noted("ask", 3.0), noted("encode", 1.0), noted("plain", 2.0)])

    assert order == [
        *("ask a", "encode a", "plain a"),
        *("encode b", "plain b", "ask b"),
        *("plain c", "ask c", "encode c"),
    ]
    assert spent == [[3.0] * 3, [1.0] * 3, [2.0] * 3]


def test_the_model_quotes_the_first_source_that_it_is_shown() -> None:
    """Headings are no sentences; without a source it says so."""
    shown = '<source key="k7f" title="T">\n# Lending\n\nMembers may\nborrow books. Fines follow.\n</source>'

    assert "".join(written({"messages": [{"content": shown}]})) == "Members may borrow books [k7f]."
    assert written({"messages": [{"content": "nothing"}]}) == ["The sources do not say."]


def test_the_slowest_imports_are_told() -> None:
    """With all that they import, top-level packages only, and none that takes no time."""
    report = """import time: self [us] | cumulative | imported package
import time:       100 |      30000 |   typer.core
import time:       100 |      90000 | typer
import time:       100 |      40000 |   rich
import time:       100 |        400 | json
"""

    assert heaviest(report) == [("typer", 90.0), ("rich", 40.0)]


def test_memory_is_read_as_the_system_counts_it() -> None:
    """What is private is the sum of what was written and what was not."""
    status = "Rss:  2048 kB\nPss:  1536 kB\nPrivate_Clean:  256 kB\nPrivate_Dirty:  768 kB\nSwap: 0 kB\n"

    assert memory(status) == {"rss_mb": 2.0, "pss_mb": 1.5, "private_mb": 1.0}


def test_one_connection_serves_many_requests() -> None:
    """Their answers do not run into one another, and what is not a 200 is an error that says so."""
    with ScriptedGateway(
        [Scene.plain_json("First."), Scene.plain_json("Second."), Scene.refusal(500)]
    ) as gateway:
        with Line(_port(gateway)) as line:
            said = [
                line.post("/v1/chat/completions", CHAT)[1]["choices"][0]["message"]["content"] for _ in "ab"
            ]
            with pytest.raises(RuntimeError, match="500"):
                line.post("/v1/chat/completions", CHAT)
            assert line.post("/v1/chat/completions", CHAT, check=False)[0] == 500

        assert said == ["First.", "Second."]
        assert len({each.client_port for each in gateway.chats[:2]}) == 1


def test_the_first_event_of_a_stream_is_timed() -> None:
    """A stream without it has no time."""
    with ScriptedGateway([Scene(text="It rose.", delay_s=0.05), Scene.broken("It")]) as gateway:
        port = _port(gateway)

        assert (first_event(port, "/v1/chat/completions", CHAT, None) or 0.0) >= 50.0
        assert first_event(port, "/v1/chat/completions", CHAT, None) is None


def _port(gateway: ScriptedGateway) -> int:
    return int(re.findall(r":(\d+)/", gateway.url)[0])

"""Replays answers with known faults through a scripted gateway and records what a reader gets of them.

    python -m benchmarks.faults [--questions 8]

The service runs as a process of its own on the sample handbook. Its gateway is ``tests/doubles/scripted_gateway.py``, a
real HTTP server, whose model writes three sentences out of the sources that it is shown, the second of them with one
known fault. Each fault is asked under each policy, streamed. Asked for the sentence again, the model writes it right
(``mends``) or wrong again (``insists``). Printed: what became of the faulty sentence, whether anything unsupported
reached the reader, whether order held, and how many milliseconds after its last word a sentence arrived.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.client import Client, Json, Upload, parse_events
from benchmarks.report import Checks, add_result_argument, percentile, print_table, progress, write_result
from benchmarks.server import DEFAULT_COMMAND, ROOT, Server
from tests.doubles.scripted_gateway import Scene, ScriptedGateway

if TYPE_CHECKING:
    from collections.abc import Sequence

HANDBOOK = ROOT / "docs" / "handbook"
FILES = ("membership.md", "lending-rules.html", "annual-report.pdf", "safety-manual.docx")
POLICIES = ("flag", "drop", "abstain")
# Seconds of one answer, until the model begins, and between its sentences: 25 tokens at 50 a second. A late sentence
# comes so close to the deadline that there is hardly time to ask for it again.
DEADLINE_S, DELAY_S, PAUSE_S, LATE_S = 8.0, 0.5, 0.5, 1.8
OFF_TOPIC = "The lighthouse keeper of Arkona collects postage stamps from Peru."
UNSUPPORTED = ("unsupported", "contradicted")

NOTHING_SHOWN = "under drop and abstain nothing unsupported reaches the reader, streamed or whole"
FLAGGED = "under flag what no source carries arrives with its verdict and without a footnote as its support"
IN_ORDER = "claims arrive in the order of the answer, and are those of the whole answer"
CITED_FIRST = "each footnote arrives before the claim that uses it"
BROKEN = "a broken stream ends in an error and in no answer"
QUOTED = "every quote is the stored text"
IN_TIME = "no answer takes longer than its deadline and one second"


@dataclass(frozen=True, slots=True)
class Written:
    """What the model was shown: sentences by the key of their source."""

    sentences: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, sent: Json) -> Written:
        """Read the sources of a prompt, which are marked sentence by sentence."""
        system = sent["messages"][0]["content"]
        mark = re.search(r"begins with the mark (\S+?),", system)
        if mark is None:
            raise ValueError(
                "The prompt's sources are not marked: run the service with FOOTNOTE_MARK_SOURCES=sentences."
            )
        found: list[tuple[str, str]] = []
        for key, body in re.findall(r'<source key="(\w+)"[^>]*>\n(.*?)\n</source>', system, re.DOTALL):
            for part in body.split(mark[1]):
                text = " ".join(part.split())
                if re.fullmatch(r"[A-Z][^|#*\[\]\"“”]{30,160}\.", text) and not re.match(
                    r"(?:It|They|This|That)\b", text
                ):
                    found.append((key, text))
        return cls(tuple(found))

    def numbered(self) -> tuple[str, str]:
        """The first sentence with a number that can be changed."""
        return next(
            (key, text) for key, text in self.sentences if re.search(r"(?<![\d.,:])\d{1,3}(?![\d.,:])", text)
        )


def _changed(text: str) -> str:
    return re.sub(
        r"(?<![\d.,:])(\d{1,3})(?![\d.,:])", lambda found: str(int(found[1]) * 3 + 7), text, count=1
    )


def _three(written: Written, middle: tuple[str, str]) -> list[tuple[str, str]]:
    others = [each for each in written.sentences if each[1] != middle[1]]
    return [others[0], middle, others[1]]


def _marked(parts: Sequence[tuple[str, str]]) -> list[str]:
    """Pieces of text that each end one sentence and begin the next, so that its end is known when a piece arrives."""
    sentences = [f"{text[:-1]} [{key}]." if key else text for key, text in parts]
    starts = [each.split(" ", 1)[0] for each in sentences]
    pieces = [
        sentences[0],
        *(f"{each[len(start) :]}" for each, start in zip(sentences[1:], starts[1:], strict=True)),
    ]
    return [f"{piece} {start}" for piece, start in zip(pieces, [*starts[1:], ""], strict=True)]


def _faulty(fault: str, sent: Json) -> list[tuple[str, str]]:
    written = Written.of(sent)
    key, text = written.numbered()
    wrong = next((other for other, _ in written.sentences if other != key), key)
    middle = {
        "none": (key, text),
        "unsupported sentence": (key, OFF_TOPIC),
        "wrong key": (wrong, text),
        "invented key": ("z9z", text),
        "missing marker": ("", text),
        "altered quotation": (key, f'The text says "{_changed(text)[:-1]}".'),
        "contradicted number": (key, _changed(text)),
        "sentence late": (key, _changed(text)),
        "broken stream": (key, text),
    }[fault]
    three = _three(written, (key, text))
    return [three[0], middle, three[2]]


FAULTS = ("none", "unsupported sentence", "wrong key", "invented key", "missing marker", "altered quotation",
          "contradicted number", "sentence late", "broken stream")  # fmt: skip


def _again(mends: bool) -> Scene:
    """The model asked for one sentence again: the most similar one of its sources, or the same once more."""

    def write(sent: Json) -> str:
        asked = sent["messages"][-2]["content"]
        if not mends:
            return f"{asked}"
        words = set(re.findall(r"\w+", asked))
        key, text = max(
            Written.of(sent).sentences, key=lambda each: len(words & set(re.findall(r"\w+", each[1])))
        )
        return f"{text[:-1]} [{key}]."

    return Scene.answer(write)


@dataclass(slots=True)
class Outcome:
    """What a reader got of one answer."""

    events: list[tuple[float, Json]] = field(default_factory=list)
    finished: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def named(self, name: str) -> list[Json]:
        """The data of all events of a name."""
        return [event["data"] for _, event in self.events if event["event"] == name]


def ask(
    client: Client, gateway: ScriptedGateway, question: str, fault: str, policy: str, mends: bool
) -> Outcome:
    """Ask one question of which the model's answer has a fault."""
    first = Scene.drip(
        lambda sent: _marked(_faulty(fault, sent)), LATE_S if fault == "sentence late" else PAUSE_S
    )
    first = replace(first, delay_s=DELAY_S, ending="reset" if fault == "broken stream" else "done")
    gateway.play(first, _again(mends))
    before = len(gateway.chats)
    outcome = Outcome()
    body = {
        "question": question,
        "collection": "handbook",
        "stream": True,
        "explain": True,
        "on_unsupported": policy,
    }
    began = time.monotonic()
    with client.http.stream("POST", "/v1/ask", json=body) as response:
        lines: list[str] = []
        for line in response.iter_lines():
            lines.append(line)
            if not line:
                outcome.events += [(time.monotonic(), event) for event in parse_events(lines)]
                lines = []
    outcome.seconds = time.monotonic() - began
    request = gateway.chats[before]
    # That the last sentence is finished shows with the finish reason, which comes as a piece of its own.
    outcome.finished = [request.at_s + DELAY_S + first.pause_s * number for number in (1, 2, 4)]
    return outcome


def check(checks: Checks, client: Client, fault: str, policy: str, outcome: Outcome) -> str:
    """Check one answer, and say what became of its faulty sentence."""
    claims, done = outcome.named("claim"), outcome.named("done")
    where = f"{fault}, {policy}"
    checks.see(IN_TIME, outcome.seconds < DEADLINE_S + 1, f"{where}: {outcome.seconds:.1f} s")
    bad = [claim for claim in claims if claim["verdict"] in UNSUPPORTED]
    whole = [claim for answer in done for claim in answer["claims"] if claim["verdict"] in UNSUPPORTED]
    if policy != "flag":
        checks.see(NOTHING_SHOWN, not bad and not whole, f"{where}: {bad + whole}")
    seen: set[int] = set()
    for _, event in outcome.events:
        if event["event"] == "citation":
            seen.add(event["data"]["number"])
        elif event["event"] == "claim":
            checks.see(CITED_FIRST, set(event["data"]["citations"]) <= seen, where)
    if fault == "broken stream":
        failed = outcome.named("error")
        checks.see(BROKEN, not done and bool(failed) and failed[0]["finish_reason"] == "incomplete", where)
        return "error, incomplete"
    if not done:
        checks.see(IN_ORDER, holds=False, why=f"{where}: {outcome.named('error')}")
        return "error"
    answer = done[0]
    starts = [claim["start"] for claim in answer["claims"]]
    checks.see(
        IN_ORDER, starts == sorted(starts) and (answer["abstained"] or claims == answer["claims"]), where
    )
    for citation in answer["citations"]:
        stored = client.text(
            citation["document_id"], version=citation["version"], start=citation["start"], end=citation["end"]
        )
        checks.see(QUOTED, stored == citation["quote"], where)
    if policy == "flag":
        for claim in bad:
            right = claim["verdict"] == "contradicted" or not claim["citations"]
            checks.see(FLAGGED, right, f"{where}: {claim}")
    return " + ".join(each["action"] for each in answer["trace"]["repairs"]) or "shown"


def measure(client: Client, gateway: ScriptedGateway, questions: Sequence[str], checks: Checks) -> Json:
    """All faults under all policies."""
    outcomes: dict[str, Counter[str]] = {}
    extra: dict[str, list[float]] = {"first": [], "later": [], "repaired": []}
    for fault in FAULTS:
        for policy in POLICIES:
            for mends in (True, False) if fault in ("contradicted number", "altered quotation") else (True,):
                name = f"{fault}{'' if mends else ' (insists)'} | {policy}"
                for question in questions:
                    progress(f"{name}: {question[:50]}")
                    outcome = ask(client, gateway, question, fault, policy, mends)
                    what = check(checks, client, fault, policy, outcome)
                    outcomes.setdefault(name, Counter())[what] += 1
                    if policy != "abstain" and fault != "broken stream":
                        _delays(outcome, what, extra)
    return {"outcomes": outcomes, "extra_ms": extra}


def _delays(outcome: Outcome, what: str, extra: dict[str, list[float]]) -> None:
    """Milliseconds from a sentence's last word to its verified claim, where all three sentences were shown."""
    arrived = [at for at, event in outcome.events if event["event"] == "claim"]
    if len(arrived) != len(outcome.finished):
        return
    for number, (at, end) in enumerate(zip(arrived, outcome.finished, strict=True)):
        mended = any(word in what for word in ("rewritten", "found", "flagged"))
        kind = "first" if number == 0 else "repaired" if mended else "later"
        extra[kind].append(1000 * (at - end))


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--questions", type=int, default=8, help="questions for each fault and policy")
    add_result_argument(parser, "faults")
    arguments = parser.parse_args()
    lines = (HANDBOOK / "questions.jsonl").read_text().splitlines()
    questions = [json.loads(line)["question"] for line in lines][: arguments.questions]
    checks = Checks()
    checks.expect(NOTHING_SHOWN, IN_ORDER, CITED_FIRST, BROKEN, QUOTED, IN_TIME)
    with (
        tempfile.TemporaryDirectory(prefix="footnote-") as folder,
        ScriptedGateway([Scene.answer("")]) as gateway,
    ):
        settings = f"FOOTNOTE_GATEWAY_URL={gateway.url} FOOTNOTE_GATEWAY_DEADLINE_S={DEADLINE_S}"
        server = Server(
            f"env {settings} FOOTNOTE_MARK_SOURCES=sentences {DEFAULT_COMMAND}", Path(folder) / "data"
        )
        with server, Client(server.url) as client:
            files = [Upload(name, (HANDBOOK / name).read_bytes()) for name in FILES]
            client.upload(files, "handbook", wait="true")
            found = measure(client, gateway, questions, checks)
    rows = [
        [*name.split(" | "), ", ".join(f"{what}: {count}" for what, count in counts.most_common())]
        for name, counts in found["outcomes"].items()
    ]
    print_table(("fault", "policy", "what became of it"), rows)
    delays: list[list[Any]] = []
    for kind, values in found["extra_ms"].items():
        delays.append([kind, len(values), percentile(values, 0.5), percentile(values, 0.9)])
    print_table(("sentence", "n", "median ms", "90 % ms"), delays)
    checks.show()
    body = {
        "outcomes": {name: dict(counts) for name, counts in found["outcomes"].items()},
        "extra_ms": {kind: {"n": n, "median": m, "p90": p} for kind, n, m, p in delays},
        "checks": checks.as_json(),
    }
    write_result(arguments.out, "faults", ROOT, body)
    return 0 if checks.passed else 1


if __name__ == "__main__":
    sys.exit(main())

"""Answers given again: how long they take, and that none is given after its evidence changed: make cache.

    python -m benchmarks.answer_cache [--questions 200] [--changes 200] [--seed 1]

Each document names an order by a word of its own, which changes with each of its versions; a scripted gateway answers
with the order that it is shown. Measured is the second time that each question is asked, beside requests to /livez
over the same connection at the same time. Then documents are replaced, deleted, hidden and added in a random order, and
after each change its question, and some others, are asked again through one of three interfaces: no word of a version
that is gone may be in what comes back. The same with eight askers in parallel while documents are changed: what was
asked after a change was acknowledged must not show what was before it.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from benchmarks.client import Client, Json, Upload
from benchmarks.light import COMMAND
from benchmarks.report import Checks, add_result_argument, percentile, print_table, progress, write_result
from benchmarks.server import ROOT, Server
from rag.prompt import NOT_ANSWERED
from tests.doubles.scripted_gateway import Scene, ScriptedGateway

if TYPE_CHECKING:
    from collections.abc import Sequence

COLLECTION, ASKERS, MOST_MS = "depots", 8, 10.0
REPLACE, DELETE, HIDE, ADD = "replace", "delete", "hide", "add"

HIT = "a question asked again is answered from the cache, with the same answer and no call"
QUICK = f"half of the hits take less than {MOST_MS:g} ms beyond /livez, and p99 less than {MOST_MS:g} ms beyond its p99"
BEFORE = "before a change the answer is given again, so that the look after it can fail"
NONE = "after a change was acknowledged nothing shows what was before it, cached or not"
FRESH = "the question of a changed document is not answered from the cache"
BESIDE = "what does not touch an answer's evidence leaves it: some are given again after changes of others"
PARALLEL = f"with {ASKERS} askers at once nothing asked after a change shows what was before it"
CAUGHT = "askers at once are given cached answers and new ones"
EXPECTED = (HIT, QUICK, BEFORE, NONE, FRESH, BESIDE, PARALLEL, CAUGHT)


@dataclass(slots=True)
class Depot:
    """A document, the word of its newest version, and when each older word was gone for the askers.

    Without a word it is hidden from them, without an id deleted.
    """

    name: str
    word: str = ""
    id: str = ""
    gone: dict[str, float] = field(default_factory=dict)

    @property
    def question(self) -> str:
        """Whose answer is the word."""
        return f"Under which order was the crane at depot {self.name} repaired?"

    def file(self) -> Upload:
        """Its newest version."""
        text = f"# Depot {self.name}\n\nThe crane at depot {self.name} was repaired under the order {self.word}.\n"
        return Upload(f"{self.name}.md", text.encode(), "text/markdown")


class Words:
    """Words that were never used before."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self._used: set[str] = set()

    def next(self) -> str:
        """One more."""
        while True:
            found = (
                "qx"
                + "".join(self._draw.choice("bdfgklmnprtv") + self._draw.choice("aeiou") for _ in range(5))
                + "qz"
            )
            if found not in self._used:
                self._used.add(found)
                return found


def words_in(text: str) -> set[str]:
    """The words of documents that a body shows."""
    return set(re.findall(r"qx[a-z]{10}qz", text))


def written(sent: Json) -> str:
    """What the model writes: the order that it is shown for the depot that it is asked for."""
    asked = re.search(r"depot (\w+) repaired", sent["messages"][-1]["content"])
    sources = re.findall(
        r'<source key="(\w+)"[^>]*>\n(.*?)\n</source>', sent["messages"][0]["content"], re.DOTALL
    )
    for key, text in sources:
        order = re.search(r"qx[a-z]{10}qz", text)
        if asked and order and asked[1] in text:
            return f"The crane at depot {asked[1]} was repaired under the order {order[0]} [{key}]."
    return NOT_ANSWERED


class Bench:
    """The service, its documents, and what is changed about them."""

    def __init__(self, client: Client, gateway: ScriptedGateway, checks: Checks, seed: int) -> None:
        self.client = client
        self.gateway = gateway
        self.checks = checks
        self.draw = random.Random(seed)
        self.words = Words(self.draw)
        self.depots: list[Depot] = []
        self.counts: Counter[str] = Counter()

    def add(self) -> Depot:
        """A new document."""
        depot = Depot(f"D{len(self.depots):04}", self.words.next())
        self.store(depot)
        self.depots.append(depot)
        return depot

    def change(self, depot: Depot) -> str:
        """Do something to a document; what was its word is gone once this returns."""
        kind = self.draw.choice((REPLACE, REPLACE, DELETE, HIDE))
        before = depot.word
        if kind == DELETE:
            receipt = self.client.delete(depot.id)
            self.counts["kept answers that deletions removed"] += receipt["removed"]["cached_answers"]
            depot.word = depot.id = ""
        elif kind == HIDE:
            self.store(depot, metadata='{"allow": ["board"]}')
            depot.word = ""
        else:
            depot.word = self.words.next()
            self.store(depot)
        depot.gone[before] = time.monotonic()
        self.counts[kind] += 1
        return kind

    def store(self, depot: Depot, **fields: str) -> None:
        """Upload its newest version, and wait until it is ready."""
        (document,) = self.client.upload([depot.file()], COLLECTION, wait="true", **fields)
        if document["status"] != "ready":
            raise RuntimeError(f"{depot.name} is {document['status']}: {document['error']}")
        depot.id = document["id"]

    @property
    def live(self) -> list[Depot]:
        """Documents that askers may see."""
        return [each for each in self.depots if each.word]


def ask(http: httpx.Client, question: str, way: str = "ask") -> httpx.Response:
    """Ask as somebody of the staff, through one of the interfaces."""
    if way == "chat":
        messages = [{"role": "user", "content": question}]
        return http.post(
            "/v1/chat/completions", json={"model": COLLECTION, "messages": messages, "as": ["staff"]}
        )
    body = {
        "question": question,
        "collection": COLLECTION,
        "as": ["staff"],
        "stream": way == "stream",
        "explain": True,
    }
    return http.post("/v1/ask", json=body)


def measure(bench: Bench, rounds: int) -> Json:
    """Ask everything, then again and again beside /livez."""
    http = bench.client.http
    first: list[float] = []
    answers: dict[str, Json] = {}
    for number, depot in enumerate(bench.live, 1):
        started = time.perf_counter()
        answers[depot.name] = ask(http, depot.question).json()
        first.append((time.perf_counter() - started) * 1000)
        progress(f"asked {number} of {len(bench.live)}")
    calls = len(bench.gateway.chats)
    hits: list[float] = []
    lives: list[float] = []
    inside: list[float] = []
    for _ in range(rounds):
        for depot in bench.live:
            started = time.perf_counter()
            http.get("/livez")
            lives.append((time.perf_counter() - started) * 1000)
            started = time.perf_counter()
            again = ask(http, depot.question)
            hits.append((time.perf_counter() - started) * 1000)
            found = again.json()
            inside.append(found["timings"]["total"])
            same = (
                found["cached"]
                and found["answer"] == answers[depot.name]["answer"]
                and depot.word in found["answer"]
            )
            bench.checks.see(HIT, same, f"{depot.name}: {again.text[:300]}")
    bench.checks.see(HIT, len(bench.gateway.chats) == calls, "the gateway was asked")
    beyond = {share: percentile(hits, share) - percentile(lives, share) for share in (0.5, 0.99)}
    bench.checks.see(QUICK, max(beyond.values()) < MOST_MS, str(beyond))
    return {
        name: {
            "n": len(each),
            "p50_ms": round(percentile(each, 0.5), 2),
            "p99_ms": round(percentile(each, 0.99), 2),
        }
        for name, each in (("first", first), ("livez", lives), ("hit", hits), ("hit, in the service", inside))
    } | {
        "hit beyond livez": {
            "n": len(hits),
            "p50_ms": round(beyond[0.5], 2),
            "p99_ms": round(beyond[0.99], 2),
        }
    }


def one_by_one(bench: Bench, changes: int) -> None:
    """Change, and ask again."""
    http, checks = bench.client.http, bench.checks
    for number in range(1, changes + 1):
        depot = bench.draw.choice(bench.live)
        ask(http, depot.question)
        before = ask(http, depot.question)
        checks.see(
            BEFORE,
            before.json()["cached"] and depot.word in before.text,
            f"{depot.name}: {before.text[:300]}",
        )
        old, kind = depot.word, bench.change(depot)
        found = ask(http, depot.question)
        checks.see(FRESH, not found.json()["cached"], f"{kind} {depot.name}: {found.text[:300]}")
        checks.see(NONE, old not in found.text, f"{kind} {depot.name}: {found.text[:300]}")
        dead = {word for each in bench.depots for word in each.gone}
        for other in bench.draw.sample(bench.live, min(3, len(bench.live))):
            way = bench.draw.choice(("ask", "stream", "chat"))
            again = ask(http, other.question, way)
            shown = words_in(again.text) & dead
            checks.see(
                NONE, again.status_code == httpx.codes.OK and not shown, f"{way} {other.name}: {shown}"
            )
            bench.counts["given again beside a change"] += '"cached":true' in again.text.replace(" ", "")
        if kind != REPLACE:
            bench.add()
        progress(f"change {number} of {changes}")
    checks.see(BESIDE, bench.counts["given again beside a change"] > 0, "none")


class Asker(threading.Thread):
    """Asks until it is told to stop, and notes what it was shown."""

    def __init__(self, url: str, questions: Sequence[str], seed: int) -> None:
        super().__init__(name=f"asker-{seed}")
        self._url = url
        self._questions = questions
        self._draw = random.Random(seed)
        self.stopping = threading.Event()
        self.shown: list[tuple[float, set[str], str]] = []
        self.statuses: Counter[int] = Counter()
        self.cached: Counter[bool] = Counter()

    def run(self) -> None:
        """Ask."""
        with httpx.Client(base_url=self._url, timeout=120, trust_env=False) as http:
            while not self.stopping.is_set():
                started = time.monotonic()
                # A few are asked often, so that most are cached when they change.
                question = self._questions[int(self._draw.random() ** 2 * len(self._questions))]
                response = ask(http, question, self._draw.choice(("ask", "ask", "stream")))
                self.statuses[response.status_code] += 1
                self.cached['"cached":true' in response.text.replace(" ", "")] += 1
                self.shown.append((started, words_in(response.text), question))


def in_parallel(bench: Bench, changes: int) -> Json:
    """Askers at once, while documents are changed."""
    busy = bench.live[:20]
    questions = [each.question for each in busy]
    askers = [Asker(str(bench.client.http.base_url), questions, number) for number in range(ASKERS)]
    for each in askers:
        each.start()
    try:
        for number in range(1, changes + 1):
            depot = bench.draw.choice(busy)
            if depot.word:
                bench.change(depot)
            else:
                depot.word = bench.words.next()
                if depot.id:
                    bench.client.delete(depot.id)
                bench.store(depot)
            progress(f"change {number} of {changes}, with {ASKERS} askers")
            time.sleep(bench.draw.uniform(0, 0.2))
    finally:
        for each in askers:
            each.stopping.set()
        for each in askers:
            each.join()
    gone = {word: at for depot in bench.depots for word, at in depot.gone.items()}
    for asker in askers:
        for started, words, question in asker.shown:
            late = {word for word in words if gone.get(word, started) < started}
            bench.checks.see(
                PARALLEL,
                not late,
                f"{question}: {late}, gone since {[started - gone[each] for each in late]} s",
            )
    statuses = sum((each.statuses for each in askers), Counter[int]())
    cached = sum((each.cached for each in askers), Counter[bool]())
    bench.checks.see(CAUGHT, cached[True] > 0 and cached[False] > 0, str(cached))
    # A document that goes while its answer is made is a conflict, and nothing else may fail.
    bench.checks.see(CAUGHT, set(statuses) <= {200, 409}, str(statuses))
    return {
        "asked": sum(statuses.values()),
        "cached": cached[True],
        "statuses": {str(k): v for k, v in statuses.items()},
    }


def main() -> int:
    """Runs the program; returns its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--questions", type=int, default=200, help="documents, and questions; default: %(default)s"
    )
    parser.add_argument(
        "--changes", type=int, default=200, help="alone, and with askers; default: %(default)s"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the order of changes; default: %(default)s")
    parser.add_argument("--short", action="store_true", help="20 questions and 15 changes")
    add_result_argument(parser, "cache")
    options = parser.parse_args()
    questions, changes = (20, 15) if options.short else (options.questions, options.changes)
    checks = Checks()
    checks.expect(*EXPECTED)
    with (
        tempfile.TemporaryDirectory(prefix="footnote-") as folder,
        ScriptedGateway([Scene.answer(written)]) as gateway,
    ):
        server = Server(f"env FOOTNOTE_GATEWAY_URL={gateway.url} {COMMAND}", Path(folder) / "data")
        with server, Client(server.url) as client:
            bench = Bench(client, gateway, checks, options.seed)
            for number in range(questions):
                bench.add()
                progress(f"stored {number + 1} of {questions}")
            figures = measure(bench, max(1, 1000 // questions))
            one_by_one(bench, changes)
            parallel = in_parallel(bench, changes)
    rows = [[name, each["n"], each["p50_ms"], each["p99_ms"]] for name, each in figures.items()]
    print_table(["request", "n", "p50 ms", "p99 ms"], rows)
    print_table(
        ["count", "value"], [[name, value] for name, value in [*bench.counts.items(), *parallel.items()]]
    )
    checks.show()
    body = {"passed": checks.passed, "figures": figures, "changes": dict(bench.counts), "parallel": parallel}
    write_result(options.out, "cache", ROOT, {**body, "seed": options.seed, "checks": checks.as_json()})
    return 0 if checks.passed else 1


if __name__ == "__main__":
    sys.exit(main())

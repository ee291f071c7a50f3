"""Questions over HTTP against the bare encoder: make search DATA=folder.

    python -m benchmarks.search DATA [--passages 50000] [--cache FOLDER]

A server over a composed collection is asked over one connection that is kept alive, each question beside one encoding
of it by the embedder in a process of its own, and one by the same model in sentence-transformers in float32, in turn:
so all see the same machine. Then 32 clients ask at once, beside the encoder with 32 questions in a batch. Extractive
answers are measured like searches. Generative ones come from a scripted gateway that thinks for a while; what is
counted is how much later than straight from the gateway the first sentence arrives.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.composed import COLLECTION, fill, sources
from benchmarks.encoding import Encoder
from benchmarks.line import Line, first_event
from benchmarks.report import (
    add_result_argument,
    data_folder,
    percentile,
    print_table,
    progress,
    require,
    write_result,
)
from benchmarks.server import DEFAULT_COMMAND, ROOT, Server, fresh_data_dir
from tests.doubles.scripted_gateway import Scene, ScriptedGateway

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.client import Json

CLIENTS = 32
# Seconds that the gateway thinks, as a quick real one does.
THINKS_S = 0.3
# Between two measurements, so that threads that spin at the end of one are asleep in the next.
_REST_S = 0.005
_WARM = 20


def summary(milliseconds: Sequence[float]) -> dict[str, float]:
    """How many, median, tail, and how far the tail is from the median."""
    middle, tail = percentile(milliseconds, 0.5), percentile(milliseconds, 0.99)
    return {
        "n": len(milliseconds),
        "p50_ms": round(middle, 2),
        "p95_ms": round(percentile(milliseconds, 0.95), 2),
        "p99_ms": round(tail, 2),
        "p99_by_p50": round(tail / middle, 2) if middle else 0.0,
    }


def paired(mine: Sequence[float], bare: Sequence[float]) -> dict[str, float]:
    """The ratio of two measurements taken in turn, with its spread over tenths of the run, and their difference."""
    size = max(1, len(mine) // 10)
    parts = [
        percentile(mine[at : at + size], 0.5) / percentile(bare[at : at + size], 0.5)
        for at in range(0, len(mine) - size + 1, size)
    ]
    return {
        "ratio": round(percentile(mine, 0.5) / percentile(bare, 0.5), 2),
        "ratio_spread": round(statistics.pstdev(parts), 2),
        "beyond_ms": round(percentile(mine, 0.5) - percentile(bare, 0.5), 2),
    }


def timed(call: Callable[[], object]) -> float:
    """Milliseconds that a call takes."""
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def in_turn(questions: Sequence[str], calls: Sequence[Callable[[str], float]]) -> list[list[float]]:
    """Milliseconds that each call says it took for each question; which goes first changes with every question."""
    spent: list[list[float]] = [[] for _ in calls]
    for number, question in enumerate(questions):
        for step in range(len(calls)):
            time.sleep(_REST_S)
            at = (number + step) % len(calls)
            spent[at].append(calls[at](question))
    return spent


def one_by_one(
    port: int,
    path: str,
    bodies: Callable[[str], Json],
    questions: Sequence[str],
    encoder: Encoder,
    plain: Encoder,
) -> Json:
    """Ask over one connection, beside the encoder, and beside the same model in sentence-transformers as it is."""
    with Line(port) as line:

        def ask(question: str) -> float:
            return timed(lambda: line.post(path, bodies(question)))

        calls = (ask, encoder.one, plain.one)
        in_turn(questions[:_WARM], calls)
        used = cpu_seconds(encoder.pid)
        mine, bare, float32 = in_turn(questions[_WARM:], calls)
    against = paired(mine, float32)
    return {"asked": summary(mine), "encoded": summary(bare), **paired(mine, bare)} | {
        "encoder_cpu_ms": round((cpu_seconds(encoder.pid) - used) * 1000 / len(bare), 2),
        "plain_encoded": summary(float32),
        "plain_ratio": against["ratio"],
        "plain_ratio_spread": against["ratio_spread"],
    }


def at_once(port: int, questions: Sequence[str], seconds: float) -> tuple[float, list[float], int]:
    """Searches a second of many clients at once, their milliseconds, and how many did not get a 200."""
    until = time.perf_counter() + seconds
    spent: list[list[float]] = [[] for _ in range(CLIENTS)]
    failed = [0] * CLIENTS  # Answers that are none, and connections that broke.

    def ask(number: int) -> None:
        own = questions[number::CLIENTS]
        with Line(port) as line:
            at = 0
            while time.perf_counter() < until:
                started = time.perf_counter()
                status, _ = line.post("/v1/search", searched(own[at % len(own)]), check=False)
                if status == 200:
                    spent[number].append((time.perf_counter() - started) * 1000)
                failed[number] += status != 200
                at += 1

    started = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        # What breaks a connection ends the run.
        list(pool.map(ask, range(CLIENTS)))
    took = time.perf_counter() - started
    every = [each for own in spent for each in own]
    return len(every) / took, every, sum(failed)


def crowd(port: int, questions: Sequence[str], encoder: Encoder, rounds: int, seconds: float) -> Json:
    """Many clients at once beside the batched encoder, in turn."""
    rates, bare, every, failed = [], [], [], 0
    for number in range(rounds):
        progress(f"{CLIENTS} clients, round {number + 1} of {rounds}")
        bare.append(encoder.batched(questions, CLIENTS, seconds))
        rate, spent, wrong = at_once(port, questions, seconds)
        rates.append(rate)
        every += spent
        failed += wrong
    shares = [rate / each for rate, each in zip(rates, bare, strict=True)]
    return {
        "searches_per_s": round(statistics.median(rates), 1),
        "encoded_per_s": round(statistics.median(bare), 1),
        "share": round(statistics.median(shares), 3),
        "share_spread": round(statistics.pstdev(shares), 3),
        "errors": failed,
        "asked": summary(every),
    }


def searched(question: str) -> Json:
    """The body of a search."""
    return {"query": question, "collection": COLLECTION}


def extractive(question: str) -> Json:
    """The body of a question that is answered by quotation, and not from the cache."""
    return {"question": question, "collection": COLLECTION, "mode": "extractive", "cache": False}


def generative(question: str) -> Json:
    """The body of a question that is answered by the gateway, and streamed."""
    return {**extractive(question), "mode": "generative", "stream": True}


def written(sent: Json) -> list[str]:
    """What the model writes: the first sentence of the first source, with its key."""
    found = re.search(
        r'<source key="(\w+)"[^>]*>\n(.*?)\n</source>', sent["messages"][0]["content"], re.DOTALL
    )
    if found is None:
        return ["The sources do not say."]
    text = re.sub(r"\s+", " ", re.sub(r"^#.*$", "", found[2], flags=re.MULTILINE)).strip()
    sentence = re.split(r"(?<=[a-z][.!?]) ", text)[0].rstrip(".")
    return re.findall(r"\s*\S+", f"{sentence} [{found[1]}].")


def first_tokens(port: int, gateway: ScriptedGateway, questions: Sequence[str]) -> Json:
    """How much later the first checked sentence comes than straight from the gateway, and how much of it is before."""
    through, straight, before = [], [], []
    gateway_port = int(re.findall(r":(\d+)/", gateway.url)[0])
    for number, question in enumerate(questions):
        progress(f"generative answer {number + 1} of {len(questions)}")
        time.sleep(_REST_S)
        seen, started = len(gateway.chats), time.monotonic()
        took = first_event(port, "/v1/ask", generative(question), "claim")
        if took is None or len(gateway.chats) == seen:
            continue
        request = gateway.chats[seen]
        own = first_event(gateway_port, "/v1/chat/completions", request.json, None)
        if number >= _WARM // 4 and own is not None:
            through.append(took)
            straight.append(own)
            before.append((request.at_s - started) * 1000)
    added = [a - b for a, b in zip(through, straight, strict=True)]
    if 2 * len(added) < len(questions):
        raise SystemExit(f"Of {len(questions)} streamed answers only {len(added)} began with a claim.")
    return {
        "asked": len(questions),
        "n": len(added),
        "added_p50_ms": round(percentile(added, 0.5), 1),
        "added_p95_ms": round(percentile(added, 0.95), 1),
        "before_gateway_p50_ms": round(percentile(before, 0.5), 1),
        "straight_p50_ms": round(percentile(straight, 0.5), 1),
    }


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used, its threads and no children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def measure(port: int, pid: int, gateway: ScriptedGateway, questions: list[str], options: Any) -> Json:
    """Everything, in the order of the report."""
    found: Json = {}
    count = options.questions + _WARM
    with Encoder() as encoder, Encoder(plain=True) as plain:
        for name, path, bodies in (("search", "/v1/search", searched), ("ask", "/v1/ask", extractive)):
            if name in options.parts:
                progress(f"{name}: {count} questions")
                used = cpu_seconds(pid)
                found[name] = one_by_one(port, path, bodies, questions[:count], encoder, plain)
                found[name]["server_cpu_ms"] = round((cpu_seconds(pid) - used) * 1000 / count, 2)
        if "crowd" in options.parts:
            found["crowd"] = crowd(port, questions, encoder, options.rounds, options.seconds)
    if "generative" in options.parts:
        found["generative"] = first_tokens(port, gateway, questions[: options.questions // 4])
    return found


def show(found: Json) -> None:
    """Prints the figures."""
    rows = [
        [
            name,
            *(each[part][key] for part in ("asked", "encoded") for key in ("p50_ms", "p99_ms")),
            each["ratio"],
            each["plain_encoded"]["p50_ms"],
            each["plain_ratio"],
        ]
        for name, each in found.items()
        if "encoded" in each
    ]
    titles = ["what", "p50 ms", "p99 ms", "encoder p50", "encoder p99", "ratio", "plain p50", "plain ratio"]
    print_table(titles, rows)
    print(json.dumps(found, indent=1))


def answers(port: int, questions: Sequence[str]) -> Iterator[Json]:
    """What is answered, without what differs from run to run: to be compared between two versions."""
    with Line(port) as line:
        for question in questions:
            for path, body in (("/v1/search", searched(question)), ("/v1/ask", extractive(question))):
                found = line.post(path, body)[1]
                for volatile in ("timings", "id", "trace_id"):
                    found.pop(volatile, None)
                yield {"path": path, "question": question, "found": found}


def main() -> int:
    """Runs the program; returns its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=data_folder, help="folder of the evaluation data")
    parser.add_argument("--passages", type=int, default=50_000, help="default: %(default)s")
    parser.add_argument("--questions", type=int, default=200, help="measured; default: %(default)s")
    parser.add_argument("--rounds", type=int, default=5, help="of many clients; default: %(default)s")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each round; default: %(default)s")
    parser.add_argument("--cache", type=Path, help="folder in which the composed collection is kept")
    parser.add_argument("--parts", default="search,ask,crowd,generative", help="default: %(default)s")
    parser.add_argument("--server", default=DEFAULT_COMMAND, metavar="CMD", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--answers", type=Path, help="write the answers to some questions here, and stop")
    add_result_argument(parser, "search")
    options = parser.parse_args()
    options.parts = options.parts.split(",")
    require(options.data, "squad2", "clapnq")
    _, questions = sources(options.data)
    random.Random(options.seed).shuffle(questions)
    kept = options.cache / f"composed-{options.passages}" if options.cache else None
    scene = Scene(text=written, delay_s=THINKS_S)
    with fresh_data_dir(None) as fresh, ScriptedGateway([scene]) as gateway:
        folder = kept or fresh
        held = fill(folder, options.data, options.passages, options.seed)
        server = Server(f"env FOOTNOTE_GATEWAY_URL={gateway.url} {options.server}", folder)
        with server:
            if options.answers:
                lines = answers(server.port, questions[: options.questions])
                options.answers.write_text("".join(json.dumps(each, sort_keys=True) + "\n" for each in lines))
                return 0
            found = measure(server.port, server.pid, gateway, questions, options)
    show(found)
    write_result(options.out, "search", ROOT, {"passages": held, "clients": CLIENTS, "figures": found})
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Plays every fault of a gateway against the service and writes down what a client gets: make gateway.

    python -m benchmarks.gateway_faults [--short]

Two gateways, each a program of its own on a port of this machine: ``main`` has the fault, ``spare`` answers. Each fault
is played three times: with ``main`` alone, with ``spare`` behind it in a chain, and with both, streamed. Then follow
waits that a gateway asks for, cool-downs, hedging, and a hundred requests at once against one budget of a key, of a
collection and of a batch. In the end the gateways' keys are looked for in every body, header, log line, metric and
file.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from benchmarks.client import Client, Json, Upload, parse_events
from benchmarks.gateway_scenes import AFTER, BEFORE, DELTAS, KEYS, RawGateway, good
from benchmarks.light import COMMAND
from benchmarks.report import Checks, add_result_argument, print_table, progress, write_result
from benchmarks.server import ROOT, Server
from tests.doubles.scripted_gateway import Scene, ScriptedGateway

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.gateway_scenes import Fault

ADMIN = "fn_admin-of-the-faults"
DEADLINE_S, FIRST_BYTE_S, HEDGE_S = 7.0, 2.0, 0.5
# US dollars for a million tokens, and billionths of one: an answer costs about $0.001, and $0.021 before it is known.
INPUT, OUTPUT, NANO = 4.0, 16.0, 1_000_000_000
COLLECTION = "lending"
TEXT = b"# Lending\n\nMembers may borrow seven books at a time. A fine is two euros a week."

SPARE = "before the first byte the spare answers, after one question to each"
ALONE = "a gateway that is alone and fails gives an error of the contract, 429, 502, 503 or 504"
BROKEN = (
    "what breaks off after the first word ends in an error, streamed in 'error', and the spare is not asked"
)
WHOLE = "an answer that was whole before its connection broke is given"
IN_TIME = "no question takes longer than its deadline and two seconds"
WAITS = "Retry-After is kept by later questions, waited for within the deadline, and told beyond it"
COOLS = "what failed goes last until it has cooled down"
HEDGES = "a silent gateway is hedged, and left alone where it answers in time"
BUDGET = "a hundred at once spend not one billionth over a budget, by the gateway's own count"
BOOKS = "what the answers say that they cost is what /v1/usage and the gateway count"
SECRET = "no gateway key in a body, a header, a metric, a log line or a file"
EXPECTED = (SPARE, ALONE, BROKEN, WHOLE, IN_TIME, WAITS, COOLS, HEDGES, BUDGET, BOOKS, SECRET)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a client got.

    Attributes:
        what: ``answer``, ``abstained``, or the code of an error with its status.
        events: Names of the events of a stream.
    """

    what: str
    seconds: float
    asked: tuple[int, int]
    body: Json
    headers: httpx.Headers
    events: tuple[str, ...] = ()


@dataclass(slots=True)
class Bench:
    """The service between two gateways, and all that it ever said."""

    client: Client
    main: ScriptedGateway
    spare: ScriptedGateway
    checks: Checks
    said: list[str] = field(default_factory=list)
    asked: int = 0

    def ask(self, model: str, *, stream: bool = False) -> Outcome:
        """One question that was never asked before."""
        self.asked += 1
        question = f"How many books may member {self.asked} borrow?"
        body = {"question": question, "collection": COLLECTION, "model": model, "stream": stream}
        before, started = (len(self.main.chats), len(self.spare.chats)), time.monotonic()
        response = self.client.http.post("/v1/ask", json={**body, "explain": True})
        seconds = time.monotonic() - started
        self.said += [response.text, str(response.headers)]
        asked = len(self.main.chats) - before[0], len(self.spare.chats) - before[1]
        if stream and response.status_code == httpx.codes.OK:
            events = list(parse_events(response.text.splitlines()))
            last = events[-1]
            names = tuple(each["event"] for each in events)
            data, failed = last["data"], last["event"] == "error"
            what = f"error: {data['error']['code']}" if failed else _said(data)
            return Outcome(what, seconds, asked, data, response.headers, names)
        found = response.json()
        error = found.get("error")
        what = f"{response.status_code} {error['code']}" if error else _said(found)
        return Outcome(what, seconds, asked, found, response.headers)


def _said(answer: Json) -> str:
    return "abstained" if answer["abstained"] else "answer"


def play(bench: Bench, faults: Sequence[Fault]) -> list[Json]:
    """Each fault alone, with a spare, and streamed; a row for each."""
    rows = []
    for number, fault in enumerate(faults):
        progress(f"fault {number + 1} of {len(faults)}: {fault.name}")
        found: dict[str, Outcome] = {}
        for way in ("alone", "chain", "stream"):
            bench.main.play(fault.scene)
            bench.spare.play(good())
            # Names of their own, because a model that has failed cools down.
            model = f"raw{number}/m" if fault.is_raw else f"main/{way}-{number}"
            if way != "alone":
                model = f"{way}-{number}"
            found[way] = bench.ask(model, stream=way == "stream")
        _judge(bench.checks, fault, found)
        rows.append(
            {"fault": fault.name, "stage": fault.stage} | {way: _row(one) for way, one in found.items()}
        )
    return rows


def _row(outcome: Outcome) -> Json:
    return {
        "got": outcome.what,
        "seconds": round(outcome.seconds, 2),
        "main": outcome.asked[0],
        "spare": outcome.asked[1],
    }


def _judge(checks: Checks, fault: Fault, found: dict[str, Outcome]) -> None:
    alone, chain, stream = found["alone"], found["chain"], found["stream"]
    for way, one in found.items():
        told = f"{fault.name}, {way}: {one.what}, {one.seconds:.1f} s, asked {one.asked}, {one.body.get('error')}"
        checks.see(IN_TIME, one.seconds < DEADLINE_S + 2, told)
        if fault.stage == "before" and way != "alone":
            whole = one.what == "answer" and one.asked[1] == 1 and one.asked[0] == (not fault.is_raw)
            checks.see(SPARE, whole, told)
        elif fault.stage == "finished":
            checks.see(WHOLE, one.what == "answer" and one.asked == (1, 0), told)
    if fault.stage == "before":
        error = alone.body.get("error", {})
        named = {"code", "message", "hint", "retryable", "trace_id"} == set(error) and error["message"]
        checks.see(
            ALONE, bool(named) and alone.what[:3] in ("429", "502", "503", "504"), f"{fault.name}: {alone}"
        )
    if fault.stage == "after":
        for one in (alone, chain):
            incomplete = one.body.get("error", {}).get("code") == "incomplete_answer" and one.asked == (1, 0)
            checks.see(BROKEN, incomplete, f"{fault.name}: {one}")
        ended = stream.events[-1:] == ("error",) and "done" not in stream.events and stream.asked == (1, 0)
        incomplete = stream.body.get("finish_reason") == "incomplete"
        checks.see(BROKEN, ended and incomplete, f"{fault.name}, streamed: {stream}")


def waits(bench: Bench) -> list[Json]:
    """Waits that a gateway asks for, cool-downs, and hedging."""
    rows, checks = [], bench.checks

    def step(name: str, check: str, model: str, holds: Any) -> None:
        one = bench.ask(model)
        checks.see(check, holds(one), f"{name}: {one}")
        rows.append({"step": name, **_row(one)})

    bench.spare.play(good())
    bench.main.play(Scene.rate_limited("2"), good())
    step("429 with Retry-After 2", WAITS, "held", lambda one: one.what == "answer" and one.asked == (1, 1))
    step("at once after it", WAITS, "held", lambda one: one.what == "answer" and one.asked == (0, 1))
    time.sleep(2.1)
    step("after 2 s", WAITS, "held", lambda one: one.what == "answer" and one.asked == (1, 0))
    bench.main.play(Scene.rate_limited("1"), good())
    waited = lambda one: one.what == "answer" and one.asked == (2, 0) and one.seconds >= 1  # noqa: E731
    step("alone, Retry-After 1, within the deadline", WAITS, "main/within", waited)
    bench.main.play(Scene.rate_limited("120"))
    told = lambda one: one.what.startswith("429") and 110 <= int(one.headers["Retry-After"]) <= 120  # noqa: E731
    step("alone, Retry-After 120", WAITS, "main/beyond", lambda one: told(one) and one.asked == (1, 0))
    step(
        "at once after it",
        WAITS,
        "main/beyond",
        lambda one: told(one) and one.asked == (0, 0) and one.seconds < 1,
    )
    bench.main.play(Scene.refusal(500), good())
    step("500 once", COOLS, "cool", lambda one: one.what == "answer" and one.asked == (1, 1))
    step("at once after it", COOLS, "cool", lambda one: one.what == "answer" and one.asked == (0, 1))
    time.sleep(2.1)
    step("after 2 s", COOLS, "cool", lambda one: one.what == "answer" and one.asked == (1, 0))
    bench.main.play(Scene.hang())
    step(
        "silent, hedged",
        HEDGES,
        "hedged",
        lambda one: one.what == "answer" and one.seconds < FIRST_BYTE_S + 0.5,
    )
    bench.main.play(good())
    step("in time", HEDGES, "hedged-not", lambda one: one.what == "answer" and one.asked == (1, 0))
    return rows


def budgets(bench: Bench, requests: int) -> list[Json]:
    """Requests at once against one budget of a key, of a collection, and of a batch."""
    rows = []
    for number, (whose, scene) in enumerate(
        (each, scene)
        for scene in (good(), Scene.broken("Members may borrow", "cut"))
        for each in ("key", "collection", "batch")
    ):
        progress(f"budget of a {whose}")
        bench.main.play(scene)
        # A collection of its own: what was spent in one today counts for a budget that it is given later.
        collection = f"budget-{number}"
        bench.client.upload([Upload("lending.md", TEXT)], collection, wait="true")
        rows.append(_budget(bench, whose, collection, requests, broken=scene.ending == "cut"))
    return rows


def _budget(bench: Bench, whose: str, collection: str, requests: int, *, broken: bool) -> Json:
    http, checks = bench.client.http, bench.checks
    # Enough for half of a batch; the others are put to the test by what is held at once.
    limit = 0.02 + 0.0005 * requests if whose == "batch" else 0.1
    limits = {"usd_per_day": limit} if whose == "key" else {}
    made = http.post("/v1/keys", json={"name": whose, "scopes": ["ask:*"], "limits": limits})
    if whose == "collection":
        http.put(f"/v1/collections/{collection}/budget", json={"usd_per_day": limit}).raise_for_status()
    bearer = {"Authorization": f"Bearer {made.raise_for_status().json()['token']}"}
    first, asked = len(bench.main.chats), {"collection": collection, "model": f"main/{collection}"}
    questions = [f"How many books may members borrow, asked {at}?" for at in range(requests)]
    if whose == "batch":
        body = {**asked, "questions": questions, "max_cost_usd": limit}
        batch = http.post("/v1/ask/batch", json=body, headers=bearer).raise_for_status().json()
        costs, outcomes = _of_batch(bench, batch, bearer)
    else:
        found = asyncio.run(_at_once(str(http.base_url), asked, questions, bearer))
        bench.said += [each.text for each in found]
        outcomes = Counter(str(each.status_code) for each in found)
        costs = [each.json()["cost_usd"] for each in found if each.status_code == httpx.codes.OK]
    billed = sum(_billed(each.json) for each in bench.main.chats[first:])
    usage = http.get("/v1/usage", headers=bearer).json()
    told = f"{whose}, {'broken' if broken else 'whole'}: billed {billed}, usage {usage['total']}, {dict(outcomes)}"
    checks.see(BUDGET, 0 < billed <= limit * NANO and usage["total"]["at_most_usd"] <= limit, told)
    # Some were refused, or the budget was not put to the test.
    checks.see(BUDGET, broken or len(costs) < requests, told)
    if not broken:
        spent = round(sum(costs) * NANO)
        checks.see(
            BOOKS, spent == billed == round(usage["total"]["cost_usd"] * NANO), f"{told}, answers {spent}"
        )
    return {
        "budget": whose,
        "answers": "broken off" if broken else "whole",
        "requests": requests,
        "calls": len(bench.main.chats) - first,
        "outcomes": dict(outcomes),
        "limit_usd": limit,
        "billed_usd": billed / NANO,
        "counted_usd": usage["total"]["at_most_usd"],
    }


def _of_batch(bench: Bench, batch: Json, bearer: dict[str, str]) -> tuple[list[float], Counter[str]]:
    http, where = bench.client.http, f"/v1/ask/batch/{batch['id']}"
    while http.get(where, headers=bearer).json()["status"] != "finished":
        time.sleep(0.2)
    found = http.get(f"{where}/results", params={"limit": 1000}, headers=bearer)
    bench.said += [found.text, http.get(f"{where}/results.csv", headers=bearer).text]
    rows = found.json()["results"]
    outcomes = Counter(each["error"]["code"] if each["error"] else each["status"] for each in rows)
    return [each["answer"]["cost_usd"] for each in rows if each["answer"]], outcomes


async def _at_once(
    base: str, asked: Json, questions: Sequence[str], bearer: dict[str, str]
) -> list[httpx.Response]:
    limits = httpx.Limits(max_connections=len(questions))
    async with httpx.AsyncClient(
        base_url=base, timeout=300, limits=limits, trust_env=False, headers=bearer
    ) as client:
        # Some are refused while others hold all that is left.
        bodies = [{**asked, "question": question, "max_cost_usd": 0.025} for question in questions]
        return await asyncio.gather(*(client.post("/v1/ask", json=body) for body in bodies))


def _billed(sent: Json) -> int:
    """What the gateway takes for a call, in billionths of a dollar: it counts words, and one token for each delta."""
    words = sum(len(message["content"].split()) for message in sent["messages"])
    return round(words * INPUT * 1000) + round(DELTAS * OUTPUT * 1000)


def settings(
    folder: Path, main: ScriptedGateway, spare: ScriptedGateway, raws: dict[int, RawGateway], count: int
) -> str:
    """The command of a service that knows all these gateways and chains."""
    (folder / "spare.key").write_text(KEYS["spare"] + "\n")
    lines = [
        f'[endpoints.main]\nurl = "{main.url}"\nkey_env = "MAIN_KEY"',
        f'[endpoints.spare]\nurl = "{spare.url}"\nkey_file = "spare.key"',
        *(f'[endpoints.raw{at}]\nurl = "{raw.url}"\nkey_env = "MAIN_KEY"' for at, raw in raws.items()),
    ]
    for at in range(count):
        for way in ("chain", "stream"):
            first = f"raw{at}/{way}" if at in raws else f"main/{way}-{at}"
            lines.append(
                f'[chains.{way}-{at}]\ntargets = ["{first}", "spare/{way}-{at}"]\nfirst_byte_s = {FIRST_BYTE_S}'
            )
    for name in ("held", "cool", "hedged", "hedged-not"):
        hedge = f"\nhedge_s = {HEDGE_S}" if name.startswith("hedged") else ""
        lines.append(f'[chains.{name}]\ntargets = ["main/{name}", "spare/{name}"]{hedge}')
    lines += [f'[prices."{name}/*"]\ninput = {INPUT}\noutput = {OUTPUT}' for name in ("main", "spare")]
    (folder / "gateways.toml").write_text("\n".join(lines))
    given = {
        "MAIN_KEY": KEYS["main"],
        "FOOTNOTE_ADMIN_KEY": ADMIN,
        "FOOTNOTE_GATEWAY_FILE": folder / "gateways.toml",
        "FOOTNOTE_MODEL": "main/usual",
        "FOOTNOTE_GATEWAY_DEADLINE_S": DEADLINE_S,
        "FOOTNOTE_MAX_WAITING": 500,
        "FOOTNOTE_BATCH_WORKERS": 4,
    }
    return "env " + " ".join(f"{name}={value}" for name, value in given.items()) + f" {COMMAND}"


def look_for_keys(bench: Bench, server: Server) -> None:
    """In everything that was said, and where the service writes."""
    http = bench.client.http
    bench.said += [
        http.get(path).text
        for path in ("/metrics", "/readyz", "/v1/usage", "/v1/models", "/v1/configuration")
    ]
    bench.said.append(server.log.read_text(errors="replace"))
    for each in bench.said:
        at = next((each.find(key) for key in KEYS.values() if key in each), -1)
        bench.checks.see(SECRET, at < 0, each[max(0, at - 300) : at + 100])


def main() -> int:
    """Runs the program; returns its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="some of the faults and 20 requests at once")
    add_result_argument(parser, "gateway")
    options = parser.parse_args()
    faults = [*BEFORE[::6], *AFTER[::4]] if options.short else [*BEFORE, *AFTER]
    requests = 20 if options.short else 100
    checks = Checks()
    checks.expect(*EXPECTED)
    with (
        tempfile.TemporaryDirectory(prefix="footnote-") as temporary,
        ScriptedGateway([good()]) as main_gateway,
        ScriptedGateway([good()]) as spare,
    ):
        raws = {at: RawGateway(fault.raw) for at, fault in enumerate(faults) if fault.is_raw}
        folder = Path(temporary)
        server = Server(settings(folder, main_gateway, spare, raws, len(faults)), folder / "data")
        try:
            with server, Client(server.url, key=ADMIN, timeout_s=300) as client:
                client.upload([Upload("lending.md", TEXT)], COLLECTION, wait="true")
                bench = Bench(client, main_gateway, spare, checks)
                rows = play(bench, faults)
                steps = waits(bench)
                spent = budgets(bench, requests)
                look_for_keys(bench, server)
        finally:
            for raw in raws.values():
                raw.close()
        for path in (folder / "data").rglob("*"):
            held = path.is_file() and any(key.encode() in path.read_bytes() for key in KEYS.values())
            checks.see(SECRET, not held, str(path.name))
    show(rows, steps, spent)
    checks.show()
    body = {
        "passed": checks.passed,
        "faults": rows,
        "waits": steps,
        "budgets": spent,
        "checks": checks.as_json(),
    }
    write_result(options.out, "gateway", ROOT, body)
    return 0 if checks.passed else 1


def show(rows: Sequence[Json], steps: Sequence[Json], spent: Sequence[Json]) -> None:
    """The three tables."""

    def cell(one: Json) -> str:
        return f"{one['got']}, {one['seconds']:.1f} s, {one['main']} + {one['spare']}"

    ways = ("alone", "chain", "stream")
    print("\nEach cell: what the client got, in which time, questions to the first + to the spare gateway.")
    print_table(["fault", *ways], [[each["fault"], *(cell(each[way]) for way in ways)] for each in rows])
    print_table(["wait", "got"], [[each["step"], cell(each)] for each in steps])
    names = ["budget", "answers", "requests", "calls", "outcomes", "limit_usd", "billed_usd", "counted_usd"]
    print_table(names, [[str(each[name]) for name in names] for each in spent])


if __name__ == "__main__":
    sys.exit(main())

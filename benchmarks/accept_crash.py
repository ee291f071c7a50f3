"""Does the service survive being killed, and is what was deleted gone?

    python -m benchmarks.accept_crash

Makes its own corpus, uploads it in rounds, and sends SIGKILL to the server once in every round while it
uploads, parses, embeds or commits. After each kill: no child of the server lives on, ``footnote doctor``
finds the data sound, and after the restart every acknowledged document is there, once, and those that
were ready are found by a word that they alone hold. In the end everything is ready and equal to the same
files ingested without a kill. Then it deletes documents and looks for their words in every route.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import httpx

from benchmarks import deletion
from benchmarks.client import Client
from benchmarks.corpus import make_corpus
from benchmarks.killer import STAGES, Kill, Killer
from benchmarks.report import Checks, add_result_argument, print_table, progress, write_result
from benchmarks.server import Server, add_server_arguments, fresh_data_dir

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.corpus import Made

COLLECTION, REFERENCE = "crash", "reference"
BATCH = 2

LISTED = "documents can be listed during ingestion"
ORPHANS = "no child of a killed server lives on"
DOCTOR = "doctor finds the data sound after a kill"
RESTART = "the server becomes ready after a kill"
EXISTS = "every acknowledged document exists after a kill"
READY_KEPT = "a document that was ready is ready and found after a kill"
ONCE = "a canary is in exactly one passage, of its own document"
UNIQUE = "ids and file names are listed once"
SAME = "the same bytes again give the same id"
FINISHED = "every document ends ready"
COUNT = "passages equal the first count and an undisturbed ingestion"
TEXT = "text and Markdown are stored unchanged"

EXPECTED = (LISTED, ORPHANS, DOCTOR, RESTART, EXISTS, READY_KEPT, ONCE, UNIQUE, SAME, FINISHED, COUNT, TEXT)


class Run:
    """The corpus, what was acknowledged of it, and the checks."""

    def __init__(self, server: Server, corpus: Sequence[Made], checks: Checks, timeout_s: float) -> None:
        self.server = server
        self.corpus = {made.upload.filename: made for made in corpus}
        self.checks = checks
        self.timeout_s = timeout_s
        self.acknowledged: dict[str, str] = {}
        self.first_count: dict[str, int] = {}
        self.kills: list[Kill] = []

    def made(self, document_id: str) -> Made:
        """The document behind an acknowledged id."""
        names = {found: name for name, found in self.acknowledged.items()}
        return self.corpus[names[document_id]]

    def round(self, stage: str, batch: Sequence[Made], source: random.Random) -> None:
        """Uploads a batch while a killer waits for its stage; then looks at what is left."""
        killer = Killer(self.server, COLLECTION, stage, source, patience_s=60)
        killer.start()
        with Client(self.server.url) as client:
            for at in range(0, len(batch), BATCH):
                part = batch[at : at + BATCH]
                try:
                    states = client.upload([made.upload for made in part], COLLECTION)
                except httpx.TransportError:
                    # The kill came before the answer: these were not acknowledged.
                    break
                for made, state in zip(part, states, strict=True):
                    self.acknowledged[made.upload.filename] = state["id"]
        killer.uploaded.set()
        killer.join()
        self.kills.append(killer.kill)
        self.checks.see(LISTED, not killer.kill.error, f"{stage}: {killer.kill.error}")
        for document_id, count in killer.kill.passages.items():
            self.first_count.setdefault(document_id, count)
        orphans = self.server.orphans(killer.kill.family)
        self.checks.see(ORPHANS, not orphans, f"{stage}: processes {orphans}")
        self.doctor(f"kill {len(self.kills)} while {stage}")
        self.server.start()
        self.checks.see(RESTART, holds=True)
        with Client(self.server.url) as client:
            self.after_restart(client, killer.kill)
            self.repeat(client, batch)

    def doctor(self, label: str) -> None:
        """Runs the doctor on the data of the stopped server."""
        status, output = self.server.doctor()
        try:
            report = json.loads(output)
        except json.JSONDecodeError:
            report = {}
        clean = report.get("clean", True) if isinstance(report, dict) else True
        self.checks.see(DOCTOR, status == 0 and bool(clean), f"{label}: status {status}, {output[-1500:]}")

    def after_restart(self, client: Client, kill: Kill) -> None:
        """What must hold at once: nothing acknowledged is lost, nothing ready has become invisible."""
        label = f"kill {len(self.kills)} while {kill.stage}"
        listed = client.documents(COLLECTION) if self.acknowledged else []
        states = {document["id"]: document for document in listed}
        for name, document_id in self.acknowledged.items():
            status = states.get(document_id, {}).get("status", "missing")
            alive = status not in {"missing", "failed", "deleted"}
            self.checks.see(EXISTS, alive, f"{label}: {name} is {status} {states.get(document_id)}")
        for name, count in Counter(document["filename"] for document in listed).items():
            self.checks.see(UNIQUE, count == 1, f"{label}: {name} is listed {count} times")
        for document_id, status in kill.states.items():
            if status != "ready" or document_id not in self.acknowledged.values():
                continue
            made = self.made(document_id)
            again = states.get(document_id, {})
            found = deletion.holding(client.search(made.canary, COLLECTION, mode="lexical"), made.canary)
            kept = again.get("status") == "ready" and [p["document_id"] for p in found] == [document_id]
            why = f"{label}: {made.upload.filename} is {again.get('status')}, found in {len(found)} passages"
            self.checks.see(READY_KEPT, kept, why)

    def repeat(self, client: Client, batch: Sequence[Made]) -> None:
        """Sends the round again, as a client does that never saw the answer."""
        for made, state in zip(batch, client.upload([m.upload for m in batch], COLLECTION), strict=True):
            filename = made.upload.filename
            known = self.acknowledged.setdefault(filename, state["id"])
            self.checks.see(SAME, state["id"] == known, f"{filename}: {known}, then {state['id']}")

    def finish(self, client: Client) -> None:
        """Waits for every job, then compares with the same files ingested in peace."""
        self.repeat(client, list(self.corpus.values()))
        calm: dict[str, str] = {}
        for filename, made in self.corpus.items():
            calm[filename] = client.upload([made.upload], REFERENCE)[0]["id"]
        waited = [*self.acknowledged.values(), *calm.values()]
        states = client.wait_final(
            waited, timeout_s=self.timeout_s, progress=lambda done, of: progress(f"ingested {done} of {of}")
        )
        listed = client.documents(COLLECTION)
        ids = [document["id"] for document in listed]
        names = sorted(document["filename"] for document in listed)
        whole = len(set(ids)) == len(ids) and names == sorted(self.corpus)
        self.checks.see(UNIQUE, whole, f"in the end {len(ids)} documents, {len(set(names))} names")
        for filename, made in self.corpus.items():
            document_id = self.acknowledged[filename]
            state, other = states[document_id], states[calm[filename]]
            self.checks.see(
                FINISHED, state["status"] == "ready", f"{filename}: {state['status']} {state['error']}"
            )
            counts = (
                self.first_count.get(document_id, state["passages"]),
                state["passages"],
                other["passages"],
            )
            same = len(set(counts)) == 1
            self.checks.see(
                COUNT, same, f"{filename}: first {counts[0]}, now {counts[1]}, in peace {counts[2]}"
            )
            for mode in ("lexical", "hybrid"):
                found = deletion.holding(client.search(made.canary, COLLECTION, mode=mode), made.canary)
                once = [passage["document_id"] for passage in found] == [document_id]
                self.checks.see(ONCE, once, f"{filename}, {mode}: {[(p['start'], p['end']) for p in found]}")
            if made.verbatim and state["status"] == "ready":
                self.checks.see(TEXT, client.text(document_id) == made.text, filename)


def delete_tests(run: Run, count: int, source: random.Random) -> dict[str, Any]:
    """Deletes documents, looks at once, kills, looks again; returns what is reported and not judged."""
    chosen = source.sample(sorted(run.corpus), count)
    if not any(name.endswith(".pdf") for name in chosen):
        chosen[0] = next(name for name in sorted(run.corpus) if name.endswith(".pdf"))
    gone = {run.acknowledged[name]: run.corpus[name] for name in chosen}
    with Client(run.server.url) as client:
        # The undisturbed copies hold the same words; they go first, so that each word stands once.
        for document in client.documents(REFERENCE):
            client.delete(document["id"])
        answers = {i: deletion.control(client, run.checks, COLLECTION, i, made) for i, made in gone.items()}
        # Documents with the same sentence but for two words: does the answer take the right one?
        asked = [(m, client.ask(m.question, COLLECTION, mode="extractive")) for m in run.corpus.values()]
        for number, document_id in enumerate(gone, start=1):
            deletion.check_receipt(run.checks, document_id, client.delete(document_id))
            progress(f"deleted {number} of {len(gone)}")
        deletion.check_gone(client, run.checks, COLLECTION, gone, answers, "at once")
    family = run.server.kill()
    orphans = run.server.orphans(family)
    run.checks.see(ORPHANS, not orphans, f"after the deletions: {orphans}")
    run.doctor("kill after the deletions")
    run.server.start()
    with Client(run.server.url) as client:
        deletion.check_gone(client, run.checks, COLLECTION, gone, answers, "after a restart")
        for name in sorted(set(run.corpus) - set(chosen))[:: max(1, len(run.corpus) // 15)]:
            made = run.corpus[name]
            found = deletion.holding(client.search(made.canary, COLLECTION), made.canary)
            run.checks.see(
                deletion.OTHERS, [p["document_id"] for p in found] == [run.acknowledged[name]], name
            )
    run.server.stop()
    right = sum(made.secret in answer["answer"] for made, answer in asked)
    abstained = sum(bool(answer["abstained"]) for _, answer in asked)
    left = deletion.words_on_disk(run.server.data, {made.secret for made in gone.values()})
    return {
        "code_word_questions": {
            "right": right,
            "abstained": abstained,
            "wrong": len(asked) - right - abstained,
        },
        "files_with_words_of_deleted": left,
    }


def main() -> int:
    """Runs the program; returns its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=10, help="default: %(default)s")
    parser.add_argument("--documents", type=int, default=60, help="default: %(default)s")
    parser.add_argument("--deletions", type=int, default=10, help="default: %(default)s")
    parser.add_argument(
        "--seed", type=int, default=1, help="of corpus, moments and choices; default: %(default)s"
    )
    add_server_arguments(parser)
    add_result_argument(parser, "accept_crash")
    arguments = parser.parse_args()
    if arguments.url:
        parser.error("--url makes no sense here: the program must kill the server that it started")

    source = random.Random(arguments.seed)
    corpus = make_corpus(arguments.documents, arguments.seed)
    checks = Checks()
    checks.expect(*EXPECTED, *deletion.EXPECTED)
    with fresh_data_dir(arguments.data_dir) as data:
        server = Server(arguments.server, data, cwd=arguments.server_cwd)
        run = Run(server, corpus, checks, arguments.timeout)
        try:
            with server:
                pending = list(corpus)
                for number in range(arguments.kills):
                    unacknowledged = [
                        made for made in pending if made.upload.filename not in run.acknowledged
                    ]
                    size = -(-len(unacknowledged) // (arguments.kills - number))
                    stage = STAGES[number % len(STAGES)]
                    run.round(stage, unacknowledged[:size], source)
                    progress(f"kill {number + 1} of {arguments.kills} while {stage}: hit {run.kills[-1].hit}")
                with Client(server.url) as client:
                    run.finish(client)
                unjudged = delete_tests(run, arguments.deletions, source)
        finally:
            if not checks.passed and server.log.exists():
                arguments.out.parent.mkdir(parents=True, exist_ok=True)
                arguments.out.with_suffix(".server.log").write_bytes(server.log.read_bytes())
    show(run.kills, unjudged)
    checks.show()
    kills = [_kill_row(kill) for kill in run.kills]
    body = {
        "passed": checks.passed,
        "checks": checks.as_json(),
        "kills": kills,
        **unjudged,
    }
    write_result(arguments.out, "accept_crash", arguments.server_cwd, body)
    return 0 if checks.passed else 1


def _kill_row(kill: Kill) -> dict[str, Any]:
    states = dict(Counter(kill.states.values()))
    return {"stage": kill.stage, "hit": kill.hit, "delay_s": kill.delay_s, "states": states}


def show(kills: Sequence[Kill], unjudged: dict[str, Any]) -> None:
    """Prints what each kill hit, and the figures that are not judged."""
    rows = [[n, *_kill_row(kill).values(), len(kill.family)] for n, kill in enumerate(kills, start=1)]
    print_table(["kill", "stage", "hit", "delay s", "documents then", "children then"], rows)
    print_table(["not judged", "value"], [[name, value] for name, value in unjudged.items()])


if __name__ == "__main__":
    sys.exit(main())

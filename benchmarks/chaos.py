"""Kills the service again and again under load, and looks for anything lost, invented or doubled.

    python -m benchmarks.chaos --kills 500 --seed 1

Clients upload, replace, delete and search all the time, with Idempotency-Keys. At a seeded moment the server gets
SIGKILL. Then: no child of it lives on; ``doctor`` finds nothing; the indexes, thrown away and rebuilt from the catalog,
give the same hits with the same scores; it starts; requests without an answer are sent again with their keys; and every
document is as acknowledged, in every listing, text and search. The embedder is one that needs no model, so that a
start takes a second; ``--server`` runs another command.
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from benchmarks import load
from benchmarks.client import Client
from benchmarks.light import COMMAND
from benchmarks.report import Checks, add_result_argument, print_table, progress, write_result
from benchmarks.server import ROOT, Server, fresh_data_dir
from index.doctor import examine
from index.store import Store
from index.types import Query
from tests.doubles.embedder import HashingEmbedder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from index.types import Hit

WORKERS = 3
LOST = "every acknowledged document is there, with the acknowledged text"
PHANTOM = "nothing is there that was not acknowledged or being done"
DUPLICATE = "each document is there once, and its word in it alone"
DELETED = "deleted documents are gone after every restart"
DOCTOR = "doctor finds nothing after a kill"
REBUILT = "rebuilt indexes give the same hits with the same scores"
ORPHANS = "no child of a killed server lives on"
ENDS = "every document ends ready"
EXPECTED = (
    LOST,
    PHANTOM,
    DUPLICATE,
    DOCTOR,
    REBUILT,
    ORPHANS,
    ENDS,
    load.ANSWERED,
    load.STABLE,
    load.WHOLE,
)


def examine_folder(folder: Path, checks: Checks, label: str) -> None:
    """Doctor and rebuild on the data of the stopped server."""
    store = Store(folder)
    try:
        store.finish_interrupted()
        report = examine(store, repair=False)
        checks.see(DOCTOR, report.clean, f"{label}: {report.findings[:3]}")
        # As the service does when it has nothing else to do.
        store.tidy()
        for record in store.catalog.collections():
            before = rankings(store, record.name)
            for name in store.collection(record.name).views():
                store.collection(record.name).rebuild(name)
            checks.see(REBUILT, rankings(store, record.name) == before, f"{label}: {record.name}")
    finally:
        store.close()


def rankings(store: Store, collection: str) -> list[dict[str, list[Hit]]]:
    """What a few questions find, with scores."""
    embedder = HashingEmbedder()
    asked = ("harbour office crates", "copper pipes canal", "turning wheel", "qxstable1z code word")
    return [
        store.collection(collection).search(Query(each, embedder.embed_query(each)), 20, ("dense", "lexical"))
        for each in asked
    ]


def verify(
    client: Client, workers: Sequence[load.Worker], reader: load.Reader, checks: Checks, label: str
) -> None:
    """Compare what the service shows with what was acknowledged, when no work is left."""
    listed = wait_until_final(client, checks, label)
    by_id = {document["id"]: document for document in listed}
    slots = [slot for worker in workers for slot in worker.slots] + [reader.turning]
    known = {slot.id for slot in slots if slot.text is not None} | set(reader.stable.values())
    for document in listed:
        checks.see(PHANTOM, document["id"] in known, f"{label}: {document['filename']} {document['id']}")
    names = [document["filename"] for document in listed]
    checks.see(DUPLICATE, len(names) == len(set(names)), f"{label}: {sorted(names)}")
    for slot in slots:
        if slot.text is None:
            continue
        found = by_id.get(str(slot.id))
        text = None if found is None else client.text(str(slot.id))
        checks.see(
            LOST, text in slot.possible(), f"{label}: {slot.name} {found and found['status']}, {text!r:.80}"
        )
        if slot.canaries:
            held = load.holders(client, slot.canaries[-1])
            checks.see(DUPLICATE, held == {slot.id}, f"{label}: {slot.canaries[-1]} in {held}")
    gone = [slot for slot in slots if slot.text is None and slot.canaries]
    for slot in gone[-15:]:
        for canary in slot.canaries:
            checks.see(DELETED, not load.holders(client, canary), f"{label}: {canary}")
    for canary, document_id in reader.stable.items():
        checks.see(LOST, load.holders(client, canary) == {document_id}, f"{label}: {canary}")


def verify_names(client: Client, workers: Sequence[load.Worker], checks: Checks, label: str) -> None:
    """Before anything is sent again: what was acknowledged is listed, and else only what was being done."""
    listed = [document["filename"] for document in client.documents(load.COLLECTION)]
    checks.see(DUPLICATE, len(listed) == len(set(listed)), f"{label}, at once: {sorted(listed)}")
    slots = {slot.name: slot for worker in workers for slot in worker.slots}
    for name in set(listed) & set(slots):
        there = any(text is not None for text in slots[name].possible())
        checks.see(PHANTOM, there, f"{label}, at once: {name}")
    for name, slot in slots.items():
        if None not in slot.possible():
            checks.see(LOST, name in listed, f"{label}, at once: {name}")


def wait_until_final(
    client: Client, checks: Checks, label: str, timeout_s: float = 90.0
) -> list[dict[str, Any]]:
    """All documents, when each is ready or failed."""
    deadline = time.monotonic() + timeout_s
    while True:
        listed = client.documents(load.COLLECTION)
        waiting = [each for each in listed if each["status"] not in ("ready", "failed")]
        if not waiting or time.monotonic() > deadline:
            for document in listed:
                checks.see(ENDS, document["status"] == "ready", f"{label}: {document}")
            return listed
        time.sleep(0.05)


def main() -> int:
    """Runs the program; returns its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=500, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="of load and moments; default: %(default)s")
    parser.add_argument("--longest", type=float, default=2.5, help="seconds of load before a kill, at most")
    parser.add_argument("--server", default=COMMAND, metavar="CMD", help="default: %(default)s")
    add_result_argument(parser, "chaos")
    arguments = parser.parse_args()
    source = random.Random(arguments.seed)
    checks = Checks()
    checks.expect(*EXPECTED)
    workers = [load.Worker(n, random.Random(source.getrandbits(64)), checks) for n in range(WORKERS)]
    reader = load.Reader(checks)
    errors: list[str] = []
    unanswered = 0
    began = time.monotonic()
    with fresh_data_dir(None) as data:
        server = Server(arguments.server, data)
        with server:
            with Client(server.url) as client:
                reader.prepare(client)
            for number in range(1, arguments.kills + 1):
                label = f"kill {number}"
                stop = threading.Event()
                steps = [*(worker.step for worker in workers), reader.look, reader.turn]
                threads = load.run_until(stop, server.url, steps, errors)
                time.sleep(source.uniform(0.02, arguments.longest))
                family = server.kill()
                stop.set()
                for thread in threads:
                    thread.join()
                orphans = server.orphans(family)
                checks.see(ORPHANS, not orphans, f"{label}: {orphans}")
                waiting = [s for w in workers for s in w.slots if s.pending] + [reader.turning] * bool(
                    reader.turning.pending
                )
                unanswered += len(waiting)
                examine_folder(data, checks, label)
                server.start()
                with Client(server.url) as client:
                    verify_names(client, workers, checks, label)
                    for worker in workers:
                        worker.retry(client)
                    reader.finish(client)
                    verify(client, workers, reader, checks, label)
                progress(
                    f"kill {number} of {arguments.kills}: {len(waiting)} unanswered, {len(errors)} errors"
                )
            for error in errors:
                checks.see(load.ANSWERED, holds=False, why=error)
        if not checks.passed and server.log.exists():
            arguments.out.parent.mkdir(parents=True, exist_ok=True)
            arguments.out.with_suffix(".server.log").write_bytes(server.log.read_bytes())
    figures = {
        "kills": arguments.kills,
        "seed": arguments.seed,
        "requests": sum(worker.sent for worker in workers) + reader.turns,
        "unanswered_and_sent_again": unanswered,
        "searches_during_load": reader.searched + sum(worker.searched for worker in workers),
        "minutes": round((time.monotonic() - began) / 60, 1),
    }
    print_table(["figure", "value"], [[name, value] for name, value in figures.items()])
    checks.show()
    body = {"passed": checks.passed, "figures": figures, "checks": checks.as_json()}
    write_result(arguments.out, "chaos", ROOT, body)
    return 0 if checks.passed else 1


if __name__ == "__main__":
    sys.exit(main())

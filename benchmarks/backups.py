"""Makes backups of a service under load, restores each, and compares.

    python -m benchmarks.backups --backups 20 --seed 1

While clients upload, replace, delete and search, ``footnote backup`` runs again and again. Each backup is restored into
a folder of its own and served: what was acknowledged before the backup began and not touched until it ended is there
with its text and is found, what was deleted before is not, ``doctor`` finds nothing. Then each is spoilt in one way, as
a file that is missing, an extra log, a link or a changed byte, and must be refused.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import load
from benchmarks.client import Client
from benchmarks.light import COMMAND
from benchmarks.report import Checks, add_result_argument, percentile, print_table, progress, write_result
from benchmarks.server import ROOT, Server, fresh_data_dir
from index.backup import backups
from index.doctor import examine
from index.store import Store
from tests.index.helpers import found_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MADE = "a backup is made while the service works"
RESTORED = "the backup is restored"
COMPLETE = "what was acknowledged before the backup and not touched since is in it, with its text, and found"
CLEAN = "doctor finds nothing in the restored folder"
DELETED = "what was deleted before the backup is not in it"
REFUSED = "a spoilt backup is refused, and nothing of it is restored"
EXPECTED = (MADE, RESTORED, COMPLETE, CLEAN, REFUSED, load.ANSWERED, load.STABLE, load.WHOLE)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the clients knew at one moment: text by id, and words of deleted documents."""

    texts: dict[str, str]
    gone: frozenset[str]

    @classmethod
    def of(cls, workers: Sequence[load.Worker]) -> Snapshot:
        """Without the documents of which a request has no answer yet."""
        slots = [slot for worker in workers for slot in list(worker.slots) if slot.pending is None]
        texts = {str(slot.id): str(slot.text) for slot in slots if slot.text is not None}
        gone = {word for slot in slots if slot.text is None for word in slot.canaries}
        return cls(texts, frozenset(gone))


def footnote(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the command line."""
    return subprocess.run(
        [sys.executable, "-m", "api.cli", *arguments], capture_output=True, text=True, check=False, cwd=ROOT
    )


def compare(
    folder: Path, before: Snapshot, after: Snapshot, stable: dict[str, str], checks: Checks, label: str
) -> None:
    """Look at a restored folder."""
    store = Store(folder)
    try:
        store.finish_interrupted()
        report = examine(store, repair=False)
        checks.see(CLEAN, report.clean, f"{label}: {report.findings[:3]}")
        records = {each.id: each for each in store.catalog.documents(None, None, None, 1000)}
        untouched = {each for each, text in before.texts.items() if after.texts.get(each) == text}
        for document_id in untouched:
            record = records.get(document_id)
            # A version that was waiting when the backup was made has no text yet, but its original.
            if record is None:
                checks.see(COMPLETE, holds=False, why=f"{label}: {document_id} is not there")
                continue
            original = store.blobs.path(record.sha256).read_text()
            checks.see(
                COMPLETE, original == before.texts[document_id], f"{label}: {document_id} {record.status}"
            )
            if record.live_version == record.version:
                text = store.catalog.text(document_id).text
                checks.see(COMPLETE, text == before.texts[document_id], f"{label}: {document_id}")
        for canary, document_id in stable.items():
            found = any(canary in text for text in found_texts(store, canary, load.COLLECTION))
            checks.see(COMPLETE, found and document_id in records, f"{label}: {canary}")
        for word in sorted(before.gone)[-20:]:
            found = any(word in text for text in found_texts(store, word, load.COLLECTION))
            checks.see(DELETED, not found, f"{label}: {word}")
    finally:
        store.close()


def _original(backup: Path) -> Path:
    return next(backup.glob("originals/??/*"))


def _changed(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    path.write_bytes(content)


def _linked(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


SPOILS: dict[str, Callable[[Path], object]] = {
    "extra -wal": lambda backup: (backup / "catalog.sqlite3-wal").write_bytes(b"x" * 4152),
    "missing original": lambda backup: _original(backup).unlink(),
    "changed original": lambda backup: _changed(_original(backup)),
    "changed catalog": lambda backup: _changed(backup / "catalog.sqlite3"),
    "link": lambda backup: _linked(_original(backup)),
    "extra file": lambda backup: (backup / "views.pkl").write_bytes(b"\x80\x04."),
}


def refuse(backup: Path, number: int, checks: Checks, scratch: Path) -> None:
    """Spoil a copy of a backup, and try to restore it."""
    name = list(SPOILS)[number % len(SPOILS)]
    copy, target = scratch / "spoilt", scratch / "target"
    shutil.copytree(backup, copy)
    SPOILS[name](copy)
    done = footnote("restore", str(copy), "--data", str(target))
    left = [path.name for path in target.iterdir() if path.name != "lock"] if target.exists() else []
    checks.see(REFUSED, done.returncode == 2 and not left, f"{name}: {done.returncode} {done.stderr} {left}")
    shutil.rmtree(copy)
    shutil.rmtree(target, ignore_errors=True)


def main() -> int:
    """Runs the program; returns its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backups", type=int, default=20, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="of the load; default: %(default)s")
    add_result_argument(parser, "backups")
    arguments = parser.parse_args()
    source = random.Random(arguments.seed)
    checks = Checks()
    checks.expect(*EXPECTED)
    workers = [load.Worker(n, random.Random(source.getrandbits(64)), checks) for n in range(2)]
    reader = load.Reader(checks)
    errors: list[str] = []
    moments: list[tuple[Snapshot, Snapshot]] = []
    seconds: list[float] = []
    with fresh_data_dir(None) as data, tempfile.TemporaryDirectory(prefix="footnote-") as temporary:
        scratch = Path(temporary)
        target = scratch / "backups"
        with Server(COMMAND, data) as server:
            with Client(server.url) as client:
                reader.prepare(client)
            stop = threading.Event()
            steps = [*(worker.step for worker in workers), reader.look, reader.turn]
            threads = load.run_until(stop, server.url, steps, errors)
            for number in range(1, arguments.backups + 1):
                time.sleep(source.uniform(0.1, 1.0))
                before, began = Snapshot.of(workers), time.monotonic()
                done = footnote("backup", str(target), "--data", str(data))
                seconds.append(time.monotonic() - began)
                moments.append((before, Snapshot.of(workers)))
                checks.see(MADE, done.returncode == 0, f"backup {number}: {done.stderr[-1000:]}")
                progress(f"backup {number} of {arguments.backups}")
            stop.set()
            for thread in threads:
                thread.join()
        for error in errors:
            checks.see(load.ANSWERED, holds=False, why=error)
        restored = 0
        for number, (backup, (before, after)) in enumerate(zip(backups(target), moments, strict=False)):
            folder = scratch / "restored"
            # What was deleted after it comes back here on purpose: the backup is compared with its own moment.
            done = footnote("restore", str(backup), "--data", str(folder), "--bring-back")
            if checks.see(RESTORED, done.returncode == 0, f"{backup.name}: {done.stderr[-1000:]}"):
                restored += 1
                compare(folder, before, after, reader.stable, checks, f"backup {number + 1}")
            shutil.rmtree(folder, ignore_errors=True)
            refuse(backup, number, checks, scratch)
            progress(f"restored {number + 1} of {arguments.backups}")
    figures = {
        "backups": arguments.backups,
        "restored": restored,
        "seed": arguments.seed,
        "requests_meanwhile": sum(worker.sent for worker in workers) + reader.turns,
        "seconds_of_a_backup_median": percentile(seconds, 0.5),
        "seconds_of_a_backup_longest": max(seconds),
    }
    print_table(["figure", "value"], [[name, value] for name, value in figures.items()])
    checks.show()
    passed = checks.passed and restored == arguments.backups
    body = {"passed": passed, "figures": figures, "checks": checks.as_json()}
    write_result(arguments.out, "backups", ROOT, body)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())

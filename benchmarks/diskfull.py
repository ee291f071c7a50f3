"""Makes every write of the service fail, one after another, and looks at what is left.

    python -m benchmarks.diskfull --seed 1                every write, with strace
    python -m benchmarks.diskfull --sample 10             ten of them

A scripted run uploads, ingests, searches, replaces, deletes and flushes (``tests/durability/driver.py``). Its system
calls are counted, and the run is repeated once for each write, sync, rename and so on, which then answers EIO, or,
with all after it, ENOSPC. After each run the disk is well again: what was acknowledged is there, what was deleted is
gone, ``doctor`` finds nothing, and the work is finished. strace makes the calls fail, so nothing in the program knows;
it needs no rights but to trace one's own children. Where it is not installed, quotas on the size of files take its
place. With rights to mount, a small file system is filled too, and the service is asked over HTTP meanwhile.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api import logs
from benchmarks.client import Client, ServiceError, Upload
from benchmarks.light import COMMAND
from benchmarks.report import Checks, add_result_argument, print_table, progress, write_result
from benchmarks.server import ROOT, Server
from tests.durability import faults

if TYPE_CHECKING:
    from collections.abc import Iterator

SURVIVES = "the process goes on, and reading with it, whatever write fails"
SOUND = "nothing acknowledged is lost, nothing is half there, doctor finds nothing, work is finished"
REFUSED = "a full disk is answered with 507, or 503, and the contract's body"
READS = "documents, texts and searches are answered while the disk is full"
RESUMES = "uploads succeed again when there is room"


def every_fault(counts: Counter[str], source: random.Random, sample: int | None) -> list[faults.Fault]:
    """Each call failing once, and each failing with all after it; or some of them."""
    found = [
        faults.Fault(call, number, error, lasting)
        for call, count in sorted(counts.items())
        for number in range(1, count + 1)
        for error, lasting in (("EIO", False), ("ENOSPC", True))
    ]
    return found if sample is None else source.sample(found, min(sample, len(found)))


def by_strace(checks: Checks, source: random.Random, sample: int | None) -> dict[str, Any]:
    """Fail calls by strace; returns how many of each kind."""
    with tempfile.TemporaryDirectory(prefix="footnote-") as temporary:
        root = Path(temporary)
        done = faults.drive(root / "undisturbed", root / "log")
        wrong = faults.check(root / "undisturbed", faults.said(done.stdout))
        checks.see(SURVIVES, done.returncode == 0, f"undisturbed: {done.stderr[-1000:]}")
        checks.see(SOUND, not wrong, f"undisturbed: {wrong}")
        counts = faults.calls_of(root / "log")
        chosen = every_fault(counts, source, sample)
        hit: Counter[str] = Counter()
        for number, fault in enumerate(chosen):
            folder = root / str(number)
            done = faults.drive(folder, root / "log", fault)
            lines = faults.said(done.stdout)
            hit[fault.call] += "INJECTED" in (root / "log").read_text()
            checks.see(SURVIVES, done.returncode == 0, f"{fault}: {done.stderr[-1500:]}")
            wrong = faults.check(folder, lines)
            checks.see(SOUND, not wrong, f"{fault}: {wrong}")
            progress(f"{number + 1} of {len(chosen)}: {fault}")
    return {"calls": dict(counts), "faults": len(chosen), "hit": dict(hit)}


def by_quota(checks: Checks, source: random.Random, sample: int | None) -> dict[str, Any]:
    """Let files grow to a size and no further, in a child of its own."""
    sizes = [0, 1, 100, *range(4096, 400_000, 4096)]
    chosen = sizes if sample is None else source.sample(sizes, min(sample, len(sizes)))
    for size in chosen:
        with tempfile.TemporaryDirectory(prefix="footnote-") as temporary:
            folder = Path(temporary) / "data"
            done = subprocess.run(
                [sys.executable, "-m", "tests.durability.driver", str(folder)],
                capture_output=True,
                text=True,
                check=False,
                cwd=ROOT,
                preexec_fn=lambda size=size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
            )
            checks.see(SURVIVES, done.returncode == 0, f"files up to {size} bytes: {done.stderr[-1500:]}")
            wrong = faults.check(folder, faults.said(done.stdout))
            checks.see(SOUND, not wrong, f"files up to {size} bytes: {wrong}")
            progress(f"files up to {size} bytes")
    return {"quotas": len(chosen)}


@contextlib.contextmanager
def small_disk(mebibytes: int) -> Iterator[Path | None]:
    """A file system of its own, or None where this user may not mount one."""
    with tempfile.TemporaryDirectory(prefix="footnote-") as temporary:
        options = f"size={mebibytes}m"
        mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", temporary]
        if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            yield None
            return
        try:
            yield Path(temporary)
        finally:
            subprocess.run(["umount", temporary], check=True)


def by_small_disk(checks: Checks, source: random.Random, mebibytes: int = 40) -> dict[str, Any]:
    """Fill a small file system by uploading to a served folder on it, then make room."""
    statuses: Counter[int] = Counter()
    with small_disk(mebibytes) as disk:
        if disk is None:
            return {"small_disk": "not measured: this user may not mount"}
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(mebibytes // 2 * 1024 * 1024))
        server = Server(COMMAND, disk / "data")
        server.log = Path(tempfile.mkdtemp(prefix="footnote-")) / "log"
        acknowledged: dict[str, str] = {}
        with server, Client(server.url) as client:
            first = f"# First\n\nThe code word is qxfirstz. {'The crates were counted. ' * 20}"
            acknowledged[client.upload([Upload("first.md", first.encode())], "c", wait="true")[0]["id"]] = (
                first
            )
            for number in range(200):
                filling = "The lamps were lit again. " * source.randint(500, 12_000)
                text = f"# {number}\n\nThe code word is qx{number}z. {filling}"
                try:
                    state = client.upload([Upload(f"{number}.md", text.encode())], "c")[0]
                except ServiceError as error:
                    statuses[error.status] += 1
                    right = error.status in (507, 503) and '"code":' in str(error)
                    checks.see(REFUSED, right, str(error))
                else:
                    statuses[202] += 1
                    acknowledged[state["id"]] = text
                found = client.search("qxfirstz", "c", mode="lexical")
                reads = bool(found) and client.text(next(iter(acknowledged))) == first
                listed = {each["id"] for each in client.documents("c")}
                checks.see(READS, reads and set(acknowledged) <= listed, f"after {number} uploads")
                if statuses[507] + statuses[503] >= 5:
                    break
            # Room for all that was taken in, however much the jobs had left undone when the disk was full.
            ballast.unlink()
            subprocess.run(["mount", "-o", f"remount,size={4 * mebibytes}m", str(disk)], check=True)
            last = f"# Last\n\nThe code word is qxlastz. {'The doors were closed. ' * 20}"
            acknowledged[client.upload([Upload("last.md", last.encode())], "c")[0]["id"]] = last
            states = client.wait_final(acknowledged, timeout_s=600)
            for document_id, text in acknowledged.items():
                checks.see(RESUMES, states[document_id]["status"] == "ready", str(states[document_id]))
                checks.see(SOUND, client.text(document_id) == text, document_id)
        status, output = server.doctor()
        checks.see(SOUND, status == 0, f"doctor on the small disk: {output[-1000:]}")
    return {"small_disk": {str(status): count for status, count in statuses.items()}}


def main() -> int:
    """Runs the program; returns its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sample", type=int, help="so many faults of each way; default: all")
    parser.add_argument("--seed", type=int, default=1, help="of the choice; default: %(default)s")
    add_result_argument(parser, "diskfull")
    arguments = parser.parse_args()
    logs.configure("error")
    source = random.Random(arguments.seed)
    checks = Checks()
    checks.expect(SURVIVES, SOUND)
    began = time.monotonic()
    figures: dict[str, Any] = {"seed": arguments.seed}
    try:
        if faults.strace_works():
            figures |= by_strace(checks, source, arguments.sample)
        else:
            figures["strace"] = "not measured: not installed, or may not trace"
        figures |= by_quota(checks, source, arguments.sample)
        figures |= by_small_disk(checks, source)
    finally:  # A part that raises must not take with it what the parts before it saw.
        figures["minutes"] = round((time.monotonic() - began) / 60, 1)
        print_table(["figure", "value"], [[name, value] for name, value in figures.items()])
        checks.show()
    body = {"passed": checks.passed, "figures": figures, "checks": checks.as_json()}
    write_result(arguments.out, "diskfull", ROOT, body)
    return 0 if checks.passed else 1


if __name__ == "__main__":
    sys.exit(main())

"""Start-up and memory: how long a command takes from nothing, and what an idle server holds: make footprint.

    python -m benchmarks.footprint [--runs 5]

Each command is started several times; figures are medians of the processor time and of the time on the clock. "Cold" is
a new process; what the operating system has read before, it still has. The server is looked at after its start, after
the embedding model was loaded, and after some questions, as the system counts its memory (resident and proportional).
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.client import Client, Json, Upload
from benchmarks.report import Checks, add_result_argument, print_table, progress, write_result
from benchmarks.server import DEFAULT_COMMAND, ROOT, Server

TEXT = "# Lending\n\nMembers may borrow seven books at a time. A fine is two euros a week.\n"
HELP, ASK = "footnote --help takes less than 0.5 s", "footnote ask takes less than 6 s from nothing"
HELP_S, ASK_S = 0.5, 6.0
_LEAST_US = 20_000


def heaviest(report: str, least_us: int = _LEAST_US) -> list[tuple[str, float]]:
    """What ``python -X importtime`` says of the packages that take longest, with all that they import.

    Args:
        report: What it wrote to standard error.
        least_us: Microseconds under which a package is left out.

    Returns:
        Names of top-level packages and milliseconds, the slowest first.
    """
    found: dict[str, float] = {}
    for line in report.splitlines():
        parts = line.removeprefix("import time:").split("|")
        if len(parts) != 3 or not parts[1].strip().isdecimal():
            continue
        name, spent = parts[2].strip(), int(parts[1])
        if "." not in name and spent >= least_us:
            found[name] = max(found.get(name, 0.0), spent / 1000)
    return sorted(found.items(), key=lambda each: -each[1])


def memory(status: str) -> dict[str, float]:
    """Megabytes of a process from its ``/proc/PID/smaps_rollup``: resident, proportional, and its own alone."""
    found = {"rss_mb": 0.0, "pss_mb": 0.0, "private_mb": 0.0}
    names = {"Rss": "rss_mb", "Pss": "pss_mb", "Private_Clean": "private_mb", "Private_Dirty": "private_mb"}
    for line in status.splitlines():
        name, _, rest = line.partition(":")
        if name in names:
            found[names[name]] += int(rest.split()[0]) / 1024
    return {name: round(value, 1) for name, value in found.items()}


def run(command: list[str], runs: int) -> Json:
    """Median seconds of a command, on the clock and of the processor."""
    wall, used = [], []
    for _ in range(runs):
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        wall.append(time.perf_counter() - started)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return {"seconds": round(statistics.median(wall), 2), "cpu_seconds": round(statistics.median(used), 2)}


def server(folder: Path) -> Json:
    """What a server holds at the stages of its life, and how long it took to be alive and ready."""
    running = Server(DEFAULT_COMMAND, folder)
    found: Json = {"ready_s": round(running.start(), 2)}
    try:
        with Client(running.url) as client:
            found["ready"] = _held(running.pid)
            client.upload([Upload("lending.md", TEXT.encode())], "default", wait="true")
            for _ in range(20):
                client.search("How many books may members borrow?", "default")
                client.ask("How many books may members borrow?", "default", cache=False)
            found["after questions"] = _held(running.pid)
    finally:
        running.stop()
    return found


def _held(pid: int) -> dict[str, float]:
    return memory(Path(f"/proc/{pid}/smaps_rollup").read_text())


def main() -> int:
    """Runs the program; returns its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5, help="of each command; default: %(default)s")
    add_result_argument(parser, "footprint")
    options = parser.parse_args()
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="footnote-") as folder:
        data, file = Path(folder) / "data", Path(folder) / "lending.md"
        file.write_text(TEXT)
        footnote = [sys.executable, "-m", "api.cli"]
        subprocess.run([*footnote, "ingest", str(file), "--data", str(data)], cwd=ROOT, check=True)
        commands = {
            "--help": ["--help"],
            "ask": ["ask", "How many books may members borrow?", "--data", str(data)],
        }
        found: Json = {}
        for name, arguments in commands.items():
            progress(f"footnote {name}")
            found[name] = run([*footnote, *arguments], options.runs)
        report = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "api.cli", "--help"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        found["--help"]["imports_ms"] = dict(heaviest(report.stderr))
        progress("the server")
        found["server"] = server(Path(folder) / "served")
    checks.see(HELP, found["--help"]["seconds"] < HELP_S, str(found["--help"]))
    checks.see(ASK, found["ask"]["seconds"] < ASK_S, str(found["ask"]))
    print_table(
        ["command", "seconds", "processor seconds"],
        [[f"footnote {name}", found[name]["seconds"], found[name]["cpu_seconds"]] for name in commands],
    )
    print_table(
        ["server", "resident MB", "proportional MB", "its own MB"],
        [[name, *found["server"][name].values()] for name in ("ready", "after questions")],
    )
    checks.show()
    body = {"passed": checks.passed, "checks": checks.as_json(), "load": os.getloadavg()[0], "figures": found}
    write_result(options.out, "footprint", ROOT, body)
    return 0 if checks.passed else 1


if __name__ == "__main__":
    sys.exit(main())

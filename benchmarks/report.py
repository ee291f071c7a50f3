"""Checks, tables and result files: one shape for every program of this folder."""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULTS = Path(__file__).resolve().parent / "results" / "local"


@dataclass(slots=True)
class Check:
    """One promise: how often it was looked at and where it did not hold.

    Attributes:
        name: What must hold.
        seen: How many cases were looked at.
        failures: A line for each case where it did not hold.
    """

    name: str
    seen: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """True when at least one case was seen and none failed: a check without cases proves nothing."""
        return self.seen > 0 and not self.failures


class Checks:
    """All checks of a run, in the order in which they were first named."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    def see(self, name: str, holds: bool, why: str = "") -> bool:
        """Counts one case of the check ``name``; ``why`` is kept when it does not hold."""
        check = self._checks.setdefault(name, Check(name))
        check.seen += 1
        if not holds:
            check.failures.append(why or "no detail")
        return holds

    def expect(self, *names: str) -> None:
        """Names checks that must be seen at least once, so that an empty run fails."""
        for name in names:
            self._checks.setdefault(name, Check(name))

    @property
    def passed(self) -> bool:
        """True when every check passed and there is one."""
        return bool(self._checks) and all(check.passed for check in self._checks.values())

    def as_json(self) -> list[dict[str, Any]]:
        """For the result file."""
        return [
            {
                "name": c.name,
                "passed": c.passed,
                "seen": c.seen,
                "failed": len(c.failures),
                "failures": c.failures,
            }
            for c in self._checks.values()
        ]

    def show(self, limit: int = 10) -> None:
        """Prints the table of checks and, under it, up to ``limit`` failures of each."""
        checks = list(self._checks.values())
        print_table(
            ["check", "result", "seen", "failed"],
            [[c.name, "pass" if c.passed else "FAIL", c.seen, len(c.failures)] for c in checks],
        )
        for check in checks:
            if not check.seen:
                print(f"\n{check.name}: no case was seen, so it counts as failed.")
            for line in check.failures[:limit]:
                print(f"\n{check.name}: {line}")
            if len(check.failures) > limit:
                print(f"... and {len(check.failures) - limit} more in the result file.")


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table whose columns line up in a terminal too; floats show three decimals."""
    cells = [[_cell(value) for value in row] for row in [list(header), *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Prints a Markdown table with an empty line before it."""
    print("\n" + markdown_table(header, rows), flush=True)


def progress(line: str) -> None:
    """A progress line on standard error: rewritten in place in a terminal, else one line each."""
    end = "" if sys.stderr.isatty() else "\n"
    start = "\r\x1b[K" if sys.stderr.isatty() else ""
    print(f"{start}{line}", end=end, file=sys.stderr, flush=True)


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest-rank percentile (``share`` in 0..1); 0.0 for no values."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(share * len(ordered)) - 1))]


def add_result_argument(parser: argparse.ArgumentParser, name: str) -> None:
    """``--out``, where the result file goes."""
    default = RESULTS / f"{name}.json"
    parser.add_argument("--out", type=Path, default=default, help="result file; default: %(default)s")


def data_folder(path: str) -> Path:
    """An argparse type: the evaluation data, with a clear message when it is not there."""
    folder = Path(path)
    if not folder.is_dir():
        raise argparse.ArgumentTypeError(
            f"{path} is not a folder. The evaluation data are not part of the project; give the folder that "
            f"holds chunking_chroma, financebench and the other sets."
        )
    return folder


def require(folder: Path, *names: str) -> None:
    """Ends the program with a clear message when a part of the data is missing.

    Raises:
        SystemExit: A name is not in ``folder``.
    """
    missing = [name for name in names if not (folder / name).exists()]
    if missing:
        raise SystemExit(f"{folder} lacks {', '.join(missing)}: give the folder of the evaluation data.")


def hardware() -> dict[str, Any]:
    """What the figures were measured on."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def commit(folder: Path) -> str:
    """Commit of the tree that was measured, with ``+changes`` when it is not clean, or ``unknown``."""
    git = ["git", "-C", str(folder)]
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    if head.returncode != 0:
        return "unknown"
    status = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=False)
    return head.stdout.strip() + ("+changes" if status.stdout.strip() else "")


def write_result(out: Path, program: str, tree: Path, body: dict[str, Any]) -> None:
    """Writes the result file: what ran, on which commit and hardware, when, and what came out."""
    result = {
        "program": program,
        "arguments": [Path(value).name if "/" in value else value for value in sys.argv[1:]],
        "commit": commit(tree),
        "hardware": hardware(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        **body,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"\nWritten to {out}")

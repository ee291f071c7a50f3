"""What does a newcomer pay? Clones the project anew, runs ``make demo`` and ``make test``, and measures.

    python -m benchmarks.demo_figures

Reports minutes of both, megabytes of ``.venv`` and, with a fresh package cache, megabytes downloaded.
Checks that both succeed and that no CUDA package was installed. A demo that ends in a running server is
recognised by --demo-url and ended once that answers.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.report import Checks, add_result_argument, print_table, progress, write_result
from benchmarks.server import ROOT

CLONE = "git clone of the project"
DEMO = "make demo succeeds"
TEST = "make test succeeds"
NO_CUDA = "no CUDA package is installed"
SMALL_TREE = "make test leaves the clone without changes that git sees"

# Run by the clone's interpreter, to see what it sees.
LIST_DISTRIBUTIONS = (
    "import json, importlib.metadata as m;"
    "print(json.dumps([[d.metadata['Name'], d.version] for d in m.distributions()]))"
)


@dataclass(frozen=True, slots=True)
class Step:
    """One command: seconds, exit status (0 too when its server answered) and the end of its output."""

    seconds: float
    status: int
    tail: str
    served: bool = False


def run_step(
    command: list[str], cwd: Path, env: dict[str, str], *, timeout_s: float, url: str | None = None
) -> Step:
    """Runs a command until it ends, its server answers at ``url``, or the time is up (status 124)."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        served = False
        while process.poll() is None and time.monotonic() - began < timeout_s and not served:
            time.sleep(0.25)
            served = url is not None and answers(url)
        seconds = time.monotonic() - began
        # A demo may ask its own server something and end: then its end is what counts.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20 if served else 0.01)
        status = process.poll()
        seconds = seconds if status is None else time.monotonic() - began
        if status is None:
            os.killpg(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            status = 0 if served else 124
        output.seek(0)
        tail = output.read().decode("utf-8", errors="replace")[-3000:]
    return Step(seconds, status, tail, served)


def answers(url: str) -> bool:
    """Whether a server answers 200 at a URL."""
    try:
        return httpx.get(url, timeout=2, trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def megabytes(folder: Path) -> float:
    """Disk use below a folder in 10^6 bytes, hard links counted once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for entry in folder.rglob("*"):
        info = entry.lstat()
        if (info.st_dev, info.st_ino) not in seen:
            seen.add((info.st_dev, info.st_ino))
            total += info.st_blocks * 512
    return total / 1e6


def cuda_packages(distributions: list[tuple[str, str]], *, linux: bool = True) -> list[str]:
    """Distributions that bring CUDA: NVIDIA's and Triton's, and a Linux torch that is not the CPU build."""
    found = []
    for name, version in distributions:
        plain = re.sub(r"[-_.]+", "-", name).lower()
        cuda = plain.startswith(("nvidia-", "cuda-")) or plain in {"triton", "pytorch-triton"}
        if cuda or (linux and plain == "torch" and "+cpu" not in version):
            found.append(f"{name} {version}")
    return sorted(found)


def distributions_of(clone: Path) -> list[tuple[str, str]]:
    """Name and version of everything installed in the clone's ``.venv``."""
    python = clone / ".venv" / "bin" / "python"
    done = subprocess.run([str(python), "-c", LIST_DISTRIBUTIONS], capture_output=True, text=True, check=True)
    return [(str(name), str(version)) for name, version in json.loads(done.stdout)]


def measure(arguments: argparse.Namespace, folder: Path, checks: Checks) -> dict[str, Any]:
    """Clones into ``folder``, runs both commands there and measures."""
    clone, cache = folder / "footnote", folder / "cache"
    # Without this run's own environment: a newcomer has no virtual environment active.
    env = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    if not arguments.warm:
        env |= {"PIP_CACHE_DIR": str(cache / "pip"), "UV_CACHE_DIR": str(cache / "uv")}
    progress("cloning")
    cloned = run_step(
        ["git", "clone", "--quiet", str(arguments.repository), str(clone)], folder, env, timeout_s=300
    )
    if not checks.see(CLONE, cloned.status == 0, cloned.tail):
        return {}
    if arguments.demo_url and answers(arguments.demo_url):
        raise SystemExit(
            f"{arguments.demo_url} answers already: stop that server, or it is taken for the demo's."
        )
    progress("make demo")
    demo = run_step(["make", "demo"], clone, env, timeout_s=arguments.timeout, url=arguments.demo_url)
    checks.see(DEMO, demo.status == 0, f"status {demo.status}: {demo.tail}")
    progress("make test")
    test = run_step(["make", "test"], clone, env, timeout_s=arguments.timeout)
    checks.see(TEST, test.status == 0, f"status {test.status}: {test.tail}")
    status = subprocess.run(
        ["git", "-C", str(clone), "status", "--porcelain"], capture_output=True, text=True, check=True
    )
    checks.see(SMALL_TREE, not status.stdout.strip(), status.stdout)
    if not (clone / ".venv").is_dir():
        checks.see(NO_CUDA, holds=False, why="there is no .venv to look into")
        return {}
    installed = distributions_of(clone)
    cuda = cuda_packages(installed, linux=sys.platform == "linux")
    checks.see(NO_CUDA, not cuda, ", ".join(cuda))
    largest = sorted((megabytes(p), p.name) for p in (clone / ".venv").glob("lib/python*/site-packages/*"))[
        -8:
    ]
    return {
        "make_demo_minutes": demo.seconds / 60,
        "demo_ended_in_a_server": demo.served,
        "make_test_minutes": test.seconds / 60,
        "venv_mb": megabytes(clone / ".venv"),
        "clone_mb": megabytes(clone / ".git"),
        "cache_mb": None if arguments.warm else megabytes(cache) if cache.exists() else 0.0,
        "distributions": len(installed),
        "largest_mb": {name: round(size, 1) for size, name in reversed(largest)},
        "test_output": test.tail.splitlines()[-3:],
    }


def main() -> int:
    """Runs the program; returns its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repository", default=str(ROOT), help="what is cloned; default: %(default)s")
    parser.add_argument("--warm", action="store_true", help="keep the machine's own package cache")
    parser.add_argument(
        "--demo-url",
        default="http://127.0.0.1:8000/readyz",
        help="answers once a demo serves; default: %(default)s",
    )
    parser.add_argument(
        "--timeout", type=float, default=3600.0, help="seconds for each command; default: %(default)s"
    )
    add_result_argument(parser, "demo_figures")
    arguments = parser.parse_args()
    checks = Checks()
    checks.expect(CLONE, DEMO, TEST, NO_CUDA)
    with tempfile.TemporaryDirectory(prefix="footnote-demo-") as folder:
        figures = measure(arguments, Path(folder), checks)
    print_table(["figure", "value"], [[name, value] for name, value in figures.items()])
    checks.show()
    body = {"passed": checks.passed, "checks": checks.as_json(), "figures": figures}
    write_result(arguments.out, "demo_figures", Path(arguments.repository), body)
    return 0 if checks.passed else 1


if __name__ == "__main__":
    sys.exit(main())

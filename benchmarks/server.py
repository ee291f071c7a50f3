"""Starts, kills and watches a Footnote server as a child process (Linux: it reads /proc)."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import httpx

from benchmarks.client import Client

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from types import TracebackType

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_COMMAND = f"{shlex.quote(sys.executable)} -m api.cli"


class ServerFailed(Exception):
    """The server did not become ready; the message ends with the tail of its log."""


class Server:
    """One server process on one data folder; may be started again after it ended.

    Attributes:
        data: The service's data folder.
        log: Where its output goes, appended over all starts.
        starts: How many times it was started.
    """

    def __init__(self, command: str, data: Path, *, cwd: Path = ROOT, ready_timeout_s: float = 180.0) -> None:
        self.command = shlex.split(command)
        self.data = data
        self.cwd = cwd
        self.log = data.parent / f"{data.name}.log"
        self.port = free_port()
        self.ready_timeout_s = ready_timeout_s
        self.starts = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Base URL of the running server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Process id of the last start."""
        if self._process is None:
            raise ServerFailed("The server was never started.")
        return self._process.pid

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> float:
        """Starts the server and waits until ``/readyz`` answers 200; returns the seconds that took."""
        serve = ["serve", "--data", str(self.data), "--host", "127.0.0.1", "--port", str(self.port)]
        began = time.monotonic()
        with self.log.open("ab") as log:
            log.write(f"\n--- start {self.starts + 1}\n".encode())
            log.flush()
            # Its own session lets orphans be recognised after the leader is gone.
            self._process = subprocess.Popen(
                [*self.command, *serve], cwd=self.cwd, stdout=log, stderr=log, start_new_session=True
            )
        self.starts += 1
        while time.monotonic() - began < self.ready_timeout_s:
            if self._process.poll() is not None:
                raise ServerFailed(f"The server ended with status {self._process.returncode}.{self._tail()}")
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/readyz", timeout=5, trust_env=False).status_code == httpx.codes.OK:
                    return time.monotonic() - began
            time.sleep(0.1)
        self.kill()
        raise ServerFailed(f"/readyz was not 200 within {self.ready_timeout_s:.0f} s.{self._tail()}")

    def kill(self) -> list[tuple[int, str]]:
        """SIGKILL to the server's own process, as a crash would; returns its descendants of that moment."""
        if self._process is None:
            return []
        family = descendants(self._process.pid)
        self._process.kill()
        self._process.wait()
        return family

    def stop(self, timeout_s: float = 30.0) -> int | None:
        """SIGTERM, then SIGKILL to the whole session if it does not end; returns the exit status."""
        if self._process is None:
            return None
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        return self._process.returncode

    def orphans(self, family: list[tuple[int, str]], *, patience_s: float = 5.0) -> list[tuple[int, str]]:
        """Which of the dead server's descendants, or of its session, still run after ``patience_s``."""
        deadline = time.monotonic() + patience_s
        while True:
            session = {(pid, identity(pid)) for pid in session_members(self.pid)}
            alive = [(pid, who) for pid, who in {*family, *session} if who and identity(pid) == who]
            if not alive or time.monotonic() > deadline:
                return sorted(alive)
            time.sleep(0.05)

    def doctor(self, timeout_s: float = 300.0) -> tuple[int, str]:
        """``footnote doctor`` on the data folder; returns its exit status and what it printed."""
        base = [*self.command, "doctor", "--data", str(self.data)]
        for arguments in ([*base, "--json"], base):
            done = subprocess.run(
                arguments, cwd=self.cwd, capture_output=True, text=True, timeout=timeout_s, check=False
            )
            # Click's usage error: this doctor has no --json.
            if done.returncode == 2 and "--json" in done.stderr:
                continue
            break
        return done.returncode, done.stdout if done.returncode == 0 else done.stdout + done.stderr

    def _tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-25:] if self.log.exists() else []
        return f" Command: {shlex.join(self.command)}, in {self.cwd}. Its log ends:\n" + "\n".join(lines)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def descendants(pid: int) -> list[tuple[int, str]]:
    """Children and their children, each with its ``identity``."""
    children: dict[int, list[int]] = {}
    for other, fields in _stat_of_all():
        children.setdefault(int(fields[1]), []).append(other)
    found: list[int] = []
    stack = list(children.get(pid, []))
    while stack:
        child = stack.pop()
        found.append(child)
        stack.extend(children.get(child, []))
    return [(child, who) for child in found if (who := identity(child))]


def session_members(session: int) -> list[int]:
    """Processes of a session other than its leader."""
    return [pid for pid, fields in _stat_of_all() if int(fields[3]) == session and pid != session]


def identity(pid: int) -> str:
    """Start time of a process, so that a reused id is not mistaken for it; empty when dead or a zombie."""
    fields = _stat(pid)
    return "" if fields is None or fields[0] in "ZX" else fields[19]


def _stat(pid: int) -> list[str] | None:
    """Fields of /proc/PID/stat from the state on (proc(5)); the command in brackets may hold spaces."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def _stat_of_all() -> list[tuple[int, list[str]]]:
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [(pid, fields) for pid in pids if (fields := _stat(pid))]


def add_server_arguments(parser: argparse.ArgumentParser) -> None:
    """The options by which every program here finds its server."""
    parser.add_argument("--url", help="use this running server instead of starting one")
    parser.add_argument("--key", help="bearer key for --url")
    parser.add_argument("--server", default=DEFAULT_COMMAND, metavar="CMD", help="default: %(default)s")
    parser.add_argument("--server-cwd", type=Path, default=ROOT, help="where CMD runs; default: %(default)s")
    parser.add_argument(
        "--data-dir", type=Path, help="new data folder of the server; default: a temporary one"
    )
    parser.add_argument(
        "--timeout", type=float, default=1800.0, help="seconds for ingestion; default: %(default)s"
    )


@contextlib.contextmanager
def session(arguments: argparse.Namespace) -> Iterator[Client]:
    """A client of ``--url``, or of a server started for this run and stopped after it."""
    if arguments.url:
        with Client(arguments.url, key=arguments.key) as client:
            yield client
        return
    with fresh_data_dir(arguments.data_dir) as data:
        server = Server(arguments.server, data, cwd=arguments.server_cwd)
        with server, Client(server.url) as client:
            yield client


@contextlib.contextmanager
def fresh_data_dir(wanted: Path | None) -> Iterator[Path]:
    """The data folder asked for, which is kept and must be new or empty, or a temporary one."""
    if wanted is None:
        with tempfile.TemporaryDirectory(prefix="footnote-") as folder:
            yield Path(folder) / "data"
        return
    if wanted.exists() and any(wanted.iterdir()):
        raise SystemExit(
            f"{wanted} is not empty: earlier documents would change the figures. Give a new one."
        )
    wanted.parent.mkdir(parents=True, exist_ok=True)
    yield wanted.resolve()

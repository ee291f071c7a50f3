"""Logging never stops the service, whatever standard error is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import resource, sys, structlog
from api import logs
logs.configure("info")
log = structlog.get_logger("x")
log.info("before")
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
for number in range(50):
    log.info("during", text="x" * 500)
try:
    raise RuntimeError("odd")
except RuntimeError:
    log.exception("failed")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
log.info("after")
print("alive")
"""


def test_a_log_that_cannot_be_written_is_dropped_and_counted(tmp_path: Path) -> None:
    """As where standard error is a file on a full disk; the next line that can be written says how many were lost."""
    log = tmp_path / "log"
    with log.open("wb") as file:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, "2000"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=file,
            check=False,
        )

    assert done.stdout == b"alive\n"
    written = log.read_text(errors="replace")
    assert "before" in written
    assert '"log_lines_lost", "count": ' in written
    assert "after" in written


def test_a_closed_standard_error_is_no_error() -> None:
    """As where the service was started with it closed."""
    program = PROGRAM.replace('logs.configure("info")', 'logs.configure("info"); sys.stderr.close()')
    done = subprocess.run([sys.executable, "-c", program, "2000"], cwd=ROOT, capture_output=True, check=False)

    assert done.stdout == b"alive\n"

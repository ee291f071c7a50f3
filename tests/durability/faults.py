"""Makes the disk fail under a real process: by strace, where it is installed, and by a quota on the size of files.

Both are outside the program: its code, and that of SQLite and tantivy, runs as it is shipped.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.doctor import examine
from index.store import Store
from index.types import Status
from ingest.config import ChunkConfig, ParseConfig
from ingest.pipeline import Pipeline
from tests.doubles.embedder import HashingEmbedder
from tests.durability import driver

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
# What writes, makes names durable, or takes room.
CALLS = (
    "write",
    "pwrite64",
    "pwritev",
    "fsync",
    "fdatasync",
    "ftruncate",
    "fallocate",
    "rename",
    "unlink",
    "mkdir",
)
_LINE = re.compile(r"^(\d+)\s+(\w+)\(")


@dataclass(frozen=True, slots=True)
class Fault:
    """The ``number``-th call of a kind fails, or that one and all after it."""

    call: str
    number: int
    error: str
    lasting: bool

    def __str__(self) -> str:
        return f"{self.error} at {self.call} {self.number}{' and after' if self.lasting else ''}"


def strace_works() -> bool:
    """Whether calls can be made to fail: strace is there, and this user may trace."""
    if shutil.which("strace") is None:
        return False
    tried = subprocess.run(
        ["strace", "-qq", "-o", os.devnull, "-e", "inject=mkdir:error=EIO", "mkdir", "/tmp"],
        capture_output=True,
        text=True,
        check=False,
    )
    return "Input/output error" in tried.stderr


def traced(command: list[str], log: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a command under strace, its threads and children with it."""
    environment = {
        **os.environ,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.run(
        ["strace", "-f", "-qq", "-o", str(log), *options, *command],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=environment,
        timeout=300,
    )


def drive(folder: Path, log: Path, fault: Fault | None = None) -> subprocess.CompletedProcess[str]:
    """Run the driver on a folder, undisturbed or with a fault."""
    options = ["-e", f"trace={','.join(CALLS)}"]
    if fault is not None:
        when = f"{fault.number}{'+' if fault.lasting else ''}"
        options += ["-e", f"inject={fault.call}:error={fault.error}:when={when}"]
    return traced([sys.executable, "-m", "tests.durability.driver", str(folder)], log, *options)


def calls_of(log: Path) -> Counter[str]:
    """How often the first thread made each call."""
    found = [match for line in log.read_text().splitlines() if (match := _LINE.match(line))]
    return Counter(match[2] for match in found if match[1] == found[0][1])


def said(output: str) -> list[dict[str, Any]]:
    """The driver's lines."""
    return [json.loads(line) for line in output.splitlines()]


def check(folder: Path, lines: list[dict[str, Any]]) -> list[str]:
    """What is wrong with a folder after a disturbed run, now that the disk is well again.

    What was acknowledged is there, what was deleted is gone, nothing else is half there, and work goes on.
    """
    wrong = []
    store = Store(folder)
    try:
        store.finish_interrupted()
        report = examine(store, repair=False)
        wrong += [f"doctor: {each.check} {each.subject}: {each.message}" for each in report.findings]
        pipeline = Pipeline(
            driver.PlainParser(),  # type: ignore[arg-type]
            HashingEmbedder(),
            ParseConfig(),
            ChunkConfig(max_tokens=24),
        )
        driver.work(store, pipeline)
        documents = {each.id: each for each in store.catalog.documents(None, None, None, 100)}
        newest = {line["stored"]: line for line in lines if "stored" in line}
        deleted = {line["deleted"] for line in lines if "deleted" in line}
        deleting = {line["deleting"] for line in lines if "deleting" in line}
        for document_id, line in newest.items():
            if document_id in deleted:
                if document_id in documents:
                    wrong.append(f"{document_id} was deleted and is there")
            elif document_id not in documents:
                # A deletion that failed after its commit is finished; one that failed before changed nothing.
                if document_id not in deleting:
                    wrong.append(f"{document_id} was acknowledged and is lost")
            elif documents[document_id].status is not Status.READY:
                wrong.append(f"{document_id} is {documents[document_id].status}")
            elif (
                documents[document_id].version == line["version"]
                and store.catalog.text(document_id).text != line["text"]
            ):
                wrong.append(f"{document_id} has another text than was acknowledged")
        names = Counter(each.filename for each in documents.values())
        wrong += [f"{name} is there {count} times" for name, count in names.items() if count > 1]
        report = examine(store, repair=False)
        wrong += [f"doctor after work: {each.subject}: {each.message}" for each in report.findings]
    finally:
        store.close()
    return wrong


@contextmanager
def quota(size: int) -> Iterator[None]:
    """No file of this process may grow beyond so many bytes: the writes of any user's process then fail."""
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, former[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)

"""Acknowledged means on disk: what is synced before an upload is answered, and in which order."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from index import blobs as blobs_module
from index import view
from index.database import Database
from tests.durability.faults import strace_works, traced
from tests.index.helpers import add, upload

if TYPE_CHECKING:
    from index.jobs import JobRunner
    from index.store import Store

needs_strace = pytest.mark.skipif(not strace_works(), reason="strace is not installed, or may not trace here")
TRACED = "trace=write,pwrite64,fsync,fdatasync,rename,mkdir,writev"


def first(lines: list[str], pattern: str, after: int = -1) -> int:
    """Number of the first line after another that matches.

    Raises:
        AssertionError: None does.
    """
    for number in range(after + 1, len(lines)):
        if re.search(pattern, lines[number]):
            return number
    raise AssertionError(f"nothing matches {pattern!r} after line {after}")


@needs_strace
def test_every_acknowledged_step_is_synced_in_order(tmp_path: Path) -> None:
    """File, rename, both folders, log; then the answer. Read from the system calls themselves."""
    log = tmp_path / "log"
    done = traced(
        [sys.executable, "-m", "tests.durability.driver", str(tmp_path / "data")], log, "-y", "-e", TRACED
    )
    assert done.returncode == 0, done.stderr
    lines = log.read_text().splitlines()

    opened = first(lines, r"fsync\(\d+<[^>]*/data>\)")
    answers = [number for number, line in enumerate(lines) if "writev(1" in line and '\\"stored\\"' in line]
    assert len(answers) == 4
    assert opened < answers[0]
    before = opened
    for answer in answers:
        synced = first(lines, r"fsync\(\d+<[^>]*/originals/incoming-", before)
        renamed = first(lines, r'rename\("[^"]*/incoming-', synced)
        folder = first(lines, r"fsync\(\d+<[^>]*/originals/[0-9a-f]{2}>", renamed)
        originals = first(lines, r"fsync\(\d+<[^>]*/originals>", folder)
        written = first(lines, r"pwrite64\(\d+<[^>]*catalog\.sqlite3-wal>", originals)
        logged = first(lines, r"fd?a?t?a?sync\(\d+<[^>]*catalog\.sqlite3-wal>", written)
        assert before < synced < renamed < folder < originals < written < logged < answer
        # And nothing was written to the log after it was last synced.
        last_written = max(n for n in range(logged, answer) if "sync(" in lines[n] or "pwrite64(" in lines[n])
        assert "sync(" in lines[last_written]
        before = answer
    for kind in ("ready", "deleted"):
        for answer in (n for n, line in enumerate(lines) if f'\\"{kind}\\"' in line):
            last = max(
                n for n in range(answer) if "catalog.sqlite3-wal>" in lines[n] and "pwrite64(" in lines[n]
            )
            assert first(lines, r"sync\(\d+<[^>]*catalog\.sqlite3-wal>", last) < answer
    unlinked = first(lines, r'\\"deleted\\"')
    assert any("fsync(" in lines[n] and "/originals/" in lines[n] for n in range(answers[-1], unlinked))


def test_the_calls_that_make_an_original_durable(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same order where there is no strace: the file is synced before its rename, both folders after it."""
    seen: list[str] = []
    fsync, replace = blobs_module.os.fsync, Path.replace

    def syncing(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}")
        seen.append(f"sync {path.resolve().name[:8]}" if path.exists() else "sync")
        fsync(descriptor)

    def replacing(self: Path, target: Path) -> Path:
        seen.append("rename")
        return replace(self, target)

    monkeypatch.setattr(blobs_module.os, "fsync", syncing)
    monkeypatch.setattr(Path, "replace", replacing)
    submission = upload(store, "a.txt", "some text")

    sha256 = store.catalog.document(submission.document_id).sha256
    assert seen == ["sync incoming", "rename", f"sync {sha256[:2]}", "sync original"]


def test_a_new_folder_has_its_names_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite syncs the name of its log and not that of the catalog: a power loss could take the whole file."""
    synced: list[Path] = []
    sync = view.sync_folder

    def syncing(folder: Path) -> None:
        synced.append(folder)
        sync(folder)

    monkeypatch.setattr("index.database.sync_folder", syncing)
    Database(tmp_path / "data").close()
    assert synced == [tmp_path / "data", tmp_path]
    synced.clear()
    Database(tmp_path / "data").close()
    assert synced == []


def test_one_connection_writes(store: Store, runner: JobRunner) -> None:
    """SQLite 3.40 can corrupt a log that two connections write or check in: here one does, whatever happens."""
    writing: set[int] = set()
    reading: set[int] = set()

    def watch(connection: object, _cursor: object, statement: str, *_: object) -> None:
        raw = id(connection.connection.dbapi_connection)  # type: ignore[attr-defined]
        kind = statement.lstrip().split(None, 1)[0].upper()
        changing = kind not in ("SELECT", "BEGIN", "PRAGMA") or statement.startswith("BEGIN IMMEDIATE")
        (writing if changing or "checkpoint" in statement else reading).add(raw)

    for engine in (store.database._writer, store.database._readers):
        event.listen(engine, "before_cursor_execute", watch)
    ids = [add(store, runner, f"{number}.txt", f"text {number}").id for number in range(5)]
    add(store, runner, "0.txt", "another text")
    store.delete_document(ids[1])
    store.delete_collection("default")
    store.database.check_integrity()

    assert len(writing) == 1
    assert len(reading - writing) > 0


def test_readers_never_check_the_log_in(store: Store) -> None:
    """Closing a reader, the only other time at which SQLite writes, is never the last closing of the file."""
    for _ in range(3):
        upload(store, "a.txt", "some text")
        log = store.folder / "catalog.sqlite3-wal"
        before = log.stat().st_size
        assert before > 0
        store.database._readers.dispose()
        assert log.stat().st_size == before

"""Backups of a data folder, made while the service runs: complete or not there at all.

A backup is a folder of plain files: the catalog as one SQLite file, the originals, and a manifest with the SHA-256
of each. It is put together under another name and renamed when all of it is on disk. The catalog is read through a
connection that can neither write nor check the log in, so that the service stays the only writer
(docs/decisions/0023).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import stat
import time
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from index.database import CATALOG, hold
from index.errors import BackupFailed, FolderInUse
from index.manifest import (
    DELETIONS,
    EXTRAS,
    FORMAT,
    MANIFEST,
    ORIGINALS,
    Ended,
    Entry,
    Manifest,
    ended,
    file_entry,
    open_read_only,
    originals_of,
    problems,
    read_ended,
)
from index.view import sync_folder, write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

INCOMING, EXPIRED = ".incoming-", ".expired-"

_NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z")
_SHA256 = re.compile(r"[0-9a-f]{64}")
# Rounds of taking what changed since the last one; each is as short as what came meanwhile.
_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made, and those that were removed because they expired."""

    folder: Path
    manifest: Manifest
    expired: tuple[Path, ...]


def back_up(
    data: Path,
    target: Path,
    *,
    keep: int | None = None,
    expire_days: float | None = None,
    copy: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Made:
    """Make a backup of a data folder in a folder of backups.

    Args:
        data: The data folder; a service may be running on it.
        target: Where the backup becomes a new folder, named after the time.
        keep: When given, only so many of the newest backups stay, this one included.
        expire_days: When given, backups that are older than so many days are removed.
        copy: Copy originals also where they could be hard links.
        progress: Called with the name of each step.

    Raises:
        BackupFailed: Nothing was made, and the message says why.
    """
    if not (data / CATALOG).is_file():
        raise BackupFailed(f"{data} is not a data folder: it has no catalog. Name one with --data.")
    if target.resolve().is_relative_to(data.resolve()):
        raise BackupFailed(f"{target} lies inside the data folder. Choose a folder outside of it.")
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(target):
            for left in target.glob(f"{INCOMING}*"):
                shutil.rmtree(left)
            now = datetime.now(UTC)
            name = now.strftime("%Y%m%dT%H%M%S.%fZ")
            staging = target / f"{INCOMING}{name}"
            try:
                manifest, gone = _put_together(data, staging, now.isoformat(), copy=copy, progress=progress)
                _remember(target, gone, staging / CATALOG)
                staging.rename(target / name)
                sync_folder(target)
            except BaseException:
                shutil.rmtree(staging, ignore_errors=True)
                raise
            progress("expired backups")
            return Made(target / name, manifest, tuple(_expire(target, keep, expire_days)))
    except (OSError, sqlite3.Error) as error:
        raise BackupFailed(
            f"The backup could not be made: {error}. What was there before is untouched."
        ) from error


def backups(target: Path) -> list[Path]:
    """Complete backups in a folder of backups, oldest first."""
    return sorted(path for path in target.iterdir() if _NAME.fullmatch(path.name) and not path.is_symlink())


def _put_together(
    data: Path, staging: Path, made_at: str, *, copy: bool, progress: Callable[[str], None]
) -> tuple[Manifest, Ended]:
    """Everything of a backup, on disk, in a folder that is not yet called one."""
    (staging / ORIGINALS).mkdir(parents=True)
    taken: dict[str, Entry] = {}
    for _ in range(_ROUNDS):
        # Originals first: what the catalog then still names was there before it was read, or came since. The few
        # that came and went in this short time are met by another round.
        progress("originals")
        _take(data, staging, _present(data) - set(taken), taken, copy=copy)
        progress("catalog")
        (staging / CATALOG).unlink(missing_ok=True)
        with closing(open_read_only(data / CATALOG)) as source:
            source.execute("VACUUM INTO ?", (str(staging / CATALOG),))
        with closing(open_read_only(staging / CATALOG, immutable=True)) as catalog:
            wanted = {str(each) for each in originals_of(catalog)}
        _take(data, staging, wanted - set(taken), taken, copy=copy)
        if wanted <= set(taken):
            break
    else:
        missing = ", ".join(sorted(wanted - set(taken))[:3])
        raise BackupFailed(
            f"Originals that documents refer to are missing, such as {missing}. Run 'footnote doctor', and upload "
            "or delete these documents."
        )
    for sha256 in set(taken) - wanted:
        _place(staging, sha256).unlink()
        del taken[sha256]
    progress("checks")
    with closing(open_read_only(staging / CATALOG, immutable=True)) as catalog:
        wrong = problems(catalog)
        (documents,) = catalog.execute("SELECT count(*) FROM documents").fetchone()
        (schema,) = catalog.execute("SELECT version_num FROM alembic_version").fetchone()
        gone = ended(catalog)
    if wrong:
        raise BackupFailed(f"The catalog is damaged: {wrong[0]}. Restore an older backup.")
    files = {f"{ORIGINALS}/{sha256[:2]}/{sha256}": entry for sha256, entry in sorted(taken.items())}
    for name in EXTRAS:
        if (data / name).is_file():
            shutil.copyfile(data / name, staging / name)
            files[name] = file_entry(staging / name)
    files[CATALOG] = file_entry(staging / CATALOG)
    manifest = Manifest(FORMAT, schema, made_at, documents, files, str(data.resolve()))
    write_atomically(staging / MANIFEST, json.dumps(asdict(manifest), indent=1).encode())
    progress("writing to disk")
    _sync_all(staging)
    return manifest, gone


def _present(data: Path) -> set[str]:
    return {path.name for path in (data / ORIGINALS).glob("??/*") if _SHA256.fullmatch(path.name)}


def _place(folder: Path, sha256: str) -> Path:
    return folder / ORIGINALS / sha256[:2] / sha256


def _take(data: Path, staging: Path, hashes: set[str], taken: dict[str, Entry], *, copy: bool) -> None:
    """Link or copy originals that are there; one that has gone meanwhile is left out."""
    for sha256 in sorted(hashes):
        source, target = _place(data, sha256), _place(staging, sha256)
        target.parent.mkdir(exist_ok=True)
        try:
            if not stat.S_ISREG(source.lstat().st_mode):
                raise BackupFailed(f"{source} is not a plain file. Put the original back in its place.")
            if copy or not _linked(source, target):
                shutil.copyfile(source, target)
        except FileNotFoundError:
            target.unlink(missing_ok=True)
            continue
        entry = file_entry(target)
        if entry.sha256 != sha256:
            raise BackupFailed(
                f"The original {sha256} is damaged. Run 'footnote doctor', and upload or delete its document."
            )
        taken[sha256] = entry


def _linked(source: Path, target: Path) -> bool:
    """Whether a hard link could be made, as on one file system that has them."""
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        return False
    return True


def _remember(target: Path, gone: Ended, catalog: Path) -> None:
    """Add to the list beside the backups, less what lives again because somebody restored it on purpose."""
    path = target / DELETIONS
    try:
        merged = (read_ended(path) if path.exists() else Ended()).joined(gone)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupFailed(
            f"The list of deletions {path} is damaged ({error}), and every backup adds to it. Put a copy back, or "
            "move it away: what was deleted is then known from the data folder alone."
        ) from error
    with closing(open_read_only(catalog, immutable=True)) as connection:
        living = {row[0] for row in connection.execute("SELECT id FROM documents")}
    deletions = {each: when for each, when in sorted(merged.documents.items()) if each not in living}
    kept = {"deletions": deletions, "revoked": dict(sorted(merged.keys.items()))}
    write_atomically(path, json.dumps(kept, indent=0).encode())


def _expire(target: Path, keep: int | None, days: float | None) -> Iterator[Path]:
    """Remove backups that are too many or too old, never the newest."""
    found = backups(target)
    oldest = time.time() - (days or 0) * 86_400
    for number, path in enumerate(reversed(found)):
        made = datetime.strptime(path.name, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC).timestamp()
        surplus = keep is not None and number >= keep
        if number and (surplus or (days is not None and made < oldest)):
            # Renamed first: one that is half removed is no backup.
            gone = path.with_name(EXPIRED + path.name)
            path.rename(gone)
            sync_folder(target)
            yield path
    for left in target.glob(f"{EXPIRED}*"):
        shutil.rmtree(left)


def _sync_all(folder: Path) -> None:
    for path, _, names in os.walk(folder):
        for name in names:
            descriptor = os.open(Path(path) / name, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        sync_folder(Path(path))


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """One backup at a time in a folder of backups."""
    try:
        lock = hold(target)
    except FolderInUse as error:
        raise BackupFailed(f"Another backup is being made in {target}. Wait until it has ended.") from error
    with closing(lock):
        yield

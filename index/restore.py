"""Puts a backup back into an empty folder: all of it, checked, or nothing.

What a backup says of itself is not believed: every file must be named in the manifest and have its hash, nothing
may be a link, and the catalog may hold tables, indexes and the triggers of the audit log only.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
import stat
import tempfile
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select
from sqlalchemy.exc import SQLAlchemyError

from index.audit import TRIGGERS
from index.backup import backups
from index.database import CATALOG, RESTORING, hold, known_revisions
from index.errors import NotFound, RestoreRefused
from index.files import FILE
from index.manifest import (
    DELETIONS,
    EXTRAS,
    FORMAT,
    MANIFEST,
    ORIGINALS,
    Ended,
    Entry,
    Manifest,
    open_read_only,
    originals_of,
    problems,
    read_ended,
)
from index.schema import RESTRICTED_INDEX, metadata
from index.schema import deletions as deletions_table
from index.store import Store
from index.view import sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# A name that is safe as a path: those of the catalog, the extra files and the originals, and no other.
_PATH = re.compile(
    rf"{re.escape(CATALOG)}|{'|'.join(map(re.escape, EXTRAS))}|{ORIGINALS}/([0-9a-f]{{2}})/\1[0-9a-f]{{62}}"
)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PLAIN_INDEX = re.compile(r"CREATE (UNIQUE )?INDEX \w+ ON \w+ \(\w+(, \w+)*\)")
# Of a table: what computes something, and so may call functions.
_CODE = re.compile(r"(?i)\bVIRTUAL\b|\b(AS|CHECK|DEFAULT)\s*\(")
# A manifest of 100,000 originals has about 20 MB.
_MOST_MANIFEST_BYTES = 1_000_000_000
_PART_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored, from which backup, and what was deleted again because it had been since.

    Attributes:
        former: The data folder that was backed up, if it is still there and told what was deleted.
    """

    backup: Path
    manifest: Manifest
    deleted_again: tuple[str, ...]
    former: Path | None


def restore(
    source: Path,
    data: Path,
    *,
    deletions: Sequence[Path] = (),
    bring_back: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Restored:
    """Restore a backup into a folder that is new or empty.

    Args:
        source: A backup, or a folder of backups, of which the newest is taken.
        data: The folder; nobody may be using it.
        deletions: Lists of documents that were deleted and keys that were revoked after the backup, as ``read_ended``
            takes them, besides the one that lies beside the backup and that of the data folder which was backed up,
            where it is still there.
        bring_back: Restore also documents that these lists say were deleted. Keys stay revoked.
        progress: Called with the name of each step.

    Raises:
        RestoreRefused: The backup is not whole, or the folder is not fit. The folder is as it was.
        FolderInUse: Another process holds the folder.
    """
    backup = _find(source)
    try:
        manifest = _read_manifest(backup)
        _check_files(backup, manifest)
        gone = _gone(backup, deletions, bring_back=bring_back)
        former, told = _former(manifest, data)
        gone = gone.joined(replace(told, documents={}) if bring_back else told)
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        with closing(hold(data)):
            _clear_interrupted(data)
            _insist_empty(data)
            staging = Path(tempfile.mkdtemp(dir=data, prefix=RESTORING))
            try:
                progress("files")
                for name, entry in manifest.files.items():
                    _copy(backup / name, staging / name, entry, name)
                progress("catalog")
                _check_catalog(staging / CATALOG, manifest)
                progress("deletions")
                again = _delete_again(staging, gone)
                _move_to_place(staging, data)
            except BaseException:
                shutil.rmtree(staging, ignore_errors=True)
                raise
    except (OSError, sqlite3.Error, SQLAlchemyError, ValueError) as error:
        # The whole message of SQLAlchemy is the statement and an address; the first line says what was wrong.
        reason = str(error).partition("\n")[0]
        raise RestoreRefused(
            f"{backup} could not be restored: {reason}. {data} holds nothing of it."
        ) from error
    return Restored(backup, manifest, again, former)


def _find(source: Path) -> Path:
    if (source / MANIFEST).is_file():
        return source
    found = backups(source) if source.is_dir() else []
    if not found:
        raise RestoreRefused(f"{source} is no backup and holds none: there is no {MANIFEST} in it.")
    return found[-1]


def _read_manifest(backup: Path) -> Manifest:
    path = backup / MANIFEST
    if path.is_symlink() or path.stat().st_size > _MOST_MANIFEST_BYTES:
        raise RestoreRefused(f"{path} is not a manifest that 'footnote backup' wrote.")
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
        if found["format"] != FORMAT:
            raise RestoreRefused(
                f"{path} has the format {found['format']!r}, and this version reads {FORMAT}. A newer Footnote made it."
            )
        files = {str(name): Entry(str(e["sha256"]), int(e["bytes"])) for name, e in found["files"].items()}
        manifest = Manifest(
            FORMAT,
            str(found["schema"]),
            str(found["made_at"]),
            int(found["documents"]),
            files,
            str(found.get("source", "")),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RestoreRefused(f"{path} is not a manifest that 'footnote backup' wrote: {error!r}.") from error
    if manifest.schema not in known_revisions():
        raise RestoreRefused(
            f"{backup} has the schema {manifest.schema}, which this version does not know. A newer Footnote made it."
        )
    if CATALOG not in files:
        raise RestoreRefused(f"{path} names no catalog.")
    for name, entry in files.items():
        if not _PATH.fullmatch(name) or not _SHA256.fullmatch(entry.sha256):
            raise RestoreRefused(f"{path} names {name!r}, which is nothing that a backup holds.")
        if name.startswith(ORIGINALS) and not name.endswith(f"/{entry.sha256}"):
            raise RestoreRefused(f"{path} gives {name} another hash than its name.")
    return manifest


def _check_files(backup: Path, manifest: Manifest) -> None:
    """Every file that is named is there as a plain file of its size, and nothing else is there."""
    left = dict(manifest.files)
    for folder, folders, names in os.walk(backup):
        for name in (*folders, *names):
            path = Path(folder) / name
            inside, mode = path.relative_to(backup).as_posix(), path.lstat()
            if stat.S_ISDIR(mode.st_mode):
                continue
            if not stat.S_ISREG(mode.st_mode):
                raise RestoreRefused(f"{path} is a link or a device. A backup holds plain files only.")
            if inside == MANIFEST:
                continue
            entry = left.pop(inside, None)
            if entry is None:
                raise RestoreRefused(
                    f"{path} is not named in the manifest. Remove it, if you know what it is."
                )
            if entry.bytes != mode.st_size:
                raise RestoreRefused(f"{path} has {mode.st_size} bytes, and the manifest says {entry.bytes}.")
    if left:
        raise RestoreRefused(f"{backup} lacks {min(left)}, which the manifest names.")


def _gone(backup: Path, lists: Sequence[Path], *, bring_back: bool) -> Ended:
    """What was ended after the backup, as far as that is at hand."""
    found = Ended()
    beside = backup.parent / DELETIONS
    for path in (*((beside,) if beside.exists() else ()), *lists):
        try:
            found = found.joined(read_ended(path))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, sqlite3.Error) as error:
            if bring_back:
                continue
            raise RestoreRefused(
                f"The list of deletions {path} cannot be read ({error}). Without it deleted documents could come "
                "back; to restore all the same, add --bring-back, and look at 'footnote keys list' afterwards."
            ) from error
    return replace(found, documents={}) if bring_back else found


def _former(manifest: Manifest, data: Path) -> tuple[Path | None, Ended]:
    """What the data folder that was backed up says was ended, if it is still there, and which it is."""
    folder = Path(manifest.source)
    if not manifest.source or not (folder / CATALOG).is_file() or folder == data.resolve():
        return None, Ended()
    try:
        return folder, read_ended(folder)
    except (OSError, sqlite3.Error):
        # It may be what makes the restore necessary. The caller says that nothing is known from it.
        return None, Ended()


def _clear_interrupted(data: Path) -> None:
    """Remove what a restore left that was cut off before its last step, the catalog's move."""
    cut_off = list(data.glob(f"{RESTORING}*"))
    if cut_off and not (data / CATALOG).exists():
        for path in (*cut_off, data / ORIGINALS):
            if path.is_symlink() or not path.is_dir():
                continue
            shutil.rmtree(path)
        for name in EXTRAS:
            (data / name).unlink(missing_ok=True)
    elif cut_off:
        # All was in its place, but for the empty folder.
        for path in cut_off:
            with suppress(OSError):
                path.rmdir()


def _insist_empty(data: Path) -> None:
    # A folder that a file system makes for itself holds no data of anybody.
    found = sorted(path.name for path in data.iterdir() if path.name not in ("lock", "lost+found"))
    if found:
        raise RestoreRefused(
            f"{data} is not empty: it holds {', '.join(found[:3])}. Restore into a new folder, or move this one away "
            "first; its list of deletions is then given with --deletions."
        )


def _copy(source: Path, target: Path, entry: Entry, name: str) -> None:
    """Copy a file, durably, while its hash is checked."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as read, target.open("xb") as written:
        while part := read.read(_PART_BYTES):
            digest.update(part)
            written.write(part)
        written.flush()
        os.fsync(written.fileno())
    if digest.hexdigest() != entry.sha256:
        raise RestoreRefused(f"{name} has changed since the backup was made: its hash is not the manifest's.")


def _check_catalog(catalog: Path, manifest: Manifest) -> None:
    """The catalog is whole, of a known schema, holds data only, and names no original that is not there."""
    with closing(open_read_only(catalog, immutable=True)) as connection:
        found = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
        other = next((row for row in found if not _is_known(*row)), None)
        if other:
            raise RestoreRefused(f"The catalog holds a {other[0]} {other[1]!r}, which Footnote never makes.")
        wrong = problems(connection)
        if wrong:
            raise RestoreRefused(f"The catalog is damaged: {wrong[0]}.")
        revisions = {row[0] for row in connection.execute("SELECT version_num FROM alembic_version")}
        if revisions != {manifest.schema}:
            raise RestoreRefused(
                f"The catalog has the schema {revisions}, and the manifest says {manifest.schema}."
            )
        for sha256 in originals_of(connection):
            if not isinstance(sha256, str) or f"{ORIGINALS}/{sha256[:2]}/{sha256}" not in manifest.files:
                raise RestoreRefused(f"The catalog names the original {sha256!r}, which the backup lacks.")


def _is_known(kind: str, _name: str, sql: str | None) -> bool:
    """Whether a part of the schema is one that Footnote makes: tables, plain indexes, and to the letter what has code.

    Code in a foreign file would be run by whoever reads or writes it.
    """
    if kind == "index":
        # SQLite's own indexes have no text.
        return sql is None or _PLAIN_INDEX.fullmatch(sql) is not None or sql == RESTRICTED_INDEX
    if kind == "trigger":
        return sql in TRIGGERS
    return kind == "table" and sql is not None and not _CODE.search(sql)


def _delete_again(folder: Path, gone: Ended) -> tuple[str, ...]:
    """Bring the catalog to the present schema, and end in it what was ended after the backup."""
    again = []
    store = Store(folder)
    try:
        with store.database.read() as connection:
            for table in metadata.sorted_tables:
                # By now it has the present schema, or it never was a catalog.
                connection.execute(select(table).limit(0))
        store.finish_interrupted()
        for key_id in gone.keys:
            with suppress(NotFound):
                store.keys.revoke(key_id)
        for document_id in gone.documents:
            with suppress(NotFound):
                if document_id.startswith(FILE):
                    store.delete_file(document_id)
                else:
                    store.delete_document(document_id)
                again.append(document_id)
        with store.database.write() as connection:
            known = set(connection.execute(select(deletions_table.c.document_id)).scalars())
            rows = [
                {"document_id": each, "deleted_at": when}
                for each, when in gone.documents.items()
                if each not in known
            ]
            if rows:
                connection.execute(insert(deletions_table), rows)
    finally:
        store.close()
    return tuple(again)


def _move_to_place(staging: Path, data: Path) -> None:
    """Originals first, the catalog last: a folder that has it has everything. Views are made anew from it."""
    shutil.rmtree(staging / "views", ignore_errors=True)
    sync_folder(staging)
    for path in (staging / ORIGINALS).rglob("*"):
        if path.is_dir():
            sync_folder(path)
    for name in (ORIGINALS, *EXTRAS):
        if (staging / name).exists():
            (staging / name).rename(data / name)
    sync_folder(data)
    for left in staging.glob(f"{CATALOG}-*"):
        # Closing the last connection has taken the log in.
        left.unlink()
    (staging / "lock").unlink(missing_ok=True)
    (staging / CATALOG).rename(data / CATALOG)
    sync_folder(data)
    staging.rmdir()
    sync_folder(data)

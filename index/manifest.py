"""What a backup consists of, and the careful reading of its parts."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from index.database import CATALOG

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1
MANIFEST = "manifest.json"
ORIGINALS = "originals"
# Files of the data folder that are not made again from the catalog, besides it and the originals.
EXTRAS = ("calibration.json", "calibration-generative.json")
# Beside the backups: ids of the documents that were deleted and the keys that were revoked, as of the newest backup.
DELETIONS = "deletions.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a backup."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup consists of.

    Attributes:
        schema: Revision of the catalog's schema.
        made_at: When the catalog was read, as ISO 8601 in UTC.
        files: By path inside the backup, with forward slashes.
        source: The data folder that was backed up; empty in backups from before this was noted.
    """

    format: int
    schema: str
    made_at: str
    documents: int
    files: dict[str, Entry]
    source: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """What no restore may bring back unasked, with when it was ended: ids of deleted documents and of revoked keys."""

    documents: dict[str, float] = field(default_factory=dict)
    keys: dict[str, float] = field(default_factory=dict)

    def joined(self, other: Ended) -> Ended:
        """Both together."""
        return Ended({**self.documents, **other.documents}, {**self.keys, **other.keys})


def file_entry(path: Path) -> Entry:
    """Hash and size of a file.

    Raises:
        OSError: It is a symbolic link, or cannot be read.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        return Entry(hashlib.file_digest(file, "sha256").hexdigest(), os.fstat(file.fileno()).st_size)


def open_read_only(catalog: Path, *, immutable: bool = False) -> sqlite3.Connection:
    """A connection that changes nothing; ``immutable`` says that nobody else does either."""
    options = "mode=ro&immutable=1" if immutable else "mode=ro"
    connection = sqlite3.connect(f"{catalog.resolve().as_uri()}?{options}", uri=True, isolation_level=None)
    connection.execute("PRAGMA busy_timeout=10000")
    # What the schema itself may call is not trusted: a backup may come from anywhere.
    connection.execute("PRAGMA trusted_schema=OFF")
    return connection


def problems(connection: sqlite3.Connection) -> list[str]:
    """What SQLite finds wrong with a catalog."""
    found = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
    return found + [
        f"{row[0]} refers to a missing {row[2]}" for row in connection.execute("PRAGMA foreign_key_check")
    ]


def originals_of(connection: sqlite3.Connection) -> set[object]:
    """Hashes of the originals that a catalog names, of whatever type stands there."""
    found = {row[0] for row in connection.execute("SELECT sha256 FROM versions")}
    if "files" in _tables(connection):
        found |= {row[0] for row in connection.execute("SELECT sha256 FROM files")}
    return found


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def ended(connection: sqlite3.Connection) -> Ended:
    """What a catalog says was ended; nothing in one from before that was kept."""
    tables = _tables(connection)
    gone = "SELECT document_id, deleted_at FROM deletions"
    revoked = "SELECT id, revoked_at FROM keys WHERE revoked_at IS NOT NULL"
    return Ended(
        dict(connection.execute(gone)) if "deletions" in tables else {},
        dict(connection.execute(revoked)) if "keys" in tables else {},
    )


def read_ended(path: Path) -> Ended:
    """A list that ``back_up`` wrote, or that of a catalog or a data folder.

    Raises:
        OSError: There is none.
        ValueError: It has another form.
        sqlite3.Error: The catalog cannot be read.
    """
    if path.is_dir():
        path = path / CATALOG if (path / CATALOG).exists() else path / DELETIONS
    if path.suffix == ".json":
        found = json.loads(path.read_bytes())
        documents, keys = found["deletions"].items(), found.get("revoked", {}).items()
        return Ended(
            {str(each): float(when) for each, when in documents},
            {str(each): float(when) for each, when in keys},
        )
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist.")
    with closing(open_read_only(path)) as connection:
        return ended(connection)

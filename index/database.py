"""Opens the catalog's database: migrations, one writer, many readers.

The SQLite that Python 3.11 often carries (3.40.1) can corrupt a write-ahead log when two connections write
(https://www.sqlite.org/wal.html#the_wal_reset_bug). Here one process holds the data folder, and in it one
connection writes.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import alembic.command
import alembic.config
import structlog
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, create_engine, event
from sqlalchemy.exc import DatabaseError, DBAPIError
from sqlalchemy.pool import StaticPool

from index.errors import FolderInUse, FolderUnusable
from index.view import sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection, Engine

    from index.prepared import Prepared

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows has no fcntl.
    fcntl = None  # type: ignore[assignment]

# Milliseconds to wait for a lock that another connection holds.
_BUSY_MS = 10_000
MIGRATIONS = Path(__file__).parent / "migrations"
CATALOG = "catalog.sqlite3"
# How the folder is called in which a restore prepares what it is going to move to its place.
RESTORING = ".restoring-"

log = structlog.get_logger(__name__)


class Database:
    """One SQLite file in a data folder that this process alone writes to."""

    def __init__(self, folder: Path) -> None:
        """Open or create it, and bring it to the present schema.

        Raises:
            FolderInUse: Another process holds the folder.
            FolderUnusable: A newer version made it, or a restore into it was cut off.
        """
        is_new = not (folder / CATALOG).exists()
        # Documents are nobody else's on this machine; what is in a folder that exists already is its owner's choice.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock_file = hold(folder)
        # Not written as text: a folder's name may hold what separates the parts of an address.
        url = URL.create("sqlite", database=str(folder / CATALOG))
        # An error's message would else quote the values: questions and texts.
        self._writer = create_engine(
            url, poolclass=StaticPool, connect_args={"check_same_thread": False}, hide_parameters=True
        )
        self._readers = create_engine(url, pool_size=16, max_overflow=32, hide_parameters=True)
        _configure(self._writer, "PRAGMA secure_delete=ON")
        _configure(self._readers, "PRAGMA query_only=ON")
        self._write_lock = threading.Lock()
        self._closed = False
        # Whether the write-ahead log may hold content that was deleted.
        self._log_to_forget = False
        try:
            _insist_whole(folder)
            with self.write() as connection:
                migrate(connection)
            if is_new:
                # SQLite makes the names of its logs durable, and not that of the file itself.
                sync_folder(folder)
                sync_folder(folder.parent)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection on one consistent snapshot."""
        with self._readers.begin() as connection:
            yield connection

    def rows(self, prepared: Prepared, values: Mapping[str, Any]) -> list[list[Any]]:
        """The rows of one statement, which alone sees one consistent snapshot."""
        try:
            connection = self._readers.raw_connection()
            try:
                return prepared.rows(connection.driver_connection, values)
            finally:
                connection.close()
        except sqlite3.Error as error:
            # As everywhere else, and without the values.
            raise DBAPIError.instance(
                prepared.sql, None, error, sqlite3.Error, hide_parameters=True, dialect=self._readers.dialect
            ) from error

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """The writing connection in a transaction: all of it is on disk at the end, or none.

        Raises:
            RuntimeError: The folder was closed. Another process may hold it by now.
        """
        with self._write_lock:
            if self._closed:
                raise RuntimeError("The data folder is closed; nothing can be written to it any more.")
            with self._writer.begin() as connection:
                yield connection

    def check_integrity(self) -> list[str]:
        """What SQLite itself finds wrong with the file, none when all is well."""
        try:
            with self.read() as connection:
                rows = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
        except DatabaseError as error:
            # Where the file is too damaged to be checked to its end.
            return [str(error.orig)]
        return [] if rows == ["ok"] else [str(row) for row in rows]

    def forget_log(self) -> bool:
        """Empty the write-ahead log, which otherwise holds deleted content until it is written over.

        While a reader still needs it, or the disk is in trouble, it stays for ``forget_log_if_left``.

        Returns:
            Whether it is empty now.
        """
        with self._write_lock:
            if self._closed:
                return False
            self._log_to_forget = True
            # Not in a transaction, which every connection of the engine begins with.
            connection = self._writer.raw_connection()
            try:
                cursor = connection.cursor()
                # Writers wait meanwhile, so it must not wait for readers.
                cursor.execute("PRAGMA busy_timeout=100")
                try:
                    busy, _, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                except sqlite3.OperationalError:
                    log.exception("log_not_emptied")
                    busy = 1
                cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
            finally:
                connection.close()
            self._log_to_forget = bool(busy)
            return not busy

    def forget_log_if_left(self) -> None:
        """Try again to empty the log after a deletion that could not."""
        if self._log_to_forget:
            self.forget_log()

    def close(self) -> None:
        """Close every connection and let go of the folder."""
        self._readers.dispose()
        with self._write_lock:
            self._closed = True
            self._writer.dispose()
        self._lock_file.close()


def migrate(connection: Connection) -> None:
    """Bring the schema to the newest revision.

    Raises:
        FolderUnusable: A newer version made it.
    """
    config = _alembic()
    config.attributes["connection"] = connection
    present = MigrationContext.configure(connection).get_current_revision()
    if present is not None and present not in known_revisions():
        raise FolderUnusable(
            f"The catalog's schema is {present}, which this version of Footnote does not know. A newer one made "
            "it: use that one."
        )
    alembic.command.upgrade(config, "head")


def known_revisions() -> set[str]:
    """Revisions of the schema, from the first to the present one."""
    return {each.revision for each in ScriptDirectory.from_config(_alembic()).walk_revisions()}


def _alembic() -> alembic.config.Config:
    config = alembic.config.Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def _insist_whole(folder: Path) -> None:
    if not (folder / CATALOG).exists() and any(folder.glob(f"{RESTORING}*")):
        raise FolderUnusable(
            f"A restore into {folder} was cut off. Run 'footnote restore' again; it clears away what is half there."
        )


def _configure(engine: Engine, *pragmas: str) -> None:
    """Set the pragmas of each new connection, and let SQLAlchemy alone begin transactions."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={_BUSY_MS}"):
            connection.execute(f"PRAGMA {pragma}")
        for pragma in pragmas:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if "PRAGMA query_only=ON" in pragmas else "BEGIN IMMEDIATE")


def hold(folder: Path) -> Any:
    """Take the folder's lock; the operating system gives it back however this process ends."""
    file = (folder / "lock").open("a+")
    if fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            raise FolderInUse(
                f"{folder} is in use by another footnote process. Stop it, use its HTTP interface, or choose "
                "another folder with --data."
            ) from error
    return file

"""The catalog's file: one process, one writer, the documented schema, and nothing half written."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, select
from sqlalchemy.exc import DatabaseError, OperationalError

from index.database import Database, migrate
from index.errors import FolderInUse
from index.schema import collections, counters, metadata

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

OPEN_AND_WAIT = """
import sys
from pathlib import Path
from index.database import Database
database = Database(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty catalog."""
    opened = Database(tmp_path / "data")
    yield opened
    opened.close()


def test_a_new_folder_is_its_users_alone(tmp_path: Path) -> None:
    """Other users of the machine cannot read documents; a folder that was there stays as open as it was."""
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    for folder, mode in ((tmp_path / "new", 0o700), (shared, 0o755)):
        Database(folder).close()
        assert folder.stat().st_mode & 0o777 == mode


def count(connection: Connection, name: str) -> int:
    """Make a row."""
    return connection.execute(insert(counters).values(name=name, value=1)).rowcount


def names(database: Database) -> set[str]:
    """The rows that a reader sees."""
    with database.read() as connection:
        return set(connection.execute(select(counters.c.name)).scalars())


def test_migrations_make_exactly_the_schema(database: Database) -> None:
    """The tables that the code describes are those that a new folder has, to the last index."""
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() is not None


def test_migrating_again_changes_nothing(database: Database) -> None:
    """A folder that is up to date is opened without a change."""
    with database.write() as connection:
        count(connection, "a")
        migrate(connection)

    assert names(database) == {"a"}


@pytest.mark.parametrize(
    ("pragma", "expected"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 10000)],
)
def test_every_connection_is_durable(database: Database, pragma: str, expected: object) -> None:
    """Readers and the writer wait for the disk, keep references whole and survive a reader."""
    with database.write() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one() == expected
    with database.read() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one() == expected


def test_deleted_rows_are_overwritten(database: Database) -> None:
    """What is deleted is not left in the pages of the file."""
    with database.write() as connection:
        assert connection.exec_driver_sql("PRAGMA secure_delete").scalar_one() == 1


def test_deleted_text_is_in_no_file_after_closing(tmp_path: Path) -> None:
    """A deleted name is gone from every file of the folder, not only from the tables."""
    database = Database(tmp_path)
    with database.write() as connection:
        count(connection, "CANARY-NAME")
        connection.execute(insert(counters), [{"name": f"other {n}", "value": n} for n in range(500)])
    with database.write() as connection:
        connection.execute(counters.delete().where(counters.c.name == "CANARY-NAME"))
    database.close()

    assert not any(b"CANARY-NAME" in path.read_bytes() for path in tmp_path.iterdir())


def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    """An error in the middle undoes what came before it, and the next transaction works."""

    def fail() -> None:
        with database.write() as connection:
            count(connection, "a")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with database.write() as connection:
        count(connection, "b")

    assert names(database) == {"b"}


def test_a_reader_keeps_its_snapshot(database: Database) -> None:
    """What is written while somebody reads is seen by the next reader, not by this one."""
    with database.write() as connection:
        count(connection, "a")
    with database.read() as reader:
        before = reader.execute(select(counters.c.name)).scalars().all()
        with database.write() as connection:
            count(connection, "b")
        assert reader.execute(select(counters.c.name)).scalars().all() == before
    assert names(database) == {"a", "b"}


def test_readers_cannot_write(database: Database) -> None:
    """A write through a reading connection is refused by the database."""
    with pytest.raises(OperationalError, match="readonly"), database.read() as connection:
        count(connection, "a")


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    """While a process holds the folder another cannot open it; once it is gone, it can."""
    database = Database(tmp_path)
    command = [sys.executable, "-c", OPEN_AND_WAIT, str(tmp_path)]
    refused = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert refused.returncode == 1
    assert "FolderInUse" in refused.stderr
    database.close()

    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(FolderInUse, match="--data") as caught:
            Database(tmp_path)
        other.kill()
    assert caught.value.retryable

    # The operating system gives the lock of a killed process back.
    Database(tmp_path).close()


def test_a_second_opening_in_this_process_is_refused(database: Database, tmp_path: Path) -> None:
    """Two writers in one process would be as bad."""
    with pytest.raises(FolderInUse):
        Database(tmp_path / "data")


def test_nothing_is_written_after_closing(tmp_path: Path) -> None:
    """A worker that is late does not write into a folder that another process may hold by now."""
    database = Database(tmp_path)
    database.close()
    other = Database(tmp_path)

    with pytest.raises(RuntimeError, match="closed"), database.write() as connection:
        count(connection, "late")

    assert names(other) == set()
    other.close()


@pytest.mark.parametrize("name", ["plain", "a?b", "50%25", "with space", "ünï😀", "a#b;c", "?mode=ro"])
def test_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    """Characters that mean something in an address are part of the name here."""
    Database(tmp_path / name).close()

    assert (tmp_path / name / "catalog.sqlite3").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_file_that_is_no_catalog_is_an_error_and_lets_go(tmp_path: Path) -> None:
    """What cannot be opened is reported; the folder can be opened as soon as it is mended."""
    (tmp_path / "catalog.sqlite3").write_bytes(b"not a database" * 1000)
    with pytest.raises(DatabaseError, match="not a database") as caught:
        Database(tmp_path)
    (tmp_path / "catalog.sqlite3").unlink()

    Database(tmp_path).close()
    assert caught.value is not None


@pytest.mark.parametrize(("first", "last"), [(8, 40), (100, 4000)])
def test_damage_is_found(tmp_path: Path, first: int, last: int) -> None:
    """A healthy file has nothing to report; one with a broken page does, also if it cannot be checked to the end."""
    database = Database(tmp_path)
    with database.write() as connection:
        rows = [{"id": n, "name": f"{n} {'x' * 500}", "seq": 0, "created_at": 0.0} for n in range(200)]
        connection.execute(insert(collections), rows)
    assert database.check_integrity() == []
    database.close()
    content = bytearray((tmp_path / "catalog.sqlite3").read_bytes())
    at = content.index(b"150 xxxx") & ~0xFFF
    content[at + first : at + last] = b"\xff" * (last - first)
    (tmp_path / "catalog.sqlite3").write_bytes(content)

    damaged = Database(tmp_path)
    found = damaged.check_integrity()
    damaged.close()

    assert found

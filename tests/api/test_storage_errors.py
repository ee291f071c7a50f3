"""What the disk's troubles become over HTTP: the right status, a body of the contract's form, and when to try again."""

from __future__ import annotations

import errno
import sqlite3
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import DatabaseError, OperationalError

from api.errors import describe
from index.errors import KeyReused, RequestInProgress

if TYPE_CHECKING:
    from pathlib import Path


def of_sqlite(folder: Path, *statements: str) -> sqlite3.Error:
    """The error that SQLite itself raises."""
    connection = sqlite3.connect(folder / "a.sqlite3", isolation_level=None, timeout=0)
    try:
        for statement in statements:
            connection.execute(statement)
    except sqlite3.Error as error:
        return error
    finally:
        connection.close()
    raise AssertionError(f"nothing went wrong with {statements}")


@pytest.mark.parametrize(
    ("error", "status", "code", "retryable"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 507, "disk_full", True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), 507, "disk_full", True),
        (OSError(errno.EIO, "Input/output error"), 503, "storage_failed", True),
        (OSError(errno.EROFS, "Read-only file system"), 503, "storage_failed", True),
    ],
)
def test_errors_of_the_system(error: OSError, status: int, code: str, *, retryable: bool) -> None:
    """By their number; the path that they name stays in the log."""
    found, body, headers = describe(error)

    assert (found, body["error"]["code"], body["error"]["retryable"]) == (status, code, retryable)
    assert body["error"]["hint"]
    assert str(error.strerror) not in body["error"]["message"]
    assert ("Retry-After" in headers) == (status == 503)


def test_errors_of_sqlite(tmp_path: Path) -> None:
    """Full, locked, and damaged, wrapped as SQLAlchemy wraps them and as they are."""
    full = of_sqlite(
        tmp_path, "CREATE TABLE t (x)", "PRAGMA max_page_count=2", "INSERT INTO t VALUES (zeroblob(99999))"
    )
    other = sqlite3.connect(tmp_path / "a.sqlite3", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    locked = of_sqlite(tmp_path, "DELETE FROM t")
    other.close()
    (tmp_path / "a.sqlite3").write_bytes(b"nothing" * 1000)
    damaged = of_sqlite(tmp_path, "SELECT * FROM t")

    for error, status, code in (
        (full, 507, "disk_full"),
        (OperationalError("INSERT", {}, full), 507, "disk_full"),
        (OperationalError("DELETE", {}, locked), 503, "storage_busy"),
        (DatabaseError("SELECT", {}, damaged), 503, "storage_damaged"),
    ):
        found, body, headers = describe(error)
        assert (found, body["error"]["code"]) == (status, code)
        assert body["error"]["retryable"] == (code != "storage_damaged")
        assert ("Retry-After" in headers) == (status == 503)


def test_an_odd_error_of_sqlite_is_a_fault_of_ours(tmp_path: Path) -> None:
    """Only the disk's troubles are the disk's."""
    odd = of_sqlite(tmp_path, "SELECT * FROM nothing")

    assert describe(OperationalError("SELECT", {}, odd))[0] == 500


def test_errors_of_keys() -> None:
    """As the draft has them."""
    assert describe(KeyReused("x"))[0] == 422
    status, body, _ = describe(RequestInProgress("x"))
    assert (status, body["error"]["retryable"]) == (409, True)

"""Statements put together once: the same rows as the library's, and errors that do not quote values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import bindparam, column, select, table
from sqlalchemy.exc import OperationalError

from index.prepared import Prepared
from index.schema import documents
from tests.index.helpers import add

if TYPE_CHECKING:
    from index.jobs import JobRunner
    from index.store import Store


def test_rows_are_those_of_the_library(store: Store, runner: JobRunner) -> None:
    """What SQLite has no type for is what it was."""
    add(store, runner, "a.txt", "The cat sleeps.", metadata={"year": 2026, "of": ["a", None]})
    add(store, runner, "b.txt", "The dog barks.")
    statement = select(documents).where(documents.c.filename == bindparam("name"))

    found = store.database.rows(Prepared(statement), {"name": "a.txt"})

    with store.database.read() as connection:
        assert found == [list(row) for row in connection.execute(statement, {"name": "a.txt"})]
    assert {"year": 2026, "of": ["a", None]} in found[0]


def test_an_error_is_the_librarys_and_quotes_no_value(store: Store) -> None:
    """Whoever looks for trouble of the disk finds it here too."""
    nowhere = Prepared(select(column("x")).select_from(table("nowhere")).where(column("x") == bindparam("x")))

    with pytest.raises(OperationalError) as raised:
        store.database.rows(nowhere, {"x": "my salary"})

    assert "no such table" in str(raised.value)
    assert "salary" not in str(raised.value)

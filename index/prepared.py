"""Statements that every search asks, put together once and run without a transaction of their own.

SQLAlchemy takes longer to find such a statement in its cache, to begin and to end, than SQLite takes to answer it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import sqlite

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Select


class Prepared:
    """One SELECT with named values. Thread-safe."""

    def __init__(self, statement: Select[Any]) -> None:
        """Put it together.

        Args:
            statement: With a ``bindparam`` for each value.
        """
        dialect = sqlite.dialect(paramstyle="named")
        self.sql = str(statement.compile(dialect=dialect))
        processors = (column.type.result_processor(dialect, None) for column in statement.selected_columns)
        # What SQLite has no type for, such as JSON, by its place in the row.
        self._processors = [(at, each) for at, each in enumerate(processors) if each is not None]

    def rows(self, connection: Any, values: Mapping[str, Any]) -> list[list[Any]]:
        """Run it on a connection of ``sqlite3``: each row's values in the order of the columns."""
        found = [list(row) for row in connection.execute(self.sql, values)]
        for at, process in self._processors:
            for row in found:
                row[at] = process(row[at])
        return found

"""The audit log: who did what to which object, and how it ended. No question, no text, no file name.

Rows are only ever added. Triggers hold that inside the database too, whichever program writes to it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from index.schema import audit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Select

    from index.database import Database

# The third holds against INSERT OR REPLACE, which fires no DELETE trigger.
TRIGGERS = tuple(
    f"CREATE TRIGGER audit_no_{name} BEFORE {event} BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
    for name, event in (
        ("update", "UPDATE ON audit"),
        ("delete", "DELETE ON audit"),
        ("replace", "INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)"),
    )
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was done, or refused.

    Attributes:
        at: Unix seconds.
        key_id: Whose key; ``admin`` for the configured admin key, ``local`` where no key is needed, ``-`` for none.
        action: Such as ``document.delete``.
        object: Id of what it was done to, or None.
        outcome: The HTTP status that answered it.
        trace_id: That of the request's log lines.
    """

    at: float
    key_id: str
    action: str
    object: str | None
    outcome: int
    trace_id: str


class AuditLog:
    """The log of a data folder."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, entries: Iterable[Entry]) -> None:
        """Add entries in one transaction. On disk when this returns."""
        rows = [asdict(each) for each in entries]
        if rows:
            with self._database.write() as connection:
                connection.execute(insert(audit), rows)

    def latest(self, before: int | None = None, limit: int = 1_000) -> list[tuple[int, Entry]]:
        """Entries with their numbers, newest first, of those numbered below ``before``, or of all."""
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(audit.c.id < before)
        return self._read(query)

    def entries(self, after: int = 0, limit: int = 1_000) -> list[tuple[int, Entry]]:
        """Entries with their numbers, oldest first, beginning behind the one numbered ``after``."""
        return self._read(select(audit).where(audit.c.id > after).order_by(audit.c.id).limit(limit))

    def _read(self, query: Select[Any]) -> list[tuple[int, Entry]]:
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [(row.id, Entry(**{k: v for k, v in row._mapping.items() if k != "id"})) for row in rows]

"""What users asked to be kept of how they want their answers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, select
from sqlalchemy.dialects.sqlite import insert

from index.schema import preferences

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from index.database import Database
    from index.talks import Owner


class Preferences:
    """The preferences of a data folder."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, owner: Owner) -> dict[str, Any]:
        """Theirs; nothing where they never said."""
        with self._database.read() as connection:
            row = connection.execute(select(preferences.c.wanted).where(_preferred(owner))).one_or_none()
        return {} if row is None else dict(row.wanted)

    def put(self, owner: Owner, wanted: dict[str, Any]) -> None:
        """Keep these in the place of those before."""
        values = {"wanted": wanted, "updated_at": time.time()}
        row = insert(preferences).values(key_id=owner.key_id, principals=owner.principals, **values)
        with self._database.write() as connection:
            connection.execute(
                row.on_conflict_do_update(index_elements=["key_id", "principals"], set_=values)
            )

    def delete(self, owner: Owner) -> bool:
        """Forget them, and say whether there were any."""
        with self._database.write() as connection:
            found = connection.execute(delete(preferences).where(_preferred(owner))).rowcount
        self._database.forget_log()
        return bool(found)


def _preferred(owner: Owner) -> ColumnElement[bool]:
    return and_(preferences.c.key_id == owner.key_id, preferences.c.principals == owner.principals)

"""Looks for what is left of a deleted document: the check of a deletion receipt.

Its id is kept on purpose, and nothing else of it: among the deletions, so that no backup brings it back; in the audit
log; and for a day with the request that uploaded it, so that this is not done again.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Text, cast, func, select

from index.backup import backups
from index.database import CATALOG
from index.dense import DenseView
from index.lexical import LexicalView
from index.manifest import open_read_only
from index.schema import (
    answer_cache,
    answers,
    deletions,
    documents,
    idempotent_requests,
    idempotent_steps,
    metadata,
    responses,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from index.store import Store

_PIECE = 1024 * 1024
# Tables that keep the ids of deleted documents.
_KEEPING = (deletions, idempotent_steps)


@dataclass(frozen=True, slots=True)
class Trace:
    """Something that is left: where, how much of it, and what to do."""

    place: str
    count: int
    message: str


def traces(store: Store, document_id: str, phrase: str | None = None) -> list[Trace]:
    """What is left of a document: in the catalog, the answers, the views, the originals and the bytes on the disk.

    Backups are other folders: see ``backups_holding``.

    Args:
        store: Open, with no job running.
        document_id: Of the deleted document. It holds 64 random bits, so bytes that equal it are its own.
        phrase: Words that stood in it alone, to be looked for as bytes in every file.

    Returns:
        Nothing, if the deletion is complete.
    """
    found = [*_rows(store, document_id), *_answers(store, document_id), *_views(store, document_id)]
    unused = store.blobs.stored() - store.catalog.blobs_in_use()
    if unused:
        found.append(
            Trace("originals", len(unused), "Files that no document refers to; see `footnote doctor`.")
        )
    for words in filter(None, (document_id, phrase)):
        # The catalog's log would show what its file no longer holds.
        store.database.forget_log()
        for path in sorted(store.folder.rglob("*")):
            # The catalog keeps the id, and what else it says of it was looked for row by row.
            if words == document_id and path.name.startswith(CATALOG):
                continue
            if path.is_file() and (count := _occurrences(path, words.encode())):
                name = path.relative_to(store.folder).as_posix()
                what = "its id" if words == document_id else "the phrase"
                found.append(Trace(name, count, f"The file holds {what}; --purge writes views anew."))
    return found


def is_recorded(store: Store, document_id: str) -> bool:
    """Whether the catalog knows of a deletion of this id."""
    asked = select(func.count()).select_from(deletions).where(deletions.c.document_id == document_id)
    with store.database.read() as connection:
        return bool(connection.execute(asked).scalar_one())


def backups_holding(folder: Path, document_id: str) -> list[Trace]:
    """Which backups still hold a document, until they expire.

    Args:
        folder: Of backups, as ``footnote backup`` was given it.
        document_id: Of the deleted document.

    Raises:
        OSError: There is no such folder.
        sqlite3.Error: A backup's catalog cannot be read.
    """
    found = []
    for backup in backups(folder):
        with closing(open_read_only(backup / CATALOG, immutable=True)) as catalog:
            asked = "SELECT count(*) FROM documents WHERE id = ?"
            (count,) = catalog.execute(asked, (document_id,)).fetchone()
        if count:
            message = "This backup holds it until it expires (`footnote backup --expire DAYS`)."
            found.append(Trace(f"backup {backup.name}", count, message))
    return found


def purge(store: Store) -> None:
    """Write the lexical views anew: a deleted passage's terms stay in their files until then, unsearchable."""
    for record in store.catalog.collections():
        if LexicalView.name in store.collection(record.name).views():
            store.collection(record.name).rebuild(LexicalView.name)


def _rows(store: Store, document_id: str) -> Iterator[Trace]:
    with store.database.read() as connection:
        for table in metadata.sorted_tables:
            column = table.c.id if table is documents else table.c.get("document_id")
            if column is None or table in _KEEPING:
                continue
            count = connection.execute(
                select(func.count()).select_from(table).where(column == document_id)
            ).scalar_one()
            if count:
                yield Trace(
                    f"catalog.{table.name}", count, "The document is not deleted. Delete it, and look again."
                )


def _answers(store: Store, document_id: str) -> Iterator[Trace]:
    naming = cast(answers.c.body, Text).contains(document_id, autoescape=True)
    with store.database.read() as connection:
        count = connection.execute(select(func.count()).select_from(answers).where(naming)).scalar_one()
    if count:
        yield Trace("catalog.answers", count, "Stored answers name it.")
    naming = cast(responses.c.body, Text).contains(document_id, autoescape=True)
    with store.database.read() as connection:
        count = connection.execute(select(func.count()).select_from(responses).where(naming)).scalar_one()
    if count:
        yield Trace("catalog.responses", count, "Stored responses name it.")
    cached = (
        select(func.count())
        .select_from(answer_cache)
        .where(answer_cache.c.answer_id.not_in(select(answers.c.id)))
    )
    with store.database.read() as connection:
        count = connection.execute(cached).scalar_one()
    if count:
        yield Trace("catalog.answer_cache", count, "Answers are kept to be given again that are gone.")
    body = idempotent_requests.c.body
    # The receipt of a deletion is kept too, and says no more than the id.
    shown = select(func.count()).where(
        body.contains(document_id, autoescape=True), body.contains('"documents"')
    )
    with store.database.read() as connection:
        count = connection.execute(shown).scalar_one()
    if count:
        yield Trace("catalog.idempotent_requests", count, "Answers that are kept to be repeated name it.")


def _views(store: Store, document_id: str) -> Iterator[Trace]:
    for record in store.catalog.collections():
        collection = store.collection(record.name)
        views = collection.views()
        _, live = store.catalog.live_ids(collection.id)
        for name, view in views.items():
            if isinstance(view, LexicalView) and (count := view.count_of(document_id)):
                yield Trace(
                    f"{record.name}/{name}", count, "Passages of it can be searched; run `footnote doctor`."
                )
            if isinstance(view, DenseView) and (stray := view.ids() - live):
                yield Trace(
                    f"{record.name}/{name}", len(stray), "Vectors of no document; run `footnote doctor`."
                )


def _occurrences(path: Path, wanted: bytes) -> int:
    """How often bytes stand in a file, which is read piece by piece."""
    count, kept = 0, b""
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            part = kept + piece
            count += part.count(wanted)
            # Less than what is wanted, so that nothing is counted twice.
            kept = part[len(part) - len(wanted) + 1 :] if len(wanted) > 1 else b""
    return count

"""Proves that catalog, originals and views agree, and rebuilds what does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import select

from index.dense import DenseView
from index.schema import documents, passages, texts, versions
from index.types import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    from index.collection import Collection
    from index.store import Store


# Vectors compared at a time.
_VECTORS_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not agree. ``repaired`` says whether it does now."""

    check: str
    subject: str
    message: str
    repaired: bool


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at and what was found."""

    documents: int
    passages: int
    collections: int
    findings: tuple[Finding, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing was found, repaired or not."""
        return not self.findings


def examine(store: Store, *, repair: bool, progress: Callable[[str], None] = lambda _: None) -> Report:
    """Check a whole data folder.

    Args:
        store: Open, with no job running.
        repair: Rebuild views that disagree and finish what a crash cut off. What cannot be made again from the
            catalog, a lost original or a damaged database, is only reported.
        progress: Called with the name of each step.

    Returns:
        The report; of a damaged database nothing but that.
    """
    findings: list[Finding] = []
    progress("database")
    findings += [
        Finding("database", "catalog", each, repaired=False) for each in store.database.check_integrity()
    ]
    if findings:
        # What the other checks compare with cannot be read, or not be trusted.
        return Report(0, 0, 0, tuple(findings))
    progress("originals")
    if repair:
        store.finish_interrupted()
    findings += _originals(store)
    progress("texts")
    findings += _texts(store)
    records = store.catalog.collections()
    for record in records:
        progress(f"views of {record.name}")
        findings += _views(store, store.collection(record.name), repair=repair)
    return Report(
        documents=sum(record.documents for record in records),
        passages=sum(record.passages for record in records),
        collections=len(records),
        findings=tuple(findings),
    )


def _originals(store: Store) -> Iterator[Finding]:
    used, stored = store.catalog.blobs_in_use(), store.blobs.stored()
    for sha256 in sorted(used):
        if not store.blobs.is_intact(sha256):
            message = "The original is missing or its bytes have changed. Restore it from a backup."
            yield Finding("original", sha256, message, repaired=False)
    # Files that nothing explains are never removed: with a catalog from an older backup they are the only copy.
    message = (
        "No document refers to this file. If the catalog was not restored from a backup, it can be deleted."
    )
    for sha256 in sorted(stored - used):
        yield Finding("original", sha256, message, repaired=False)


def _texts(store: Store) -> Iterator[Finding]:
    """Every ready version has its text, and the passages of every live one tile that text."""
    ready = (
        select(versions.c.document_id, versions.c.version)
        .outerjoin(
            texts, (texts.c.document_id == versions.c.document_id) & (texts.c.version == versions.c.version)
        )
        .where(versions.c.status == Status.READY, texts.c.document_id.is_(None))
    )
    live = (
        select(documents.c.id, documents.c.live_version, texts.c.text)
        .join(texts, (texts.c.document_id == documents.c.id) & (texts.c.version == documents.c.live_version))
        .order_by(documents.c.id)
    )
    with store.database.read() as connection:
        for document_id, version in connection.execute(ready).all():
            message = f"Version {version} is ready and has no text. Upload it again."
            yield Finding("text", document_id, message, repaired=False)
        # One text in memory at a time.
        for document_id, version, whole in connection.execute(live.execution_options(yield_per=1)):
            problem = _difference(connection, document_id, version, whole)
            if problem:
                yield Finding("text", document_id, f"{problem} Upload it again.", repaired=False)


def _difference(connection: Connection, document_id: str, version: int, whole: str) -> str:
    """How the live passages of a document differ from its text, or an empty string."""
    query = (
        select(passages.c.version, passages.c.start, passages.c.end, passages.c.text)
        .where(passages.c.document_id == document_id)
        .order_by(passages.c.ordinal)
    )
    at = 0
    for found, start, end, text in connection.execute(query):
        if found != version or text != whole[start:end]:
            return "A passage differs from the document's text."
        if start != at:
            return "The passages leave a gap or overlap."
        at = end
    return "" if at == len(whole) else "The last passages are missing."


def _views(store: Store, collection: Collection, *, repair: bool) -> Iterator[Finding]:
    for name, view in collection.views().items():
        seq, live = store.catalog.live_ids(collection.id)
        found = view.ids()
        problem = ""
        if found != live:
            problem = f"{len(live - found)} passages are missing and {len(found - live)} should not be there."
        elif view.watermark != seq:
            problem = f"It stands at change {view.watermark}, the catalog at {seq}."
        elif isinstance(view, DenseView) and not _vectors_agree(store, view, live):
            problem = "Its vectors differ from the catalog's."
        if not problem:
            continue
        if repair:
            collection.rebuild(name)
            repaired = collection.views()[name].ids() == live
        else:
            repaired = False
        yield Finding("view", f"{collection.name}/{name}", problem, repaired=repaired)


def _vectors_agree(store: Store, view: DenseView, ids: set[int]) -> bool:
    ordered = sorted(ids)
    for at in range(0, len(ordered), _VECTORS_AT_ONCE):
        stored = store.catalog.vectors(ordered[at : at + _VECTORS_AT_ONCE])
        if not all(np.array_equal(view.vector(each), vector) for each, vector in stored.items()):
            return False
    # A row that the disk has lost is read from the catalog.
    return not view.damaged

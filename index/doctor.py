"""Proves that catalog, originals and views agree, and rebuilds what does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import select

from index.dense import DenseView
from index.schema import passages, texts, versions
from index.types import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from index.collection import Collection
    from index.store import Store


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
        repair: Rebuild views that disagree and remove originals that nothing refers to. What cannot be made
            again from the catalog, a lost original or a damaged database, is only reported.
        progress: Called with the name of each step.
    """
    findings: list[Finding] = []
    progress("database")
    findings += [
        Finding("database", "catalog", each, repaired=False) for each in store.database.check_integrity()
    ]
    progress("originals")
    findings += _originals(store, repair=repair)
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


def _originals(store: Store, *, repair: bool) -> Iterator[Finding]:
    used, stored = store.catalog.blobs_in_use(), store.blobs.stored()
    for sha256 in sorted(used):
        if not store.blobs.is_intact(sha256):
            message = "The original is missing or its bytes have changed. Restore it from a backup."
            yield Finding("original", sha256, message, repaired=False)
    orphans = stored - used
    # An upload that was cut off before it was acknowledged leaves its bytes behind.
    if repair:
        store.blobs.remove(orphans)
    for sha256 in sorted(orphans) if not repair else ():
        yield Finding("original", sha256, "No document refers to this file.", repaired=False)


def _texts(store: Store) -> Iterator[Finding]:
    """Every ready version has its text, and its live passages tile that text."""
    query = (
        select(
            passages.c.document_id,
            passages.c.start,
            passages.c.end,
            passages.c.text,
            texts.c.text.label("whole"),
        )
        .outerjoin(
            texts,
            (texts.c.document_id == passages.c.document_id) & (texts.c.version == passages.c.version),
        )
        .order_by(passages.c.document_id, passages.c.ordinal)
    )
    with store.database.read() as connection:
        missing = connection.execute(
            select(versions.c.document_id, versions.c.version)
            .outerjoin(
                texts,
                (texts.c.document_id == versions.c.document_id) & (texts.c.version == versions.c.version),
            )
            .where(versions.c.status == Status.READY, texts.c.document_id.is_(None))
        ).all()
        rows = connection.execution_options(yield_per=500).execute(query)
        at: dict[str, int] = {}
        wrong: dict[str, str] = {}
        for document_id, start, end, text, whole in rows:
            if whole is None or text != whole[start:end]:
                wrong.setdefault(document_id, "A passage differs from the document's text.")
            elif at.get(document_id, 0) != start:
                wrong.setdefault(document_id, "The passages leave a gap or overlap.")
            at[document_id] = end
    for document_id, version in missing:
        yield Finding(
            "text",
            document_id,
            f"Version {version} is ready and has no text. Upload it again.",
            repaired=False,
        )
    for document_id, message in wrong.items():
        yield Finding("text", document_id, f"{message} Upload it again.", repaired=False)


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
    stored = store.catalog.vectors(sorted(ids))
    return all(np.array_equal(view.vector(each), vector) for each, vector in stored.items())

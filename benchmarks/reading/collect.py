"""Stores a set and reads its questions, in a process of its own."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from api.deps import build
from api.settings import Settings
from benchmarks.reading.rows import read
from benchmarks.reading.sets import DEFAULT, SETS, elsewhere, sampled
from benchmarks.reading.sufficiency import origin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.reading.rows import Row


def collect(name: str, data: Path, per_group: int | None) -> dict[str, list[Row]]:
    """Store a set's documents in a new store and read its questions, and some of the other sets'."""
    found = SETS[name](data)
    others = [found if each == name else SETS[each](data) for each in DEFAULT]
    with tempfile.TemporaryDirectory() as folder:
        service = build(Settings(data=Path(folder), log_level="warning"))
        service.runner.start()
        ids = {}
        for filename, title, content in found.documents:
            blob = service.store.blobs.writer()
            blob.write(content)
            added = service.store.add(blob, collection=name, filename=filename, title=title)
            ids[filename] = added.document_id
        service.runner.notify()
        service.runner.drain()
        rows = read(service, name, sampled(name, found.questions, per_group), ids, held_back=found.held_back)
        rows += read(service, name, elsewhere(name, others), ids, held_back=False)
        asyncio.run(service.close())
    return _by_kind(name, rows)


def _by_kind(name: str, rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows by the set that figures are given for; questions of other sets are dealt over the kinds of one store."""
    kinds: dict[str, list[Row]] = {}
    for row in rows:
        if origin(row) != "elsewhere":
            kinds.setdefault(row.asked.kind or name, []).append(row)
    far = [row for row in rows if origin(row) == "elsewhere"]
    for at, kind in enumerate(kinds):
        kinds[kind] += far[at :: len(kinds)]
    return kinds

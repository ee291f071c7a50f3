"""The data folder as a whole: what a deletion leaves on disk, and what the next start clears away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from index.errors import EmbedderMismatch
from index.types import Query
from tests.doubles.embedder import HashingEmbedder
from tests.index.helpers import add, settled

if TYPE_CHECKING:
    from index.jobs import JobRunner
    from index.store import Store


def test_a_deleted_text_is_not_left_in_the_database_files(store: Store, runner: JobRunner) -> None:
    """Neither the database nor its write-ahead log holds a word of it, while the service runs on."""
    record = add(store, runner, "secret.txt", "The password of the vault is xylograph. " * 5)
    add(store, runner, "other.txt", "Nothing to hide here.")
    files = [store.folder / "catalog.sqlite3", store.folder / "catalog.sqlite3-wal"]
    assert any(b"xylograph" in file.read_bytes() for file in files)

    store.delete_document(record.id)

    assert not any(b"xylograph" in file.read_bytes() for file in files if file.exists())


def test_what_a_crash_cut_off_is_finished(store: Store, runner: JobRunner) -> None:
    """Originals that were announced and views of collections that are gone; everything else stays."""
    kept = add(store, runner, "kept.txt", "This one stays.")
    lost, unexplained = ("ab" + "0" * 62, "cd" + "0" * 62)
    for sha256 in (lost, unexplained):
        store.blobs.path(sha256).parent.mkdir(exist_ok=True)
        store.blobs.path(sha256).write_bytes(b"left behind")
    for sha256 in (lost, kept.sha256):
        store.catalog.unsettle_original(sha256)
    stale = store.folder / "views" / "999"
    stale.mkdir(parents=True)
    (stale / "dense.json").write_text("{}")

    store.finish_interrupted()

    assert store.blobs.stored() == {kept.sha256, unexplained}
    assert not stale.exists()
    assert store.original(kept.id).read_bytes() == b"This one stays."
    assert store.catalog.unsettled_originals() == set()


def test_name_and_metadata_change_when_the_version_does(store: Store, runner: JobRunner) -> None:
    """A new version that fails leaves the live one its name and metadata; the same bytes correct them at once."""
    first = add(store, runner, "a.txt", "The first text.", metadata={"year": 2024})
    failed = add(store, runner, "b.txt", b"\x89PNG\r\n\x1a\n", metadata={"year": 2025}, document_id=first.id)
    replaced = add(store, runner, "c.txt", "The second text.", metadata={"year": 2026}, document_id=first.id)
    unnamed = add(store, runner, None, "The third text.", document_id=first.id)
    corrected = add(store, runner, "c.txt", "The third text.", metadata={"year": 2027})

    assert failed.status == "failed"
    assert (failed.filename, failed.metadata, failed.live_version) == ("a.txt", {"year": 2024}, 1)
    assert (replaced.filename, replaced.metadata) == ("c.txt", {"year": 2026})
    assert (unnamed.filename, unnamed.metadata) == ("c.txt", {"year": 2026})
    assert (corrected.id, corrected.version, corrected.metadata) == (
        first.id,
        unnamed.version,
        {"year": 2027},
    )


def test_a_question_in_another_models_vectors_is_refused(store: Store, runner: JobRunner) -> None:
    """Vectors of two models do not compare, even when they are equally long."""
    add(store, runner, "a.txt", "A text.")
    vector = HashingEmbedder().embed_query("text")

    with pytest.raises(EmbedderMismatch, match="FOOTNOTE_EMBEDDER"):
        store.collection("default").search(Query("text", vector, "another-model"), 5, ["dense"])


def test_a_missing_original_is_a_failure_of_the_document(store: Store, runner: JobRunner) -> None:
    """It ends as failed, and uploading the file again heals it."""
    first = add(store, runner, "other.txt", "Unrelated.")
    blob = store.blobs.writer()
    blob.write(b"A note on tides.")
    sha256 = blob.seal()
    blob.discard()
    store.catalog.submit(
        collection="default", filename="note.txt", title=None, metadata={}, sha256=sha256, size=16
    )
    runner.notify()
    lost = next(r for r in store.catalog.documents("default", None, None, 10) if r.filename == "note.txt")
    failed = settled(store, lost.id)

    healed = add(store, runner, "note.txt", "A note on tides.")

    assert failed.error is not None
    assert failed.error[0] == "original_missing"
    assert (healed.status, healed.id) == ("ready", lost.id)
    assert first.status == "ready"

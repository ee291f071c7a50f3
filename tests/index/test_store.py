"""The data folder as a whole: what a deletion leaves on disk, and what the next start clears away."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


def test_what_a_crash_left_of_a_deletion_is_cleared_away(store: Store, runner: JobRunner) -> None:
    """Originals that nothing refers to and views of collections that are gone; everything else stays."""
    kept = add(store, runner, "kept.txt", "This one stays.")
    lost = store.blobs.path("ab" + "0" * 62)
    lost.parent.mkdir(exist_ok=True)
    lost.write_bytes(b"left behind")
    stale = store.folder / "views" / "999"
    stale.mkdir(parents=True)
    (stale / "dense.json").write_text("{}")

    store.remove_orphans()

    assert not lost.exists()
    assert not stale.exists()
    assert store.original(kept.id).read_bytes() == b"This one stays."


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

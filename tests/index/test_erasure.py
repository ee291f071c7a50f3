"""What a probe finds of a document: traces everywhere before its deletion, none after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert

from index.backup import back_up
from index.erasure import _occurrences, backups_holding, is_recorded, purge, traces
from index.schema import answers
from tests.index.helpers import add

if TYPE_CHECKING:
    from pathlib import Path

    from index.jobs import JobRunner
    from index.store import Store

CANARY = "quixotrope"
TEXT = f"# Fees\n\nThe {CANARY} costs five euros a day and is lent for a week.\n"


def test_a_deleted_document_leaves_nothing(store: Store, runner: JobRunner) -> None:
    """Before the deletion every place is found, so the probe can fail; afterwards none, also as bytes."""
    kept = add(store, runner, "kept.md", "# Kept\n\nThis document stays where it is.\n")
    gone = add(store, runner, "gone.md", TEXT)
    store.answers.save("ans_1", store.collection("default").id, {"document_id": gone.id}, [gone.id])
    store.flush()
    runner.stop()

    before = {trace.place for trace in traces(store, gone.id, CANARY)}
    store.delete_document(gone.id)
    purge(store)
    store.flush()

    assert before >= {
        "catalog.documents",
        "catalog.versions",
        "catalog.texts",
        "catalog.passages",
        "catalog.answers",
        "catalog.answer_documents",
        "default/lexical",
        "catalog.sqlite3",
    }
    assert any(place.startswith("originals/") for place in before)
    assert traces(store, gone.id, CANARY) == []
    assert {trace.place for trace in traces(store, kept.id)} >= {"catalog.documents", "default/lexical"}


def test_what_should_not_be_there_is_found(store: Store, runner: JobRunner) -> None:
    """An answer that still names the document, and a file that nothing refers to."""
    gone = add(store, runner, "gone.md", TEXT)
    collection = store.collection("default").id
    store.delete_document(gone.id)
    with store.database.write() as connection:
        body = {"trace": {"passages": [{"document_id": gone.id}]}}
        connection.execute(
            insert(answers).values(id="ans_2", collection_id=collection, body=body, created_at=0.0)
        )
    left = store.blobs.path("ab" * 32)
    left.parent.mkdir()
    left.write_text(TEXT)
    runner.stop()

    found = {trace.place: trace.count for trace in traces(store, gone.id, CANARY)}

    assert found["catalog.answers"] == 1
    assert found["originals"] == 1
    assert found[f"originals/ab/{'ab' * 32}"] == 1


def test_backups_that_still_hold_it_are_named(store: Store, runner: JobRunner, tmp_path: Path) -> None:
    """Those from before the deletion, until they expire; and a deletion is known from an id that never was."""
    gone = add(store, runner, "gone.md", TEXT)
    before = back_up(store.folder, tmp_path / "backups").folder
    store.delete_document(gone.id)
    back_up(store.folder, tmp_path / "backups")

    assert [each.place for each in backups_holding(tmp_path / "backups", gone.id)] == [
        f"backup {before.name}"
    ]
    assert is_recorded(store, gone.id)
    assert not is_recorded(store, "doc_never")

    back_up(store.folder, tmp_path / "backups", keep=1)
    assert backups_holding(tmp_path / "backups", gone.id) == []


def test_bytes_are_found_across_pieces(tmp_path: Path) -> None:
    """Words on the border between two reads count once."""
    path = tmp_path / "large"
    path.write_bytes(b"x" * (1024 * 1024 - 3) + CANARY.encode() + b"x" * 50 + CANARY.encode())

    assert _occurrences(path, CANARY.encode()) == 2
    assert _occurrences(path, b"nothing") == 0

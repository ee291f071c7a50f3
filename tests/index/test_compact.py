"""What was deleted leaves the index by words: its files, and the frequencies that scores are made from."""

from __future__ import annotations

import shutil
import threading
import time
from typing import TYPE_CHECKING

from index.doctor import examine
from index.store import Store
from tests.index.helpers import add, found_texts, search

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from index.jobs import JobRunner

BIRDS = ("red", "green", "blue", "grey", "white")
QUESTIONS = ("red bird", "birds sing in the morning", "wheel 7", "zebra")


def filled(store: Store, runner: JobRunner) -> None:
    """Documents that came, were replaced, and went."""
    for number, bird in enumerate(BIRDS):
        add(store, runner, f"{bird}.txt", f"The {bird} bird sings in the morning. " * (number + 1))
    for number in range(8):
        add(store, runner, "turning.txt", f"The wheel stands at {number}. The zebra looks on. " * 3)
    for name in ("blue.txt", "turning.txt"):
        found = {each.filename: each.id for each in store.catalog.documents(None, None, None, 100)}
        store.delete_document(found[name])


def everything(store: Store) -> list[object]:
    """Hits and scores of some questions, in both views."""
    return [search(store, question) for question in QUESTIONS]


def rebuilt(store: Store) -> list[object]:
    """The same after both views were thrown away."""
    for name in ("dense", "lexical"):
        store.collection("default").rebuild(name)
    return everything(store)


def words_in_files(store: Store, word: bytes) -> list[str]:
    """Files of the views that hold a word."""
    return [
        path.name
        for path in (store.folder / "views").rglob("*")
        if path.is_file() and word in path.read_bytes()
    ]


def test_after_tidying_a_rebuild_changes_nothing(store: Store, runner: JobRunner) -> None:
    """Not a hit, not a rank, not the last digit of a score; and no file holds what was deleted."""
    filled(store, runner)
    runner.stop()
    view = store.collection("default").views()["lexical"]
    store.collection("default").compact(at_once=True)
    found = everything(store)

    assert not view.holds_removed  # type: ignore[attr-defined]

    assert words_in_files(store, b"zebra") == []
    assert words_in_files(store, b"wheel") == []
    assert found == rebuilt(store)
    assert examine(store, repair=False).clean


def test_an_idle_service_tidies_by_itself(store: Store, runner: JobRunner) -> None:
    """Deleted words leave the files without anybody asking."""
    add(store, runner, "kept.txt", "The red bird sings.")
    gone = add(store, runner, "gone.txt", "The zebra looks on.")
    search(store, "zebra")
    store.delete_document(gone.id)
    runner.notify()
    waiting = threading.Event()
    for _ in range(600):
        if not words_in_files(store, b"zebra"):
            break
        waiting.wait(0.05)
        runner.notify()

    assert words_in_files(store, b"zebra") == []
    assert found_texts(store, "bird") == {"The red bird sings."}


def test_what_comes_while_it_is_made_anew_is_not_lost(
    store: Store, runner: JobRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A document added and one deleted in the middle are as they should be, before the swap and after it."""
    filled(store, runner)
    collection = store.collection("default")
    view = collection.views()["lexical"]
    anew = view.anew  # type: ignore[attr-defined]
    with collection._compacting:
        # Not by the idle worker, which this test needs.
        collection._compact_at = time.monotonic() + 1000
    # It may have been there already, and then nothing of the above is left to clear.
    store.delete_document(add(store, runner, "more.txt", "More that goes.").id)

    def slowly() -> object:
        fresh = anew()
        fresh.apply(store.catalog.changes_since(collection.id, 0))
        add(store, runner, "late.txt", "The late bird sings.")
        red = next(
            each for each in store.catalog.documents(None, None, None, 100) if each.filename == "red.txt"
        )
        store.delete_document(red.id)
        assert found_texts(store, "late bird") >= {"The late bird sings."}
        return fresh

    monkeypatch.setattr(view, "anew", slowly)
    collection.compact(at_once=True)

    texts = found_texts(store, "bird sings morning")
    assert "The late bird sings." in texts
    assert not any("red" in text for text in texts)
    assert examine(store, repair=False).clean


def test_a_kill_in_the_middle_costs_a_rebuild_at_most(
    store: Store, runner: JobRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever folder is where, the next start finds everything."""
    filled(store, runner)
    runner.stop()
    # The runner may have tidied when it had nothing else to do.
    last = next(
        each for each in store.catalog.documents(None, None, None, 100) if each.filename == "white.txt"
    )
    store.delete_document(last.id)
    view = store.collection("default").views()["lexical"]
    expected = found_texts(store, "bird sings morning")
    copies = []

    def copying(self: Path, target: Path) -> Path:
        copies.append(tmp_path / str(len(copies)))
        shutil.copytree(store.folder, copies[-1])
        return rename(self, target)

    rename = type(tmp_path).rename
    monkeypatch.setattr(type(tmp_path), "rename", copying)
    store.collection("default").compact(at_once=True)
    monkeypatch.undo()
    assert not view.holds_removed  # type: ignore[attr-defined]

    assert len(copies) == 2
    for copy in copies:
        again = Store(copy)
        assert found_texts(again, "bird sings morning") == expected
        assert not list((copy / "views").rglob("lexical.*/*"))
        report = examine(again, repair=False)
        again.close()
        assert report.clean, report.findings


def test_a_collection_that_is_deleted_while_its_index_is_made_anew(
    store: Store, runner: JobRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder goes in the middle of it: that is no failure, and nothing of it is left."""
    filled(store, runner)
    runner.stop()
    last = next(
        each for each in store.catalog.documents(None, None, None, 100) if each.filename == "white.txt"
    )
    store.delete_document(last.id)
    collection = store.collection("default")
    view = collection.views()["lexical"]

    def gone() -> object:
        store.delete_collection("default")
        # As when it is begun in the moment between the two.
        (store.folder / "views" / str(collection.id)).mkdir(parents=True)
        raise FileNotFoundError("lexical.new")

    monkeypatch.setattr(view, "anew", gone)
    collection.compact(at_once=True)

    assert not list((store.folder / "views").iterdir())

"""A collection's views keep up with its catalog, whoever changed it and whatever became of the files."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

import pytest

from index.catalog import Catalog
from index.collection import Collection
from index.config import JobConfig
from index.errors import InvalidFilter, NotFound
from index.jobs import JobRunner
from index.store import Store
from index.types import IdRange
from tests.index.helpers import WAIT_S, add, found_texts, query, search, settled, upload

if TYPE_CHECKING:
    from pathlib import Path

    from index.database import Database
    from index.types import CollectionState
    from ingest.pipeline import Pipeline


# Several passages.
LONG = "The cat of the house sleeps on the warm roof until the evening comes. " * 40


def hits(store: Store, text: str = "cat") -> dict[str, list[tuple[int, float]]]:
    """Ids and scores of each view."""
    found = search(store, text, limit=50)
    return {name: [(hit.passage_id, round(hit.score, 4)) for hit in some] for name, some in found.items()}


def test_an_empty_collection_answers(store: Store) -> None:
    """Made but never filled, it has no views, and a search of it finds nothing."""
    store.catalog.create_collection("empty")
    collection = store.collection("empty")

    assert collection.views() == {}
    assert collection.search(query("cat"), 5, ("dense", "lexical")) == {}
    assert collection.rarity(["cat"]) == {}


def test_an_unknown_collection_is_an_error(store: Store) -> None:
    """Asking for what is not there says so and makes nothing."""
    with pytest.raises(NotFound, match="no such collection"):
        store.collection("none")
    assert store.catalog.collections() == []


def test_what_is_ready_is_found_at_once(store: Store, runner: JobRunner) -> None:
    """From the moment that a document is ready every search sees it, in both views."""
    for number in range(15):
        add(store, runner, f"{number}.txt", f"The cat of house {number}.")
        found = search(store, f"cat of house {number}", limit=50)
        assert {name: len(some) for name, some in found.items()} == {
            "dense": number + 1,
            "lexical": number + 1,
        }


def test_only_the_named_views_are_asked(store: Store, runner: JobRunner) -> None:
    """Names that there are none of are left out."""
    add(store, runner, "a.txt", "cat")
    collection = store.collection("default")

    assert set(collection.search(query("cat"), 5, ("dense",))) == {"dense"}
    assert set(collection.search(query("cat"), 5, ("lexical", "unknown"))) == {"lexical"}


def test_an_invalid_filter_is_refused_before_any_search(store: Store, runner: JobRunner) -> None:
    """The error is the documented one."""
    add(store, runner, "a.txt", "cat")

    with pytest.raises(InvalidFilter):
        search(store, "cat", wanted={"$nor": []})


def test_collections_do_not_see_each_other(store: Store, runner: JobRunner) -> None:
    """The same text in two collections is two documents, each found in its own."""
    one = add(store, runner, "a.txt", "the cat", collection="one")
    two = add(store, runner, "a.txt", "the cat", collection="two")
    store.delete_document(one.id)

    assert found_texts(store, "cat", "one") == set()
    assert found_texts(store, "cat", "two") == {"the cat"}
    assert store.catalog.document(two.id).collection == "two"


def test_views_that_were_closed_catch_up(store: Store, runner: JobRunner, tmp_path: Path) -> None:
    """Views of another opening of the folder replay what they missed: added, replaced and deleted."""
    add(store, runner, "a.txt", "cat one")
    gone = add(store, runner, "b.txt", "cat two")
    record = store.catalog.collection("default")
    other = Collection(store.catalog, record.id, "default", tmp_path / "views")
    assert {len(view.ids()) for view in other.views().values()} == {2}
    other.close()

    add(store, runner, "a.txt", "cat three")
    store.delete_document(gone.id)
    add(store, runner, "c.txt", "cat four")
    again = Collection(store.catalog, record.id, "default", tmp_path / "views")

    live = store.catalog.live_ids(record.id)[1]
    assert {name: view.ids() for name, view in again.views().items()} == {"dense": live, "lexical": live}


def test_a_rebuilt_view_finds_the_same(store: Store, runner: JobRunner) -> None:
    """Thrown away and made again from the catalog: same passages, same order, same scores."""
    for number in range(8):
        add(
            store,
            runner,
            f"{number}.txt",
            f"# House {number}\n\nThe cat of house {number} sleeps. " * (number + 1),
        )
    before = hits(store)

    for name in ("dense", "lexical"):
        store.collection("default").rebuild(name)

    assert hits(store) == before
    assert all(len(some) > 8 for some in before.values())


def test_lost_view_files_are_made_again(store: Store, runner: JobRunner, pipeline: Pipeline) -> None:
    """A data folder without its views opens and finds what it found before."""
    for number in range(5):
        add(store, runner, f"{number}.txt", f"The cat of house {number} sleeps.")
    before, folder = hits(store), store.folder
    runner.stop()
    store.close()
    shutil.rmtree(folder / "views")

    again = Store(folder)
    found = hits(again)
    again.close()

    assert found == before


def test_a_restored_older_catalog_resets_the_views(
    store: Store, runner: JobRunner, pipeline: Pipeline
) -> None:
    """Views that know more than the catalog are made anew, so that nothing of the lost future is found."""
    add(store, runner, "a.txt", "the old cat")
    folder = store.folder
    runner.stop()
    store.close()
    shutil.copy(folder / "catalog.sqlite3", folder / "backup")
    store = Store(folder)
    runner = JobRunner(store, pipeline, JobConfig(workers=1))
    runner.start()
    add(store, runner, "b.txt", "the new cat")
    add(store, runner, "c.txt", "the newest cat")
    runner.stop()
    store.close()
    (folder / "backup").replace(folder / "catalog.sqlite3")

    store = Store(folder)
    found = found_texts(store, "cat")
    ids = {name: view.ids() for name, view in store.collection("default").views().items()}
    store.close()

    assert found == {"the old cat"}
    assert ids == {"dense": {1}, "lexical": {1}}


def test_places_are_the_ids_of_the_document(store: Store, runner: JobRunner, tmp_path: Path) -> None:
    """Through replacements and deletions, whichever passage is asked about; ids that are not live have none."""
    add(store, runner, "a.txt", LONG)
    collection_id = store.catalog.collection_id("default")
    collection = Collection(store.catalog, collection_id, "default", tmp_path / "views")
    everything = list(range(1, 500))
    for step in (
        lambda: None,
        lambda: add(store, runner, "b.txt", LONG + LONG),
        lambda: add(store, runner, "c.txt", "short"),
        lambda: add(store, runner, "a.txt", "Another text."),
        lambda: store.delete_document(store.catalog.documents("default", None, None, 9)[1].id),
    ):
        step()
        collection.views()
        expected = {}
        for record in store.catalog.documents("default", None, None, 9):
            ids = [each.id for each in store.catalog.passages_between(record.id, 0, 99)]
            expected |= dict.fromkeys(ids, IdRange(ids[0], ids[-1]))

        fresh = Collection(store.catalog, collection.id, "default", tmp_path / "fresh")
        fresh.views()
        assert collection.places(everything) == fresh.places(everything) == expected
        assert collection.places([]) == {}
        assert len(expected) > 1


class Hesitant(Catalog):
    """A catalog of which one thread waits with an answer in its hand, as the scheduler may make it do."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.waiting: int | None = None
        self.asked = threading.Event()
        self.go_on = threading.Event()

    def state(self, collection_id: int) -> CollectionState:
        """As the catalog, later."""
        state = super().state(collection_id)
        if threading.get_ident() == self.waiting:
            self.asked.set()
            self.go_on.wait(1.0)
        return state


def test_a_slow_reader_does_not_throw_the_views_away(store: Store, runner: JobRunner, tmp_path: Path) -> None:
    """Between a search's look at the catalog and at the views others catch up: that is not an older catalog."""
    add(store, runner, "first.txt", "the first cat")
    catalog = Hesitant(store.database)
    collection = Collection(catalog, store.catalog.collection("default").id, "default", tmp_path / "views")
    collection.views()
    # A reset would take this along.
    marker = tmp_path / "views" / "lexical" / "marker"
    marker.touch()

    def look() -> None:
        catalog.waiting = threading.get_ident()
        collection.views()

    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(look)
        assert catalog.asked.wait(WAIT_S)
        add(store, runner, "second.txt", "the second cat")
        quick = pool.submit(collection.views)
        wait([quick], 0.3)
        catalog.go_on.set()
        slow.result()
        quick.result()

    assert marker.exists()
    assert {len(view.ids()) for view in collection.views().values()} == {2}


def test_searches_while_documents_arrive(store: Store, runner: JobRunner) -> None:
    """However many search meanwhile, none fails, and what one has found all that follow find."""
    add(store, runner, "first.txt", "the first cat")
    stop = threading.Event()

    def look() -> list[int]:
        counts = []
        while not stop.is_set():
            counts.append(len(search(store, "cat", limit=50)["dense"]))
        return counts

    with ThreadPoolExecutor(2) as pool:
        lookers = [pool.submit(look) for _ in range(2)]
        uploads = [upload(store, f"{number}.txt", f"cat {number}") for number in range(12)]
        runner.notify()
        for each in uploads:
            settled(store, each.document_id)
        stop.set()
        seen = [looker.result() for looker in lookers]

    assert all(counts == sorted(counts) and counts for counts in seen)
    assert len(found_texts(store, "cat")) == 13


def test_a_removed_collection_leaves_no_files(store: Store, runner: JobRunner) -> None:
    """Views go with their collection."""
    add(store, runner, "a.txt", "cat")
    search(store, "cat")
    store.flush()
    assert list((store.folder / "views").iterdir()) != []

    store.delete_collection("default")

    assert list((store.folder / "views").iterdir()) == []


def test_a_collection_made_again_starts_empty(store: Store, runner: JobRunner) -> None:
    """Nothing of a deleted collection comes back under its name."""
    add(store, runner, "a.txt", "old cat")
    search(store, "cat")
    store.delete_collection("default")

    add(store, runner, "b.txt", "new cat")

    assert found_texts(store, "cat") == {"new cat"}

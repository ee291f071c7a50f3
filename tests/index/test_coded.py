"""Search by codes: near the exact one, as safe as the exact one, and taken up by a collection that grows."""

from __future__ import annotations

import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest

from index.config import ViewConfig
from index.dense import DenseView
from index.doctor import examine
from index.growth import Growth
from index.sharing import Shared
from index.store import Store
from index.types import Allowed, Change, IdRange, NewPassages, Query
from index.vector_file import VectorFile
from tests.index.helpers import WAIT_S, add, copy_of_the_moment, query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from index.jobs import JobRunner
    from ingest.types import FloatMatrix

DIMENSIONS = 256


def clustered(count: int, seed: int) -> FloatMatrix:
    """Unit rows around forty centres that differ in few directions, as passages around their subjects."""
    generator = np.random.default_rng(seed)
    spread = np.arange(1, DIMENSIONS + 1) ** -0.5
    centres = np.random.default_rng(0).normal(size=(40, DIMENSIONS)) * spread
    noise = 0.7 * generator.normal(size=(count, DIMENSIONS)) * spread
    rows = centres[generator.integers(40, size=count)] + noise
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def adding(seq: int, first: int, rows: FloatMatrix, removed: IdRange | None = None) -> Change:
    """A change that adds passages without texts."""
    texts = ("",) * len(rows)
    return Change(
        seq, removed, NewPassages(IdRange(first, first + len(rows) - 1), f"doc{seq}", texts, texts, rows)
    )


def coded_view(folder: Path, rows: FloatMatrix) -> DenseView:
    """A view that searches by codes, and finds what it has lost among the rows."""
    view = DenseView(
        folder, DIMENSIONS, ViewConfig(exact_up_to=0), lambda ids: {each: rows[each - 1] for each in ids}
    )
    view.take_over(view.anew(len(rows), lambda _: rows[:2000]), 0)
    view.apply([adding(1, 1, rows)])
    return view


def recall(view: DenseView, rows: FloatMatrix, among: np.ndarray, allowed: Allowed | None = None) -> float:
    """Share of the ten best that a view finds, over fifty questions."""
    found = []
    for vector in clustered(50, 9):
        best = among[np.argsort(-(rows[among] @ vector))[:10]] + 1
        hits = view.search(Query("", vector), 10, allowed)
        assert [hit.score for hit in hits] == pytest.approx(
            [float(rows[hit.passage_id - 1] @ vector) for hit in hits], abs=1e-5
        )
        found.append(len({hit.passage_id for hit in hits} & set(best.tolist())) / 10)
    return float(np.mean(found))


def test_it_finds_nearly_what_an_exact_search_finds(tmp_path: Path) -> None:
    """With exact scores; also of what was added later, without what was removed, and after opening again."""
    rows = clustered(12_000, 1)
    view = coded_view(tmp_path, rows[:9000])
    view.apply([adding(2, 9001, rows[9000:], removed=IdRange(101, 3000))])
    among = np.r_[0:100, 3000:12_000]

    assert recall(view, rows, among) >= 0.98
    view.close()
    assert recall(DenseView(tmp_path, DIMENSIONS), rows, among) >= 0.98


@pytest.mark.parametrize("last", [50, 500, 21_000])
def test_it_finds_among_allowed_documents(tmp_path: Path, last: int) -> None:
    """Few or many are allowed."""
    rows = clustered(24_000, 1)
    view = coded_view(tmp_path, rows)

    assert recall(view, rows, np.arange(last), Allowed(("doc1",), (IdRange(1, last),))) >= 0.97


def test_deleted_vectors_are_in_no_file(tmp_path: Path) -> None:
    """From the moment that the deletion is applied."""
    rows = clustered(300, 1)
    view = coded_view(tmp_path, rows)
    view.flush()
    gone, kept = rows[7].tobytes(), rows[70].tobytes()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(gone in path.read_bytes() for path in files)

    view.apply([Change(2, IdRange(5, 10), None)])

    assert not any(gone in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert any(kept in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_nothing_stays_when_all_was_deleted(tmp_path: Path) -> None:
    """No codes either, although there is nothing left to write a snapshot of."""
    view = coded_view(tmp_path, clustered(300, 1))
    view.flush()
    view.apply([Change(2, IdRange(1, 300), None)])
    view.flush()

    assert list(tmp_path.glob("dense-*")) == []
    assert not any(any(path.read_bytes()) for path in tmp_path.glob("vectors-*.f4"))
    assert DenseView(tmp_path, DIMENSIONS).watermark == 0
    assert list(tmp_path.iterdir()) == []


def test_a_row_that_was_damaged_is_read_elsewhere(tmp_path: Path) -> None:
    """Answers are right, and the view says that it wants to be made anew."""
    rows = clustered(300, 1)
    view = coded_view(tmp_path, rows)
    view.flush()
    file = next(tmp_path.glob("vectors-*.f4"))
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)
    assert not view.outgrown

    hit = view.search(Query("", rows[299]), 5)[0]

    assert (hit.passage_id, hit.score) == (300, pytest.approx(1.0))
    assert np.array_equal(view.vector(300), rows[299])
    assert view.damaged
    assert view.outgrown


def test_a_row_that_is_nowhere_is_left_out(tmp_path: Path) -> None:
    """The others are found."""
    rows = clustered(300, 1)
    coded_view(tmp_path, rows).close()
    file = next(tmp_path.glob("vectors-*.f4"))
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)
    view = DenseView(tmp_path, DIMENSIONS)

    found = [hit.passage_id for hit in view.search(Query("", rows[299]), 300)]

    assert len(found) == 299
    assert 300 not in found


def test_what_was_written_after_the_snapshot_is_written_again(tmp_path: Path) -> None:
    """A kill leaves rows behind that the snapshot does not know; the replay puts the right ones there."""
    rows = clustered(400, 1)
    view = coded_view(tmp_path, rows[:300])
    view.flush()
    view.apply([adding(2, 301, rows[300:350])])

    again = DenseView(tmp_path, DIMENSIONS)
    assert again.watermark == 1
    again.apply([adding(2, 301, rows[350:])])

    assert again.ids() == set(range(1, 351))
    assert np.array_equal(again.vector(320), rows[369])
    assert again.search(Query("", rows[369]), 1)[0].passage_id == 320


def test_a_change_that_was_cut_off_is_applied_again(tmp_path: Path) -> None:
    """Rows of it were written before, and are not there twice."""
    file = VectorFile(tmp_path / "vectors-1.f4", DIMENSIONS)
    rows = clustered(30, 1)
    file.append(IdRange(1, 10), rows[:10])
    file.append(IdRange(11, 20), rows[10:20])

    file.append(IdRange(11, 20), rows[20:])

    assert file.ids().tolist() == list(range(1, 21))
    found, good = file.read(np.array([11, 2, 99]))
    assert np.array_equal(found[:2], rows[[20, 1]])
    assert good.tolist() == [True, True, False]
    with pytest.raises(ValueError, match="comes after"):
        file.append(IdRange(5, 5), rows[:1])


def test_a_file_that_was_cut_off_is_noticed(tmp_path: Path) -> None:
    """Before anything is searched."""
    rows = clustered(300, 1)
    coded_view(tmp_path, rows).close()
    file = next(tmp_path.glob("vectors-*.f4"))
    file.write_bytes(file.read_bytes()[:-1])

    view = DenseView(tmp_path, DIMENSIONS)

    assert view.watermark == 0
    assert list(tmp_path.glob("vectors-*")) == []


def test_searching_goes_on_while_vectors_come_and_go(tmp_path: Path) -> None:
    """What nobody touches is found throughout."""
    rows = clustered(3000, 1)
    view = coded_view(tmp_path, rows[:1000])
    finished = threading.Event()

    def change() -> None:
        for seq in range(2, 42):
            first = 1001 + (seq - 2) * 50
            removed = IdRange(first - 50, first - 1) if seq > 2 else None
            view.apply([adding(seq, first, rows[first - 1 : first + 49], removed)])
        finished.set()

    thread = threading.Thread(target=change)
    thread.start()
    while not finished.is_set():
        assert view.search(Query("", rows[500]), 1)[0].passage_id == 501
    thread.join()
    assert view.ids() == {*range(1, 1001), *range(2951, 3001)}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """In place of the shared one: collections search by codes from twenty passages on."""
    opened = Store(tmp_path / "data", ViewConfig(exact_up_to=20))
    yield opened
    opened.close()


def dense(store: Store) -> DenseView:
    """The collection's view."""
    view = store.collection("default").views()["dense"]
    assert isinstance(view, DenseView)
    return view


def grown(store: Store) -> DenseView:
    """The view, once it searches by codes."""
    wait_for(lambda: bool(list((store.folder / "views").rglob("dense-*.rows"))))
    return dense(store)


def wait_for(holds: Callable[[], bool]) -> None:
    """Return when something holds, soon."""
    end = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < end, "It still does not hold."
        time.sleep(0.01)


def fill(store: Store, runner: JobRunner, count: int) -> None:
    """Documents of one passage each."""
    for number in range(count):
        add(store, runner, f"{number}.txt", f"The cat of house {number}.")


def nearest(store: Store, text: str) -> str:
    """The passage that the search by meaning puts first."""
    hit = store.collection("default").search(query(text), 1, ("dense",))["dense"][0]
    return store.catalog.passages([hit.passage_id])[hit.passage_id].text


def test_a_collection_that_grows_is_searched_by_codes(store: Store, runner: JobRunner) -> None:
    """From some number of passages on, and what comes and goes after that is found and gone."""
    fill(store, runner, 25)
    view = grown(store)
    assert not view.outgrown
    gone = add(store, runner, "7.txt", "A dog in house seven.")
    store.delete_document(gone.id)
    add(store, runner, "new.txt", "A parrot at the harbour.")

    assert nearest(store, "The cat of house 3.") == "The cat of house 3."
    assert nearest(store, "A parrot at the harbour.") == "A parrot at the harbour."
    assert view.ids() == store.catalog.live_ids(store.collection("default").id)[1]
    assert examine(store, repair=False).clean


def test_a_grown_collection_opens_as_it_was(store: Store, runner: JobRunner, tmp_path: Path) -> None:
    """After an end and after a kill, also where its files are lost: then it is made by codes at once."""
    fill(store, runner, 25)
    grown(store)
    add(store, runner, "new.txt", "A parrot at the harbour.")
    copy_of_the_moment(store.folder, tmp_path / "killed")
    copy_of_the_moment(store.folder, tmp_path / "lost")
    shutil.rmtree(tmp_path / "lost" / "views")

    for folder in ("killed", "lost"):
        again = Store(tmp_path / folder, ViewConfig(exact_up_to=20))
        assert nearest(again, "A parrot at the harbour.") == "A parrot at the harbour."
        assert examine(again, repair=False).clean
        again.close()
        assert list((tmp_path / folder / "views").rglob("dense-*.rows"))


def test_it_is_made_anew_when_it_has_grown_much_more(store: Store, runner: JobRunner) -> None:
    """More passages want more lists."""
    fill(store, runner, 25)
    grown(store)
    former = next((store.folder / "views").rglob("vectors-*.f4"))
    fill_more = "\n\n".join(f"# House {n}\n\nThe cat of house {n} sleeps on mat {n}." for n in range(200))
    add(store, runner, "many.md", fill_more)
    wait_for(lambda: not former.exists() and not dense(store).outgrown)

    assert dense(store).ids() == store.catalog.live_ids(store.collection("default").id)[1]
    assert nearest(store, "The cat of house 3.") == "The cat of house 3."


def test_damage_that_a_search_meets_is_mended_from_the_catalog(store: Store, runner: JobRunner) -> None:
    """The askers notice nothing, and soon nothing is left to mend."""
    fill(store, runner, 25)
    grown(store)
    file = next((store.folder / "views").rglob("vectors-*.f4"))
    asked = [f"The cat of house {number}." for number in range(25)]
    before = [nearest(store, each) for each in asked]
    file.write_bytes(bytes(len(file.read_bytes())))

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda each: nearest(store, each), asked))

    assert found == before
    # The former file goes right after the new form is in its place.
    wait_for(lambda: not dense(store).damaged and not file.exists())
    assert nearest(store, "The cat of house 3.") == "The cat of house 3."
    assert examine(store, repair=False).clean


def test_doctor_finds_what_the_disk_has_lost(store: Store, runner: JobRunner) -> None:
    """Also where no search has met it."""
    fill(store, runner, 25)
    grown(store)
    file = next((store.folder / "views").rglob("vectors-*.f4"))
    file.write_bytes(bytes(len(file.read_bytes())))

    assert not examine(store, repair=False).clean
    assert all(each.repaired for each in examine(store, repair=True).findings)
    assert examine(store, repair=False).clean


def test_a_collection_that_shrinks_is_compared_whole_again(store: Store, runner: JobRunner) -> None:
    """Far below the number from which it is searched by codes."""
    fill(store, runner, 25)
    grown(store)
    for each in store.catalog.documents(None, None, None, 100)[:20]:
        store.delete_document(each.id)
    add(store, runner, "new.txt", "A parrot at the harbour.")

    wait_for(lambda: not list((store.folder / "views").rglob("vectors-*.f4")))
    assert nearest(store, "A parrot at the harbour.") == "A parrot at the harbour."
    assert examine(store, repair=False).clean


def test_what_is_deleted_while_a_view_is_made_anew_is_not_in_it(tmp_path: Path) -> None:
    """Neither codes nor vectors, from the moment that the deletion is known."""
    rows = clustered(300, 1)
    with closing(Store(tmp_path / "data", ViewConfig(exact_up_to=0))) as store:
        view = DenseView(tmp_path / "view", DIMENSIONS, ViewConfig(exact_up_to=0))
        growth = Growth(store.catalog, 1, threading.Lock())
        made = view.anew(300, lambda _: rows)
        made.apply(adding(1, 1, rows), Shared())
        growth._made = made

        growth.forget(IdRange(5, 10))

    content = next((tmp_path / "view").glob("vectors-*.f4")).read_bytes()
    assert rows[7].tobytes() not in content
    assert rows[70].tobytes() in content
    assert len(made) == 294


def test_a_collection_can_be_deleted_while_it_grows(store: Store, runner: JobRunner) -> None:
    """Nothing of it stays behind."""
    fill(store, runner, 25)
    store.delete_collection("default")

    assert list((store.folder / "views").rglob("*")) == []

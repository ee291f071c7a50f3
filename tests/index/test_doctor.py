"""The doctor finds each kind of damage, says what it is, and makes again what can be made again."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sqlalchemy import delete, insert, select, update

from index.config import JobConfig
from index.doctor import Report, examine
from index.jobs import JobRunner
from index.schema import changes, collections, passages, texts, versions
from index.store import Store
from index.types import Change, IdRange
from tests.index.helpers import add, search, upload

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ingest.pipeline import Pipeline

QUESTIONS = ("cat", "house number three", "sleeps", "dog")


@dataclass(frozen=True, slots=True)
class Folder:
    """A closed data folder, what searches of it find, and what the doctor says of it."""

    path: Path
    found: list[dict[str, list[tuple[int, int, float]]]]
    report: Report


def results(store: Store) -> list[dict[str, list[tuple[int, int, float]]]]:
    """Ids, ranks and scores of a few searches in both views."""
    return [
        {
            name: [(hit.passage_id, hit.rank, round(hit.score, 4)) for hit in hits]
            for name, hits in search(store, question, limit=20).items()
        }
        for question in QUESTIONS
    ]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, pipeline: Pipeline) -> Folder:
    """A folder with several documents, one replaced and one deleted."""
    path = tmp_path_factory.mktemp("template") / "data"
    store = Store(path)
    runner = JobRunner(store, pipeline, JobConfig(workers=1))
    runner.start()
    for number in range(6):
        text = f"# House number {number}\n\n" + f"The cat of house {number} sleeps until noon. " * (
            number * 3 + 1
        )
        add(store, runner, f"{number}.md", text)
    add(store, runner, "2.md", "A dog lives in house two now.")
    store.delete_document(add(store, runner, "gone.md", "An unwelcome cat.").id)
    add(store, runner, "other.md", "Another shelf.", collection="other")
    runner.stop()
    report = examine(store, repair=False)
    # Rebuilt, so that later rebuilds can be compared to the last digit: deleted passages have left the statistics.
    store.collection("default").rebuild("lexical")
    found = results(store)
    store.close()
    return Folder(path, found, report)


@pytest.fixture
def folder(template: Folder, tmp_path: Path) -> Path:
    """A copy of it to damage."""
    shutil.copytree(template.path, tmp_path / "data")
    return tmp_path / "data"


def test_a_healthy_folder_is_clean(template: Folder) -> None:
    """Nothing is found, and everything was counted."""
    assert template.report.clean
    assert (template.report.documents, template.report.collections) == (7, 2)
    assert template.report.passages > 10


def test_an_empty_folder_is_clean(store: Store) -> None:
    """Before the first upload, and with a document that is only queued."""
    steps: list[str] = []
    assert examine(store, repair=True, progress=steps.append).clean
    assert steps == ["database", "originals", "texts"]

    upload(store, "a.txt", "text")

    assert examine(store, repair=True).clean
    assert store.blobs.stored() == store.catalog.blobs_in_use()


def lose_views(store: Store) -> None:
    """Delete every file of the views while the store is closed."""
    shutil.rmtree(store.folder / "views")


def lose_snapshot(store: Store) -> None:
    """Delete the dense view's file but not its manifest."""
    next(store.folder.glob("views/1/*.faiss")).unlink()


def garble_segment(store: Store) -> None:
    """Write garbage over the words of the lexical view."""
    for path in store.folder.glob("views/1/lexical/*.term"):
        path.write_bytes(b"\xff" * path.stat().st_size)


@pytest.mark.parametrize("damage", [lose_views, lose_snapshot, garble_segment])
def test_damaged_view_files_repair_themselves(
    folder: Path, template: Folder, damage: Callable[[Store], None]
) -> None:
    """Views whose files are lost or damaged are made again when they are opened, to the same results."""
    store = Store(folder)
    damage(store)

    report = examine(store, repair=False)
    found = results(store)
    store.close()

    assert report.clean
    assert found == template.found


def forget_rows(store: Store, name: str) -> None:
    """Make a view forget passages that it should have."""
    views = store.collection("default").views()
    first = min(views[name].ids())
    view = views[name]
    view.apply([Change(view.watermark + 1, IdRange(first, first + 1), None)])


@pytest.mark.parametrize("name", ["dense", "lexical"])
def test_a_view_that_lost_passages_is_rebuilt(folder: Path, template: Folder, name: str) -> None:
    """Found, said how many, rebuilt to the original results, and clean from then on."""
    store = Store(folder)
    record = store.catalog.collection("default")
    forget_rows(store, name)
    # The number agrees again, so that only the contents tell.
    with store.database.write() as connection:
        connection.execute(
            update(collections).where(collections.c.id == record.id).values(seq=record.seq + 1)
        )
        connection.execute(insert(changes).values(collection_id=record.id, seq=record.seq + 1))

    told = examine(store, repair=False)
    assert [(each.check, each.subject, each.repaired) for each in told.findings] == [
        ("view", f"default/{name}", False)
    ]
    assert "2 passages are missing and 0 should not be there" in told.findings[0].message
    repaired = examine(store, repair=True)
    assert [each.repaired for each in repaired.findings] == [True]
    assert examine(store, repair=False).clean
    found = results(store)
    store.close()

    assert found == template.found


def test_a_view_with_passages_of_the_past_is_rebuilt(folder: Path, template: Folder) -> None:
    """Passages that the catalog no longer has are found in a view, and gone after the repair."""
    store = Store(folder)
    record = store.catalog.collection("default")
    live = store.catalog.live_ids(record.id)[1]
    added = next(each.added for each in store.catalog.changes_since(record.id, 0) if each.added)
    ghost = type(added)(IdRange(900, 900), "doc_ghost", ("",), ("A ghost.",), added.vectors[:1])
    for view in store.collection("default").views().values():
        view.apply([Change(record.seq + 1, None, ghost)])
    with store.database.write() as connection:
        connection.execute(
            update(collections).where(collections.c.id == record.id).values(seq=record.seq + 1)
        )
        connection.execute(insert(changes).values(collection_id=record.id, seq=record.seq + 1))

    report = examine(store, repair=True)
    ids = [view.ids() for view in store.collection("default").views().values()]
    found = results(store)
    store.close()

    assert [
        each.message == "0 passages are missing and 1 should not be there." for each in report.findings
    ] == [
        True,
        True,
    ]
    assert ids == [live, live]
    assert found == template.found


def alter(store: Store, values: dict[str, object]) -> int:
    """Change a passage behind the service's back; returns its id."""
    with store.database.write() as connection:
        first = connection.execute(select(passages.c.id).order_by(passages.c.id).limit(1)).scalar_one()
        connection.execute(update(passages).where(passages.c.id == first).values(values))
    return int(first)


def one_finding(folder: Path, damage: Callable[[Store], object]) -> tuple[str, str, bool]:
    """What the doctor says of a damage that it cannot undo: check, message and whether it is repaired."""
    store = Store(folder)
    damage(store)
    (finding,) = examine(store, repair=True).findings
    assert examine(store, repair=True).findings == (finding,)
    store.close()
    return finding.check, finding.message, finding.repaired


def test_an_altered_passage_is_found(folder: Path) -> None:
    """A passage that differs from its document's text cannot be trusted, and is not quietly mended."""
    assert one_finding(folder, lambda store: alter(store, {"text": "Forged."})) == (
        "text",
        "A passage differs from the document's text. Upload it again.",
        False,
    )


def test_a_moved_passage_is_found(folder: Path) -> None:
    """The same for its offsets."""
    assert one_finding(folder, lambda store: alter(store, {"start": 1}))[1].startswith("A passage differs")


def lose_passage(store: Store, order: str) -> None:
    """Delete the first, a middle or the last passage of the longest document, or all of them."""
    with store.database.write() as connection:
        longest = connection.execute(
            select(versions.c.document_id).order_by(versions.c.passages.desc()).limit(1)
        ).scalar_one()
        ids = (
            connection.execute(
                select(passages.c.id).where(passages.c.document_id == longest).order_by(passages.c.ordinal)
            )
            .scalars()
            .all()
        )
        gone = {"first": ids[:1], "middle": ids[2:3], "last": ids[-1:], "all": ids}[order]
        connection.execute(delete(passages).where(passages.c.id.in_(gone)))


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ("first", "gap or overlap"),
        ("middle", "gap or overlap"),
        ("last", "last passages are missing"),
        ("all", "last passages are missing"),
    ],
)
def test_lost_passages_are_found(folder: Path, order: str, message: str) -> None:
    """Wherever in a document they are missing, although the views can be made to agree with the rest."""
    store = Store(folder)
    lose_passage(store, order)

    report = examine(store, repair=False)
    store.close()

    about = {finding.check: finding.message for finding in report.findings}
    assert message in about["text"]
    assert "should not be there" in about["view"]


def test_a_lost_text_is_found(folder: Path) -> None:
    """A ready version without its text is named."""

    def damage(store: Store) -> None:
        with store.database.write() as connection:
            lost = connection.execute(select(texts.c.document_id).limit(1)).scalar_one()
            connection.execute(delete(texts).where(texts.c.document_id == lost))

    check, message, repaired = one_finding(folder, damage)

    assert (check, repaired) == ("text", False)
    assert message == "Version 1 is ready and has no text. Upload it again."


def test_an_altered_vector_is_found(folder: Path) -> None:
    """A vector in the catalog that is not the one that searches use is noticed, and the view follows the catalog."""
    store = Store(folder)
    other = np.zeros(64, dtype="<f4")
    other[5] = 1.0
    passage_id = alter(store, {"vector": other.tobytes()})

    report = examine(store, repair=True)
    view = store.collection("default").views()["dense"]
    ids = view.ids()
    again = examine(store, repair=False)
    store.close()

    assert [(each.subject, each.message, each.repaired) for each in report.findings] == [
        ("default/dense", "Its vectors differ from the catalog's.", True)
    ]
    assert passage_id in ids
    assert again.clean


@pytest.mark.parametrize("damage", ["lost", "changed"])
def test_a_lost_or_changed_original_is_found(folder: Path, damage: str) -> None:
    """It is named by its hash, and never called repaired."""
    store = Store(folder)
    document = store.catalog.documents("default", None, None, 1)[0]
    path = store.original(document.id)
    path.unlink() if damage == "lost" else path.write_bytes(b"other bytes")

    report = examine(store, repair=True)
    store.close()

    assert [(each.check, each.subject, each.repaired) for each in report.findings] == [
        ("original", document.sha256, False)
    ]
    assert "backup" in report.findings[0].message


def test_an_unexplained_original_is_reported_and_kept(folder: Path) -> None:
    """With a catalog from an older backup it is the only copy, so not even ``repair`` removes it."""
    store = Store(folder)
    writer = store.blobs.writer()
    writer.write(b"from another time")
    sha256 = writer.seal()
    writer.keep(store.blobs.path(sha256))

    told = examine(store, repair=True).findings

    assert [(each.check, each.subject, each.repaired) for each in told] == [("original", sha256, False)]
    assert store.blobs.is_intact(sha256)
    store.close()


def test_an_upload_that_a_crash_cut_off_is_no_finding(folder: Path) -> None:
    """Its bytes were announced before they came, so they are known to be nobody's, and go."""
    store = Store(folder)
    writer = store.blobs.writer()
    writer.write(b"left behind")
    sha256 = writer.seal()
    store.catalog.unsettle_original(sha256)
    writer.keep(store.blobs.path(sha256))

    report = examine(store, repair=True)

    assert report.clean
    assert not store.blobs.path(sha256).exists()
    assert store.catalog.unsettled_originals() == set()
    store.close()


def test_a_damaged_database_is_reported_and_nothing_else(folder: Path) -> None:
    """The doctor does not fail on what it came to find."""
    path = folder / "catalog.sqlite3"
    content = bytearray(path.read_bytes())
    at = content.index(b"The cat of house 5") & ~0xFFF
    content[at : at + 4096] = b"\xff" * 4096
    path.write_bytes(content)

    store = Store(folder)
    report = examine(store, repair=True)
    store.close()

    assert report.findings
    assert {(each.check, each.repaired) for each in report.findings} == {("database", False)}


def test_the_doctor_changes_nothing_unless_told(folder: Path) -> None:
    """Without ``repair`` the catalog and the originals are as before, findings or not."""
    store = Store(folder)
    alter(store, {"text": "Forged."})
    store.original(store.catalog.documents("other", None, None, 1)[0].id).unlink()
    before = (
        store.blobs.stored(),
        store.catalog.collections(),
        store.catalog.documents(None, None, None, 50),
    )

    first = examine(store, repair=False)
    second = examine(store, repair=False)

    assert first == second
    assert len(first.findings) == 2
    after = (store.blobs.stored(), store.catalog.collections(), store.catalog.documents(None, None, None, 50))
    store.close()
    assert after == before

"""Backups: complete or absent, made while the service writes, and put back whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from index import backup as making
from index.backup import back_up, backups
from index.doctor import examine
from index.errors import BackupFailed, FolderInUse, FolderUnusable, NotFound, RestoreRefused
from index.keys import KeyGrant
from index.restore import restore
from index.store import Store
from tests.index.helpers import add, copy_of_the_moment, found_texts, search, settled, upload

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from index.jobs import JobRunner


def filled(store: Store, runner: JobRunner) -> dict[str, str]:
    """Put a few documents into the store; returns their texts by id."""
    texts = {f"{name}.txt": f"The {name} bird sings in the morning." for name in ("red", "green", "blue")}
    return {add(store, runner, name, text).id: text for name, text in texts.items()}


def contents(store: Store) -> dict[str, str]:
    """Texts of all documents by id."""
    return {
        each.id: store.catalog.text(each.id).text for each in store.catalog.documents(None, None, None, 1000)
    }


def rankings(store: Store, *questions: str) -> list[dict[str, list[Any]]]:
    """What searches find, to the last digit of each score."""
    return [search(store, question) for question in questions]


def files(folder: Path) -> set[str]:
    """Names of everything in a folder."""
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def rewrite_manifest(backup: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a manifest."""
    path = backup / "manifest.json"
    manifest = json.loads(path.read_bytes())
    change(manifest)
    path.write_text(json.dumps(manifest))


def rename_in_catalog(backup: Path, *statements: str) -> None:
    """Change a backup's catalog, and the manifest so that its hash is right."""
    connection = sqlite3.connect(backup / "catalog.sqlite3")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    content = (backup / "catalog.sqlite3").read_bytes()

    def change(manifest: dict[str, Any]) -> None:
        entry = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        manifest["files"]["catalog.sqlite3"] = entry

    rewrite_manifest(backup, change)


def test_a_backup_of_an_open_folder_is_restored_whole(
    store: Store, runner: JobRunner, tmp_path: Path
) -> None:
    """Documents, originals, answers and the order of what is found; the views are made anew."""
    texts = filled(store, runner)
    (store.folder / "calibration.json").write_text("{}")
    found = rankings(store, "red bird", "morning")

    made = back_up(store.folder, tmp_path / "backups")
    done = restore(made.folder, tmp_path / "new")

    assert done.manifest.documents == 3
    assert (tmp_path / "new" / "calibration.json").read_text() == "{}"
    again = Store(tmp_path / "new")
    assert contents(again) == texts
    assert all(again.original(each).read_text() == text for each, text in texts.items())
    assert rankings(again, "red bird", "morning") == found
    report = examine(again, repair=False)
    again.close()
    assert report.clean, report.findings


def test_the_service_goes_on_and_its_log_is_left_alone(
    store: Store, runner: JobRunner, tmp_path: Path
) -> None:
    """The backup takes no lock, writes nothing into the folder, and what comes after it is not in it."""
    filled(store, runner)
    before = files(store.folder)

    made = back_up(store.folder, tmp_path / "backups")

    assert files(store.folder) == before
    later = add(store, runner, "later.txt", "came later")
    assert later.id not in json.dumps(json.loads((made.folder / "manifest.json").read_text()))
    assert examine(store, repair=False).clean
    with sqlite3.connect(made.folder / "catalog.sqlite3") as connection:
        assert connection.execute("SELECT count(*) FROM documents").fetchone() == (3,)
    connection.close()


def test_a_backup_of_a_folder_that_nobody_holds(store: Store, runner: JobRunner, tmp_path: Path) -> None:
    """Cleanly closed, or as a kill leaves it, with or without its log files."""
    texts = filled(store, runner)
    with store.database.write():
        copy_of_the_moment(store.folder, tmp_path / "killed")
    runner.stop()
    store.close()
    for folder in (store.folder, tmp_path / "killed"):
        back_up(folder, tmp_path / f"{folder.name} backups")
        restore(tmp_path / f"{folder.name} backups", tmp_path / f"{folder.name} new")
        again = Store(tmp_path / f"{folder.name} new")
        assert contents(again) == texts
        again.close()
        for made in ("backups", "new"):
            assert (tmp_path / f"{folder.name} {made}").stat().st_mode & 0o777 == 0o700


def test_under_load_every_backup_is_consistent(store: Store, runner: JobRunner, tmp_path: Path) -> None:
    """Documents come and go meanwhile: each backup has all that were there throughout, and no half of any."""
    stays = filled(store, runner)
    stopping = threading.Event()

    def work() -> None:
        number = 0
        while not stopping.is_set():
            number += 1
            document_id = upload(store, f"{number % 5}.txt", f"text {number}").document_id
            runner.notify()
            if number % 3 == 0:
                store.delete_document(document_id)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        made = [back_up(store.folder, tmp_path / "backups") for _ in range(4)]
    finally:
        stopping.set()
        worker.join()
    for number, each in enumerate(made):
        restore(each.folder, tmp_path / str(number), bring_back=True)
        again = Store(tmp_path / str(number))
        assert {each.id for each in again.catalog.documents(None, None, None, 1000)} >= set(stays)
        report = examine(again, repair=False)
        again.close()
        assert report.clean, report.findings


def test_an_original_that_goes_while_it_is_taken(
    store: Store, runner: JobRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A document that came after the first look and went before the second is met by another round."""
    texts = filled(store, runner)
    steps: list[str] = []
    brief: list[str] = []

    def progress(step: str) -> None:
        steps.append(step)
        if steps == ["originals", "catalog"]:
            brief.append(upload(store, "brief.txt", "came and went").document_id)

    take = making._take

    def taking(data: Path, staging: Path, hashes: set[str], taken: dict[str, Any], *, copy: bool) -> None:
        if steps[-1] == "catalog" and brief:
            store.delete_document(brief.pop())
        take(data, staging, hashes, taken, copy=copy)

    monkeypatch.setattr(making, "_take", taking)

    made = back_up(store.folder, tmp_path / "backups", progress=progress)

    assert steps.count("catalog") == 2
    restore(made.folder, tmp_path / "new")
    again = Store(tmp_path / "new")
    assert contents(again) == texts
    again.close()


def test_a_backup_that_fails_leaves_nothing(
    store: Store, runner: JobRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk in the middle: the former backup is untouched, and there is no half of a new one."""
    filled(store, runner)
    target = tmp_path / "backups"
    former = back_up(store.folder, target)

    def full(_folder: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(making, "_sync_all", full)
    with pytest.raises(BackupFailed, match="No space left"):
        back_up(store.folder, target)

    assert backups(target) == [former.folder]
    assert files(target) == {former.folder.name, "deletions.json", "lock"}


def test_a_killed_backup_is_no_backup(store: Store, runner: JobRunner, tmp_path: Path) -> None:
    """What a kill left is not restored, and the next backup clears it away."""
    filled(store, runner)
    target = tmp_path / "backups"
    made = back_up(store.folder, target)
    made.folder.rename(target / f".incoming-{made.folder.name}")

    with pytest.raises(RestoreRefused, match="is no backup"):
        restore(target, tmp_path / "new")
    second = back_up(store.folder, target)

    assert files(target) == {second.folder.name, "deletions.json", "lock"}


@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_a_damaged_original_is_not_backed_up_as_if_it_were_whole(
    store: Store, runner: JobRunner, tmp_path: Path, damage: str
) -> None:
    """Better no backup and a message than one that cannot be restored."""
    document_id = next(iter(filled(store, runner)))
    path = store.original(document_id)
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(b"something else")

    with pytest.raises(BackupFailed, match="footnote doctor"):
        back_up(store.folder, tmp_path / "backups")
    assert backups(tmp_path / "backups") == []


def test_backups_expire(store: Store, runner: JobRunner, tmp_path: Path) -> None:
    """By number or by age, never the newest: so that what was deleted leaves the backups too."""
    filled(store, runner)
    target = tmp_path / "backups"
    for _ in range(3):
        back_up(store.folder, target)
    newest = back_up(store.folder, target, keep=2)
    assert len(newest.expired) == 2
    assert len(backups(target)) == 2

    old = backups(target)[0]
    old.rename(target / "20200101T000000.000000Z")
    last = back_up(store.folder, target, expire_days=365)
    assert [path.name for path in last.expired] == ["20200101T000000.000000Z"]
    assert backups(target) == [newest.folder, last.folder]

    back_up(store.folder, target, expire_days=0)
    assert len(backups(target)) == 1
    assert not [name for name in files(target) if name.startswith(".expired")]


def test_one_backup_at_a_time(store: Store, tmp_path: Path) -> None:
    """A second into the same folder is told to wait."""
    with making._alone(_made(tmp_path / "backups")), pytest.raises(BackupFailed, match="Another backup"):
        back_up(store.folder, tmp_path / "backups")


def test_a_backup_into_the_data_folder_is_refused(store: Store, tmp_path: Path) -> None:
    """And one of a folder that is none."""
    with pytest.raises(BackupFailed, match="inside the data folder"):
        back_up(store.folder, store.folder / "backups")
    with pytest.raises(BackupFailed, match="not a data folder"):
        back_up(tmp_path / "nothing", tmp_path / "backups")


def forget_source(backup: Path) -> None:
    """Leave a backup as on another machine: the data folder that it is of is nowhere."""
    manifest = json.loads((backup / "manifest.json").read_text())
    (backup / "manifest.json").write_text(json.dumps({**manifest, "source": "/nowhere"}))


def test_the_folder_that_was_backed_up_tells_what_was_deleted_since(
    store: Store, runner: JobRunner, tmp_path: Path
) -> None:
    """Nobody has to name it: the only backup there is gives nothing back that was deleted or revoked after it."""
    gone = next(iter(filled(store, runner)))
    key, secret = store.keys.create(KeyGrant("a key", ("admin",)))
    made = back_up(store.folder, tmp_path / "backups")
    store.delete_document(gone)
    store.keys.revoke(key.id)

    done = restore(made.folder, tmp_path / "new")
    back = restore(made.folder, tmp_path / "back", bring_back=True)

    assert done.former == store.folder.resolve()
    assert (done.deleted_again, back.deleted_again) == ((gone,), ())
    again = Store(tmp_path / "new")
    assert gone not in contents(again)
    assert again.keys.authenticate(secret) is None
    again.close()


def test_a_former_folder_that_cannot_be_read_does_not_stop_the_restore(
    store: Store, runner: JobRunner, tmp_path: Path
) -> None:
    """It may be damaged, which is why it is restored; that nothing is known from it is told."""
    filled(store, runner)
    made = back_up(store.folder, tmp_path / "backups")
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "catalog.sqlite3").write_bytes(b"no database, " * 1000)
    manifest = json.loads((made.folder / "manifest.json").read_text())
    (made.folder / "manifest.json").write_text(json.dumps({**manifest, "source": str(damaged)}))

    assert restore(made.folder, tmp_path / "new").former is None


def test_deleted_after_the_backup_stays_deleted(store: Store, runner: JobRunner, tmp_path: Path) -> None:
    """With the list of a later backup or of the former folder at hand, the older backup gives nothing back."""
    texts = filled(store, runner)
    gone, gone_later, kept = texts
    target = tmp_path / "backups"
    older = back_up(store.folder, target)
    store.delete_document(gone)
    back_up(store.folder, target)
    store.delete_document(gone_later)
    forget_source(older.folder)

    first = restore(older.folder, tmp_path / "first")
    second = restore(older.folder, tmp_path / "second", deletions=[store.folder])
    third = restore(older.folder, tmp_path / "third", bring_back=True)

    assert (first.deleted_again, third.deleted_again) == ((gone,), ())
    assert set(second.deleted_again) == {gone, gone_later}
    for folder, left in (("first", {gone_later, kept}), ("second", {kept}), ("third", set(texts))):
        again = Store(tmp_path / folder)
        assert set(contents(again)) == left
        assert {each for each in texts if texts[each] in found_texts(again, "bird sings")} == left
        assert again.blobs.stored() == {again.catalog.sha256(each) for each in left}
        report = examine(again, repair=False)
        again.close()
        assert report.clean, report.findings


def test_a_key_revoked_after_the_backup_stays_revoked(store: Store, tmp_path: Path) -> None:
    """By the list of a later backup or the former folder, and also when documents are brought back on purpose."""
    grant = KeyGrant("a key", ("admin",))
    (first, one), (second, two), (kept, three) = (store.keys.create(grant) for _ in range(3))
    older = back_up(store.folder, tmp_path / "backups")
    store.keys.revoke(first.id)
    back_up(store.folder, tmp_path / "backups")
    store.keys.revoke(second.id)
    forget_source(older.folder)

    restore(older.folder, tmp_path / "first")
    restore(older.folder, tmp_path / "second", deletions=[store.folder])
    restore(older.folder, tmp_path / "third", deletions=[store.folder], bring_back=True)

    for folder, live in (("first", {two, three}), ("second", {three}), ("third", {three})):
        again = Store(tmp_path / folder)
        assert {each for each in (one, two, three) if again.keys.authenticate(each)} == live
        assert again.keys.get(kept.id).grant == grant
        again.close()


def test_what_was_brought_back_on_purpose_stays(store: Store, runner: JobRunner, tmp_path: Path) -> None:
    """It is off the list with the next backup, and a deletion once restored is on the next list."""
    texts = filled(store, runner)
    gone = next(iter(texts))
    older = back_up(store.folder, tmp_path / "backups")
    store.delete_document(gone)
    back_up(store.folder, tmp_path / "backups")
    restore(older.folder, tmp_path / "back", bring_back=True)
    restore(older.folder, tmp_path / "gone")

    back_up(tmp_path / "back", tmp_path / "backups")
    back_up(tmp_path / "gone", tmp_path / "others")

    assert json.loads((tmp_path / "backups" / "deletions.json").read_text())["deletions"] == {}
    assert set(json.loads((tmp_path / "others" / "deletions.json").read_text())["deletions"]) == {gone}


def test_a_folder_that_holds_something_is_left_alone(store: Store, runner: JobRunner, tmp_path: Path) -> None:
    """Not even one that is in use, or holds a single file."""
    filled(store, runner)
    made = back_up(store.folder, tmp_path / "backups")
    with pytest.raises(FolderInUse):
        restore(made.folder, store.folder)
    (_made(tmp_path / "taken") / "notes.txt").write_text("mine")

    with pytest.raises(RestoreRefused, match=r"not empty: it holds notes\.txt"):
        restore(made.folder, tmp_path / "taken")

    assert (tmp_path / "taken" / "notes.txt").read_text() == "mine"
    assert files(tmp_path / "taken") <= {"notes.txt", "lock"}


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _link(backup: Path) -> None:
    original = next(backup.glob("originals/??/*"))
    original.unlink()
    original.symlink_to("/etc/passwd")


def _link_folder(backup: Path) -> None:
    folder = next(backup.glob("originals/??"))
    shutil.move(folder, backup.parent / "elsewhere")
    folder.symlink_to(backup.parent / "elsewhere")


def _flip(backup: Path) -> None:
    original = next(backup.glob("originals/??/*"))
    content = bytearray(original.read_bytes())
    content[3] ^= 1
    original.unlink()
    original.write_bytes(content)


def _climb(backup: Path) -> None:
    (backup.parent / "evil").write_text("evil")
    entry = {"sha256": hashlib.sha256(b"evil").hexdigest(), "bytes": 4}
    rewrite_manifest(backup, lambda manifest: manifest["files"].update({"../evil": entry}))


def _climb_in_catalog(backup: Path) -> None:
    rename_in_catalog(backup, "UPDATE versions SET sha256 = '../../../../etc/passwd'")


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "symbolic link for an original": (_link, "link or a device"),
    "symbolic link for a folder": (_link_folder, "link or a device"),
    "changed byte": (_flip, "has changed since"),
    "shorter file": (lambda b: os.truncate(next(b.glob("originals/??/*")), 3), "bytes, and the manifest"),
    "missing original": (lambda b: next(b.glob("originals/??/*")).unlink(), "lacks originals/"),
    "missing catalog": (lambda b: (b / "catalog.sqlite3").unlink(), "lacks catalog"),
    "extra log": (lambda b: (b / "catalog.sqlite3-wal").write_bytes(b"x" * 100), "not named in the manifest"),
    "extra file": (lambda b: (b / "originals" / "run.sh").write_text("x"), "not named in the manifest"),
    "pickle": (lambda b: (b / "views.pkl").write_bytes(b"\x80\x04."), "not named in the manifest"),
    "path that climbs out": (_climb, "nothing that a backup holds"),
    "path that climbs out of the catalog": (_climb_in_catalog, "which the backup lacks"),
    "no manifest": (lambda b: (b / "manifest.json").unlink(), "is no backup"),
    "manifest of nonsense": (lambda b: (b / "manifest.json").write_text("[1]"), "not a manifest"),
    "newer format": (lambda b: rewrite_manifest(b, lambda m: m.update(format=2)), "newer Footnote"),
    "newer schema": (lambda b: rewrite_manifest(b, lambda m: m.update(schema="9999")), "newer Footnote"),
    "newer schema that lies": (
        lambda b: rename_in_catalog(b, "UPDATE alembic_version SET version_num = '9999'"),
        "has the schema",
    ),
    "trigger": (
        lambda b: rename_in_catalog(
            b, "CREATE TRIGGER evil AFTER DELETE ON documents BEGIN DELETE FROM versions; END"
        ),
        "trigger 'evil'",
    ),
    "catalog without a table": (lambda b: rename_in_catalog(b, "DROP TABLE passages"), "no such table"),
    "catalog without a column": (
        lambda b: rename_in_catalog(b, "ALTER TABLE versions RENAME COLUMN given_title TO other"),
        "no such column",
    ),
    "row without its document": (
        lambda b: rename_in_catalog(b, "UPDATE versions SET document_id = 'other' WHERE rowid = 1"),
        "damaged",
    ),
}


@pytest.mark.parametrize("damaged", ["{", "[]", "{}", '{"deletions": []}'])
def test_a_damaged_list_of_deletions_stops_the_backup(store: Store, tmp_path: Path, damaged: str) -> None:
    """It is not overwritten by a shorter one; the message names it, and nothing is left of the backup."""
    listed = tmp_path / "backups" / "deletions.json"
    back_up(store.folder, listed.parent)
    before = files(listed.parent)
    listed.write_text(damaged)

    with pytest.raises(BackupFailed, match=r"deletions\.json is damaged"):
        back_up(store.folder, listed.parent)
    assert listed.read_text() == damaged
    assert files(listed.parent) == before


@pytest.mark.parametrize("damage", sorted(DAMAGES))
def test_a_backup_that_is_not_as_it_was_made_is_refused(
    store: Store, runner: JobRunner, tmp_path: Path, damage: str
) -> None:
    """Whatever is wrong with it, the message says so, nothing is restored, and nothing outside is touched."""
    filled(store, runner)
    made = back_up(store.folder, tmp_path / "backups")
    spoil, message = DAMAGES[damage]
    spoil(made.folder)

    with pytest.raises(RestoreRefused, match=message):
        restore(made.folder, tmp_path / "new")

    assert files(tmp_path / "new") <= {"lock"}


def test_an_unreadable_list_of_deletions_stops_the_restore(
    store: Store, runner: JobRunner, tmp_path: Path
) -> None:
    """Rather than bring back what somebody had deleted."""
    filled(store, runner)
    made = back_up(store.folder, tmp_path / "backups")
    (tmp_path / "backups" / "deletions.json").write_text("{}")

    with pytest.raises(RestoreRefused, match="--bring-back"):
        restore(made.folder, tmp_path / "new")
    (tmp_path / "backups" / "deletions.json").unlink()
    with pytest.raises(RestoreRefused, match="nowhere"):
        restore(made.folder, tmp_path / "new", deletions=[tmp_path / "nowhere"])
    restore(made.folder, tmp_path / "new", bring_back=True)


@pytest.mark.parametrize("after", ["files", "catalog", "deletions", "originals moved"])
def test_a_restore_that_is_killed_is_no_data_folder(
    store: Store, runner: JobRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    """The service refuses the folder, and restoring again does all of it."""
    texts = filled(store, runner)
    made = back_up(store.folder, tmp_path / "backups")
    left = tmp_path / "left"

    def progress(step: str) -> None:
        if step == after:
            shutil.copytree(tmp_path / "new", left)

    restore(made.folder, tmp_path / "new", progress=progress)
    if after == "originals moved":
        shutil.copytree(tmp_path / "new", left)
        staging = _made(left / ".restoring-x")
        (left / "catalog.sqlite3").rename(staging / "catalog.sqlite3")

    with pytest.raises(FolderUnusable, match="cut off"):
        Store(left)
    restore(made.folder, left)

    again = Store(left)
    assert contents(again) == texts
    report = examine(again, repair=False)
    again.close()
    assert report.clean, report.findings


def test_a_catalog_of_a_newer_version_is_not_opened(store: Store, runner: JobRunner) -> None:
    """It is left as it is, and the message says what to do."""
    filled(store, runner)
    runner.stop()
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    store.close()

    with pytest.raises(FolderUnusable, match="newer one made it"):
        Store(store.folder)


def test_jobs_of_a_backup_are_taken_up(
    store: Store, runner: JobRunner, pipeline: Any, tmp_path: Path
) -> None:
    """A document that was waiting when the backup was made becomes ready where it is restored."""
    runner.stop()
    document_id = upload(store, "a.txt", "some text").document_id
    assert store.jobs.claim(600) is not None
    made = back_up(store.folder, tmp_path / "backups")
    restore(made.folder, tmp_path / "new")

    again = Store(tmp_path / "new")
    working = type(runner)(again, pipeline, runner._config)
    working.start()
    working.notify()
    assert settled(again, document_id).live_version == 1
    working.stop()
    again.close()


def test_an_unknown_document_is_still_unknown_after_a_restore(
    store: Store, runner: JobRunner, tmp_path: Path
) -> None:
    """Ids on the list that the backup never held do no harm."""
    filled(store, runner)
    made = back_up(store.folder, tmp_path / "backups")
    (tmp_path / "list.json").write_text(json.dumps({"deletions": {"doc_never": time.time()}}))

    done = restore(made.folder, tmp_path / "new", deletions=[tmp_path / "list.json"])

    assert done.deleted_again == ()
    again = Store(tmp_path / "new")
    with pytest.raises(NotFound):
        again.catalog.document("doc_never")
    again.close()

"""Data folders that older versions made are opened with all that they hold, and used from then on.

``scripts/make_older_folder.py`` made them, with those versions' own code.
"""

from __future__ import annotations

import sqlite3
import subprocess
import zipfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import alembic.command
import alembic.config
import pytest
from alembic.migration import MigrationContext

from index.backup import back_up
from index.config import JobConfig
from index.database import known_revisions
from index.doctor import examine
from index.errors import NotFound
from index.jobs import JobRunner
from index.restore import restore
from index.sight import EVERYTHING
from index.store import Store
from index.types import Status
from tests.index.helpers import add, found_texts, settled

if TYPE_CHECKING:
    from ingest.pipeline import Pipeline

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = sorted((Path(__file__).parent / "folders").glob("*.zip"))
LENDING = "# Lending\n\nMembers borrow seven books at a time. Tools are lent for a week.\n"


@pytest.fixture(params=FOLDERS, ids=[path.stem for path in FOLDERS])
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder that an older version made."""
    with zipfile.ZipFile(request.param) as packed:
        packed.extractall(tmp_path / "data")
    return tmp_path / "data"


def revision(store: Store) -> str | None:
    """The schema's revision."""
    with store.database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def check(store: Store, pipeline: Pipeline) -> None:
    """Everything is there, what was waiting becomes ready, and everything can be done with it."""
    runner = JobRunner(store, pipeline, JobConfig(workers=1))
    runner.start()
    documents = {each.filename: each for each in store.catalog.documents(None, None, None, 100)}
    assert set(documents) == {
        "opening.md",
        "lending.md",
        "films.txt",
        "broken.pdf",
        "other.txt",
        "slides.txt",
    }
    assert documents["broken.pdf"].error is not None
    assert documents["films.txt"].metadata == {"shelf": 4}
    lending = documents["lending.md"]
    assert (lending.version, lending.live_version) == (2, 2)
    assert store.catalog.text(lending.id).text == LENDING
    assert "five books" in store.catalog.text(lending.id, 1).text
    assert store.original(lending.id).read_text() == LENDING
    assert store.answers.get("ans_older") == {"text": "Seven."}
    assert [each[2:] for each in store.answers.ratings()] == [(1, True)]
    assert settled(store, documents["slides.txt"].id).status is Status.READY
    found = found_texts(store, "Films slides books cellar are lent")
    assert any("Films" in text for text in found)
    assert any("Slides" in text for text in found)
    assert not any("five books" in text or "cellar" in text for text in found)
    added = add(store, runner, "lending.md", "# Lending\n\nNothing is lent any more.\n")
    assert (added.id, added.version) == (lending.id, 3)
    store.delete_document(documents["films.txt"].id)
    assert not any("Films" in text for text in found_texts(store, "Films"))
    runner.stop()
    report = examine(store, repair=False)
    assert report.clean, report.findings


def test_an_older_folder_is_opened_and_used(older: Path, pipeline: Pipeline) -> None:
    """Its schema is brought up to date at the first opening, without a step of anybody's."""
    store = Store(older)
    assert revision(store) == max(known_revisions())
    check(store, pipeline)
    store.close()


def test_an_upgrade_that_is_cut_off_is_done_again(
    older: Path, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is one transaction: what ends before its commit leaves the older folder as it was."""
    upgrade = alembic.command.upgrade

    def cut_off(config: alembic.config.Config, target: str) -> None:
        upgrade(config, target)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("index.database.alembic.command.upgrade", cut_off)
        with pytest.raises(KeyboardInterrupt):
            Store(older)
    with closing(sqlite3.connect(older / "catalog.sqlite3")) as connection:
        (before,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert before < max(known_revisions())

    store = Store(older)
    check(store, pipeline)
    store.close()


def test_a_backup_of_an_older_folder_is_restored(older: Path, pipeline: Pipeline, tmp_path: Path) -> None:
    """Made before the upgrade, restored after it."""
    back_up(older, tmp_path / "backups")
    restore(tmp_path / "backups", tmp_path / "new")

    store = Store(tmp_path / "new")
    assert revision(store) == max(known_revisions())
    check(store, pipeline)
    store.close()


def test_there_is_a_folder_of_every_schema_and_every_release() -> None:
    """A release without one, or a new schema without one of the schema before it, fails here."""
    names = {path.stem for path in FOLDERS}
    assert {f"schema-{each}" for each in known_revisions() - {max(known_revisions())}} <= names
    tags = subprocess.run(
        ["git", "-C", str(ROOT), "tag"], capture_output=True, text=True, check=False
    ).stdout.split()
    assert {tag for tag in tags if tag.startswith("v")} <= names


def test_a_response_of_before_it_had_an_owner_is_nobodys(tmp_path: Path) -> None:
    """Who asked for it was not kept, so that no key reads it; the answer is there as before."""
    data = tmp_path / "data"
    with zipfile.ZipFile(FOLDERS[0].parent / "schema-0009.zip") as packed:
        packed.extractall(data)
    with closing(sqlite3.connect(data / "catalog.sqlite3")) as connection, connection:
        connection.execute(
            "INSERT INTO responses (id, answer_id, body, created_at) VALUES ('resp_older', 'ans_older', '{}', 0)"
        )

    with closing(Store(data)) as store:
        assert store.answers.get("ans_older", EVERYTHING)
        for key in ("admin", "local", "-"):
            with pytest.raises(NotFound):
                store.responses.get("resp_older", key, EVERYTHING)

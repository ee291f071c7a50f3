"""Data folders that were made before sentences had vectors: nothing is lost, everything is found."""

from __future__ import annotations

import json
import shutil
import sqlite3
from typing import TYPE_CHECKING

import alembic.command
import alembic.config
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from index.database import MIGRATIONS, known_revisions
from index.doctor import examine
from index.schema import metadata
from rag.budget import within_characters
from tests.doubles.embedder import HashingEmbedder
from tests.rag.library import Library

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OPENING = "# Opening hours\n\nThe reading room opens at nine. On Sundays it stays closed.\n"
LENDING = "# Lending\n\nMembers borrow seven books at a time. Tools are lent for one week.\n"


def make_first_schema(file: Path) -> None:
    """An empty catalog as the first version made it."""
    engine = create_engine(f"sqlite:///{file}")
    config = alembic.config.Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "0001")
    engine.dispose()


def copy_rows(source: Path, target: Path) -> None:
    """Copy of every table what the older catalog has columns for."""
    with sqlite3.connect(target) as connection:
        connection.execute("ATTACH ? AS newer", (str(source),))
        for (table,) in connection.execute(
            "SELECT name FROM main.sqlite_master WHERE type = 'table'"
        ).fetchall():
            if table != "alembic_version":
                columns = [row[1] for row in connection.execute(f'PRAGMA main.table_info("{table}")')]
                names = ", ".join(f'"{name}"' for name in columns)
                connection.execute(
                    f'INSERT INTO main."{table}" ({names}) SELECT {names} FROM newer."{table}"'
                )
        connection.commit()
        connection.execute("DETACH newer")
    connection.close()


@pytest.fixture
def older(tmp_path: Path) -> Iterator[Library]:
    """A library in a folder with two documents that the first version had put there, opened by this one."""
    newer = Library.open(tmp_path / "newer", HashingEmbedder())
    newer.add(OPENING, "opening_hours.md")
    newer.add(LENDING, "lending.md")
    newer.find("books")
    newer.close()

    folder = tmp_path / "older"
    shutil.copytree(tmp_path / "newer", folder)
    for file in folder.glob("catalog.sqlite3*"):
        file.unlink()
    make_first_schema(folder / "catalog.sqlite3")
    copy_rows(tmp_path / "newer" / "catalog.sqlite3", folder / "catalog.sqlite3")
    (manifest,) = folder.glob("views/*/lexical.json")
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format": 2}))

    opened = Library.open(folder, HashingEmbedder())
    yield opened
    opened.close()


def test_the_schema_is_the_present_one(older: Library) -> None:
    """To the last column and index, and with every row."""
    with older.store.database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == max(known_revisions())
    assert older.store.catalog.collection("default").passages == 2
    assert older.store.catalog.sentence_vectors([1, 2]) == {}


def test_older_passages_are_found(older: Library) -> None:
    """Their sentences are told apart by their words, and by the meaning of the whole passage."""
    found = older.find("For how long are tools lent?")

    assert [each.passage.filename for each in found] == ["lending.md", "opening_hours.md"]
    assert set(found[0].ranks) == {"dense", "lexical"}
    assert len(found[0].sentences) == len(found[0].passage.sentences)
    assert 0 < found[0].score <= 1
    assert "Tools are lent for one week." in within_characters(found, 200)[0].passage.text


def test_older_and_newer_passages_are_found_together(older: Library) -> None:
    """A document that comes later has vectors of its sentences, and both are ranked."""
    newer = older.add("# Films\n\nFilms are lent for two days. A late film costs one euro.\n", "films.md")
    ids = [passage.id for passage in older.passages(newer)]
    assert set(older.store.catalog.sentence_vectors([1, 2, *ids])) == set(ids)

    films = older.find("For how long are films lent?")
    rooms = older.find("When does the reading room open on Sundays?")

    assert films[0].passage.document_id == newer
    assert rooms[0].passage.filename == "opening_hours.md"
    assert len(films) == len(rooms) == 3


def test_the_lexical_view_is_made_again(older: Library) -> None:
    """File names are indexed now, also those of older documents; and the doctor has nothing to say."""
    (found,) = older.find("hours", mode="lexical")

    assert found.passage.filename == "opening_hours.md"
    assert examine(older.store, repair=False).clean

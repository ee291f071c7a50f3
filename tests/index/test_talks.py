"""Conversations: whose they are, how long they are kept, and what goes with a document."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from index import talks as module
from index.backup import back_up
from index.erasure import traces
from index.errors import NotFound
from index.restore import restore
from index.schema import conversations
from index.sight import EVERYTHING, Sight
from index.store import Store
from index.talks import Owner, new_talk_id
from tests.index.helpers import add

if TYPE_CHECKING:
    from pathlib import Path

    from index.blobs import BlobWriter
    from index.jobs import JobRunner

ALICE = Owner.of("key", ["alice", "staff"])
BOB = Owner.of("key", ["bob"])
DAY = 86_400.0


def told(store: Store, talk: str, question: str, document: str, owner: Owner = ALICE, **more: bool) -> str:
    """Store an answer that shows a document, and its turn; returns the answer's id."""
    collection = store.catalog.collection("default").id
    answer = f"ans_{question}"
    body = {
        "answer": "It is kept in the cellar.",
        "abstained": False,
        "citations": [{"document_id": document}],
    }
    store.answers.save(answer, collection, body, [document])
    assert store.talks.add_turn(
        talk, collection, owner, question, answer, kept_s=DAY, begins=more.get("begins", False)
    )
    return answer


@pytest.fixture
def document(store: Store, runner: JobRunner) -> str:
    """A document."""
    return add(store, runner, "cellar.txt", "The lamp is kept in the cellar.").id


@pytest.fixture
def talk(store: Store, document: str) -> str:
    """A conversation of alice's with two turns."""
    made = new_talk_id()
    told(store, made, "one", document, begins=True)
    told(store, made, "two", document)
    return made


def test_a_conversation_is_its_owners(store: Store, talk: str) -> None:
    """The same key as somebody else, another key, and one without the collection meet it nowhere."""
    assert [each.question for each in store.talks.turns(talk, ALICE, EVERYTHING)] == ["one", "two"]
    assert [
        (each.id, each.title, each.turns) for each in store.talks.page(ALICE, EVERYTHING, None, None, 10)
    ] == [(talk, "one", 2)]
    others = (
        (BOB, EVERYTHING),
        (Owner.of("key", None), EVERYTHING),
        (Owner.of("other", ["alice", "staff"]), EVERYTHING),
        (ALICE, Sight(frozenset({"elsewhere"}))),
    )
    for owner, sight in others:
        assert store.talks.page(owner, sight, None, None, 10) == []
        assert store.talks.delete_all(owner, sight) == 0
        for call in (store.talks.get, store.talks.turns, store.talks.delete):
            with pytest.raises(NotFound):
                call(talk, owner, sight)
    assert Owner.of("key", ["staff", "alice"]) == ALICE


def test_nobody_writes_into_a_foreign_conversation(store: Store, talk: str) -> None:
    """A turn of another owner is not stored."""
    collection = store.catalog.collection("default").id

    assert not store.talks.add_turn(talk, collection, BOB, "three", "ans_x", kept_s=DAY, begins=False)
    assert store.talks.get(talk, ALICE, EVERYTHING).turns == 2


def test_what_quoted_a_deleted_document_vanishes(store: Store, talk: str, document: str) -> None:
    """The answers go in the transaction of the deletion; the questions stay, and the probe finds nothing."""
    store.delete_document(document)

    turns = store.talks.turns(talk, ALICE, EVERYTHING)
    assert [(each.question, each.answer_id, each.answer) for each in turns] == [
        ("one", None, None),
        ("two", None, None),
    ]
    assert traces(store, document, "kept in the cellar") == []


def test_what_is_hidden_meanwhile_is_not_shown(store: Store, talk: str, document: str) -> None:
    """A conversation shows no answer that its reader may not see any more."""
    collection = store.catalog.collection("default").id
    store.answers.save("ans_sealed", collection, {"answer": "Sealed."}, [document])
    sight = Sight(None, frozenset({"alice"}))
    assert all(each.answer for each in store.talks.turns(talk, ALICE, sight))

    store.add(
        _blob(store, "The lamp is kept in the cellar."),
        collection="default",
        filename="cellar.txt",
        metadata={"allow": ["board"]},
    )

    assert all(each.answer is None for each in store.talks.turns(talk, ALICE, sight))


def _blob(store: Store, text: str) -> BlobWriter:
    blob = store.blobs.writer()
    blob.write(text.encode())
    return blob


def test_a_deleted_conversation_leaves_nothing(store: Store, talk: str) -> None:
    """It goes with its answers."""
    assert store.talks.delete(talk, ALICE, EVERYTHING) == 2

    for answer in ("ans_one", "ans_two"):
        with pytest.raises(NotFound):
            store.answers.get(answer)
    with pytest.raises(NotFound):
        store.talks.get(talk, ALICE, EVERYTHING)


def test_an_expired_conversation_is_gone_before_it_is_removed(store: Store, talk: str) -> None:
    """From its end on nobody reads it or adds to it; the next tidying removes it with its answers."""
    with store.database.write() as connection:
        connection.execute(update(conversations).values(expires_at=1.0))

    with pytest.raises(NotFound):
        store.talks.get(talk, ALICE, EVERYTHING)
    assert store.talks.page(ALICE, EVERYTHING, None, None, 10) == []
    store.tidy()

    with pytest.raises(NotFound):
        store.answers.get("ans_one")
    assert store.talks.forget_expired() == 0


def test_the_oldest_make_room(store: Store, document: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An owner has so many conversations and a conversation so many turns; others' are not touched."""
    monkeypatch.setattr(module, "MOST_OF_ONE", 2)
    monkeypatch.setattr(module, "MOST_TURNS", 3)
    foreign = new_talk_id()
    told(store, foreign, "foreign", document, BOB, begins=True)
    ids = [new_talk_id() for _ in range(3)]
    for number, each in enumerate(ids):
        told(store, each, f"first {number}", document, begins=True)
    for number in range(4):
        told(store, ids[2], f"more {number}", document)

    assert [each.id for each in store.talks.page(ALICE, EVERYTHING, None, None, 10)] == [ids[2], ids[1]]
    assert store.talks.get(foreign, BOB, EVERYTHING).turns == 1
    assert [each.question for each in store.talks.turns(ids[2], ALICE, EVERYTHING)] == [
        "more 1",
        "more 2",
        "more 3",
    ]


def test_pages_show_each_once(store: Store, document: str) -> None:
    """The cursor goes on behind the last one, the latest first."""
    ids = [new_talk_id() for _ in range(5)]
    for number, each in enumerate(ids):
        told(store, each, f"q{number}", document, begins=True)
    first = store.talks.page(ALICE, EVERYTHING, "default", None, 2)
    second = store.talks.page(ALICE, EVERYTHING, "default", first[-1].id, 9)

    assert [each.id for each in (*first, *second)] == ids[::-1]
    assert store.talks.page(ALICE, EVERYTHING, "other", None, 9) == []


def test_a_collection_takes_its_conversations_along(store: Store, talk: str) -> None:
    """Deleting it deletes them."""
    store.delete_collection("default")

    with pytest.raises(NotFound):
        store.talks.get(talk, ALICE, EVERYTHING)


def test_a_backup_has_conversations_and_preferences(store: Store, talk: str, tmp_path: Path) -> None:
    """A restore brings them back."""
    store.preferences.put(ALICE, {"length": "brief"})
    made = back_up(store.folder, tmp_path / "backups")
    restore(made.folder, tmp_path / "again")

    again = Store(tmp_path / "again")
    try:
        assert [each.question for each in again.talks.turns(talk, ALICE, EVERYTHING)] == ["one", "two"]
        assert again.preferences.get(ALICE) == {"length": "brief"}
    finally:
        again.close()


def test_preferences_are_their_owners_until_deleted(store: Store) -> None:
    """Kept, replaced, read by nobody else, forgotten."""
    store.preferences.put(ALICE, {"length": "brief", "language": "German"})
    store.preferences.put(ALICE, {"language": "French"})

    assert store.preferences.get(ALICE) == {"language": "French"}
    assert store.preferences.get(BOB) == {}
    assert store.preferences.delete(ALICE)
    assert store.preferences.get(ALICE) == {}
    assert not store.preferences.delete(ALICE)

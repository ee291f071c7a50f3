"""Who sees what: collections of others and restricted documents are as if they were not there."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, insert, select

from index.database import Database
from index.errors import NotFound
from index.schema import collections, documents
from index.sight import EVERYTHING, Sight, allowed_by, merged, readable
from tests.index.helpers import add, query, upload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from index.jobs import JobRunner
    from index.store import Store

NOBODY = Sight(principals=frozenset())
BOARD = Sight(principals=frozenset(("board", "alice")))


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A catalog with a collection."""
    opened = Database(tmp_path_factory.mktemp("sight"))
    with opened.write() as connection:
        connection.execute(insert(collections).values(id=1, name="default", seq=0, created_at=0))
    yield opened
    opened.close()


def found(store: Store, sight: Sight, text: str = "salaries of the board") -> set[str]:
    """Documents that a search finds, in both views."""
    hits = store.collection("default").search(query(text), 10, ("dense", "lexical"), sight=sight)
    ids = [hit.passage_id for ranking in hits.values() for hit in ranking]
    # Not dropped afterwards: the views themselves return nothing else.
    assert set(store.catalog.passages(ids, sight)) == set(ids)
    return {passage.document_id for passage in store.catalog.passages(ids).values()}


def test_views_return_only_what_may_be_seen(store: Store, runner: JobRunner) -> None:
    """A restricted document takes no place among the hits of somebody who may not see it."""
    secret = add(store, runner, "a.txt", "The salaries of the board.", metadata={"allow": ["board"]})
    public = add(store, runner, "b.txt", "The salaries of the staff.")
    sealed = add(store, runner, "c.txt", "The salaries of ghosts.", metadata={"allow": []})

    assert found(store, NOBODY) == {public.id}
    assert found(store, BOARD) == {public.id, secret.id}
    assert found(store, EVERYTHING) == {public.id, secret.id, sealed.id}
    every = sorted(store.catalog.live_ids(store.catalog.collection_id("default"))[1])
    for sight in (NOBODY, BOARD, EVERYTHING):
        read, *_ = store.catalog.passages_to_weigh(every, sight)
        assert read == store.catalog.passages(every, sight)
    (only,) = store.collection("default").search(query("salaries"), 1, ("dense",), sight=NOBODY)["dense"]
    assert store.catalog.passages([only.passage_id])[only.passage_id].document_id == public.id


def test_a_restriction_holds_at_once(store: Store, runner: JobRunner) -> None:
    """The same bytes with an ``allow`` restrict the document from then on; forgetting it lifts nothing, null does."""
    record = add(store, runner, "a.txt", "The salaries of the board.")
    assert found(store, NOBODY) == {record.id}

    for metadata, seen in (
        ({"allow": ["board"]}, set()),
        ({"year": 2026}, set()),
        ({"allow": None}, {record.id}),
    ):
        upload(store, "a.txt", "The salaries of the board.", metadata=metadata)
        assert found(store, NOBODY) == seen, metadata
    assert store.catalog.document(record.id).metadata == {}


def test_a_new_version_keeps_the_restriction(store: Store, runner: JobRunner) -> None:
    """Metadata that comes with a new version replaces all but ``allow``, which is lifted by name only."""
    first = add(store, runner, "a.txt", "The first salaries.", metadata={"allow": ["board"], "year": 1})
    second = add(store, runner, "a.txt", "The second salaries.", metadata={"year": 2})
    assert second.id == first.id
    assert second.metadata == {"allow": ["board"], "year": 2}

    third = add(store, runner, "a.txt", "The third salaries.", metadata={"allow": ["staff"]})

    assert third.metadata == {"allow": ["staff"]}
    # What the first version was restricted to, it stays restricted to.
    staff = Sight(principals=frozenset(("staff",)))
    assert store.catalog.text(first.id, None, staff).text == "The third salaries."
    for ask in (store.catalog.text, store.catalog.sha256, store.original):
        with pytest.raises(NotFound):
            ask(first.id, 1, staff)
    assert store.catalog.text(first.id, 1).text == "The first salaries."


def test_every_question_about_a_document_is_refused(store: Store, runner: JobRunner) -> None:
    """Record, text, hash, original, deletion: not found; lists and counts leave it out."""
    record = add(store, runner, "a.txt", "The salaries of the board.", metadata={"allow": ["board"]})
    asks: tuple[Callable[..., Any], ...] = (store.catalog.text, store.catalog.sha256, store.original)
    for sight in (NOBODY, Sight(frozenset(("other",)))):
        for ask in asks:
            with pytest.raises(NotFound):
                ask(record.id, None, sight)
        for act in (store.catalog.document, store.delete_document):
            with pytest.raises(NotFound):
                act(record.id, sight)
        assert store.catalog.documents(None, None, None, 9, sight) == []
    (seen,) = store.catalog.collections(NOBODY)
    assert (seen.documents, seen.passages) == (0, 0)
    assert store.catalog.collection("default", BOARD).documents == 1
    with pytest.raises(NotFound):
        store.collection("default", Sight(frozenset(("other",))))


def test_an_upload_meets_no_hidden_document(store: Store, runner: JobRunner) -> None:
    """Neither its name nor its bytes tell somebody that a hidden document is there, or change it."""
    hidden = add(store, runner, "a.txt", "The salaries of the board.", metadata={"allow": ["board"]})

    same_bytes = upload(store, "b.txt", "The salaries of the board.", sight=NOBODY)
    same_name = upload(store, "a.txt", "Other words.", sight=NOBODY)

    assert same_bytes.is_new
    assert len({hidden.id, same_bytes.document_id, same_name.document_id}) == 3
    with pytest.raises(NotFound):
        upload(store, None, "Other words.", document_id=hidden.id, sight=NOBODY)
    with pytest.raises(NotFound):
        upload(store, "c.txt", "x", "theirs", sight=Sight(frozenset(("default",))))
    assert [each.name for each in store.catalog.collections()] == ["default"]


def test_a_receipt_does_not_tell_of_the_same_bytes_elsewhere(store: Store, runner: JobRunner) -> None:
    """Somebody else's copy stays, and whoever deletes their own is told the same as without it."""
    mine = add(store, runner, "a.txt", "The salaries of the board.", "mine")
    theirs = add(store, runner, "b.txt", "The salaries of the board.", "theirs")

    receipt = store.delete_document(mine.id, Sight(frozenset(("mine",)), frozenset()))

    assert receipt.original is True
    assert store.original(theirs.id).read_text() == "The salaries of the board."
    second = add(store, runner, "c.txt", "The salaries of the board.", "mine")
    assert store.delete_document(second.id).original is False


def test_an_answer_is_seen_by_those_who_see_its_documents(store: Store, runner: JobRunner) -> None:
    """Now and when it was made; hidden while it was made, it is not stored."""
    record = add(store, runner, "a.txt", "The salaries of the board.", metadata={"allow": ["board"]})
    collection = store.catalog.collection("default").id
    assert not store.answers.save("ans_0", collection, {}, [record.id], NOBODY)
    assert store.answers.save("ans_1", collection, {"answer": "x"}, [record.id], BOARD)

    assert store.answers.get("ans_1", BOARD) == {"answer": "x"}
    for sight in (NOBODY, Sight(frozenset(("other",)))):
        with pytest.raises(NotFound):
            store.answers.get("ans_1", sight)
        with pytest.raises(NotFound):
            store.answers.add_feedback("ans_1", 1, correct=None, comment=None, sight=sight)

    upload(store, "a.txt", "The salaries of the board.", metadata={"allow": None})

    # Everybody may see the document now; the answer is from before.
    with pytest.raises(NotFound):
        store.answers.get("ans_1", NOBODY)


def test_foreign_and_unknown_take_the_same_statements(store: Store, runner: JobRunner) -> None:
    """What the database is asked does not depend on whether somebody else has a thing of that name."""
    record = add(store, runner, "a.txt", "Theirs.", "theirs", metadata={"allow": ["board"]})
    mine = Sight(frozenset(("mine",)), frozenset())
    asked: list[str] = []

    def statements(ask: Callable[[], object]) -> list[str]:
        asked.clear()
        with pytest.raises(NotFound) as refused:
            ask()
        return [*asked, str(refused.value)]

    def note(*given: Any) -> None:
        # The worker asks beside us.
        if threading.current_thread() is threading.main_thread():
            asked.append(given[2])

    event.listen(store.database._readers, "before_cursor_execute", note)
    unknown = "doc_" + "0" * len(record.id[4:])
    for ask in (store.catalog.document, store.catalog.text):
        foreign = statements(lambda ask=ask: ask(record.id, sight=mine))  # type: ignore[misc]
        missing = statements(lambda ask=ask: ask(unknown, sight=mine))  # type: ignore[misc]
        assert [each.replace(record.id, unknown) for each in foreign] == missing
    theirs = statements(lambda: store.catalog.collection("theirs", mine))
    nowhere = statements(lambda: store.catalog.collection("nowhere", mine))
    assert [each.replace("theirs", "nowhere") for each in theirs] == nowhere


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(0, 3),
    st.sampled_from(("alice", "bob", "")),
    st.just({"alice": "alice"}),
)


@given(
    metadata=st.one_of(
        st.just({}),
        st.just({"other": ["alice"]}),
        st.builds(lambda allow: {"allow": allow}, st.one_of(VALUES, st.lists(VALUES, max_size=3))),
    ),
    principals=st.sets(st.sampled_from(("alice", "bob", ""))),
)
def test_the_rule_is_the_same_in_both_places(
    database: Database, metadata: dict[str, Any], principals: set[str]
) -> None:
    """The database's condition and the function agree on every form that metadata can have."""
    sight = Sight(principals=frozenset(principals))
    with database.write() as connection:
        connection.execute(documents.delete())
        row = {"id": "d", "collection_id": 1, "filename": "", "version": 1, "created_at": 0, "updated_at": 0}
        connection.execute(insert(documents).values(metadata=metadata, **row))
        seen = connection.execute(select(documents.c.id).where(readable(sight))).first() is not None

    assert seen == sight.admits(allowed_by(metadata))


@pytest.mark.parametrize(
    ("present", "given_now", "expected"),
    [
        ({}, {"allow": None, "a": 1}, {"a": 1}),
        ({"allow": ["x"]}, {}, {"allow": ["x"]}),
        ({"allow": ["x"], "a": 1}, {"b": 2}, {"allow": ["x"], "b": 2}),
        ({"allow": ["x"]}, {"allow": []}, {"allow": []}),
        ({"allow": ["x"]}, {"allow": None}, {}),
    ],
)
def test_metadata_is_merged(present: Any, given_now: Any, expected: Any) -> None:
    """Everything is replaced but a restriction that is not named."""
    assert merged(present, given_now) == expected

"""The catalog: versions, one transaction for each change, and deletion that leaves nothing."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sqlalchemy import event, func, select

from index.config import JobConfig
from index.errors import Conflict, EmbedderMismatch, NotFound
from index.jobs import JobRunner
from index.records import quantise, restore
from index.schema import changes, metadata
from index.types import Status
from ingest.pipeline import Pipeline
from tests.doubles.embedder import HashingEmbedder
from tests.index.helpers import add, found_texts, query, search, settled, upload

if TYPE_CHECKING:
    from index.store import Store

LONG = "".join(f"Sentence number {number} is here. " for number in range(40))


def history(store: Store, name: str = "default") -> list[tuple[object, ...]]:
    """Every change of a collection: number, removed range, added range."""
    record = store.catalog.collection(name)
    with store.database.read() as connection:
        rows = connection.execute(
            select(
                changes.c.seq,
                changes.c.removed_first,
                changes.c.removed_last,
                changes.c.added_first,
                changes.c.added_last,
            )
            .where(changes.c.collection_id == record.id)
            .order_by(changes.c.seq)
        ).all()
    return [tuple(row) for row in rows]


def row_counts(store: Store) -> dict[str, int]:
    """Rows of each table that can hold anything of a document."""
    with store.database.read() as connection:
        return {
            name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in metadata.tables.items()
            if name not in ("counters", "collections", "changes")
        }


# Uploads and versions


def test_an_upload_is_queued(store: Store) -> None:
    """Before any work the document is there, with what is known of it."""
    submission = upload(store, "a.txt", "text", title="Given", metadata={"year": 2024})

    record = store.catalog.document(submission.document_id)
    assert submission.is_new
    assert (record.status, record.version, record.live_version) == (Status.QUEUED, 1, None)
    assert (record.title, record.filename, record.bytes) == ("Given", "a.txt", 4)
    assert (record.metadata, record.error, record.progress) == ({"year": 2024}, None, 0.0)
    assert found_texts(store, "text") == set()


def test_a_ready_document(store: Store, runner: JobRunner) -> None:
    """Afterwards it has a type, passages, and a title from its file when none was given."""
    record = add(store, runner, "a.md", "# Opening\n\nAt nine.")

    assert (record.status, record.version, record.live_version) == (Status.READY, 1, 1)
    assert (record.title, record.media_type, record.progress) == ("Opening", "text/markdown", 1.0)
    assert (record.pages, record.passages) == (None, 1)


def test_the_same_bytes_are_the_same_document(store: Store, runner: JobRunner) -> None:
    """Under any name, and whether or not the first is ready: one document, no new work."""
    first = upload(store, "a.txt", "text")
    while_queued = upload(store, "b.txt", "text")
    add(store, runner, "a.txt", "text")
    afterwards = upload(store, "c.txt", "text", always_new=True)

    assert {each.document_id for each in (first, while_queued, afterwards)} == {first.document_id}
    assert [each.is_new for each in (first, while_queued, afterwards)] == [True, False, False]
    assert store.jobs.waiting() == 0
    assert len(history(store)) == 1


def test_the_same_bytes_from_twenty_threads_are_one_document(store: Store, pipeline: Pipeline) -> None:
    """However many clients send a file at once, there are one id, one original, one job, one set of vectors."""
    barrier = threading.Barrier(20)

    def send(number: int) -> tuple[str, bool]:
        barrier.wait()
        submission = upload(store, f"{number % 3}.txt", LONG)
        return submission.document_id, submission.is_new

    with ThreadPoolExecutor(20) as pool:
        sent = list(pool.map(send, range(20)))
    assert len({document_id for document_id, _ in sent}) == 1
    assert sum(is_new for _, is_new in sent) == 1
    assert store.jobs.waiting() == 1
    assert len(store.blobs.stored()) == 1

    runner = JobRunner(store, pipeline, JobConfig(workers=2))
    runner.start()
    record = settled(store, sent[0][0])
    runner.stop()

    assert store.catalog.collection("default").passages == record.passages
    assert len(history(store)) == 1


def test_other_bytes_under_a_name_are_its_next_version(store: Store, runner: JobRunner) -> None:
    """Same document, next number; the old text is kept for those who cite it, and no longer found."""
    first = add(store, runner, "a.txt", "the first text")
    second = add(store, runner, "a.txt", "the second text", metadata={"n": 2})
    third = add(store, runner, "a.txt", "the third text")

    assert (second.id, second.version, third.version, third.live_version) == (first.id, 2, 3, 3)
    assert third.metadata == {"n": 2}
    assert found_texts(store, "text") == {"the third text"}
    assert [store.catalog.text(first.id, n).text for n in (1, 2, 3)] == [
        "the first text",
        "the second text",
        "the third text",
    ]
    assert store.catalog.text(first.id).version == 3
    assert store.original(first.id, 1).read_bytes() == b"the first text"


def test_going_back_to_earlier_bytes_is_a_new_version(store: Store, runner: JobRunner) -> None:
    """Only the newest version's bytes are the same document as it stands."""
    add(store, runner, "a.txt", "one")
    add(store, runner, "a.txt", "two")
    back = add(store, runner, "a.txt", "one")

    assert (back.version, back.live_version) == (3, 3)
    assert found_texts(store, "one two") == {"one"}


def test_always_new_makes_another_document(store: Store, runner: JobRunner) -> None:
    """Two files of one name can stand side by side."""
    first = add(store, runner, "a.txt", "one")
    second = add(store, runner, "a.txt", "two", always_new=True)

    assert first.id != second.id
    assert found_texts(store, "one two") == {"one", "two"}


def test_a_version_for_a_named_document(store: Store, runner: JobRunner) -> None:
    """By id the document is replaced whatever the file is called, and the same bytes are no new work."""
    first = add(store, runner, "a.txt", "one")
    second = add(store, runner, "renamed.txt", "two", document_id=first.id)
    again = upload(store, "x.txt", "two", document_id=first.id)

    assert (second.id, second.version, second.filename) == (first.id, 2, "renamed.txt")
    assert (again.document_id, again.version, again.is_new) == (first.id, 2, False)


def test_an_unknown_document_cannot_be_replaced(store: Store) -> None:
    """Nothing is made for an id that does not exist."""
    with pytest.raises(NotFound, match="no such document"):
        upload(store, "a.txt", "text", document_id="doc_unknown")

    assert set(row_counts(store).values()) == {0}


def test_ids_sort_by_arrival_and_cannot_be_guessed(store: Store) -> None:
    """The order of ids is that of the uploads; two ids share no random part."""
    ids = [upload(store, f"{number}.txt", f"text {number}").document_id for number in range(20)]

    assert ids == sorted(ids)
    assert len({document_id[12:] for document_id in ids}) == 20
    assert all(len(document_id) == len("doc_") + 8 + 16 for document_id in ids)


# Replacing is atomic


def test_readers_see_one_whole_version_while_it_is_replaced(store: Store, runner: JobRunner) -> None:
    """At every moment the catalog shows all passages of exactly one version, with its text."""
    words = [f"version{number}" for number in range(8)]
    contents = [f"{word} stands in this sentence. " * (10 + number) for number, word in enumerate(words)]
    document_id = add(store, runner, "a.txt", contents[0]).id
    stop = threading.Event()

    def read() -> int:
        rounds = 0
        while not stop.is_set():
            found = store.catalog.passages_between(document_id, 0, 1000)
            assert found
            assert len({passage.version for passage in found}) == 1
            whole = "".join(passage.text for passage in found)
            assert whole == contents[found[0].version - 1]
            assert store.catalog.text(document_id).text in contents
            rounds += 1
        return rounds

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        for content in contents[1:]:
            add(store, runner, "a.txt", content)
        stop.set()
        assert all(reader.result() > 0 for reader in readers)


def test_hits_of_a_replaced_version_are_not_live(store: Store, runner: JobRunner) -> None:
    """A view that has not caught up names passages that the catalog no longer gives out."""
    add(store, runner, "a.txt", "old text")
    old = [hit.passage_id for hit in search(store, "text")["dense"]]
    add(store, runner, "a.txt", "new text")

    assert store.catalog.passages(old) == {}


# Numbers


def test_changes_are_numbered_without_gaps(store: Store, runner: JobRunner) -> None:
    """Adding, replacing, failing and deleting: each change has the next number, a failure has none."""
    first = add(store, runner, "a.txt", LONG)
    add(store, runner, "bad.pdf", "%PDF-1.7 nothing")
    add(store, runner, "a.txt", "short")
    add(store, runner, "b.txt", "other")
    store.delete_document(first.id)
    count = first.passages

    assert history(store) == [
        (1, None, None, 1, count),
        (2, 1, count, count + 1, count + 1),
        (3, None, None, count + 2, count + 2),
        (4, count + 1, count + 1, None, None),
    ]
    assert store.catalog.collection("default").seq == 4


def test_numbers_of_collections_are_their_own_and_ids_are_not(store: Store, runner: JobRunner) -> None:
    """Each collection counts from 1; passage ids are never used twice, not even after a deletion."""
    add(store, runner, "a.txt", "one", collection="x")
    gone = add(store, runner, "b.txt", "two", collection="y")
    store.delete_document(gone.id)
    add(store, runner, "c.txt", "three", collection="y")

    assert history(store, "x") == [(1, None, None, 1, 1)]
    assert history(store, "y") == [(1, None, None, 2, 2), (2, 2, 2, None, None), (3, None, None, 3, 3)]


def test_live_ids_are_those_of_live_passages(store: Store, runner: JobRunner) -> None:
    """Of one collection, with the number they belong to."""
    record = add(store, runner, "a.txt", LONG)
    add(store, runner, "b.txt", "other", collection="other")
    replaced = add(store, runner, "a.txt", "short")

    seq, ids = store.catalog.live_ids(store.catalog.collection("default").id)

    assert seq == 2
    assert ids == {record.passages + 2}
    assert {passage.document_id for passage in store.catalog.passages(sorted(ids)).values()} == {replaced.id}


def test_changes_since_a_number(store: Store, runner: JobRunner) -> None:
    """A view is told what it missed; what has gone again since is told as a removal only."""
    first = add(store, runner, "a.md", "# Title\n\n" + LONG)
    add(store, runner, "b.txt", "other")
    store.delete_document(first.id)
    record = store.catalog.collection("default")

    found = list(store.catalog.changes_since(record.id, 0))

    assert [change.seq for change in found] == [1, 2, 3]
    assert found[0].added is None
    assert found[1].added is not None
    assert found[1].added.texts == ("other",)
    assert found[1].added.titles == ("b\nb",)
    assert found[2].removed is not None
    assert found[2].removed.size == first.passages
    assert list(store.catalog.changes_since(record.id, 3)) == []


def test_a_long_history_is_read_in_few_statements(store: Store, runner: JobRunner) -> None:
    """Of what has gone again nothing is looked up, or a rebuild would take the longer the older a collection is."""
    for number in range(12):
        add(store, runner, "a.txt", f"text {number}")
    statements: list[str] = []

    def note(*given: Any) -> None:
        # The worker asks beside us.
        if threading.current_thread() is threading.main_thread():
            statements.append(given[2])

    collection = store.catalog.collection("default")
    event.listen(store.database._readers, "before_cursor_execute", note)
    found = list(store.catalog.changes_since(collection.id, 0))

    assert [change.added is not None for change in found] == [False] * 11 + [True]
    # The transaction, the changes, and the passages that are there.
    assert len(statements) == 3


# Passages


def test_a_stored_passage(store: Store, runner: JobRunner) -> None:
    """It is a stretch of the canonical text, tiled by its sentences, with headings and its document's name."""
    record = add(
        store, runner, "a.md", "# One\n\nFirst sentence. Second sentence.\n\n## Two\n\nThird sentence."
    )
    text = store.catalog.text(record.id).text

    found = store.catalog.passages_between(record.id, 0, 99)

    assert "".join(passage.text for passage in found) == text
    for passage in found:
        assert passage.text == text[passage.start : passage.end]
        assert "".join(text[start:end] for start, end in passage.sentences) == passage.text
        assert (passage.document_id, passage.title, passage.filename) == (record.id, "One", "a.md")
    assert [passage.headings for passage in found] == [("One",), ("One", "Two")]
    assert [passage.section for passage in found] == [0, 1]
    assert store.catalog.passages_between(record.id, 1, 1) == [found[1]]
    assert store.catalog.passages([found[0].id, 999]) == {found[0].id: found[0]}
    assert store.catalog.passages([]) == {}


def test_stored_vectors_are_those_of_the_embedder(store: Store, runner: JobRunner) -> None:
    """Bit for bit, by passage id, of the text under its title; ids without a live passage are left out."""
    record = add(store, runner, "a.txt", LONG, title="Numbers")
    passages = store.catalog.passages_between(record.id, 0, 99)

    vectors = store.catalog.vectors([passage.id for passage in passages] + [999])

    expected = HashingEmbedder().embed_sentences([f"Numbers\n{passage.text}" for passage in passages])
    assert len(vectors) == len(passages) > 3
    assert np.array_equal(np.stack([vectors[passage.id] for passage in passages]), expected)


def test_stored_vectors_of_sentences_are_nearly_those_of_the_embedder(
    store: Store, runner: JobRunner
) -> None:
    """Row n is of sentence n of its passage, to a signed byte; ids without a live passage are left out."""
    record = add(store, runner, "a.txt", LONG)
    passages = store.catalog.passages_between(record.id, 0, 99)

    vectors = store.catalog.sentence_vectors([passage.id for passage in passages] + [999])

    assert len(vectors) == len(passages) > 3
    for passage in passages:
        texts = [passage.text[a - passage.start : b - passage.start] for a, b in passage.sentences]
        expected = HashingEmbedder().embed_sentences(texts)
        assert len(texts) > 1
        assert vectors[passage.id].dtype == np.float32
        assert vectors[passage.id] == pytest.approx(expected, abs=0.5 / 127 + 1e-6)


def test_vectors_of_sentences_go_with_their_passages(store: Store, runner: JobRunner) -> None:
    """Of a replaced or deleted document none is left."""
    first = add(store, runner, "a.txt", LONG)
    old = [passage.id for passage in store.catalog.passages_between(first.id, 0, 99)]
    add(store, runner, "a.txt", "Another text.")
    new = [passage.id for passage in store.catalog.passages_between(first.id, 0, 99)]
    assert set(store.catalog.sentence_vectors([*old, *new])) == set(new)

    store.delete_document(first.id)

    assert store.catalog.sentence_vectors([*old, *new]) == {}


def test_vectors_survive_a_byte_for_each_number() -> None:
    """Cosines move by some thousandths, and nothing is lost at the ends of the scale."""
    rows = np.random.default_rng(5).normal(size=(500, 384))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    found = restore(quantise(rows).tobytes(), len(rows))

    assert found.shape == rows.shape
    moved = (found - rows) @ rows.T
    assert np.sqrt((moved**2).mean()) < 0.003
    assert np.abs(moved).max() < 0.02
    assert restore(quantise(-np.eye(3, dtype=np.float32)).tobytes(), 3) == pytest.approx(-np.eye(3))


@pytest.mark.parametrize(
    "text", ["NUL \x00 inside", "👩‍👩‍👧 😀 e\u0301", "\u2028 line", "ب العربية", "'); DROP TABLE texts;--"]
)
def test_odd_text_comes_back_unchanged(store: Store, runner: JobRunner, text: str) -> None:
    """To the code point, in the text and in its passages; a title is shown, so it loses what nobody sees."""
    whole = f"Before. {text} After."
    record = add(store, runner, "odd '\".txt", whole, title=text, metadata={text: text})

    stored = store.catalog.text(record.id).text
    assert stored.replace("\ufffd", "\x00") == whole
    assert "".join(p.text for p in store.catalog.passages_between(record.id, 0, 9)) == stored
    assert (record.title, record.metadata) == (text.replace("\x00", ""), {text: text})


def test_a_model_that_differs_is_refused(store: Store, runner: JobRunner, pipeline: Pipeline) -> None:
    """Vectors of two models never meet in one collection; another collection takes the new ones."""
    add(store, runner, "a.txt", "some text")
    runner.stop()
    other = Pipeline(pipeline.parser, HashingEmbedder(32), pipeline.parse_config, pipeline.chunk_config)
    runner = JobRunner(store, other, JobConfig(workers=1))
    runner.start()
    refused = add(store, runner, "b.txt", "other text")
    accepted = add(store, runner, "b.txt", "other text", collection="other")
    runner.stop()

    assert refused.error is not None
    assert refused.error[0] == EmbedderMismatch.code
    assert "hashing-1/64" in refused.error[1]
    assert accepted.status is Status.READY
    assert store.catalog.collection("default").embedder == "hashing-1/64/unit"
    assert store.catalog.collection("other").dimensions == 32


# Listing


def test_listing_documents(store: Store, runner: JobRunner) -> None:
    """In the order of arrival, by collection and status, page by page."""
    ids = [add(store, runner, f"{n}.txt", f"text {n}").id for n in range(4)]
    failed = add(store, runner, "bad.pdf", "%PDF-1.7 nothing", collection="other").id

    def listed(
        collection: str | None = None, status: Status | None = None, after: str | None = None
    ) -> list[str]:
        return [record.id for record in store.catalog.documents(collection, status, after, 3)]

    assert listed() == ids[:3]
    assert listed(after=ids[2]) == [ids[3], failed]
    assert listed("other") == [failed]
    assert listed(status=Status.FAILED) == [failed]
    assert listed("default", Status.FAILED) == []
    assert listed("unknown") == []


def test_collections_are_listed_with_their_counts(store: Store, runner: JobRunner) -> None:
    """Documents of every status, and live passages only."""
    add(store, runner, "a.txt", LONG, collection="b")
    add(store, runner, "bad.pdf", "%PDF-1.7 nothing", collection="b")
    store.catalog.create_collection("a")
    with pytest.raises(Conflict, match="'a' already"):
        store.catalog.create_collection("a")

    a, b = store.catalog.collections()

    assert (a.name, a.documents, a.passages, a.embedder) == ("a", 0, 0, None)
    assert (b.name, b.documents) == ("b", 2)
    assert b.passages > 1


# Deletion


def test_a_deleted_document_is_gone(store: Store, runner: JobRunner) -> None:
    """The receipt counts what was removed; no question to the catalog, the views or the disk finds it."""
    first = add(store, runner, "a.txt", LONG)
    second = add(store, runner, "a.txt", "CANARY " + LONG)
    kept = add(store, runner, "kept.txt", "kept text")
    store.answers.save(
        "ans_1", store.catalog.collection("default").id, {"text": "CANARY"}, [first.id, kept.id]
    )

    receipt = store.delete_document(first.id)

    assert (receipt.id, receipt.cached_answers, receipt.original) == (first.id, 1, True)
    assert receipt.passages == receipt.vectors == second.passages
    for question in (
        lambda: store.catalog.document(first.id),
        lambda: store.catalog.text(first.id),
        lambda: store.catalog.text(first.id, 1),
        lambda: store.catalog.sha256(first.id),
        lambda: store.original(first.id, 1),
        lambda: store.answers.get("ans_1"),
        lambda: store.delete_document(first.id),
    ):
        with pytest.raises(NotFound):
            question()
    assert store.catalog.passages_between(first.id, 0, 99) == []
    assert found_texts(store, "CANARY Sentence number") == {"kept text"}
    assert store.blobs.stored() == {kept.sha256}
    assert row_counts(store) == {
        "documents": 1,
        "versions": 1,
        "texts": 1,
        "passages": 1,
        "jobs": 0,
        "answers": 0,
        "answer_documents": 0,
        "answer_cache": 0,
        "spending": 0,
        "collection_budgets": 0,
        "batches": 0,
        "batch_items": 0,
        "feedback": 0,
        "files": 0,
        "file_documents": 0,
        "vector_stores": 0,
        "file_batches": 0,
        "file_batch_files": 0,
        "responses": 0,
        "unsettled_originals": 0,
        "idempotent_requests": 0,
        "idempotent_steps": 0,
        "deletions": 1,
        "drafts": 0,
        "keys": 0,
        "key_usage": 0,
        "audit": 0,
        "conversations": 0,
        "conversation_turns": 0,
        "preferences": 0,
    }


def test_a_deleted_text_is_in_no_file(store: Store, runner: JobRunner) -> None:
    """After the service has closed, no file of the folder holds a word of the only document."""
    record = add(
        store,
        runner,
        "CANARYNAME.txt",
        "CANARYTEXT stands here.",
        title="CANARYTITLE",
        metadata={"CANARYKEY": 1},
    )
    search(store, "CANARYTEXT")
    store.flush()
    store.delete_document(record.id)
    runner.stop()
    store.close()

    for path in store.folder.rglob("*"):
        if path.is_file():
            assert b"canary" not in path.read_bytes().lower(), path


def test_an_original_that_another_document_has_is_kept(store: Store, runner: JobRunner) -> None:
    """The same bytes in two collections are stored once, until both documents are gone."""
    one = add(store, runner, "a.txt", "shared", collection="one")
    two = add(store, runner, "a.txt", "shared", collection="two")

    assert not store.delete_document(one.id).original
    assert store.original(two.id).read_bytes() == b"shared"
    assert store.delete_document(two.id).original
    assert store.blobs.stored() == set()


def test_a_deleted_document_can_come_again(store: Store, runner: JobRunner) -> None:
    """The same bytes are then a new document with a new id."""
    first = add(store, runner, "a.txt", "text")
    store.delete_document(first.id)
    second = add(store, runner, "a.txt", "text")

    assert second.id != first.id
    assert (second.version, second.status) == (1, Status.READY)
    assert found_texts(store, "text") == {"text"}


def test_a_deleted_collection_is_gone(store: Store, runner: JobRunner) -> None:
    """With documents, answers about none of them, and history; others stay."""
    ids = {add(store, runner, f"{n}.txt", f"text {n}", collection="gone").id for n in range(3)}
    add(store, runner, "0.txt", "text 0", collection="kept")
    gone = store.catalog.collection("gone").id
    store.answers.save("ans_1", gone, {"text": "abstained"}, [])

    receipts = store.delete_collection("gone")

    assert {receipt.id for receipt in receipts} == ids
    assert sorted(receipt.original for receipt in receipts) == [False, True, True]
    assert [record.name for record in store.catalog.collections()] == ["kept"]
    with pytest.raises(NotFound):
        store.answers.get("ans_1")
    with pytest.raises(NotFound):
        store.delete_collection("gone")
    assert found_texts(store, "text", "kept") == {"text 0"}


# Answers


def test_answers_are_kept_with_feedback(store: Store, runner: JobRunner) -> None:
    """What was stored comes back; ratings are taken for known answers only."""
    record = add(store, runner, "a.txt", "text")
    body = {"text": "An answer. [1]", "n": [1, 2.5, None, "😀"]}

    assert store.answers.save("ans_1", store.catalog.collection("default").id, body, [record.id, record.id])
    store.answers.add_feedback("ans_1", 1, correct=True, comment="yes")

    assert store.answers.get("ans_1") == body
    store.answers.add_feedback("ans_1", -1, correct=None, comment=None)
    assert list(store.answers.ratings()) == [("ans_1", body, 1, True), ("ans_1", body, -1, None)]
    with pytest.raises(NotFound):
        store.answers.add_feedback("ans_2", 1, correct=None, comment=None)
    assert store.delete_document(record.id).cached_answers == 1
    assert row_counts(store)["feedback"] == 0


def test_an_answer_about_what_was_deleted_meanwhile_is_not_kept(store: Store, runner: JobRunner) -> None:
    """A document or a whole collection that goes while its answer is made leaves no answer behind."""
    record = add(store, runner, "a.txt", "text")
    collection = store.catalog.collection("default").id
    store.delete_document(record.id)
    assert not store.answers.save("ans_1", collection, {"text": "text"}, [record.id])
    store.delete_collection("default")
    assert not store.answers.save("ans_2", collection, {"text": "nothing"}, [])

    assert row_counts(store)["answers"] == 0


def test_searching_by_query_in_an_unknown_collection(store: Store) -> None:
    """It is an error, as with any other method."""
    with pytest.raises(NotFound, match="no such collection"):
        store.collection("nowhere").search(query("x"), 1, ("dense",))

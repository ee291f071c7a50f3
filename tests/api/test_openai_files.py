"""The official OpenAI client stores files, makes vector stores of them, and searches these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openai
import pytest

from tests.api.conftest import ADMIN_KEY
from tests.api.server import error_of, upload

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

LENDING = b"# Lending\n\nMembers may borrow seven books at a time. Books may be kept for 21 days.\n"
FEES = b"# Fees\n\nThe late fee is 25 cents a day. The drill costs 5 euros a day.\n"


@pytest.fixture(scope="module")
def official(client: httpx.Client, address: str) -> Iterator[openai.OpenAI]:
    """The client, pointed at the service."""
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as opened:
        yield opened


def stored(official: openai.OpenAI, content: bytes, name: str = "notes.md") -> str:
    """A file, uploaded alone."""
    return official.files.create(file=(name, content), purpose="assistants").id


def filled(official: openai.OpenAI, name: str, *contents: bytes) -> tuple[str, list[str]]:
    """A vector store with files, ready."""
    made = official.vector_stores.create(name=name)
    ids = []
    for number, content in enumerate(contents):
        file = official.vector_stores.files.upload_and_poll(
            vector_store_id=made.id, file=(f"{name}-{number}.md", content)
        )
        assert file.status == "completed", file
        ids.append(file.id)
    return made.id, ids


def test_a_file_is_stored_read_and_deleted(official: openai.OpenAI) -> None:
    """Uploaded, listed, read and deleted: what is deleted is unknown."""
    made = official.files.create(file=("rules.md", LENDING), purpose="assistants")

    assert (made.object, made.filename, made.bytes) == ("file", "rules.md", len(LENDING))
    assert official.files.retrieve(made.id) == made
    assert official.files.wait_for_processing(made.id).status == "processed"
    assert made.id in {each.id for each in official.files.list(purpose="assistants")}
    assert made.id not in {each.id for each in official.files.list(purpose="user_data")}
    assert official.files.content(made.id).read() == LENDING
    assert official.files.delete(made.id).deleted
    for call in (official.files.retrieve, official.files.content, official.files.delete):
        with pytest.raises(openai.NotFoundError):
            call(made.id)


def test_what_a_file_cannot_be_is_refused(official: openai.OpenAI, client: httpx.Client) -> None:
    """Other purposes and expiry are refused and not forgotten."""
    with pytest.raises(openai.UnprocessableEntityError, match="purpose"):
        official.files.create(file=("x.jsonl", b"{}"), purpose="fine-tune")
    with pytest.raises(openai.UnprocessableEntityError, match="expires_after"):
        official.files.create(
            file=("x.md", b"x"), purpose="assistants", expires_after={"anchor": "created_at", "seconds": 3600}
        )
    error_of(client.post("/v1/files", json={"file": "x"}), 415)
    error_of(client.post("/v1/files", files={"purpose": (None, "assistants")}), 422, "invalid_field")


def test_pages_of_files_outlive_what_is_deleted_on_the_way(official: openai.OpenAI) -> None:
    """Each file comes once, in the order of arrival, though every one is deleted before the next page is asked for."""
    made = [stored(official, f"File {number}.".encode()) for number in range(5)]

    seen = []
    for each in official.files.list(limit=2, order="asc", after=made[0]):
        seen.append(each.id)
        official.files.delete(each.id)

    assert seen == made[1:]
    assert official.files.list(limit=1).data[0].id == made[0]
    official.files.delete(made[0])


def test_a_vector_store_is_a_collection(official: openai.OpenAI, client: httpx.Client) -> None:
    """Its id is the name where a collection can have it; a name that is taken or cannot be one gets an id."""
    made = official.vector_stores.create(name="papers-of-1999", metadata={"team": "library"})
    again = official.vector_stores.create(name="papers-of-1999")
    spoken = official.vector_stores.create(name="What we know: everything")

    assert made.id == "papers-of-1999"
    assert client.get("/v1/collections/papers-of-1999").status_code == 200
    assert again.id != made.id
    assert (again.name, spoken.name) == (made.name, "What we know: everything")
    assert spoken.id.startswith("vs_")
    changed = official.vector_stores.update(made.id, name="Papers", metadata={"team": "archive"})
    assert (changed.id, changed.name, changed.metadata) == (made.id, "Papers", {"team": "archive"})
    assert official.vector_stores.update(made.id, name="Paper").metadata == {"team": "archive"}
    listed = [each.id for each in official.vector_stores.list(limit=1, order="asc")]
    assert listed.index(made.id) < listed.index(again.id) < listed.index(spoken.id)
    for each in (made, again, spoken):
        assert official.vector_stores.delete(each.id).deleted
        with pytest.raises(openai.NotFoundError):
            official.vector_stores.retrieve(each.id)


def test_files_of_a_vector_store(official: openai.OpenAI, client: httpx.Client) -> None:
    """Attached, polled, read, searched, given attributes, and taken out again, which leaves the file."""
    store, (first, second) = filled(official, "shelves", LENDING, FEES)

    counts = official.vector_stores.retrieve(store)
    assert (counts.status, counts.file_counts.completed, counts.usage_bytes) == (
        "completed",
        2,
        len(LENDING) + len(FEES),
    )
    listed = [each.id for each in official.vector_stores.files.list(store, limit=1)]
    assert listed == [second, first]
    assert [each.id for each in official.vector_stores.files.list(store, filter="failed")] == []
    (part,) = official.vector_stores.files.content(first, vector_store_id=store)
    assert part.text == LENDING.decode()
    file = official.vector_stores.files.update(
        first, vector_store_id=store, attributes={"year": 2024, "kind": "rule"}
    )
    assert file.attributes == {"year": 2024, "kind": "rule"}
    assert official.vector_stores.files.retrieve(first, vector_store_id=store).attributes == file.attributes
    assert official.vector_stores.files.delete(first, vector_store_id=store).deleted
    with pytest.raises(openai.NotFoundError):
        official.vector_stores.files.retrieve(first, vector_store_id=store)
    found = official.vector_stores.search(store, query="How many books may members borrow?").data
    assert {each.file_id for each in found} == {second}
    assert official.files.content(first).read() == LENDING
    assert (
        client.get("/v1/documents", params={"collection": store}).json()["documents"][0]["filename"]
        == "shelves-1.md"
    )


def test_a_search_with_filters_and_ranking(official: openai.OpenAI) -> None:
    """Comparison and compound filters, a threshold, several queries; scores fall."""
    store, (first, second) = filled(official, "searched", LENDING, FEES)
    official.vector_stores.files.update(
        first, vector_store_id=store, attributes={"year": 2023, "kind": "rule"}
    )
    official.vector_stores.files.update(
        second, vector_store_id=store, attributes={"year": 2024, "kind": "price"}
    )

    def found(filters: Any = openai.omit, **more: Any) -> list[str]:
        page = official.vector_stores.search(store, query="books and fees", filters=filters, **more)
        assert [each.score for each in page.data] == sorted((each.score for each in page.data), reverse=True)
        assert all(0 <= each.score <= 1 for each in page.data)
        return [each.file_id for each in page.data]

    assert set(found()) == {first, second}
    for key, kind, value, wanted in (
        ("kind", "eq", "rule", {first}),
        ("kind", "ne", "rule", {second}),
        ("year", "gt", 2023, {second}),
        ("year", "lte", 2023, {first}),
        ("year", "in", [2023, 2024], {first, second}),
        ("year", "nin", [2023], {second}),
    ):
        assert set(found({"type": kind, "key": key, "value": value})) == wanted, kind
    either = [{"type": "eq", "key": "year", "value": each} for each in (2023, 2024)]
    assert set(found({"type": "or", "filters": either})) == {first, second}
    assert found({"type": "and", "filters": either}) == []
    assert found(ranking_options={"score_threshold": 1.0, "ranker": "none"}) == [
        each
        for each in found()[:1]
        if official.vector_stores.search(store, query="books and fees").data[0].score >= 1
    ]
    assert len(found(max_num_results=1)) == 1
    several = official.vector_stores.search(store, query=["late fee", "borrow books"]).data
    assert {each.file_id for each in several} == {first, second}
    assert several[0].content[0].text in (LENDING + FEES).decode()
    for wrong in (
        {"type": "like", "key": "kind", "value": "r"},
        {"type": "and", "filters": []},
        {"type": "eq"},
    ):
        with pytest.raises(openai.UnprocessableEntityError):
            found(wrong)


def test_a_batch_is_polled_to_its_end(official: openai.OpenAI) -> None:
    """Files are put in together, each with its attributes; none is when one is unknown."""
    store = official.vector_stores.create(name="batched").id
    files = [stored(official, each) for each in (LENDING, FEES, b"%PDF-1.7 and no more")]

    batch = official.vector_stores.file_batches.create_and_poll(
        store, files=[{"file_id": each, "attributes": {"number": at}} for at, each in enumerate(files)]
    )

    assert (batch.status, batch.file_counts.completed, batch.file_counts.failed) == ("completed", 2, 1)
    assert official.vector_stores.file_batches.retrieve(batch.id, vector_store_id=store) == batch
    listed = list(official.vector_stores.file_batches.list_files(batch.id, vector_store_id=store, limit=1))
    assert [each.id for each in listed] == files[::-1]
    assert [(each.attributes or {})["number"] for each in listed] == [2, 1, 0]
    (failed,) = official.vector_stores.file_batches.list_files(
        batch.id, vector_store_id=store, filter="failed"
    )
    assert failed.last_error is not None
    assert failed.last_error.code in ("invalid_file", "unsupported_file")
    with pytest.raises(openai.NotFoundError):
        official.vector_stores.file_batches.create(store, file_ids=[files[0], "file-unknown"])
    uploaded = official.vector_stores.file_batches.upload_and_poll(store, files=[("more.md", b"More of it.")])
    assert uploaded.file_counts.completed == 1


def test_a_cancelled_batch_leaves_nothing_unfinished(official: openai.OpenAI, client: httpx.Client) -> None:
    """What was not ready is in no store; what was, stays."""
    store = official.vector_stores.create(name="cancelled").id
    files = [
        stored(official, f"Number {number}. {'Words and words. ' * 400}".encode()) for number in range(6)
    ]
    batch = official.vector_stores.file_batches.create(store, file_ids=files)

    ended = official.vector_stores.file_batches.cancel(batch.id, vector_store_id=store)

    assert ended.status == "cancelled"
    assert ended.file_counts.in_progress == 0
    assert ended.file_counts.total == 6
    left = {each.id for each in official.vector_stores.files.list(store)}
    assert len(left) == ended.file_counts.completed
    documents = client.get("/v1/documents", params={"collection": store}).json()["documents"]
    assert len(documents) == len(left)
    assert official.files.retrieve(files[-1]).id == files[-1]


def test_documents_uploaded_otherwise_are_files_too(official: openai.OpenAI, client: httpx.Client) -> None:
    """Under their own id: listed, read, searched and deleted as files."""
    document = upload(client, FEES.decode(), "fees.md", collection="native")["id"]

    (listed,) = official.vector_stores.files.list("native")
    assert listed.id == document
    assert official.files.retrieve(document).filename == "fees.md"
    assert official.files.content(document).read() == FEES
    assert official.vector_stores.search("native", query="late fee").data[0].file_id == document
    assert official.files.delete(document).deleted
    error_of(client.get(f"/v1/documents/{document}"), 404)
    assert list(official.vector_stores.files.list("native")) == []


def test_one_file_in_two_stores(official: openai.OpenAI, client: httpx.Client) -> None:
    """Deleting the file takes it out of both; deleting its document in one leaves the other."""
    file = stored(official, LENDING + b"\nTwice.\n", "twice.md")
    stores = [official.vector_stores.create(name=f"twice-{each}").id for each in "ab"]
    for store in stores:
        official.vector_stores.files.create_and_poll(file, vector_store_id=store)

    (document,) = client.get("/v1/documents", params={"collection": stores[0]}).json()["documents"]
    client.delete(f"/v1/documents/{document['id']}").raise_for_status()

    assert official.files.retrieve(file).id == file
    assert list(official.vector_stores.files.list(stores[0])) == []
    assert [each.id for each in official.vector_stores.files.list(stores[1])] == [file]
    official.files.delete(file)
    assert list(official.vector_stores.files.list(stores[1])) == []
    assert client.get("/v1/documents", params={"collection": stores[1]}).json()["documents"] == []


def test_a_deleted_document_takes_its_file_along(official: openai.OpenAI, client: httpx.Client) -> None:
    """From the moment that the service says so no route returns its text, the file's neither."""
    store, (file,) = filled(official, "erased", b"The pangolin sleeps.\n")
    (document,) = client.get("/v1/documents", params={"collection": store}).json()["documents"]

    receipt = client.delete(f"/v1/documents/{document['id']}").json()

    assert receipt["removed"]["original"]
    for call in (official.files.retrieve, official.files.content):
        with pytest.raises(openai.NotFoundError):
            call(file)


def test_the_same_bytes_twice_are_one_document(official: openai.OpenAI) -> None:
    """It stays in the store until the last of its files is taken out."""
    store, (first,) = filled(official, "doubled", LENDING)
    second = official.vector_stores.files.upload_and_poll(vector_store_id=store, file=("copy.md", LENDING)).id

    assert {each.id for each in official.vector_stores.files.list(store)} == {first, second}
    official.vector_stores.files.delete(first, vector_store_id=store)
    assert [each.file_id for each in official.vector_stores.search(store, query="borrow books").data] == [
        second
    ]
    official.vector_stores.files.delete(second, vector_store_id=store)
    assert official.vector_stores.search(store, query="borrow books").data == []


def test_two_files_of_one_name_are_two_documents(official: openai.OpenAI) -> None:
    """A file is no version of another, as a document uploaded under its name would be."""
    store = official.vector_stores.create(name="named").id
    for content in (LENDING, FEES):
        official.vector_stores.files.upload_and_poll(vector_store_id=store, file=("same.md", content))

    assert official.vector_stores.retrieve(store).file_counts.completed == 2


def test_settings_that_would_have_no_effect_are_refused(official: openai.OpenAI) -> None:
    """Chunks of fixed sizes and expiry: refused, with the reason."""
    static: Any = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 10}}
    file = stored(official, b"Chunked.")
    store = official.vector_stores.create(name="settings").id
    with pytest.raises(openai.UnprocessableEntityError, match="chunking_strategy"):
        official.vector_stores.files.create(store, file_id=file, chunking_strategy=static)
    with pytest.raises(openai.UnprocessableEntityError, match="expires_after"):
        official.vector_stores.create(name="e", expires_after={"anchor": "last_active_at", "days": 1})
    made = official.vector_stores.files.create(store, file_id=file, chunking_strategy={"type": "auto"})
    assert made.id == file


def test_restricted_files_are_seen_by_their_principals_alone(guarded: httpx.Client) -> None:
    """Through every call of the client: a file put in with ``allow`` is unknown to others, also under its file id."""
    admin = {"Authorization": f"Bearer {ADMIN_KEY}"}

    def key(*scopes: str, **more: Any) -> openai.OpenAI:
        body = {"name": "made by a test", "scopes": list(scopes), **more}
        token = guarded.post("/v1/keys", json=body, headers=admin).json()["token"]
        return openai.OpenAI(base_url=f"{guarded.base_url}/v1", api_key=token, max_retries=0)

    scopes = ("read:sealed", "write:sealed", "ask:sealed")
    board, plain = key(*scopes, principals=["board"]), key(*scopes)
    trusted, foreign = key(*scopes, principals=["*"]), key("read:other", "write:other", "ask:other")
    store = board.vector_stores.create(name="sealed").id
    file = stored(board, b"The zugzwang of the board costs 900 euros.", "sealed.md")
    alone = stored(board, b"Not in any store yet.", "alone.md")
    made = board.vector_stores.files.create_and_poll(
        file, vector_store_id=store, attributes={"allow": ["board"]}
    )  # type: ignore[dict-item]
    assert made.status == "completed"
    batch = board.vector_stores.file_batches.create_and_poll(store, file_ids=[file])

    unknown: list[str] = []
    for client in (plain, trusted, foreign):
        for call in (
            lambda c: c.files.retrieve(file),
            lambda c: c.files.content(file),
            lambda c: c.files.delete(file),
            lambda c: c.files.retrieve(alone),
            lambda c: c.files.content(alone),
            lambda c: c.vector_stores.files.create(store, file_id=alone),
            lambda c: c.vector_stores.files.retrieve(file, vector_store_id=store),
            lambda c: c.vector_stores.files.content(file, vector_store_id=store),
            lambda c: c.vector_stores.files.update(file, vector_store_id=store, attributes={}),
            lambda c: c.vector_stores.files.delete(file, vector_store_id=store),
            lambda c: c.vector_stores.files.create(store, file_id=file),
            lambda c: c.vector_stores.file_batches.retrieve(batch.id, vector_store_id=store),
            lambda c: c.vector_stores.file_batches.cancel(batch.id, vector_store_id=store),
            lambda c: c.vector_stores.file_batches.create(store, file_ids=[file]),
        ):
            with pytest.raises(openai.NotFoundError) as caught:
                call(client)
            unknown.append(str(caught.value))
        assert file not in {each.id for each in client.files.list()}
        assert alone not in {each.id for each in client.files.list()}
    assert not any("zugzwang" in each for each in unknown)
    assert plain.vector_stores.retrieve(store).file_counts.total == 0
    assert list(plain.vector_stores.files.list(store)) == []
    assert plain.vector_stores.search(store, query="zugzwang").data == []
    as_board = trusted.with_options(default_query={"as": "board"})
    assert as_board.files.content(file).read().startswith(b"The zugzwang")
    assert as_board.vector_stores.search(store, query="zugzwang").data[0].file_id == file
    # Uploaded as somebody, a file that is in no store is for whoever is all of these again.
    own = stored(trusted.with_options(default_query={"as": "alice"}), b"For alice.")
    for who, status in (("bob", False), ("alice", True)):
        client = trusted.with_options(default_query={"as": who})
        assert (own in {each.id for each in client.files.list()}) == status
    with pytest.raises(openai.NotFoundError):
        trusted.files.retrieve(own)
    with pytest.raises(openai.NotFoundError):
        foreign.vector_stores.retrieve(store)
    with pytest.raises(openai.NotFoundError):
        foreign.vector_stores.search(store, query="zugzwang")
    with pytest.raises(openai.PermissionDeniedError):
        plain.vector_stores.delete(store)

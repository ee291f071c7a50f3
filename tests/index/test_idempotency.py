"""Requests with a key: done once, gone on with after a crash, and never a way to a deleted document."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update

from index.errors import KeyReused, RequestInProgress
from index.idempotency import KEPT_S, Claim, Replay
from index.schema import idempotent_requests as requests
from index.store import Store
from tests.index.helpers import upload

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from index.types import DeletionReceipt


def begun(store: Store, key: str = "k", fingerprint: str = "f", scope: str = "") -> Claim:
    """A claim that must be given."""
    claim = store.idempotency.begin(scope, key, fingerprint)
    assert isinstance(claim, Claim)
    return claim


def replayed(store: Store, key: str = "k", fingerprint: str = "f") -> Replay:
    """An answer that must have been kept."""
    replay = store.idempotency.begin("", key, fingerprint)
    assert isinstance(replay, Replay)
    return replay


def rows(store: Store) -> int:
    """How many keys are known."""
    with store.database.read() as connection:
        return len(connection.execute(select(requests.c.key)).all())


def test_the_answer_is_kept_and_given_again(store: Store) -> None:
    """With the documents that the request stored, also after a restart."""
    claim = begun(store)
    submission = upload(store, "a.txt", "text", claim=claim)
    store.idempotency.finish(claim, 202, "{}")
    store.idempotency.release(claim)

    assert replayed(store) == Replay(202, "{}", (submission,))
    folder = store.folder
    store.close()
    again = Store(folder)
    assert replayed(again) == Replay(202, "{}", (submission,))
    again.close()


def test_the_key_of_another_request_is_refused(store: Store) -> None:
    """While it is in work and after it was answered; another caller's key is another key."""
    claim = begun(store)
    with pytest.raises(KeyReused):
        store.idempotency.begin("", "k", "other")
    store.idempotency.finish(claim, 200, "{}")
    store.idempotency.release(claim)
    with pytest.raises(KeyReused):
        store.idempotency.begin("", "k", "other")

    assert begun(store, scope="somebody else", fingerprint="other").done == ()


def test_a_request_in_progress_is_not_begun_twice(store: Store) -> None:
    """Of twenty at once, one may work on it."""
    start = threading.Barrier(20)

    def begin(_: int) -> Claim | Replay | None:
        start.wait()
        try:
            return store.idempotency.begin("", "k", "f")
        except RequestInProgress:
            return None

    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(begin, range(20)))

    assert sum(isinstance(each, Claim) for each in found) == 1
    assert found.count(None) == 19


def test_a_request_that_failed_before_it_did_anything_is_forgotten(store: Store) -> None:
    """Its key can come again with a mended request."""
    store.idempotency.release(begun(store))

    assert begun(store, fingerprint="mended").done == ()


def test_a_request_that_a_crash_cut_off_goes_on(store: Store) -> None:
    """What it stored before is told to the next try, which does the rest; another request is still refused."""
    claim = begun(store)
    first = upload(store, "a.txt", "first", claim=claim)
    folder = store.folder
    store.close()

    again = Store(folder)
    with pytest.raises(KeyReused):
        again.idempotency.begin("", "k", "other")
    claim = begun(again)
    assert claim.done == (first,)
    second = upload(again, "b.txt", "second", claim=claim)
    again.idempotency.finish(claim, 202, "{}")
    assert replayed(again).done == (first, second)
    again.close()


def test_a_try_that_was_taken_over_stores_nothing_more(store: Store) -> None:
    """A late thread of a request that was given up is fenced off: its document is not stored."""
    former = begun(store)
    upload(store, "a.txt", "first", claim=former)
    store.idempotency.release(former)
    present = begun(store)

    with pytest.raises(RequestInProgress):
        upload(store, "b.txt", "late", claim=former)

    assert [each.filename for each in store.catalog.documents(None, None, None, 10)] == ["a.txt"]
    assert len(store.blobs.stored()) == 1
    assert len(present.done) == 1


def test_a_kept_answer_goes_with_its_document(store: Store) -> None:
    """The key stays known and the request is not done again; what it showed is gone, also if it is finished late."""
    for finished_before in (True, False):
        key = f"key {finished_before}"
        claim = begun(store, key)
        submission = upload(store, "a.txt", f"text {finished_before}", claim=claim)
        if finished_before:
            store.idempotency.finish(claim, 201, "CANARY")
        store.delete_document(submission.document_id)
        if not finished_before:
            store.idempotency.finish(claim, 201, "CANARY")
        store.idempotency.release(claim)

        assert replayed(store, key) == Replay(201, None, (submission,))
    with store.database.read() as connection:
        assert "CANARY" not in str(connection.execute(select(requests)).all())


def test_a_deletion_and_its_answer_are_one_transaction(store: Store) -> None:
    """The receipt is known from the moment at which the document is gone, and not before."""
    document_id = upload(store, "a.txt", "text").document_id
    claim = begun(store)

    def fail(_connection: Connection, _receipt: DeletionReceipt) -> None:
        raise OSError("cut off")

    with pytest.raises(OSError, match="cut off"):
        store.delete_document(document_id, then=fail)
    assert store.original(document_id).read_text() == "text"

    def note(connection: Connection, receipt: DeletionReceipt) -> None:
        store.idempotency.note_answer(connection, claim, 200, json.dumps({"id": receipt.id}))

    store.delete_document(document_id, then=note)
    store.idempotency.release(claim)
    assert json.loads(replayed(store).body or "") == {"id": document_id}


def test_keys_expire(store: Store) -> None:
    """After the documented time the key is new; what it stood for takes no room any more."""
    claim = begun(store)
    upload(store, "a.txt", "text", claim=claim)
    store.idempotency.finish(claim, 202, "{}")
    store.idempotency.release(claim)
    with store.database.write() as connection:
        connection.execute(update(requests).values(expires_at=requests.c.expires_at - KEPT_S - 1))

    begun(store, "another")

    assert rows(store) == 1
    assert begun(store, "k", "something else").done == ()

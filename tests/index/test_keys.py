"""Keys, quotas and the audit log: what is stored of them, and what opens."""

from __future__ import annotations

import sqlite3
import threading
import time
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from index.audit import Entry
from index.errors import Conflict, NotFound
from index.keys import KeyGrant, KeyLimits, Scope
from index.schema import keys as table
from index.usage import DAY_S, Metered

if TYPE_CHECKING:
    from index.store import Store

GRANT = KeyGrant(
    "a key", ("read:papers", "ask:*"), principals=("alice",), limits=KeyLimits(questions_per_day=3)
)


def test_a_key_opens_what_it_is_for(store: Store) -> None:
    """Its token gives back what it was made for, and its scopes name their collections."""
    record, token = store.keys.create(GRANT)

    assert store.keys.authenticate(token) == record
    assert record.grant == GRANT
    assert record.grant.collections(Scope.READ) == {"papers"}
    assert record.grant.collections(Scope.ASK) == {"*"}
    assert record.grant.collections(Scope.WRITE) == set()
    assert not record.grant.is_admin


def test_no_file_holds_a_token(store: Store) -> None:
    """Only a hash is stored: whoever reads the folder cannot call with what they find."""
    _, token = store.keys.create(GRANT)
    secret = token.rpartition("_")[2].encode()
    store.database.forget_log()

    assert not any(secret in path.read_bytes() for path in store.folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "spoil", ["", "x", "fn_", "fn__", "fn_0123456789abcdef_", "Bearer x", "\x00", "fn_é_x"]
)
def test_what_is_no_token_opens_nothing(store: Store, spoil: str) -> None:
    """Other texts, other ids and other secrets; also a token with a letter more, less or changed."""
    _, token = store.keys.create(GRANT)
    changed = token[:-1] + ("A" if token[-1] != "A" else "B")

    for wrong in (spoil, token + spoil if spoil else token[:-1], changed, token.upper(), f" {token}"):
        assert store.keys.authenticate(wrong) is None, wrong


def test_revoked_and_expired_at_once(store: Store) -> None:
    """The next look at the key sees it; revoking twice changes nothing."""
    record, token = store.keys.create(GRANT)
    ended = store.keys.revoke(record.id)
    assert store.keys.authenticate(token) is None
    assert store.keys.revoke(record.id) == ended

    brief, token = store.keys.create(KeyGrant("brief", ("ask:*",), expires_at=time.time() + 0.2))
    assert store.keys.authenticate(token) == brief
    time.sleep(0.25)
    assert store.keys.authenticate(token) is None
    for key_id in (record.id, brief.id):
        with pytest.raises(Conflict):
            store.keys.rotate(key_id)
    with pytest.raises(NotFound):
        store.keys.revoke("0" * 16)


def test_rotation(store: Store) -> None:
    """The new secret opens; the one before for as long as the overlap, and the one before that never again."""
    record, first = store.keys.create(GRANT)
    _, second = store.keys.rotate(record.id, overlap_s=0.3)
    assert first != second
    assert store.keys.authenticate(first) is not None
    assert store.keys.authenticate(second) is not None

    time.sleep(0.35)
    assert store.keys.authenticate(first) is None

    _, third = store.keys.rotate(record.id)
    assert store.keys.authenticate(second) is None
    assert store.keys.authenticate(third) is not None


def test_last_use_is_coarse(store: Store) -> None:
    """It is written at the first use, and not again within the hour."""
    record, token = store.keys.create(GRANT)
    store.keys.note_use(record)
    used = store.keys.get(record.id)
    assert used.last_used_at == pytest.approx(time.time(), abs=30)

    store.keys.note_use(used)
    assert store.keys.get(record.id) == used
    with store.database.write() as connection:
        connection.execute(update(table).values(last_used_at=time.time() - 3700))
    stale = store.keys.authenticate(token)
    assert stale is not None
    store.keys.note_use(stale)
    assert store.keys.get(record.id).last_used_at == pytest.approx(time.time(), abs=30)


def test_once_a_key_was_made_keys_exist(store: Store) -> None:
    """Revoking the last one does not open the service to everybody."""
    assert not store.keys.exist()
    record, _ = store.keys.create(GRANT)
    store.keys.revoke(record.id)
    assert store.keys.exist()


def test_a_quota_is_not_overspent_by_many_at_once(store: Store) -> None:
    """Of forty who take at the same time, exactly as many succeed as fit."""
    record, _ = store.keys.create(GRANT)
    taken: list[bool] = []

    def take() -> None:
        taken.append(store.usage.take(record.id, Metered.QUESTIONS, 2, 21))

    threads = [threading.Thread(target=take) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(taken) == 10
    assert store.usage.used(record.id)[Metered.QUESTIONS] == 20
    assert store.usage.take(record.id, Metered.QUESTIONS, 1, 21)
    store.usage.give_back(record.id, Metered.QUESTIONS, 1)
    assert store.usage.used(record.id)[Metered.QUESTIONS] == 20


def test_a_quota_is_renewed_the_next_day(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was used yesterday neither counts nor stays."""
    record, _ = store.keys.create(GRANT)
    assert store.usage.take(record.id, Metered.UPLOAD_BYTES, 5, 5)
    assert not store.usage.take(record.id, Metered.UPLOAD_BYTES, 1, 5)
    tomorrow = time.time() + DAY_S

    monkeypatch.setattr(time, "time", lambda: tomorrow)

    assert store.usage.take(record.id, Metered.UPLOAD_BYTES, 5, 5)
    with store.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM key_usage").scalar_one() == 1


def entry(action: str = "ask") -> Entry:
    """An entry."""
    return Entry(1.5, "0123", action, None, 200, "trace")


def test_the_audit_log_only_grows(store: Store) -> None:
    """No program that opens the database can change, replace or delete what was noted."""
    store.audit.append([entry("key.create"), entry("ask")])
    store.audit.append([])
    assert [(number, each.action) for number, each in store.audit.entries()] == [
        (1, "key.create"),
        (2, "ask"),
    ]
    assert [number for number, _ in store.audit.entries(after=1)] == [2]

    with sqlite3.connect(store.folder / "catalog.sqlite3") as other:
        for statement in (
            "UPDATE audit SET outcome = 200",
            "DELETE FROM audit",
            "DELETE FROM audit WHERE id = 2",
            "INSERT OR REPLACE INTO audit VALUES (1, 0, 'x', 'x', NULL, 0, 'x')",
            "REPLACE INTO audit SELECT id, 0, 'x', action, NULL, 0, 'x' FROM audit",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                other.execute(statement)
    other.close()
    assert [each for _, each in store.audit.entries()] == [entry("key.create"), entry("ask")]

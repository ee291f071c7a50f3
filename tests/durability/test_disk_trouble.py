"""A disk that is full or failing: refused with 507 or 503, nothing half done, reading goes on, work resumes."""

from __future__ import annotations

import errno
import random
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.exc import OperationalError

from index import dense
from index.disk import Trouble, passes, trouble
from index.doctor import examine
from index.store import Store
from index.usage import DAY_S
from tests.api.server import error_of
from tests.durability import faults
from tests.durability.test_disk_order import needs_strace
from tests.index.helpers import add, found_texts, search, upload

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from api.deps import Service
    from index.jobs import JobRunner

TEXT = "The red bird sings in the morning. It eats seeds. "


def post(client: httpx.Client, name: str, text: str, **fields: str) -> httpx.Response:
    """Upload one file."""
    return client.post("/v1/documents", files={"file": (name, text.encode())}, data=fields)


def fill_catalog(service: Service) -> None:
    """Let the catalog have no page more than it has: SQLite then says that the disk is full."""
    with service.store.database.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")


def empty_catalog(service: Service) -> None:
    """There is room again."""
    with service.store.database.write() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1000000")


def reads_work(client: httpx.Client, document_id: str) -> None:
    """Every way to read is answered as before."""
    assert client.get(f"/v1/documents/{document_id}/text").json()["text"].startswith(TEXT)
    assert client.get(f"/v1/documents/{document_id}/original").text.startswith(TEXT)
    found = client.post("/v1/search", json={"query": "What does the red bird eat?"}).json()["passages"]
    assert [each["document_id"] for each in found][:1] == [document_id]
    asked = client.post("/v1/ask", json={"question": "What does the red bird eat?", "mode": "extractive"})
    assert asked.status_code == 200, asked.text
    assert asked.json()["citations"]
    assert client.get("/readyz").status_code == 200


def test_a_full_catalog_is_507_and_reading_goes_on(served: tuple[httpx.Client, Service]) -> None:
    """Uploading is refused until there is room; then the same request succeeds."""
    client, service = served
    document_id = post(client, "a.txt", TEXT, wait="true").json()["documents"][0]["id"]
    fill_catalog(service)
    refused = 0
    for number in range(40):
        answer = post(client, f"{number}.txt", f"{TEXT * 50} {number}")
        if answer.status_code != 202:
            assert error_of(answer, 507, "disk_full")["retryable"]
            refused += 1
        if refused == 3:
            break
    assert refused == 3
    reads_work(client, document_id)
    empty_catalog(service)
    answer = post(client, "last.txt", f"{TEXT * 50} last")

    assert answer.status_code == 202, answer.text
    service.runner.drain()
    listed = client.get("/v1/documents").json()["documents"]
    assert {each["status"] for each in listed} == {"ready"}
    report = examine(service.store, repair=False)
    assert report.clean, report.findings


def test_files_that_cannot_grow_are_507_or_503(served: tuple[httpx.Client, Service]) -> None:
    """A quota on file sizes stops originals and log alike, in the middle of their writes."""
    client, service = served
    document_id = post(client, "a.txt", TEXT, wait="true").json()["documents"][0]["id"]
    seen = set()
    for size in (0, 1, 4096, 70_000, 200_000):
        with faults.quota(size):
            for length in (1, 2_000, 10_000):
                answer = post(client, f"{size} {length}.txt", f"{size} {TEXT * length}")
                seen.add(answer.status_code)
                if answer.status_code not in (201, 202):
                    assert error_of(answer, answer.status_code)["code"] in ("disk_full", "storage_failed")
            reads_work(client, document_id)
    assert seen <= {202, 503, 507}
    assert 507 in seen
    end = time.monotonic() + 60
    while service.store.jobs.waiting() and time.monotonic() < end:
        service.runner.notify()
        time.sleep(0.05)

    assert post(client, "last.txt", "the last text", wait="true").status_code == 201
    service.store.tidy()
    listed = client.get("/v1/documents").json()["documents"]
    assert {each["status"] for each in listed} == {"ready"}
    report = examine(service.store, repair=False)
    assert report.clean, report.findings


def test_questions_that_cannot_be_counted_are_counted_later(served: tuple[httpx.Client, Service]) -> None:
    """A disk that takes nothing disturbs no question, and no count is lost to it."""
    client, service = served
    post(client, "a.txt", TEXT, wait="true")
    books, asked = service.store.spending, {"question": "What does the red bird eat?", "mode": "extractive"}
    with faults.quota(0):
        for _ in range(2):
            assert client.post("/v1/ask", json=asked).status_code == 200
            books.flush()

    today = int(time.time()) // DAY_S
    (total,) = books.totals(today, today, ["collection"])
    assert total.amounts.questions + total.amounts.cached == 2


def test_deleting_on_a_failing_disk_is_no_success(
    store: Store, runner: JobRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the original cannot be removed the caller is told; the text is gone all the same, the file soon after."""
    document_id = add(store, runner, "a.txt", TEXT).id

    def fail(_hashes: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(store.blobs, "remove", fail)
        with pytest.raises(OSError, match="Input/output"):
            store.delete_document(document_id)
        store.tidy()
        assert len(store.blobs.stored()) == 1
    assert search(store, "red bird") == {"dense": [], "lexical": []}

    store.tidy()

    assert store.blobs.stored() == set()
    assert examine(store, repair=False).clean


def test_an_upload_whose_original_cannot_be_kept_leaves_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the rename was done and only its folder could not be synced."""

    def fail(_folder: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("index.blobs.sync_folder", fail)
        with pytest.raises(OSError, match="Input/output"):
            upload(store, "a.txt", TEXT)
    store.tidy()

    assert store.blobs.stored() == set()
    assert store.catalog.documents(None, None, None, 10) == []
    assert examine(store, repair=False).clean


def test_a_view_that_cannot_be_written_is_no_reason_not_to_search(
    store: Store, runner: JobRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other view finds what is new, nothing finds what is deleted, and later both agree again."""
    gone = add(store, runner, "gone.txt", "The blue bird sings. ").id
    views = store.collection("default").views()

    def fail(_writer: object, _batch: object) -> None:
        raise ValueError("An IO error occurred: 'No space left on device (os error 28)'")

    with monkeypatch.context() as patch:
        patch.setattr(views["lexical"], "_fill", fail)
        add(store, runner, "new.txt", "The green bird sings. ")
        store.delete_document(gone)
        assert found_texts(store, "bird sings") == {"The green bird sings. "}
        assert len(search(store, "bird sings")["dense"]) == 1

    found = search(store, "green bird")
    assert len(found["dense"]) == len(found["lexical"]) == 1
    assert examine(store, repair=False).clean


def test_a_disk_that_is_full_at_the_end_is_no_reason_to_fail(
    store: Store, runner: JobRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a view would keep for the next start is made again then."""
    add(store, runner, "a.txt", "The bird sings.")
    runner.stop()

    def full(_path: Path, _content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(dense, "write_atomically", full)
        store.close()
    again = Store(store.folder)

    assert found_texts(again, "bird sings") == {"The bird sings."}
    again.close()


def test_a_disk_that_fails_for_long_does_not_use_up_a_jobs_attempts(store: Store, pipeline: Any) -> None:
    """However often it is begun meanwhile, the document becomes ready when the disk is well."""
    document_id = upload(store, "a.txt", TEXT).document_id
    for _ in range(60):
        job = store.jobs.claim(60)
        assert job is not None
        assert job.attempts == 1
        store.jobs.put_back(job, -1)
    assert store.catalog.document(document_id).version == 1


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, ""), Trouble.FULL),
        (OSError(errno.EDQUOT, ""), Trouble.FULL),
        (OSError(errno.EFBIG, ""), Trouble.FULL),
        (OSError(errno.EIO, ""), Trouble.FAILED),
        (OSError(errno.EROFS, ""), Trouble.FAILED),
        (FileNotFoundError(errno.ENOENT, ""), None),
        (ConnectionResetError(errno.ECONNRESET, ""), None),
        (ValueError("disk is full"), None),
        (None, None),
    ],
)
def test_what_is_the_disks_fault(error: BaseException | None, expected: Trouble | None) -> None:
    """By its number, and by nothing else."""
    assert trouble(error) == expected
    assert passes(error) == (expected in (Trouble.FULL, Trouble.FAILED))


def test_what_sqlite_says(tmp_path: Path) -> None:
    """By the name of its result code, as raised by SQLite itself."""
    connection = sqlite3.connect(tmp_path / "a.sqlite3", isolation_level=None)
    connection.execute("CREATE TABLE t (x)")
    connection.execute("PRAGMA max_page_count=2")
    with pytest.raises(sqlite3.OperationalError) as full:
        connection.execute("INSERT INTO t VALUES (randomblob(20000))")
    connection.execute("PRAGMA query_only=ON")
    with pytest.raises(sqlite3.OperationalError) as read_only:
        connection.execute("DELETE FROM t")
    connection.close()
    (tmp_path / "b.sqlite3").write_bytes(b"no database at all" * 100)
    damaged = sqlite3.connect(tmp_path / "b.sqlite3")
    with pytest.raises(sqlite3.DatabaseError) as corrupt:
        damaged.execute("SELECT * FROM t")
    damaged.close()

    assert trouble(full.value) is Trouble.FULL
    assert trouble(OperationalError("INSERT", {}, full.value)) is Trouble.FULL
    assert trouble(read_only.value) is Trouble.FAILED
    assert trouble(corrupt.value) is Trouble.DAMAGED
    assert not passes(corrupt.value)


@needs_strace
@pytest.mark.parametrize("seed", range(4))
def test_any_write_may_fail(tmp_path: Path, seed: int) -> None:
    """Some of what ``make diskfull`` does for every write: no acknowledged document is lost or half there."""
    source = random.Random(seed)
    undisturbed = faults.drive(tmp_path / "first", tmp_path / "log")
    assert undisturbed.returncode == 0, undisturbed.stderr
    counts = faults.calls_of(tmp_path / "log")
    call = source.choices(list(counts), list(counts.values()))[0]
    error, lasting = [("EIO", False), ("ENOSPC", True)][seed % 2]
    fault = faults.Fault(call, source.randint(1, counts[call]), error, lasting)

    done = faults.drive(tmp_path / "data", tmp_path / "log", fault)

    assert done.returncode == 0, (str(fault), done.stderr)
    assert faults.check(tmp_path / "data", faults.said(done.stdout)) == [], str(fault)

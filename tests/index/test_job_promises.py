"""Jobs always end: whatever becomes of the worker, the disk or the file, and none holds up another."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sqlalchemy import select

from index.config import JobConfig
from index.doctor import examine
from index.health import ALARMS, FIGURES, health_figures
from index.schema import drafts, jobs
from index.sharing import Shared
from index.store import Store
from index.types import Change, IdRange, Status
from tests.index.helpers import WAIT_S, add, copy_of_the_moment, settled, upload
from tests.index.test_jobs import LONG, Gate, Troubled, running

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from index.jobs import JobRunner
    from ingest.pipeline import Pipeline
    from ingest.sentences import Span
    from ingest.types import FloatMatrix


def test_a_worker_that_stands_still_is_given_up_and_replaced(store: Store, pipeline: Pipeline) -> None:
    """A library that never returns ends its document with a reason, and the next one is ingested."""
    hanging = threading.Event()

    def hang() -> None:
        if not hanging.is_set():
            hanging.set()
            release.wait(WAIT_S)

    release = threading.Event()
    stuck = upload(store, "stuck.txt", LONG).document_id
    config = JobConfig(workers=1, lease_s=0.3, silence_s=0.6)
    with running(store, pipeline, Troubled(counting=hang), config) as runner:
        assert hanging.wait(WAIT_S)
        other = upload(store, "other.txt", "other text").document_id
        record = settled(store, stuck)
        assert record.error is not None
        assert record.error[0] == "stalled"
        assert "stood still" in record.error[1]
        runner.notify()
        assert settled(store, other).status is Status.READY
        # The stuck thread comes back at last: it is not heard, and takes no further job.
        release.set()
        threads = [each for each in runner._threads if each.name == "ingest-0"]
        threads[0].join(WAIT_S)
        assert not threads[0].is_alive()
        assert store.catalog.document(stuck).status is Status.FAILED
        assert add(store, runner, "last.txt", "last text").status is Status.READY
    assert examine(store, repair=False).clean


def test_a_worker_that_goes_on_is_never_given_up(store: Store, pipeline: Pipeline) -> None:
    """Slow is not stuck: each batch is a sign of life, and the whole takes much longer than the silence allowed."""

    def slow() -> None:
        time.sleep(0.2)

    config = JobConfig(workers=1, lease_s=0.3, silence_s=0.8)
    with running(store, pipeline, Troubled(embedding=slow), config) as runner:
        began = time.monotonic()
        assert (
            add(store, runner, "long.txt", LONG + LONG.replace("Sentence", "Statement")).status
            is Status.READY
        )
        assert time.monotonic() - began > 1.6


def test_no_job_outlives_its_lease(store: Store, pipeline: Pipeline) -> None:
    """Whoever held it is gone without a word: when the lease is over another takes it, in this very process."""
    document_id = upload(store, "a.txt", "some text").document_id
    lost = store.jobs.claim(0.5)
    assert lost is not None
    began = time.monotonic()
    with running(store, pipeline, config=JobConfig(workers=1, lease_s=5)) as runner:
        while not store.catalog.document(document_id).status.final:
            runner.notify()
            time.sleep(0.02)
            assert time.monotonic() - began < WAIT_S
    assert store.catalog.document(document_id).status is Status.READY
    with store.database.read() as connection:
        assert connection.execute(select(jobs)).all() == []


@pytest.mark.parametrize("workers", [1, 2])
def test_one_slow_document_does_not_block_more_than_its_worker(
    store: Store, pipeline: Pipeline, workers: int
) -> None:
    """With two workers the others pass it by; with one they wait, and are all ready in the end."""
    gate, first = Gate(), threading.Event()

    def wait_once() -> None:
        if not first.is_set():
            first.set()
            gate()

    slow = upload(store, "slow.txt", LONG).document_id
    with running(store, pipeline, Troubled(counting=wait_once), JobConfig(workers=workers)) as runner:
        assert gate.reached.wait(WAIT_S)
        others = [upload(store, f"{number}.txt", f"text {number}").document_id for number in range(3)]
        runner.notify()
        if workers == 2:
            assert all(settled(store, each).status is Status.READY for each in others)
            assert not store.catalog.document(slow).status.final
        gate.open.set()
        runner.notify()
        assert all(settled(store, each).status is Status.READY for each in (slow, *others))


def test_a_healthy_folder_raises_no_alarm(store: Store, runner: JobRunner) -> None:
    """Every figure is there and described, and those that alarm are 0 while documents come and go."""
    ids = [add(store, runner, f"{number}.txt", f"text {number}").id for number in range(5)]
    store.collection("default").views()
    store.delete_document(ids[0])

    found = health_figures(store)

    assert set(found) == set(FIGURES)
    assert {name: found[name] for name in ALARMS} == dict.fromkeys(ALARMS, 0.0)
    assert (found["documents"], found["originals"], found["originals_sampled"]) == (4, 4, 4)
    assert found["disk_free_bytes"] > 0
    assert found["catalog_bytes"] > 0


def test_each_alarm_is_raised_by_what_it_is_for(store: Store, runner: JobRunner) -> None:
    """A lost job, an original that is missing, damaged or too many, and a view that has drifted."""
    ids = [add(store, runner, f"{number}.txt", f"text {number}").id for number in range(4)]
    runner.stop()
    views = store.collection("default").views()
    store.original(ids[0]).unlink()
    store.original(ids[1]).write_bytes(b"changed")
    stranger = store.blobs.path("ab" + "0" * 62)
    stranger.parent.mkdir(exist_ok=True)
    stranger.write_bytes(b"")
    (passage,) = store.catalog.passages_between(ids[2], 0, 9)
    views["dense"]._vectors.apply(Change(0, IdRange(passage.id, passage.id), None), Shared())  # type: ignore[attr-defined]
    upload(store, "new.txt", "new text")
    assert store.jobs.claim(-1) is not None

    found = health_figures(store, sample=10)

    assert found["jobs_overdue"] == found["jobs_in_work"] == found["jobs_waiting"] == 1
    assert found["originals_missing"] == 1
    assert found["originals_damaged"] == 1
    assert found["originals_unreferenced"] == 1
    assert found["view_passages_missing"] == 1
    assert found["oldest_job_seconds"] > 0


def test_a_kill_costs_one_part_of_an_embedding(store: Store, pipeline: Pipeline, tmp_path: Path) -> None:
    """The next process embeds what was not yet kept, at most one part twice, and the vectors are the same."""
    embedded: list[str] = []

    class Counting(Troubled):
        def embed_passages(
            self, texts: Sequence[str], parts: Sequence[Sequence[Span]], progress: Callable[[int], None]
        ) -> tuple[FloatMatrix, FloatMatrix]:
            embedded.extend(texts)
            if len(embedded) > 25 and not gate.open.is_set():
                gate()
            return super().embed_passages(texts, parts, progress)

    gate = Gate()
    small = replace(pipeline, part_passages=10)
    document_id = upload(store, "long.txt", LONG).document_id
    with running(store, small, Counting()):
        assert gate.reached.wait(WAIT_S)
        with store.database.write():
            copy_of_the_moment(store.folder, tmp_path / "killed")
        first = list(embedded)
        gate.open.set()
        settled(store, document_id)
    again = Store(tmp_path / "killed")
    embedded.clear()
    with running(again, small, Counting()):
        assert settled(again, document_id).status is Status.READY

    assert len(first) == 30
    assert len(set(first) & set(embedded)) <= 10
    ids = [each.id for each in store.catalog.passages_between(document_id, 0, 10_000)]
    assert len(ids) > 40
    expected, found = store.catalog.vectors(ids), again.catalog.vectors(ids)
    assert all(np.array_equal(expected[each], found[each]) for each in ids)
    for each in (store, again):
        with each.database.read() as connection:
            assert connection.execute(select(drafts)).all() == []
    assert examine(again, repair=False).clean
    again.close()


def test_a_deleted_document_leaves_no_draft(store: Store, pipeline: Pipeline) -> None:
    """Vectors tell of the text: what was kept of the work goes with the document, and nothing is kept after."""
    gate = Gate()
    small = replace(pipeline, part_passages=5)
    document_id = upload(store, "long.txt", LONG).document_id
    with running(store, small, Troubled(embedding=gate)) as runner:
        assert gate.reached.wait(WAIT_S)
        store.delete_document(document_id)
        gate.open.set()
        runner.drain()
    with store.database.read() as connection:
        assert connection.execute(select(drafts)).all() == []


def test_work_on_a_deleted_document_ends(store: Store, pipeline: Pipeline) -> None:
    """The worker leaves it at the next sign of life, long before its end, and takes the next document."""
    steps = []

    def slow() -> None:
        steps.append(time.monotonic())
        time.sleep(0.1)

    document_id = upload(store, "long.txt", LONG * 60).document_id
    config = JobConfig(workers=1, lease_s=0.3)
    with running(store, pipeline, Troubled(embedding=slow), config) as runner:
        while not steps:
            time.sleep(0.01)
        store.delete_document(document_id)
        assert add(store, runner, "other.txt", "other text").status is Status.READY
        assert len(steps) < 60
    assert examine(store, repair=False).clean


def test_cutting_a_deleted_document_ends(store: Store, pipeline: Pipeline) -> None:
    """Also before the first vector, while a text without spaces is halved again and again."""
    steps = []

    def slow() -> None:
        steps.append(time.monotonic())
        time.sleep(0.1)

    document_id = upload(store, "brackets.txt", "[" * 100_000).document_id
    config = JobConfig(workers=1, lease_s=0.3)
    with running(store, pipeline, Troubled(counting=slow), config) as runner:
        while len(steps) < 3:
            time.sleep(0.01)
        store.delete_document(document_id)
        assert add(store, runner, "other.txt", "other text").status is Status.READY
        assert len(steps) < 60


def test_a_job_that_was_put_back_goes_to_the_end_of_the_line(store: Store) -> None:
    """What finds no room on the disk does not keep later documents from being tried."""
    ids = [upload(store, f"{name}.txt", name).document_id for name in "abc"]
    order = []
    for _ in range(6):
        job = store.jobs.claim(60)
        assert job is not None
        order.append(job.document_id)
        store.jobs.put_back(job, -0.001)

    assert order == ids * 2

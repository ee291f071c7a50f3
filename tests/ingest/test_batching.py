"""What is promised to those whose work is done in one batch with that of others."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

import pytest

from ingest.batching import Batches
from ingest.errors import EmbedderUnavailable

WAIT_S = 10


@dataclass(frozen=True)
class Number:
    """A piece of work whose result is its square."""

    value: int
    size: int = 1


@dataclass
class Machine:
    """Squares numbers, in one thread, when it is let; remembers its batches."""

    most: int = 10
    batches: list[list[int]] = field(default_factory=list)
    begun: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    let: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    threads: int = 1

    def __post_init__(self) -> None:
        self.work: Batches[Number, int] = Batches(
            self.square, most=self.most, threads=self.threads, begin=lambda: None, name="square"
        )

    def square(self, numbers: list[Number]) -> list[int]:
        """Compute a batch when it is let, or fail at a negative number."""
        self.batches.append([each.value for each in numbers])
        self.begun.release()
        assert self.let.acquire(timeout=WAIT_S)
        if any(each.value < 0 for each in numbers):
            raise ValueError("negative")
        return [each.value**2 for each in numbers]

    def go_on(self, batches: int = 1) -> None:
        """Let some batches end."""
        self.let.release(batches)

    def wait_for_a_batch(self) -> None:
        """Return when the next batch has begun."""
        assert self.begun.acquire(timeout=WAIT_S)


def test_work_that_finds_nobody_busy_is_begun_alone() -> None:
    """Nothing waits for others to come."""
    machine = Machine()

    result = machine.work.submit(Number(3))
    machine.wait_for_a_batch()
    machine.go_on()

    assert result.result(WAIT_S) == 9
    assert machine.batches == [[3]]


def test_what_comes_meanwhile_is_done_together_in_its_order() -> None:
    """One batch for all that waited, and each gets its own result."""
    machine = Machine()
    first = machine.work.submit(Number(1))
    machine.wait_for_a_batch()

    others = [machine.work.submit(Number(each)) for each in (2, 3, 4)]
    machine.go_on(2)

    assert [first.result(WAIT_S), *(each.result(WAIT_S) for each in others)] == [1, 4, 9, 16]
    assert machine.batches == [[1], [2, 3, 4]]


def test_a_batch_is_bounded_by_size() -> None:
    """What does not fit comes next; a piece that is larger than any batch is one."""
    machine = Machine(most=10)
    first = machine.work.submit(Number(0))
    machine.wait_for_a_batch()

    sizes = [6, 4, 1, 25, 2]
    others = [machine.work.submit(Number(at, size)) for at, size in enumerate(sizes, start=1)]
    machine.go_on(5)

    assert [each.result(WAIT_S) for each in (first, *others)] == [0, 1, 4, 9, 16, 25]
    assert machine.batches == [[0], [1, 2], [3], [4], [5]]


def test_halves_that_come_at_once_are_computed_at_once() -> None:
    """An idle thread is left its half, though the first one could take both."""
    machine = Machine(threads=2)

    for number in range(0, 40, 2):
        halves = [machine.work.submit(Number(each)) for each in (number, number + 1)]
        machine.wait_for_a_batch()
        machine.wait_for_a_batch()
        machine.go_on(2)
        assert [each.result(WAIT_S) for each in halves] == [number**2, (number + 1) ** 2]

    assert sorted(machine.batches) == [[number] for number in range(40)]


def test_a_failure_goes_to_all_of_its_batch_and_to_no_other() -> None:
    """Nobody waits for ever, and the next batch is computed."""
    machine = Machine()
    first = machine.work.submit(Number(1))
    machine.wait_for_a_batch()

    failing = [machine.work.submit(Number(each)) for each in (2, -3)]
    machine.go_on(2)
    for each in failing:
        with pytest.raises(ValueError, match="negative"):
            each.result(WAIT_S)
    after = machine.work.submit(Number(5))
    machine.go_on()

    assert first.result(WAIT_S) == 1
    assert after.result(WAIT_S) == 25


def test_what_nobody_waits_for_any_more_is_not_computed() -> None:
    """Cancelled before its batch begins; cancelled later, it harms nobody."""
    machine = Machine()
    first = machine.work.submit(Number(1))
    machine.wait_for_a_batch()

    gone, stays = machine.work.submit(Number(2)), machine.work.submit(Number(3))

    assert gone.cancel()
    assert not first.cancel()
    machine.go_on(2)
    assert stays.result(WAIT_S) == 9
    assert machine.batches == [[1], [3]]
    with pytest.raises(CancelledError):
        gone.result(WAIT_S)


def test_a_long_list_lets_others_in_between() -> None:
    """Only as much of it stands in the line as can be begun, so somebody else's piece does not wait for all of it."""
    machine = Machine(most=1)
    machine.go_on(100)

    found = machine.work.each([Number(each) for each in range(1, 9)])
    assert list(islice(found, 2)) == [1, 4]
    other = machine.work.submit(Number(100)).result(WAIT_S)

    assert other == 10_000
    assert list(found) == [9, 16, 25, 36, 49, 64]
    assert machine.batches.index([100]) < 5


def test_a_list_that_is_given_up_is_not_finished() -> None:
    """When the caller stops in the middle, what is not begun is not computed."""
    machine = Machine(most=1)
    machine.go_on(100)

    found = machine.work.each([Number(each) for each in range(1, 50)])
    assert next(found) == 1
    found.close()
    machine.work.submit(Number(100)).result(WAIT_S)

    assert len(machine.batches) < 6


@pytest.mark.parametrize("threads", [1, 3])
def test_many_callers_get_their_own_results(threads: int) -> None:
    """Whatever is put together, from however many threads."""
    machine = Machine(threads=threads)
    machine.go_on(1000)

    def ask(value: int) -> int:
        return machine.work.submit(Number(value)).result(WAIT_S)

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(ask, range(300))) == [each**2 for each in range(300)]
    assert sorted(value for batch in machine.batches for value in batch) == list(range(300))


def test_a_thread_that_cannot_begin_keeps_nobody_waiting() -> None:
    """Whoever asked is told, and the next one may have more luck."""
    tries = iter([OSError("no processor"), None])

    def begin() -> None:
        failure = next(tries)
        if failure:
            raise failure

    work: Batches[Number, int] = Batches(
        lambda numbers: [each.value**2 for each in numbers], most=10, threads=1, begin=begin, name="square"
    )

    with pytest.raises(OSError, match="no processor"):
        work.submit(Number(3)).result(WAIT_S)
    assert work.submit(Number(3)).result(WAIT_S) == 9
    assert work.submit(Number(4)).result(WAIT_S) == 16


def test_work_that_comes_too_late_is_refused() -> None:
    """It waits for nobody, and says so."""
    machine = Machine()
    machine.work._threads.shutdown()

    with pytest.raises(EmbedderUnavailable, match="shutdown"):
        machine.work.submit(Number(3))

    assert not machine.work._line

"""LocalEngine: a bounded window, back-pressure, errors as outcomes, an early end that wastes little."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator
from typing import Any

import pytest

from dlf_core.errors import BackendUnavailable
from dlf_resources.engines import LocalEngine, Outcome, open_engine


class Gauge:
    """Work that counts how many are in it at once."""

    def __init__(self, seconds: float = 0.01):
        self.seconds = seconds
        self.begun: list[int] = []
        self.peak = 0
        self._inside = 0
        self._lock = threading.Lock()

    def __call__(self, item: int) -> int:
        with self._lock:
            self.begun.append(item)
            self._inside += 1
            self.peak = max(self.peak, self._inside)
        time.sleep(self.seconds)
        with self._lock:
            self._inside -= 1
        return item * item


def outcomes_of(work: Callable[[Any], Any], items: Iterable[Any], max_in_flight: int) -> Generator[Outcome[Any, Any]]:
    """Blocking work, in threads."""

    async def in_thread(item: Any) -> Any:
        return await asyncio.to_thread(work, item)

    return LocalEngine().map(in_thread, items, max_in_flight=max_in_flight, threads=max_in_flight)


class Counted:
    """Items that count how many were read."""

    def __init__(self, count: int):
        self.count = count
        self.read = 0

    def __iter__(self) -> Iterator[int]:
        for item in range(self.count):
            self.read += 1
            yield item


@pytest.mark.parametrize("max_in_flight", [1, 3, 8])
def test_as_many_are_in_work_as_allowed_and_never_more(max_in_flight: int) -> None:
    work = Gauge()
    outcomes = list(outcomes_of(work, range(40), max_in_flight))
    assert work.peak == max_in_flight
    assert sorted(outcome.item for outcome in outcomes) == list(range(40))
    assert all(outcome.result == outcome.item**2 and outcome.error is None for outcome in outcomes)
    assert all(0.01 <= outcome.seconds < 1 for outcome in outcomes)


def test_items_are_not_read_further_ahead_than_results_are_taken() -> None:
    items = Counted(200)
    taken = 0
    for _ in outcomes_of(Gauge(0), items, 4):
        assert items.read <= taken + 4
        taken += 1
        if taken % 20 == 0:
            time.sleep(0.02)  # a slow consumer: meanwhile nothing more is read
            assert items.read <= taken + 4
    assert taken == items.read == 200


def test_a_consumer_that_stops_taking_stops_the_work() -> None:
    work = Gauge(0)
    outcomes = outcomes_of(work, Counted(1000), 4)
    next(outcomes)
    time.sleep(0.1)
    assert len(work.begun) <= 5
    outcomes.close()


def test_nothing_is_read_before_the_first_result_is_asked_for() -> None:
    items = Counted(5)
    outcomes = outcomes_of(Gauge(0), items, 2)
    assert items.read == 0
    assert len(list(outcomes)) == 5


def test_results_come_as_they_finish_and_not_in_order_of_items() -> None:
    slow = threading.Event()

    def work(item: str) -> str:
        if item == "slow":
            assert slow.wait(5)
        return item

    outcomes = outcomes_of(work, ["slow", "a", "b", "c"], 2)
    first = [next(outcomes).item for _ in range(3)]
    slow.set()
    assert [*first, *(outcome.item for outcome in outcomes)] == ["a", "b", "c", "slow"]


def test_an_error_is_the_outcome_of_its_item_and_stops_no_other() -> None:
    def work(item: int) -> int:
        if item == 3:
            raise ValueError("three")
        return item

    outcomes = {outcome.item: outcome for outcome in outcomes_of(work, range(6), 2)}
    assert isinstance(outcomes[3].error, ValueError)
    assert str(outcomes[3].error) == "three"
    assert outcomes[3].result is None
    assert [outcomes[item].result for item in (0, 1, 2, 4, 5)] == [0, 1, 2, 4, 5]


def test_closing_early_begins_nothing_new_and_waits_for_what_has_begun() -> None:
    work = Gauge(0.1)
    items = Counted(100)
    outcomes = outcomes_of(work, items, 3)
    next(outcomes)
    outcomes.close()
    begun = len(work.begun)
    assert begun <= 6
    assert items.read <= 4
    assert work._inside == 0
    time.sleep(0.15)
    assert len(work.begun) == begun
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("stage")]


def test_requests_go_on_while_the_consumer_is_busy() -> None:
    ended: list[float] = []

    async def work(item: int) -> int:
        await asyncio.sleep(0.01)
        ended.append(time.perf_counter())
        return item

    outcomes = LocalEngine().map(work, range(8), max_in_flight=8)
    next(outcomes)
    time.sleep(0.2)
    asked = time.perf_counter()
    assert len(list(outcomes)) == 7
    assert max(ended) < asked


def test_closing_early_cancels_what_waits_for_a_network() -> None:
    cancelled: list[int] = []

    async def work(item: int) -> int:
        try:
            await asyncio.sleep(0 if item == 0 else 60)
        except asyncio.CancelledError:
            cancelled.append(item)
            raise
        return item

    outcomes = LocalEngine().map(work, range(10), max_in_flight=4)
    assert next(outcomes).result == 0
    began = time.perf_counter()
    outcomes.close()
    assert time.perf_counter() - began < 5
    assert set(cancelled) == {1, 2, 3}


def test_work_runs_within_what_was_opened_for_it() -> None:
    told: list[str] = []

    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[None]:
        told.append("open")
        yield
        told.append("closed")

    async def work(item: int) -> int:
        told.append("work")
        return item

    list(LocalEngine().map(work, range(2), max_in_flight=1, within=opened))
    assert told == ["open", "work", "work", "closed"]


def test_what_cannot_be_opened_is_the_error_of_the_whole() -> None:
    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[None]:
        raise BackendUnavailable("no server")
        yield

    async def work(item: int) -> int:
        return item

    with pytest.raises(BackendUnavailable, match="no server"):
        list(LocalEngine().map(work, range(2), max_in_flight=1, within=opened))


def test_a_fatal_error_comes_last_after_everything_that_had_finished() -> None:
    begun: list[int] = []

    async def work(item: int) -> int:
        begun.append(item)
        if item == 2:
            await asyncio.sleep(0.05)
            raise BackendUnavailable("gone")
        await asyncio.sleep(60 if item == 3 else 0.001)
        return item

    outcomes = LocalEngine().map(work, range(100), max_in_flight=4, fatal=(BackendUnavailable,))
    found = []
    for outcome in outcomes:
        found.append(outcome)
        time.sleep(0.002)
    assert isinstance(found[-1].error, BackendUnavailable)
    finished = {outcome.item for outcome in found[:-1]}
    assert all(outcome.error is None for outcome in found[:-1])
    # At most what was in flight when it came is missing.
    assert finished <= set(begun)
    assert {2, 3} <= set(begun) - finished
    assert len(set(begun) - finished) <= 4
    assert len(begun) < 100


def test_work_that_cancels_itself_is_an_error_of_its_item_and_not_a_hang() -> None:
    async def work(item: int) -> int:
        if item == 1:
            raise asyncio.CancelledError
        return item

    found = {outcome.item: outcome for outcome in LocalEngine().map(work, range(3), max_in_flight=1)}
    assert [found[item].result for item in (0, 2)] == [0, 2]
    assert "cancelled itself" in str(found[1].error)


def test_no_items_are_no_outcomes() -> None:
    assert list(outcomes_of(Gauge(), [], 3)) == []


def test_an_error_of_the_items_themselves_comes_out_and_leaves_no_thread() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("the list broke")

    with pytest.raises(OSError, match="the list broke"):
        list(outcomes_of(Gauge(0), items(), 3))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("stage")]


def test_an_engine_of_another_version_is_named_with_the_way_out() -> None:
    assert isinstance(open_engine("local"), LocalEngine)
    with pytest.raises(BackendUnavailable, match="engine 'ray' is not part of this version; write 'engine: local'"):
        open_engine("ray")

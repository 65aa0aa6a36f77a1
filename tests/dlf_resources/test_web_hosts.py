"""How fast a host is asked: a rate with bursts, so many at once, pauses; one table for all threads and event loops."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from dlf_resources.web import hosts
from dlf_resources.web.hosts import CLOSED, FIRST_PAUSE, GIVEN_UP, KNOWN, Host, HostClosed, HostLimit, Hosts


class Clock:
    """`time.monotonic` and `asyncio.sleep` as hosts.py sees them: hours pass at once."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Asleep until then; whoever wakes first moves the clock."""
        until = self.now + max(seconds, 1e-7)  # less would not move a clock that stands at 1000
        await asyncio.sleep(0)
        self.now = max(self.now, until)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()

    class Asyncio:
        sleep = staticmethod(made.sleep)

        def __getattr__(self, name: str) -> object:
            return getattr(asyncio, name)

    monkeypatch.setattr(hosts, "time", made)
    monkeypatch.setattr(hosts, "asyncio", Asyncio())
    return made


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def inside() -> None:
        await asyncio.wait_for(work(), 8)

    asyncio.run(inside())


async def times(host: Host, count: int, clock: Clock | None = None) -> list[float]:
    """When so many requests, one after the other, were let go."""
    began: list[float] = []
    for _ in range(count):
        async with host.turn():
            began.append((clock or time).monotonic())
    return [at - began[0] for at in began]


# the rate


@pytest.mark.parametrize(("per_second", "burst"), [(10.0, 1), (10.0, 5), (1 / 3, 10), (2.0, 2)])
def test_a_burst_at_once_and_then_so_many_a_second(clock: Clock, per_second: float, burst: int) -> None:
    async def work() -> None:
        host = Host(HostLimit(per_second, burst, 1))
        at = await times(host, burst + 20, clock)
        assert at == pytest.approx([0.0] * burst + [number / per_second for number in range(1, 21)], abs=1e-5)
        # After a pause the burst is there again, once, and never more of it.
        clock.now += 1000 * burst / per_second
        again = await times(host, burst + 3, clock)
        assert again == pytest.approx([0.0] * burst + [number / per_second for number in (1, 2, 3)], abs=1e-5)

    run(work)


def test_half_a_pause_gives_half_a_burst_back(clock: Clock) -> None:
    async def work() -> None:
        host = Host(HostLimit(1.0, 10, 1))
        await times(host, 10, clock)
        clock.now += 5
        assert await times(host, 7, clock) == pytest.approx([0, 0, 0, 0, 0, 1, 2], abs=1e-5)

    run(work)


def test_the_rate_holds_for_real_and_for_requests_that_wait_together() -> None:
    async def work() -> None:
        host = Host(HostLimit(100.0, 5, 50))
        began: list[float] = []

        async def one() -> None:
            async with host.turn():
                began.append(time.monotonic())

        await asyncio.gather(*(one() for _ in range(45)))
        for first, sixth in zip(began, began[10:], strict=False):  # 10 apart: at most a burst and the rate
            assert sixth - first >= (10 - 5) / 100 - 0.005
        assert 0.38 <= began[-1] - began[0] < 0.9

    run(work)


def test_without_a_rate_nothing_waits() -> None:
    assert asyncio.run(times(Host(HostLimit(None, 1, 1)), 1000))[-1] < 1


# so many at once


def test_never_more_at_once_than_allowed_and_in_the_order_they_came() -> None:
    async def work() -> None:
        host = Host(HostLimit(None, 1, 3))
        out, peak, order = 0, 0, []

        async def one(number: int) -> None:
            nonlocal out, peak
            async with host.turn():
                order.append(number)
                out += 1
                peak = max(peak, out)
                await asyncio.sleep(0.001)
                out -= 1

        await asyncio.gather(*(one(number) for number in range(50)))
        assert peak == 3
        assert order == [*range(50)]

    run(work)


def test_threads_with_event_loops_of_their_own_share_the_room_of_a_host() -> None:
    host = Host(HostLimit(None, 1, 2))
    lock = threading.Lock()
    out, peak, done = 0, 0, 0

    async def one() -> None:
        nonlocal out, peak, done
        async with host.turn():
            with lock:
                out += 1
                peak = max(peak, out)
            await asyncio.sleep(0.001)
            with lock:
                out -= 1
                done += 1

    async def many() -> None:
        await asyncio.wait_for(asyncio.gather(*(one() for _ in range(100))), 8)

    threads = [threading.Thread(target=asyncio.run, args=(many(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert (done, peak, out) == (400, 2, 0)
    assert host._out == 0


def test_a_loop_that_ended_while_its_requests_waited_takes_no_room() -> None:
    host = Host(HostLimit(None, 1, 1))

    async def waits() -> None:
        async with host.turn():
            raise AssertionError("there was no room")

    async def ends_first() -> None:
        tasks = [loop.create_task(waits()) for _ in range(3)]
        await asyncio.sleep(0.01)
        assert not any(task.done() for task in tasks)

    async def work() -> None:
        async with host.turn():
            await asyncio.to_thread(loop.run_until_complete, ends_first())
            loop.close()
        await asyncio.wait_for(times(host, 3), 2)

    loop = asyncio.new_event_loop()
    run(work)


def test_who_is_cancelled_while_waiting_or_at_its_very_turn_or_in_a_pause_takes_no_room() -> None:
    async def work() -> None:
        host = Host(HostLimit(None, 1, 1))
        for turns in range(8):
            async with host.turn():
                tasks = [asyncio.ensure_future(times(host, 1)) for _ in range(3)]
                await asyncio.sleep(0)
                if turns == 0:
                    tasks[0].cancel()
            for _ in range(turns):
                await asyncio.sleep(0)
            for task in tasks[:2]:
                task.cancel()
            await asyncio.wait(tasks)
            assert not tasks[2].cancelled()
            assert (host._out, len(host._waiting)) == (0, 0)
        host.throttled(time.monotonic(), 0.05)
        tasks = [asyncio.ensure_future(times(host, 1)) for _ in range(3)]
        await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert (host._out, len(host._waiting)) == (0, 0)
        assert len(await times(host, 3)) == 3

    run(work)


def test_an_error_in_a_turn_leaves_its_room_to_the_next() -> None:
    async def work() -> None:
        host = Host(HostLimit(None, 1, 1))
        for _ in range(3):
            with pytest.raises(ValueError, match="mine"):
                async with host.turn():
                    raise ValueError("mine")
        assert len(await times(host, 3)) == 3

    run(work)


def test_a_limit_that_changes_holds_also_for_those_who_wait_already() -> None:
    async def work() -> None:
        for before, after in ((1, 3), (3, 1)):
            table = Hosts()
            host = table.of("a.example", HostLimit(None, 1, before))
            out, peaks = 0, []

            async def one(host: Host = host, peaks: list[int] = peaks) -> None:
                nonlocal out
                async with host.turn():
                    out += 1
                    peaks.append(out)
                    await asyncio.sleep(0.002)
                    out -= 1

            tasks = [asyncio.ensure_future(one()) for _ in range(30)]
            await asyncio.sleep(0.005)
            assert table.of("a.example", HostLimit(None, 1, after)) is host
            await asyncio.gather(*tasks)
            assert max(peaks[-15:]) == after

    run(work)


# pauses


async def wait_of(host: Host, clock: Clock) -> float:
    began = clock.now
    async with host.turn():
        return clock.now - began


def test_retry_after_holds_back_and_a_shorter_one_takes_nothing_back(clock: Clock) -> None:
    async def work() -> None:
        host = Host(HostLimit(None, 1, 4))
        asked = clock.now
        for seconds in (5, 40, 3):
            host.throttled(asked, seconds)
        assert await wait_of(host, clock) == pytest.approx(40)
        assert await wait_of(host, clock) == 0

    run(work)


def test_pauses_double_and_after_four_in_a_row_the_host_is_closed_and_then_open_again(clock: Clock) -> None:
    async def work() -> None:
        host = Host(HostLimit(None, 1, 4))
        for number in range(GIVEN_UP - 1):
            host.throttled(clock.now, None)
            assert await wait_of(host, clock) == pytest.approx(FIRST_PAUSE * 2**number)
            clock.now += 0.001
        host.throttled(clock.now, None)
        with pytest.raises(HostClosed, match="300 s") as closed:
            await wait_of(host, clock)
        assert closed.value.seconds == pytest.approx(CLOSED)
        assert host._out == 0
        clock.now += CLOSED + 1
        assert await wait_of(host, clock) == 0

    run(work)


def test_what_was_under_way_at_a_pause_counts_once_and_a_good_answer_begins_anew(clock: Clock) -> None:
    async def work() -> None:
        host = Host(HostLimit(None, 1, 64))
        asked = clock.now
        clock.now += 1
        for _ in range(50):
            host.throttled(asked, None)
        assert await wait_of(host, clock) == pytest.approx(FIRST_PAUSE)
        for _ in range(2 * GIVEN_UP):
            host.answered()
            clock.now += 1
            host.throttled(clock.now, None)
            assert await wait_of(host, clock) == pytest.approx(FIRST_PAUSE)

    run(work)


def test_a_pause_longer_than_anybody_waits_is_refused_at_once_to_who_waits_and_who_comes(clock: Clock) -> None:
    async def work() -> None:
        host = Host(HostLimit(None, 1, 1))
        async with host.turn():
            waiting = asyncio.ensure_future(wait_of(host, clock))
            await asyncio.sleep(0)
            host.throttled(clock.now, 86_400)
        for task in (waiting, asyncio.ensure_future(wait_of(host, clock))):
            with pytest.raises(HostClosed):
                await task
        host.throttled(clock.now, 1e308)
        with pytest.raises(HostClosed) as closed:
            await wait_of(host, clock)
        assert len(str(closed.value)) < 100

    run(work)


# the table


def test_the_table_knows_the_services_and_gives_everybody_the_same_host() -> None:
    default = HostLimit(5.0, 3, 2)
    table = Hosts(default)
    assert table.of("pictures.example") is table.of("pictures.example")
    assert table.of("pictures.example").limit == default
    assert table.of("pictures.example") is not table.of("www.pictures.example")
    for name, limit in KNOWN.items():
        assert table.of(name).limit == limit
    assert KNOWN["api.openverse.org"].per_second == pytest.approx(20 / 60)
    assert [KNOWN[f"{name}.wikimedia.org"].at_once for name in ("commons", "upload")] == [1, 2]
    changed = HostLimit(100.0, 10, 3)
    assert table.of("api.openverse.org", changed).limit == table.of("api.openverse.org").limit == changed


def test_a_host_asked_first_by_many_threads_at_once_is_one_host() -> None:
    table, start = Hosts(), threading.Barrier(16)

    def ask(_: int) -> Host:
        start.wait(5)
        return table.of("pictures.example")

    with ThreadPoolExecutor(16) as pool:
        assert len({id(host) for host in pool.map(ask, range(16))}) == 1

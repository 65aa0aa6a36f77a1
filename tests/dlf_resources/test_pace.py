"""How many requests may be out: no more than allowed, fewer after a complaint, more again bit by bit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from dlf_resources.servers.pace import Pace


class Work:
    """Requests that do nothing but wait for a slot and a moment in it."""

    def __init__(self, pace: Pace):
        self.pace = pace
        self.out = self.peak = 0
        self.order: list[int] = []
        self.began: list[float] = []

    async def one(self, number: int = 0, seconds: float = 0.0) -> None:
        async with self.pace.slot():
            self.order.append(number)
            self.began.append(asyncio.get_running_loop().time())
            self.out += 1
            self.peak = max(self.peak, self.out)
            try:
                await asyncio.sleep(seconds)
            finally:
                self.out -= 1

    async def many(self, count: int) -> None:
        await asyncio.gather(*(self.one(number) for number in range(count)))


def run(test: Callable[[Work], Awaitable[None]], most: int) -> None:
    async def inside() -> None:
        await asyncio.wait_for(test(Work(Pace(most))), 5)

    asyncio.run(inside())


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("most", [1, 3, 16])
def test_as_many_as_allowed_are_out_never_more_and_in_the_order_they_came(most: int) -> None:
    async def test(work: Work) -> None:
        await work.many(100)
        assert work.peak == most
        assert work.order == [*range(100)]

    run(test, most)


def test_a_complaint_halves_what_is_out_and_requests_of_the_same_round_count_once() -> None:
    async def test(work: Work) -> None:
        sent = now()
        for _ in range(8):
            work.pace.throttled(sent, 0)
        await work.many(50)
        assert work.peak == 4

    run(test, 8)


def test_a_complaint_about_a_later_request_halves_again_and_one_is_always_allowed() -> None:
    async def test(work: Work) -> None:
        for most_now in (4, 2, 1, 1, 1):
            work.pace.throttled(now(), 0)
            work.peak = 0
            await work.many(20)
            assert work.peak == most_now

    run(test, 8)


def test_good_answers_give_one_request_more_a_round_up_to_where_it_began() -> None:
    async def test(work: Work) -> None:
        work.pace.throttled(now(), 0)
        work.pace.throttled(now() + 1, 0)
        allowed = 2
        for _ in range(6):
            for _ in range(allowed):
                work.pace.answered()
            allowed = min(8, allowed + 1)
            assert work.pace.allowed == pytest.approx(allowed, abs=0.75)
        for _ in range(50):
            work.pace.answered()
        assert work.pace.allowed == 8
        await work.many(50)
        assert work.peak == 8

    run(test, 8)


def test_more_room_lets_those_in_who_wait_already() -> None:
    async def test(work: Work) -> None:
        work.pace.throttled(now(), 0)
        tasks = [asyncio.ensure_future(work.one(number, 60)) for number in range(4)]
        await asyncio.sleep(0.01)
        assert work.out == 1
        work.pace.answered()
        await asyncio.sleep(0.01)
        assert work.out == 2
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    run(test, 2)


def test_nothing_begins_during_a_pause_and_all_of_it_afterwards() -> None:
    async def test(work: Work) -> None:
        until = now() + 0.1
        work.pace.throttled(now(), 0.1)
        await work.many(10)
        assert min(work.began) >= until - 0.002
        assert max(work.began) < until + 0.1
        assert work.peak == 4

    run(test, 8)


def test_a_longer_pause_counts_a_shorter_one_takes_nothing_back() -> None:
    async def test(work: Work) -> None:
        until = now() + 0.12
        for pause in (0.03, 0.12, 0.05):
            work.pace.throttled(now(), pause)
        await work.many(5)
        assert min(work.began) >= until - 0.002

    run(test, 8)


def test_a_request_that_ends_during_a_pause_wakes_nobody_before_its_end() -> None:
    async def test(work: Work) -> None:
        first = asyncio.ensure_future(work.one(seconds=0.02))
        await asyncio.sleep(0)
        until = now() + 0.1
        work.pace.throttled(now(), 0.1)
        await asyncio.gather(first, work.one(1), work.one(2))
        assert work.order == [0, 1, 2]
        assert min(work.began[1:]) >= until - 0.002

    run(test, 1)


def test_an_error_in_a_slot_leaves_its_room_to_the_next() -> None:
    async def test(work: Work) -> None:
        for _ in range(3):
            with pytest.raises(ValueError, match="mine"):
                async with work.pace.slot():
                    raise ValueError("mine")
        await work.many(5)
        assert work.order == [*range(5)]

    run(test, 1)


def test_who_is_cancelled_while_waiting_or_at_the_very_moment_of_its_turn_takes_no_room() -> None:
    async def test(work: Work) -> None:
        for at_its_turn in (False, True):
            async with work.pace.slot():
                waiting, last = (asyncio.ensure_future(work.one(number)) for number in (1, 2))
                await asyncio.sleep(0)
                if not at_its_turn:
                    waiting.cancel()
            waiting.cancel()
            await asyncio.wait([waiting, last])
            assert waiting.cancelled()
        await work.many(3)
        assert work.order == [2, 2, 0, 1, 2]
        assert work.peak == 1

    run(test, 1)


def test_everyone_cancelled_during_a_pause_leaves_a_pace_that_still_works() -> None:
    async def test(work: Work) -> None:
        work.pace.throttled(now(), 0.05)
        tasks = [asyncio.ensure_future(work.one()) for _ in range(5)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await work.many(10)
        assert work.peak == 2

    run(test, 4)

"""How many requests may be out to a server, and when: slower where it says it is too much, faster again bit by bit.

Additive increase, multiplicative decrease, as TCP does it (RFC 5681, section 3.1), in requests instead of segments.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 15.0


class Pace:
    """A semaphore whose size follows what the server bears. Belongs to one event loop.

    Args:
        most: requests out at once when the server never complains.
    """

    def __init__(self, most: int):
        self.most = most
        self.allowed = float(most)
        self._out = 0
        self._not_before = 0.0
        self._slowed_at = 0.0
        self._pause = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @contextlib.asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Room for one request; waits its turn."""
        await self._acquire()
        try:
            yield
        finally:
            self._out -= 1
            self._wake()

    def answered(self) -> None:
        """The server answered well: about one request more per round."""
        self._pause = 0.0
        if self.allowed < self.most:
            self.allowed = min(self.most, self.allowed + 1 / self.allowed)
            self._wake()

    def throttled(self, sent_at: float, pause: float | None) -> None:
        """The server wants fewer requests.

        Args:
            sent_at: loop time at which the request was sent; requests sent before the last slowing count once.
            pause: seconds in which nothing is sent at all; None when the server does not say: then it is doubled from
                `FIRST_PAUSE` on until an answer comes.
        """
        loop = asyncio.get_running_loop()
        if sent_at >= self._slowed_at:
            self._slowed_at = loop.time()
            self.allowed = max(1.0, self.allowed / 2)
            self._pause = min(LONGEST_PAUSE, self._pause * 2 or FIRST_PAUSE)
        pause = self._pause if pause is None else pause
        if pause > 0 and loop.time() + pause > self._not_before:
            self._not_before = loop.time() + pause
            loop.call_later(pause, self._wake)

    async def _acquire(self) -> None:
        loop = asyncio.get_running_loop()
        if not self._waiting and self._out < int(self.allowed) and loop.time() >= self._not_before:
            self._out += 1
            return
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # the room was given just before: pass it on
                self._out -= 1
                self._wake()
            raise

    def _wake(self) -> None:
        if not self._waiting:
            return
        now = asyncio.get_running_loop().time()
        # A timer may fire a little early by the loop's clock resolution.
        if now + 1e-3 < self._not_before:
            return
        while self._waiting and self._out < int(self.allowed):
            turn = self._waiting.popleft()
            if not turn.done():
                self._out += 1
                turn.set_result(None)

"""How fast a host is asked: so many requests a second, so many at once, and not before it said.

One table for the whole process, whatever event loop or thread asks: a host sees one visitor, however many buckets are
gathered at the same time.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

LONGEST_PAUSE = 90.0
"""Seconds. A host that wants to be left alone for longer is left alone: its pictures come with a later gather."""
FIRST_PAUSE = 2.0
GIVEN_UP = 4
"""So many pauses in a row without a good answer between them, and the host is left alone for `CLOSED` seconds."""
CLOSED = 300.0


class HostClosed(Exception):
    """The host is left alone for now."""

    def __init__(self, seconds: float):
        self.seconds = seconds
        super().__init__(f"asked to be left alone for {min(seconds, 1e9):.0f} s more")


@dataclass(frozen=True, slots=True)
class HostLimit:
    """What a host bears.

    Attributes:
        per_second: requests a second over time; None: as many as it answers.
        burst: requests that may come at once after a pause.
        at_once: requests in flight.
    """

    per_second: float | None
    burst: int
    at_once: int


POLITE = HostLimit(per_second=10.0, burst=10, at_once=6)
"""A host nobody has said anything about: what one person's browser asks of it."""

KNOWN: dict[str, HostLimit] = {
    # https://www.mediawiki.org/wiki/API:Etiquette: one request after the other.
    "commons.wikimedia.org": HostLimit(per_second=2.0, burst=2, at_once=1),
    # https://wikitech.wikimedia.org/wiki/Robot_policy: media at most two at once.
    "upload.wikimedia.org": HostLimit(per_second=5.0, burst=5, at_once=2),
    # 20 requests a minute without a client id; https://api.openverse.org/v1/#section/Throttling
    "api.openverse.org": HostLimit(per_second=20 / 60, burst=10, at_once=1),
    # No limit is published; faster than this it answers nothing at all.
    "duckduckgo.com": HostLimit(per_second=0.5, burst=2, at_once=1),
}
"""Limits of services: as they publish them, or what is known to be borne."""


class Host:
    """The place of one host in the table: a token bucket, and room for so many requests."""

    def __init__(self, limit: HostLimit):
        self.limit = limit
        self._lock = threading.Lock()
        self._out = 0
        self._waiting: deque[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = deque()
        # The token bucket as a theoretical arrival time: GCRA, ITU-T I.371, annex A.
        self._arrival = 0.0
        self._not_before = 0.0
        self._paused_at = 0.0
        self._in_a_row = 0

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for room and for a token.

        Raises:
            HostClosed: it wants to be left alone for longer than anybody waits.
        """
        await self._room()
        try:
            while (wait := self._wait()) > 0:
                await asyncio.sleep(wait)
            yield
        finally:
            self._leave()

    def throttled(self, asked_at: float, seconds: float | None) -> None:
        """The host wants to be asked less: nothing is sent for a while.

        Args:
            asked_at: `time.monotonic()` when the request was sent; what was under way at the last pause counts once.
            seconds: what its Retry-After says; without, the pause doubles from `FIRST_PAUSE` on.
        """
        with self._lock:
            now = time.monotonic()
            if asked_at >= self._paused_at:
                self._paused_at = now
                self._in_a_row += 1
            pause = FIRST_PAUSE * 2 ** (self._in_a_row - 1) if seconds is None else seconds
            if self._in_a_row >= GIVEN_UP:
                pause = max(pause, CLOSED)
            self._not_before = max(self._not_before, now + pause)

    def answered(self) -> None:
        """The host answered well."""
        self._in_a_row = 0

    def _wait(self) -> float:
        """Seconds to wait; 0: go, and one token is taken."""
        with self._lock:
            now = time.monotonic()
            if self._not_before - now > LONGEST_PAUSE:
                raise HostClosed(self._not_before - now)
            if self._not_before > now:
                return self._not_before - now
            if self.limit.per_second is None:
                return 0.0
            step = 1 / self.limit.per_second
            early = max(self._arrival, now) - now - step * (self.limit.burst - 1)
            if early > 0:
                return early
            self._arrival = max(self._arrival, now) + step
            return 0.0

    async def _room(self) -> None:
        loop = asyncio.get_running_loop()
        with self._lock:
            if self._out < self.limit.at_once:
                self._out += 1
                return
            mine = loop.create_future()
            self._waiting.append((loop, mine))
        try:
            await mine
        except asyncio.CancelledError:
            with self._lock, contextlib.suppress(ValueError):
                self._waiting.remove((loop, mine))
            if not mine.cancelled():
                self._leave()  # the room had been given to this one just now
            raise

    def _leave(self) -> None:
        with self._lock:
            self._out -= 1
            self._admit()

    def widen(self, limit: HostLimit) -> None:
        """Another limit holds from now on, also for those who wait."""
        with self._lock:
            self.limit = limit
            self._admit()

    def _admit(self) -> None:
        """Give room to those who wait; the lock is held."""
        while self._waiting and self._out < self.limit.at_once:
            loop, future = self._waiting.popleft()
            try:
                # Whether it still waits, only its own loop can tell; `_give` passes the room on if not.
                loop.call_soon_threadsafe(self._give, future)
            except RuntimeError:
                continue  # that loop has ended
            self._out += 1

    def _give(self, future: asyncio.Future[None]) -> None:
        if future.done():
            self._leave()
        else:
            future.set_result(None)


class Hosts:
    """All hosts asked so far.

    Args:
        default: for hosts that `KNOWN` does not name.
    """

    def __init__(self, default: HostLimit = POLITE):
        self.default = default
        self._hosts: dict[str, Host] = {}
        self._lock = threading.Lock()

    def of(self, name: str, limit: HostLimit | None = None) -> Host:
        """The place of a host; a limit that is given holds from then on for all who ask it."""
        with self._lock:
            host = self._hosts.get(name)
            if host is None:
                host = self._hosts[name] = Host(limit or KNOWN.get(name, self.default))
            elif limit is not None:
                host.widen(limit)
            return host


HOSTS = Hosts()
"""The table of this process."""

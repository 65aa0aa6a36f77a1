"""Several servers of one kind, all with the same model: each question goes to the one that has most room.

One that is gone is passed over and its questions go to the others; after a pause one question tries whether it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from dlf_core.errors import BackendUnavailable
from dlf_core.usage import Usage

FIRST_PAUSE = 15.0
LONGEST_PAUSE = 240.0
"""Seconds until a server that was gone is tried again; doubled each time that it still is."""


class Backend(Protocol):
    """What is common to backends of all stages."""

    window: int

    @property
    def usage(self) -> Usage:
        """What it was asked so far."""
        ...

    def connected(self) -> AbstractAsyncContextManager[object]:
        """Within it, it may be asked."""
        ...


Member = TypeVar("Member", bound=Backend)
Result = TypeVar("Result")


@dataclass(slots=True, eq=False)
class _Place(Generic[Member]):
    """A server, and how it is."""

    url: str
    member: Member
    out: int = 0
    connected: bool = False
    away_until: float | None = None
    pause: float = FIRST_PAUSE
    trying: bool = False
    connecting: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def load(self) -> float:
        """Questions under way, as a share of what it takes at once."""
        return self.out / self.member.window


class Several(Generic[Member]):
    """The servers of a backend.

    Args:
        members: URL → the backend that asks there.
        warn: is told of servers that go and that come back.
    """

    def __init__(self, members: Mapping[str, Member], warn: Callable[[str], None]):
        self._places = [_Place(url, member) for url, member in members.items()]
        self._warn = warn
        self._stack = AsyncExitStack()

    @property
    def window(self) -> int:
        """Pictures worth having in work at once, over all servers."""
        return sum(place.member.window for place in self._places)

    @property
    def usage(self) -> Usage:
        """What all were asked so far."""
        return sum((place.member.usage for place in self._places), Usage())

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Within it, questions may be asked.

        Raises:
            BackendUnavailable: none of the servers is there.
        """
        async with AsyncExitStack() as self._stack:
            for place in self._places:
                place.connected, place.away_until, place.out, place.connecting = False, None, 0, asyncio.Lock()
            failures = await asyncio.gather(*(self._connect(place) for place in self._places))
            if all(failures):
                raise _all_gone([failure for failure in failures if failure])
            yield

    async def ask(self, work: Callable[[Member], Awaitable[Result]]) -> Result:
        """Let the server with most room do something; another one where it turns out to be gone.

        Args:
            work: asks one server.

        Raises:
            BackendUnavailable: none is there any more.
            BackendError: what `work` raises.
        """
        failures: dict[_Place[Member], BackendUnavailable] = {}
        while (place := self._freest(passed=failures)) is not None:
            was_away = place.away_until is not None
            place.trying = was_away
            place.out += 1
            try:
                if failure := await self._connect(place):
                    raise failure
                result = await work(place.member)
            except BackendUnavailable as gone:
                failures[place] = gone
                self._gone(place, gone)
            else:
                if was_away:
                    place.away_until, place.pause = None, FIRST_PAUSE
                    self._warn(f"{place.url} answers again")
                return result
            finally:
                place.out -= 1
                place.trying = False
        # Others may have gone while this question was under way elsewhere.
        raise _all_gone([*failures.values()])

    def _freest(self, passed: dict[_Place[Member], BackendUnavailable]) -> _Place[Member] | None:
        now = asyncio.get_running_loop().time()
        open_ = [place for place in self._places if place not in passed]
        due = [one for one in open_ if one.away_until is not None and one.away_until <= now and not one.trying]
        if due:
            return due[0]
        there = [place for place in open_ if place.away_until is None]
        if there:
            return min(there, key=lambda place: place.load)
        # Nobody else is left: better to ask one that was gone than nobody.
        return next((place for place in open_ if not passed), None)

    async def _connect(self, place: _Place[Member]) -> BackendUnavailable | None:
        async with place.connecting:
            if place.connected:
                return None
            try:
                await self._stack.enter_async_context(place.member.connected())
            except BackendUnavailable as failure:
                self._gone(place, failure)
                return failure
            place.connected = True
            return None

    def _gone(self, place: _Place[Member], failure: BackendUnavailable) -> None:
        now = asyncio.get_running_loop().time()
        place.connected = False  # whoever is started there next may have another model
        if place.away_until is None:
            place.pause = FIRST_PAUSE
            self._warn(f"{str(failure).rstrip('.')}; its questions go to the other servers")
        elif place.away_until <= now:
            place.pause = min(place.pause * 2, LONGEST_PAUSE)
        place.away_until = now + place.pause


def _all_gone(failures: Sequence[BackendUnavailable]) -> BackendUnavailable:
    if len(failures) == 1:
        return failures[0]
    told = " ".join(f"{str(failure).rstrip('.')}." for failure in failures)
    return BackendUnavailable(f"none of {len(failures)} servers can be asked. {told}")

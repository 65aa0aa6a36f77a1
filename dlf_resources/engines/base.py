"""The protocol of an engine: run a coroutine over items, many at a time, results as they come."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Iterable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Item, Result]):
    """What became of one item: a result or an error, and how long it took in seconds."""

    item: Item
    result: Result | None
    error: Exception | None
    seconds: float


class Engine(Protocol):
    """Spreads work. Closing the iterator cancels what waits for a network and waits for threads that have begun."""

    def map(
        self,
        work: Callable[[Item], Awaitable[Result]],
        items: Iterable[Item],
        *,
        max_in_flight: int,
        within: Callable[[], AbstractAsyncContextManager[object]] = nullcontext,
        threads: int | None = None,
        fatal: tuple[type[Exception], ...] = (),
    ) -> Generator[Outcome[Item, Result], None, None]:
        """Outcomes in the order in which they finish.

        Args:
            work: awaited once an item; its exceptions become `Outcome.error`. What computes or blocks goes through
                `asyncio.to_thread`, so that requests of other items go on meanwhile.
            items: read lazily, never more than `max_in_flight` ahead of the results taken.
            max_in_flight: items in work at the same time.
            within: entered before the first item and left after the last, where `work` runs (open connections).
            fatal: errors after which nothing more is begun and the rest is cancelled; what has finished by then comes
                out first, then the outcomes of such errors, last.
            threads: size of the pool behind `asyncio.to_thread`; default: one a core.
        """
        ...

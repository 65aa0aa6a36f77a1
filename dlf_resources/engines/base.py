"""The protocol of an engine: map a function over items, many at a time, results as they come."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
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
    """Spreads work. Closing the iterator cancels what has not begun and waits for what has."""

    def map(
        self, work: Callable[[Item], Result], items: Iterable[Item], *, max_in_flight: int
    ) -> Generator[Outcome[Item, Result], None, None]:
        """Outcomes in the order in which they finish.

        Args:
            work: called once an item; its exceptions become `Outcome.error`.
            items: read lazily, never more than `max_in_flight` ahead of the results taken.
            max_in_flight: items in work at the same time.
        """
        ...

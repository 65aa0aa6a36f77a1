"""What a stage is asked to compute: memo keys by the item that gives their rows, and which of them are missing."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Item = TypeVar("Item")
Missing = Mapping[int, str]
"""The rows an item lacks: their place among the item's rows → their memo key."""

_CHUNK = 4096


@dataclass(frozen=True, slots=True)
class Asks(Generic[Item]):
    """Everything the project asks now, in order. Items are made when their turn comes: a million need little memory.

    Attributes:
        keys: `[n]` strings, the memo key of each row that must come.
        owners: `[n]` integers, ascending: the number of the item each row belongs to.
        item: makes an item from its number.
    """

    keys: pa.StringArray
    owners: NDArray[np.int64]
    item: Callable[[int], Item]

    @classmethod
    def of(cls, keys: Iterable[Sequence[str]], item: Callable[[int], Item]) -> Asks[Item]:
        """Items by number, given the memo keys of each one's rows."""
        chunks: list[pa.Array] = []
        sizes = array("q")
        waiting: list[str] = []
        for found in keys:
            sizes.append(len(found))
            waiting.extend(found)
            if len(waiting) >= _CHUNK:
                chunks.append(pa.array(waiting, pa.string()))
                waiting = []
        chunks.append(pa.array(waiting, pa.string()))
        every = pa.chunked_array(chunks, pa.string()).combine_chunks()
        return cls(every, np.repeat(np.arange(len(sizes)), np.asarray(sizes, dtype=np.int64)), item)

    def lacking(self, remembered: pa.ChunkedArray, limit: int | None) -> NDArray[np.int64]:
        """Positions of the keys, of the first `limit` items, that are not remembered."""
        known = pc.is_in(self.keys, remembered.combine_chunks()).to_numpy(zero_copy_only=False)
        first = len(self.owners) if limit is None else int(np.searchsorted(self.owners, limit))
        return np.flatnonzero(~known[:first])

    def units(self, positions: NDArray[np.int64]) -> Iterator[tuple[Item, Missing]]:
        """The items of some keys, in order, each with the keys it lacks by their place among the item's rows."""
        at = 0
        while at < len(positions):
            owner = self.owners[positions[at]]
            begins = int(np.searchsorted(self.owners, owner))
            end = at + 1
            while end < len(positions) and self.owners[positions[end]] == owner:
                end += 1
            yield (
                self.item(int(owner)),
                {int(place) - begins: self.keys[int(place)].as_py() for place in positions[at:end]},
            )
            at = end

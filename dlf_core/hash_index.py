"""64-bit hashes by Hamming distance: all within a radius, among a million.

faiss does the search (IndexBinaryFlat, https://github.com/facebookresearch/faiss/wiki/Binary-indexes);
docs/performance.md has it beside others. It is imported when more than a few thousand hashes are searched.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

_BITS = 64
_BATCH = 1000
_SMALL = 16_384
"""So few hashes numpy compares faster than faiss is loaded."""
_AT_ONCE = 1 << 21
"""Pairs that numpy compares at once: 16 MB."""


class HashIndex:
    """Hashes to be searched. `hashes`: `[n]` uint64."""

    def __init__(self, hashes: Hashes):
        self._hashes = np.ascontiguousarray(hashes, dtype=np.uint64)
        self._index: Any = None

    def __len__(self) -> int:
        return len(self._hashes)

    def near(
        self, queries: Hashes, radius: int, first: int | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """All pairs of a query and a hash within `radius` bits.

        Args:
            queries: `[q]` uint64.
            radius: bits that may differ.
            first: only the first so many hashes are looked at.

        Returns:
            `[m]` places of the queries, ascending, and `[m]` places of the hashes, ascending for each query.
        """
        found_queries: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
        found_hashes: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
        for begin in range(0, len(queries) if len(self._hashes) else 0, _BATCH):
            batch = np.ascontiguousarray(queries[begin : begin + _BATCH], dtype=np.uint64)
            of_query, places = self._batch(batch, radius, len(self._hashes) if first is None else first)
            order = np.lexsort((places, of_query))
            found_queries.append(of_query[order] + begin)
            found_hashes.append(places[order])
        return np.concatenate(found_queries), np.concatenate(found_hashes)

    def pairs(self, radius: int) -> Iterator[tuple[int, int]]:
        """All pairs among the hashes themselves, the smaller place first, each once."""
        for begin in range(0, len(self._hashes), _BATCH):
            of_query, places = self.near(self._hashes[begin : begin + _BATCH], radius)
            later = places > of_query + begin
            yield from zip((of_query[later] + begin).tolist(), places[later].tolist(), strict=True)

    def _batch(self, queries: Hashes, radius: int, first: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        if first <= _SMALL:
            return _by_numpy(self._hashes[:first], queries, radius)
        if self._index is None:
            import faiss

            self._index = faiss.IndexBinaryFlat(_BITS)
            self._index.add(_bytes(self._hashes))
        # faiss returns distances strictly below its radius.
        limits, _, places = self._index.range_search(_bytes(queries), radius + 1)
        counts = np.diff(limits.astype(np.int64))
        of_query = np.repeat(np.arange(len(queries)), counts)
        chosen = places < first
        return of_query[chosen], places[chosen].astype(np.int64)


def _by_numpy(hashes: Hashes, queries: Hashes, radius: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    step = max(1, _AT_ONCE // max(1, len(hashes)))
    found: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    for begin in range(0, len(queries), step):
        distances = np.bitwise_count(queries[begin : begin + step, None] ^ hashes[None])
        found.append(np.flatnonzero(distances <= radius) + begin * len(hashes))
    every = np.concatenate(found)
    return every // max(1, len(hashes)), every % max(1, len(hashes))


def _bytes(hashes: Hashes) -> NDArray[np.uint8]:
    return hashes.view(np.uint8).reshape(-1, _BITS // 8)


def hashes_of(texts: list[str]) -> Hashes:
    """Hashes from their 16 hex digits."""
    return np.frombuffer(bytes.fromhex("".join(texts)), dtype=">u8").astype(np.uint64)


def text_of(value: int) -> str:
    """16 hex digits."""
    return f"{value:016x}"

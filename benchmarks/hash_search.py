"""Seconds and peak memory of searching a million 64-bit hashes for all within a Hamming radius of each of a thousand.

Every contender runs in a fresh process, several times in turns; the fewest seconds count. All must find the same pairs.

    python -m benchmarks.hash_search [--count 1000000] [--batch 1000] [--repeats 5] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlf_core.hash_index import HashIndex
from dlf_resources.duplicates.same_picture import RADIUS

Hashes = NDArray[np.uint64]
Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]
Search = Callable[[Hashes, Hashes, int], tuple[Pairs, float]]

RADII = (8, RADIUS)
PLANTED = 100
"""Queries that are a hash of the index with exactly as many bits changed as the radius allows."""
_TABLES, _BITS = 3, 21  # of MultiHash: in one of the tables no more than a third of the radius differs


def ours(hashes: Hashes, queries: Hashes, radius: int) -> tuple[Pairs, float]:
    """dlf_core/hash_index.py; its first search makes the index, and imports faiss."""
    began = time.perf_counter()
    index = HashIndex(hashes)
    index.near(queries[:1], radius)
    made = time.perf_counter() - began
    return index.near(queries, radius), made


def by_numpy(hashes: Hashes, queries: Hashes, radius: int) -> tuple[Pairs, float]:
    """Query by query."""
    found = [np.flatnonzero(np.bitwise_count(hashes ^ query) <= radius) for query in queries]
    return (np.repeat(np.arange(len(queries)), [len(places) for places in found]), np.concatenate(found)), 0.0


def by_multi_hash(hashes: Hashes, queries: Hashes, radius: int) -> tuple[Pairs, float]:
    """faiss's IndexBinaryMultiHash, flipping as many bits as it takes to find all."""
    began = time.perf_counter()
    import faiss

    index = faiss.IndexBinaryMultiHash(64, _TABLES, _BITS)
    index.nflip = radius // _TABLES
    index.add(hashes.view(np.uint8).reshape(-1, 8))
    made = time.perf_counter() - began
    limits, _, places = index.range_search(queries.view(np.uint8).reshape(-1, 8), radius + 1)
    counts = np.diff(limits.astype(np.int64))
    numbers = np.repeat(np.arange(len(queries)), counts)
    order = np.lexsort((places, numbers))
    return (numbers[order], places[order]), made


CONTENDERS: dict[str, Search] = {
    "HashIndex": ours,
    "numpy bitwise_count": by_numpy,
    "faiss MultiHash": by_multi_hash,
}


def search(contender: str, radius: int, count: int, batch: int) -> dict[str, Any]:
    """One contender in this process."""
    random = np.random.default_rng(0)
    hashes = random.integers(0, 2**64, count, dtype=np.uint64)
    queries = random.integers(0, 2**64, batch, dtype=np.uint64)
    planted = min(PLANTED, batch, count)
    for number in range(planted):
        bits = random.choice(64, radius, replace=False).astype(np.uint64)
        queries[number] = hashes[number] ^ np.bitwise_or.reduce(np.uint64(1) << bits)
    before = _peak_mb()
    began = time.perf_counter()
    (numbers, places), made = CONTENDERS[contender](hashes, queries, radius)
    seconds = time.perf_counter() - began - made
    exact = np.bitwise_count(queries[numbers] ^ hashes[places]) <= radius
    if not exact.all() or not (np.isin(np.arange(planted), places[numbers == places]).all()):
        raise RuntimeError(f"{contender} found what is further away, or did not find what was planted")
    return {
        "search_seconds": round(seconds, 4),
        "make_seconds": round(made, 4),
        "peak_mb": _peak_mb(),
        "peak_mb_before": before,
        "pairs": len(places),
        "checksum": int((numbers * 1_000_003 + places).sum() % 2**31),
    }


def _peak_mb() -> float:
    """Of this process alone: `ru_maxrss` begins with that of whoever started it."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return round(int(found[1]) / 1024, 1)


def measure(count: int, batch: int, repeats: int) -> dict[str, Any]:
    """The fewest seconds of each contender and radius, its memory, and all runs."""
    every = [(name, radius) for radius in RADII for name in CONTENDERS]
    runs: dict[tuple[str, int], list[dict[str, Any]]] = {one: [] for one in every}
    for repeat in range(repeats):
        for name, radius in reversed(every) if repeat % 2 else every:
            command = [sys.executable, "-m", "benchmarks.hash_search", "--one", name, "--radius", str(radius)]
            command += ["--count", str(count), "--batch", str(batch)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            runs[name, radius].append(json.loads(done.stdout))
            print(json.dumps({"contender": name, "radius": radius} | runs[name, radius][-1]), flush=True)
    for radius in RADII:
        if len({(run["pairs"], run["checksum"]) for name in CONTENDERS for run in runs[name, radius]}) != 1:
            raise RuntimeError(f"the contenders found different pairs at radius {radius}")
    rows = [{"contender": name, "radius": radius} | _best(runs[name, radius]) for name, radius in every]
    return {"benchmark": "hash_search", "hashes": count, "batch": batch, "cores": os.cpu_count(), "rows": rows}


def _best(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "search_seconds": min(run["search_seconds"] for run in runs),
        "make_seconds": min(run["make_seconds"] for run in runs),
        "peak_mb": max(run["peak_mb"] for run in runs),
        "pairs": runs[0]["pairs"],
        "all_search_seconds": [run["search_seconds"] for run in runs],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=1_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, help="write the figures there, as JSON")
    parser.add_argument("--one", choices=CONTENDERS, help="only this one, in this process")
    parser.add_argument("--radius", type=int, default=RADII[0], help="of --one")
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(search(chosen.one, chosen.radius, chosen.count, chosen.batch)))
        return
    figures = measure(chosen.count, chosen.batch, chosen.repeats)
    if chosen.out:
        chosen.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""A project's data on disk beside that in R2: what differs, copies in both directions, and whether all is whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import TypeVar

import pyarrow.compute as pc

from dlf_core.errors import StoreError
from dlf_core.records import SCHEMAS
from dlf_resources.stores.base import Store
from dlf_resources.stores.local import LocalStore
from dlf_resources.stores.r2 import R2Store
from dlf_resources.stores.stage_tables import StageTables, decode

AT_ONCE = 16
FOLDERS = ("raw", "labels")
Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[int, int], None]
"""Told how many of how many are done."""


class Place(StrEnum):
    """Where a key lies."""

    BOTH = "both"
    DISK = "disk"
    R2 = "r2"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class Compared:
    """One key; `bytes` on the disk, or in R2 when it lies only there."""

    key: str
    place: Place
    bytes: int


def compared(disk: LocalStore, remote: R2Store) -> list[Compared]:
    """Every key that belongs into R2 and lies on one of the two sides."""
    here = {key: size for folder in FOLDERS for key, size in disk.sizes(folder).items() if remote.keys.shared(key)}
    there = {key: size for folder in FOLDERS for key, size in remote.shared_sizes(folder).items()}
    for side, sizes in ((disk, here), (remote, there)):
        sizes |= {key: size for key in remote.keys.elsewhere if (size := side.size(key)) is not None}
    doubtful = [key for key in here if here[key] == there.get(key) and not key.startswith("raw/")]
    same = dict(zip(doubtful, _each(lambda key: disk.version(key) == remote.recorded(key), doubtful), strict=True))
    found = []
    for key in sorted(here.keys() | there.keys()):
        if key not in there:
            place = Place.DISK
        elif key not in here:
            place = Place.R2
        else:
            place = Place.BOTH if here[key] == there[key] and same.get(key, True) else Place.DIFFERS
        found.append(Compared(key, place, here.get(key, there.get(key, 0))))
    return found


def push(disk: LocalStore, remote: R2Store, todo: Sequence[Compared], progress: Progress) -> None:
    """Upload keys; images before tables, so that no table ever names an image that is not there."""
    _in_order([one.key for one in todo], lambda key: remote.upload(key, disk.path(key)), progress)


def pull(disk: LocalStore, remote: R2Store, todo: Sequence[Compared], progress: Progress) -> None:
    """Download keys, images before tables."""
    _in_order([one.key for one in todo], lambda key: remote.download(key, disk.path(key)), progress)


def problems(store: Store, progress: Progress) -> Iterator[str]:
    """What is wrong with a project's data, a sentence each: every byte is read.

    Bytes that are not those that were written, tables that cannot be read, images that a table names and that are gone.
    """
    keys = [key for folder in FOLDERS for key in store.list(folder) if _checked(key)]
    for done, (key, damage) in enumerate(zip(keys, _each(store.damage, keys), strict=True), start=1):
        progress(done, len(keys))
        if damage is not None:
            yield f"{store.address(key)}: {damage}"
    there = {key for key in keys if key.startswith("raw/")}
    tables = StageTables(store)
    for partition in tables.keys("gather"):
        try:
            table = tables.read("gather", partition, ["path", "image_id", "candidate_id"])
        except StoreError as error:
            yield str(error)
            continue
        if table is None:
            continue
        named = table.filter(pc.is_valid(table["path"]))["path"].to_pylist()
        gone = [path for path in named if path not in there]
        if gone:
            more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
            yield f"{store.address(gone[0])}: is named by the gather table of {partition} and not there{more}."
    for key in keys:
        parts = PurePosixPath(key).parts
        if len(parts) == 3 and parts[1] in SCHEMAS and parts[1] != "gather" and key.endswith(".parquet"):
            try:
                decode(store.path(key), parts[1], store.address(key))
            except (StoreError, KeyError) as error:
                yield str(error)


def _checked(key: str) -> bool:
    return key.startswith("raw/") or (key.count("/") == 2 and key.endswith(".parquet")) or key.count("/") == 1


def _in_order(keys: Sequence[str], copy: Callable[[str], object], progress: Progress) -> None:
    done = 0
    for images in (True, False):
        some = [key for key in keys if key.startswith("raw/") is images]
        for _ in _each(copy, some):
            done += 1
            progress(done, len(keys))


def _each(work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Results in order; some at once. The first error stops the rest."""
    with ThreadPoolExecutor(AT_ONCE, "store") as pool:
        try:
            yield from pool.map(work, items)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise

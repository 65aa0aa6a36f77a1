"""The images that other buckets have kept, as far as near-duplicates are looked for among them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dlf_core.hash_index import hashes_of
from dlf_core.partition_keys import partition_key
from dlf_core.project import Project
from dlf_resources.stores.stage_tables import StageTables

_STAGE = "gather"
_COLUMNS = ["image_id", "candidate_id", "state", "phash", "width", "height", "fetched_at"]


@dataclass(frozen=True, slots=True)
class Library:
    """Kept images of other partitions, without what judges a pair: that is read for those that come near.

    Attributes:
        image_ids: `[n]` strings.
        hashes: `[n]` uint64.
        pixels: `[n]` width times height.
        fetched: `[n]` milliseconds since 1970; 0 where it is not known.
        partitions: `[n]` which of `keys` an image is in.
        keys: partition keys.
        own: the key of the bucket that asks.
    """

    image_ids: pa.ChunkedArray
    hashes: NDArray[np.uint64]
    pixels: NDArray[np.int64]
    fetched: NDArray[np.int64]
    partitions: NDArray[np.int32]
    keys: Sequence[str]
    own: str

    def __len__(self) -> int:
        return len(self.hashes)

    def image_id(self, place: int) -> str:
        """The id of an image."""
        return self.image_ids[place].as_py()

    def stays_before(self, place: int, pixels: int, fetched: dt.datetime | None) -> bool:
        """Whether an image here stays rather than one of another bucket: the larger, then the one fetched first.

        The rule is the same seen from either bucket, so that of two gathers at the same time never both give way.
        """
        if self.pixels[place] != pixels:
            return bool(self.pixels[place] > pixels)
        if fetched is None:
            return True
        key = self.keys[int(self.partitions[place])]
        return (int(self.fetched[place]), key) < (int(fetched.timestamp() * 1000), self.own)

    def fingerprints(self, tables: StageTables, places: Sequence[int]) -> dict[int, tuple[bytes, str]]:
        """What judges a pair, and the path of the image in the store, for some images."""
        found: dict[int, tuple[bytes, str]] = {}
        for partition in {int(self.partitions[place]) for place in places}:
            wanted = {self.image_id(place): place for place in places if self.partitions[place] == partition}
            columns = ["image_id", "candidate_id", "state", "fingerprint", "path"]
            table = tables.read(_STAGE, self.keys[partition], columns)
            if table is None:
                continue
            chosen = pc.and_(pc.is_in(table["image_id"], pa.array(list(wanted))), pc.equal(table["state"], "kept"))
            for row in table.filter(chosen).to_pylist():
                if row["fingerprint"] is not None:
                    found[wanted[row["image_id"]]] = (row["fingerprint"], row["path"])
        return found


def library_of(project: Project, tables: StageTables, own: str) -> Library:
    """What the partitions that `duplicates.across` names have kept, without the partition `own`."""
    ids: list[pa.ChunkedArray] = []
    hashes, partitions = [np.empty(0, np.uint64)], [np.empty(0, np.int32)]
    pixels, fetched = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    keys = [key for key in _partitions(project, tables) if key != own]
    for number, key in enumerate(keys):
        table = tables.read(_STAGE, key, _COLUMNS)
        if table is None:
            continue
        kept = table.filter(pc.and_(pc.equal(table["state"], "kept"), pc.is_valid(table["phash"])))
        ids.append(kept["image_id"])
        hashes.append(hashes_of(kept["phash"].to_pylist()))
        pixels.append(kept["width"].to_numpy().astype(np.int64) * kept["height"].to_numpy())
        fetched.append(pc.fill_null(kept["fetched_at"].cast(pa.int64()), 0).to_numpy())
        partitions.append(np.full(len(kept), number, np.int32))
    every = pa.chunked_array([chunk for column in ids for chunk in column.chunks], pa.string())
    together = np.concatenate
    return Library(every, together(hashes), together(pixels), together(fetched), together(partitions), keys, own)


def _partitions(project: Project, tables: StageTables) -> Iterator[str]:
    if project.duplicates.across == "bucket":
        return
    mine = project.partition_keys()
    yield from mine.values()
    if project.duplicates.across == "data_root":
        # Other projects may share the folder. A bucket that this project no longer has counts no more.
        ours = partition_key(project.project_name, "")
        for key in tables.keys(_STAGE):
            if not key.startswith(ours):
                yield key

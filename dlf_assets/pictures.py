"""The images a bucket kept, for the stages that show them to a model."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dlf_core.errors import ImageRejected, StoreError
from dlf_core.records import CandidateState
from dlf_resources.picture import Picture
from dlf_resources.stores.base import Store

_REMEMBERED = 256


class KeptImages:
    """Gather rows of kept images, in the order in which they were found. Columns in memory; a row is made when asked.

    Args:
        gathered: a gather table, of any of its columns, `image_id`, `state` and `order` among them.
        only: image ids to keep; all without.
    """

    def __init__(self, gathered: pa.Table, only: pa.Array | None = None):
        chosen = pc.equal(gathered["state"], CandidateState.KEPT.value)
        if only is not None:
            chosen = pc.and_(chosen, pc.is_in(gathered["image_id"], only))
        kept = gathered.filter(chosen)
        order = pc.sort_indices(kept["order"])
        names = [name for name in kept.column_names if name not in ("state", "order")]
        self._columns = {name: kept[name].take(order).combine_chunks() for name in names}
        ids = np.asarray(self._columns["image_id"].to_numpy(zero_copy_only=False), dtype="S32")
        self._by_id = np.argsort(ids)
        self._sorted = ids[self._by_id]
        self.row = functools.lru_cache(maxsize=_REMEMBERED)(self._row)

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, image_id: object) -> bool:
        return self._number(image_id) is not None

    def __getitem__(self, image_id: str) -> dict[str, Any]:
        number = self._number(image_id)
        if number is None:
            raise KeyError(image_id)
        return self.row(number)

    def __iter__(self) -> Iterator[str]:
        ids = self._columns["image_id"]
        for start in range(0, len(ids), 4096):
            yield from ids.slice(start, 4096).to_pylist()

    def id_of(self, number: int) -> str:
        """The image id of a row."""
        return self._columns["image_id"][number].as_py()

    def paths(self, image_ids: list[str]) -> list[str | None]:
        """Paths in the store; None for an image that is not among these."""
        numbers = [self._number(image_id) for image_id in image_ids]
        return self._columns["path"].take(pa.array(numbers, pa.int64())).to_pylist()

    def picture(self, store: Store, image_id: str) -> Picture:
        """The image of an id."""
        return picture_of(store, self[image_id])

    def _row(self, number: int) -> dict[str, Any]:
        return {name: column[number].as_py() for name, column in self._columns.items()}

    def _number(self, image_id: object) -> int | None:
        name = str(image_id).encode()
        place = int(np.searchsorted(self._sorted, name))
        there = place < len(self._sorted) and self._sorted[place] == name
        return int(self._by_id[place]) if there else None


def picture_of(store: Store, row: dict[str, Any]) -> Picture:
    """The image of a gather row; it is read when it is shown.

    A file that is gone is one failed image (`ImageRejected`), not a failed bucket.
    """

    def read() -> bytes:
        try:
            return store.get(row["path"])
        except StoreError as error:
            raise ImageRejected(CandidateState.UNREADABLE, f"{error} `dlf gather` fetches it again.") from None

    return Picture(read)

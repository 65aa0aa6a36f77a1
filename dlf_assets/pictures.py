"""The images a bucket kept, for the stages that show them to a model."""

from __future__ import annotations

import bisect
import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dlf_core.candidate_states import CandidateState
from dlf_core.errors import ImageRejected, StoreError, StoreUnreached
from dlf_resources.picture import Picture
from dlf_resources.stores.base import Store

_REMEMBERED = 256


class KeptImages:
    """Gather rows of kept images, in the order in which they were found.

    The table stays as it is; an index says which rows and in which order, and a row is made when it is asked for.

    Args:
        gathered: a gather table, of any of its columns, `image_id`, `state` and `order` among them, in its order.
        only: image ids to keep; all without.
    """

    def __init__(self, gathered: pa.Table, only: pa.Array | None = None):
        kept = pc.equal(gathered["state"], CandidateState.KEPT.value)
        if only is not None:
            kept = pc.and_(kept, pc.is_in(gathered["image_id"], only))
        self._kept = kept.to_numpy()
        names = [name for name in gathered.column_names if name not in ("state", "order")]
        self._columns = {name: gathered[name] for name in names}
        self._ids = _Looked(gathered["image_id"])
        rows = np.flatnonzero(self._kept).astype(np.int32)
        self._rows = rows[np.argsort(gathered["order"].to_numpy()[rows], kind="stable")]
        self._row = functools.lru_cache(maxsize=_REMEMBERED)(self._made)

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, image_id: object) -> bool:
        return self._place(str(image_id)) is not None

    def __getitem__(self, image_id: str) -> dict[str, Any]:
        place = self._place(image_id)
        if place is None:
            raise KeyError(image_id)
        return self._row(place)

    def __iter__(self) -> Iterator[str]:
        # Value by value: `take` would first lay the whole column out anew.
        return (self._ids[int(row)] for row in self._rows)

    def id_of(self, number: int) -> str:
        """The image id of the image of this number, in the order found."""
        return self._ids[int(self._rows[number])]

    def paths(self, image_ids: list[str]) -> list[str | None]:
        """Paths in the store; None for an image that is not among these."""
        paths, places = self._columns["path"], map(self._place, image_ids)
        return [None if place is None else paths[place].as_py() for place in places]

    def picture(self, store: Store, image_id: str) -> Picture:
        """The image of an id."""
        return picture_of(store, self[image_id])

    def _made(self, place: int) -> dict[str, Any]:
        return {name: column[place].as_py() for name, column in self._columns.items()}

    def _place(self, image_id: str) -> int | None:
        """The row of a kept image. The table is sorted by image id, and of equal ones only one is kept."""
        place = bisect.bisect_left(self._ids, image_id)
        while place < len(self._ids) and self._ids[place] == image_id:
            if self._kept[place]:
                return place
            place += 1
        return None


class _Looked:
    """A sorted column as a sequence; rows without a value, which sort last, are not part of it."""

    def __init__(self, column: pa.ChunkedArray):
        self._column = column
        self._length = len(column) - column.null_count

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, place: int) -> str:
        return self._column[place].as_py()


def picture_of(store: Store, row: dict[str, Any]) -> Picture:
    """The image of a gather row; it is read when it is shown.

    A file that is gone is one failed image (`ImageRejected`), not a failed bucket.
    """

    def read() -> bytes:
        try:
            return store.get(row["path"])
        except StoreUnreached:
            raise
        except StoreError as error:
            raise ImageRejected(CandidateState.UNREADABLE, f"{error} `dlf gather` fetches it again.") from None

    return Picture(read, row.get("image_id"))

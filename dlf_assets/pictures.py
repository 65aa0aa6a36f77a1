"""The images a bucket kept, opened once each for the stages that show them to a model."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from dlf_core.errors import ImageRejected, StoreError
from dlf_core.records import CandidateState
from dlf_resources.images import open_upright
from dlf_resources.stores.base import Store


def kept_images(gathered: pa.Table) -> dict[str, dict[str, Any]]:
    """Gather rows of kept images by image id, in the order in which they were found."""
    kept = gathered.filter(pc.equal(gathered["state"], CandidateState.KEPT.value)).sort_by("order")
    return {row["image_id"]: row for row in kept.to_pylist()}


def open_picture(store: Store, row: dict[str, Any], max_side: int) -> Image.Image:
    """The upright RGB pixels of a gathered image, its longer side at most `max_side`.

    Raises:
        ImageRejected: the file is gone or damaged.
    """
    try:
        content = store.get(row["path"])
    except StoreError as error:
        # One lost file is one failed image, not a failed bucket.
        raise ImageRejected(CandidateState.UNREADABLE, f"{error} `dlf gather` fetches it again.") from None
    return open_upright(content, max_side)

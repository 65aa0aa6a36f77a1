"""What every row of a data set tells, checked where tables of others are read."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from dlf_core.formats.columns import plain
from dlf_core.formats.dataset import BOXES, IMAGES

_NEEDED_OF_IMAGE = ("image_id", "file_name", "width", "height", "split", "box_count")
_CORNERS = ("x1", "y1", "x2", "y2")


def sound_images(images: pa.Table) -> pa.Table:
    """The table with the types of `IMAGES`.

    Raises:
        ValueError: something is missing or does not fit; so do Arrow's errors.
    """
    images = _whole(images.cast(plain(IMAGES)), _NEEDED_OF_IMAGE)
    for name in ("width", "height"):
        if pc.any(pc.less(images[name], 1)).as_py():
            raise ValueError("an image has width or height 0")
    return images


def sound_boxes(boxes: pa.Table) -> pa.Table:
    """The table with the types of `BOXES`.

    Raises:
        ValueError: something is missing or does not fit; so do Arrow's errors.
    """
    boxes = _whole(boxes.cast(plain(BOXES)), ("class_name", "crowd", *_CORNERS))
    if any(pc.any(pc.invert(pc.is_finite(boxes[name]))).as_py() for name in _CORNERS):
        raise ValueError("a corner of a box is no number")
    return boxes


def _whole(table: pa.Table, names: tuple[str, ...]) -> pa.Table:
    table.validate(full=True)  # a damaged file may hold text that is none
    for name in names:
        if table[name].null_count:
            raise ValueError(f"{name} is missing in a row")
    return table

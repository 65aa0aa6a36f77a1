"""What of a data set is passed on: boxes by who approved them, classes under other names, images without boxes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dlf_core.errors import FactoryError
from dlf_core.formats.dataset import Dataset

Chosen = NDArray[np.bool_]
OTHERS = "*"
"""In a class map: all classes that it does not name."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Attributes:
    only_approved: boxes that a person has approved.
    min_p_yes: boxes whose verdict scored at least this, or that a person has approved.
    negatives: also images without boxes.
    classes: class → its new name, or None to leave its boxes out; `*` stands for all that are not named.
    """

    only_approved: bool = False
    min_p_yes: float | None = None
    negatives: bool = True
    classes: Mapping[str, str | None] = field(default_factory=dict)


def select(dataset: Dataset, selection: Selection) -> Dataset:
    """The data set as chosen.

    An image that is left without boxes goes, too, where one of them went because of `only_approved` or `min_p_yes`: it
    is no image without objects. One whose boxes all go by their class is one.

    Raises:
        FactoryError: a class is renamed that there is not, or none is left.
    """
    boxes, images = dataset.box_table, dataset.image_table
    trusted = np.ones(len(boxes), np.bool_)
    approved = _true(pc.equal(boxes["decision"].cast(pa.string()), "approved"))
    if selection.only_approved:
        trusted &= approved
    if selection.min_p_yes is not None:
        trusted &= approved | _true(pc.greater_equal(boxes["p_yes"], selection.min_p_yes))
    classes, renamed, stays = _classes(dataset, selection.classes)
    counts = images["box_count"].to_numpy()
    of_image = np.repeat(np.arange(len(images)), counts)
    left = np.bincount(of_image[trusted & stays], minlength=len(images))
    doubtful = np.bincount(of_image[~trusted], minlength=len(images)) > 0
    kept = (left > 0) | (~doubtful & selection.negatives)
    chosen = trusted & stays & kept[of_image]
    at = images.schema.get_field_index("box_count")
    images = images.set_column(at, "box_count", pa.array(left, pa.int32())).filter(pa.array(kept))
    boxes = boxes.set_column(0, "class_name", renamed).filter(pa.array(chosen))
    return Dataset(dataset.name, classes, images, boxes, dataset.description)


def _classes(dataset: Dataset, new: Mapping[str, str | None]) -> tuple[list[str], pa.ChunkedArray, Chosen]:
    """Classes in their old order; the boxes' new ones; whether a box's class stays."""
    unknown = [name for name in new if name not in (*dataset.classes, OTHERS)]
    if unknown:
        raise FactoryError(f"the data set has no class '{unknown[0]}'; it has: {', '.join(dataset.classes)}.")
    names = [new.get(name, new.get(OTHERS, name)) for name in dataset.classes]
    classes = list(dict.fromkeys(name for name in names if name is not None))
    if not classes:
        raise FactoryError("no class is left; keep at least one.")
    before = dataset.box_table["class_name"].cast(pa.string())
    place = pc.index_in(before, pa.array(dataset.classes, pa.string()))
    renamed = pa.array(names, pa.string()).take(place.combine_chunks())
    return classes, pa.chunked_array([renamed.dictionary_encode()]), ~renamed.is_null().to_numpy(zero_copy_only=False)


def _true(column: pa.ChunkedArray) -> Chosen:
    found: Chosen = pc.fill_null(column, False).to_numpy().astype(np.bool_)
    return found

"""The label table as data-label-factory 0.1 published it: one Parquet file, boxes as a struct of lists.

    labels.parquet     image_id, file_name, bucket, split, width, height, n_bboxes, n_approved,
                       bboxes{annotation_id, category, x1, y1, x2, y2, area, vlm_verdict, vlm_reasoning}
    images/<image_id>.<ext>

Corners are pixels. `n_approved` counts the boxes that verify said YES to or a person approved.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dlf_core.errors import FormatError
from dlf_core.formats.base import Format, Pictures, split_named
from dlf_core.formats.dataset import BOXES, IMAGES, Dataset
from dlf_core.formats.picture_files import place_in
from dlf_core.formats.sound import sound_boxes, sound_images

FILE = "labels.parquet"
_IMAGE = ("image_id", "file_name", "bucket", "split", "width", "height")
_WORDS = {"annotation_id": "box_id", "category": "class_name", "vlm_verdict": "verdict", "vlm_reasoning": "reasoning"}


def write(dataset: Dataset, folder: Path, pictures: Pictures | None) -> None:
    """Write the data set into an empty folder."""
    images, boxes = dataset.image_table, dataset.box_table
    counts = images["box_count"].to_numpy()
    offsets = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    of_image = np.repeat(np.arange(len(images)), counts)
    corners, area = _pixels(images, boxes, of_image)
    lists: dict[str, pa.Array] = {key: _plain(boxes[name]) for key, name in _WORDS.items()} | corners | {"area": area}
    names = ("annotation_id", "category", "x1", "y1", "x2", "y2", "area", "vlm_verdict", "vlm_reasoning")
    starts = pa.array(offsets, pa.int32())
    good = pc.or_kleene(pc.equal(lists["vlm_verdict"], "YES"), pc.equal(_plain(boxes["decision"]), "approved"))
    approved = np.bincount(
        of_image[pc.fill_null(good, False).to_numpy(zero_copy_only=False).astype(np.bool_)], minlength=len(images)
    )
    columns = {name: _plain(images[name]) for name in _IMAGE}
    columns["n_bboxes"] = images["box_count"].combine_chunks()
    columns["n_approved"] = pa.array(approved, pa.int32())
    columns["bboxes"] = pa.StructArray.from_arrays(
        [pa.ListArray.from_arrays(starts, lists[name]) for name in names], names=list(names)
    )
    table = pa.table(columns).replace_schema_metadata({b"classes": orjson.dumps(dataset.classes)})
    pq.write_table(table, folder / FILE, compression="zstd")
    if pictures is not None:
        place_in(folder / "images", dataset, pictures)


def _pixels(
    images: pa.Table, boxes: pa.Table, of_image: np.ndarray[Any, np.dtype[np.int64]]
) -> tuple[dict[str, pa.Array], pa.Array]:
    sides = {
        axis: images[side].to_numpy().astype(np.float64)[of_image] for axis, side in (("x", "width"), ("y", "height"))
    }
    found = {f"{axis}{n}": boxes[f"{axis}{n}"].to_numpy() * sides[axis] for axis in "xy" for n in (1, 2)}
    area = (found["x2"] - found["x1"]) * (found["y2"] - found["y1"])
    return {name: pa.array(values) for name, values in found.items()}, pa.array(area)


def _plain(column: pa.ChunkedArray) -> pa.Array:
    kind = column.type
    return (column.cast(kind.value_type) if pa.types.is_dictionary(kind) else column).combine_chunks()


def read(path: Path) -> Dataset:
    """A data set from such a file, from several of them in a folder, or from the data set published with 0.1.

    Raises:
        FormatError: names the file that cannot be read.
    """
    files = sorted([*path.glob("*.parquet"), *path.glob("data/*.parquet")]) if path.is_dir() else [path]
    if not files:
        raise FormatError(f"{path}: has no .parquet file.")
    images: list[pa.Table] = []
    boxes: list[pa.Table] = []
    classes: list[str] = []
    for file in files:
        try:
            source = pq.ParquetFile(file)
            classes += orjson.loads((source.schema_arrow.metadata or {}).get(b"classes", b"[]"))
            names = [name for name in source.schema_arrow.names if name in (*_IMAGE, "bboxes")]
            table = source.read(columns=names, use_threads=False).combine_chunks()
            lists = _lists(table)
            images.append(sound_images(_images(table, lists)))
            boxes.append(sound_boxes(_boxes(lists, images[-1])))
        except OSError as error:
            said = " ".join((error.strerror or str(error)).split())[:200]
            raise FormatError(f"{file}: cannot be read: {said}.") from None
        except (pa.ArrowException, KeyError, ValueError, IndexError, TypeError, AttributeError) as error:
            said = " ".join(str(error).split())[:200] or "it has another shape"
            raise FormatError(f"{file}: is not a label table: {said}.") from None
    every = pa.concat_tables(boxes)
    classes += sorted(pc.unique(every["class_name"]).to_pylist())
    return Dataset(path.stem, list(dict.fromkeys(classes)), pa.concat_tables(images), every)


def _lists(table: pa.Table) -> dict[str, pa.Array]:
    """A list an image of each field of the boxes; where an image's are null it has none."""
    inner = table["bboxes"].combine_chunks()
    # `field` would not say where the struct is null.
    lists = dict(zip([one.name for one in inner.type], inner.flatten(), strict=True))
    lengths = [_lengths(one) for one in lists.values()]
    if any(not one.equals(lengths[0]) for one in lengths):
        raise ValueError("an image has more of one thing than of another")
    return lists


def _lengths(lists: pa.Array) -> pa.Array:
    return pc.fill_null(pc.list_value_length(lists), 0).cast(pa.int32())


def _images(table: pa.Table, lists: dict[str, pa.Array]) -> pa.Table:
    columns = {name: table[name] for name in table.column_names if name in _IMAGE}
    columns["image_id"] = table["image_id"].cast(pa.string())
    columns["box_count"] = _lengths(lists["category"])
    splits = columns["split"].to_pylist() if "split" in columns else ["train"] * len(table)
    columns["split"] = pa.array([split_named(one) for one in splits], pa.string())
    return pa.table({one.name: columns.get(one.name, pa.nulls(len(table), _word(one.type))) for one in IMAGES})


def _boxes(lists: dict[str, pa.Array], images: pa.Table) -> pa.Table:
    of_image = np.repeat(np.arange(len(images)), images["box_count"].to_numpy())
    columns: dict[str, pa.Array] = {"crowd": pa.array(np.zeros(len(of_image), np.bool_))}
    for axis, side in (("x", "width"), ("y", "height")):
        scale = images[side].to_numpy().astype(np.float64)[of_image]
        for n in (1, 2):
            values = lists[f"{axis}{n}"].flatten().to_numpy(zero_copy_only=False).astype(np.float64)
            columns[f"{axis}{n}"] = pa.array(values / scale)
    for key, name in _WORDS.items():
        if key in lists:
            columns[name] = lists[key].flatten().cast(pa.string())
    return pa.table({one.name: columns.get(one.name, pa.nulls(len(of_image), _word(one.type))) for one in BOXES})


def _word(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


FORMAT = Format(
    "label table of data-label-factory 0.1 (Parquet)",
    write,
    read,
    image_fields=frozenset(_IMAGE),
    box_fields=frozenset({*_WORDS.values(), "x1", "y1", "x2", "y2"}),
)

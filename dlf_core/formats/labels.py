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
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dlf_core.errors import FormatError
from dlf_core.formats.base import Format, Pictures
from dlf_core.formats.columns import table_of
from dlf_core.formats.dataset import BOXES, IMAGES, Dataset
from dlf_core.formats.reading import classes_of, reader, said

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
    classes = pa.array(dataset.classes, pa.string())
    table = pa.table(columns).replace_schema_metadata({b"classes": "\n".join(classes.to_pylist()).encode()})
    pq.write_table(table, folder / FILE, compression="zstd")
    if pictures is not None:
        (folder / "images").mkdir()
        for image_id, name in zip(images["image_id"].to_pylist(), images["file_name"].to_pylist(), strict=True):
            pictures.place(image_id, folder / "images" / name)


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


@reader("a label table")
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
            told = (source.schema_arrow.metadata or {}).get(b"classes", b"").decode()
            classes += told.split("\n") if told else []
            names = [name for name in source.schema_arrow.names if name in (*_IMAGE, "bboxes")]
            table = source.read(columns=names, use_threads=False).combine_chunks()
            images.append(_images(table))
            boxes.append(_boxes(table, images[-1]))
        except OSError as error:  # also what Arrow cannot decode
            raise FormatError(f"{file}: cannot be read: {error.strerror or said(error)}.") from None
        except Exception as error:
            raise FormatError(f"{file}: is not a label table: {said(error)}.") from None
    found = Dataset(path.stem, classes, pa.concat_tables(images), pa.concat_tables(boxes))
    return Dataset(path.stem, classes_of(classes, found), found.image_table, found.box_table)


def _images(table: pa.Table) -> pa.Table:
    columns = {name: table[name] for name in table.column_names if name in _IMAGE}
    columns["image_id"] = table["image_id"].cast(pa.string())
    lengths = pc.list_value_length(_bboxes(table).field("category"))
    columns["box_count"] = pc.fill_null(lengths, 0).cast(pa.int32())
    columns.setdefault("split", pa.chunked_array([pa.array(["train"] * len(table), pa.string())]))
    if pc.any(pc.or_(pc.less(table["width"], 1), pc.less(table["height"], 1))).as_py():
        raise ValueError("an image has width or height 0")
    if "file_name" not in columns:
        raise ValueError("it has no column file_name")
    return table_of(columns, IMAGES, len(table))


def _boxes(table: pa.Table, images: pa.Table) -> pa.Table:
    of_image = np.repeat(np.arange(len(table)), images["box_count"].to_numpy())
    inner = _bboxes(table)
    there = [one.name for one in inner.type]
    columns: dict[str, pa.Array] = {"crowd": pa.array(np.zeros(len(of_image), np.bool_))}
    for axis, side in (("x", "width"), ("y", "height")):
        scale = images[side].to_numpy().astype(np.float64)[of_image]
        for n in (1, 2):
            values = _values(inner, f"{axis}{n}", images).to_numpy(zero_copy_only=False).astype(np.float64)
            columns[f"{axis}{n}"] = pa.array(values / scale)
    for key, name in _WORDS.items():
        if key in there:
            columns[name] = _values(inner, key, images).cast(pa.string())
    return table_of(columns, BOXES, len(of_image))


def _bboxes(table: pa.Table) -> pa.StructArray:
    column = table["bboxes"].combine_chunks()
    if not pa.types.is_struct(column.type):
        raise ValueError(f"its column bboxes holds {column.type}, not a struct of lists")
    return column


def _values(inner: pa.StructArray, name: str, images: pa.Table) -> pa.Array:
    """One field of all boxes.

    Raises:
        ValueError: an image has another number of them than it has boxes.
    """
    lists = inner.field(name)
    lengths = pc.fill_null(pc.list_value_length(lists), 0).cast(pa.int32())
    if not lengths.equals(images["box_count"].combine_chunks()):
        raise ValueError(f"an image has more or fewer bboxes.{name} than boxes")
    return lists.flatten()


FORMAT = Format(
    "label table of data-label-factory 0.1 (Parquet)",
    write,
    read,
    image_fields=frozenset(_IMAGE),
    box_fields=frozenset({*_WORDS.values(), "x1", "y1", "x2", "y2"}),
)

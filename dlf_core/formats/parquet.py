"""Parquet as Hugging Face `datasets` reads it, written and read.

    data/<split>-<number>-of-<count>.parquet

A row is an image: `image` (its bytes), what is known of it, and `objects`, a struct of lists in the shape of the Hub's
object-detection data sets: `bbox` is COCO's `[x, y, width, height]` in pixels, `category` a ClassLabel. The features
stand in the file's metadata (https://huggingface.co/docs/datasets/about_arrow), so `load_dataset` needs no script.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dlf_core.errors import FormatError
from dlf_core.formats.base import Format, Pictures, split_named
from dlf_core.formats.columns import plain
from dlf_core.formats.dataset import BOX_FIELDS, BOXES, IMAGE_FIELDS, IMAGES, Dataset
from dlf_core.formats.picture_files import read_all
from dlf_core.formats.picture_size import upright_size
from dlf_core.formats.sound import sound_boxes, sound_images

SHARD_BYTES = 400 << 20
_PICTURES = 64
"""Pictures read at once."""
_ROWS = 16_384
"""Rows of a group without pictures."""
_GROUP_BYTES = 32 << 20
"""Bytes of a group with pictures: what the Hub's viewer reads at once, and what lies in memory."""
_TOLD_OF_IMAGE = tuple(name for name in IMAGE_FIELDS if name != "split")
_TOLD_OF_BOX = tuple(name for name in BOX_FIELDS if name not in ("class_name", "x1", "y1", "x2", "y2"))


def write(dataset: Dataset, folder: Path, pictures: Pictures | None) -> None:
    """Write the data set into an empty folder."""
    data = folder / "data"
    data.mkdir()
    splits = dataset.image_table["split"].to_numpy(zero_copy_only=False)
    for split in dataset.split_names or ["train"]:  # without images, a file that tells the classes
        chosen = dataset.take(splits == split)
        files = _shards(chosen, data / split, _schema(dataset.classes, pictures is not None), pictures)
        for number, file in enumerate(files):
            os.replace(file, data / f"{split}-{number:05}-of-{len(files):05}.parquet")


def _shards(dataset: Dataset, stem: Path, schema: pa.Schema, pictures: Pictures | None) -> list[Path]:
    files: list[Path] = []

    def shard() -> pq.ParquetWriter:
        files.append(stem.with_name(f".{stem.name}-{len(files)}.part"))
        return pq.ParquetWriter(files[-1], schema, compression=_compression(schema), write_page_index=True)

    writer, size = shard(), 0
    for table, content in _groups(dataset, schema, pictures):
        if size and size + content > SHARD_BYTES:
            writer.close()
            writer, size = shard(), 0
        writer.write_table(table, row_group_size=len(table) or None)
        size += content
    writer.close()
    return files


def _compression(schema: pa.Schema) -> dict[str, str] | str:
    """Pictures are compressed already."""
    if "image" not in schema.names:
        return "zstd"
    others = [name for name in schema.names if name not in ("image", "objects")]
    inner = [f"objects.{name}.list.element" for name in ("category", "area", *_TOLD_OF_BOX)]
    return dict.fromkeys([*others, *inner, "objects.bbox.list.element.list.element"], "zstd")


def _groups(dataset: Dataset, schema: pa.Schema, pictures: Pictures | None) -> Iterator[tuple[pa.Table, int]]:
    """Row groups and about how many bytes each is."""
    counts = dataset.image_table["box_count"].to_numpy()
    offsets = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])

    def group(begin: int, end: int, content: list[bytes] | None) -> tuple[pa.Table, int]:
        images = dataset.image_table.slice(begin, end - begin)
        boxes = dataset.box_table.slice(int(offsets[begin]), int(offsets[end] - offsets[begin]))
        table = _table(images, boxes, offsets[begin : end + 1] - offsets[begin], dataset.classes, content, schema)
        return table, table.nbytes

    if pictures is None:
        for begin in range(0, len(counts), _ROWS):
            yield group(begin, min(begin + _ROWS, len(counts)), None)
        return
    begin, content, size = 0, [], 0
    names = zip(dataset.image_table["image_id"].to_pylist(), dataset.image_table["file_name"].to_pylist(), strict=True)
    for place, one in enumerate(read_all(pictures, names)):
        content.append(one)
        size += len(one)
        if size >= _GROUP_BYTES:
            yield group(begin, place + 1, content)
            begin, content, size = place + 1, [], 0
    if content:
        yield group(begin, len(counts), content)


def _table(
    images: pa.Table,
    boxes: pa.Table,
    offsets: np.ndarray[Any, np.dtype[np.int64]],
    classes: list[str],
    content: list[bytes] | None,
    schema: pa.Schema,
) -> pa.Table:
    starts = pa.array(offsets, pa.int32())
    of_image = np.repeat(np.arange(len(images)), np.diff(offsets))
    scale = np.column_stack([images["width"].to_numpy(), images["height"].to_numpy()]).astype(np.float64)[of_image]
    low, high = (np.column_stack([boxes[f"{axis}{n}"].to_numpy() for axis in "xy"]) * scale for n in (1, 2))
    numbers = np.hstack([low, high - low]).astype(np.float32).reshape(-1)
    lists: dict[str, pa.Array] = {
        "bbox": pa.ListArray.from_arrays(np.arange(len(boxes) + 1, dtype=np.int32) * 4, pa.array(numbers)),
        "category": pc.index_in(boxes["class_name"].cast(pa.string()), pa.array(classes, pa.string()))
        .combine_chunks()
        .cast(pa.int64()),
        "area": pa.array((high - low).prod(axis=1).astype(np.float32)),
    }
    lists |= {name: _plain(boxes[name]) for name in _TOLD_OF_BOX}
    kind = schema.field("objects").type
    inner = [pa.ListArray.from_arrays(starts, lists[one.name]).cast(one.type) for one in kind]
    columns: dict[str, pa.Array] = {name: _plain(images[name]) for name in _TOLD_OF_IMAGE}
    columns["objects"] = pa.StructArray.from_arrays(inner, fields=list(kind))
    if content is not None:
        fields = list(schema.field("image").type)
        columns["image"] = pa.StructArray.from_arrays([_binary(content), columns["file_name"]], fields=fields)
    return pa.Table.from_arrays([columns[name] for name in schema.names], schema=schema)


def _binary(content: list[bytes]) -> pa.Array:
    """`pa.array` would grow by doubling: three times as long for pictures."""
    starts = np.concatenate([[0], np.cumsum([len(one) for one in content])]).astype(np.int32)
    return pa.BinaryArray.from_buffers(
        pa.binary(), len(content), [None, pa.py_buffer(starts), pa.py_buffer(b"".join(content))]
    )


def _plain(column: pa.ChunkedArray) -> pa.Array:
    kind = column.type
    return (column.cast(kind.value_type) if pa.types.is_dictionary(kind) else column).combine_chunks()


def _schema(classes: list[str], with_pictures: bool) -> pa.Schema:
    """Columns, and their features as `datasets` wants them told."""
    columns: list[pa.Field] = []
    features: dict[str, Any] = {}
    if with_pictures:
        columns.append(pa.field("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])))
        features["image"] = {"_type": "Image"}
    for name in _TOLD_OF_IMAGE:
        kind = IMAGES.field(name).type
        columns.append(pa.field(name, kind.value_type if pa.types.is_dictionary(kind) else kind))
        features[name] = _value(columns[-1].type)
    inner = [("bbox", pa.list_(pa.float32())), ("category", pa.int64()), ("area", pa.float32())]
    objects: dict[str, Any] = {
        "bbox": _list({**_list(_value(pa.float32()))}),
        "category": _list({"names": classes, "_type": "ClassLabel"}),
        "area": _list(_value(pa.float32())),
    }
    for name in _TOLD_OF_BOX:
        kind = BOXES.field(name).type
        inner.append((name, kind.value_type if pa.types.is_dictionary(kind) else kind))
        objects[name] = _list(_value(inner[-1][1]))
    columns.append(pa.field("objects", pa.struct([(name, pa.list_(kind)) for name, kind in inner])))
    features["objects"] = objects
    return pa.schema(columns, {b"huggingface": orjson.dumps({"info": {"features": features}})})


def _value(kind: pa.DataType) -> dict[str, str]:
    names = {pa.float64(): "float64", pa.float32(): "float32", pa.int32(): "int32", pa.bool_(): "bool"}
    return {"dtype": names.get(kind, "string"), "_type": "Value"}


def _list(feature: dict[str, Any]) -> dict[str, Any]:
    return {"feature": feature, "_type": "List"}


def read(path: Path) -> Dataset:
    """A data set from a folder of shards, or from one file; pictures are not read.

    Of files of others, `objects` with `bbox` and `category` is needed, and either columns `width` and `height` or
    pictures that tell their size.

    Raises:
        FormatError: names the file that cannot be read.
    """
    files = _files(path)
    if not files:
        raise FormatError(f"{path}: has no .parquet file.")
    images: list[pa.Table] = []
    boxes: list[pa.Table] = []
    classes: list[str] = []
    for file in files:
        split = split_named(file.name.removesuffix(".parquet").split("-")[0])
        try:
            classes = classes or _classes(file)
            for batch in pq.ParquetFile(file).iter_batches(_ROWS, columns=_wanted(file), use_threads=False):
                table = pa.Table.from_batches([batch])
                images.append(sound_images(_images(table, split, sum(map(len, images)))))
                boxes.append(sound_boxes(_boxes(table, images[-1], classes)))
        except OSError as error:
            said = " ".join((error.strerror or str(error)).split())[:200]
            raise FormatError(f"{file}: cannot be read: {said}.") from None
        except (pa.ArrowException, KeyError, ValueError, IndexError, TypeError, AttributeError) as error:
            said = " ".join(str(error).split())[:200] or "it has another shape"
            raise FormatError(f"{file}: is not a data set of images and objects: {said}.") from None
    nothing = [plain(IMAGES).empty_table()], [plain(BOXES).empty_table()]
    return Dataset(path.stem, classes, *(pa.concat_tables(table) for table in ((images, boxes) if images else nothing)))


def _files(path: Path) -> list[Path]:
    return sorted([*path.glob("data/*.parquet"), *path.glob("*.parquet")]) if path.is_dir() else [path]


def _wanted(file: Path) -> list[str]:
    """Columns that are read: pictures only where nothing else tells their size."""
    names = pq.read_schema(file).names
    told = {"width", "height"} <= set(names)
    wanted = {*_TOLD_OF_IMAGE, "objects", *([] if told else ["image"])}
    return [name for name in names if name in wanted]


def _classes(file: Path) -> list[str]:
    told = orjson.loads((pq.read_schema(file).metadata or {}).get(b"huggingface", b"{}"))
    objects = told.get("info", {}).get("features", {}).get("objects")
    category = _feature(objects, "category")
    if not isinstance(category, dict) or "names" not in category:
        raise ValueError("its metadata does not say the names of objects.category")
    return [str(name) for name in category["names"]]


def _feature(objects: Any, name: str) -> Any:
    """The feature within a list, a sequence of structs or a list of structs: all occur on the Hub."""
    if isinstance(objects, list):
        objects = objects[0]
    while isinstance(objects, dict) and "feature" in objects:
        objects = objects["feature"]
    found = objects.get(name) if isinstance(objects, dict) else None
    while isinstance(found, dict) and "feature" in found:
        found = found["feature"]
    return found


def _images(table: pa.Table, split: str, first: int) -> pa.Table:
    columns: dict[str, pa.Array] = {
        name: table[name].combine_chunks() for name in table.column_names if name in IMAGES.names
    }
    rows = len(table)
    if not {"width", "height"} <= set(columns):
        sizes = [upright_size(BytesIO(row["bytes"] or b"")) for row in table["image"].to_pylist()]
        columns["width"], columns["height"] = (pa.array([size[n] for size in sizes], pa.int32()) for n in (0, 1))
    names = (
        table["image_id"].cast(pa.string())
        if "image_id" in columns
        else pa.array([str(first + n) for n in range(rows)])
    )
    columns.setdefault("file_name", pc.binary_join_element_wise(names, pa.array([".jpg"] * rows), ""))
    columns["image_id"] = names
    columns["split"] = pa.array([split] * rows, pa.string())
    columns["box_count"] = _lengths(_inner(table, "category"))
    return pa.table({one.name: columns.get(one.name, pa.nulls(rows, _word(one.type))) for one in IMAGES})


def _inner(table: pa.Table, name: str) -> pa.Array:
    """A list an image of one field of the objects, in either of the two shapes that occur."""
    objects = table["objects"].combine_chunks()
    if pa.types.is_struct(objects.type):
        # Where the struct is null its lists are too; `field` would not say so.
        return (
            objects.flatten()[objects.type.get_field_index(name)] if name in objects.type.names else objects.field(name)
        )
    offsets = pc.subtract(objects.offsets, objects.offsets[0])
    return pa.ListArray.from_arrays(offsets, objects.flatten().field(name))


def _lengths(lists: pa.Array) -> pa.Array:
    """Lengths of lists; null is an empty one."""
    return pc.fill_null(pc.list_value_length(lists), 0).cast(pa.int32())


def _boxes(table: pa.Table, images: pa.Table, classes: list[str]) -> pa.Table:
    of_image = np.repeat(np.arange(len(table)), images["box_count"].to_numpy())
    scale = np.column_stack([images["width"].to_numpy(), images["height"].to_numpy()]).astype(np.float64)[of_image]
    kind = table["objects"].type
    there = [one.name for one in (kind if pa.types.is_struct(kind) else kind.value_type)]
    told = {name: _inner(table, name) for name in ("bbox", *_TOLD_OF_BOX) if name in there}
    counts = images["box_count"].combine_chunks()
    if any(not _lengths(lists).equals(counts) for lists in told.values()):
        raise ValueError("an image has more of one thing than categories")
    corners = _inner(table, "bbox").flatten()
    if pc.any(pc.not_equal(_lengths(corners), 4)).as_py():
        raise ValueError("a bbox is not four numbers")
    numbers = corners.flatten().to_numpy(zero_copy_only=False).astype(np.float64).reshape(-1, 4)
    low, high = numbers[:, :2] / scale, (numbers[:, :2] + numbers[:, 2:]) / scale
    columns: dict[str, pa.Array] = {
        "class_name": pa.array(classes, pa.string()).take(_inner(table, "category").flatten()),
        "x1": pa.array(low[:, 0]),
        "y1": pa.array(low[:, 1]),
        "x2": pa.array(high[:, 0]),
        "y2": pa.array(high[:, 1]),
        "crowd": pa.array(np.zeros(len(numbers), np.bool_)),
    }
    columns |= {name: lists.flatten() for name, lists in told.items() if name != "bbox"}
    return pa.table({one.name: columns.get(one.name, pa.nulls(len(numbers), _word(one.type))) for one in BOXES})


def _word(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def read_pictures(path: Path) -> Iterator[tuple[str, bytes]]:
    """File name and bytes of each picture, where the files hold pictures.

    Raises:
        FormatError: a file cannot be read.
    """
    number = 0  # as `read` counts
    for file in _files(path):
        try:
            source = pq.ParquetFile(file)
            names = source.schema_arrow.names
            if "image" not in names:
                number += source.metadata.num_rows
                continue
            columns = [name for name in ("image", "file_name", "image_id") if name in names]
            for batch in source.iter_batches(_PICTURES, columns=columns, use_threads=False):
                for row in batch.to_pylist():
                    told = row["image"] or {}
                    name = row.get("file_name") or _named(row.get("image_id", number))
                    number += 1
                    if told.get("bytes"):
                        yield str(name), told["bytes"]
        except (OSError, pa.ArrowException, KeyError, AttributeError) as error:
            raise FormatError(f"{file}: cannot be read: {' '.join(str(error).split())[:200]}.") from None


def _named(image_id: object) -> str:
    """The file name of an image of which only an id is known."""
    return f"{image_id}.jpg"


FORMAT = Format(
    "Parquet for Hugging Face datasets",
    write,
    read,
    image_fields=frozenset(IMAGE_FIELDS),
    box_fields=frozenset(BOX_FIELDS),
    read_pictures=read_pictures,
)

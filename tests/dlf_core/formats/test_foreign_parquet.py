"""Parquet files in the shapes that the Hub's object-detection data sets have."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from dlf_core.errors import FormatError
from dlf_core.formats import parquet

NAMES = ["Coverall", "Face_Shield", "Gloves"]
CATEGORY = {"names": NAMES, "_type": "ClassLabel"}
NUMBER = {"dtype": "float32", "_type": "Value"}
FOUR = pa.list_(pa.float32(), 4)
STRUCT_OF_LISTS = pa.struct(
    [("id", pa.list_(pa.int64())), ("bbox", pa.list_(FOUR)), ("category", pa.list_(pa.int64()))]
)
LIST_OF_STRUCTS = pa.list_(pa.struct([("id", pa.int64()), ("bbox", pa.list_(pa.float64())), ("category", pa.int64())]))
# `Sequence` of a mapping is a struct of lists, as `datasets` up to 3 writes it; a list of one is a list of structs.
SEQUENCE = {"feature": {"bbox": {"feature": NUMBER, "length": 4, "_type": "Sequence"}, "category": CATEGORY}}
LISTS = {
    "bbox": {"feature": {"feature": NUMBER, "length": 4, "_type": "List"}, "_type": "List"},
    "category": {"feature": CATEGORY, "_type": "List"},
}
STRUCTS = [{"bbox": {"feature": NUMBER, "_type": "Sequence"}, "category": CATEGORY}]


def png(width: int = 200, height: int = 100) -> dict[str, Any]:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height)).save(buffer, "PNG")
    return {"bytes": buffer.getvalue(), "path": None}


def put(
    folder: Path, boxes: pa.Array, features: object, name: str = "data/train-00000-of-00001.parquet", **more: Any
) -> Path:
    columns: dict[str, Any] = {
        "image_id": pa.array(range(15, 15 + len(boxes)), pa.int64()),
        "image": pa.array([png()] * len(boxes), pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        "width": pa.array([200] * len(boxes), pa.int64()),
        "height": pa.array([100] * len(boxes), pa.int64()),
        "objects": boxes,
    } | more
    table = pa.table({key: value for key, value in columns.items() if value is not None})
    told = {"info": {"features": {"image": {"_type": "Image"}, "objects": features}}}
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(told)}), file)
    return file


def lists(*images: list[tuple[int, list[float]]] | None) -> pa.Array:
    rows = [
        None
        if boxes is None
        else {
            "id": list(range(len(boxes))),
            "bbox": [numbers for _, numbers in boxes],
            "category": [kind for kind, _ in boxes],
        }
        for boxes in images
    ]
    return pa.array(rows, STRUCT_OF_LISTS)


def structs(*images: list[tuple[int, list[float]]] | None) -> pa.Array:
    rows = [
        boxes if boxes is None else [{"id": 0, "bbox": numbers, "category": kind} for kind, numbers in boxes]
        for boxes in images
    ]
    return pa.array(rows, LIST_OF_STRUCTS)


ONE, TWO = (2, [20.0, 10.0, 100.0, 50.0]), (0, [0.0, 0.0, 200.0, 100.0])
SHAPES = [(lists, SEQUENCE), (lists, LISTS), (structs, STRUCTS), (structs, {"feature": STRUCTS[0], "_type": "List"})]


@pytest.mark.parametrize(("shaped", "features"), SHAPES)
def test_the_usual_shapes_are_read(tmp_path: Path, shaped: Any, features: object) -> None:
    put(tmp_path, shaped([ONE, TWO], [], [ONE]), features)
    found = parquet.read(tmp_path)
    assert found.classes == NAMES
    assert [(image.image_id, image.file_name, image.split) for image in found.images] == [
        ("15", "15.jpg", "train"),
        ("16", "16.jpg", "train"),
        ("17", "17.jpg", "train"),
    ]
    assert [[box.class_name for box in image.boxes] for image in found.images] == [
        ["Gloves", "Coverall"],
        [],
        ["Gloves"],
    ]
    box = found.images[2].boxes[0]
    assert (box.x1, box.y1, box.x2, box.y2) == pytest.approx((0.1, 0.1, 0.6, 0.6))
    assert (box.box_id, box.score, box.crowd) == (None, None, False)


@pytest.mark.parametrize(("shaped", "features"), [SHAPES[0], SHAPES[2]])
def test_an_image_whose_objects_are_null_has_none(tmp_path: Path, shaped: Any, features: object) -> None:
    found = parquet.read(put(tmp_path, shaped([ONE], None, [TWO]), features))
    assert [[box.class_name for box in image.boxes] for image in found.images] == [["Gloves"], [], ["Coverall"]]


def test_without_columns_for_it_the_pictures_tell_their_size(tmp_path: Path) -> None:
    (image,) = parquet.read(put(tmp_path, lists([ONE]), SEQUENCE, width=None, height=None)).images
    assert (image.width, image.height) == (200, 100)
    assert image.boxes[0].x2 == pytest.approx(0.6)


def test_the_size_of_a_picture_is_the_upright_one(tmp_path: Path) -> None:
    from odd_images import cornered, turned

    picture = pa.array([{"bytes": turned(cornered(40, 20), 6), "path": None}])
    (image,) = parquet.read(put(tmp_path, lists([ONE]), SEQUENCE, width=None, image=picture)).images
    assert (image.width, image.height) == (40, 20)


def test_splits_are_the_beginnings_of_the_file_names(tmp_path: Path) -> None:
    for name in ("train-00000-of-00002", "train-00001-of-00002", "validation-00000-of-00001", "test-00000-of-00001"):
        put(tmp_path, lists([ONE]), SEQUENCE, f"data/{name}.parquet")
    assert sorted(image.split for image in parquet.read(tmp_path).images) == ["test", "train", "train", "val"]


def test_files_that_differ_in_the_width_of_their_numbers_are_one_data_set(tmp_path: Path) -> None:
    put(tmp_path, lists([ONE]), SEQUENCE, "data/test-0.parquet")
    put(tmp_path, lists([TWO]), SEQUENCE, "data/train-0.parquet", width=pa.array([200], pa.int32()))
    assert [image.width for image in parquet.read(tmp_path).images] == [200, 200]


def test_a_box_whose_category_is_not_known_is_a_sentence(tmp_path: Path) -> None:
    for kind in (3, -1, None):
        file = put(tmp_path, structs([(kind, [1.0, 1.0, 1.0, 1.0])]), STRUCTS)
        with pytest.raises(FormatError, match="train-00000"):
            parquet.read(file)


BAD = {
    "no features": (lists([ONE]), None, {}),
    "features of another shape": (lists([ONE]), [], {}),
    "names of words": (lists([ONE]), {"category": {"feature": {"dtype": "string", "_type": "Value"}}}, {}),
    "no objects": (lists([ONE]), SEQUENCE, {"objects": None}),
    "objects are words": (pa.array(["x"]), SEQUENCE, {}),
    "no bbox": (pa.array([{"category": [1]}]), SEQUENCE, {}),
    "three numbers": (structs([(1, [1.0, 2.0, 3.0])]), STRUCTS, {}),
    "five numbers and three": (structs([(1, [1.0] * 5), (1, [1.0] * 3)]), STRUCTS, {}),
    "a number is null": (structs([(1, [1.0, None, 3.0, 4.0])]), STRUCTS, {}),
    "a number is none": (structs([(1, [1.0, float("nan"), 3.0, 4.0])]), STRUCTS, {}),
    "a box is null": (structs([(1, None)]), STRUCTS, {}),
    "more boxes than categories": (pa.array([{"bbox": [[1.0] * 4] * 2, "category": [1]}]), SEQUENCE, {}),
    "a box of the next image": (
        pa.array([{"bbox": [[1.0] * 4] * 2, "category": [1]}, {"bbox": [], "category": [1]}]),
        SEQUENCE,
        {},
    ),
    "width 0": (lists([ONE]), SEQUENCE, {"width": pa.array([0])}),
    "width 0 without boxes": (lists([]), SEQUENCE, {"width": pa.array([0])}),
    "width null": (lists([]), SEQUENCE, {"width": pa.array([None], pa.int64())}),
    "width too large": (lists([ONE]), SEQUENCE, {"width": pa.array([2**40])}),
    "width is a word": (lists([ONE]), SEQUENCE, {"width": pa.array(["wide"])}),
    "no size and no picture": (lists([ONE]), SEQUENCE, {"width": None, "image": None}),
    "no size and no bytes": (lists([ONE]), SEQUENCE, {"width": None, "image": pa.array([{"bytes": None}])}),
    "no size and bytes of none": (lists([ONE]), SEQUENCE, {"width": None, "image": pa.array([{"bytes": b"x"}])}),
    "no size and null": (lists([ONE]), SEQUENCE, {"width": None, "image": pa.array([None], pa.null())}),
    "image_id of lists": (lists([ONE]), SEQUENCE, {"image_id": pa.array([[1]])}),
    "file_name of numbers": (lists([ONE]), SEQUENCE, {"file_name": pa.array([[1]])}),
}


@pytest.mark.parametrize("case", BAD)
def test_what_has_another_shape_is_a_sentence_with_its_name(tmp_path: Path, case: str) -> None:
    boxes, features, more = BAD[case]
    file = put(tmp_path, boxes, features, **more)
    with pytest.raises(FormatError) as caught:
        parquet.read(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert "\n" not in str(caught.value)
    assert " at 0x" not in str(caught.value)


@pytest.mark.parametrize("told", ["[]", "{", '{"info": []}', '{"info": {"features": []}}'])
def test_metadata_that_does_not_fit_is_a_sentence(tmp_path: Path, told: str) -> None:
    file = put(tmp_path, lists([ONE]), SEQUENCE)
    pq.write_table(pq.read_table(file).replace_schema_metadata({"huggingface": told}), file)
    with pytest.raises(FormatError, match="train-00000"):
        parquet.read(file)

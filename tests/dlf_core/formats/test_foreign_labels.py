"""The label table as version 0.1 published it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dlf_core.errors import FormatError
from dlf_core.formats import labels

BOXES = pa.struct(
    [
        ("annotation_id", pa.list_(pa.int64())),
        ("category", pa.list_(pa.string())),
        *((name, pa.list_(pa.float64())) for name in ("x1", "y1", "x2", "y2", "area")),
        ("vlm_verdict", pa.list_(pa.string())),
        ("vlm_reasoning", pa.list_(pa.string())),
    ]
)


def boxes(*names: str, **more: list[Any]) -> dict[str, list[Any]]:
    count = len(names)
    return {
        "annotation_id": list(range(count)),
        "category": list(names),
        "x1": [10.0] * count,
        "y1": [20.0] * count,
        "x2": [50.0] * count,
        "y2": [100.0] * count,
        "area": [3200.0] * count,
        "vlm_verdict": ["YES"] * count,
        "vlm_reasoning": ["it has rotors"] * count,
    } | more


def put(file: Path, *rows: dict[str, list[Any]] | None, kind: pa.DataType = BOXES, **more: Any) -> Path:
    count = len(rows)
    columns = {
        "image_id": pa.array(range(count), pa.int64()),
        "file_name": pa.array([f"positive/fiber/{n}.jpg" for n in range(count)]),
        "bucket": pa.array(["positive/fiber"] * count),
        "width": pa.array([100] * count, pa.int64()),
        "height": pa.array([200] * count, pa.int64()),
        "n_bboxes": pa.array([len(row["category"]) if row else 0 for row in rows], pa.int64()),
        "n_approved": pa.array([0] * count, pa.int64()),
        "bboxes": pa.array(rows, kind),
    } | more
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({name: column for name, column in columns.items() if column is not None}), file)
    return file


def test_the_published_shape_is_read(tmp_path: Path) -> None:
    found = labels.read(put(tmp_path / "labels.parquet", boxes("drone", "cable spool"), boxes(), boxes("drone")))
    assert found.classes == ["cable spool", "drone"]
    first = found.images[0]
    assert (first.image_id, first.file_name, first.bucket) == ("0", "positive/fiber/0.jpg", "positive/fiber")
    assert (first.width, first.height, first.split) == (100, 200, "train")
    assert [len(image.boxes) for image in found.images] == [2, 0, 1]
    box = first.boxes[1]
    assert (box.class_name, box.box_id, box.verdict, box.reasoning) == ("cable spool", "1", "YES", "it has rotors")
    assert (box.x1, box.y1, box.x2, box.y2) == (0.1, 0.1, 0.5, 0.5)
    assert (box.crowd, box.score, box.decision) == (False, None, None)


def test_verdict_and_reasoning_may_be_unknown(tmp_path: Path) -> None:
    unknown: dict[str, list[Any]] = {"vlm_verdict": [None], "vlm_reasoning": [None]}
    (image,) = labels.read(put(tmp_path / "labels.parquet", boxes("drone", **unknown))).images
    assert (image.boxes[0].verdict, image.boxes[0].reasoning) == (None, None)


def test_an_image_whose_boxes_are_null_has_none(tmp_path: Path) -> None:
    found = labels.read(put(tmp_path / "labels.parquet", boxes("drone"), None, boxes("drone")))
    assert [len(image.boxes) for image in found.images] == [1, 0, 1]


def test_several_files_of_a_folder_are_one_data_set(tmp_path: Path) -> None:
    put(tmp_path / "data/a.parquet", boxes("drone"))
    put(tmp_path / "data/b.parquet", boxes("plane"), width=pa.array([100], pa.int32()))
    found = labels.read(tmp_path)
    assert found.classes == ["drone", "plane"]
    assert [image.width for image in found.images] == [100, 100]


STRUCTS = pa.list_(pa.struct([("category", pa.string()), ("x1", pa.float64())]))
BAD: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "no boxes": ([boxes("drone")], {"bboxes": None}),
    "boxes are words": ([boxes("drone")], {"bboxes": pa.array(["x"])}),
    "boxes are a list": ([boxes("drone")], {"bboxes": pa.array([[{"category": "a", "x1": 1.0}]], STRUCTS)}),
    "no category": ([boxes("drone")], {"bboxes": pa.array([{"x1": [1.0]}])}),
    "a category is null": ([boxes("drone", category=[None])], {}),
    "categories of null and words": ([boxes("drone", "plane", category=["drone", None])], {}),
    "no corner": ([boxes("drone")], {"bboxes": pa.array([{"category": ["drone"], "x1": [1.0]}])}),
    "a corner is null": ([boxes("drone", x1=[None])], {}),
    "a corner is none": ([boxes("drone", y2=[float("inf")])], {}),
    "more corners than boxes": ([boxes("drone", x1=[1.0, 2.0])], {}),
    "a corner of the next image": ([boxes("drone", x1=[1.0, 2.0]), boxes("drone", x1=[])], {}),
    "no width": ([boxes()], {"width": None}),
    "width 0": ([boxes()], {"width": pa.array([0])}),
    "width null": ([boxes()], {"width": pa.array([None], pa.int64())}),
    "width too large": ([boxes()], {"width": pa.array([2**40])}),
    "width is a word": ([boxes()], {"width": pa.array(["wide"])}),
    "no image_id": ([boxes()], {"image_id": None}),
    "image_id null": ([boxes()], {"image_id": pa.array([None], pa.string())}),
    "no file_name": ([boxes()], {"file_name": None}),
}


@pytest.mark.parametrize("case", BAD)
def test_what_has_another_shape_is_a_sentence_with_its_name(tmp_path: Path, case: str) -> None:
    rows, more = BAD[case]
    file = put(tmp_path / "labels.parquet", *rows, **more)
    with pytest.raises(FormatError) as caught:
        labels.read(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert "\n" not in str(caught.value)


def test_a_folder_without_such_a_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"has no \.parquet file\."):
        labels.read(tmp_path)

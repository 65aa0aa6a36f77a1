"""COCO files as others write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dlf_core.errors import FormatError
from dlf_core.formats import coco


def document(*names: str, first: int = 1, **image: Any) -> dict[str, Any]:
    """A file of images with a box each; every second one a dog."""
    return {
        "categories": [{"id": 18, "name": "dog", "supercategory": "animal"}, {"id": 1, "name": "person"}],
        "images": [
            {"id": first + n, "file_name": name, "width": 640, "height": 480} | image for n, name in enumerate(names)
        ],
        "annotations": [
            {
                "id": first + n,
                "image_id": first + n,
                "category_id": (1, 18)[n % 2],
                "bbox": [64, 48, 128.0, 240],
                "area": 30720.5,
                "iscrowd": 0,
                "segmentation": [[64, 48, 192, 48, 192, 288]],
                "attributes": {"occluded": False},
            }
            for n in range(len(names))
        ],
    }


def put(folder: Path, **files: dict[str, Any]) -> Path:
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_a_folder_with_one_file_a_split(tmp_path: Path) -> None:
    put(tmp_path, train=document("a.jpg", "b.jpg"), val=document("c.jpg"), test=document("d.jpg"))
    found = coco.read(tmp_path)
    assert [(image.file_name, image.split) for image in found.images] == [
        ("a.jpg", "train"),
        ("b.jpg", "train"),
        ("c.jpg", "val"),
        ("d.jpg", "test"),
    ]
    assert [box.class_name for image in found.images for box in image.boxes] == ["person", "dog", "person", "person"]
    assert (found.name, found.classes) == (tmp_path.name, ["dog", "person"])


def test_splits_whose_categories_differ_get_the_classes_of_both(tmp_path: Path) -> None:
    other = document("c.jpg") | {"categories": [{"id": 1, "name": "zebra"}, {"id": 2, "name": "dog"}]}
    found = coco.read(put(tmp_path, train=document("a.jpg"), val=other))
    assert found.classes == ["dog", "person", "zebra"]
    assert [image.boxes[0].class_name for image in found.images] == ["person", "zebra"]


def test_annotations_may_stand_in_any_order(tmp_path: Path) -> None:
    content = document("a.jpg", "b.jpg", "c.jpg")
    content["annotations"].reverse()
    found = coco.read(put(tmp_path, x=content) / "x.json")
    assert [box.class_name for image in found.images for box in image.boxes] == ["person", "dog", "person"]


def test_ids_may_be_words_and_sizes_may_have_a_point(tmp_path: Path) -> None:
    content = document("a.jpg", width=640.0, height=480.0)
    content["images"][0]["id"] = content["annotations"][0]["image_id"] = "first"
    (image,) = coco.read(put(tmp_path, x=content) / "x.json").images
    assert (image.width, image.height, len(image.boxes)) == (640, 480, 1)


@pytest.mark.parametrize(
    ("name", "image_id"), [("train2017/000139.jpg", "000139"), ("größe.jpg", "größe"), ("a.b.jpg", "a.b")]
)
def test_the_file_name_is_what_the_file_says(tmp_path: Path, name: str, image_id: str) -> None:
    (image,) = coco.read(put(tmp_path, x=document(name)) / "x.json").images
    assert (image.image_id, image.file_name) == (image_id, name)


@pytest.mark.parametrize("size", [{"width": 0}, {"height": 0}, {"width": -640}, {"height": 0.0}])
def test_an_image_of_no_size_is_refused_even_without_boxes(tmp_path: Path, size: dict[str, Any]) -> None:
    content = document("a.jpg", **size) | {"annotations": []}
    with pytest.raises(FormatError, match=r"x\.json: .*width or height 0"):
        coco.read(put(tmp_path, x=content) / "x.json")


@pytest.mark.parametrize("size", [{"width": None}, {"width": 1e300}, {"width": 2**40}, {"height": "480"}])
def test_a_size_that_is_none_is_refused(tmp_path: Path, size: dict[str, Any]) -> None:
    with pytest.raises(FormatError, match=r"x\.json"):
        coco.read(put(tmp_path, x=document("a.jpg", **size)) / "x.json")


def test_a_folder_without_a_file_of_a_known_name_is_a_sentence(tmp_path: Path) -> None:
    put(tmp_path, instances_train2017=document("a.jpg"))
    with pytest.raises(FormatError, match=r"has no annotations\.json and no train\.json; name the file"):
        coco.read(tmp_path)


def test_json_nested_without_end_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"info": {"a": ' + "[" * 100_000)
    with pytest.raises(FormatError, match=r"x\.json"):
        coco.read(tmp_path / "x.json")

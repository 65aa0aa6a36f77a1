"""Label Studio's JSON export as Label Studio writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dlf_core.errors import FormatError
from dlf_core.formats import label_studio

IMAGE = "/data/upload/1/8f3a2b1c-dog.jpg"


def region(label: str = "dog", **more: Any) -> dict[str, Any]:
    value = {"x": 10.0, "y": 20, "width": 30.5, "height": 40, "rotation": 0, "rectanglelabels": [label]}
    sizes = {"original_width": 200, "original_height": 100, "image_rotation": 0}
    tags = {"id": "Xw3", "from_name": "label", "to_name": "image", "type": "rectanglelabels", "origin": "manual"}
    return {**sizes, **tags, "value": value | more.pop("value", {}), "meta": {"text": ["seen from behind"]}} | more


def annotation(*regions: dict[str, Any], cancelled: bool = False) -> dict[str, Any]:
    told = {"id": 7, "completed_by": 1, "ground_truth": False, "lead_time": 3.4, "result_count": len(regions)}
    return {**told, "result": list(regions), "was_cancelled": cancelled}


def task(*annotations: dict[str, Any], image: str = IMAGE, **more: Any) -> dict[str, Any]:
    rest = {"drafts": [], "predictions": [], "meta": {}, "project": 1, "file_upload": "8f3a2b1c-dog.jpg"}
    return {"id": 1, "annotations": list(annotations), "data": {"image": image}, **rest} | more


def put(folder: Path, content: object) -> Path:
    file = folder / "project-1-at-2026-01-02.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def labels(folder: Path, *tasks: dict[str, Any]) -> list[list[str]]:
    return [[box.class_name for box in image.boxes] for image in label_studio.read(put(folder, list(tasks))).images]


def test_an_annotated_task_is_an_image_with_its_boxes(tmp_path: Path) -> None:
    found = label_studio.read(put(tmp_path, [task(annotation(region(), region("cat, black")))]))
    assert found.classes == ["cat, black", "dog"]
    (image,) = found.images
    assert (image.image_id, image.file_name, image.split) == ("8f3a2b1c-dog", "8f3a2b1c-dog.jpg", "train")
    assert (image.width, image.height) == (200, 100)
    box = image.boxes[0]
    assert (box.x1, box.y1, box.x2, box.y2) == pytest.approx((0.1, 0.2, 0.405, 0.6))
    assert (box.box_id, box.decision, box.score) == ("Xw3", None, None)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("/data/upload/1/8f3a-dog.jpg", "8f3a-dog.jpg"),
        ("https://example.org/a/dog.jpg?size=large#x", "dog.jpg"),
        ("s3://bucket/photos/dog%20one.jpg", "dog one.jpg"),
        ("/data/local-files/?d=photos/dog%20one.jpg", "dog one.jpg"),
        ("dog.jpg", "dog.jpg"),
    ],
)
def test_the_file_name_is_the_end_of_the_address(tmp_path: Path, address: str, name: str) -> None:
    (image,) = label_studio.read(put(tmp_path, [task(annotation(region()), image=address)])).images
    assert image.file_name == name


def test_a_cancelled_annotation_does_not_count(tmp_path: Path) -> None:
    assert labels(tmp_path, task(annotation(region("cat"), cancelled=True), annotation(region()))) == [["dog"]]


def test_of_several_annotations_the_first_counts(tmp_path: Path) -> None:
    assert labels(tmp_path, task(annotation(region("cat")), annotation(region()))) == [["cat"]]


def test_predictions_count_only_where_nobody_annotated(tmp_path: Path) -> None:
    guess = {"model_version": "m", "score": 0.5, "result": [region("cat")]}
    both = task(annotation(region()), predictions=[guess])
    assert labels(tmp_path, both, task(predictions=[guess])) == [["dog"], ["cat"]]


def test_an_annotation_without_regions_is_a_negative_whatever_was_predicted(tmp_path: Path) -> None:
    assert labels(tmp_path, task(annotation(), predictions=[{"result": [region("cat")]}])) == [[]]


def test_only_upright_rectangles_are_boxes(tmp_path: Path) -> None:
    polygon = {"points": [[1, 1], [2, 2], [3, 1]], "polygonlabels": ["dog"]}
    others = [
        region(value={"rotation": 30}),
        {**region(), "type": "polygonlabels", "value": polygon},
        {**region(), "type": "brushlabels", "value": {"format": "rle", "rle": [1], "brushlabels": ["dog"]}},
        {"id": "c", "type": "choices", "from_name": "c", "to_name": "image", "value": {"choices": ["day"]}},
        {"type": "relation", "from_id": "Xw3", "to_id": "c", "direction": "right"},
    ]
    assert labels(tmp_path, task(annotation(region(), *others))) == [["dog"]]


@pytest.mark.parametrize("meta", [None, {}, ["text"], {"text": ["x"]}, {"crowd": None, "score": None}])
def test_what_they_note_of_a_region_does_no_harm(tmp_path: Path, meta: object) -> None:
    ((box,),) = [
        image.boxes for image in label_studio.read(put(tmp_path, [task(annotation(region(meta=meta)))])).images
    ]
    assert (box.box_id, box.crowd, box.score, box.query) == ("Xw3", False, None, None)


def test_an_interface_beside_the_tasks_says_the_order_of_classes(tmp_path: Path) -> None:
    (tmp_path / "tasks.json").write_text(json.dumps([task(annotation(region()))]))
    names = "".join(f'<Label value="{name}" background="red"/>' for name in ("zebra", "dog"))
    (tmp_path / "config.xml").write_text(f"<View><RectangleLabels>{names}</RectangleLabels></View>")
    assert label_studio.read(tmp_path).classes == ["zebra", "dog"]


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in region().items() if name != key}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[{]",
        b"\xff\xfe[]",
        b"[" * 100_000,
        {},
        {"tasks": []},
        ["task"],
        [None],
        [{"id": 1}],
        [{"id": 1, "data": None}],
        [task() | {"data": {"text": "no image"}}],
        [task() | {"annotations": 7}],
        [task(annotation()) | {"annotations": ["x"]}],
        [task(predictions=[17])],
        [task(annotation(without("original_width")))],
        [task(annotation(without("value")))],
        [task(annotation(region(original_width=0)))],
        [task(annotation(region(original_height=-1)))],
        [task(annotation(region(original_width="wide")))],
        [task(annotation(region(original_width=10**30)))],
        [task(annotation(region(value={"x": "left"})))],
        [task(annotation(region(value={"x": None})))],
        [task(annotation(region(value={"rectanglelabels": []})))],
        [task(annotation(region(value={"rectanglelabels": [7]})))],
        [task(annotation(region(value={"rectanglelabels": None})))],
        [task(annotation(region(meta={"score": "high"})))],
        [task() | {"data": {"image": IMAGE, "size": [1]}}],
        [task() | {"data": {"image": IMAGE, "size": "x"}}],
        [task() | {"data": {"image": IMAGE, "size": ["1", "2"]}}],
    ],
)
def test_what_is_no_export_is_a_sentence_with_its_name(tmp_path: Path, content: object) -> None:
    file = put(tmp_path, content) if not isinstance(content, bytes) else tmp_path / "x.json"
    if isinstance(content, bytes):
        file.write_bytes(content)
    with pytest.raises(FormatError) as caught:
        label_studio.read(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_an_interface_that_is_no_xml_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "tasks.json").write_text("[]")
    (tmp_path / "config.xml").write_text("<View>")
    with pytest.raises(FormatError, match=r"config\.xml: is not XML"):
        label_studio.read(tmp_path)


def test_a_task_that_nobody_has_labelled_is_no_image_without_objects(tmp_path: Path) -> None:
    waits, empty = task(image="/data/upload/1/waits.jpg"), task(annotation(), image="/data/upload/1/empty.jpg")
    found = label_studio.read(put(tmp_path, [waits, task(annotation(region())), empty]))
    assert [(image.image_id, len(image.boxes)) for image in found.images] == [("8f3a2b1c-dog", 1), ("empty", 0)]

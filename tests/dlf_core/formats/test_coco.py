from __future__ import annotations

import json
from dataclasses import replace

import pytest

from dlf_core.errors import FormatError
from dlf_core.formats import FORMATS, coco


@pytest.fixture
def written(dataset, pictures, tmp_path):
    folder = tmp_path / "coco"
    folder.mkdir()
    FORMATS["coco"].write(dataset, folder, pictures)
    return folder


def test_a_data_set_comes_back_as_it_was_written(dataset, written):
    again = coco.read(written / "annotations.json")
    assert again.classes == dataset.classes
    assert len(again.images) == len(dataset.images) == 4
    for before, after in zip(dataset.images, again.images, strict=True):
        for key in ("image_id", "file_name", "width", "height", "split", "bucket", "source_name"):
            assert getattr(after, key) == getattr(before, key)
        assert len(after.boxes) == len(before.boxes)
        for old, new in zip(before.boxes, after.boxes, strict=True):
            corners = [new.x1 * before.width, new.y1 * before.height, new.x2 * before.width, new.y2 * before.height]
            wanted = [old.x1 * before.width, old.y1 * before.height, old.x2 * before.width, old.y2 * before.height]
            assert corners == pytest.approx(wanted, abs=0.0011)  # thousandths of a pixel
            assert replace(new, x1=0, y1=0, x2=0, y2=0) == replace(old, x1=0, y1=0, x2=0, y2=0)


def test_who_owns_an_image_comes_back_too(dataset, written):
    again = coco.read(written / "annotations.json")
    rights = [(image.author, image.license, image.url) for image in dataset.images]
    assert rights[0] == ("Ann", "CC BY 2.0", "https://e/1.jpg")
    assert [(image.author, image.license, image.url) for image in again.images] == rights


def test_every_image_lies_under_its_file_name(dataset, written):
    assert {file.name for file in (written / "images").iterdir()} == {image.file_name for image in dataset.images}


def test_every_split_has_a_file_with_its_images_and_their_boxes_only(dataset, written):
    assert {file.name for file in written.glob("*.json")} == {"annotations.json", "train.json", "val.json"}
    train = json.loads((written / "train.json").read_bytes())
    val = json.loads((written / "val.json").read_bytes())
    assert [entry["id"] for entry in train["images"]] == [1, 2, 3]
    assert [entry["id"] for entry in val["images"]] == [4]
    assert {entry["image_id"] for entry in val["annotations"]} == {4}
    whole = json.loads((written / "annotations.json").read_bytes())
    assert train["annotations"] + val["annotations"] == whole["annotations"]
    assert train["categories"] == val["categories"] == whole["categories"]


@pytest.mark.parametrize("name", ["annotations", "train", "val"])
def test_the_file_loads_in_pycocotools(written, name):
    from pycocotools.coco import COCO

    loaded = COCO(str(written / f"{name}.json"))
    assert [entry["name"] for entry in loaded.loadCats(loaded.getCatIds())] == ["stop sign", "Verkehrszeichen ⚠"]
    expected = {"annotations": 4, "train": 3, "val": 1}[name]
    assert len(loaded.loadAnns(loaded.getAnnIds())) == expected


def test_boxes_are_pixels_from_the_upper_left_with_their_area(written):
    first = json.loads((written / "annotations.json").read_bytes())["annotations"][0]
    assert first["bbox"] == [20.0, 20.0, 100.0, 50.0]
    assert (first["area"], first["iscrowd"], first["category_id"], first["image_id"]) == (5000.0, 0, 0, 1)
    assert (first["score"], first["score_kind"], first["box_id"]) == (0.75, "detector", "b1")


def test_a_crowd_is_marked(written):
    annotations = json.loads((written / "annotations.json").read_bytes())["annotations"]
    assert [row["iscrowd"] for row in annotations] == [0, 0, 1, 0]


FOREIGN = {
    "categories": [{"id": 18, "name": "dog"}, {"id": 1, "name": "person"}],
    "images": [{"id": 139, "file_name": "000139.jpg", "width": 640, "height": 480}],
    "annotations": [{"id": 1, "image_id": 139, "category_id": 1, "bbox": [64, 48, 128, 240]}],
}


def changed(**parts) -> dict:
    return json.loads(json.dumps(FOREIGN)) | parts


def test_a_foreign_file_is_read_with_what_it_tells_and_no_more(tmp_path):
    path = tmp_path / "foreign.json"
    path.write_text(json.dumps(FOREIGN))
    data = coco.read(path)
    (image,) = data.images
    (box,) = image.boxes
    assert (data.name, data.classes) == ("foreign", ["dog", "person"])
    assert (image.image_id, image.file_name, image.split, image.bucket) == ("000139", "000139.jpg", "train", None)
    assert (box.class_name, box.x1, box.y1, box.x2, box.y2) == ("person", 0.1, 0.1, 0.3, 0.6)
    assert (box.box_id, box.score, box.score_kind, box.verdict, box.crowd) == (None, None, None, None, False)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is not COCO JSON"),
        (b"{", "is not COCO JSON"),
        (b"\xff\xfe{}", "is not COCO JSON"),
        ([], "is not a COCO detection file"),
        ({}, "missing required field `categories`"),
        (changed(images=None), "is not a COCO detection file"),
        (changed(categories=[{"id": 1}]), "missing required field `name` - at `$.categories[0]`"),
        (
            changed(images=[{"id": 139, "file_name": "a", "width": 640}]),
            "missing required field `height` - at `$.images[0]`",
        ),
        (changed(images=[{"id": 139, "file_name": "a", "width": 0, "height": 480}]), "width or height 0"),
        (
            changed(images=[{"id": 139, "file_name": "a", "width": "640", "height": 480}]),
            "got `str` - at `$.images[0].width`",
        ),
        (
            changed(annotations=[{"image_id": 5, "category_id": 1, "bbox": [0, 0, 1, 1]}]),
            "names 5, which is no image or category",
        ),
        (
            changed(annotations=[{"image_id": 139, "category_id": 7, "bbox": [0, 0, 1, 1]}]),
            "names 7, which is no image or category",
        ),
        (changed(annotations=[{"image_id": 139, "category_id": 1}]), "missing required field `bbox`"),
        (changed(annotations=[{"image_id": 139, "category_id": 1, "bbox": [0, 0, 1]}]), "`array` of length 4"),
        (changed(annotations=[{"image_id": 139, "category_id": 1, "bbox": None}]), "got `null`"),
        (changed(annotations=["box"]), "got `str`"),
    ],
)
def test_a_file_that_is_no_coco_is_a_sentence_with_its_name(tmp_path, content, says):
    path = tmp_path / "bad.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(FormatError) as caught:
        coco.read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert says in str(caught.value)
    assert str(caught.value).endswith(".")


def test_a_file_that_does_not_exist_is_a_sentence(tmp_path):
    with pytest.raises(FormatError, match=r"no\.json: cannot be read: No such file or directory\.$"):
        coco.read(tmp_path / "no.json")

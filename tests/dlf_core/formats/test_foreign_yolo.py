"""YOLO folders as others write them; `test_yolo.py` has the forms of data.yaml."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from PIL import Image

from dlf_core.errors import FormatError
from dlf_core.formats import yolo

BOX = "0 0.5 0.5 0.2 0.2\n"


def picture(file: Path, size: tuple[int, int] = (40, 20)) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size).save(file)


def text(file: Path, content: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content, encoding="utf-8")
    return file


@pytest.mark.parametrize("names", [["dog", "cat"], {0: "dog", 1: "cat"}])
def test_names_may_be_a_list_or_a_mapping(tmp_path: Path, names: object) -> None:
    picture(tmp_path / "images/train/a.jpg")
    text(tmp_path / "labels/train/a.txt", "1 0.5 0.5 0.2 0.2\n")
    text(tmp_path / "data.yaml", yaml.safe_dump({"train": "images/train", "nc": 2, "names": names}))
    found = yolo.read(tmp_path)
    assert found.classes == ["dog", "cat"]
    assert [box.class_name for image in found.images for box in image.boxes] == ["cat"]


def test_names_that_yaml_reads_as_something_else_stay_words(tmp_path: Path) -> None:
    picture(tmp_path / "images/train/a.jpg")
    text(tmp_path / "data.yaml", "train: images/train\nnames: [747, 1.5]\n")
    assert yolo.read(tmp_path).classes == ["747", "1.5"]


def test_the_file_may_have_another_name_and_the_images_another_place(tmp_path: Path) -> None:
    picture(tmp_path / "coco8/images/train2017/a.jpg")
    text(tmp_path / "coco8/labels/train2017/a.txt", BOX)
    file = text(tmp_path / "yaml/coco8.yaml", "path: ../coco8\ntrain: images/train2017\nnames: [dog]\n")
    (image,) = yolo.read(file).images
    assert (image.image_id, image.file_name, image.split, len(image.boxes)) == ("a", "a.jpg", "train", 1)


def test_images_may_lie_in_a_folder_of_each_split(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        picture(tmp_path / split / "images/a.jpg")
        text(tmp_path / split / "labels/a.txt", BOX)
    text(tmp_path / "data.yaml", "train: train/images\nval: valid/images\nnames: [dog]\n")
    assert [(image.split, len(image.boxes)) for image in yolo.read(tmp_path).images] == [("train", 1), ("val", 1)]


def test_roboflow_writes_a_step_up_that_is_none(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        picture(tmp_path / split / "images/a.jpg")
        text(tmp_path / split / "labels/a.txt", BOX)
    text(tmp_path / "data.yaml", "train: ../train/images\nval: ../valid/images\nnc: 1\nnames: ['dog']\n")
    assert [(image.split, len(image.boxes)) for image in yolo.read(tmp_path).images] == [("train", 1), ("val", 1)]


def test_a_folder_of_images_may_be_an_absolute_path(tmp_path: Path) -> None:
    picture(tmp_path / "elsewhere/images/a.jpg")
    text(tmp_path / "elsewhere/labels/a.txt", BOX)
    text(tmp_path / "data.yaml", f"train: {tmp_path}/elsewhere/images\nnames: [dog]\n")
    (image,) = yolo.read(tmp_path).images
    assert len(image.boxes) == 1


def test_two_folders_of_a_split_are_one_split(tmp_path: Path) -> None:
    for name in ("day", "night"):
        picture(tmp_path / f"images/{name}/{name}.png")
        text(tmp_path / f"labels/{name}/{name}.txt", BOX)
    text(tmp_path / "data.yaml", "train: [images/day, images/night]\nnames: [dog]\n")
    found = yolo.read(tmp_path)
    assert [(image.file_name, image.split) for image in found.images] == [("day.png", "train"), ("night.png", "train")]
    assert found.box_count == 2


def test_what_lies_beside_the_images_is_no_image(tmp_path: Path) -> None:
    picture(tmp_path / "images/train/a.jpg")
    for name in (".DS_Store", "Thumbs.db", "train.cache", "a.npy", "classes.txt", "a.jpg.json"):
        (tmp_path / "images/train" / name).write_bytes(b"\0\1")
    (tmp_path / "images/train/more").mkdir()
    text(tmp_path / "data.yaml", "train: images/train\nnames: [dog]\n")
    assert [image.file_name for image in yolo.read(tmp_path).images] == ["a.jpg"]


def test_lines_that_somebody_has_edited_are_read_without_what_was_known(tmp_path: Path) -> None:
    picture(tmp_path / "images/train/a.jpg")
    text(tmp_path / "labels/train/a.txt", BOX * 2)
    text(tmp_path / "boxes/train.jsonl", json.dumps({"image_id": "a", "boxes": [{"box_id": "b1"}]}) + "\n")
    text(tmp_path / "data.yaml", "train: images/train\nnames: [dog]\n")
    (image,) = yolo.read(tmp_path).images
    assert [box.box_id for box in image.boxes] == [None, None]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"image_id": "a"}',
        '{"image_id": "a", "boxes": [1]}',
        '{"image_id": "a", "boxes": [{"score": "high"}]}',
        '{"image_id": "a", "boxes": [{"crowd": 7}]}',
        '{"image_id": [], "boxes": []}',
    ],
)
def test_a_line_of_what_is_known_that_does_not_fit_is_a_sentence(tmp_path: Path, line: str) -> None:
    picture(tmp_path / "images/train/a.jpg")
    text(tmp_path / "labels/train/a.txt", BOX)
    text(tmp_path / "boxes/train.jsonl", line + "\n")
    text(tmp_path / "data.yaml", "train: images/train\nnames: [dog]\n")
    with pytest.raises(FormatError, match=r"train\.jsonl"):
        yolo.read(tmp_path)


@pytest.mark.parametrize("config", ["[" * 5000, "names: 2024-99-99", "train: 'a\\0b'\nnames: [dog]", "? [a]\n: b"])
def test_yaml_that_trips_its_own_reader_is_a_sentence(tmp_path: Path, config: str) -> None:
    text(tmp_path / "data.yaml", config)
    with pytest.raises(FormatError, match=r"data\.yaml"):
        yolo.read(tmp_path)


def test_a_picture_of_more_pixels_than_pillow_takes_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(tmp_path / "images/train/a.png")
    text(tmp_path / "data.yaml", "train: images/train\nnames: [dog]\n")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(FormatError, match=r"a\.png: is not an image that can be read\."):
        yolo.read(tmp_path)


def test_pictures_are_measured_and_not_decoded(tmp_path: Path) -> None:
    picture(tmp_path / "images/train/a.png", (400, 200))
    content = (tmp_path / "images/train/a.png").read_bytes()
    (tmp_path / "images/train/a.png").write_bytes(content[:60])  # its head, and no pixels
    text(tmp_path / "data.yaml", "train: images/train\nnames: [dog]\n")
    (image,) = yolo.read(tmp_path).images
    assert (image.width, image.height) == (400, 200)


def test_labels_without_pictures_are_a_sentence(tmp_path: Path) -> None:
    text(tmp_path / "data.yaml", "train: images/train\nnames: [dog]\n")
    (tmp_path / "images/train").mkdir(parents=True)
    assert len(yolo.read(tmp_path).images) == 0
    text(tmp_path / "labels/train/a.txt", BOX)
    with pytest.raises(FormatError, match=r"labels/train: there are labels but no pictures"):
        yolo.read(tmp_path)

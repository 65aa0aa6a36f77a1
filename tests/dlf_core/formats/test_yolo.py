from __future__ import annotations

import json
from dataclasses import replace

import pytest
import yaml
from other_datasets import changed
from PIL import Image

from dlf_core.errors import FormatError
from dlf_core.formats import FORMATS, yolo
from dlf_core.formats.dataset import LabeledBox


@pytest.fixture
def written(dataset, pictures, tmp_path):
    folder = tmp_path / "yolo"
    folder.mkdir()
    FORMATS["yolo"].write(dataset, folder, pictures)
    return folder


def foreign(
    tmp_path,
    label: str | bytes = "0 0.5 0.5 0.2 0.2\n",
    config: str | bytes = "train: images/train\nnames: [dog, cat]\n",
):
    """A YOLO folder as others write it: one image, one label file."""
    for kind in ("images/train", "labels/train"):
        (tmp_path / kind).mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 20)).save(tmp_path / "images/train/one.png")
    (tmp_path / "labels/train/one.txt").write_bytes(label if isinstance(label, bytes) else label.encode())
    (tmp_path / "data.yaml").write_bytes(config if isinstance(config, bytes) else config.encode())
    return tmp_path


def test_a_data_set_comes_back_as_it_was_written(dataset, written):
    again = yolo.read(written)
    assert again.classes == dataset.classes
    assert [image.file_name for image in again.images] == [image.file_name for image in dataset.images]
    for before, after in zip(dataset.images, again.images, strict=True):
        for key in ("image_id", "width", "height", "split"):
            assert getattr(after, key) == getattr(before, key)
        assert [box.class_name for box in after.boxes] == [box.class_name for box in before.boxes]
        for old, new in zip(before.boxes, after.boxes, strict=True):
            corners = (new.x1, new.y1, new.x2, new.y2)
            assert corners == pytest.approx((old.x1, old.y1, old.x2, old.y2), abs=1.1e-6)


def test_data_yaml_points_at_folders_that_exist_and_hold_the_images(dataset, written):
    config = yaml.safe_load((written / "data.yaml").read_text(encoding="utf-8"))
    assert set(config) == {"train", "val", "names"}
    for split in ("train", "val"):
        images = {file.stem for file in (written / config[split]).iterdir()}
        assert images == {image.image_id for image in dataset.images if image.split == split}
        labels = written / config[split].replace("images", "labels")
        assert {file.stem for file in labels.iterdir()} == images


def test_a_data_set_without_val_still_has_the_folder_that_data_yaml_must_name(dataset, pictures, tmp_path):
    alone = changed(dataset, images=dataset.images[:1])
    yolo.write(alone, tmp_path / "y", pictures)
    config = yaml.safe_load((tmp_path / "y/data.yaml").read_text(encoding="utf-8"))
    assert list((tmp_path / "y" / config["val"]).iterdir()) == []
    assert "test" not in config


def test_data_yaml_names_test_where_there_is_one(dataset, pictures, tmp_path):
    moved = changed(dataset, images=[replace(image, split="test") for image in dataset.images])
    yolo.write(moved, tmp_path / "y", pictures)
    assert {image.split for image in yolo.read(tmp_path / "y").images} == {"test"}


def test_class_ids_are_the_same_in_coco_and_yolo(dataset, written, tmp_path):
    config = yaml.safe_load((written / "data.yaml").read_text(encoding="utf-8"))
    (tmp_path / "coco").mkdir()
    FORMATS["coco"].write(dataset, tmp_path / "coco", None)
    whole = json.loads((tmp_path / "coco" / "annotations.json").read_bytes())
    assert config["names"] == {entry["id"]: entry["name"] for entry in whole["categories"]}
    assert config["names"] == {0: "stop sign", 1: "Verkehrszeichen ⚠"}
    labels = (written / "labels/train" / f"{'a' * 32}.txt").read_text().splitlines()
    mine = [row["category_id"] for row in whole["annotations"] if row["image_id"] == 1]
    assert [int(line.split()[0]) for line in labels] == mine == [0, 1]


def test_a_label_line_is_class_centre_and_size_with_seven_decimals(written):
    lines = (written / "labels/train" / f"{'a' * 32}.txt").read_text().splitlines()
    assert lines == ["0 0.3500000 0.4500000 0.5000000 0.5000000", "1 0.5000000 0.5000000 1.0000000 1.0000000"]


def test_an_image_without_boxes_has_an_empty_label_file(written):
    assert (written / "labels/train" / f"{'c' * 32}.txt").read_bytes() == b""


def test_where_every_box_came_from_stands_beside_its_label_line(dataset, written):
    lines = [json.loads(line) for line in (written / "boxes/train.jsonl").read_text().splitlines()]
    assert [line["image_id"] for line in lines] == ["a" * 32, "b" * 32]
    first, second = lines[0]["boxes"]
    assert first == {
        "box_id": "b1",
        "query": "red sign",
        "score": 0.75,
        "score_kind": "detector",
        "backend": "falcon",
        "model": "f",
        "verdict": "YES",
        "decision": "approved",
        "crowd": False,
        "p_yes": None,
        "reasoning": None,
    }
    assert (second["box_id"], second["score"]) == ("b2", None)


def test_a_foreign_folder_is_read_with_its_upright_sizes(tmp_path):
    folder = foreign(tmp_path, "1 0.5 0.5 0.5 0.25 0.9\n\n")
    turned = Image.Exif()
    turned[0x0112] = 6  # a quarter turn
    Image.new("RGB", (40, 20)).save(folder / "images/train/two.jpg", exif=turned)
    one, two = yolo.read(folder).images
    assert (one.width, one.height, two.width, two.height) == (40, 20, 20, 40)
    assert one.boxes == [LabeledBox("cat", 0.25, 0.375, 0.75, 0.625)]
    assert list(two.boxes) == []  # no label file: a negative


@pytest.mark.parametrize(
    "config",
    [
        "path: .\ntrain: images/train\nnames: {0: dog, 1: cat}\n",
        "train: images/train\nval: images/train\ntest:\nnames: [dog, cat]\n",
        "train: images/train\ntest: # optional\nnames: [dog, cat]\n",
        "train: [images/train]\nnames: [dog, cat]\n",
    ],
)
def test_the_forms_of_data_yaml_that_ultralytics_knows_are_read(tmp_path, config):
    data = yolo.read(foreign(tmp_path, config=config))
    assert data.classes == ["dog", "cat"]
    assert data.images[0].boxes[0].class_name == "dog"


@pytest.mark.parametrize(
    "config",
    [
        "",
        "a: [b",
        "- a\n",
        "train: images/train\n",
        "train: images/train\nnames: 3\n",
        "train: images/train\nnames: {1: dog, 2: cat}\n",
        "train: images/elsewhere\nnames: [dog]\n",
        "train: 3\nnames: [dog]\n",
        b"train: images/train\nnames: [caf\xe9]\n",
    ],
)
def test_a_data_yaml_that_cannot_be_read_is_a_sentence_with_its_name(tmp_path, config):
    folder = foreign(tmp_path, config=config)
    with pytest.raises(FormatError) as caught:
        yolo.read(folder)
    assert str(folder) in str(caught.value)
    assert str(caught.value).endswith(".")


def test_a_folder_without_data_yaml_is_a_sentence(tmp_path):
    with pytest.raises(FormatError, match=r"data\.yaml: cannot be read: No such file or directory\.$"):
        yolo.read(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "0 0.5 0.5 0.2",
        "dog 0.5 0.5 0.2 0.2",
        "2 0.5 0.5 0.2 0.2",
        "-1 0.5 0.5 0.2 0.2",
        "0.5 0.5 0.5 0.2 0.2",
        "0 0.5 0.5 half 0.2",
        "0 nan 0.5 0.2 0.2",
        "0 0.1 0.1 0.9 0.1 0.9 0.9 0.1 0.9",  # a polygon
    ],
)
def test_a_label_line_that_is_no_box_is_named_with_file_and_line(tmp_path, line):
    folder = foreign(tmp_path, f"0 0.5 0.5 0.2 0.2\n\n{line}\n")
    with pytest.raises(FormatError) as caught:
        yolo.read(folder)
    assert str(caught.value).startswith(f"{folder / 'labels/train/one.txt'}:3: ")


def test_a_label_file_that_is_no_text_is_a_sentence(tmp_path):
    folder = foreign(tmp_path, b"0 0.5 \xff\xfe\n")
    with pytest.raises(FormatError, match=r"one\.txt"):
        yolo.read(folder)


def test_an_image_that_is_none_is_a_sentence(tmp_path):
    folder = foreign(tmp_path)
    (folder / "images/train/two.jpg").write_bytes(b"not an image")
    with pytest.raises(FormatError, match=r"two\.jpg"):
        yolo.read(folder)

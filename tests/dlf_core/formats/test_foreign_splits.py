"""Splits by names of others. They become names of files and folders, so only ours may come in."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from dlf_core.formats import FORMATS
from dlf_core.formats.dataset import Dataset, LabeledImage

IMAGE = {"image_id": "a", "file_name": "a.jpg", "width": 9, "height": 8}


def read(name: str, word: str, folder: Path) -> Dataset:
    """A data set of one image, from a file that says its split is called so."""
    if name == "coco":
        content = {"categories": [{"id": 1, "name": "dog"}], "images": [IMAGE | {"id": 1, "split": word}]}
        (folder / "annotations.json").write_text(json.dumps(content | {"annotations": []}))
    elif name == "webdataset":
        content = json.dumps(IMAGE | {"split": word, "boxes": []}).encode()
        with tarfile.open(folder / "all.tar", "w") as tar:
            entry = tarfile.TarInfo("a.json")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    else:
        FORMATS[name].write(Dataset.of("foreign", ["dog"], [LabeledImage(**IMAGE, split=word)]), folder, None)
    return FORMATS[name].read(folder)


TELL = pytest.mark.parametrize("name", ["coco", "webdataset", "cvat", "label-studio", "labels"])


@TELL
@pytest.mark.parametrize(
    ("word", "split"),
    [("train", "train"), ("Val", "val"), ("valid", "val"), ("validation", "val"), ("TEST", "test"), ("Extra", "train")],
)
def test_usual_names_are_known_and_all_others_are_train(name: str, word: str, split: str, tmp_path: Path) -> None:
    assert [image.split for image in read(name, word, tmp_path).images] == [split]


@TELL
def test_a_name_that_is_a_path_leads_nowhere(name: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    found = read(name, "../x", tmp_path / "in")
    for target in FORMATS:
        (tmp_path / target).mkdir()
        FORMATS[target].write(found, tmp_path / target, None)
    assert {file.name for file in tmp_path.iterdir()} == {"in", *FORMATS}

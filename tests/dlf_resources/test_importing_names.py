"""Labels of others are laid on the file that they mean, and on no other of its name."""

from __future__ import annotations

from pathlib import Path

import pytest
from odd_images import encoded, speckled

from dlf_core.formats.dataset import Dataset, LabeledImage
from dlf_core.image_ids import image_id_of
from dlf_resources.importing import ImageFiles, identified


def put(folder: Path, *names: str) -> dict[str, str]:
    """Name → id of a picture of its own."""
    ids = {}
    for number, name in enumerate(names):
        content = encoded(speckled(number), "PNG")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        ids[name] = image_id_of(content)
    return ids


def told(*names: str, split: str = "train") -> Dataset:
    return Dataset.of("d", ["dog"], [LabeledImage(name, name, 96, 64, split) for name in names])


@pytest.mark.parametrize("below", ["", "photos/", "images/2024/"])
def test_of_several_files_of_a_name_the_one_in_the_folder_that_the_labels_name(tmp_path: Path, below: str) -> None:
    names = [f"{folder}/0001.png" for folder in ("cam1", "cam2", "night/cam1")]
    ids = put(tmp_path, *(f"{below}{name}" for name in names))
    problems: list[str] = []
    found = list(identified(told(*names), ImageFiles(tmp_path), problems))
    assert [image.image_id for image in found] == [ids[f"{below}{name}"] for name in names]
    assert problems == []


def test_without_a_folder_in_the_labels_the_one_of_the_split(tmp_path: Path) -> None:
    ids = put(tmp_path, "images/train/a.png", "images/val/a.png")
    (found,) = identified(told("a.png", split="val"), ImageFiles(tmp_path), [])
    assert found.image_id == ids["images/val/a.png"]

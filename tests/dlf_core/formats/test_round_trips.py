"""What a format promises to hold comes back from it, whatever the data set is."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from any_datasets import PlainPictures, any_dataset, assert_came_back
from hypothesis import HealthCheck, given, settings

from dlf_core.formats import FORMATS
from dlf_core.formats.base import Pictures
from dlf_core.formats.dataset import BOX_FIELDS, IMAGE_FIELDS, Dataset, LabeledImage

quick = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])


def through(name: str, dataset: Dataset, pictures: Pictures | None) -> Dataset:
    """Written and read again."""
    with tempfile.TemporaryDirectory() as folder:
        FORMATS[name].write(dataset, Path(folder), pictures)
        return FORMATS[name].read(Path(folder))


@pytest.mark.parametrize("name", FORMATS)
@quick
@given(dataset=any_dataset(largest=24))
def test_a_data_set_comes_back_with_its_pictures(name: str, dataset: Dataset) -> None:
    assert_came_back(FORMATS[name], dataset, through(name, dataset, PlainPictures(dataset)))


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "yolo"])  # which takes sizes from the pictures
@quick
@given(dataset=any_dataset())
def test_a_data_set_comes_back_from_its_labels_alone(name: str, dataset: Dataset) -> None:
    assert_came_back(FORMATS[name], dataset, through(name, dataset, None))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("with_pictures", [True, False])
def test_a_data_set_without_images_comes_back_with_its_classes(name: str, with_pictures: bool) -> None:
    empty = Dataset.of("none", ["b", "a"], [])
    again = through(name, empty, PlainPictures(empty) if with_pictures else None)
    assert (again.classes, len(again.images), again.box_count) == (["b", "a"], 0, 0)


@pytest.mark.parametrize("name", FORMATS)
def test_a_data_set_without_boxes_comes_back_with_its_images(name: str) -> None:
    images = [LabeledImage(f"{n}", f"{n}.png", 9, 8, split) for n, split in enumerate(["train", "val"])]
    negatives = Dataset.of("none", ["b", "a"], images)
    assert_came_back(FORMATS[name], negatives, through(name, negatives, PlainPictures(negatives)))


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_that_is_not_known_is_made_up(name: str, dataset: Dataset, pictures: Pictures) -> None:
    again = through(name, dataset, pictures)
    before = {image.image_id: image for image in dataset.images}
    for image in again.images:
        for field in IMAGE_FIELDS:
            assert getattr(image, field) in (None, getattr(before[image.image_id], field)), field
        for old, new in zip(before[image.image_id].boxes, image.boxes, strict=True):
            for field in set(BOX_FIELDS) - {"x1", "y1", "x2", "y2"}:
                assert getattr(new, field) in (None, False, getattr(old, field)), field


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_data_set_twice_gives_the_same_bytes(
    name: str, dataset: Dataset, pictures: Pictures, tmp_path: Path
) -> None:
    written = []
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        FORMATS[name].write(Dataset.of("signs", dataset.classes, list(dataset.images)), folder, pictures)
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        written.append({file.relative_to(folder): file.read_bytes() for file in files})
    assert written[0] == written[1]

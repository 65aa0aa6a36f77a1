from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from dlf_core.formats.dataset import Dataset, LabeledBox, LabeledImage

SIGN, OTHER = "stop sign", "Verkehrszeichen ⚠"


@pytest.fixture
def dataset() -> Dataset:
    """Four images (one of them a negative, one of odd size), two classes, train and val, one crowd."""
    told = {"query": "red sign", "score": 0.75, "score_kind": "detector", "backend": "falcon", "model": "f"}
    first = LabeledBox(SIGN, 0.1, 0.2, 0.6, 0.7, "b1", **told, verdict="YES", decision="approved")
    second = LabeledBox(OTHER, 0.0, 0.0, 1.0, 1.0, "b2", "sign", None, "none", "falcon", "f")
    third = LabeledBox(SIGN, 1 / 3, 0.123456, 2 / 3, 0.987654, "b3", crowd=True)
    fourth = LabeledBox(SIGN, 0.25, 0.25, 0.5, 0.5, "b4")
    rights = {"license": "CC BY 2.0", "author": "Ann", "url": "https://e/1.jpg"}
    return Dataset.of(
        "signs",
        [SIGN, OTHER],
        [
            LabeledImage(
                "a" * 32, "a" * 32 + ".jpg", 200, 100, "train", "positive/x", [first, second], "1.jpg", **rights
            ),
            LabeledImage("b" * 32, "b" * 32 + ".png", 33, 77, "train", "positive/x", [third]),
            LabeledImage("c" * 32, "c" * 32 + ".jpg", 64, 64, "train", "background/y", []),
            LabeledImage("d" * 32, "d" * 32 + ".jpg", 64, 48, "val", "positive/x", [fourth]),
        ],
        "Signs in traffic",
    )


class GreyPictures:
    """A grey picture of its size for every image."""

    at_once = 4

    def __init__(self, dataset: Dataset):
        self.sizes = {image.image_id: (image.width, image.height) for image in dataset.images}

    def place(self, image_id: str, target: Path) -> None:
        Image.new("RGB", self.sizes[image_id], "grey").save(target)

    def read(self, image_id: str, file_name: str) -> bytes:
        buffer = io.BytesIO()
        kind = {".jpg": "JPEG", ".png": "PNG"}[Path(file_name).suffix]
        Image.new("RGB", self.sizes[image_id], "grey").save(buffer, kind)
        return buffer.getvalue()


@pytest.fixture
def pictures(dataset: Dataset) -> GreyPictures:
    return GreyPictures(dataset)

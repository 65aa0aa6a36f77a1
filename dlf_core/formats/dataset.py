"""The data set between the stage tables and the formats: images, their boxes and their splits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LabeledBox:
    """A box of the data set. Corners in [0, 1] of the upright image.

    Boxes read from a foreign file carry its class and corners, and None for what the file does not tell.
    """

    class_name: str
    x1: float
    y1: float
    x2: float
    y2: float
    box_id: str | None = None
    query: str | None = None
    score: float | None = None
    score_kind: str | None = None
    backend: str | None = None
    model: str | None = None
    verdict: str | None = None
    decision: str | None = None
    crowd: bool = False


@dataclass(frozen=True, slots=True)
class LabeledImage:
    """An image of the data set; `width` and `height` are pixels of the upright image.

    Attributes:
        file_name: the name the formats give the file, `<image_id>.<ext>`.
        source_name, url, page, title: what it was called where it came from, and where that is.
        license, license_url, author, attribution: whose it is (`dlf_core/licenses.py`).
    """

    image_id: str
    file_name: str
    width: int
    height: int
    split: str
    bucket: str | None = None
    boxes: Sequence[LabeledBox] = field(default_factory=tuple)
    source_name: str | None = None
    license: str | None = None
    license_url: str | None = None
    author: str | None = None
    attribution: str | None = None
    url: str | None = None
    page: str | None = None
    title: str | None = None


_RIGHTS = ("license", "license_url", "author", "attribution", "url", "page", "title")


@dataclass(frozen=True, slots=True)
class Dataset:
    """A labelled data set; a class's index in `classes` is its id in every format."""

    name: str
    classes: Sequence[str]
    images: Sequence[LabeledImage]
    description: str = ""

    @property
    def box_count(self) -> int:
        """Boxes over all images."""
        return sum(len(image.boxes) for image in self.images)

    def fingerprint(self) -> str:
        """64 hex digits of SHA-256 over classes, images, splits and boxes: equal data sets, equal fingerprint."""
        digest = hashlib.sha256(json.dumps([self.name, list(self.classes)]).encode())
        for image in sorted(self.images, key=lambda image: image.image_id):
            row = [image.image_id, image.file_name, image.width, image.height, image.split, image.bucket]
            boxes = sorted(
                [box.box_id or "", box.class_name, *_rounded(box), str(box.verdict), str(box.decision)]
                for box in image.boxes
            )
            # Whose an image is stands in COCO's file, too. (Without rights: the fingerprint as it always was.)
            rights = [getattr(image, name) for name in _RIGHTS]
            digest.update(json.dumps([row, boxes, *([rights] if any(rights) else [])]).encode())
        return digest.hexdigest()


PlaceImage = Callable[[LabeledImage, Path], None]
"""Puts an image's file at a path (a link or a copy)."""

DatasetWriter = Callable[[Dataset, Path, PlaceImage], None]
"""Writes a data set into an empty folder."""


def _rounded(box: LabeledBox) -> list[float]:
    return [round(value, 6) for value in (box.x1, box.y1, box.x2, box.y2)]

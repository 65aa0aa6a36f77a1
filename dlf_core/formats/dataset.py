"""The data set between the stage tables and the formats: images, their boxes and their splits.

Held as columns: a million boxes are some 150 MB so, and several times that as objects. Formats read it part by part
(`parts`); where speed does not count, row by row (`images`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, overload

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from dlf_core.formats.columns import Columns, lists_of, together

PART = 1024
"""Images that are in work at once."""


@dataclass(frozen=True, slots=True)
class LabeledBox:
    """A box of the data set. Corners in [0, 1] of the upright image.

    Boxes read from a foreign file carry its class and corners, and None for what the file does not tell.

    Attributes:
        p_yes: score of the verdict, 0 to 1.
        reasoning: what verify said of it.
        decision: what a person said of it.
        crowd: one box around many objects, as COCO has them.
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
    p_yes: float | None = None
    reasoning: str | None = None


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


def _words(*names: str, alike: bool = False) -> list[pa.Field]:
    kind = pa.dictionary(pa.int32(), pa.string()) if alike else pa.string()
    return [pa.field(name, kind) for name in names]


IMAGES = pa.schema(
    [
        *_words("image_id", "file_name"),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        *_words("split", "bucket", alike=True),
        *_words("source_name"),
        *_words("license", "license_url", alike=True),
        *_words("author", "attribution", "url", "page", "title"),
        pa.field("box_count", pa.int32()),
    ]
)
"""A row an image."""

BOXES = pa.schema(
    [
        *_words("class_name", alike=True),
        *(pa.field(name, pa.float64()) for name in ("x1", "y1", "x2", "y2")),
        *_words("box_id"),
        *_words("query", alike=True),
        pa.field("score", pa.float64()),
        *_words("score_kind", "backend", "model", "verdict", "decision", alike=True),
        pa.field("crowd", pa.bool_()),
        pa.field("p_yes", pa.float64()),
        *_words("reasoning"),
    ]
)
"""A row a box, in the order of the images."""

IMAGE_FIELDS = tuple(one.name for one in fields(LabeledImage) if one.name != "boxes")
BOX_FIELDS = tuple(one.name for one in fields(LabeledBox))


@dataclass(frozen=True, slots=True)
class Part:
    """Some images and their boxes, as lists by column.

    Attributes:
        first: place of the first of them in the data set.
        images: column → value an image.
        boxes: column → value a box.
        offsets: boxes of image `i` are those from `offsets[i]` up to `offsets[i + 1]`.
    """

    first: int
    images: dict[str, list[Any]]
    boxes: dict[str, list[Any]]
    offsets: list[int]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def rows(self) -> Iterator[LabeledImage]:
        """The images as objects."""
        boxes = [LabeledBox(*row) for row in zip(*(self.boxes[name] for name in BOX_FIELDS), strict=True)]
        for place, row in enumerate(zip(*(self.images[name] for name in IMAGE_FIELDS), strict=True)):
            known = dict(zip(IMAGE_FIELDS, row, strict=True))
            yield LabeledImage(**known, boxes=boxes[self.offsets[place] : self.offsets[place + 1]])


class Dataset:
    """A labelled data set; a class's index in `classes` is its id in every format.

    Args:
        name: of the data set.
        classes: class names.
        images: a table of schema `IMAGES`.
        boxes: a table of schema `BOXES`; `images` says how many an image has.
        description: one line.
    """

    def __init__(self, name: str, classes: Sequence[str], images: pa.Table, boxes: pa.Table, description: str = ""):
        self.name = name
        self.classes = [str(name) for name in classes]
        self.description = description
        self.image_table = together(images, IMAGES)
        self.box_table = together(boxes, BOXES)
        counts = self.image_table["box_count"].to_numpy()
        self._offsets = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        if self._offsets[-1] != len(self.box_table):
            raise ValueError(f"{self._offsets[-1]} boxes are counted and {len(self.box_table)} are there")

    @classmethod
    def of(cls, name: str, classes: Sequence[str], images: Iterable[LabeledImage], description: str = "") -> Dataset:
        """From rows, which may be made while they are read."""
        image_columns, box_columns = Columns(IMAGES), Columns(BOXES)
        for image in images:
            known = [getattr(image, one) for one in IMAGE_FIELDS]
            image_columns.append([*known, len(image.boxes)], (*IMAGE_FIELDS, "box_count"))
            for box in image.boxes:
                box_columns.append([getattr(box, one) for one in BOX_FIELDS], BOX_FIELDS)
        return cls(name, classes, image_columns.table(), box_columns.table(), description)

    def __eq__(self, other: object) -> bool:
        """Whether name, classes, description and all rows are equal."""
        if not isinstance(other, Dataset):
            return NotImplemented
        mine = (self.name, self.classes, self.description)
        return mine == (other.name, other.classes, other.description) and self.images == other.images

    __hash__ = None  # type: ignore[assignment]

    @property
    def images(self) -> Images:
        """The images as objects, made while they are looked at."""
        return Images(self)

    @property
    def box_count(self) -> int:
        """Boxes over all images."""
        return len(self.box_table)

    @property
    def split_names(self) -> list[str]:
        """Splits that have an image, sorted."""
        return sorted(pc.unique(self.image_table["split"].cast(pa.string())).to_pylist())

    def part(self, begin: int, end: int) -> Part:
        """The images from `begin` up to `end`."""
        from_box, to_box = int(self._offsets[begin]), int(self._offsets[end])
        images = lists_of(self.image_table.slice(begin, end - begin))
        boxes = lists_of(self.box_table.slice(from_box, to_box - from_box))
        return Part(begin, images, boxes, (self._offsets[begin : end + 1] - from_box).tolist())

    def parts(self, size: int = PART) -> Iterator[Part]:
        """All images, some at a time."""
        for begin in range(0, len(self.image_table), size):
            yield self.part(begin, min(begin + size, len(self.image_table)))

    def take(self, chosen: np.ndarray[Any, np.dtype[np.bool_]]) -> Dataset:
        """Only some images, with their boxes; a boolean an image."""
        of_image = np.repeat(chosen, np.diff(self._offsets))
        images, boxes = self.image_table.filter(pa.array(chosen)), self.box_table.filter(pa.array(of_image))
        return Dataset(self.name, self.classes, images, boxes, self.description)

    def fingerprint(self) -> str:
        """64 hex digits of SHA-256 over all that formats write: equal data sets, equal fingerprint."""
        digest = hashlib.sha256(orjson.dumps([self.name, self.classes, self.description]))
        rows: list[tuple[str, bytes]] = []
        for part in self.parts():
            corners = [np.round(part.boxes[name], 6).tolist() for name in ("x1", "y1", "x2", "y2")]
            told = [part.boxes[name] for name in BOX_FIELDS if name not in ("x1", "y1", "x2", "y2")]
            boxes = [orjson.dumps(box) for box in zip(*told, *corners, strict=True)]
            for place, row in enumerate(zip(*(part.images[name] for name in IMAGE_FIELDS), strict=True)):
                of_image = sorted(boxes[part.offsets[place] : part.offsets[place + 1]])
                row_digest = hashlib.sha256(orjson.dumps(row))
                row_digest.update(b"\n".join(of_image))
                rows.append((row[0], row_digest.digest()))
        for _, row_bytes in sorted(rows):
            digest.update(row_bytes)
        return digest.hexdigest()


class Images(Sequence[LabeledImage]):
    """The images of a data set as objects."""

    def __init__(self, dataset: Dataset):
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset.image_table)

    def __iter__(self) -> Iterator[LabeledImage]:
        for part in self._dataset.parts():
            yield from part.rows()

    @overload
    def __getitem__(self, place: int) -> LabeledImage: ...

    @overload
    def __getitem__(self, place: slice) -> list[LabeledImage]: ...

    def __getitem__(self, place: int | slice) -> LabeledImage | list[LabeledImage]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        at = range(len(self))[place]
        return next(self._dataset.part(at, at + 1).rows())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

"""COCO detection JSON (https://cocodataset.org/#format-data), written and read.

    annotations.json                 every image, with its split
    train.json val.json test.json    the same annotations, split by split
    images/<image_id>.<ext>

Category ids are class indexes, so they equal YOLO's. `image_id` of an annotation is COCO's integer link;
the content hash stands on the image as `image_hash` and on the annotation likewise.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import orjson

from dlf_core.errors import FormatError
from dlf_core.formats.base import Format, Pictures
from dlf_core.formats.dataset import BOX_FIELDS, IMAGE_FIELDS, Dataset, LabeledBox, LabeledImage, Part

WHOLE = "annotations.json"
_SPLITS = ("train", "val", "test")
# Key of an image's entry → what it is here. COCO itself knows a licence's number and a `flickr_url`.
_TOLD = {
    "source_name": "source_name",
    "source_url": "url",
    "source_page": "page",
    "title": "title",
    "author": "author",
    "attribution": "attribution",
    "license_name": "license",
    "license_url": "license_url",
}
_OURS = (*("box_id", "query", "score", "score_kind", "backend", "model", "verdict", "p_yes", "reasoning", "decision"),)
_License = tuple[str, str | None]


def write(dataset: Dataset, folder: Path, pictures: Pictures | None) -> None:
    """Write the data set into an empty folder."""
    licenses = _licenses(dataset)
    with contextlib.ExitStack() as stack:
        whole = stack.enter_context(_Document(folder / WHOLE, dataset, licenses))
        of_split = {
            split: stack.enter_context(_Document(folder / f"{split}.json", dataset, licenses))
            for split in dataset.split_names
        }
        for part in dataset.parts():
            for split, entry in _images(part, licenses):
                for document in (whole, of_split[split]):
                    document.add(entry)
        for document in (whole, *of_split.values()):
            document.begin_annotations()
        first = 1
        for part in dataset.parts():
            for split, entries in _annotations(part, dataset.classes, first):
                for document in (whole, of_split[split]):
                    document.add(entries)
            first += part.offsets[-1]
    if pictures is not None:
        (folder / "images").mkdir()
        for part in dataset.parts():
            for image_id, name in zip(part.images["image_id"], part.images["file_name"], strict=True):
                pictures.place(image_id, folder / "images" / name)


class _Document:
    """A COCO file that is written piece by piece."""

    def __init__(self, file: Path, dataset: Dataset, licenses: dict[_License, int]):
        head = {
            "info": {"description": dataset.description or dataset.name, "contributor": "data-label-factory"},
            "licenses": [{"id": number, "name": name, "url": url or ""} for (name, url), number in licenses.items()],
            "categories": [
                {"id": index, "name": name, "supercategory": "object"} for index, name in enumerate(dataset.classes)
            ],
        }
        self._file = file
        self._head = orjson.dumps(head)[:-1] + b',"images":['
        self._comma = b""

    def __enter__(self) -> _Document:
        self._out: IO[bytes] = self._file.open("wb", buffering=1 << 20)
        self._out.write(self._head)
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        with self._out:
            if kind is None:
                self._out.write(b"]}")

    def add(self, entries: bytes) -> None:
        """One or more entries, with commas between them."""
        self._out.write(self._comma + entries)
        self._comma = b",\n"

    def begin_annotations(self) -> None:
        self._out.write(b'],"annotations":[')
        self._comma = b""


def _licenses(dataset: Dataset) -> dict[_License, int]:
    """Licence and its address → COCO's number."""
    licenses: dict[_License, int] = {}
    for part in dataset.parts():
        for name, url in zip(part.images["license"], part.images["license_url"], strict=True):
            if name is not None:
                licenses.setdefault((name, url), len(licenses) + 1)
    return licenses


def _images(part: Part, licenses: dict[_License, int]) -> Iterator[tuple[str, bytes]]:
    columns = part.images
    for place in range(len(part)):
        entry: dict[str, Any] = {
            "id": part.first + place + 1,
            "file_name": columns["file_name"][place],
            "width": columns["width"][place],
            "height": columns["height"][place],
            "image_hash": columns["image_id"][place],
            "split": columns["split"][place],
            "bucket": columns["bucket"][place],
        }
        for key, name in _TOLD.items():
            if (value := columns[name][place]) is not None:
                entry[key] = value
        if (license_ := columns["license"][place]) is not None:
            entry["license"] = licenses[license_, columns["license_url"][place]]
        yield columns["split"][place], orjson.dumps(entry)


def _annotations(part: Part, classes: list[str], first: int) -> Iterator[tuple[str, bytes]]:
    """Split and entries of each image that has boxes; boxes are `[x, y, width, height]` pixels, rounded to 1e-3."""
    class_ids = {name: index for index, name in enumerate(classes)}
    columns, offsets = part.boxes, part.offsets
    counts = np.diff(offsets)
    scale = np.array([part.images["width"], part.images["height"]], dtype=np.float64).T.repeat(counts, axis=0)
    low, high = (np.array([columns[f"x{n}"], columns[f"y{n}"]], dtype=np.float64).T * scale for n in (1, 2))
    size = high - low
    boxes = np.hstack([low, size]).round(3).tolist()
    areas = size.prod(axis=1).round(3).tolist()
    categories = [class_ids[name] for name in columns["class_name"]]
    crowd, told = columns["crowd"], list(zip(*(columns[name] for name in _OURS), strict=True))
    for place, (begin, end) in enumerate(itertools.pairwise(offsets)):
        if begin == end:
            continue
        number, image_id = part.first + place + 1, part.images["image_id"][place]
        entries = [
            {
                "id": first + at,
                "image_id": number,
                "category_id": categories[at],
                "bbox": boxes[at],
                "area": areas[at],
                "iscrowd": int(crowd[at]),
                "segmentation": [],
                "image_hash": image_id,
                **dict(zip(_OURS, told[at], strict=True)),
            }
            for at in range(begin, end)
        ]
        yield part.images["split"][place], orjson.dumps(entries)[1:-1]


def read(path: Path) -> Dataset:
    """A data set from a COCO detection file, or from a folder of them (one a split, or `annotations.json`).

    Images keep their file name; `image_id` is ours where the file carries `image_hash`, else the file name.

    Raises:
        FormatError: not JSON, or a part is missing or does not fit.
    """
    if not path.is_dir():
        return _read(path, "train")
    if (path / WHOLE).is_file():
        return _read(path / WHOLE, "train")
    files = [(split, path / f"{split}.json") for split in _SPLITS if (path / f"{split}.json").is_file()]
    if not files:
        raise FormatError(f"{path}: has no {WHOLE} and no {_SPLITS[0]}.json; name the file of labels itself.")
    parts = [_read(file, split) for split, file in files]
    classes = list(dict.fromkeys(name for part in parts for name in part.classes))
    return Dataset.of(path.name, classes, (image for part in parts for image in part.images), parts[0].description)


def _read(file: Path, split: str) -> Dataset:
    try:
        data = orjson.loads(file.read_bytes())
        names = {entry["id"]: str(entry["name"]) for entry in data["categories"]}
        annotations: dict[Any, list[dict[str, Any]]] = {entry["id"]: [] for entry in data["images"]}
        for entry in data["annotations"]:
            annotations[entry["image_id"]].append(entry)
        images = (_image(entry, annotations[entry["id"]], names, split) for entry in data["images"])
        told = data.get("info") or {}
        return Dataset.of(file.stem, list(names.values()), images, str(told.get("description") or ""))
    except OSError as error:
        raise FormatError(f"{file}: cannot be read: {error.strerror or error}.") from None
    except ZeroDivisionError:
        raise FormatError(f"{file}: an image has width or height 0.") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"{file}: is not a COCO detection file: {error} is missing or does not fit.") from None
    except (ValueError, OverflowError) as error:  # also Arrow's
        raise FormatError(f"{file}: is not COCO JSON: {error}.") from None


def _image(entry: dict[str, Any], annotations: list[dict[str, Any]], names: dict[Any, str], split: str) -> LabeledImage:
    return LabeledImage(
        image_id=entry.get("image_hash") or entry["file_name"],
        file_name=entry["file_name"],
        width=entry["width"],
        height=entry["height"],
        split=entry.get("split", split),
        bucket=entry.get("bucket"),
        boxes=[_box(one, names, entry["width"], entry["height"]) for one in annotations],
        **{name: entry.get(key) for key, name in _TOLD.items()},
    )


def _box(entry: dict[str, Any], names: dict[Any, str], width: int, height: int) -> LabeledBox:
    x, y, w, h = entry["bbox"]
    return LabeledBox(
        class_name=names[entry["category_id"]],
        x1=x / width,
        y1=y / height,
        x2=(x + w) / width,
        y2=(y + h) / height,
        crowd=bool(entry.get("iscrowd", 0)),
        **{name: entry.get(name) for name in _OURS},
    )


FORMAT = Format(
    "COCO detection JSON",
    write,
    read,
    image_fields=frozenset(IMAGE_FIELDS),
    box_fields=frozenset(BOX_FIELDS),
)

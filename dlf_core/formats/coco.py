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
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

import msgspec
import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from dlf_core.errors import FormatError
from dlf_core.formats.base import Format, Pictures, split_named
from dlf_core.formats.columns import table_of
from dlf_core.formats.dataset import BOX_FIELDS, BOXES, IMAGE_FIELDS, IMAGES, Dataset, Part
from dlf_core.formats.picture_files import place_in

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
_AT_ONCE = 32_768
"""Annotations that lie in memory as objects."""
_PLACE = re.compile(r"\$\[(\d+)\]")
_License = tuple[str, str | None]
_Numbers = NDArray[np.float64]


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
        place_in(folder / "images", dataset, pictures)


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
    names = ("box_id", "query", "score", "score_kind", "backend", "model", "verdict", "p_yes", "reasoning", "decision")
    told = list(zip(columns["crowd"], *(columns[name] for name in names), strict=True))
    for place, (begin, end) in enumerate(itertools.pairwise(offsets)):
        if begin == end:
            continue
        number, image_id = part.first + place + 1, part.images["image_id"][place]
        entries = []
        for at in range(begin, end):
            crowd, box_id, query, score, kind, backend, model, verdict, p_yes, reasoning, decision = told[at]
            entries.append(
                {
                    "id": first + at,
                    "image_id": number,
                    "category_id": categories[at],
                    "bbox": boxes[at],
                    "area": areas[at],
                    "iscrowd": 1 if crowd else 0,
                    "segmentation": [],
                    "image_hash": image_id,
                    "box_id": box_id,
                    "query": query,
                    "score": score,
                    "score_kind": kind,
                    "backend": backend,
                    "model": model,
                    "verdict": verdict,
                    "p_yes": p_yes,
                    "reasoning": reasoning,
                    "decision": decision,
                }
            )
        yield part.images["split"][place], orjson.dumps(entries)[1:-1]


class _Category(msgspec.Struct):
    id: int | str
    name: str


class _Image(msgspec.Struct):
    id: int | str
    file_name: str
    width: int | float
    height: int | float
    image_hash: str | None = None
    split: str | None = None
    bucket: str | None = None
    source_name: str | None = None
    source_url: str | None = None
    source_page: str | None = None
    title: str | None = None
    author: str | None = None
    attribution: str | None = None
    license_name: str | None = None
    license_url: str | None = None


class _Annotation(msgspec.Struct):
    image_id: int | str
    category_id: int | str
    bbox: tuple[float, float, float, float]
    iscrowd: int | bool = 0
    box_id: str | None = None
    query: str | None = None
    score: float | None = None
    score_kind: str | None = None
    backend: str | None = None
    model: str | None = None
    verdict: str | None = None
    p_yes: float | None = None
    reasoning: str | None = None
    decision: str | None = None


class _File(msgspec.Struct):
    """What is read of a file; annotations are looked at some at a time."""

    categories: list[_Category]
    images: list[_Image]
    annotations: list[msgspec.Raw]
    info: dict[str, Any] | None = None


def read(path: Path) -> Dataset:
    """A data set from a COCO detection file, or from a folder of them (one a split, or `annotations.json`).

    Images keep their file name; `image_id` is ours where the file carries `image_hash`, else the file name
    without folders and ending.

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
    images, boxes = ([getattr(part, name) for part in parts] for name in ("image_table", "box_table"))
    return Dataset(path.name, classes, pa.concat_tables(images), pa.concat_tables(boxes), parts[0].description)


def _read(file: Path, split: str) -> Dataset:
    try:
        data = msgspec.json.decode(file.read_bytes(), type=_File)
    except OSError as error:
        raise FormatError(f"{file}: cannot be read: {error.strerror or error}.") from None
    except msgspec.ValidationError as error:
        raise FormatError(f"{file}: is not a COCO detection file: {error}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FormatError(f"{file}: is not COCO JSON: {error}.") from None
    sizes = np.array([(one.width, one.height) for one in data.images], np.float64).reshape(-1, 2)
    if ((sizes < 1) | (sizes >= 2**31)).any():
        raise FormatError(f"{file}: an image has width or height 0, or one that no image has.")
    of_image, boxes = _boxes(file, data, sizes)
    images: dict[str, Any] = {
        "image_id": [one.image_hash or PurePosixPath(one.file_name).stem for one in data.images],
        "width": sizes[:, 0].astype(np.int32),
        "height": sizes[:, 1].astype(np.int32),
        "split": [split_named(one.split, split) for one in data.images],
        "box_count": np.bincount(of_image, minlength=len(data.images)).astype(np.int32),
    }
    images |= {name: [getattr(one, name) for one in data.images] for name in ("file_name", "bucket")}
    images |= {name: [getattr(one, key) for one in data.images] for key, name in _TOLD.items()}
    told = data.info or {}
    return Dataset(
        file.stem,
        list({one.id: one.name for one in data.categories}.values()),
        table_of(images, IMAGES),
        boxes,
        str(told.get("description") or ""),
    )


def _boxes(file: Path, data: _File, sizes: _Numbers) -> tuple[NDArray[np.int64], pa.Table]:
    """Place of the image of each box, and the boxes: in the order of the images, of one as they stand in the file."""
    names = {one.id: one.name for one in data.categories}
    place = {one.id: number for number, one in enumerate(data.images)}
    places: list[NDArray[np.int64]] = []
    tables: list[pa.Table] = []
    for first in range(0, max(len(data.annotations), 1), _AT_ONCE):
        some = _annotations_of(file, data.annotations[first : first + _AT_ONCE], first)
        try:
            of_image = np.array([place[one.image_id] for one in some], np.int64)
            classes = [names[one.category_id] for one in some]
        except KeyError as error:
            said = f"an annotation names {error}, which is no image or category of the file"
            raise FormatError(f"{file}: {said}.") from None
        boxes: dict[str, Any] = {"class_name": classes, "crowd": [bool(one.iscrowd) for one in some]}
        boxes |= _corners(np.array([one.bbox for one in some], np.float64).reshape(-1, 4), sizes[of_image])
        boxes |= {name: [getattr(one, name) for one in some] for name in _OURS}
        places.append(of_image)
        tables.append(table_of(boxes, BOXES))
    of_image, table = np.concatenate(places), pa.concat_tables(tables)
    if (np.diff(of_image) < 0).any():
        table = table.take(pa.array(np.argsort(of_image, kind="stable")))
    return of_image, table


def _annotations_of(file: Path, raw: list[msgspec.Raw], first: int) -> list[_Annotation]:
    try:
        return msgspec.json.decode(b"[%b]" % b",".join(raw), type=list[_Annotation])
    except msgspec.ValidationError as error:
        said = _PLACE.sub(lambda found: f"$.annotations[{first + int(found[1])}]", str(error))
        raise FormatError(f"{file}: is not a COCO detection file: {said}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FormatError(f"{file}: is not COCO JSON: {error}.") from None


def _corners(numbers: _Numbers, sizes: _Numbers) -> dict[str, Any]:
    low, high = numbers[:, :2] / sizes, (numbers[:, :2] + numbers[:, 2:]) / sizes
    return {"x1": low[:, 0], "y1": low[:, 1], "x2": high[:, 0], "y2": high[:, 1]}


FORMAT = Format(
    "COCO detection JSON",
    write,
    read,
    image_fields=frozenset(IMAGE_FIELDS),
    box_fields=frozenset(BOX_FIELDS),
)

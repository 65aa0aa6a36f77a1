"""YOLO text labels with a `data.yaml`, as Ultralytics reads them, written and read.

    data.yaml                        train, val, test, names
    images/<split>/<image_id>.<ext>
    labels/<split>/<image_id>.txt    one line a box: class cx cy width height, in [0, 1]
    boxes/<split>.jsonl              one line an image that has boxes: what is known of them, in the order of its lines

An image without boxes has an empty label file: a negative.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import yaml

from dlf_core.errors import FormatError
from dlf_core.formats.base import Format, Pictures
from dlf_core.formats.dataset import BOX_FIELDS, Dataset, LabeledBox, LabeledImage, Part
from dlf_core.formats.picture_files import place_all
from dlf_core.formats.picture_size import upright_size

_SUFFIXES = (".jpg", ".jpeg", ".jfif", ".jpe", ".mpo", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif")
_PROVENANCE = tuple(name for name in BOX_FIELDS if name not in ("class_name", "x1", "y1", "x2", "y2"))


def write(dataset: Dataset, folder: Path, pictures: Pictures | None) -> None:
    """Write the data set into an empty folder."""
    class_ids = {name: index for index, name in enumerate(dataset.classes)}
    present = dataset.split_names
    # `train` and `val` are required keys of data.yaml; their folders exist even when nothing fell into them.
    splits = [name for name in ("train", "val", "test") if name in present or name != "test"]
    for split in splits:
        for kind in ("images", "labels"):
            (folder / kind / split).mkdir(parents=True)
    (folder / "boxes").mkdir()
    told = {split: (folder / "boxes" / f"{split}.jsonl").open("wb", buffering=1 << 20) for split in splits}
    try:
        for part in dataset.parts():
            for place, lines in enumerate(_lines(part, class_ids)):
                split, name = part.images["split"][place], part.images["file_name"][place]
                _write(folder / "labels" / split / f"{Path(name).stem}.txt", lines.encode())
                if lines:
                    told[split].write(_told(part, place))
            if pictures is not None:
                names = zip(*(part.images[column] for column in ("image_id", "split", "file_name")), strict=True)
                place_all(pictures, ((one, folder / "images" / split / name) for one, split, name in names))
    finally:
        for file in told.values():
            file.close()
    # Ultralytics resolves a relative `path` against its own settings, not against data.yaml: leaving `path` out
    # makes it the folder of data.yaml, so the data set can be moved.
    config: dict[str, Any] = {split: f"images/{split}" for split in splits}
    config["names"] = dict(enumerate(dataset.classes))
    name = "".join(letter if letter.isprintable() else " " for letter in dataset.name)
    text = f"# {name}: made by data-label-factory\n" + yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
    (folder / "data.yaml").write_text(text, encoding="utf-8")


def _lines(part: Part, class_ids: dict[str, int]) -> Iterator[str]:
    """The label file of each image; seven decimals: a hundredth of a pixel on an image of 65,000 pixels."""
    x1, y1, x2, y2 = (np.array(part.boxes[name], np.float64) for name in ("x1", "y1", "x2", "y2"))
    numbers = zip(*(column.tolist() for column in ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1)), strict=True)
    ids = [class_ids[name] for name in part.boxes["class_name"]]
    lines = ["%d %.7f %.7f %.7f %.7f\n" % (one, *four) for one, four in zip(ids, numbers, strict=True)]  # noqa: UP031
    for begin, end in itertools.pairwise(part.offsets):
        yield "".join(lines[begin:end])


def _told(part: Part, place: int) -> bytes:
    """What is known of an image's boxes, as one line."""
    begin, end = part.offsets[place], part.offsets[place + 1]
    rows = zip(*(part.boxes[name][begin:end] for name in _PROVENANCE), strict=True)
    boxes = [dict(zip(_PROVENANCE, row, strict=True)) for row in rows]
    return orjson.dumps({"image_id": part.images["image_id"][place], "boxes": boxes}) + b"\n"


def _write(file: Path, content: bytes) -> None:
    """A hundred thousand small files: half the time of `Path.write_bytes`."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        os.write(descriptor, content)
    finally:
        os.close(descriptor)


def read(path: Path) -> Dataset:
    """A data set from a YOLO folder with `data.yaml`; widths and heights are read from the image files.

    Raises:
        FormatError: names the file and line that cannot be read.
    """
    folder = path if path.is_dir() else path.parent
    config_file = path / "data.yaml" if path.is_dir() else path
    try:
        config = yaml.safe_load(config_file.read_text(encoding="utf-8"))
        names = config["names"]
        classes = [str(names[index]) for index in range(len(names))]
        base = folder / config["path"] if config.get("path") else folder
        places = [(split, place) for split in ("train", "val", "test") for place in _places(config.get(split), base)]
        # A split without images has no folder where only files are kept: on the Hub, in git, in an archive.
        places = [(split, place) for split, place in places if place.is_dir()] or places
        files = [(split, place, file) for split, place in places for file in sorted(place.iterdir())]
    except OSError as error:
        where = "" if error.filename in (None, str(config_file), config_file) else f" {error.filename}"
        raise FormatError(f"{config_file}:{where} cannot be read: {error.strerror or error}.") from None
    except (yaml.YAMLError, ValueError, AttributeError, KeyError, TypeError, IndexError, RecursionError) as error:
        first = (str(error).splitlines() or ["something"])[0]
        raise FormatError(f"{config_file}: is not a YOLO data.yaml: {first} is missing or does not fit.") from None
    told = {split: _read_told(base / "boxes" / f"{split}.jsonl") for split in dict.fromkeys(name for name, _ in places)}
    images = (
        _image(file, split, _labels(place), classes, told[split])
        for split, place, file in files
        if file.suffix.lower() in _SUFFIXES and file.is_file()
    )
    found = Dataset.of(folder.name, classes, images)
    if not len(found.image_table):
        _refuse_labels_alone([_labels(place) for _, place in places])
    return found


def _refuse_labels_alone(folders: list[Path]) -> None:
    labels = next((file for folder in folders if folder.is_dir() for file in folder.glob("*.txt")), None)
    if labels is not None:
        said = "there are labels but no pictures, which alone tell an image's size; put them into its images folder"
        raise FormatError(f"{labels.parent}: {said}.")


def _labels(images: Path) -> Path:
    """Where the labels of a folder of images lie: the last `images` of its path is `labels`, as with Ultralytics."""
    parts = images.parts
    at = next((at for at in range(len(parts) - 1, 0, -1) if parts[at] == "images"), None)
    return images if at is None else Path(*parts[:at], "labels", *parts[at + 1 :])


def _image(file: Path, split: str, folder: Path, classes: list[str], told: dict[str, Any]) -> LabeledImage:
    labels = folder / f"{file.stem}.txt"
    known = told.get(file.stem, [])
    boxes = _read_labels(labels, classes, known) if labels.exists() else []
    try:
        width, height = upright_size(file)
    except ValueError as error:
        raise FormatError(f"{file}: {error}.") from None
    return LabeledImage(file.stem, file.name, width, height, split, boxes=boxes)


def _places(value: object, base: Path) -> list[Path]:
    """The folders of a split: one, several, or none."""
    places = [] if value is None else value if isinstance(value, list) else [value]
    if not all(isinstance(place, str) for place in places):
        raise TypeError(f"the folder {value!r}")
    # Roboflow writes `../train/images` for a folder beside data.yaml, and Ultralytics takes it so.
    beside = [str(place).removeprefix("../") for place in places]
    return [base / (near if not (base / place).exists() else place) for place, near in zip(places, beside, strict=True)]


def _read_told(file: Path) -> dict[str, list[dict[str, Any]]]:
    """Image id → what is known of its boxes; nothing where there is no such file."""
    if not file.is_file():
        return {}
    found: dict[str, list[dict[str, Any]]] = {}
    number = 1
    try:
        with file.open("rb") as lines:
            for line in lines:
                row = orjson.loads(line)
                found[row["image_id"]] = [_told_of(box) for box in row["boxes"]]
                number += 1
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"{file}:{number}: is not a line of boxes: {error}.") from None
    return found


def _told_of(box: dict[str, Any]) -> dict[str, Any]:
    told = {name: box.get(name) for name in _PROVENANCE}
    kinds: dict[str, type | tuple[type, ...]] = {"score": (int, float), "p_yes": (int, float), "crowd": bool}
    for name, value in told.items():
        if value is not None and not isinstance(value, kinds.get(name, str)):
            raise TypeError(f"{name} is {value!r}")
    return told | {"crowd": bool(told["crowd"])}


def _read_labels(file: Path, classes: list[str], known: list[dict[str, Any]]) -> list[LabeledBox]:
    """Boxes of a label file; a sixth column (a confidence) is left out."""
    try:
        lines = [line for line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1) if line[1].strip()]
    except (OSError, UnicodeDecodeError):
        raise FormatError(f"{file}: is not a text file that can be read.") from None
    more = known if len(known) == len(lines) else [{}] * len(lines)  # somebody has edited the lines
    boxes: list[LabeledBox] = []
    for (number, line), told in zip(lines, more, strict=True):
        words = line.split()
        try:
            x, y, w, h = map(float, words[1:5])
            class_id = int(words[0])
        except ValueError:
            class_id, x, y, w, h = -1, math.nan, 0.0, 0.0, 0.0
        if len(words) not in (5, 6) or not 0 <= class_id < len(classes) or not all(map(math.isfinite, (x, y, w, h))):
            raise FormatError(f"{file}:{number}: is not 'class cx cy width height' of a known class.")
        boxes.append(LabeledBox(classes[class_id], x - w / 2, y - h / 2, x + w / 2, y + h / 2, **told))
    return boxes


FORMAT = Format(
    "YOLO text labels with data.yaml (Ultralytics)",
    write,
    read,
    image_fields=frozenset({"image_id", "file_name", "width", "height", "split"}),
    box_fields=frozenset(BOX_FIELDS),
)

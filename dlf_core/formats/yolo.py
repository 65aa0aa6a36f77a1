"""YOLO text labels with a `data.yaml`, as Ultralytics reads them, written and read.

    data.yaml                        path, train, val, test, names
    images/<split>/<image_id>.<ext>
    labels/<split>/<image_id>.txt    one line a box: class cx cy width height, in [0, 1]
    boxes/<split>/<image_id>.jsonl   one line a box, same order: box_id, query, score, score_kind, backend, model

An image without boxes has an empty label file: a negative.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import orjson
import yaml

from dlf_core.errors import FormatError
from dlf_core.formats.dataset import Dataset, LabeledBox, LabeledImage, PlaceImage

_PROVENANCE = ("box_id", "query", "score", "score_kind", "backend", "model", "verdict", "decision")


def write(dataset: Dataset, folder: Path, place_image: PlaceImage) -> None:
    """Write the data set into an empty folder."""
    class_ids = {name: index for index, name in enumerate(dataset.classes)}
    present = {image.split for image in dataset.images}
    # `train` and `val` are required keys of data.yaml; their folders exist even when nothing fell into them.
    splits = [name for name in ("train", "val", "test") if name in present or name != "test"]
    for split in splits:
        for kind in ("images", "labels", "boxes"):
            (folder / kind / split).mkdir(parents=True)
    for image in dataset.images:
        stem = Path(image.file_name).stem
        place_image(image, folder / "images" / image.split / image.file_name)
        lines = [label_line(box, class_ids[box.class_name]) for box in image.boxes]
        (folder / "labels" / image.split / f"{stem}.txt").write_text("".join(lines))
        rows = [
            orjson.dumps({"image_id": image.image_id} | {key: getattr(box, key) for key in _PROVENANCE}) + b"\n"
            for box in image.boxes
        ]
        (folder / "boxes" / image.split / f"{stem}.jsonl").write_bytes(b"".join(rows))
    # Ultralytics resolves a relative `path` against its own settings, not against data.yaml: leaving `path` out
    # makes it the folder of data.yaml, so the data set can be moved.
    config: dict[str, Any] = {split: f"images/{split}" for split in splits}
    config["names"] = dict(enumerate(dataset.classes))
    text = f"# {dataset.name}: made by data-label-factory\n" + yaml.safe_dump(
        config, sort_keys=False, allow_unicode=True
    )
    (folder / "data.yaml").write_text(text, encoding="utf-8")


def label_line(box: LabeledBox, class_id: int) -> str:
    """One label line, six decimals: a tenth of a pixel on an image of 100,000 pixels."""
    cx, cy = (box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2
    return f"{class_id} {cx:.6f} {cy:.6f} {box.x2 - box.x1:.6f} {box.y2 - box.y1:.6f}\n"


def read(folder: Path) -> Dataset:
    """A data set from a YOLO folder with `data.yaml`; widths and heights are read from the image files.

    Raises:
        FormatError: names the file and line that cannot be read.
    """
    config_file = folder / "data.yaml"
    try:
        config = yaml.safe_load(config_file.read_text(encoding="utf-8"))
        names = config["names"]
        classes = [str(names[index]) for index in range(len(names))]
        base = folder / config["path"] if config.get("path") else folder
        places = [(split, place) for split in ("train", "val", "test") for place in _places(config.get(split))]
        files = [(split, place, file) for split, place in places for file in sorted((base / place).iterdir())]
    except OSError as error:
        where = "" if error.filename in (None, str(config_file), config_file) else f" {error.filename}"
        raise FormatError(f"{config_file}:{where} cannot be read: {error.strerror or error}.") from None
    except (yaml.YAMLError, UnicodeDecodeError, AttributeError, KeyError, TypeError, IndexError) as error:
        first = str(error).splitlines()[0]
        raise FormatError(f"{config_file}: is not a YOLO data.yaml: {first} is missing or does not fit.") from None
    images: list[LabeledImage] = []
    for split, place, file in files:
        if file.suffix == ".txt":
            continue
        labels = base / place.replace("images", "labels", 1) / f"{file.stem}.txt"
        boxes = _read_labels(labels, classes) if labels.exists() else []
        width, height = _upright_size(file)
        images.append(LabeledImage(file.stem, file.name, width, height, split, boxes=boxes))
    return Dataset(folder.name, classes, images)


def _places(value: object) -> list[str]:
    """The folders of a split: one, several, or none."""
    if value is None:
        return []
    places = value if isinstance(value, list) else [value]
    if not all(isinstance(place, str) for place in places):
        raise TypeError(f"the folder {value!r}")
    return [str(place) for place in places]


def _upright_size(file: Path) -> tuple[int, int]:
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as opened:
            return ImageOps.exif_transpose(opened).size
    except (OSError, ValueError, SyntaxError):
        raise FormatError(f"{file}: is not an image that can be read.") from None


def _read_labels(file: Path, classes: list[str]) -> list[LabeledBox]:
    """Boxes of a label file; a sixth column (a confidence) is left out."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise FormatError(f"{file}: is not a text file that can be read.") from None
    boxes: list[LabeledBox] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        words = line.split()
        try:
            x, y, w, h = map(float, words[1:5])
            class_id = int(words[0])
        except ValueError:
            class_id, x, y, w, h = -1, math.nan, 0.0, 0.0, 0.0
        if len(words) not in (5, 6) or not 0 <= class_id < len(classes) or not all(map(math.isfinite, (x, y, w, h))):
            raise FormatError(f"{file}:{number}: is not 'class cx cy width height' of a known class.")
        boxes.append(LabeledBox(classes[class_id], x - w / 2, y - h / 2, x + w / 2, y + h / 2))
    return boxes

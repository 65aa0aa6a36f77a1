"""Label Studio JSON tasks (https://labelstud.io/guide/task_format), written and read.

    tasks.json      one task an image
    config.xml      the labelling interface of such a project
    images/<image_id>.<ext>

Label Studio serves the images where this folder is its LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT. Boxes of an image of
which a person has approved one are its annotation; of others they are a prediction, which Label Studio offers for
correction.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import msgspec
import orjson

from dlf_core.errors import FormatError
from dlf_core.formats.base import Format, Pictures, split_named
from dlf_core.formats.dataset import BOX_FIELDS, IMAGE_FIELDS, Dataset, LabeledBox, LabeledImage
from dlf_core.formats.picture_files import place_in
from dlf_core.formats.xml_text import allowed, attribute

FILE = "tasks.json"
_SERVED = "/data/local-files/?d="
_TOLD_OF_BOX = tuple(name for name in BOX_FIELDS if name not in ("class_name", "x1", "y1", "x2", "y2"))
_TOLD_OF_IMAGE = tuple(name for name in IMAGE_FIELDS if name not in ("width", "height"))


def write(dataset: Dataset, folder: Path, pictures: Pictures | None) -> None:
    """Write the data set into an empty folder."""
    labels = "".join(f"    <Label value={attribute(name)}/>\n" for name in dataset.classes)
    config = (
        '<View>\n  <Image name="image" value="$image"/>\n  <RectangleLabels name="label" toName="image">\n'
        f"{labels}  </RectangleLabels>\n</View>\n"
    )
    (folder / "config.xml").write_text(config, encoding="utf-8")
    with (folder / FILE).open("wb", buffering=1 << 20) as out:
        comma = b"[\n"
        for number, image in enumerate(dataset.images, start=1):
            out.write(comma + orjson.dumps(_task(number, image)))
            comma = b",\n"
        out.write(b"\n]\n" if dataset.images else b"[]\n")
    if pictures is not None:
        place_in(folder / "images", dataset, pictures)


def _task(number: int, image: LabeledImage) -> dict[str, Any]:
    data = {name: getattr(image, name) for name in _TOLD_OF_IMAGE}
    data["image"] = f"{_SERVED}images/{quote(image.file_name)}"
    task: dict[str, Any] = {"id": number, "data": data, "annotations": [], "predictions": []}
    regions = [_region(place, box, image) for place, box in enumerate(image.boxes)]
    if any(box.decision == "approved" for box in image.boxes):
        task["annotations"].append({"result": regions})
    elif regions:
        models = sorted({box.model for box in image.boxes if box.model})
        task["predictions"].append({"model_version": ", ".join(models) or "unknown", "result": regions})
    # An image without boxes has been looked at as well; but its size stands only at a box.
    data["size"] = [image.width, image.height]
    return task


def _region(place: int, box: LabeledBox, image: LabeledImage) -> dict[str, Any]:
    return {
        "id": box.box_id or str(place),
        "type": "rectanglelabels",
        "from_name": "label",
        "to_name": "image",
        "original_width": image.width,
        "original_height": image.height,
        "image_rotation": 0,
        "value": {
            "x": box.x1 * 100,
            "y": box.y1 * 100,
            "width": (box.x2 - box.x1) * 100,
            "height": (box.y2 - box.y1) * 100,
            "rotation": 0,
            "rectanglelabels": [allowed(box.class_name)],  # as in config.xml
        },
        "score": box.score,
        "meta": {name: getattr(box, name) for name in _TOLD_OF_BOX},
    }


def read(path: Path) -> Dataset:
    """A data set from a file of tasks, or from its folder. Of a task the first annotation that was not cancelled
    counts, and without one the first prediction; only upright rectangles are read. A task that nobody and nothing has
    labelled is left out, unless it is ours: then it is an image without boxes.

    Raises:
        FormatError: names what cannot be read.
    """
    file = path / FILE if path.is_dir() else path
    try:
        # One task after the other becomes objects: all of them are ten times the file.
        tasks = msgspec.json.decode(file.read_bytes(), type=list[msgspec.Raw])
        found = Dataset.of(path.name, [], _images(tasks))
    except msgspec.ValidationError:
        raise FormatError(f"{file}: is not a list of tasks.") from None
    except OSError as error:
        raise FormatError(f"{file}: cannot be read: {error.strerror or error}.") from None
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise FormatError(f"{file}: is not Label Studio JSON: {error} is missing or does not fit.") from None
    except (msgspec.DecodeError, ValueError, OverflowError, RecursionError) as error:
        raise FormatError(f"{file}: is not Label Studio JSON: {error}.") from None
    classes = dict.fromkeys(
        [*_classes(path), *sorted(found.box_table["class_name"].cast("string").unique().to_pylist())]
    )
    return Dataset(path.name, list(classes), found.image_table, found.box_table)


def _classes(path: Path) -> Iterator[str]:
    from dlf_core.formats.xml_text import elements

    config = path / "config.xml"
    if path.is_dir() and config.is_file():
        for element in elements(config, "Label"):
            if name := element.get("value"):
                yield name


def _images(tasks: list[msgspec.Raw]) -> Iterator[LabeledImage]:
    for raw in tasks:
        task = orjson.loads(bytes(raw))
        data = task["data"]
        done = [one for one in task.get("annotations") or () if not one.get("was_cancelled")]
        name = str(data.get("file_name") or _file_name(str(data["image"])))
        if not done and not task.get("predictions") and "size" not in data:
            continue
        chosen = (done or task.get("predictions") or [{}])[0]
        regions = [one for one in chosen.get("result") or () if one.get("type") == "rectanglelabels"]
        known = [[one["original_width"], one["original_height"]] for one in regions]
        width, height = data.get("size") or (known[0] if known else (0, 0))
        if known and not (1 <= width < 2**31 and 1 <= height < 2**31):
            raise ValueError("an image has width or height 0, or one that no image has")
        told = {key: data.get(key) for key in _TOLD_OF_IMAGE if key not in ("image_id", "file_name", "split")}
        yield LabeledImage(
            **told,
            image_id=str(data.get("image_id") or PurePosixPath(name).stem),
            file_name=name,
            width=width,
            height=height,
            split=split_named(str(data.get("split"))),
            boxes=[_box(one) for one in regions if not one["value"].get("rotation")],
        )


def _file_name(address: str) -> str:
    parts = urlsplit(address)
    return PurePosixPath(parse_qs(parts.query).get("d", [unquote(parts.path)])[0]).name


def _box(region: dict[str, Any]) -> LabeledBox:
    value, told = region["value"], region.get("meta") or {}
    known = {name: told[name] for name in _TOLD_OF_BOX if name in told and (name, told[name]) != ("crowd", None)}
    return LabeledBox(
        value["rectanglelabels"][0],
        value["x"] / 100,
        value["y"] / 100,
        (value["x"] + value["width"]) / 100,
        (value["y"] + value["height"]) / 100,
        **({"box_id": str(region["id"])} | known if "id" in region else known),
    )


FORMAT = Format(
    "Label Studio tasks",
    write,
    read,
    image_fields=frozenset(IMAGE_FIELDS),
    box_fields=frozenset(BOX_FIELDS),
)

"""COCO detection JSON (https://cocodataset.org/#format-data), written and read.

    annotations.json                 every image, with its split
    train.json val.json test.json    the same annotations, split by split
    images/<image_id>.<ext>

Category ids are class indexes, so they equal YOLO's. `image_id` of an annotation is COCO's integer link;
the content hash stands on the image as `image_hash` and on the annotation likewise.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson

from dlf_core.errors import FormatError
from dlf_core.formats.dataset import Dataset, LabeledBox, LabeledImage, PlaceImage


def write(dataset: Dataset, folder: Path, place_image: PlaceImage) -> None:
    """Write the data set into an empty folder."""
    (folder / "images").mkdir(parents=True)
    for image in dataset.images:
        place_image(image, folder / "images" / image.file_name)
    whole = to_coco(dataset)
    _dump(folder / "annotations.json", whole)
    for split in sorted({image.split for image in dataset.images}):
        chosen = {entry["id"] for entry in whole["images"] if entry["split"] == split}
        part = dict(whole)
        part["images"] = [entry for entry in whole["images"] if entry["id"] in chosen]
        part["annotations"] = [entry for entry in whole["annotations"] if entry["image_id"] in chosen]
        _dump(folder / f"{split}.json", part)


def to_coco(dataset: Dataset) -> dict[str, Any]:
    """The data set as one COCO object. Boxes are `[x, y, width, height]` in pixels, rounded to 1e-3."""
    class_ids = {name: index for index, name in enumerate(dataset.classes)}
    licenses: dict[tuple[str | None, str | None], int] = {}
    for image in dataset.images:
        if image.license is not None:
            licenses.setdefault((image.license, image.license_url), len(licenses) + 1)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, image in enumerate(dataset.images, start=1):
        entry: dict[str, Any] = {
            "id": number,
            "file_name": image.file_name,
            "width": image.width,
            "height": image.height,
            "image_hash": image.image_id,
            "split": image.split,
            "bucket": image.bucket,
        }
        rights = {key: getattr(image, field) for key, field in _RIGHTS.items()}
        rights["license"] = licenses.get((image.license, image.license_url))
        images.append(entry | {key: value for key, value in rights.items() if value is not None})
        for box in image.boxes:
            x, y = box.x1 * image.width, box.y1 * image.height
            width, height = (box.x2 - box.x1) * image.width, (box.y2 - box.y1) * image.height
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": class_ids[box.class_name],
                    "bbox": [round(x, 3), round(y, 3), round(width, 3), round(height, 3)],
                    "area": round(width * height, 3),
                    "iscrowd": int(box.crowd),
                    "segmentation": [],
                    "image_hash": image.image_id,
                    "box_id": box.box_id,
                    "query": box.query,
                    "score": box.score,
                    "score_kind": box.score_kind,
                    "backend": box.backend,
                    "model": box.model,
                    "verdict": box.verdict,
                    "decision": box.decision,
                }
            )
    return {
        "info": {"description": dataset.description or dataset.name, "contributor": "data-label-factory"},
        "licenses": [{"id": number, "name": name, "url": url or ""} for (name, url), number in licenses.items()],
        "categories": [
            {"id": index, "name": name, "supercategory": "object"} for index, name in enumerate(dataset.classes)
        ],
        "images": images,
        "annotations": annotations,
    }


def read(file: Path) -> Dataset:
    """A data set from a COCO detection file.

    Images keep their file name; `image_id` is ours where the file carries `image_hash`, else the file name.

    Raises:
        FormatError: not JSON, or a part is missing or does not fit.
    """
    try:
        data = json.loads(file.read_bytes())
        names = {entry["id"]: str(entry["name"]) for entry in data["categories"]}
        boxes: dict[Any, list[LabeledBox]] = {entry["id"]: [] for entry in data["images"]}
        sizes = {entry["id"]: (entry["width"], entry["height"]) for entry in data["images"]}
        for entry in data["annotations"]:
            width, height = sizes[entry["image_id"]]
            x, y, w, h = entry["bbox"]
            boxes[entry["image_id"]].append(
                LabeledBox(
                    class_name=names[entry["category_id"]],
                    x1=x / width,
                    y1=y / height,
                    x2=(x + w) / width,
                    y2=(y + h) / height,
                    crowd=bool(entry.get("iscrowd", 0)),
                    **{key: entry.get(key) for key in _OURS},
                )
            )
        images = [
            LabeledImage(
                image_id=entry.get("image_hash") or entry["file_name"],
                file_name=entry["file_name"],
                width=entry["width"],
                height=entry["height"],
                split=entry.get("split", "train"),
                bucket=entry.get("bucket"),
                boxes=boxes[entry["id"]],
                **{field: entry.get(key) for key, field in _RIGHTS.items()},
            )
            for entry in data["images"]
        ]
    except OSError as error:
        raise FormatError(f"{file}: cannot be read: {error.strerror or error}.") from None
    except ValueError as error:
        raise FormatError(f"{file}: is not COCO JSON: {error}.") from None
    except ZeroDivisionError:
        raise FormatError(f"{file}: an image has width or height 0.") from None
    except (KeyError, TypeError) as error:
        raise FormatError(f"{file}: is not a COCO detection file: {error} is missing or does not fit.") from None
    return Dataset(file.stem, list(names.values()), images)


# Key of an image's entry → what it is here. COCO itself knows a licence's number and a `flickr_url`.
_RIGHTS = {
    "source_name": "source_name",
    "source_url": "url",
    "source_page": "page",
    "title": "title",
    "author": "author",
    "attribution": "attribution",
    "license_name": "license",
    "license_url": "license_url",
}
_OURS = ("box_id", "query", "score", "score_kind", "backend", "model", "verdict", "decision")


def _dump(file: Path, data: dict[str, Any]) -> None:
    file.write_bytes(orjson.dumps(data))

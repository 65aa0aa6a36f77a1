"""The JSON files of a run folder, as users of the original know them, made from the stage tables.

Each view is made bucket by bucket (`…_part`) and put together from the parts, because several runs share a folder.
Long lists are `Rows`: made while they are written, so that a view of a million rows needs no memory of its own.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from dlf_core.flat_boxes import FlatBox

Part = dict[str, Any]


class Images(Protocol):
    """Gather rows by image id."""

    def __getitem__(self, image_id: str, /) -> dict[str, Any]: ...


_BATCH = 1024


class Rows:
    """A list that is made anew each time it is gone through.

    Example:
        >>> numbers = Rows(lambda: iter(range(3)))
        >>> list(numbers), list(numbers)
        ([0, 1, 2], [0, 1, 2])
    """

    def __init__(self, make: Callable[[], Iterator[Any]]):
        self._make = make

    def __iter__(self) -> Iterator[Any]:
        return self._make()


def rows_of(table: pa.Table) -> Iterator[dict[str, Any]]:
    """The rows of a table, a few in memory at a time."""
    for batch in table.to_batches(max_chunksize=_BATCH):
        yield from batch.to_pylist()


def together(parts: Sequence[Mapping[str, Any]], name: str) -> Rows:
    """The lists of this name of all parts, one after the other."""
    return Rows(lambda: itertools.chain.from_iterable(part[name] for part in parts))


def _counted(table: pa.Table, column: str) -> dict[str, int]:
    return {entry["values"]: entry["counts"] for entry in pc.value_counts(table[column]).to_pylist()}


def gather_part(bucket: str, table: pa.Table) -> Part:
    """One bucket's candidates, kept and dropped."""
    names = (
        "url",
        "source",
        "title",
        "page",
        "license",
        "author",
        "license_url",
        "license_family",
        "attribution",
        "query",
        "path",
        "bytes",
        "sha256",
        "phash",
    )
    ordered = table.select([*names, "image_id", "state", "reason"]).take(pc.sort_indices(table["order"]))

    def rows() -> Iterator[dict[str, Any]]:
        for row in rows_of(ordered):
            dropped = {} if row["state"] == "kept" else {"dropped": row["state"], "reason": row["reason"]}
            yield {name: row[name] for name in names} | {"image_id": row["image_id"], "bucket": bucket} | dropped

    return {"bucket": bucket, "counts": _counted(ordered, "state"), "rows": Rows(rows)}


def gather_manifest(parts: list[Part]) -> Rows:
    """`gather/manifest.json`."""
    return together(parts, "rows")


def gather_stats(parts: list[Part]) -> dict[str, Any]:
    """`gather/stats.json`: candidates by bucket and state."""
    buckets = {part["bucket"]: part["counts"] for part in parts}
    return {"images": sum(counts.get("kept", 0) for counts in buckets.values()), "buckets": buckets}


def filter_part(bucket: str, table: pa.Table, paths: Callable[[list[str]], list[str | None]], backend: str) -> Part:
    """One bucket's filter verdicts.

    Args:
        bucket: the bucket.
        table: the filter table.
        paths: image ids → their paths in the store.
        backend: who was asked.
    """
    names = ["image_id", "verdict", "p_yes", "score_kind", "answer", "seconds"]

    def rows() -> Iterator[dict[str, Any]]:
        for batch in table.select(names).to_batches(max_chunksize=_BATCH):
            said = batch.to_pylist()
            for row, path in zip(said, paths([row["image_id"] for row in said]), strict=True):
                yield {
                    "image_path": path,
                    "image_id": row["image_id"],
                    "bucket": bucket,
                    "verdict": row["verdict"],
                    "p_yes": row["p_yes"],
                    "score_kind": row["score_kind"],
                    "raw_answer": row["answer"],
                    "elapsed_seconds": row["seconds"],
                }

    return {"bucket": bucket, "backend": backend, "counts": _counted(table, "verdict"), "rows": Rows(rows)}


def keep_list(project: str, parts: list[Part]) -> dict[str, Any]:
    """`filter_<backend>/keep_list.json`."""
    counts = {
        verdict: sum(part["counts"].get(verdict, 0) for part in parts) for verdict in ("YES", "NO", "UNKNOWN", "ERROR")
    }
    backend = parts[0]["backend"] if parts else None
    return {"backend": backend, "project": project, "counts": counts, "results": together(parts, "rows")}


def label_part(bucket: str, boxes: list[FlatBox], images: Images, asked: list[str]) -> Part:
    """One bucket's boxes.

    Args:
        bucket: the bucket.
        boxes: after class mapping and NMS.
        images: gather rows by image id.
        asked: image ids that were asked.
    """

    def image_rows() -> Iterator[dict[str, Any]]:
        for image_id in asked:
            row = images[image_id]
            size = {"width": row["width"], "height": row["height"]}
            yield {"file_name": row["path"], **size, "bucket": bucket, "image_hash": image_id}

    def annotation_rows() -> Iterator[dict[str, Any]]:
        for box in boxes:
            image = images[box.image_id]
            yield {
                "image_hash": box.image_id,
                "class": box.class_name,
                "bbox": _pixels(box, image),
                "score": box.score,
                "score_kind": box.score_kind,
                "agreement": box.agreement,
                "box_id": box.box_id,
                "query": box.query,
                "backend": box.backend,
                "model": box.model,
                **({"segmentation": orjson.loads(box.mask_rle)} if box.mask_rle else {}),
            }

    classes = sorted({box.class_name for box in boxes})
    return {"classes": classes, "images": Rows(image_rows), "annotations": Rows(annotation_rows)}


def label_coco(classes: list[str], parts: list[Part]) -> dict[str, Any]:
    """`label_<backend>/<project>.coco.json`. An image that lies in two buckets stands in it once."""
    ids: dict[str, int] = {}
    # The parts of other buckets may be older than the YAML and know classes that it no longer has.
    classes = list(dict.fromkeys([*classes, *(name for part in parts for name in part["classes"])]))
    numbers = {name: index for index, name in enumerate(classes)}

    def images() -> Iterator[dict[str, Any]]:
        ids.clear()
        for row in together(parts, "images"):
            if row["image_hash"] not in ids:
                ids[row["image_hash"]] = len(ids) + 1
                yield {"id": ids[row["image_hash"]], **row}

    def annotations() -> Iterator[dict[str, Any]]:
        seen: set[str] = set()
        if not ids:
            list(images())
        for row in together(parts, "annotations"):
            if row["box_id"] in seen:
                continue
            seen.add(row["box_id"])
            rest = {key: value for key, value in row.items() if key != "class"}
            links = {"image_id": ids[row["image_hash"]], "category_id": numbers[row["class"]]}
            area = {"area": round(row["bbox"][2] * row["bbox"][3], 3), "iscrowd": 0}
            yield {"id": len(seen), **links, **rest, **area}

    categories = [{"id": index, "name": name, "supercategory": "object"} for index, name in enumerate(classes)]
    return {
        "info": {},
        "licenses": [],
        "categories": categories,
        "images": Rows(images),
        "annotations": Rows(annotations),
    }


def verify_part(bucket: str, table: pa.Table, boxes: dict[str, FlatBox], images: Images) -> Part:
    """One bucket's box verdicts; `boxes` by box id, `images` (gather rows) by image id."""

    def rows() -> Iterator[dict[str, Any]]:
        for row in rows_of(table):
            yield {
                "annotation_id": row["box_id"],
                "image_id": row["image_id"],
                "image_file": images[row["image_id"]]["path"],
                "category_name": boxes[row["box_id"]].class_name,
                "bbox": _pixels(boxes[row["box_id"]], images[row["image_id"]]),
                "verdict": row["verdict"],
                "p_yes": row["p_yes"],
                "score_kind": row["score_kind"],
                "reasoning": row["reasoning"],
                "elapsed": row["seconds"],
            }

    seconds = pc.sum(table["seconds"]).as_py() or 0.0
    return {"bucket": bucket, "counts": _counted(table, "verdict"), "seconds": seconds, "rows": Rows(rows)}


def verified(run_name: str, model: str, prompt_version: str, crop_padding: float, parts: list[Part]) -> dict[str, Any]:
    """`verify_<backend>/verified.json`."""
    count: Counter[str] = Counter()
    for part in parts:
        count.update(part["counts"])
    total = count.total()
    completed = total - count["ERROR"]
    seconds = sum(part["seconds"] for part in parts)
    return {
        "run_name": run_name,
        "model": model,
        "prompt_version": prompt_version,
        "crop_padding": crop_padding,
        "summary": {
            "completed": completed,
            "total": total,
            "yes": count["YES"],
            "no": count["NO"],
            "unsure": count["UNSURE"],
            "yes_rate": round(count["YES"] / completed, 4) if completed else None,
            "elapsed_seconds": round(seconds, 3),
            "avg_seconds_per_bbox": round(seconds / total, 4) if total else None,
        },
        "annotations": together(parts, "rows"),
    }


def _pixels(box: FlatBox, image: dict[str, Any]) -> list[float]:
    x, y = box.x1 * image["width"], box.y1 * image["height"]
    width, height = (box.x2 - box.x1) * image["width"], (box.y2 - box.y1) * image["height"]
    return [round(value, 3) for value in (x, y, width, height)]

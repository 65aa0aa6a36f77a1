"""The JSON files of a run folder, as users of the original know them, made from the stage tables.

Each view is made bucket by bucket (`…_part`) and put together from the parts, because several runs share a folder.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from dlf_core.records import FlatBox

Part = dict[str, Any]


def gather_part(bucket: str, table: pa.Table) -> Part:
    """One bucket's candidates, kept and dropped."""
    rows = sorted(table.to_pylist(), key=lambda row: row["order"])
    names = (
        "url",
        "source",
        "title",
        "page",
        "license",
        "author",
        "license_url",
        "query",
        "path",
        "bytes",
        "sha256",
        "phash",
    )
    return {
        "bucket": bucket,
        "rows": [
            {name: row[name] for name in names}
            | {"image_id": row["image_id"], "bucket": bucket}
            | ({} if row["state"] == "kept" else {"dropped": row["state"], "reason": row["reason"]})
            for row in rows
        ],
    }


def gather_manifest(parts: list[Part]) -> list[dict[str, Any]]:
    """`gather/manifest.json`."""
    return [row for part in parts for row in part["rows"]]


def gather_stats(parts: list[Part]) -> dict[str, Any]:
    """`gather/stats.json`: candidates by bucket and state."""
    buckets: dict[str, dict[str, int]] = {}
    for part in parts:
        counts = buckets.setdefault(part["bucket"], {})
        for row in part["rows"]:
            state = row.get("dropped", "kept")
            counts[state] = counts.get(state, 0) + 1
    return {"images": sum(counts.get("kept", 0) for counts in buckets.values()), "buckets": buckets}


def filter_part(bucket: str, table: pa.Table, paths: dict[str, str], backend: str) -> Part:
    """One bucket's filter verdicts; `paths`: image id → path in the store."""
    return {
        "bucket": bucket,
        "backend": backend,
        "rows": [
            {
                "image_path": paths.get(row["image_id"]),
                "image_id": row["image_id"],
                "bucket": bucket,
                "verdict": row["verdict"],
                "p_yes": row["p_yes"],
                "score_kind": row["score_kind"],
                "raw_answer": row["answer"],
                "elapsed_seconds": row["seconds"],
            }
            for row in table.to_pylist()
        ],
    }


def keep_list(project: str, parts: list[Part]) -> dict[str, Any]:
    """`filter_<backend>/keep_list.json`."""
    results = [row for part in parts for row in part["rows"]]
    counts = {
        verdict: sum(row["verdict"] == verdict for row in results) for verdict in ("YES", "NO", "UNKNOWN", "ERROR")
    }
    backend = parts[0]["backend"] if parts else None
    return {"backend": backend, "project": project, "counts": counts, "results": results}


def label_part(bucket: str, boxes: list[FlatBox], images: dict[str, dict[str, Any]], asked: list[str]) -> Part:
    """One bucket's boxes.

    Args:
        bucket: the bucket.
        boxes: after class mapping and NMS.
        images: gather rows by image id.
        asked: image ids that were asked.
    """
    return {
        "images": [
            {
                "file_name": row["path"],
                "width": row["width"],
                "height": row["height"],
                "bucket": bucket,
                "image_hash": i,
            }
            for i in asked
            for row in [images[i]]
        ],
        "annotations": [
            {
                "image_hash": box.image_id,
                "class": box.class_name,
                "bbox": _pixels(box, images[box.image_id]),
                "score": box.score,
                "score_kind": box.score_kind,
                "box_id": box.box_id,
                "query": box.query,
                "backend": box.backend,
                "model": box.model,
            }
            for box in boxes
        ],
    }


def label_coco(classes: list[str], parts: list[Part]) -> dict[str, Any]:
    """`label_<backend>/<project>.coco.json`. An image that lies in two buckets stands in it once."""
    ids: dict[str, int] = {}
    images: list[dict[str, Any]] = []
    for part in parts:
        for row in part["images"]:
            if row["image_hash"] not in ids:
                ids[row["image_hash"]] = len(ids) + 1
                images.append({"id": ids[row["image_hash"]], **row})
    # The parts of other buckets may be older than the YAML and know classes that it no longer has.
    old = [row["class"] for part in parts for row in part["annotations"]]
    classes = list(dict.fromkeys([*classes, *old]))
    numbers = {name: index for index, name in enumerate(classes)}
    annotations: list[dict[str, Any]] = []
    seen: set[str] = set()
    for row in (row for part in parts for row in part["annotations"]):
        if row["box_id"] in seen:
            continue
        seen.add(row["box_id"])
        rest = {key: value for key, value in row.items() if key != "class"}
        links = {"image_id": ids[row["image_hash"]], "category_id": numbers[row["class"]]}
        area = {"area": round(row["bbox"][2] * row["bbox"][3], 3), "iscrowd": 0}
        annotations.append({"id": len(annotations) + 1, **links, **rest, **area})
    categories = [{"id": index, "name": name, "supercategory": "object"} for index, name in enumerate(classes)]
    return {"info": {}, "licenses": [], "categories": categories, "images": images, "annotations": annotations}


def verify_part(bucket: str, table: pa.Table, boxes: dict[str, FlatBox], images: dict[str, dict[str, Any]]) -> Part:
    """One bucket's box verdicts; `boxes` by box id, `images` (gather rows) by image id."""
    return {
        "bucket": bucket,
        "rows": [
            {
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
            for row in table.to_pylist()
        ],
    }


def verified(run_name: str, model: str, prompt_version: str, crop_padding: float, parts: list[Part]) -> dict[str, Any]:
    """`verify_<backend>/verified.json`."""
    rows = [row for part in parts for row in part["rows"]]
    count = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in ("YES", "NO", "UNSURE", "ERROR")}
    completed = len(rows) - count["ERROR"]
    seconds = sum(row["elapsed"] for row in rows)
    return {
        "run_name": run_name,
        "model": model,
        "prompt_version": prompt_version,
        "crop_padding": crop_padding,
        "summary": {
            "completed": completed,
            "total": len(rows),
            "yes": count["YES"],
            "no": count["NO"],
            "unsure": count["UNSURE"],
            "yes_rate": round(count["YES"] / completed, 4) if completed else None,
            "elapsed_seconds": round(seconds, 3),
            "avg_seconds_per_bbox": round(seconds / len(rows), 4) if rows else None,
        },
        "annotations": rows,
    }


def _pixels(box: FlatBox, image: dict[str, Any]) -> list[float]:
    x, y = box.x1 * image["width"], box.y1 * image["height"]
    width, height = (box.x2 - box.x1) * image["width"], (box.y2 - box.y1) * image["height"]
    return [round(value, 3) for value in (x, y, width, height)]

"""The data set of a project, put together from its stage tables."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from dlf_core.errors import StoreError
from dlf_core.formats.dataset import Dataset, LabeledBox, LabeledImage
from dlf_core.project import Project
from dlf_core.splits import SplitItem, assign_splits
from dlf_resources.projects import store_of, tables_of
from dlf_resources.stores.base import Store
from dlf_resources.stores.dataset_folder import file_name_of

SPLITS_KEY = "labels/splits.json"
_RIGHTS = ("license", "license_url", "author", "attribution", "page", "title")


@dataclass(frozen=True, slots=True)
class Assembled:
    """A data set, where its images lie, and what was left out on the way."""

    dataset: Dataset
    raw_paths: dict[str, Path]
    not_reviewed_buckets: list[str]
    left_out: dict[str, int]


def assemble(project: Project) -> Assembled:
    """Build the data set of what the stages kept.

    An image is in it when the filter kept it and it has a kept box; or, as a negative, when every query was answered,
    no box was kept and none is still undecided. An image that lies in two buckets is in it once. Splits are stored in
    the project (`labels/splits.json`), so that an image never moves when others are added.
    """
    store, tables = store_of(project), tables_of(project)
    images: dict[str, dict[str, Any]] = {}
    boxes: dict[str, dict[str, LabeledBox]] = {}
    left_out = {"undecided": 0, "failed": 0}
    missing: list[str] = []
    for bucket, key in project.partition_keys().items():
        review = tables.read("review", key)
        if review is None:
            missing.append(bucket)
            continue
        gathered = tables.read_or_empty("gather", key)
        verdicts = tables.read_or_empty("filter", key)
        keep = set(verdicts.filter(pc.equal(verdicts["verdict"], "YES"))["image_id"].to_pylist())
        answered = _answered(tables.read_or_empty("label", key), project.queries)
        kept, undecided = _boxes(review, set(project.class_names))
        for row in gathered.filter(pc.equal(gathered["state"], "kept")).to_pylist():
            image_id = row["image_id"]
            if image_id not in keep:
                continue
            if not kept.get(image_id):
                if image_id not in answered:
                    left_out["failed"] += 1
                    continue
                if image_id in undecided:
                    left_out["undecided"] += 1
                    continue
            images.setdefault(image_id, row)
            boxes.setdefault(image_id, {}).update({str(box.box_id): box for box in kept.get(image_id, [])})
    splits = _splits(project, store, images.values())
    labeled = [
        LabeledImage(
            image_id=image_id,
            file_name=file_name_of(image_id, row["format"]),
            width=row["width"],
            height=row["height"],
            split=splits[image_id],
            bucket=row["bucket"],
            boxes=[box for _, box in sorted(boxes[image_id].items())],
            source_name=PurePosixPath(unquote(urlsplit(row["url"]).path)).name,
            url=None if row["url"].startswith("file:") else row["url"],
            **{name: row[name] for name in _RIGHTS},
        )
        for image_id, row in sorted(images.items())
    ]
    dataset = Dataset(project.project_name, project.class_names, labeled, project.description or project.target_object)
    raw_paths = {image_id: store.path(row["path"]) for image_id, row in images.items()}
    return Assembled(dataset, raw_paths, missing, left_out)


def _answered(label: pa.Table, queries: list[str]) -> set[str]:
    """Images for which every query has an answer (FOUND or EMPTY) of every backend that was asked."""
    asked: dict[str, set[str]] = {}
    failed: set[str] = set()
    for row in label.select(["image_id", "query", "status"]).to_pylist():
        if row["status"] != "ERROR":
            asked.setdefault(row["image_id"], set()).add(row["query"])
        elif row["query"] in queries:
            failed.add(row["image_id"])
    return {image_id for image_id, answered in asked.items() if answered >= set(queries)} - failed


def _boxes(review: pa.Table, classes: set[str]) -> tuple[dict[str, list[LabeledBox]], set[str]]:
    """Kept boxes by image, and images with a box of which neither model nor person has decided."""
    kept: dict[str, list[LabeledBox]] = {}
    undecided: set[str] = set()
    for row in review.to_pylist():
        if row["class_name"] not in classes:
            continue  # the project no longer has this class, and the table is older than that
        if row["kept"]:
            same = ("class_name", "x1", "y1", "x2", "y2", "box_id", "query", "score", "score_kind", "backend", "model")
            chosen = {name: row[name] for name in (*same, "verdict", "decision")}
            kept.setdefault(row["image_id"], []).append(LabeledBox(**chosen))
        elif row["decision"] == "unsure" or (row["decision"] == "none" and row["verdict"] != "NO"):
            undecided.add(row["image_id"])
    return kept, undecided


def _splits(project: Project, store: Store, images: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Image id → split, remembered from run to run."""
    items = [SplitItem(row["image_id"], row["phash"], row["group"], row["near_duplicates"] or ()) for row in images]
    with store.lock("splits", wait_seconds=60, purpose=f"the drawing of splits of project '{project.project_name}'"):
        return _draw_splits(project, store, items)


def _draw_splits(project: Project, store: Store, items: list[SplitItem]) -> dict[str, str]:
    before = _splits_before(store)
    chosen = project.splits
    splits = assign_splits(items, chosen.shares(), seed=chosen.seed, radius=chosen.duplicate_radius, before=before)
    after = before | splits
    if after != before:
        store.put(SPLITS_KEY, json.dumps(after, sort_keys=True, indent=0).encode())
    return splits


def _splits_before(store: Store) -> dict[str, str]:
    if not store.exists(SPLITS_KEY):
        return {}
    try:
        return {str(image): str(split) for image, split in json.loads(store.get(SPLITS_KEY)).items()}
    except (ValueError, AttributeError):
        text = (
            f"{store.path(SPLITS_KEY)}: is damaged; restore it, or delete it and let every image draw its split anew."
        )
        raise StoreError(text) from None

"""A project of very many images whose stages are done: its tables are made column by column, its pictures are few."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
from finished_projects import picture

from dlf_core.project import Project
from dlf_resources.projects import store_of, tables_of
from harness.stage_table import stage_table

PICTURES = 7
BUCKET = "positive/street"


def make_large_project(folder: Path, images: int) -> Project:
    """Images `0…0` to `images` in hexadecimal, called `Street 0` and so on, with one box each.

    Many share a file: nobody can see that of a thumbnail, and a hundred thousand files take minutes to write.
    """
    file = folder / "project_configs" / "large.yaml"
    file.parent.mkdir(parents=True)
    lines = ["project_name: large", "target_object: car", "falcon_queries: [car]", f"data_root: {folder / 'data'}"]
    file.write_text("\n".join([*lines, f"buckets: {{{BUCKET}: {{folders: [photos]}}}}"]) + "\n", encoding="utf-8")
    project = Project.load(file)
    store, key = store_of(project), project.partition_keys()[BUCKET]
    for number in range(PICTURES):
        store.put(f"raw/{number}.jpg", picture(number))
    for stage, columns in _columns(images).items():
        tables_of(project).write(stage, key, stage_table(stage, images, columns))
    return project


def _columns(images: int) -> dict[str, dict[str, Any]]:
    """What differs from what says least."""
    numbers = range(images)
    image_ids = [f"{number:032x}" for number in numbers]
    boxes = {"box_id": image_ids, "image_id": image_ids, "query": "car", "score": 0.9, "score_kind": "detector"}
    boxes |= {"p_yes": np.linspace(0.5, 1, images), "verdict": "YES", "backend": "m", "model": "m"}
    named = {"candidate_id": [f"c{number}" for number in numbers], "title": [f"Street {number}" for number in numbers]}
    files = {"path": [f"raw/{number % PICTURES}.jpg" for number in numbers], "format": "JPEG", "width": 96}
    told = {"height": 64, "bucket": BUCKET, "state": "kept", "source": "folder", "fetched_at": dt.datetime.now(dt.UTC)}
    corners = {"x1": 0.1, "y1": 0.2, "x2": 0.5, "y2": 0.8}
    return {
        "gather": {"image_id": image_ids, "order": range(images)} | named | files | told,
        "filter": {"image_id": image_ids, "verdict": "YES", "p_yes": 0.8, "score_kind": "detector", "answer": "YES"},
        "label": {"image_id": image_ids, "query": "car", "status": "FOUND"},
        "verify": boxes,
        "review": boxes | corners | {"class_name": "car", "decision": "none", "kept": True},
    }

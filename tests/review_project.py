"""A project of two buckets, whose stages are done, for tests of the review server."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from finished_projects import Finished, box

from dlf_core.project import Project

PORT = 3030
ORIGIN = f"http://127.0.0.1:{PORT}"
BUCKETS = ("positive/street", "negative/über grün")


def box_id(image: int, place: int) -> str:
    return f"{image:016x}{place:016x}"


def named(image: int, place: int, query: str = "car", **more: Any) -> dict[str, Any]:
    return box(box_id(image, place), query, **more)


def make_project(folder: Path, images: int = 3) -> Project:
    """Images 0, 1 and 2 (or more) with two boxes each, and image 7 (or the next) of another bucket with none."""
    file = folder / "project_configs" / "cars.yaml"
    file.parent.mkdir()
    buckets = ", ".join(f"{name}: {{folders: [photos]}}" for name in BUCKETS)
    lines = ["project_name: cars", "target_object: car", f"buckets: {{{buckets}}}", "falcon_queries: [car, person]"]
    file.write_text("\n".join([*lines, f"data_root: {folder / 'data'}"]) + "\n", encoding="utf-8")
    made = Finished(Project.load(file))
    for number, p_yes in zip(range(images), itertools.cycle((0.9, 0.55, 0.2)), strict=False):
        boxes = [named(number, 0, p_yes=p_yes), named(number, 1, "person", p_yes=0.99, verdict="NO", kept=False)]
        made.image(number, *boxes, bucket=BUCKETS[0], title=f"Street {number}")
    made.image(max(7, images), bucket=BUCKETS[1], title="Empty")
    return made.write()

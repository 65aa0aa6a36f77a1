"""Two projects whose stages are done: `crowded`, large pictures with many boxes, and `many`, of 100,000 images."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.bucket import photo
from dlf_core.project import Project
from dlf_resources.projects import store_of, tables_of
from harness.stage_table import stage_table

CLASSES = ("car", "person", "dog", "bicycle", "boat")
WIDTH, HEIGHT = 1600, 1200
MARK = 60
"""Pixels of a side of the square in the middle of a picture, by whose colour the program knows which one it sees."""
CROWDED = {
    "next/b200": (24, 200),
    "next/b2000": (24, 2000),
    "crowd/b200": (2, 200),
    "crowd/b2000": (2, 2000),
    "crowd/b5000": (2, 5000),
    "keys/b200": (4, 200),
}
"""Bucket → images, and boxes an image."""
MANY_IMAGES, MANY_BOXES, MANY_FILES = 100_000, 1_000_000, 200
_DISTINCT = 4
_LEVELS = (30, 125, 220)


@dataclass(frozen=True)
class Made:
    """A project on the disk; `images` has the image ids of each bucket in the order they were found in."""

    project: Project
    images: dict[str, list[str]]

    @property
    def name(self) -> str:
        return self.project.project_name


def colour_of(number: int) -> tuple[int, int, int]:
    """The colour in the middle of a bucket's picture; 27 that no JPEG confuses."""
    return tuple(_LEVELS[number // 3**digit % 3] for digit in range(3))  # type: ignore[return-value]


def crowded(root: Path) -> Made:
    """Pictures of 1600 × 1200 with 200, 2,000 and 5,000 boxes each."""
    project = _project(root, "crowded", list(CROWDED))
    photos = [Image.open(io.BytesIO(photo(WIDTH, HEIGHT, seed))) for seed in range(_DISTINCT)]
    chance, found = np.random.default_rng(0), {}
    for bucket, (images, boxes) in CROWDED.items():
        ids = found[bucket] = _ids(chance, images, 16)
        paths = [f"raw/{bucket}/{one}.jpg" for one in ids]
        for number, path in enumerate(paths):
            store_of(project).put(path, _marked(photos[number % _DISTINCT], number))
        of_image = np.repeat(np.arange(images), boxes)
        _write(project, bucket, chance, ids, paths, (WIDTH, HEIGHT), of_image, _apart(chance, boxes))
    return Made(project, found)


def many(root: Path) -> Made:
    """100,000 images with 1,000,000 boxes, whose rows share 200 pictures of 640 × 480."""
    bucket = "positive/street"
    project = _project(root, "many", [bucket])
    chance = np.random.default_rng(1)
    files = [f"raw/{bucket}/{number}.jpg" for number in range(MANY_FILES)]
    for number, file in enumerate(files):
        store_of(project).put(file, photo(640, 480, number))
    ids = _ids(chance, MANY_IMAGES, 16)
    paths = [files[number % MANY_FILES] for number in range(MANY_IMAGES)]
    of_image = np.sort(chance.integers(0, MANY_IMAGES, MANY_BOXES))
    _write(project, bucket, chance, ids, paths, (640, 480), of_image, _anywhere(chance, MANY_BOXES), decided=0.2)
    return Made(project, {bucket: ids})


def _project(root: Path, name: str, buckets: list[str]) -> Project:
    file = root / "project_configs" / f"{name}.yaml"
    lines = [f"project_name: {name}", "target_object: car", f"falcon_queries: [{', '.join(CLASSES)}]", "buckets:"]
    lines += [f"  {bucket}: {{folders: [nowhere]}}" for bucket in buckets]
    file.write_text("\n".join([*lines, f"data_root: {root / 'data'}"]) + "\n")
    return Project.load(file)


def _ids(chance: np.random.Generator, count: int, size: int) -> list[str]:
    """Ids of so many bytes; they ascend, as the rows of a table do."""
    digits = chance.bytes(count * size).hex()
    return sorted(digits[place : place + 2 * size] for place in range(0, len(digits), 2 * size))


def _marked(photo: Image.Image, number: int) -> bytes:
    picture = photo.copy()
    left, top = (WIDTH - MARK) // 2, (HEIGHT - MARK) // 2
    ImageDraw.Draw(picture).rectangle((left, top, left + MARK, top + MARK), fill=colour_of(number))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _apart(chance: np.random.Generator, boxes: int) -> np.ndarray:
    """Corners of the boxes of one image; none of them touches the mark in the middle."""
    found = np.empty((0, 4))
    while len(found) < boxes:
        some = _anywhere(chance, boxes)
        apart = (some[:, :2] > 0.55).any(axis=1) | (some[:, 2:] < 0.45).any(axis=1)
        found = np.concatenate([found, some[apart]])
    return found[:boxes]


def _anywhere(chance: np.random.Generator, boxes: int) -> np.ndarray:
    corner, side = chance.uniform(0, 0.9, (boxes, 2)), chance.uniform(0.01, 0.08, (boxes, 2))
    return np.concatenate([corner, corner + side], axis=1)


def _write(
    project: Project,
    bucket: str,
    chance: np.random.Generator,
    ids: list[str],
    paths: list[str],
    size: tuple[int, int],
    of_image: np.ndarray,
    corners: np.ndarray,
    decided: float = 0.0,
) -> None:
    """The tables that the page reads. `corners` of one image are those of all.

    `chance` is the project's: one begun anew for each bucket gives boxes of two buckets the same ids, and then a
    verdict on one of them is in conflict with that on the other.
    """
    images, boxes = len(ids), len(of_image)
    gathered = {"candidate_id": ids, "image_id": ids, "memo_key": ids, "path": paths, "order": range(images)}
    gathered |= {"url": [f"https://example.org/{number}.jpg" for number in range(images)]}
    gathered |= {"title": [f"Street {number}" for number in range(images)]}
    facts = {"bucket": bucket, "state": "kept", "source": "folder", "query": "nowhere", "format": "JPEG"}
    facts |= {"width": size[0], "height": size[1], "fetched_at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}
    _put(project, bucket, "gather", images, gathered, facts)
    answer = {"verdict": "YES", "p_yes": 0.9, "score_kind": "detector", "backend": "embedded", "model": "m"}
    _put(project, bucket, "filter", images, {"image_id": ids, "memo_key": ids}, answer | {"prompt_hash": "p"})
    classes = np.array(CLASSES)[chance.integers(0, len(CLASSES), boxes)]
    drawn = np.resize(corners, (boxes, 4))
    found: dict[str, Any] = {"box_id": _ids(chance, boxes, 16), "image_id": np.array(ids)[of_image]}
    found |= {"query": classes, "class_name": classes, "p_yes": chance.uniform(0, 1, boxes).round(4)}
    found |= {name: drawn[:, column] for column, name in enumerate(("x1", "y1", "x2", "y2"))}
    found |= {"verdict": np.where(found["p_yes"] > 0.5, "YES", "NO"), "kept": found["p_yes"] > 0.5}
    found |= {"decision": np.where(chance.uniform(0, 1, boxes) < decided, "approved", "none")}
    told = {"score": 0.9, "score_kind": "detector", "backend": "embedded", "model": "m", "agreement": 1.0}
    _put(project, bucket, "review", boxes, found, told)


def _put(
    project: Project, bucket: str, stage: str, rows: int, columns: Mapping[str, Any], same: Mapping[str, Any]
) -> None:
    tables_of(project).write(stage, project.partition_keys()[bucket], stage_table(stage, rows, {**columns, **same}))

"""A data_root on which rows of real pictures are marked and written as the gather stage does it."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections.abc import Callable
from typing import Any

import stage_rows
from PIL import Image
from workspaces import SAMPLE

from dlf_core.project import Project
from dlf_core.records import Image as ImageRow
from dlf_core.records import to_table
from dlf_resources.duplicates.marking import mark_duplicates
from dlf_resources.images import Limits, inspect
from dlf_resources.stores.local import LocalStore
from dlf_resources.stores.stage_tables import StageTables

Row = dict[str, Any]
PHOTOS = [Image.open(path).convert("RGB") for path in sorted(SAMPLE.rglob("*.jpg"))]
BUCKETS = "{positive/x: {folders: [photos]}, positive/y: {folders: [photos]}}"
X, Y = "tiny__positive.x", "tiny__positive.y"


def jpeg(image: Image.Image, width: int = 320, quality: int = 85) -> bytes:
    buffer = io.BytesIO()
    image.resize((width, round(width * image.height / image.width))).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


SIZES = [("small", jpeg(PHOTOS[2], 200)), ("large", jpeg(PHOTOS[2], 640)), ("middle", jpeg(PHOTOS[2], 400))]
STRANGER = ("stranger", jpeg(PHOTOS[5], 300))


class Shelf:
    """The store of a data_root: rows are made for it, marked and written as the gather stage does it."""

    def __init__(self, make_project: Callable[..., Project], **lines: str):
        self.project = make_project(**{"buckets": BUCKETS} | lines)
        self.tables = StageTables(LocalStore(self.project.root))

    def row(self, content: bytes, name: str, **more: Any) -> Row:
        facts = inspect(content, Limits())
        sha256 = hashlib.sha256(content).hexdigest()
        path = f"raw/{name}.{facts.extension}"
        self.tables.store.put(path, content, durable=False)
        told = {
            "candidate_id": name,
            "title": name,
            "path": path,
            "sha256": sha256,
            "width": facts.width,
            "height": facts.height,
            "phash": facts.fingerprint.phash,
            "phash_mirrored": facts.fingerprint.phash_mirrored,
            "fingerprint": facts.fingerprint.thumb,
            "near_duplicates": None,
        }
        return dataclasses.asdict(stage_rows.image(sha256[:32], **told | more))

    def rows(self, *contents: tuple[str, bytes]) -> list[Row]:
        return [self.row(content, name) for name, content in contents]

    def mark(self, rows: list[Row], key: str = X, project: Project | None = None) -> list[Row]:
        mark_duplicates(project or self.project, self.tables, key, rows)
        return rows

    def gather(self, rows: list[Row], key: str = X, project: Project | None = None) -> list[Row]:
        self.tables.write("gather", key, to_table("gather", [ImageRow(**row) for row in self.mark(rows, key, project)]))
        return rows


def staying(rows: list[Row]) -> list[str]:
    return [row["title"] for row in rows if row["state"] == "kept"]

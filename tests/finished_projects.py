"""A project whose stages are done without having run: tables made by hand, and small pictures."""

from __future__ import annotations

import datetime as dt
import io
from collections import defaultdict
from typing import Any, Self

from PIL import Image as Picture

from dlf_core.project import Project
from dlf_core.records import BoxVerdict, FilterVerdict, Grounding, Image, Review, to_table
from dlf_resources.projects import store_of, tables_of

CORNERS = (0.1, 0.2, 0.5, 0.8)
DAY = dt.datetime(2026, 1, 2, 12, tzinfo=dt.UTC)
BY = {"license": "CC BY 4.0", "author": "Ann"}
MODEL = {"backend": "embedded", "model": "m"}


def image_id(number: int) -> str:
    return f"{number:032x}"


def box(box_id: str, query: str = "person", **more: Any) -> dict[str, Any]:
    """A box that verify said YES to and nobody has looked at."""
    told: dict[str, Any] = {"box_id": box_id, "query": query, "class_name": query, "score": 0.9, "verdict": "YES"}
    return told | {"decision": "none", "reviewer": None, "kept": True} | more


class Finished:
    """Collects the rows of a project's tables; `write` puts them, and the pictures, into its store."""

    def __init__(self, project: Project):
        self.project = project
        self.rows: defaultdict[str, defaultdict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
        self.pictures: dict[str, bytes] = {}

    def image(
        self, number: int, *boxes: dict[str, Any], bucket: str | None = None, said: str = "YES", **facts: Any
    ) -> Self:
        """An image of 96 × 64 pixels with its boxes; `facts` are columns of gather."""
        bucket = bucket or next(iter(self.project.buckets))
        name, rows = image_id(number), self.rows[bucket]
        told: dict[str, Any] = {"state": "kept", "source": "folder", "query": "photos", "order": number} | BY
        told |= {"url": f"https://e.org/{number}.jpg", "path": f"raw/{bucket}/{name}.jpg", "format": "JPEG"}
        told |= {"width": 96, "height": 64, "fetched_at": DAY} | facts
        rows["gather"].append(Image(f"c{number}", f"g{number}", bucket, image_id=name, **told))
        self.pictures[told["path"]] = picture(number)
        alike = {"score_kind": "detector", "answer": said, "prompt_hash": "p", "seconds": 0.1} | MODEL
        rows["filter"].append(FilterVerdict(name, f"f{number}", said, 0.8, **alike))
        for query in self.project.queries:
            found = "FOUND" if any(one["query"] == query for one in boxes) else "EMPTY"
            rows["label"].append(Grounding(name, query, f"l{number}-{query}", found, seconds=0.1, **MODEL))
        for one in boxes:
            x1, y1, x2, y2 = one.get("corners", CORNERS)
            review = {
                "x1": x1,
                "y1": y1,
                "x2": x2,
                "y2": y2,
                "score_kind": "detector",
                "p_yes": 0.8,
                "reviewed_at": None,
            }
            review |= {"verify_backend": "embedded", "verify_model": "n", **MODEL}
            review |= {key: value for key, value in one.items() if key != "corners"}
            rows["review"].append(Review(image_id=name, **review))
            if one["verdict"] is not None:
                asked = one["box_id"], name, one["query"], f"v{one['box_id']}", one["verdict"]
                rows["verify"].append(BoxVerdict(*asked, 0.8, reasoning=None, crop_padding=1.0, **alike))
        return self

    def write(self) -> Project:
        store = store_of(self.project)
        for bucket, key in self.project.partition_keys().items():
            for stage in ("gather", "filter", "label", "verify", "review"):
                tables_of(self.project).write(stage, key, to_table(stage, self.rows[bucket][stage]))
        for path, content in self.pictures.items():
            store.put(path, content)
        return self.project


def picture(number: int) -> bytes:
    """A JPEG of 96 × 64 pixels like no other number's."""
    buffer = io.BytesIO()
    Picture.new("RGB", (96, 64), (number * 37 % 256, number * 11 % 256, 99)).save(buffer, "JPEG")
    return buffer.getvalue()

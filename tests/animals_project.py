"""A project whose stages are done: its tables and pictures are made by hand, so nothing has to run."""

from __future__ import annotations

from typing import Any

from odd_images import encoded, speckled
from workspaces import TestWorkspace

from dlf_core.project import Project
from dlf_core.records import BoxVerdict, FilterVerdict, Grounding, Image, Review, to_table
from dlf_resources.projects import store_of, tables_of

BUCKET = "positive/x"
_ASKED = {"backend": "embedded", "model": "m"}
_JUDGED = {"score_kind": "detector", "answer": "YES", "prompt_hash": "h", "seconds": 0.1}


class AnimalsProject:
    """Project `p` with the classes dog and cat and one bucket; every image is 96 × 64, every box its middle."""

    def __init__(self, workspace: TestWorkspace, **more: str):
        lines = {"target_object": "animal", "falcon_queries": "[dog, cat]"} | more
        self.project = Project.load(workspace.write_project("p", {BUCKET: "photos"}, **lines))
        self.rows: dict[str, list[Any]] = {name: [] for name in ("gather", "filter", "label", "verify", "review")}

    def image(self, image_id: str, *boxes: tuple[str, str, float]) -> AnimalsProject:
        """An image with its boxes: class, what a person said, score of the verdict."""
        number = len(self.rows["gather"])
        path, url = f"raw/{BUCKET}/{image_id}.jpg", f"https://example.org/{image_id}.jpg"
        store_of(self.project).put(path, encoded(speckled(number), "JPEG"))
        told = {"path": path, "width": 96, "height": 64, "format": "JPEG", "license": "CC0 1.0"}
        told["phash"] = f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}"  # far from each other
        self.rows["gather"].append(
            Image(image_id, image_id, BUCKET, "kept", "urls", "x", url, number, image_id, **told)
        )
        self.rows["filter"].append(FilterVerdict(image_id, image_id, "YES", 0.9, **_ASKED, **_JUDGED))
        for query in self.project.queries:
            status = "FOUND" if boxes else "EMPTY"
            self.rows["label"].append(Grounding(image_id, query, image_id + query, status, **_ASKED, seconds=0.1))
        for place, box in enumerate(boxes):
            self._box(f"{image_id}-{place}", image_id, *box)
        return self

    def _box(self, box_id: str, image_id: str, name: str, decision: str, p_yes: float) -> None:
        verdict = {"box_id": box_id, "image_id": image_id, "query": name, "verdict": "YES", "p_yes": p_yes}
        more = {"memo_key": box_id, "reasoning": f"it is a {name}", "crop_padding": 1.0}
        self.rows["verify"].append(BoxVerdict(**verdict, **more, **_ASKED, **_JUDGED))
        corners = {"x1": 0.25, "y1": 0.25, "x2": 0.75, "y2": 0.5}
        models = {**_ASKED, "verify_backend": "embedded", "verify_model": "m", "score": 0.7, "score_kind": "detector"}
        person = {"decision": decision, "reviewer": None, "reviewed_at": None, "kept": True}
        self.rows["review"].append(Review(**verdict, **corners, **models, **person, class_name=name))

    def write(self) -> AnimalsProject:
        """Put the tables where the stages would."""
        for stage, records in self.rows.items():
            tables_of(self.project).write(stage, self.project.partition_keys()[BUCKET], to_table(stage, records))
        return self

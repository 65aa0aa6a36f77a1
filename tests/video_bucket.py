"""A bucket of videos, gathered by Dagster on an instance that forgets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
from factory import Factory
from workspaces import EMBEDDED, TestWorkspace

from dlf_assets.partitions import add_missing
from dlf_core.project import Project

STAGE = "gathered_images"


class VideoBucket:
    """The bucket `positive/x` of the project `p`: its videos, and a folder of photos, empty at first.

    Args:
        workspace: where it lies.
        instance: Dagster's.
    """

    def __init__(self, workspace: TestWorkspace, instance: dg.DagsterInstance):
        self.workspace = workspace
        self.instance = instance
        self.factory = Factory(workspace, instance)
        self.folder = workspace.root / "project_configs"

    def write(self, videos: Sequence[str], **more: str) -> Project:
        """Write the YAML; keywords are its further lines."""
        lines = {"project_name": "p", "target_object": "person", "falcon_queries": "[person]", "backends": EMBEDDED}
        # frames of a film that pans are near-duplicates of each other; what is taken is the subject here
        lines |= {"web": "{per_second: null, per_host: 32}", "duplicates": "{near: false}"} | more
        bucket = {"videos": list(videos), "folders": [str(self.factory.photos)]}
        text = "".join(f"{key}: {value}\n" for key, value in lines.items())
        file = self.folder / "p.yaml"
        file.write_text(f"{text}buckets:\n  positive/x: {json.dumps(bucket)}\n", encoding="utf-8")
        project = Project.load(file)
        add_missing(self.instance, [project])
        return project

    def gather(self, videos: Sequence[str] | None = None, config: dict[str, Any] | None = None, **more: str) -> Any:
        """Gather, with a new YAML or as it is; the metadata. None when it failed."""
        if videos is not None:
            self.write(videos, **more)
        return self.factory.run("gather", **({STAGE: config} if config else {})).get(STAGE)

    def rows(self) -> list[dict[str, Any]]:
        """The table, in order."""
        table: pa.Table = self.factory.table("gather")
        return table.sort_by("order").to_pylist()

    def kept(self) -> list[dict[str, Any]]:
        return [row for row in self.rows() if row["state"] == "kept"]

    def said(self) -> str:
        """What the check of the sources says when they do not all answer."""
        return self.factory.failed_checks().get("sources_answer", "")

    def seconds(self) -> list[float]:
        """Of each image kept, where it lies in its video."""
        return [float(row["url"].rpartition("#t=")[2]) for row in self.kept()]

    def raw(self, row: dict[str, Any]) -> Path:
        """The file of an image."""
        return self.workspace.data("p") / row["path"]

    def failure(self) -> str:
        """What a gather that failed said."""
        failures = [event for event in self.factory.result.all_events if event.is_step_failure]
        return "\n".join(_message(event) for event in failures)

    def left_over(self) -> list[str]:
        """What lies beside the table but is not meant to stay."""
        folder = self.workspace.data("p") / "labels" / "gather"
        return [path.name for path in folder.iterdir() if path.suffix in (".work", ".searches") and any(path.iterdir())]


def _message(event: dg.DagsterEvent) -> str:
    error = event.step_failure_data.error
    assert error is not None
    return error.cause.message if error.cause is not None else error.message

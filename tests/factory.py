"""A project in a workspace, run by Dagster on an instance that forgets."""

from __future__ import annotations

import shutil
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
from workspaces import SAMPLE, TestWorkspace

from dlf_assets.automation.jobs import PIPELINE
from dlf_assets.definitions import defs
from dlf_assets.partitions import add_missing
from dlf_core.project import Project

KEY = "p__positive.x"


class Factory:
    """A project in a workspace, and an instance that forgets."""

    def __init__(self, workspace: TestWorkspace, instance: dg.DagsterInstance):
        self.workspace = workspace
        self.instance = instance
        self.photos = workspace.root / "photos"
        self.photos.mkdir()

    def add(self, *endings: str) -> None:
        for path in SAMPLE.rglob("*.jpg"):
            if path.stem.endswith(endings):
                shutil.copyfile(path, self.photos / path.name)

    def project(self, **more: str) -> Project:
        more.setdefault("thresholds", "{label_score: 0.6}")  # few boxes: quick
        file = self.workspace.write_project("p", {"positive/x": self.photos}, **more)
        add_missing(self.instance, [Project.load(file)])
        return Project.load(file)

    def loaded(self) -> Project:
        """The project as its YAML says now."""
        return Project.load(self.workspace.root / "project_configs" / "p.yaml")

    def run(self, job: str = PIPELINE, key: str = KEY, **ops: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """Metadata by asset; what did not run is not in it."""
        self.result = defs.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            partition_key=key,
            raise_on_error=False,
            run_config={
                "ops": {name: {"config": config} for name, config in ops.items()},
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
        )
        events = [event.materialization for event in self.result.get_asset_materialization_events()]
        return {e.asset_key.to_user_string(): {k: v.value for k, v in e.metadata.items()} for e in events}

    def table(self, stage: str) -> pa.Table:
        return pq.read_table(self.workspace.data("p") / "labels" / stage / f"{KEY}.parquet")

    def failed_checks(self) -> dict[str, str]:
        return {c.check_name: c.description or "" for c in self.result.get_asset_check_evaluations() if not c.passed}

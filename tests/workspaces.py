"""A workspace of a test's own: its projects, its data, its Dagster home."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EMBEDDED = "{filter: embedded, label: embedded, verify: embedded}"
SAMPLE = ROOT / "project_configs" / "sample"


@dataclass(frozen=True)
class TestWorkspace:
    """A folder with `project_configs/`, `dagster_home/` and `data/`, and the environment that leads there."""

    __test__ = False

    root: Path

    @property
    def env(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("DLF_", "DAGSTER_"))}
        kept.pop("PYTHONDONTWRITEBYTECODE", None)
        ours = {"DLF_HOME": self.root, "DAGSTER_HOME": self.root / "dagster_home", "DLF_DATA_ROOT": self.root / "data"}
        return kept | {key: str(value) for key, value in ours.items()} | {"NO_COLOR": "1", "COLUMNS": "160"}

    def data(self, project: str) -> Path:
        return self.root / "data" / project

    def write_project(self, name: str, folders: Mapping[str, Path | str], **more: str) -> Path:
        """A project that finds persons with the embedded backends; `more` adds top-level lines."""
        keys = {"target_object": "person", "falcon_queries": "[person]", "backends": EMBEDDED} | more
        lines = [f"project_name: {name}", *(f"{key}: {value}" for key, value in keys.items())]
        lines += ["buckets:"]
        lines += [f'  {bucket}: {{folders: ["{folder}"]}}' for bucket, folder in folders.items()]
        file = self.root / "project_configs" / f"{name}.yaml"
        temporary = file.with_suffix(".new")  # the sensor of a running daemon must not read half a file
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
        temporary.rename(file)
        return file

    def dlf(self, *words: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run the real command."""
        command = [sys.executable, "-m", "dlf_assets.cli.main", *words]
        return subprocess.run(
            command, cwd=self.root, env=self.env, capture_output=True, text=True, timeout=timeout, check=False
        )


def make_workspace(root: Path) -> TestWorkspace:
    (root / "project_configs").mkdir(parents=True)
    (root / "dagster_home").mkdir()
    shutil.copyfile(ROOT / "dagster_home" / "dagster.yaml", root / "dagster_home" / "dagster.yaml")
    return TestWorkspace(root)

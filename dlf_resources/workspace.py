"""The folder in which a user works: `project_configs/`, `experiments/` and `dagster_home/` lie in it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROJECTS = "project_configs"


@dataclass(frozen=True, slots=True)
class Workspace:
    """Paths that belong together. `DLF_HOME` names the folder; without it, it is found (see `find`)."""

    root: Path

    @classmethod
    def find(cls) -> Workspace:
        """`DLF_HOME`, else the working folder or the nearest above it with `project_configs/`, else the checkout."""
        if home := os.environ.get("DLF_HOME"):
            return cls(Path(home).expanduser().absolute())
        here = Path.cwd()
        checkout = Path(__file__).resolve().parent.parent
        for folder in (here, *here.parents, checkout):
            if (folder / PROJECTS).is_dir():
                return cls(folder)
        return cls(here)

    @property
    def projects(self) -> Path:
        """The folder of the project YAMLs."""
        return self.root / PROJECTS

    @property
    def experiments(self) -> Path:
        """The folder of the run folders."""
        return self.root / "experiments"

    @property
    def dagster_home(self) -> Path:
        """`DAGSTER_HOME`, else `dagster_home/`."""
        home = os.environ.get("DAGSTER_HOME")
        return Path(home).expanduser().absolute() if home else self.root / "dagster_home"

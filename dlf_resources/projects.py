"""The projects of a workspace: found by name, path or partition key."""

from __future__ import annotations

import contextlib
import difflib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from dlf_core.errors import FactoryError, ProjectError
from dlf_core.partition_keys import split_key
from dlf_core.project import Project
from dlf_resources.stores.base import Store
from dlf_resources.stores.local import LocalStore
from dlf_resources.stores.r2_settings import R2Settings, r2_settings, wanted_store
from dlf_resources.stores.stage_tables import StageTables

if TYPE_CHECKING:
    from dlf_resources.stores.r2 import R2Store

SUFFIXES = (".yaml", ".yml")


def load_project(file: Path) -> Project:
    """`Project.load`, remembered until the file changes: a run asks for its project some twenty times."""
    try:
        info = file.stat()
    except OSError:
        return Project.load(file)  # which says what is wrong
    return _load(file.absolute(), info.st_mtime_ns, info.st_size)


@lru_cache(maxsize=256)
def _load(file: Path, _changed: int, _size: int) -> Project:
    return Project.load(file)


@dataclass(frozen=True, slots=True)
class Projects:
    """YAMLs of one folder, and one more file that may lie anywhere (`dlf --project PATH`).

    A file is read anew when it has changed: editing a YAML needs no restart.
    """

    folder: Path
    extra_file: Path | None = None

    def files(self) -> list[Path]:
        """Every project file, sorted by name; the extra one last."""
        found = sorted(path for path in self.folder.glob("*") if path.suffix in SUFFIXES and path.is_file())
        if self.extra_file is not None and self.extra_file.resolve() not in {path.resolve() for path in found}:
            found.append(self.extra_file)
        return found

    def load_all(self) -> tuple[list[Project], list[ProjectError]]:
        """Every project that can be read, and what is wrong with the others (a second one of a name is)."""
        projects: dict[str, Project] = {}
        broken: list[ProjectError] = []
        for file in self.files():
            try:
                project = load_project(file)
            except ProjectError as error:
                broken.append(error)
                continue
            if project.project_name in projects:
                other = projects[project.project_name].file
                text = f"project_name '{project.project_name}' is taken by {other}; choose another."
                broken.append(ProjectError(file, [(None, text)]))
                continue
            projects[project.project_name] = project
        return list(projects.values()), broken

    def find(self, name_or_path: str) -> Project:
        """A project by the path of its YAML, the YAML's stem, or its `project_name`.

        Raises:
            ProjectError: the YAML is wrong.
            FactoryError: there is none of that name.
        """
        path = Path(name_or_path).expanduser()
        if path.is_file():
            return load_project(path)
        if path.suffix in SUFFIXES or "/" in name_or_path:
            raise FactoryError(f"{name_or_path}: there is no such project file.")
        for suffix in SUFFIXES:
            if (file := self.folder / f"{name_or_path}{suffix}").is_file():
                return load_project(file)
        return self._named(name_or_path)

    def of_partition(self, key: str) -> tuple[Project, str]:
        """The project and bucket of a partition key.

        Raises:
            FactoryError: no YAML has this project or bucket (any more).
        """
        name, bucket = split_key(key)
        project = self._named(name)
        if bucket not in project.buckets:
            known = ", ".join(project.buckets)
            raise FactoryError(f"{project.file}: has no bucket '{bucket}' (any more); it has: {known}.")
        return project, bucket

    def _named(self, name: str) -> Project:
        if self.extra_file is not None:
            # The file a command was given wins over one of the same name in the folder.
            with contextlib.suppress(ProjectError):
                extra = load_project(self.extra_file)
                if extra.project_name == name:
                    return extra
        projects, broken = self.load_all()
        for project in projects:
            if project.project_name == name:
                return project
        for error in broken:
            if error.path.stem == name or error.path == self.extra_file:
                raise error
        names = [project.project_name for project in projects]
        close = difflib.get_close_matches(name, names, n=1)
        hint = f"; did you mean '{close[0]}'?" if close else f"; there is: {', '.join(names) or 'none'}."
        raise FactoryError(f"no project '{name}' in {self.folder}{hint}")


def store_of(project: Project) -> Store:
    """The store in which a project's images and tables lie.

    Raises:
        StoreError: it is R2, and a variable is missing.
    """
    if wanted_store(project) == "local":
        return LocalStore(project.root)
    return _r2_store(project.root, r2_settings(project), project.project_name)


@lru_cache(maxsize=64)
def _r2_store(root: Path, settings: R2Settings, name: str) -> Store:
    """Kept with its connections: a run asks for its store some twenty times."""
    from dlf_resources.stores.r2 import R2Store

    return R2Store(root, settings, name)


def disk_of(project: Project) -> LocalStore:
    """What of a project lies on this disk, whatever its store is."""
    return LocalStore(project.root)


def r2_of(project: Project) -> R2Store:
    """What of a project lies in R2, whatever its store is.

    Raises:
        StoreError: a variable is missing.
    """
    from dlf_resources.stores.r2 import R2Store

    return R2Store(project.root, r2_settings(project), project.project_name)


def stored_in(project: Project, store: str) -> Project:
    """The project with its data in another store than its YAML says.

    Raises:
        FactoryError: there is no such store.
    """
    if store not in ("local", "r2"):
        raise FactoryError(f"there is no store '{store}'; there is: local, r2.")
    return project.model_copy(update={"store": store})


def tables_of(project: Project) -> StageTables:
    """The stage tables of a project."""
    return StageTables(store_of(project))

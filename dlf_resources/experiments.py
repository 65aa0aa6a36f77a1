"""Run folders: `experiments/<YYYY-MM-DD_HHMMSS>_<name>/`, and the link `experiments/latest`.

A run folder holds what was run and views of the tables it made. Several Dagster runs may share one (the buckets of
one `dlf pipeline`, the partitions of one backfill): each leaves its bucket's part, and the views are put together
from the parts under a lock.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from filelock import FileLock

from dlf_core.errors import FactoryError, StoreError
from dlf_resources.json_stream import json_chunks, part_chunks, read_part

LATEST = "latest"
# DLF_HOME moves project_configs/ too.
_WAY_OUT = "set DLF_HOME elsewhere and give --project a path"
_STAMP = re.compile(r"^\d{4}-\d{2}-\d{2}_\d{6}_")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run's folder."""

    path: Path

    def write_json(self, name: str, data: object) -> Path:
        """Write a JSON file atomically."""
        return self.write(name, orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))

    def write(self, name: str, content: bytes | Iterable[bytes]) -> Path:
        """Write a file atomically, from its bytes or from pieces of it."""
        file = self.path / name
        temporary = file.with_name(f".{file.name}.tmp-{os.getpid()}-{threading.get_ident()}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            try:
                with temporary.open("wb") as writing:
                    writing.writelines([content] if isinstance(content, bytes) else content)
                os.replace(temporary, file)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise StoreError(f"{file}: cannot write: {error.strerror or error}; {_WAY_OUT}.") from None
        return file

    def merge(
        self,
        name: str,
        partition: str,
        part: Mapping[str, Any],
        assemble: Callable[[list[dict[str, Any]]], object],
    ) -> Path:
        """Replace one bucket's part of a view and write the whole view from all parts, in order of partition key.

        Lists of `dlf_core.views.Rows` are written and read row by row.
        """
        parts = self.path / ".parts" / name
        with self._lock():
            self.write(f".parts/{name}/{partition}.jsonl", part_chunks(part))
            every = [read_part(file) for file in sorted(parts.glob("*.jsonl"))]
            return self.write(name, json_chunks(assemble(every)))

    def config(self) -> dict[str, Any]:
        """What `config.json` says; empty when there is none."""
        try:
            return json.loads((self.path / "config.json").read_bytes())
        except (OSError, ValueError):
            return {}

    def add_run(self, run_id: str) -> None:
        """Note a Dagster run that worked in this folder."""
        with self._lock():
            config = self.config()
            if run_id not in config.setdefault("run_ids", []):
                config["run_ids"].append(run_id)
                self.write_json("config.json", config)

    def files(self) -> list[str]:
        """Paths of what a user may open, relative, sorted."""
        every = (path.relative_to(self.path) for path in self.path.rglob("*") if path.is_file())
        return sorted(path.as_posix() for path in every if not any(part.startswith(".") for part in path.parts))

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / ".lock", timeout=60)
            lock.acquire()
        except OSError as error:
            raise StoreError(f"{self.path}: cannot write: {error.strerror or error}; {_WAY_OUT}.") from None
        try:
            yield
        finally:
            lock.release()


@dataclass(frozen=True, slots=True)
class Experiments:
    """The folder of all run folders."""

    folder: Path

    def open(self, *, name: str, owner: str, started: dt.datetime, config: dict[str, Any], readme: str) -> RunFolder:
        """The run folder of an owner, made at the first call.

        Args:
            name: what the run is called, usually the project.
            owner: who shares the folder: an experiment's name, a backfill, a run.
            started: local time in the folder's name.
            config: written to `config.json` when the folder is new.
            readme: text of its `README.md`.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / ".lock", timeout=60):
                base = f"{started:%Y-%m-%d_%H%M%S}_{_safe(name)}"
                run = RunFolder(self.folder / base)
                number = 2
                while run.path.exists() and run.config().get("owner") != owner:
                    run = RunFolder(self.folder / f"{base}-{number}")
                    number += 1
                if not run.path.exists():
                    run.path.mkdir()
                    run.write_json("config.json", {"owner": owner, **config})
                    run.write("README.md", readme.encode())
                    self._link(run)
        except OSError as error:
            text = f"{self.folder}: cannot make a run folder: {error.strerror or error}; {_WAY_OUT}."
            raise StoreError(text) from None
        return run

    def all(self) -> list[RunFolder]:
        """Run folders, newest first."""
        if not self.folder.is_dir():
            return []
        found = [path for path in self.folder.iterdir() if path.is_dir() and not path.is_symlink()]
        return [RunFolder(path) for path in sorted(found, reverse=True) if _STAMP.match(path.name)]

    def find(self, name: str) -> RunFolder:
        """A run folder by its full name, the name behind its date (the newest of them), or `latest`.

        Raises:
            FactoryError: there is none.
        """
        runs = self.all()
        if name == LATEST and runs:
            linked = self.folder / LATEST
            return RunFolder(linked.resolve()) if linked.is_dir() else runs[0]
        for run in runs:
            if run.path.name == name or _STAMP.sub("", run.path.name) == name:
                return run
        raise FactoryError(f"no run '{name}' in {self.folder}; `dlf list` shows the runs.")

    def _link(self, run: RunFolder) -> None:
        link = self.folder / LATEST
        temporary = self.folder / f".latest-{os.getpid()}"
        with contextlib.suppress(OSError):  # a disk without links does without this one
            if link.is_dir() and not link.is_symlink():
                shutil.rmtree(link)
            temporary.unlink(missing_ok=True)
            temporary.symlink_to(run.path.name)
            os.replace(temporary, link)


def _safe(name: str) -> str:
    return re.sub(r"[^\w.\-]+", "-", name).strip("-.") or "run"

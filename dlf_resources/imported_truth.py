"""Ground truth that was imported: `labels/ground_truth.json`, in COCO's form."""

from __future__ import annotations

import tempfile
from pathlib import Path

from dlf_core.formats import coco
from dlf_core.formats.dataset import Dataset
from dlf_core.project import Project
from dlf_resources.stores.base import Store

TRUTH_KEY = "labels/ground_truth.json"


def remember_truth(project: Project, store: Store, truth: Dataset) -> str:
    """Keep a data set as what the project is measured by, in place of an earlier one; where it lies."""
    with (
        store.lock("ground_truth", wait_seconds=60, purpose=f"an import into project '{project.project_name}'"),
        tempfile.TemporaryDirectory(prefix="dlf-truth-") as folder,
    ):
        coco.write(truth, Path(folder), None)
        store.put(TRUTH_KEY, (Path(folder) / coco.WHOLE).read_bytes())
    return store.address(TRUTH_KEY)


def truth_of(project: Project, store: Store) -> Dataset | None:
    """What a project is measured by: the file its YAML names, else what was imported, else nothing.

    Raises:
        FormatError: it cannot be read.
    """
    if project.ground_truth is not None:
        return coco.read(project.beside(project.ground_truth))
    return coco.read(store.path(TRUTH_KEY)) if store.exists(TRUTH_KEY) else None

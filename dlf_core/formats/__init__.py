"""Data-set formats: one file a format, written and read. `WRITERS` is the registry."""

from __future__ import annotations

from dlf_core.formats import coco, yolo
from dlf_core.formats.dataset import DatasetWriter

WRITERS: dict[str, DatasetWriter] = {"coco": coco.write, "yolo": yolo.write}
"""Format name → function that writes a data set into an empty folder."""

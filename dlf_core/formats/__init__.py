"""Data-set formats: one file a format, written and read. `FORMATS` is the registry."""

from __future__ import annotations

from dlf_core.formats import coco, cvat, label_studio, labels, parquet, voc, webdataset, yolo
from dlf_core.formats.base import Format

FORMATS: dict[str, Format] = {
    "coco": coco.FORMAT,
    "yolo": yolo.FORMAT,
    "voc": voc.FORMAT,
    "parquet": parquet.FORMAT,
    "webdataset": webdataset.FORMAT,
    "cvat": cvat.FORMAT,
    "label-studio": label_studio.FORMAT,
    "labels": labels.FORMAT,
}
"""Format name → format."""

USUAL = ("coco", "yolo")
"""What a data set is written in when nobody says otherwise."""

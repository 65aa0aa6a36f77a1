"""How good are the embedded backends: precision and recall of label → verify on photos with ground truth.

    python -m benchmarks.embedded_quality FOLDER [--classes person,car,chair,bottle,bowl]

FOLDER holds `images/*.jpg` and `labels/*.txt` (YOLO text, class 0-79 of COCO). The real pipeline runs on it, with one
query a class, in a temporary data root; the filter is left out (every image is put on the keep list), because the
question is about boxes. Prints one JSON object. Thresholds are those of the package: nothing here sets any.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from dlf_core.evaluate import evaluate
from dlf_core.flat_boxes import flat_boxes
from dlf_core.formats.dataset import Dataset, LabeledBox, LabeledImage
from dlf_core.project import Project
from dlf_resources.detectors.vocabulary import class_names

TARGETS = {"precision": 0.80, "recall": 0.25}


def truth_of(folder: Path, classes: list[str]) -> Dataset:
    """Ground truth of the chosen classes, from YOLO text."""
    from PIL import Image

    images: list[LabeledImage] = []
    for file in sorted((folder / "images").glob("*.jpg")):
        with Image.open(file) as opened:
            width, height = opened.size
        boxes = []
        for line in (folder / "labels" / f"{file.stem}.txt").read_text().splitlines():
            number, *rest = line.split()
            cx, cy, w, h = map(float, rest)
            name = class_names()[int(number)]
            if name in classes:
                boxes.append(LabeledBox(name, cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2))
        images.append(LabeledImage(file.stem, file.name, width, height, "test", boxes=boxes))
    return Dataset.of(folder.name, classes, images)


def run_pipeline(project: Project, home: Path) -> dict[str, Dataset]:
    """Gather, label and verify the project; the boxes after label and after verify."""
    import dagster as dg
    import pyarrow as pa

    from dlf_assets.definitions import defs
    from dlf_assets.partitions import add_missing
    from dlf_core.records import FilterVerdict, to_table
    from dlf_resources.projects import tables_of

    (bucket, key), *_ = project.partition_keys().items()
    tables = tables_of(project)
    quiet = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}
    config: dict[str, Any] = quiet | {
        "resources": {
            "projects": {"config": {"folder": str(project.file.parent)}},
            "experiments": {"config": {"folder": str(home / "experiments")}},
        }
    }
    with dg.DagsterInstance.ephemeral() as instance:
        add_missing(instance, [project])
        for stage in ("gather", "label", "verify"):
            if stage == "label":
                gathered = tables.read_or_empty("gather", key).to_pylist()
                keep = [
                    FilterVerdict(row["image_id"], "all", "YES", None, "none", None, "all", "all", "", 0.0)
                    for row in gathered
                    if row["state"] == "kept"
                ]
                tables.write("filter", key, to_table("filter", keep))
            job = defs.resolve_job_def(stage)
            assert job.execute_in_process(instance=instance, partition_key=key, run_config=config).success
    images = {row["image_id"]: row for row in tables.read_or_empty("gather", key).to_pylist()}
    verified = tables.read_or_empty("verify", key)
    yes = set(verified.filter(pa.compute.equal(verified["verdict"], "YES"))["box_id"].to_pylist())
    found = flat_boxes(tables.read_or_empty("label", key), project.class_map, project.thresholds.nms_iou)
    result: dict[str, Dataset] = {}
    for name, wanted in (("label", None), ("label_and_verify", yes)):
        labeled = [
            LabeledImage(
                image_id,
                row["title"],
                row["width"],
                row["height"],
                "test",
                boxes=[
                    LabeledBox(box.class_name, *box.corners, score=box.score)
                    for box in found
                    if box.image_id == image_id and (wanted is None or box.box_id in wanted)
                ],
            )
            for image_id, row in images.items()
        ]
        result[name] = Dataset.of(bucket, project.class_names, labeled)
    return result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--classes", default="person,car,chair,bottle,bowl")
    chosen = parser.parse_args()
    folder, classes = chosen.folder.resolve(), chosen.classes.split(",")
    with tempfile.TemporaryDirectory() as home:
        os.environ["DLF_DATA_ROOT"] = home
        file = Path(home) / "quality.yaml"
        settings = {
            "project_name": "quality",
            "target_object": classes[0],
            "buckets": {"positive/all": {"folders": [str(folder / "images")]}},
            "falcon_queries": classes,
            "backends": {"filter": "embedded", "label": "embedded", "verify": "embedded"},
        }
        file.write_text(json.dumps(settings))  # JSON is YAML
        truth = truth_of(folder, classes)
        measured = run_pipeline(Project.load(file), Path(home))
        report: dict[str, Any] = {"photos": len(truth.images), "classes": classes, "iou": 0.5, "targets": TARGETS}
        report |= {name: evaluate(truth, found, classes).as_dict() for name, found in measured.items()}
        report["per_class"] = {
            name: evaluate(truth, measured["label_and_verify"], [name]).as_dict() for name in classes
        }
        final = report["label_and_verify"]
        report["reached"] = all((final[name] or 0) >= least for name, least in TARGETS.items())
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()

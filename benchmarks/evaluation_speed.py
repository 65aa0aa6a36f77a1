"""Evaluation by hotcoco against pycocotools: same AP, and how much faster.

    python -m benchmarks.evaluation_speed [--images 2000]

Random boxes, ten an image, five classes. JSON out.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import tempfile
import time
from pathlib import Path
from typing import Any

from dlf_core.evaluate import evaluate
from dlf_core.formats import coco
from dlf_core.formats.dataset import Dataset, LabeledBox, LabeledImage

CLASSES = ["a", "b", "c", "d", "e"]


def random_datasets(images: int, seed: int = 0) -> tuple[Dataset, Dataset]:
    """Ground truth, and boxes that are mostly near it."""
    draw = random.Random(seed)
    truth: list[LabeledImage] = []
    found: list[LabeledImage] = []
    for number in range(images):
        boxes, guesses = [], []
        for _ in range(10):
            x, y, w, h = draw.uniform(0, 0.7), draw.uniform(0, 0.7), draw.uniform(0.05, 0.3), draw.uniform(0.05, 0.3)
            name = draw.choice(CLASSES)
            boxes.append(LabeledBox(name, x, y, x + w, y + h))
            dx, dy = draw.gauss(0, 0.02), draw.gauss(0, 0.02)
            guesses.append(LabeledBox(name, x + dx, y + dy, x + w + dx, y + h + dy, score=draw.random()))
        truth.append(LabeledImage(str(number), f"{number}.jpg", 640, 480, "test", boxes=boxes))
        found.append(LabeledImage(str(number), f"{number}.jpg", 640, 480, "test", boxes=guesses))
    return Dataset.of("truth", CLASSES, truth), Dataset.of("found", CLASSES, found)


def as_coco(dataset: Dataset) -> dict[str, Any]:
    """The data set as pycocotools holds it."""
    with tempfile.TemporaryDirectory() as folder:
        coco.write(dataset, Path(folder), None)
        data: dict[str, Any] = json.loads((Path(folder) / coco.WHOLE).read_bytes())
        return data


def main() -> None:
    """Measure and print."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=2000)
    truth, found = random_datasets(parser.parse_args().images)
    began = time.perf_counter()
    ours = evaluate(truth, found)
    seconds = time.perf_counter() - began
    with contextlib.redirect_stdout(io.StringIO()):
        began = time.perf_counter()
        ground = COCO()
        ground.dataset = as_coco(truth)
        ground.createIndex()
        scoring = COCOeval(ground, ground.loadRes(as_coco(found)["annotations"]), "bbox")
        scoring.evaluate()
        scoring.accumulate()
        scoring.summarize()
        reference = time.perf_counter() - began
    report = {
        "images": len(truth.images),
        "seconds": round(seconds, 3),
        "pycocotools_seconds": round(reference, 3),
        "times_faster": round(reference / seconds, 1),
        "ap": ours.ap,
        "pycocotools_ap": float(scoring.stats[0]),
        "ap50": ours.ap50,
        "pycocotools_ap50": float(scoring.stats[1]),
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()

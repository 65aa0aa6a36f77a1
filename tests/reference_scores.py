"""Random data sets with their ground truth, and what pycocotools says of them."""

from __future__ import annotations

import contextlib
import io

import numpy as np

from dlf_core.formats.dataset import Dataset, LabeledBox, LabeledImage

CLASSES = ["drone", "spool", "bird"]


def image(name: str, *boxes: LabeledBox, source_name: str | None = None) -> LabeledImage:
    return LabeledImage(name, name, 640, 480, "train", boxes=boxes, source_name=source_name)


def box(x1: float, x2: float, score: float | None = None, name: str = "drone", crowd: bool = False) -> LabeledBox:
    return LabeledBox(name, x1, 0.1, x2, 0.9, score=score, crowd=crowd)


def dataset(*images: LabeledImage, classes: list[str] = CLASSES) -> Dataset:
    return Dataset.of("d", classes, images)


def random_pair(
    seed: int, images: int = 8, truths: int = 6, extra: int = 5, classes: int = 3
) -> tuple[Dataset, Dataset]:
    """Ground truth with crowds, and boxes near it, beside it and doubled, with distinct scores."""
    draw = np.random.default_rng(seed)
    truth, found = [], []
    scores = iter(draw.permutation(100_000) / 100_000)

    def labeled(x, y, w, h, name, **more) -> LabeledBox:
        corners = np.clip([x, y, x + w, y + h], 0, 1)
        return LabeledBox(name, *(float(value) for value in corners), **more)

    for number in range(images):
        real, guess = [], []
        for _ in range(int(draw.integers(0, truths))):
            x, y = draw.uniform(0, 0.7, 2)
            w, h = draw.uniform(0.05, 0.3, 2)
            name = CLASSES[draw.integers(classes)]
            real.append(labeled(x, y, w, h, name, crowd=bool(draw.random() < 0.2)))
            for _ in range(int(draw.integers(0, 3))):
                dx, dy = draw.normal(0, 0.02, 2)
                wrong = CLASSES[draw.integers(classes)] if draw.random() < 0.15 else name
                guess.append(labeled(x + dx, y + dy, w * draw.uniform(0.8, 1.2), h, wrong, score=float(next(scores))))
        for _ in range(int(draw.integers(0, extra))):
            x, y = draw.uniform(0, 0.7, 2)
            guess.append(labeled(x, y, 0.2, 0.2, CLASSES[draw.integers(classes)], score=float(next(scores))))
        truth.append(image(f"{number}.jpg", *real))
        found.append(image(f"{number}.jpg", *guess))
    return dataset(*truth), dataset(*found)


def pycocotools_says(truth: Dataset, found: Dataset, most: int = 100) -> dict[str, float]:
    """AP, AP50 and the counts at IoU 0.5, by the reference implementation."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def rows(data: Dataset):
        for number, one in enumerate(data.images, start=1):
            for b in one.boxes:
                w, h = (b.x2 - b.x1) * one.width, (b.y2 - b.y1) * one.height
                row = {"image_id": number, "category_id": CLASSES.index(b.class_name) + 1}
                yield b, row | {"bbox": [b.x1 * one.width, b.y1 * one.height, w, h], "area": w * h}

    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [{"id": n + 1, "width": 640, "height": 480} for n in range(len(truth.images))],
            "categories": [{"id": n + 1, "name": name} for n, name in enumerate(CLASSES)],
            "annotations": [
                row | {"id": n, "iscrowd": int(b.crowd)} for n, (b, row) in enumerate(rows(truth), start=1)
            ],
        }
        coco.createIndex()
        scoring = COCOeval(coco, coco.loadRes([row | {"score": b.score} for b, row in rows(found)]), "bbox")
        scoring.params.maxDets = [1, 10, most]
        scoring.evaluate()
        scoring.accumulate()
    precision = scoring.eval["precision"][:, :, :, 0, -1]
    cells = [c for c in scoring.evalImgs if c is not None and c["aRng"] == scoring.params.areaRng[0]]
    counted = sum(int((~c["dtIgnore"][0].astype(bool)).sum()) for c in cells)
    right = sum(int(((c["dtMatches"][0] > 0) & ~c["dtIgnore"][0].astype(bool)).sum()) for c in cells)
    real = sum(not b.crowd for b, _ in rows(truth))
    return {
        "ap": precision[precision > -1].mean(),
        "ap50": precision[0][precision[0] > -1].mean(),
        "precision": right / counted,
        "recall": right / real,
        "boxes": counted,
        "true_positives": right,
        "truth_boxes": real,
    }

"""How good are the boxes: precision, recall and AP against ground truth.

AP is COCO's (101-point interpolation, https://cocodataset.org/#detection-eval), computed by hotcoco, whose
numbers equal pycocotools' (tests/dlf_core/test_evaluate.py holds them together).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlf_core.errors import FormatError
from dlf_core.formats.dataset import Dataset, LabeledImage


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Boxes of one data set against another's, IoU 0.5 where not said otherwise.

    `ap50` and `ap` are None when no ground-truth box exists; precision is None when no box was given.
    """

    images: int
    truth_boxes: int
    boxes: int
    true_positives: int
    precision: float | None
    recall: float | None
    ap50: float | None
    ap: float | None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, rounded to four digits."""
        return {key: round(value, 4) if isinstance(value, float) else value for key, value in asdict(self).items()}


def evaluate(truth: Dataset, found: Dataset, classes: Sequence[str] | None = None) -> Evaluation:
    """Compare found boxes with ground truth on the images that the ground truth knows.

    Args:
        truth: ground truth; every image in it counts, also those that `found` lacks (their boxes are missed).
        found: boxes; images are matched by id (the hash of their bytes), else by `file_name`, or by `source_name` where
            that is set.
        classes: classes to compare; default: the classes of `found`.

    Raises:
        FormatError: two found images have the name of one ground-truth image.

    Boxes that lie on ground truth marked `crowd` count neither as right nor as wrong, as in COCO.
    """
    return evaluate_by_class(truth, found, classes)[0]


def evaluate_by_class(
    truth: Dataset, found: Dataset, classes: Sequence[str] | None = None
) -> tuple[Evaluation, dict[str, Evaluation]]:
    """The same, and for each class alone."""
    import hotcoco

    names = list(classes if classes is not None else found.classes)
    ids = {name: index for index, name in enumerate(names)}
    by_id = {image.image_id: image for image in found.images}
    by_name = _by_name(truth, found)
    images: list[dict[str, Any]] = []
    truth_rows: list[dict[str, Any]] = []
    found_rows: list[dict[str, Any]] = []
    for number, image in enumerate(truth.images, start=1):
        width, height = image.width, image.height
        images.append({"id": number, "file_name": image.file_name, "width": width, "height": height})
        matched = by_id.get(image.image_id) or by_name.get(image.file_name)
        for rows, boxes in ((truth_rows, image.boxes), (found_rows, matched.boxes if matched else ())):
            for box in boxes:
                if box.class_name not in ids:
                    continue
                x, y = box.x1 * width, box.y1 * height
                w, h = (box.x2 - box.x1) * width, (box.y2 - box.y1) * height
                row: dict[str, Any] = {"image_id": number, "category_id": ids[box.class_name], "bbox": [x, y, w, h]}
                if rows is truth_rows:
                    row |= {"id": len(rows) + 1, "area": w * h, "iscrowd": int(box.crowd)}
                else:
                    row |= {"score": 0.0 if box.score is None else box.score}
                rows.append(row)
    categories = [{"id": index, "name": name} for name, index in ids.items()]
    real = sum(1 for row in truth_rows if not row["iscrowd"])
    of_class = Counter(row["category_id"] for row in truth_rows if not row["iscrowd"])
    if not truth_rows or not found_rows:
        drawn = Counter(row["category_id"] for row in found_rows)
        alone = {name: _evaluation(len(images), of_class[place], drawn[place], 0) for name, place in ids.items()}
        return _evaluation(len(images), real, len(found_rows), 0), alone
    ground = hotcoco.COCO({"images": images, "categories": categories, "annotations": truth_rows})
    detected = ground.loadRes(found_rows)
    # COCO counts at most 100 boxes an image and class; crowded images of a labelling project may hold more.
    most = max(100, *Counter((row["image_id"], row["category_id"]) for row in found_rows).values())
    scoring = hotcoco.COCOeval(ground, detected, "bbox")
    scoring.params.maxDets = [1, 10, most]
    scoring.evaluate()
    scoring.accumulate()
    accumulated: Any = scoring.eval
    every = np.asarray(accumulated["precision"])[:, :, :, 0, -1]  # [IoU, recall, class] of [..., area, maxDets]
    right, counted = _matches(ground, detected, most)
    alone = {
        name: _evaluation(len(images), of_class[place], counted[place], right[place], every[:, :, place])
        for name, place in ids.items()
    }
    return _evaluation(len(images), real, counted.total(), right.total(), every), alone


def _evaluation(
    images: int, real: int, counted: int, right: int, every: NDArray[np.float64] | None = None
) -> Evaluation:
    """Of counts, and of precisions by IoU and recall (-1: no ground truth); without those nothing was right."""
    nothing = 0.0 if real else None
    return Evaluation(
        images=images,
        truth_boxes=real,
        boxes=counted,
        true_positives=right,
        precision=right / counted if counted else None,
        recall=right / real if real else None,
        ap50=nothing if every is None else _mean(every[0]),
        ap=nothing if every is None else _mean(every),
    )


def _by_name(truth: Dataset, found: Dataset) -> dict[str, LabeledImage]:
    known = {image.file_name for image in truth.images}
    by_name: dict[str, LabeledImage] = {}
    for image in found.images:
        name = image.source_name or image.file_name
        if name in known and name in by_name:
            raise FormatError(f"two images are called {name}, and ground truth is matched by file name; rename one.")
        by_name[name] = image
    return by_name


def _matches(ground: Any, detected: Any, most: int) -> tuple[Counter[int], Counter[int]]:
    """By class: boxes that match ground truth at IoU 0.5, and boxes that count (those on crowds do not)."""
    import hotcoco

    # Asked apart from AP: hotcoco makes Python objects of every match, and here one IoU and one area are enough.
    matching = hotcoco.COCOeval(ground, detected, "bbox")
    matching.params.iouThrs = [0.5]
    matching.params.areaRng, matching.params.areaRngLbl = [[0, 1e10]], ["all"]
    matching.params.maxDets = [most]
    matching.evaluate()
    right: Counter[int] = Counter()
    counted: Counter[int] = Counter()
    for cell in matching.evalImgs:
        if cell is not None:
            considered = ~np.asarray(cell["dtIgnore"][0], dtype=bool)
            counted[cell["category_id"]] += int(considered.sum())
            right[cell["category_id"]] += int((np.asarray(cell["dtMatched"][0], dtype=bool) & considered).sum())
    return right, counted


def _mean(values: np.ndarray) -> float | None:
    present = values[values > -1]
    return float(present.mean()) if present.size else None

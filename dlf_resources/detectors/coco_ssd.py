"""COCO-SSD: SSD with MobileNet v2, from TensorFlow's model zoo (detectors/README.md)."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from dlf_core import boxes as geometry
from dlf_resources.detectors.detection import Detections, session

FILE = "coco_ssd_mobilenet_v2.onnx"
MODEL = "coco-ssd-mobilenet-v2"

# Column of the score output → COCO category id - 1; the gaps are categories COCO never used.
_UNUSED = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
_COLUMNS = [number - 1 for number in range(1, 91) if number not in _UNUSED]


def detect(image: Image.Image, class_indexes: list[int], min_score: float) -> dict[int, Detections]:
    """Detections of some of the 80 classes.

    Args:
        image: RGB, any size; the graph resizes it to 300 × 300.
        class_indexes: indexes into `vocabulary.class_names()`.
        min_score: scores below are left out.
    """
    run: Any = session(FILE).run
    scores, corners = run(None, {"image_tensor:0": np.asarray(image)[None]})
    found = geometry.clip(corners[0, :, 0].astype(np.float64)[:, [1, 0, 3, 2]])
    usable = geometry.valid(found)
    result: dict[int, Detections] = {}
    for index in class_indexes:
        column = scores[0, :, _COLUMNS[index]].astype(np.float64)
        chosen = usable & (column >= min_score)
        result[index] = Detections.of(found[chosen], column[chosen])
    return result

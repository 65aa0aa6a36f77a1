"""NanoDet-m 416 (https://github.com/RangiLyu/nanodet), a detector independent of COCO-SSD (detectors/README.md).

Boxes are read as in Generalized Focal Loss (arXiv 2006.04388): the distance to each side is the expectation of
a softmax over 11 bins, times the stride.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dlf_core import boxes as geometry
from dlf_resources.detectors.detection import Detections, session

FILE = "nanodet.onnx"
MODEL = "nanodet-m-416"

_SIDE = 416
_BINS = 11
_MEAN = np.array([103.53, 116.28, 123.675], dtype=np.float32)  # blue, green, red
_SPREAD = np.array([57.375, 57.12, 58.395], dtype=np.float32)
_GREY = (114, 114, 114)
# Stride → names of the class and distance outputs.
_OUTPUTS = {
    32: ("Identity_2:0", "Identity_5:0"),
    16: ("Identity_1:0", "Identity_4:0"),
    8: ("Identity:0", "Identity_3:0"),
}


def detect(image: Image.Image, class_indexes: list[int], min_score: float) -> dict[int, Detections]:
    """Detections of some of the 80 classes.

    Args:
        image: RGB, any size; it is fitted into 416 × 416 with its proportions kept.
        class_indexes: indexes into `vocabulary.class_names()`.
        min_score: scores below are left out.
    """
    scale = _SIDE / max(image.size)
    width, height = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    left, top = (_SIDE - width) // 2, (_SIDE - height) // 2
    canvas = Image.new("RGB", (_SIDE, _SIDE), _GREY)
    canvas.paste(image.resize((width, height), Image.Resampling.BILINEAR), (left, top))
    pixels = (np.asarray(canvas, dtype=np.float32)[:, :, ::-1] - _MEAN) / _SPREAD
    names = [name for pair in _OUTPUTS.values() for name in pair]
    run: Any = session(FILE).run
    raw = dict(
        zip(names, run(names, {"input_1:0": np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])}), strict=True)
    )
    scores = np.concatenate([raw[name][0] for name, _ in _OUTPUTS.values()]).astype(np.float64)
    corners = np.concatenate([_corners(raw[name][0], stride) for stride, (_, name) in _OUTPUTS.items()])
    found = geometry.clip((corners - [left, top, left, top]) / [width, height, width, height])
    usable = geometry.valid(found)
    result: dict[int, Detections] = {}
    for index in class_indexes:
        chosen = usable & (scores[:, index] >= min_score)
        result[index] = Detections.of(found[chosen], scores[chosen, index])
    return result


def _corners(distances: NDArray[np.float32], stride: int) -> geometry.Boxes:
    """`[n², 44]` distance logits of one stride as `[n², 4]` corners in pixels of the 416 × 416 input."""
    logits = distances.reshape(-1, 4, _BINS).astype(np.float64)
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    reach = (weights * np.arange(_BINS)).sum(axis=-1) * stride
    side = _SIDE // stride
    row, column = np.divmod(np.arange(side * side), side)
    x, y = (column + 0.5) * stride, (row + 0.5) * stride
    return np.stack([x - reach[:, 0], y - reach[:, 1], x + reach[:, 2], y + reach[:, 3]], axis=1)

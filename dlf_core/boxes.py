"""Geometry of boxes, vectorised. A box is `x1 y1 x2 y2` in [0, 1] of the upright image; arrays are `[n, 4]` float64."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]
Scores = NDArray[np.float64]

# A box thinner than this (of the image side) is an artefact of clipping.
MIN_SIDE = 1e-4


def as_boxes(rows: Sequence[Sequence[float]] | NDArray[np.floating]) -> Boxes:
    """Rows of four numbers as an `[n, 4]` float64 array, `[0, 4]` for none."""
    return np.asarray(rows, dtype=np.float64).reshape(-1, 4)


def area(boxes: Boxes) -> NDArray[np.float64]:
    """Areas `[n]`, in units of the image area; 0 for inverted boxes."""
    return np.clip(boxes[:, 2] - boxes[:, 0], 0, None) * np.clip(boxes[:, 3] - boxes[:, 1], 0, None)


def shared_area(first: Boxes, second: Boxes) -> NDArray[np.float64]:
    """Area of the intersection of every pair, `[n, m]`."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    side = np.clip(high - low, 0, None)
    shared: NDArray[np.float64] = side[..., 0] * side[..., 1]
    return shared


def iou(first: Boxes, second: Boxes) -> NDArray[np.float64]:
    """Intersection over union of every pair, `[n, m]`; 0 where both are empty."""
    shared = shared_area(first, second)
    union = area(first)[:, None] + area(second)[None, :] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def valid(boxes: Boxes) -> NDArray[np.bool_]:
    """`[n]`: finite, inside [0, 1], and at least `MIN_SIDE` wide and high."""
    inside = np.isfinite(boxes).all(axis=1) & (boxes >= 0).all(axis=1) & (boxes <= 1).all(axis=1)
    return inside & (boxes[:, 2] - boxes[:, 0] >= MIN_SIDE) & (boxes[:, 3] - boxes[:, 1] >= MIN_SIDE)


def clip(boxes: Boxes) -> Boxes:
    """Boxes cut at the image border."""
    return np.clip(boxes, 0.0, 1.0)


def nms(boxes: Boxes, scores: Scores, iou_threshold: float) -> NDArray[np.int64]:
    """Greedy non-maximum suppression.

    Args:
        boxes: `[n, 4]`.
        scores: `[n]`, higher is better; equal scores keep input order.
        iou_threshold: a box is dropped when its IoU with a kept, better one is above this.

    Returns:
        Indexes of kept boxes, best first.
    """
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while order.size:
        best = order[0]
        kept.append(int(best))
        rest = order[1:]
        order = rest[iou(boxes[best : best + 1], boxes[rest])[0] <= iou_threshold]
    return np.asarray(kept, dtype=np.int64)


def nms_per_class(boxes: Boxes, scores: Scores, classes: Sequence[str], iou_threshold: float) -> NDArray[np.int64]:
    """`nms` within each class; boxes of different classes never suppress each other. Indexes in input order."""
    names = np.asarray(classes, dtype=object)
    kept = [
        index[nms(boxes[index], scores[index], iou_threshold)]
        for name in dict.fromkeys(classes)
        for index in [np.nonzero(names == name)[0]]
    ]
    return np.sort(np.concatenate(kept)) if kept else np.zeros(0, dtype=np.int64)


def pad(box: Sequence[float], padding: float) -> tuple[float, float, float, float]:
    """A box grown by `padding` times its side on every side, cut at the image border."""
    x1, y1, x2, y2 = box
    dx, dy = (x2 - x1) * padding, (y2 - y1) * padding
    return max(0.0, x1 - dx), max(0.0, y1 - dy), min(1.0, x2 + dx), min(1.0, y2 + dy)


def to_pixels(box: Sequence[float], width: int, height: int) -> tuple[int, int, int, int]:
    """The whole-pixel rectangle `left top right bottom` that covers a box, never empty, inside the image."""
    slack = 1e-6  # 0.07 * 100 is 7.000000000000001, and that is pixel 7
    left = min(width - 1, int(np.floor(box[0] * width + slack)))
    top = min(height - 1, int(np.floor(box[1] * height + slack)))
    right = max(left + 1, min(width, int(np.ceil(box[2] * width - slack))))
    bottom = max(top + 1, min(height, int(np.ceil(box[3] * height - slack))))
    return left, top, right, bottom


def within(boxes: Boxes, frame: Sequence[float]) -> Boxes:
    """Boxes given relative to `frame` (itself in the image), expressed in the image."""
    x1, y1, x2, y2 = frame
    return boxes * np.array([x2 - x1, y2 - y1] * 2) + np.array([x1, y1] * 2)


def relative_to(boxes: Boxes, frame: Sequence[float]) -> Boxes:
    """Boxes of the image, expressed relative to `frame`: the inverse of `within`."""
    x1, y1, x2, y2 = frame
    return (boxes - np.array([x1, y1] * 2)) / np.array([x2 - x1, y2 - y1] * 2)


def box_id(image_id: str, query: str, backend: str, model: str, box: Sequence[float]) -> str:
    """The identity of a detection: 32 hex digits over image, query, backend, model and the box to 1e-4.

    The same detection in a later run gets the same id, so a person's verdict stays with its box.
    """
    rounded = ",".join(str(round(value * 10_000)) for value in box)
    text = "\x1f".join((image_id, query, backend, model, rounded))
    return hashlib.sha256(text.encode()).hexdigest()[:32]

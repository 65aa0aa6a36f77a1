"""What is left of a model's boxes when it repeats itself: generative detectors draw one object again and again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dlf_core.boxes import as_boxes, clip, nms, valid
from dlf_resources.grounding.base import Detection

# Far above any NMS threshold of a project: only what is the same box twice goes here.
SAME_IOU = 0.9
MOST = 500
LOOKED_AT = 2000


def without_repetition(found: Sequence[Detection]) -> list[Detection]:
    """The boxes that are some, cut at the border, each once, in the model's order, at most 500.

    Of an answer of thousands only the first 2,000 are looked at: no image holds more, and a model that repeats itself
    for so long has nothing more to say.
    """
    if not found:
        return []
    corners = clip(as_boxes([(one.x1, one.y1, one.x2, one.y2) for one in found[:LOOKED_AT]]))
    some = np.flatnonzero(valid(corners))
    # In the model's order: what it drew first, it was surest of.
    kept = nms(corners[some], -np.arange(len(some), dtype=np.float64), SAME_IOU)[:MOST]
    return [_cut(found[some[index]], corners[some[index]]) for index in kept]


def _cut(detection: Detection, corners: np.ndarray) -> Detection:
    x1, y1, x2, y2 = corners.tolist()
    return replace(detection, x1=x1, y1=y1, x2=x2, y2=y2)

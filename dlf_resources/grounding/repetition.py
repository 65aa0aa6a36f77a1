"""What is left of a model's boxes when it repeats itself: generative detectors draw one object again and again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dlf_core.boxes import as_boxes, clip, nms, valid
from dlf_resources.grounding.base import Detection

# Far above any NMS threshold of a project: only what is the same box twice goes here.
SAME_IOU = 0.9
MOST = 500


def without_repetition(found: Sequence[Detection]) -> list[Detection]:
    """The boxes that are some, each once, in the model's order, at most 500."""
    if not found:
        return []
    corners = clip(as_boxes([(one.x1, one.y1, one.x2, one.y2) for one in found]))
    some = np.flatnonzero(valid(corners))
    # In the model's order: what it drew first, it was surest of.
    kept = nms(corners[some], -np.arange(len(some), dtype=np.float64), SAME_IOU)
    return [found[some[index]] for index in kept[:MOST]]

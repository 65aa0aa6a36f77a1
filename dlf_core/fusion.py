"""Boxes of several detectors as one set: weighted box fusion.

Solovyev, Wang, Gabruseva, "Weighted boxes fusion: Ensembling boxes from different object detection models",
Image and Vision Computing 107 (2021), arXiv 1910.13302. Unlike NMS it keeps no box as it is: boxes of one object are
averaged by their scores, and the fused box knows how many detectors drew it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dlf_core.boxes import Boxes, Scores, iou


@dataclass(frozen=True, slots=True)
class Fused:
    """One object.

    Attributes:
        box: `x1 y1 x2 y2`, the mean of the members weighted by their scores.
        members: indexes of the boxes that were fused, best first.
        agreement: share of the detectors that drew it, in (0, 1].
    """

    box: tuple[float, float, float, float]
    members: tuple[int, ...]
    agreement: float


def fuse(boxes: Boxes, scores: Scores, detectors: Sequence[int], n_detectors: int, iou_threshold: float) -> list[Fused]:
    """Fuse the boxes that several detectors drew for one query on one image.

    Args:
        boxes: `[n, 4]`.
        scores: `[n]`, the weight of each box; 1 for detectors that give no score.
        detectors: `[n]`, which detector drew the box, `0 … n_detectors - 1`.
        n_detectors: detectors asked, those that drew nothing included.
        iou_threshold: a box joins the fused box it overlaps most, when its IoU with it is above this.

    Returns:
        Fused boxes in the order in which their best member ranks.

    Example:
        >>> pair = np.array([[0.1, 0.1, 0.5, 0.5], [0.1, 0.1, 0.5, 0.6]])
        >>> [fused] = fuse(pair, np.ones(2), [0, 1], 2, 0.5)
        >>> fused.agreement, [round(value, 2) for value in fused.box]
        (1.0, [0.1, 0.1, 0.5, 0.55])
    """
    clusters: list[list[int]] = []
    centres = np.zeros((len(boxes), 4))
    for index in np.argsort(-scores, kind="stable").tolist():
        found = len(clusters)
        overlaps = iou(boxes[index : index + 1], centres[:found])[0] if found else np.zeros(0)
        best = int(overlaps.argmax()) if found else -1
        if found and overlaps[best] > iou_threshold:
            clusters[best].append(index)
        else:
            best = found
            clusters.append([index])
        members = clusters[best]
        weights = scores[members]
        total = float(weights.sum())
        centres[best] = (boxes[members] * (weights / total)[:, None]).sum(axis=0) if total > 0 else boxes[members[0]]
    return [
        Fused(
            _corners(centres[place], boxes[members]),
            tuple(members),
            len({detectors[index] for index in members}) / n_detectors,
        )
        for place, members in enumerate(clusters)
    ]


def _corners(mean: np.ndarray, members: Boxes) -> tuple[float, float, float, float]:
    """The mean, which by rounding may lie a hair outside of what it is the mean of."""
    x1, y1, x2, y2 = np.clip(mean, members.min(axis=0), members.max(axis=0)).tolist()
    return x1, y1, x2, y2

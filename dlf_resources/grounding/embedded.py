"""Boxes by COCO-SSD on this machine's CPU: no server, 80 classes, modest recall.

The model sees 300 × 300 pixels, so small objects vanish in a whole photo. It looks at the photo and at 2 × 2
overlapping tiles; a detection that touches an inner edge of its tile is half an object and is dropped, because the
neighbouring tile, or the whole photo, has it whole.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext

import numpy as np
from PIL import Image

from dlf_core import boxes as geometry
from dlf_core.project import Project
from dlf_core.records import ScoreKind
from dlf_core.usage import Parameters, Usage
from dlf_resources.detectors import coco_ssd
from dlf_resources.detectors.vocabulary import require_class
from dlf_resources.grounding.base import Detection, Grounded
from dlf_resources.picture import Picture

# Chosen on 64 COCO photos; docs/performance.md has what they reach there and on the sample photos.
SCORE = 0.3
MERGE_IOU = 0.5
TILES = 2
OVERLAP = 0.2
EDGE = 0.01
MAX_SIDE = 1280


class EmbeddedGrounding:
    """See the module's text."""

    name = "embedded"
    model = coco_ssd.MODEL

    def __init__(self, project: Project):
        chosen = project.thresholds.label_score
        self.window = max(1, os.cpu_count() or 1)
        self.usage = Usage()
        self.min_score = SCORE if chosen is None else chosen
        self.parameters: Parameters = {
            "min_score": self.min_score,
            "tiles": TILES,
            "overlap": OVERLAP,
            "merge_iou": MERGE_IOU,
        }

    def check(self, queries: Sequence[str]) -> None:
        """Every query must be one of the 80 classes."""
        for query in queries:
            require_class(query, "query")

    def connected(self) -> AbstractAsyncContextManager[object]:
        """Nobody to connect to."""
        return nullcontext()

    async def ground(self, picture: Picture, queries: Sequence[str]) -> Grounded:
        """See `GroundingBackend.ground`."""
        found, seconds = await asyncio.to_thread(self._timed, picture, queries)
        self.usage.requests += 1
        self.usage.backend_seconds += seconds
        return found

    def _timed(self, picture: Picture, queries: Sequence[str]) -> tuple[dict[str, list[Detection]], float]:
        image = picture.pixels(MAX_SIDE)
        began = time.perf_counter()
        return self._look(image, queries), time.perf_counter() - began

    def _look(self, image: Image.Image, queries: Sequence[str]) -> dict[str, list[Detection]]:
        wanted = {query: require_class(query, "query") for query in queries}
        indexes = sorted(set(wanted.values()))
        found: dict[int, list[np.ndarray]] = {index: [] for index in indexes}
        for frame in frames():
            left, top, right, bottom = geometry.to_pixels(frame, image.width, image.height)
            tile = image.crop((left, top, right, bottom))
            exact = (left / image.width, top / image.height, right / image.width, bottom / image.height)
            for index, seen in coco_ssd.detect(tile, indexes, self.min_score).items():
                whole = ~_cut(seen.boxes, exact)
                corners = geometry.clip(geometry.within(seen.boxes[whole], exact))
                found[index].append(np.column_stack([corners, seen.scores[whole]]))
        merged: dict[int, list[Detection]] = {}
        for index, parts in found.items():
            rows = np.concatenate(parts)
            rows = rows[geometry.valid(rows[:, :4])]
            rows = rows[geometry.nms(rows[:, :4], rows[:, 4], MERGE_IOU)]
            merged[index] = [
                Detection(x1, y1, x2, y2, score, ScoreKind.DETECTOR) for x1, y1, x2, y2, score in rows.tolist()
            ]
        return {query: merged[index] for query, index in wanted.items()}


def frames() -> list[tuple[float, float, float, float]]:
    """The whole image, then the tiles, as `x1 y1 x2 y2` in [0, 1]."""
    side = 1 / (TILES - (TILES - 1) * OVERLAP)
    starts = [step * side * (1 - OVERLAP) for step in range(TILES)]
    return [(0.0, 0.0, 1.0, 1.0)] + [(x, y, min(1.0, x + side), min(1.0, y + side)) for y in starts for x in starts]


def _cut(boxes: geometry.Boxes, frame: tuple[float, float, float, float]) -> np.ndarray:
    """`[n]`: whether a box (relative to its frame) touches an edge of the frame that is not the image's edge."""
    x1, y1, x2, y2 = frame
    low, high = boxes < EDGE, boxes > 1 - EDGE
    return (low[:, 0] & (x1 > 0)) | (low[:, 1] & (y1 > 0)) | (high[:, 2] & (x2 < 1)) | (high[:, 3] & (y2 < 1))

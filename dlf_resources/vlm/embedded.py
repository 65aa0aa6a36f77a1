"""YES/NO by NanoDet, on this machine's CPU: no server, 80 classes.

It is a detector, not a language model: the prompt is not read. Filter says YES when NanoDet finds the target in the
image; verify says YES when NanoDet, looking at the padded crop, finds the query's class where the box is. Labels come
from another model (COCO-SSD), so a YES is the agreement of two independent ones. docs/performance.md has the figures.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import AbstractAsyncContextManager, nullcontext

import numpy as np
from PIL import Image

from dlf_core import boxes as geometry
from dlf_core.answers import Verdict
from dlf_core.project import Project
from dlf_core.records import ScoreKind
from dlf_core.usage import Parameters, Usage
from dlf_resources.detectors import nanodet
from dlf_resources.detectors.detection import Detections
from dlf_resources.detectors.vocabulary import class_names, require_class
from dlf_resources.picture import Picture
from dlf_resources.vlm.base import Answer, Question

# Chosen on 64 COCO photos; docs/performance.md has what they reach there and on the sample photos.
SCORE = 0.35
AGREE_IOU = 0.6
UNSURE_SCORE = 0.2
UNSURE_IOU = 0.4
CROP_PADDING = 1.0
MAX_SIDE = 1024
_FLOOR = 0.05


class EmbeddedVlm:
    """See the module's text."""

    name = "embedded"
    model = nanodet.MODEL
    crop_padding = CROP_PADDING

    def __init__(self, project: Project):
        thresholds = project.thresholds
        self.window = max(1, os.cpu_count() or 1)
        self.filter_score = SCORE if thresholds.filter_score is None else thresholds.filter_score
        self.verify_score = SCORE if thresholds.verify_score is None else thresholds.verify_score
        self.usage = Usage()

    def parameters(self, stage: str) -> Parameters:
        """See `VlmBackend.parameters`."""
        if stage == "filter":
            return {"score": self.filter_score, "max_side": MAX_SIDE}
        unsure = {"unsure_score": UNSURE_SCORE, "unsure_iou": UNSURE_IOU}
        return {"score": self.verify_score, "max_side": MAX_SIDE, "agree_iou": AGREE_IOU, **unsure}

    def check(self, subjects: list[str], stage: str) -> None:
        """Every subject must be one of the 80 classes."""
        for subject in subjects:
            require_class(subject, "target_object" if stage == "filter" else "query")

    def connected(self) -> AbstractAsyncContextManager[object]:
        """Nobody to connect to."""
        return nullcontext()

    async def ask(self, picture: Picture, question: Question) -> Answer:
        """See `VlmBackend.ask`."""
        answer, seconds = await asyncio.to_thread(self._timed, picture, question)
        self.usage.requests += 1
        self.usage.backend_seconds += seconds
        return answer

    def _timed(self, picture: Picture, question: Question) -> tuple[Answer, float]:
        image = picture.pixels(MAX_SIDE)
        began = time.perf_counter()
        return self._look(image, question), time.perf_counter() - began

    def _look(self, image: Image.Image, question: Question) -> Answer:
        index = require_class(question.subject, "query")
        if question.box is None:
            return self._in_image(image, index)
        return self._in_box(image, index, question.box)

    def _in_image(self, image: Image.Image, index: int) -> Answer:
        found = nanodet.detect(image, [index], _FLOOR)[index]
        best = float(found.scores.max(initial=0.0))
        count = int((found.scores >= self.filter_score).sum())
        verdict = Verdict.YES if best >= self.filter_score else Verdict.NO
        name = class_names()[index]
        text = f"{verdict}: {count} × {name}, best score {best:.3f}"
        return Answer(verdict, best, ScoreKind.DETECTOR, text)

    def _in_box(self, crop: Image.Image, index: int, box: tuple[float, float, float, float]) -> Answer:
        everything = nanodet.detect(crop, list(range(len(class_names()))), _FLOOR)
        found = everything[index]
        overlaps = geometry.iou(geometry.as_boxes([box]), found.boxes)[0]
        agreeing = float(found.scores[overlaps >= AGREE_IOU].max(initial=0.0))
        near = float(found.scores[overlaps >= UNSURE_IOU].max(initial=0.0))
        if agreeing >= self.verify_score:
            verdict = Verdict.YES
        elif near >= min(UNSURE_SCORE, self.verify_score):
            verdict = Verdict.UNSURE
        else:
            verdict = Verdict.NO
        seen = self._strongest(everything, box)
        return Answer(verdict, agreeing, ScoreKind.DETECTOR, f"{verdict}: {seen}", seen)

    def _strongest(self, everything: dict[int, Detections], box: tuple[float, float, float, float]) -> str:
        """What NanoDet sees most clearly where the box is, in words."""
        best, words = 0.0, "nothing of the 80 classes at the box"
        for index, found in everything.items():
            overlaps = geometry.iou(geometry.as_boxes([box]), found.boxes)[0]
            scores = np.where(overlaps >= UNSURE_IOU, found.scores, 0.0)
            if scores.size and scores.max() > best:
                best = float(scores.max())
                words = f"{class_names()[index]} {best:.2f} at IoU {overlaps[int(scores.argmax())]:.2f}"
        return words

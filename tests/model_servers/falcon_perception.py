"""falcon-perception's own server on loopback: health, and boxes in pixels with COCO masks."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from model_servers.loopback import Loopback, Reply, Request, said

HEALTH, PREDICTIONS = "/v1/health", "/v1/predictions"


class FalconPerception(Loopback):
    """See the module's text.

    Attributes:
        tasks: what it can.
        ready: whether the model is loaded.
        boxes: query → corners in pixels of the picture as sent, not clamped.
        sizes: of the pictures that came.
        asked_for: the requests, without their pictures.
    """

    def __init__(self, tasks: Sequence[str] = ("segmentation", "detection"), *, ready: bool = True) -> None:
        super().__init__()
        self.tasks = list(tasks)
        self.ready = ready
        self.boxes: dict[str, Sequence[Sequence[float]]] = {}
        self.sizes: list[tuple[int, int]] = []
        self.asked_for: list[dict[str, Any]] = []

    def good(self, request: Request) -> Reply:
        place = request.method, request.path
        if place == ("GET", HEALTH):
            state = "ready" if self.ready else "loading"
            return said({"status": state, "model_id": "tiiuae/Falcon-Perception", "supported_tasks": self.tasks})
        if place == ("POST", PREDICTIONS):
            return self._predict(request)
        return said({"detail": "Not Found"}, 404)

    def _predict(self, request: Request) -> Reply:
        self.expect(request.headers.get("content-type") == "application/json", "no JSON")
        asked = request.json()
        image = asked.pop("image")
        self.asked_for.append(asked)
        self.expect(set(image) == {"base64"}, f"an image as {sorted(image)}")
        self.expect(set(asked) <= {"query", "task", "max_tokens", "min_image_size", "max_image_size"}, f"{list(asked)}")
        self.expect(asked["task"] in self.tasks, f"the task {asked['task']}")
        self.expect(asked["max_tokens"] >= 1, "no tokens")
        try:
            picture = self.picture(base64.b64decode(image["base64"], validate=True))
        except binascii.Error:
            self.expect(False, "an image that is no base64: a data URL?")
            picture = None
        if picture is None:
            return Reply(b"Internal Server Error", 500, "text/plain; charset=utf-8")
        self.sizes.append(picture.size)
        boxes = self.boxes.get(asked["query"], [])
        return said(prediction(picture.size, boxes, masks=asked["task"] == "segmentation"))


def prediction(size: tuple[int, int], boxes: Sequence[Sequence[Any]], *, masks: bool = False) -> dict[str, Any]:
    """What `POST /v1/predictions` says of boxes, sensible or not."""
    width, height = size
    entries = [
        {
            "label": f"object {number}",
            "bbox": list(box),
            "rle": rle(size, box) if masks else {},
            "height": height,
            "width": width,
        }
        for number, box in enumerate(boxes, 1)
    ]
    return {
        "id": "pred-1",
        "model": "tiiuae/Falcon-Perception",
        "query": "it",
        "masks": entries,
        "image_width": width,
        "image_height": height,
        "inference_time_ms": 12.5,
    }


def rle(size: tuple[int, int], box: Sequence[float]) -> dict[str, Any]:
    """A filled box as a COCO compressed mask."""
    width, height = size
    x1, y1, x2, y2 = (max(0, round(value)) for value in box)
    filled = np.zeros((height, width), dtype=np.uint8, order="F")
    filled[y1:y2, x1:x2] = 1
    found = coco_mask.encode(filled)
    return {"size": [height, width], "counts": found["counts"].decode()}

"""falcon-perception's own server (PyPI falcon-perception 1.0.0): what it says of itself, and its boxes and masks.

It has no queue limit, no deadline and no authentication; a picture it cannot read is answered 500 in plain text.
"""

from __future__ import annotations

import base64
import json
import math
from dataclasses import dataclass
from typing import Any

from hotcoco import mask as coco_mask

from dlf_core.boxes import as_boxes, iou
from dlf_core.errors import BackendError, BackendUnavailable
from dlf_resources.picture import Encoded
from dlf_resources.servers.client import INFO_SECONDS, Body, ServerClient
from dlf_resources.servers.replies import Reply, cut

# Of a mask and the box it belongs to. See `_paired`.
_SAME_IOU = 0.3
MAX_TOKENS = 2048
SEGMENTATION, DETECTION = "segmentation", "detection"


@dataclass(frozen=True, slots=True)
class FalconInfo:
    """`GET /v1/health`: the id of the model, and the tasks it does."""

    model: str
    tasks: tuple[str, ...]

    @property
    def task(self) -> str:
        """By which it is asked for boxes: to "detection" older servers answer none, and small models know no other."""
        return SEGMENTATION if SEGMENTATION in self.tasks else DETECTION


@dataclass(frozen=True, slots=True)
class FalconBox:
    """A box as fractions of the picture, not yet cut at its border, and its COCO mask as JSON."""

    box: tuple[float, float, float, float]
    mask_rle: str | None


@dataclass(frozen=True, slots=True)
class FalconAnswer:
    """The boxes of an answer that are some, and how many it named."""

    boxes: list[FalconBox]
    said: int


async def health(client: ServerClient) -> FalconInfo:
    """What the server has loaded.

    Raises:
        BackendUnavailable: nobody there, or its model is not loaded yet.
        BackendError: it is no falcon-perception.
    """
    said = (await client.send("GET", "/v1/health", tries=2, seconds=INFO_SECONDS)).json(client.name)
    tasks = said.get("supported_tasks")
    names = tuple(cut(str(task))[:40] for task in tasks[:10]) if isinstance(tasks, list) else ()
    if said.get("status") != "ready":
        raise BackendUnavailable(f"{client.name} is still loading its model; try again in a minute.")
    return FalconInfo(cut(str(said.get("model_id") or "unknown"))[:80], names)


def request(picture: Encoded, query: str, task: str) -> Body:
    """One query on one picture; `task` is `SEGMENTATION` or `DETECTION`."""
    asked = {"query": query, "task": task, "max_tokens": MAX_TOKENS}
    text = json.dumps(asked)
    image = b'{"image": {"base64": "' + base64.b64encode(picture.content) + b'"}, '
    return Body(image + text[1:].encode())


def boxes(reply: Reply, server: str, picture: Encoded) -> FalconAnswer:
    """Boxes of an answer; those that are none are left out.

    Raises:
        BackendError: the answer has another shape.
    """
    said = reply.json(server)
    listed = said.get("masks")
    if not isinstance(listed, list):
        raise BackendError(f"{server} answered without 'masks': {cut(json.dumps(said))}")
    width, height = _side(said.get("image_width"), picture.width), _side(said.get("image_height"), picture.height)
    found: list[FalconBox] = []
    for entry in listed:
        try:
            x1, y1, x2, y2 = (float(value) for value in entry["bbox"])
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
        if not all(map(math.isfinite, (x1, y1, x2, y2))):
            continue
        mask, inside = _paired(entry, (x1, y1, x2, y2))
        x1, y1, x2, y2 = inside or (x1, y1, x2, y2)
        found.append(FalconBox((x1 / width, y1 / height, x2 / width, y2 / height), mask))
    return FalconAnswer(found, len(listed))


def _paired(
    entry: dict[str, Any], box: tuple[float, float, float, float]
) -> tuple[str | None, tuple[float, float, float, float] | None]:
    """The mask of an entry as JSON, and the mask's own box where the box is not its.

    Version 1.0.0 drops empty masks from their list but pairs boxes by place, so that after an empty one every mask
    comes with the box of the one before: there the mask is believed.
    """
    rle = entry.get("rle")
    try:
        size = [int(value) for value in rle["size"]]  # type: ignore[index]
        counts = str(rle["counts"])  # type: ignore[index]
        x, y, width, height = (float(value) for value in coco_mask.toBbox({"size": size, "counts": counts}))
    except Exception:  # a mask that is none, in one of the ways the decoder knows, costs no box
        return None, None
    if width <= 0 or height <= 0:
        return None, None
    mask = json.dumps({"size": size, "counts": counts})
    own = x, y, x + width, y + height
    overlap = iou(as_boxes([own]), as_boxes([box]))[0, 0]
    return mask, (None if overlap >= _SAME_IOU else own)


def _side(said: object, sent: int) -> float:
    fits = isinstance(said, (int, float)) and 0 < said < 1_000_000
    return float(said) if isinstance(said, (int, float)) and fits else float(sent)

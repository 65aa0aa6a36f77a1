"""Operations of people for tests, with short names, and as they are sent to the server."""

from __future__ import annotations

import uuid
from typing import Any

import httpx

from dlf_core.records import Decision
from dlf_core.reviews.operations import OPERATION, ClassedBox, Corners, Operation

IMAGE = "a" * 32
BOX = "b" * 32


def corners(x1: float = 0.1, y1: float = 0.1, x2: float = 0.5, y2: float = 0.5) -> Corners:
    return Corners(x1=x1, y1=y1, x2=x2, y2=y2)


def classed(class_name: str = "person", *at: float) -> ClassedBox:
    return ClassedBox(class_name=class_name, corners=corners(*at))


def operation(kind: str, value: Any, base: int = 0, **more: Any) -> Operation:
    box_id = None if kind == "image_verdict" else BOX
    told = posted(kind, value, base, bucket="positive/x", image_id=IMAGE, box_id=box_id)
    return OPERATION.validate_python(told | more)


def verdict(value: str = "approved", base: int = 0, **more: Any) -> Operation:
    return operation("verdict", Decision(value), base, **more)


def posted(
    kind: str,
    value: Any,
    base: int = 0,
    *,
    bucket: str,
    image_id: str,
    box_id: str | None = None,
    reviewer: str = "Ada",
) -> dict[str, Any]:
    """An operation as the page sends it: of a box, or of the image."""
    told = {"op_id": str(uuid.uuid4()), "bucket": bucket, "image_id": image_id, "reviewer": reviewer}
    told |= {"base_version": base, "kind": kind, "value": value}
    return told if box_id is None else told | {"box_id": box_id}


def say(client: httpx.Client, project: str, *ops: dict[str, Any], status: int = 200) -> list[dict[str, Any]]:
    """Send operations; what became of each."""
    answer = client.post("/api/events", params={"project": project}, json=list(ops))
    assert answer.status_code == status, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results

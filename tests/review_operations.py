"""Operations of people for tests, with short names."""

from __future__ import annotations

import uuid
from typing import Any

from dlf_core.records import Decision
from dlf_core.reviews.operations import OPERATION, ClassedBox, Corners, Operation

IMAGE = "a" * 32
BOX = "b" * 32


def corners(x1: float = 0.1, y1: float = 0.1, x2: float = 0.5, y2: float = 0.5) -> Corners:
    return Corners(x1=x1, y1=y1, x2=x2, y2=y2)


def classed(class_name: str = "person", *at: float) -> ClassedBox:
    return ClassedBox(class_name=class_name, corners=corners(*at))


def operation(kind: str, value: Any, base: int = 0, **more: Any) -> Operation:
    told = {"kind": kind, "value": value, "base_version": base, "op_id": str(uuid.uuid4())}
    told |= {"bucket": "positive/x", "image_id": IMAGE, "reviewer": "Ada"}
    if kind != "image_verdict":
        told["box_id"] = BOX
    return OPERATION.validate_python(told | more)


def verdict(value: str = "approved", base: int = 0, **more: Any) -> Operation:
    return operation("verdict", Decision(value), base, **more)

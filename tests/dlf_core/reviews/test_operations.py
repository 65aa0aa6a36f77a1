"""What may be said, and what may not."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from review_operations import operation

from dlf_core.reviews.operations import OPERATION

WHOLE = {"x1": 0.1, "y1": 0.1, "x2": 0.5, "y2": 0.5}


@pytest.mark.parametrize(
    ("kind", "value", "more"),
    [
        ("verdict", "perhaps", {}),
        ("verdict", None, {}),
        ("geometry", WHOLE | {"x2": 1.01}, {}),
        ("geometry", WHOLE | {"x2": 0.1}, {}),
        ("geometry", WHOLE | {"x2": float("nan")}, {}),
        ("geometry", [0, 0, 1, 1], {}),
        ("class", "", {}),
        ("add", WHOLE, {}),
        ("delete", "perhaps", {}),
        ("note", "x" * 2001, {}),
        ("note", "x", {"reviewer": ""}),
        ("note", "x", {"reviewer": "x" * 81}),
        ("verdict", "approved", {"box_id": "../../etc/passwd"}),
        ("verdict", "approved", {"box_id": "A" * 32}),
        ("verdict", "approved", {"image_id": "a" * 31}),
        ("verdict", "approved", {"op_id": "1"}),
        ("verdict", "approved", {"path": "/etc/passwd"}),
        ("verdict", "approved", {"base_version": -1}),
        ("image_verdict", "approved", {"box_id": "b" * 32}),
        ("nothing", "approved", {}),
    ],
)
def test_what_is_no_operation_is_refused(kind: str, value: Any, more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        operation(kind, value, **more)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *(("verdict", word) for word in ("approved", "rejected", "unsure", "none")),
        *(("geometry", value) for value in (WHOLE, None)),
        *(("class", value) for value in ("vélo, à deux/roues", None)),
        ("add", {"class_name": "bird", "corners": WHOLE}),
        *(("delete", value) for value in (True, False)),
        ("image_verdict", "rejected"),
        ("note", ""),
    ],
)
def test_what_is_said_survives_as_json(kind: str, value: Any) -> None:
    said = operation(kind, value)
    assert OPERATION.validate_json(OPERATION.dump_json(said)) == said

"""The boxes of a bucket as the later stages see them, made from what the label stage was told.

Where several backends drew, their boxes are fused (`fusion.py`); queries become classes; NMS per image and class ends
the pile of boxes that similar phrases draw on one object. All of it is computed when it is needed: a new class map,
NMS or fusion threshold asks no model again.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from dlf_core import boxes as geometry
from dlf_core.fusion import fuse
from dlf_core.records import ScoreKind

FUSION_IOU = 0.55
_COLUMNS = ["image_id", "query", "status", "boxes", "backend", "model"]
_BATCH = 256


@dataclass(frozen=True, slots=True)
class FlatBox:
    """One box after fusion, class mapping and NMS.

    `agreement`: share of the backends asked that drew it, in (0, 1].
    """

    box_id: str
    image_id: str
    query: str
    class_name: str
    x1: float
    y1: float
    x2: float
    y2: float
    score: float | None
    score_kind: str
    backend: str
    model: str
    agreement: float = 1.0
    mask_rle: str | None = None

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """`x1 y1 x2 y2`."""
        return self.x1, self.y1, self.x2, self.y2


def flat_boxes(
    label: pa.Table, class_of: Mapping[str, str], nms_iou: float, fusion_iou: float = FUSION_IOU
) -> list[FlatBox]:
    """The boxes of a label table, sorted by image and box id.

    Args:
        label: a table of schema `LABEL`.
        class_of: query → class; groundings of other queries are left out (the project no longer asks them).
        nms_iou: boxes of one class and image that overlap more than this are one object.
        fusion_iou: boxes of several backends for one query that overlap more than this are one object.

    A box that more backends agree on ranks above one that fewer drew, then the higher score; boxes without a score
    (Falcon gives none) rank below scored ones, in the model's own order.
    """
    found = boxes_by_image(label, class_of, nms_iou, fusion_iou)
    return list(itertools.chain.from_iterable(boxes for _, boxes in found))


def boxes_by_image(
    label: pa.Table, class_of: Mapping[str, str], nms_iou: float, fusion_iou: float = FUSION_IOU
) -> Iterator[tuple[str, list[FlatBox]]]:
    """`flat_boxes` image by image, in order of image id; images without a box are left out."""
    batches = label.select(_COLUMNS).to_batches(max_chunksize=_BATCH)
    rows = itertools.chain.from_iterable(batch.to_pylist() for batch in batches)
    for image_id, group in itertools.groupby(rows, key=lambda row: row["image_id"]):
        asked = [row for row in group if row["query"] in class_of]
        drawn: list[FlatBox] = []
        for query, answers in itertools.groupby(asked, key=lambda row: row["query"]):
            told = list(answers)
            drawn += (
                _single(told[0], class_of) if len(told) == 1 else _fused(image_id, query, told, class_of, fusion_iou)
            )
        if drawn:
            yield image_id, _suppressed(drawn, nms_iou)


def _suppressed(drawn: list[FlatBox], nms_iou: float) -> list[FlatBox]:
    corners = geometry.as_boxes([box.corners for box in drawn])
    ranks = np.array([box.agreement * 100 + (-1.0 if box.score is None else box.score) for box in drawn])
    index = geometry.nms_per_class(corners, ranks, [box.class_name for box in drawn], nms_iou)
    return sorted((drawn[i] for i in index), key=lambda box: box.box_id)


def _single(row: Mapping[str, Any], class_of: Mapping[str, str]) -> list[FlatBox]:
    return [
        FlatBox(
            box["box_id"],
            row["image_id"],
            row["query"],
            class_of[row["query"]],
            *(box["x1"], box["y1"], box["x2"], box["y2"]),
            box["score"],
            box["score_kind"],
            row["backend"],
            row["model"],
            mask_rle=box["mask_rle"],
        )
        for box in row["boxes"]
    ]


def _fused(
    image_id: str, query: str, rows: Sequence[Mapping[str, Any]], class_of: Mapping[str, str], fusion_iou: float
) -> list[FlatBox]:
    """The boxes of several backends as one set. A backend that failed on the image has no say in the agreement."""
    backend, model = ("+".join(row[name] for row in rows) for name in ("backend", "model"))
    answered = [row for row in rows if row["status"] != "ERROR"]
    every = [(place, box) for place, row in enumerate(answered) for box in row["boxes"]]
    if not every:
        return []
    corners = geometry.as_boxes([(box["x1"], box["y1"], box["x2"], box["y2"]) for _, box in every])
    weights = np.array([1.0 if box["score"] is None else box["score"] for _, box in every])
    found: list[FlatBox] = []
    for fused in fuse(corners, weights, [place for place, _ in every], len(answered), fusion_iou):
        members = [every[index][1] for index in fused.members]
        if len(members) == 1:  # it stays who it is, and keeps the answers and decisions it has
            row = answered[every[fused.members[0]][0]]
            alone = _single({**row, "boxes": members}, class_of)
            found += [replace(box, agreement=fused.agreement) for box in alone]
            continue
        kinds = {member["score_kind"] for member in members}
        scores = [member["score"] for member in members if member["score"] is not None]
        # Scores of different kinds have no mean.
        alike = len(kinds) == 1 and len(scores) == len(members)
        found.append(
            FlatBox(
                geometry.box_id(image_id, query, backend, model, fused.box),
                image_id,
                query,
                class_of[query],
                *fused.box,
                score=sum(scores) / len(scores) if alike else None,
                score_kind=kinds.pop() if alike else ScoreKind.NONE.value,
                backend=backend,
                model=model,
                agreement=fused.agreement,
                mask_rle=next((member["mask_rle"] for member in members if member["mask_rle"]), None),
            )
        )
    return found

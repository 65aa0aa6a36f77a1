"""What people said, put onto the boxes that are there now.

After a new detection a box may have another id, and be the same object. What was said of the old one is carried over to
the new one when both have the same class and overlap by 0.9 (IoU), unless somebody has said something of the new one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dlf_core.boxes import as_boxes, iou
from dlf_core.flat_boxes import FlatBox
from dlf_core.records import ScoreKind
from dlf_core.reviews.state import Subject

SAME_IOU = 0.9
PERSON = "person"
"""The backend of a box that was drawn by hand; its model is the person's name."""


@dataclass(frozen=True, slots=True)
class SaidOf:
    """A box as people left it, and what they said.

    Attributes:
        box: with the corners and class that people gave it.
        subject: None where nobody has said anything.
        carried_from: id of the box it was said of, if that was another.
    """

    box: FlatBox
    subject: Subject | None = None
    carried_from: str | None = None

    @property
    def edit(self) -> str | None:
        """What a person changed: `drawn`, `deleted`, `geometry`, `class`, `geometry, class`, or nothing."""
        if self.subject is None:
            return None
        if self.subject.deleted or self.subject.drawn_by:
            return "deleted" if self.subject.deleted else "drawn"
        words = [name for name, value in self._changes() if value is not None]
        return ", ".join(words) or None

    def _changes(self) -> list[tuple[str, object]]:
        assert self.subject is not None
        return [("geometry", self.subject.corners), ("class", self.subject.class_name)]


def merged(boxes: Sequence[FlatBox], subjects: Iterable[Subject]) -> tuple[list[SaidOf], list[Subject]]:
    """Boxes with what was said of them, and drawn ones; sorted by image and box id.

    Args:
        boxes: as the models found them.
        subjects: of the same images; images among them are passed over.

    Returns:
        The boxes, and those subjects whose box is no longer there.
    """
    said = {subject.subject_id: subject for subject in subjects if not subject.is_image}
    found = [SaidOf(_changed(box, said.get(box.box_id)), said.get(box.box_id)) for box in boxes]
    here = {box.box_id for box in boxes}
    found += [SaidOf(_drawn(one), one) for one in said.values() if one.drawn_by and one.subject_id not in here]
    homeless = [one for one in said.values() if one.subject_id not in here and not one.drawn_by]
    lost = homeless
    if homeless:
        places = {one.box.box_id: place for place, one in enumerate(found)}
        lost = []
        for subject, box in _carried(boxes, homeless, said.keys()):
            if box is None:
                lost.append(subject)
            else:
                found[places[box.box_id]] = SaidOf(_changed(box, subject), subject, subject.subject_id)
    return sorted(found, key=lambda one: (one.box.image_id, one.box.box_id)), lost


def _carried(
    boxes: Sequence[FlatBox], homeless: Sequence[Subject], taken: Iterable[str]
) -> list[tuple[Subject, FlatBox | None]]:
    """Each subject with the box that is the same object; a box belongs to one of them, the best pairs first."""
    busy = set(taken)
    by_place: dict[tuple[str, str], list[FlatBox]] = defaultdict(list)
    for box in boxes:
        if box.box_id not in busy:
            by_place[box.image_id, box.class_name].append(box)
    old: dict[tuple[str, str], list[Subject]] = defaultdict(list)
    partner: dict[str, FlatBox] = {}
    for subject in homeless:
        if subject.seen is not None:
            old[subject.image_id, subject.seen.class_name].append(subject)
    for place, waiting in old.items():
        free = by_place.get(place, [])
        before = as_boxes([one.seen.corners.as_tuple() for one in waiting if one.seen is not None])
        overlap = iou(before, as_boxes([box.corners for box in free]))
        for row, column in np.argwhere(overlap >= SAME_IOU)[np.argsort(-overlap[overlap >= SAME_IOU], kind="stable")]:
            if waiting[row].subject_id not in partner and free[column].box_id not in busy:
                partner[waiting[row].subject_id] = free[column]
                busy.add(free[column].box_id)
    return [(subject, partner.get(subject.subject_id)) for subject in homeless]


def _changed(box: FlatBox, subject: Subject | None) -> FlatBox:
    if subject is None:
        return box
    if subject.corners is not None:
        x1, y1, x2, y2 = subject.corners.as_tuple()
        box = replace(box, x1=x1, y1=y1, x2=x2, y2=y2, mask_rle=None)  # the mask is of the box as it was found
    return box if subject.class_name is None else replace(box, class_name=subject.class_name)


def _drawn(subject: Subject) -> FlatBox:
    assert subject.corners is not None
    assert subject.class_name is not None
    return FlatBox(
        subject.subject_id,
        subject.image_id,
        subject.class_name,
        subject.class_name,
        *subject.corners.as_tuple(),
        score=None,
        score_kind=ScoreKind.NONE.value,
        backend=PERSON,
        model=subject.drawn_by or "",
    )

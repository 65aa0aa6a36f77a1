"""What all operations on a box, or an image, add up to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from dlf_core.records import Decision
from dlf_core.reviews.operations import Add, Class, ClassedBox, Corners, Delete, Event, Geometry, Note, is_image


@dataclass(frozen=True, slots=True)
class Subject:
    """A box or an image of which somebody has said something.

    Attributes:
        subject_id: the box id, or `subject_of_image`.
        image_id: of the image it is, or is on.
        version: how many operations there were.
        corners, class_name: what a person made of the box; None: as it was found.
        drawn_by: who drew the box by hand.
        deleted: there is no such box.
        reviewer, at: who said the last thing but a note, and when.
        seen: the box as it was found.
    """

    subject_id: str
    image_id: str
    version: int = 0
    decision: Decision = Decision.NONE
    corners: Corners | None = None
    class_name: str | None = None
    drawn_by: str | None = None
    deleted: bool = False
    note: str | None = None
    reviewer: str | None = None
    at: dt.datetime | None = None
    seen: ClassedBox | None = None

    @property
    def is_image(self) -> bool:
        """Whether it is an image."""
        return is_image(self.subject_id)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as the page is told them."""
        return {
            "subject_id": self.subject_id,
            "image_id": self.image_id,
            "version": self.version,
            "decision": self.decision.value,
            "corners": None if self.corners is None else self.corners.model_dump(),
            "class_name": self.class_name,
            "drawn_by": self.drawn_by,
            "deleted": self.deleted,
            "note": self.note,
            "reviewer": self.reviewer,
            "at": None if self.at is None else self.at.isoformat(),
            "seen": None if self.seen is None else self.seen.model_dump(),
        }

    @classmethod
    def of(cls, told: dict[str, Any]) -> Subject:
        """From `as_dict`."""
        more: dict[str, Any] = {
            "decision": Decision(told["decision"]),
            "corners": None if told["corners"] is None else Corners(**told["corners"]),
            "at": None if told["at"] is None else dt.datetime.fromisoformat(told["at"]),
            "seen": None if told["seen"] is None else ClassedBox(**told["seen"]),
        }
        return cls(**(told | more))


def after(before: Subject | None, event: Event) -> Subject:
    """The subject after one more event."""
    op = event.op
    subject = before or Subject(op.subject_id, op.image_id, seen=event.seen)
    subject = replace(subject, version=subject.version + 1, seen=subject.seen or event.seen)
    if isinstance(op, Note):
        return replace(subject, note=op.value or None)
    subject = replace(subject, reviewer=op.reviewer, at=event.at)
    if isinstance(op, Geometry):
        return replace(subject, corners=op.value)
    if isinstance(op, Class):
        return replace(subject, class_name=op.value)
    if isinstance(op, Delete):
        return replace(subject, deleted=op.value)
    if isinstance(op, Add):
        box = op.value
        subject = replace(subject, corners=box.corners, class_name=box.class_name, drawn_by=op.reviewer)
        return replace(subject, decision=Decision.APPROVED, deleted=False)
    return replace(subject, decision=op.value)


def summed_up(events: Iterable[Event]) -> Subject:
    """What a subject is after all its events, at least one, whatever order they came in."""
    subject: Subject | None = None
    for event in sorted(events, key=lambda one: one.turn):
        subject = after(subject, event)
    assert subject is not None
    return subject

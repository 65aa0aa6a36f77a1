"""Operations: what a person says of one box, or of one image, as the review page sends it and the log keeps it.

An operation names the version of its subject (the box or image) that the person saw. Whoever comes second with the
same version is told so, and nothing is overwritten (`dlf_resources/reviews/log.py`). Undo is one more operation, with
the value from before.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from dlf_core.boxes import MIN_SIDE
from dlf_core.records import Decision

NOTE_LETTERS = 2000
_IMAGE_MARK = "image:"


class Kind(StrEnum):
    """What is said."""

    VERDICT = "verdict"
    GEOMETRY = "geometry"
    CLASS = "class"
    ADD = "add"
    DELETE = "delete"
    IMAGE_VERDICT = "image_verdict"
    NOTE = "note"


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Id = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
"""Of an image or a box."""
Side = Annotated[float, Field(ge=0, le=1)]
Reviewer = Annotated[str, Field(min_length=1, max_length=80)]
ClassName = Annotated[str, Field(min_length=1, max_length=200)]


class Corners(_Said):
    """A box in [0, 1] of the upright image."""

    x1: Side
    y1: Side
    x2: Side
    y2: Side

    @model_validator(mode="after")
    def _is_a_box(self) -> Self:
        if self.x2 - self.x1 < MIN_SIDE or self.y2 - self.y1 < MIN_SIDE:
            raise ValueError("the box has no area")
        return self

    def as_tuple(self) -> tuple[float, float, float, float]:
        """`x1 y1 x2 y2`."""
        return self.x1, self.y1, self.x2, self.y2


class ClassedBox(_Said):
    """A box with its class."""

    class_name: ClassName
    corners: Corners


class _Operation(_Said):
    """What all operations tell.

    Attributes:
        op_id: made by who says it; the same operation sent twice counts once.
        bucket: in which the image was looked at.
        base_version: version of the subject that the person saw; 0: nobody has said anything.
        reviewer: the person's name.
    """

    op_id: UUID
    bucket: Annotated[str, Field(min_length=1, max_length=400)]
    image_id: Id
    base_version: Annotated[int, Field(ge=0)]
    reviewer: Reviewer


class _OfBox(_Operation):
    box_id: Id

    @property
    def subject_id(self) -> str:
        """What it is about."""
        return self.box_id


class Verdict(_OfBox):
    """The box is right, wrong, or cannot be told; `none` takes it back."""

    kind: Literal[Kind.VERDICT]
    value: Decision


class Geometry(_OfBox):
    """The box's corners are these; None: those it was found with."""

    kind: Literal[Kind.GEOMETRY]
    value: Corners | None


class Class(_OfBox):
    """The box's class is this; None: that it was found with."""

    kind: Literal[Kind.CLASS]
    value: ClassName | None


class Add(_OfBox):
    """A box drawn by hand; its id is new."""

    kind: Literal[Kind.ADD]
    value: ClassedBox


class Delete(_OfBox):
    """There is no such box; False brings it back."""

    kind: Literal[Kind.DELETE]
    value: bool


class ImageVerdict(_Operation):
    """Approved: the image is right as it is, also without any box. Rejected: it does not belong into the data set."""

    kind: Literal[Kind.IMAGE_VERDICT]
    value: Decision

    @property
    def subject_id(self) -> str:
        """What it is about."""
        return subject_of_image(self.image_id)


class Note(_Operation):
    """Words on a box, or on the image where no box is named; empty takes them back."""

    kind: Literal[Kind.NOTE]
    box_id: Id | None = None
    value: Annotated[str, Field(max_length=NOTE_LETTERS)]

    @property
    def subject_id(self) -> str:
        """What it is about."""
        return self.box_id or subject_of_image(self.image_id)


Operation = Annotated[Verdict | Geometry | Class | Add | Delete | ImageVerdict | Note, Field(discriminator="kind")]
OPERATION: TypeAdapter[Operation] = TypeAdapter(Operation)


class Event(_Said):
    """An operation as the log keeps it.

    Attributes:
        at: when the log took it.
        seen: the box as it was found; a later detection of the same object is known by it. None of images and of boxes
            that were drawn by hand.
    """

    op: Operation
    at: dt.datetime
    seen: ClassedBox | None = None

    @property
    def turn(self) -> tuple[int, dt.datetime, str]:
        """The order of a subject's events: what was said with more of it known comes later; else the clock decides."""
        return self.op.base_version, self.at, str(self.op.op_id)


def subject_of_image(image_id: str) -> str:
    """What an operation on an image as a whole is about."""
    return _IMAGE_MARK + image_id


def is_image(subject_id: str) -> bool:
    """Whether a subject is an image."""
    return subject_id.startswith(_IMAGE_MARK)

"""Rows of the review tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dlf_core.records import Decision, ImageReview, Review
from dlf_core.reviews.merging import SaidOf
from dlf_core.reviews.state import Subject


def review_rows(boxes: Iterable[SaidOf], verdicts: Mapping[str, Mapping[str, Any]]) -> list[Review]:
    """A row a box.

    Args:
        boxes: with what people said of them.
        verdicts: box id → row of the verify table.
    """
    return [_row(one, verdicts.get(one.box.box_id, {})) for one in boxes]


def is_kept(one: SaidOf, verdict: str | None) -> bool:
    """Whether a box goes into the data set: a person's word stands above the model's, and an edit is a word."""
    subject = one.subject
    if subject is None:
        return verdict == "YES"
    if subject.deleted:
        return False
    if subject.decision is Decision.NONE:
        return verdict == "YES" or one.edit is not None
    return subject.decision is Decision.APPROVED


def image_review(subject: Subject) -> ImageReview:
    """The row of an image."""
    return ImageReview(subject.image_id, subject.decision.value, subject.note, subject.reviewer, subject.at)


def _row(one: SaidOf, said: Mapping[str, Any]) -> Review:
    box, subject = one.box, one.subject
    return Review(
        *(box.box_id, box.image_id, box.query, box.class_name),
        *box.corners,
        *(box.score, box.score_kind, box.backend, box.model),
        verdict=said.get("verdict"),
        p_yes=said.get("p_yes"),
        agreement=box.agreement,
        verify_backend=said.get("backend"),
        verify_model=said.get("model"),
        decision=(subject.decision if subject else Decision.NONE).value,
        reviewer=subject.reviewer if subject else None,
        reviewed_at=subject.at if subject else None,
        kept=is_kept(one, said.get("verdict")),
        edit=one.edit,
        note=subject.note if subject else None,
        carried_from=one.carried_from,
    )

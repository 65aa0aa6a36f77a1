"""What people said, on the boxes that are there now."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from review_operations import BOX, IMAGE, classed, corners, operation, verdict

from dlf_core.flat_boxes import FlatBox
from dlf_core.records import Decision
from dlf_core.reviews.merging import merged
from dlf_core.reviews.operations import Event, Operation
from dlf_core.reviews.state import Subject, after

NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


def said(*operations: Operation, seen: Any = None) -> Subject:
    subject = None
    for op in operations:
        subject = after(subject, Event(op=op, at=NOW, seen=seen))
    assert subject is not None
    return subject


def found(box_id: str = BOX, *at: float, class_name: str = "person", image_id: str = IMAGE) -> FlatBox:
    x1, y1, x2, y2 = corners(*at).as_tuple()
    return FlatBox(box_id, image_id, "a person", class_name, x1, y1, x2, y2, 0.5, "logprob", "falcon", "f")


def test_a_box_nobody_has_looked_at_stays_as_it_is() -> None:
    (one,), lost = merged([found()], [])
    assert (one.box, one.subject, one.edit, lost) == (found(), None, None, [])


def test_corners_and_class_of_a_person_stand_above_the_models() -> None:
    subject = said(operation("geometry", corners(0.2)), operation("class", "bird", 1), verdict(base=2))
    (one,), _ = merged([found()], [subject])
    assert (one.box.x1, one.box.class_name, one.box.score, one.edit) == (0.2, "bird", 0.5, "geometry, class")
    assert subject.decision is Decision.APPROVED
    back = said(operation("geometry", corners(0.2)), operation("geometry", None, 1))
    (one,), _ = merged([found()], [back])
    assert (one.box, one.edit) == (found(), None)


def test_a_drawn_box_is_a_box_of_that_person() -> None:
    add = operation("add", classed("bird", 0.3), reviewer="Grace")
    subject = said(add, operation("note", "from behind", 1), verdict("unsure", 2))
    (one,), lost = merged([], [subject])
    assert (one.box.class_name, one.box.backend, one.box.model, one.edit) == ("bird", "person", "Grace", "drawn")
    assert (subject.note, subject.decision, lost) == ("from behind", Decision.UNSURE, [])
    (one,), _ = merged([], [said(add, operation("delete", True, 1))])
    assert one.edit == "deleted"


def test_what_was_said_goes_over_to_the_same_object_of_a_new_detection() -> None:
    subject = said(verdict("rejected"), seen=classed("person", 0.1))
    new = found("c" * 32, 0.11)
    (one,), lost = merged([new], [subject])
    assert (one.box, one.subject, one.carried_from, lost) == (new, subject, BOX, [])


@pytest.mark.parametrize(
    "new",
    [found("c" * 32, 0.3), found("c" * 32, 0.11, class_name="bird"), found("c" * 32, 0.11, image_id="d" * 32)],
    ids=["elsewhere", "another class", "another image"],
)
def test_and_not_to_another_one(new: FlatBox) -> None:
    subject = said(verdict("rejected"), seen=classed("person", 0.1))
    (one,), lost = merged([new], [subject])
    assert (one.subject, lost) == (None, [subject])


def test_of_several_the_best_pair_comes_first_and_a_box_has_one_partner() -> None:
    far, near = (
        said(verdict("approved", box_id=name * 32), seen=classed("person", at))
        for name, at in (("1", 0.1), ("2", 0.115))
    )
    boxes = [found("c" * 32, 0.112)]
    (one,), lost = merged(boxes, [far, near])
    assert (one.subject, lost) == (near, [far])


def test_what_is_said_of_the_new_box_itself_stands_above_what_was_said_of_the_old_one() -> None:
    old = said(verdict("rejected"), seen=classed("person", 0.1))
    new = said(verdict("approved", box_id="c" * 32), seen=classed("person", 0.11))
    (one,), lost = merged([found("c" * 32, 0.11)], [old, new])
    assert (one.subject, one.carried_from, lost) == (new, None, [old])


def test_images_are_no_boxes() -> None:
    subject = said(operation("image_verdict", "approved"))
    assert merged([found()], [subject])[0][0].subject is None
    assert subject.is_image


@given(order=st.permutations(range(4)))
def test_the_order_in_which_boxes_are_found_does_not_matter(order: list[int]) -> None:
    boxes = [found(f"{n}" * 32, 0.1 + 0.02 * n) for n in range(4)]
    subjects = [
        said(verdict(base=0, box_id=f"{n + 4}" * 32), seen=classed("person", 0.101 + 0.02 * n)) for n in range(4)
    ]
    expected = merged(boxes, subjects)
    assert merged([boxes[n] for n in order], [subjects[n] for n in reversed(order)]) == expected
    assert [one.carried_from for one in expected[0]] == [f"{n + 4}" * 32 for n in range(4)]


def test_a_subject_survives_as_plain_values() -> None:
    subject = said(operation("geometry", corners(0.2)), verdict(base=1), operation("note", "x", 2), seen=classed())
    assert Subject.of(subject.as_dict()) == subject

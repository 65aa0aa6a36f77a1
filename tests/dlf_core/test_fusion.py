from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlf_core.boxes import as_boxes
from dlf_core.fusion import Fused, fuse

LEFT, RIGHT = (0.0, 0.0, 0.4, 0.4), (0.6, 0.6, 1.0, 1.0)

# On a coarse grid boxes overlap, coincide and tie often.
GRID = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(1, 6), st.integers(1, 6)).map(
    lambda t: (t[0] / 12, t[1] / 12, (t[0] + t[2]) / 12, (t[1] + t[3]) / 12)
)
BOX = st.tuples(GRID, st.sampled_from([0.0, 0.1, 0.5, 0.5, 1.0]), st.integers(0, 2))
DRAWN = st.lists(BOX, max_size=12)
# numpy adds eight numbers and more in another order, and a rounding error would decide which of two ties is the best.
FEW = st.lists(BOX, max_size=7)
THRESHOLD = st.sampled_from([0.1, 0.5, 0.55, 0.9])


def fused(*drawn: tuple[tuple[float, ...], float, int], detectors: int = 2, threshold: float = 0.55) -> list[Fused]:
    """Of boxes, each with its score and its detector."""
    boxes, scores, who = zip(*drawn, strict=True) if drawn else ((), (), ())
    return fuse(as_boxes(boxes), np.array(scores, dtype=np.float64), who, detectors, threshold)


def slow_iou(a, b) -> float:
    shared = max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def slow_fuse(drawn, threshold) -> list[tuple[list[int], tuple[float, ...]]]:
    """The steps of the paper's section 3, by the letter: members and box of every cluster."""
    clusters: list[tuple[list[int], tuple[float, ...]]] = []
    for index in sorted(range(len(drawn)), key=lambda i: (-drawn[i][1], i)):
        overlaps = [slow_iou(drawn[index][0], box) for _, box in clusters]
        best = max(range(len(overlaps)), key=lambda i: (overlaps[i], -i), default=None)
        if best is None or overlaps[best] <= threshold:
            best = len(clusters)
            clusters.append(([], ()))
        members = [*clusters[best][0], index]
        weights = [drawn[i][1] for i in members]
        total = sum(weights)
        mean = drawn[members[0]][0]
        if total > 0:
            mean = tuple(sum(drawn[i][0][corner] * (drawn[i][1] / total) for i in members) for corner in range(4))
        clusters[best] = (members, mean)
    return clusters


def test_two_boxes_of_one_object_become_their_mean_weighted_by_score():
    (found,) = fused(((0.1, 0.1, 0.5, 0.5), 0.9, 0), ((0.14, 0.1, 0.5, 0.6), 0.3, 1))
    assert found.box == pytest.approx((0.11, 0.1, 0.5, 0.525))  # three parts of the first, one of the second
    assert found.members == (0, 1)
    assert found.agreement == 1.0


def test_three_boxes_of_one_object_become_the_mean_of_all_three():
    drawn = [((0.1, 0.1, 0.5, 0.5), 0.6, 0), ((0.1, 0.1, 0.5, 0.6), 0.3, 1), ((0.1, 0.1, 0.6, 0.5), 0.1, 2)]
    (found,) = fused(*drawn, detectors=3)
    assert found.box == pytest.approx((0.1, 0.1, 0.51, 0.53))


def test_a_box_is_compared_with_the_fused_box_not_with_its_first_member():
    """The third overlaps the first by 0.50 and the mean of the first two by 0.57."""
    first, second, third = (0.0, 0.0, 0.5, 1.0), (0.0, 0.0, 0.7, 1.0), (0.0, 0.0, 1.0, 1.0)
    drawn = [(first, 0.5, 0), (second, 0.4, 1), (third, 0.3, 2)]
    (found,) = fused(*drawn, detectors=3)
    assert found.members == (0, 1, 2)
    assert [one.members for one in fused(drawn[0], drawn[2])] == [(0,), (1,)]


def test_a_box_joins_the_fused_box_it_overlaps_most():
    first, second = (0.0, 0.0, 0.5, 1.0), (0.2, 0.0, 0.7, 1.0)  # they overlap by 0.43
    between = (0.15, 0.0, 0.65, 1.0)  # by 0.54 with the first, by 0.82 with the second
    found = fused((first, 0.9, 0), (second, 0.8, 0), (between, 0.7, 1), threshold=0.5)
    assert [one.members for one in found] == [(0,), (1, 2)]


@pytest.mark.parametrize(("threshold", "objects"), [(0.59, 1), (0.6, 2), (0.61, 2)])
def test_an_overlap_equal_to_the_threshold_is_two_objects(threshold, objects):
    assert len(fused(((0, 0, 1, 1), 0.9, 0), ((0, 0, 0.6, 1), 0.8, 1), threshold=threshold)) == objects


def test_what_one_detector_alone_drew_stays_as_it_is():
    found = fused((LEFT, 0.3, 0), (RIGHT, 0.8, 1))
    assert [(one.box, one.members, one.agreement) for one in found] == [(RIGHT, (1,), 0.5), (LEFT, (0,), 0.5)]


def test_objects_stand_in_the_order_of_their_best_member_and_members_likewise():
    drawn = [(LEFT, 0.2, 0), (RIGHT, 0.5, 0), (LEFT, 0.9, 1), (RIGHT, 0.6, 1), (LEFT, 0.4, 2)]
    found = fused(*drawn, detectors=3)
    assert [one.members for one in found] == [(2, 4, 0), (3, 1)]


def test_boxes_of_equal_score_keep_the_order_in_which_they_came():
    drawn = [(RIGHT, 1.0, 1), (LEFT, 1.0, 0), (LEFT, 1.0, 1), (RIGHT, 1.0, 0)]
    assert [one.members for one in fused(*drawn)] == [(0, 3), (1, 2)]


@pytest.mark.parametrize(("detectors", "agreement"), [(1, 1.0), (2, 0.5), (4, 0.25)])
def test_agreement_counts_detectors_that_drew_nothing_too(detectors, agreement):
    assert fused((LEFT, 0.9, 0), detectors=detectors)[0].agreement == agreement


def test_one_detector_twice_on_one_object_is_one_vote():
    (found,) = fused((LEFT, 0.9, 0), (LEFT, 0.8, 0), detectors=2)
    assert found.members == (0, 1)
    assert found.agreement == 0.5


def test_a_box_of_score_zero_joins_and_pulls_nothing():
    (found,) = fused(((0.0, 0.0, 0.4, 0.4), 0.5, 0), ((0.0, 0.0, 0.5, 0.4), 0.0, 1))
    assert (found.box, found.members, found.agreement) == ((0.0, 0.0, 0.4, 0.4), (0, 1), 1.0)


def test_boxes_that_all_score_zero_are_the_first_of_them():
    first, second = fused((LEFT, 0.0, 0), (RIGHT, 0.0, 1), ((0.0, 0.0, 0.4, 0.5), 0.0, 1))
    assert (first.box, first.members, first.agreement) == (LEFT, (0, 2), 1.0)
    assert (second.box, second.members) == (RIGHT, (1,))


def test_nothing_drawn_is_nothing_fused():
    assert fused() == []


def test_a_fused_box_is_made_of_plain_numbers():
    (found,) = fused((LEFT, 0.5, 0), (LEFT, 0.5, 1))
    assert {type(value) for value in (*found.box, found.agreement)} == {float}
    assert {type(member) for member in found.members} == {int}


@given(FEW, THRESHOLD)
def test_the_rule_is_the_papers(drawn, threshold):
    found = fused(*drawn, detectors=3, threshold=threshold)
    slow = slow_fuse(drawn, threshold)
    assert [one.members for one in found] == [tuple(members) for members, _ in slow]
    for one, (_, box) in zip(found, slow, strict=True):
        assert one.box == pytest.approx(box, abs=1e-9)


@given(DRAWN, THRESHOLD)
def test_every_box_is_a_member_once_and_a_fused_box_lies_within_its_members(drawn, threshold):
    found = fused(*drawn, detectors=3, threshold=threshold)
    assert sorted(index for one in found for index in one.members) == list(range(len(drawn)))
    ranks = [drawn[one.members[0]][1] for one in found]
    assert ranks == sorted(ranks, reverse=True)
    for one in found:
        members = as_boxes([drawn[index][0] for index in one.members])
        assert (members.min(axis=0) - 1e-12 <= one.box).all()
        assert (one.box <= members.max(axis=0) + 1e-12).all()
        assert one.agreement == len({drawn[index][2] for index in one.members}) / 3


@given(DRAWN)
def test_boxes_that_do_not_overlap_come_out_as_they_went_in(drawn):
    apart: list[tuple[tuple[float, ...], float, int]] = []
    for box, score, detector in drawn:
        if not any(slow_iou(box, other) for other, _, _ in apart):
            apart.append((box, score, detector))
    found = fused(*apart, detectors=3, threshold=0.1)
    assert {one.members: one.box for one in found} == {(index,): box for index, (box, _, _) in enumerate(apart)}


def test_a_box_over_the_whole_image_stays_inside_it():
    whole = (0.0, 0.0, 1.0, 1.0)
    (found,) = fused((whole, 0.9, 0), (whole, 0.5, 1), (whole, 0.4, 2), detectors=3)
    assert max(found.box) <= 1.0

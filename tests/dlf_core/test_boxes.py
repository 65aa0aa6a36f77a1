from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlf_core import boxes as geometry
from dlf_core.boxes import as_boxes, box_id, iou, nms, nms_per_class, pad, relative_to, to_pixels, valid, within

UNIT = st.floats(0, 1, allow_nan=False)


@st.composite
def one_box(draw) -> tuple[float, float, float, float]:
    """A box at least 1/100 of the image wide and high."""
    x1, y1 = draw(st.floats(0, 0.98)), draw(st.floats(0, 0.98))
    return x1, y1, draw(st.floats(x1 + 0.01, 1)), draw(st.floats(y1 + 0.01, 1))


# On a coarse grid boxes overlap, coincide and tie often.
GRID = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(1, 6), st.integers(1, 6)).map(
    lambda t: (t[0] / 12, t[1] / 12, (t[0] + t[2]) / 12, (t[1] + t[3]) / 12)
)
SCORED = st.lists(st.tuples(GRID, st.sampled_from([-1.0, 0.1, 0.5, 0.5, 0.9])), min_size=1, max_size=12)


def slow_iou(a, b) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0.0, width) * max(0.0, height)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def slow_nms(rows, scores, threshold) -> list[int]:
    kept: list[int] = []
    for index in sorted(range(len(rows)), key=lambda i: (-scores[i], i)):
        if all(slow_iou(rows[index], rows[other]) <= threshold for other in kept):
            kept.append(index)
    return kept


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((0, 0, 0.5, 0.5), (0, 0, 0.5, 0.5), 1.0),
        ((0, 0, 0.5, 1), (0.5, 0, 1, 1), 0.0),  # they touch
        ((0, 0, 0.5, 1), (0.25, 0, 0.75, 1), 1 / 3),
        ((0, 0, 1, 1), (0, 0, 0.5, 0.5), 0.25),
        ((0, 0, 0.1, 0.1), (0.8, 0.8, 0.9, 0.9), 0.0),
        ((0.3, 0.3, 0.3, 0.3), (0.3, 0.3, 0.3, 0.3), 0.0),  # both empty
    ],
)
def test_iou_of_known_pairs(first, second, expected):
    assert iou(as_boxes([first]), as_boxes([second]))[0, 0] == pytest.approx(expected, abs=1e-12)


@given(st.lists(one_box(), max_size=6), st.lists(one_box(), max_size=6))
def test_iou_is_symmetric_within_zero_and_one_and_equal_to_the_slow_way(first, second):
    table = iou(as_boxes(first), as_boxes(second))
    assert table.shape == (len(first), len(second))
    assert ((table >= 0) & (table <= 1 + 1e-12)).all()
    np.testing.assert_allclose(table, iou(as_boxes(second), as_boxes(first)).T, atol=1e-12)
    slow = np.array([[slow_iou(a, b) for b in second] for a in first]).reshape(table.shape)
    np.testing.assert_allclose(table, slow, atol=1e-9)


@given(one_box())
def test_iou_of_a_box_with_itself_is_one(box):
    assert iou(as_boxes([box]), as_boxes([box]))[0, 0] == pytest.approx(1.0, abs=1e-12)


@given(SCORED, st.sampled_from([0.3, 0.45, 0.7]))
def test_nms_equals_the_slow_way_and_leaves_no_pair_above_the_threshold(scored, threshold):
    rows, scores = [box for box, _ in scored], [score for _, score in scored]
    kept = nms(as_boxes(rows), np.array(scores), threshold)
    assert kept.tolist() == slow_nms(rows, scores, threshold)
    table = iou(as_boxes(rows)[kept], as_boxes(rows)[kept])
    assert (table[~np.eye(len(kept), dtype=bool)] <= threshold).all()


def test_nms_keeps_a_pair_exactly_at_the_threshold_and_the_earlier_of_equals():
    halves = as_boxes([(0, 0, 1, 1), (0, 0, 0.5, 1), (0, 0, 1, 1)])
    assert nms(halves, np.array([0.5, 0.5, 0.5]), 0.5).tolist() == [0, 1]
    assert nms(halves, np.array([0.5, 0.5, 0.6]), 0.49).tolist() == [2]


def test_nms_of_nothing_is_nothing():
    assert nms(as_boxes([]), np.zeros(0), 0.5).tolist() == []
    assert nms_per_class(as_boxes([]), np.zeros(0), [], 0.5).tolist() == []


@given(SCORED, st.data())
def test_nms_per_class_is_nms_of_every_class_alone_in_input_order(scored, data):
    rows, scores = [box for box, _ in scored], [score for _, score in scored]
    names = data.draw(st.lists(st.sampled_from(["a", "b"]), min_size=len(rows), max_size=len(rows)))
    expected: list[int] = []
    for name in ("a", "b"):
        mine = [i for i, other in enumerate(names) if other == name]
        expected += [mine[i] for i in slow_nms([rows[i] for i in mine], [scores[i] for i in mine], 0.45)]
    assert nms_per_class(as_boxes(rows), np.array(scores), names, 0.45).tolist() == sorted(expected)


def test_pad_grows_every_side_and_stops_at_the_border():
    assert pad((0.4, 0.4, 0.6, 0.5), 0.25) == pytest.approx((0.35, 0.375, 0.65, 0.525))
    assert pad((0.1, 0.2, 0.9, 0.8), 1.0) == (0.0, 0.0, 1.0, 1.0)
    assert pad((0.1, 0.2, 0.9, 0.8), 0.0) == (0.1, 0.2, 0.9, 0.8)


@given(one_box(), st.floats(0, 5))
def test_pad_covers_the_box_and_stays_inside_the_image(box, padding):
    x1, y1, x2, y2 = pad(box, padding)
    assert 0 <= x1 <= box[0] < box[2] <= x2 <= 1
    assert 0 <= y1 <= box[1] < box[3] <= y2 <= 1


@given(st.tuples(UNIT, UNIT, UNIT, UNIT), st.integers(1, 5000), st.integers(1, 5000))
def test_pixels_are_never_empty_and_inside_the_image(box, width, height):
    left, top, right, bottom = to_pixels(box, width, height)
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height


@given(one_box(), st.integers(1, 5000), st.integers(1, 5000))
def test_pixels_cover_the_box_with_at_most_a_pixel_to_spare(box, width, height):
    left, top, right, bottom = to_pixels(box, width, height)
    for low, high, start, end, size in ((left, right, box[0], box[2], width), (top, bottom, box[1], box[3], height)):
        # to a millionth of a pixel, below which lies only the rounding of a float
        assert start * size - 1 - 1e-6 <= low <= start * size + 1e-6
        assert end * size - 1e-6 <= high <= end * size + 1 + 1e-6


@pytest.mark.parametrize("size", [100, 640, 1000])
def test_a_box_made_of_whole_pixels_has_exactly_those_pixels(size):
    boxes = [(k / size, k / size, (k + 1) / size, 1.0) for k in range(size)]
    assert [to_pixels(box, size, size) for box in boxes] == [(k, k, k + 1, size) for k in range(size)]


def test_pixels_of_known_boxes():
    assert to_pixels((0.25, 0.5, 0.75, 1.0), 8, 4) == (2, 2, 6, 4)
    assert to_pixels((0.26, 0.51, 0.74, 0.99), 8, 4) == (2, 2, 6, 4)
    assert to_pixels((1.0, 1.0, 1.0, 1.0), 8, 4) == (7, 3, 8, 4)


def test_within_places_a_box_of_a_crop_in_the_image():
    placed = within(as_boxes([(0, 0, 1, 1), (0.5, 0.25, 1, 0.5)]), (0.2, 0.4, 0.6, 0.8))
    np.testing.assert_allclose(placed, [(0.2, 0.4, 0.6, 0.8), (0.4, 0.5, 0.6, 0.6)])


@given(st.lists(one_box(), min_size=1, max_size=5), one_box())
def test_relative_to_undoes_within_and_the_reverse(rows, frame):
    start = as_boxes(rows)
    np.testing.assert_allclose(relative_to(within(start, frame), frame), start, atol=1e-9)
    np.testing.assert_allclose(within(relative_to(start, frame), frame), start, atol=1e-9)


def test_valid_boxes_are_finite_inside_and_have_a_side():
    rows = [
        (0, 0, 1, 1),
        (0.1, 0.1, 0.1 + 2 * geometry.MIN_SIDE, 0.2),
        (-0.01, 0, 1, 1),
        (0, 0, 1.01, 1),
        (0.5, 0.1, 0.4, 0.2),
        (0.1, 0.1, 0.1 + geometry.MIN_SIDE / 2, 0.2),
        (np.nan, 0, 1, 1),
        (0, 0, np.inf, 1),
    ]
    assert valid(as_boxes(rows)).tolist() == [True, True] + [False] * 6
    np.testing.assert_array_equal(geometry.clip(as_boxes([(-1, 0.2, 0.5, 7)])), [(0, 0.2, 0.5, 1)])
    np.testing.assert_allclose(geometry.area(as_boxes([(0, 0, 0.5, 0.5), (0.5, 0.5, 0, 0)])), [0.25, 0])


@given(
    st.tuples(*[st.integers(0, 10_000)] * 4),
    st.tuples(*[st.floats(-1e-5, 1e-5)] * 4),
)
def test_box_id_does_not_change_under_jitter_around_a_rounding_centre(centre, jitter):
    box = [value / 10_000 for value in centre]
    moved = [value + delta for value, delta in zip(box, jitter, strict=True)]
    assert box_id("i", "q", "b", "m", moved) == box_id("i", "q", "b", "m", box)


@pytest.mark.parametrize(
    "other",
    [
        ("j", "q", "b", "m", (0.1, 0.2, 0.3, 0.4)),
        ("i", "r", "b", "m", (0.1, 0.2, 0.3, 0.4)),
        ("i", "q", "c", "m", (0.1, 0.2, 0.3, 0.4)),
        ("i", "q", "b", "n", (0.1, 0.2, 0.3, 0.4)),
        ("i", "q", "b", "m", (0.1001, 0.2, 0.3, 0.4)),
        ("i", "q", "b", "m", (0.1, 0.2, 0.3, 0.4001)),
        ("iq", "", "b", "m", (0.1, 0.2, 0.3, 0.4)),
    ],
)
def test_box_id_tells_images_queries_backends_models_and_places_apart(other):
    mine = box_id("i", "q", "b", "m", (0.1, 0.2, 0.3, 0.4))
    assert box_id(*other) != mine
    assert len(mine) == 32
    assert int(mine, 16) >= 0


def test_box_id_is_the_same_for_a_row_of_an_array_and_in_every_process():
    row = as_boxes([(0.1, 0.2, 0.3, 0.4)])[0]
    assert box_id("i", "q", "b", "m", row) == box_id("i", "q", "b", "m", (0.1, 0.2, 0.3, 0.4))
    # sha256("i\x1fq\x1fb\x1fm\x1f1000,2000,3000,4000"), made with sha256sum
    assert box_id("i", "q", "b", "m", (0.1, 0.2, 0.3, 0.4)) == "414d8860f6f053283ac37d3d23e34bed"

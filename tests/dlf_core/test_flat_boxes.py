from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from dlf_core.boxes import as_boxes, valid
from dlf_core.flat_boxes import FUSION_IOU, FlatBox, boxes_by_image, flat_boxes
from dlf_core.records import DetectedBox, Grounding, empty_table, to_table

CLASSES = {"q": "thing", "r": "thing", "s": "other"}
LEFT, NEAR_LEFT, RIGHT = (0.0, 0.0, 0.4, 0.4), (0.0, 0.0, 0.44, 0.4), (0.6, 0.6, 1.0, 1.0)


def box(box_id: str, corners=LEFT, score: float | None = None, kind: str = "", mask: str | None = None) -> DetectedBox:
    return DetectedBox(box_id, *corners, score, kind or ("none" if score is None else "detector"), mask)


def said(backend: str, *boxes: DetectedBox, image: str = "i", query: str = "q", error: str | None = None) -> Grounding:
    status = "ERROR" if error else "FOUND" if boxes else "EMPTY"
    return Grounding(image, query, f"m-{backend}", status, backend, f"{backend}-1", 0.1, boxes, error)


def flat(*groundings: Grounding, nms_iou: float = 0.5, fusion_iou: float = FUSION_IOU) -> list[FlatBox]:
    return flat_boxes(to_table("label", groundings), CLASSES, nms_iou, fusion_iou)


def test_a_single_backends_boxes_stay_as_they_are():
    mask = '{"size": [4, 4], "counts": "a"}'
    first, second = flat(said("a", box("b1", LEFT, 0.3, mask=mask), box("b2", RIGHT)))
    assert first == FlatBox("b1", "i", "q", "thing", *LEFT, 0.3, "detector", "a", "a-1", 1.0, mask)
    assert second == FlatBox("b2", "i", "q", "thing", *RIGHT, None, "none", "a", "a-1", 1.0, None)


def test_a_single_backends_boxes_are_suppressed_and_never_averaged():
    (found,) = flat(said("a", box("b1", LEFT, 0.5), box("b2", NEAR_LEFT, 0.6)), fusion_iou=0.1)
    assert (found.box_id, found.corners, found.score) == ("b2", NEAR_LEFT, 0.6)


def test_a_box_two_backends_agree_on_is_one_box_between_theirs():
    (found,) = flat(said("a", box("b1", LEFT, 0.9)), said("b", box("b2", NEAR_LEFT, 0.3)))
    assert found.corners == pytest.approx((0.0, 0.0, 0.41, 0.4))
    assert (found.score, found.score_kind) == (pytest.approx(0.6), "detector")
    assert (found.agreement, found.backend, found.model) == (1.0, "a+b", "a-1+b-1")
    assert (found.image_id, found.query, found.class_name) == ("i", "q", "thing")
    assert found.box_id not in ("b1", "b2")


def test_where_two_backends_disagree_each_box_stays_with_half_the_votes():
    boxes = flat(said("a", box("b1", LEFT, 0.9)), said("b", box("b2", RIGHT, 0.3)))
    assert {(found.corners, found.score, found.agreement) for found in boxes} == {(LEFT, 0.9, 0.5), (RIGHT, 0.3, 0.5)}
    # Each stays who it was, with its answers and decisions.
    assert {(found.box_id, found.backend) for found in boxes} == {("b1", "a"), ("b2", "b")}


def test_a_backend_that_failed_on_the_image_has_no_say():
    (found,) = flat(said("a", box("b1", LEFT, 0.9)), said("b", error="it stalled"))
    assert (found.corners, found.score, found.agreement) == (LEFT, 0.9, 1.0)
    three = said("a", box("b1", LEFT, 0.9)), said("b", error="it stalled"), said("c")
    assert [found.agreement for found in flat(*three)] == [0.5]


def test_a_backend_that_saw_nothing_disagrees():
    (found,) = flat(said("a", box("b1", LEFT, 0.9)), said("b"))
    assert (found.corners, found.agreement) == (LEFT, 0.5)


@pytest.mark.parametrize("second", [said("b"), said("b", error="it stalled")])
@pytest.mark.parametrize("first", [said("a"), said("a", error="it stalled")])
def test_where_no_backend_drew_there_is_no_box_and_no_image(first, second):
    assert flat(first, second) == []
    assert list(boxes_by_image(to_table("label", [first, second]), CLASSES, 0.5)) == []


def test_backends_are_fused_within_a_query_and_an_image_only():
    rows = [said("a", box("b1", LEFT, 0.9)), said("b", box("b2", LEFT, 0.9), query="s")]
    rows += [said("b", box("b3", LEFT, 0.9), image="j")]
    assert [(found.box_id, found.agreement) for found in flat(*rows)] == [("b1", 1.0), ("b2", 1.0), ("b3", 1.0)]


@pytest.mark.parametrize(("fusion_iou", "objects"), [(0.9, 1), (0.92, 2)])
def test_the_overlap_that_makes_one_object_of_two_backends_is_the_callers(fusion_iou, objects):
    rows = said("a", box("b1", LEFT, 0.9)), said("b", box("b2", NEAR_LEFT, 0.3))  # they overlap by 0.909
    assert len(flat(*rows, nms_iou=1.0, fusion_iou=fusion_iou)) == objects


def test_a_box_that_more_backends_agree_on_ranks_above_a_higher_score():
    agreed = said("a", box("b1", LEFT, 0.1)), said("b", box("b2", LEFT, 0.1))
    alone = said("a", box("b3", NEAR_LEFT, 0.99), query="r"), said("b", query="r")
    (found,) = flat(*agreed, *alone)
    assert (found.query, found.agreement, found.score) == ("q", 1.0, pytest.approx(0.1))


def test_an_unscored_box_of_two_backends_ranks_above_a_scored_one_of_one():
    agreed = said("a", box("b1", LEFT)), said("b", box("b2", LEFT, 0.7))
    alone = said("a", box("b3", NEAR_LEFT, 0.99), query="r"), said("b", query="r")
    (found,) = flat(*agreed, *alone)
    assert (found.query, found.score) == ("q", None)


def test_of_boxes_with_equal_votes_the_higher_score_stays():
    rows = (
        said("a", box("b1", LEFT, 0.6)),
        said("b"),
        said("a", query="r"),
        said("b", box("b2", NEAR_LEFT, 0.7), query="r"),
    )
    assert [found.score for found in flat(*rows)] == [0.7]


def test_a_boxs_id_depends_on_what_was_drawn_and_not_on_the_order_of_rows():
    rows = [said(backend, box(f"{backend}1", LEFT, 0.5), box(f"{backend}2", RIGHT, 0.5)) for backend in "abc"]
    found = flat(*rows)
    assert len({one.box_id for one in found}) == 2
    assert flat(*reversed(rows)) == found
    assert flat(rows[1], rows[2], rows[0]) == found


@pytest.mark.parametrize(
    "rows",
    [
        [said("a", box("b1", RIGHT)), said("b", box("b2", RIGHT))],
        [said("a", box("b1"), image="j"), said("b", box("b2"), image="j")],
        [said("a", box("b1"), query="r"), said("b", box("b2"), query="r")],
        [said("a", box("b1")), said("c", box("b2"))],
    ],
)
def test_another_box_image_query_or_backend_is_another_id(rows):
    ids = [flat(said("a", box("b1")), said("b", box("b2")))[0].box_id, flat(*rows)[0].box_id]
    assert ids[0] != ids[1]


def test_the_mask_is_that_of_the_best_member_that_has_one():
    mask_a, mask_b, mask_c = (f'{{"size": [4, 4], "counts": "{name}"}}' for name in "abc")
    rows = [
        said("a", box("b1", LEFT, 0.3, mask=mask_a)),
        said("b", box("b2", LEFT, 0.9, mask=mask_b)),
        said("c", box("b3", LEFT, 0.6, mask=mask_c)),
    ]
    assert [found.mask_rle for found in flat(*rows)] == [mask_b]
    rows[1] = said("b", box("b2", LEFT, 0.9))
    assert [found.mask_rle for found in flat(*rows)] == [mask_c]
    assert [found.mask_rle for found in flat(said("a", box("b1")), said("b", box("b2")))] == [None]


@pytest.mark.parametrize(
    ("first", "second", "score", "kind"),
    [
        ((0.4, "detector"), (0.8, "detector"), 0.6, "detector"),
        ((0.4, "logprob"), (0.8, "logprob"), 0.6, "logprob"),
        ((0.4, "detector"), (0.8, "logprob"), None, "none"),
        ((0.4, "detector"), (None, "none"), None, "none"),
        ((None, "none"), (None, "none"), None, "none"),
        ((0.4, "detector"), (None, "detector"), None, "none"),
        ((0.0, "detector"), (0.0, "detector"), 0.0, "detector"),
    ],
)
def test_scores_have_a_mean_only_when_they_are_of_one_kind(first, second, score, kind):
    (found,) = flat(said("a", box("b1", LEFT, *first)), said("b", box("b2", LEFT, *second)))
    assert found.score == (None if score is None else pytest.approx(score))
    assert found.score_kind == kind


def test_a_box_without_a_score_weighs_like_the_best_score():
    (found,) = flat(said("a", box("b1", LEFT)), said("b", box("b2", NEAR_LEFT, 1.0)))
    assert found.corners == pytest.approx((0.0, 0.0, 0.42, 0.4))


def test_queries_the_project_no_longer_asks_have_no_boxes_and_no_votes():
    rows = said("a", box("b1", LEFT, 0.9), query="old"), said("b", box("b2", LEFT, 0.9), query="old")
    assert flat(*rows) == []
    assert [found.box_id for found in flat(*rows, said("a", box("b3", LEFT, 0.1)))] == ["b3"]


def test_images_come_in_order_each_once_and_those_without_a_box_not_at_all():
    rows = [said("a", box(f"{image}-2", RIGHT), box(f"{image}-1"), image=image) for image in ("c", "a", "d")]
    rows.append(said("a", image="b"))
    found = list(boxes_by_image(to_table("label", rows), CLASSES, 0.5))
    assert [(image, [one.box_id for one in boxes]) for image, boxes in found] == [
        ("a", ["a-1", "a-2"]),
        ("c", ["c-1", "c-2"]),
        ("d", ["d-1", "d-2"]),
    ]
    assert [one for _, boxes in found for one in boxes] == flat(*rows)
    assert list(boxes_by_image(empty_table("label"), CLASSES, 0.5)) == []


def test_an_image_with_more_rows_than_are_read_at_once_is_one_image():
    """256 rows are read at once: here image b begins before and ends behind that border, as does one of its queries."""
    classes = {f"q{number:03}": f"c{number:03}" for number in range(200)}
    rows = [
        said(backend, box(f"{image}{query}{backend}", LEFT, 0.5), image=image, query=query)
        for image in ("a", "b")
        for query in classes
        for backend in ("x", "y", "z")
    ]
    found = list(boxes_by_image(to_table("label", rows), classes, 0.5))
    assert [(image, len(boxes)) for image, boxes in found] == [("a", 200), ("b", 200)]
    assert {one.agreement for _, boxes in found for one in boxes} == {1.0}


class Remembering(Mapping[str, str]):
    """A class map that counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __getitem__(self, query: str) -> str:
        self.asked += 1
        return CLASSES[query]

    def __iter__(self) -> Iterator[str]:
        return iter(CLASSES)

    def __len__(self) -> int:
        return len(CLASSES)


def test_an_image_is_looked_at_when_its_turn_comes_and_not_before():
    rows = [said("a", box(f"b{number}"), image=f"{number:04}") for number in range(1000)]
    classes = Remembering()
    stream = boxes_by_image(to_table("label", rows), classes, 0.5)
    assert classes.asked == 0
    assert next(stream)[0] == "0000"
    assert classes.asked < 10
    assert sum(1 for _ in stream) == 999


def test_a_fused_box_is_a_whole_box():
    rows = [
        said(name, box(f"{name}1", LEFT, 0.0), box(f"{name}2", RIGHT, score)) for name, score in (("a", 1), ("b", 0))
    ]
    found = flat(*rows)
    assert len(found) == 2
    assert valid(as_boxes([one.corners for one in found])).all()

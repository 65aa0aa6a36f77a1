"""A data set beside a reference: the numbers."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from other_datasets import changed
from reference_scores import pycocotools_says, random_pair

from dlf_core.comparison import MOST_IMAGES, compare
from dlf_core.errors import FormatError
from dlf_core.evaluate import evaluate
from dlf_core.formats.dataset import Dataset, LabeledBox, LabeledImage

SCORES = ("precision", "recall", "ap50", "ap")


def box(x1: float, x2: float, name: str = "drone", **more: Any) -> LabeledBox:
    return LabeledBox(name, x1, 0.1, x2, 0.9, **more)


def image(name: str, *boxes: LabeledBox, **more: Any) -> LabeledImage:
    return LabeledImage(name, f"{name}.jpg", 640, 480, "train", boxes=boxes, **more)


def dataset(*images: LabeledImage, classes: tuple[str, ...] = ("drone", "bird"), name: str = "d") -> Dataset:
    return Dataset.of(name, classes, images)


@pytest.mark.parametrize("seed", range(6))
def test_the_numbers_are_those_of_evaluate_and_of_pycocotools(seed: int) -> None:
    truth, found = random_pair(seed)
    compared, measured, reference = compare(found, truth), evaluate(truth, found), pycocotools_says(truth, found)
    for name in SCORES:
        assert getattr(compared, name) == getattr(measured, name) == pytest.approx(reference[name], abs=1e-9)


def test_the_boxes_that_are_counted_are_those_that_are_measured() -> None:
    truth, found = random_pair(0)
    assert any(one.crowd for image in truth.images for one in image.boxes)
    compared, reference = compare(found, truth), pycocotools_says(truth, found)
    assert (compared.boxes, compared.reference_boxes) == (reference["boxes"], reference["truth_boxes"])
    assert sum(one.boxes for one in compared.classes) == compared.boxes
    assert sum(one.reference_boxes for one in compared.classes) == compared.reference_boxes


def test_the_numbers_of_a_class_are_those_of_its_boxes_alone() -> None:
    truth, found = random_pair(20, images=30)
    for one in compare(found, truth).classes:
        alone = evaluate(truth, found, [one.name])
        assert (one.boxes, one.reference_boxes) == (alone.boxes, alone.truth_boxes)
        assert [one.precision, one.recall, one.ap50] == pytest.approx([alone.precision, alone.recall, alone.ap50])
        assert 0 < one.ap50 < 1


def test_a_class_without_a_box_has_no_numbers() -> None:
    compared = compare(dataset(image("a", box(0, 0.5))), dataset(image("a", box(0, 0.5))))
    drone, bird = compared.classes
    assert (drone.precision, drone.recall) == (1.0, 1.0)
    assert (bird.name, bird.boxes, bird.reference_boxes) == ("bird", 0, 0)
    assert (bird.precision, bird.recall, bird.ap50) == (None, None, None)


def test_only_classes_that_both_have_count() -> None:
    found = dataset(image("a", box(0, 0.5), box(0.6, 0.9, "spool")), classes=("spool", "drone"))
    reference = dataset(image("a", box(0, 0.5), box(0.6, 0.9, "bird")), classes=("bird", "drone"))
    compared = compare(found, reference)
    assert [one.name for one in compared.classes] == ["drone"]
    assert (compared.boxes, compared.reference_boxes, compared.precision, compared.recall) == (1, 1, 1.0, 1.0)
    assert compared.worst == []


def test_each_box_has_one_partner_and_the_best_pairs_come_first() -> None:
    reference = dataset(image("a", box(0.0, 0.4), box(0.1, 0.5)))
    found = dataset(image("a", box(0.06, 0.46, query="q"), box(0.1, 0.5, query="r"), box(0.1, 0.5, query="s")))
    compared = compare(found, reference)
    assert {one.query: one.agreement for one in compared.queries} == {"q": 1.0, "r": 1.0, "s": 0.0}
    assert [(one.only_here, one.only_there) for one in compared.worst] == [(1, 0)]


def test_the_best_pair_is_taken_also_where_others_are_left_alone_by_it() -> None:
    reference = dataset(image("a", box(0.0, 0.4), box(0.1, 0.5)))
    found = dataset(image("a", box(0.2, 0.6, query="q"), box(0.1, 0.5, query="r")))
    compared = compare(found, reference)
    assert {one.query: one.agreement for one in compared.queries} == {"q": 0.0, "r": 1.0}
    assert [(one.only_here, one.only_there) for one in compared.worst] == [(1, 1)]


def test_a_box_of_another_class_or_too_far_off_is_no_partner() -> None:
    reference = dataset(image("a", box(0, 0.5, "bird")), image("b", box(0, 0.4)))
    found = dataset(image("a", box(0, 0.5)), image("b", box(0.2, 0.6)))
    compared = compare(found, reference)
    assert [(one.image_id, one.only_here, one.only_there) for one in compared.worst] == [("a", 1, 1), ("b", 1, 1)]
    assert compared.precision == 0


def test_a_query_agrees_with_the_share_of_its_boxes_that_are_there_too() -> None:
    found = dataset(
        image("a", box(0, 0.2, query="red drone"), box(0.3, 0.5, query="red drone"), box(0.6, 0.8, query="bird")),
        image("b", box(0, 0.2, query="red drone"), box(0.5, 0.9)),
    )
    reference = dataset(image("a", box(0, 0.2), box(0.6, 0.8)), image("b", box(0, 0.2)))
    said = {"red drone": (3, 4), "never found": (0, 2)}
    compared = compare(found, reference, said)
    red, *others = compared.queries
    assert (red.query, red.boxes, red.agreement, red.yes_rate) == ("red drone", 3, pytest.approx(2 / 3), 0.75)
    assert sorted((one.query, one.boxes, one.agreement, one.yes_rate) for one in others) == [
        ("bird", 1, 1.0, None),
        ("drone", 1, 0.0, None),  # of no query: its class
        ("never found", 0, None, 0.0),
    ]
    assert compared.yes_rate == 0.5


def test_yes_rates_are_of_what_was_verified() -> None:
    plain = dataset(image("a", box(0, 0.5)))
    verdicts = ("YES", "YES", "NO", "UNSURE", "ERROR", None)
    other = dataset(image("a", *(box(0.1 * n, 0.1 * n + 0.1, verdict=said) for n, said in enumerate(verdicts))))
    assert compare(plain, other).reference_yes_rate == 0.5
    assert compare(plain, other).yes_rate is None
    assert compare(other, plain, {"q": (0, 0)}).yes_rate is None
    assert compare(other, plain).reference_yes_rate is None


def test_counts_are_boxes_here_minus_boxes_there() -> None:
    found = dataset(image("a", box(0, 0.2), box(0.3, 0.5)), image("b"), image("c", box(0, 0.2)), image("d"))
    reference = dataset(image("a"), image("b", box(0, 0.2)), image("c", box(0.5, 0.9)), image("d"))
    assert compare(found, reference).counts == {-1: 1, 0: 2, 2: 1}


def test_the_worst_images_come_first_and_no_more_than_a_screen_holds() -> None:
    def some(count: int) -> list[LabeledBox]:
        return [box(0.1 * n, 0.1 * n + 0.1) for n in range(count)]

    found = [image(f"{number:02}", *some(number % 4), bucket="positive/x") for number in range(40)]
    reference = [image(f"{number:02}", *(some(1) if number == 0 else [])) for number in range(40)]
    worst = compare(dataset(*found), dataset(*reference)).worst
    assert [one.image_id for one in worst[:11]] == [f"{number:02}" for number in range(3, 40, 4)] + ["02"]
    assert len(worst) == MOST_IMAGES
    first = worst[0]
    assert (first.file_name, first.bucket, first.only_here, first.only_there) == ("03.jpg", "positive/x", 3, 0)
    every = compare(dataset(*found[:1]), dataset(*reference[:1])).worst
    assert [(one.only_here, one.only_there) for one in every] == [(0, 1)]


def test_boxes_on_a_crowd_count_neither_as_right_nor_as_wrong() -> None:
    crowd = box(0.5, 1.0, crowd=True)
    reference = dataset(image("a", box(0, 0.2), crowd), image("b", crowd))
    inside = [box(0.5, 0.6, query="q"), box(0.6, 0.7, query="q"), box(0.7, 0.8, query="q")]
    found = dataset(image("a", box(0, 0.2, query="q"), *inside), image("b"))
    compared = compare(found, reference)
    assert (compared.precision, compared.recall) == (1.0, 1.0)
    assert (compared.boxes, compared.reference_boxes) == (1, 1)
    assert (compared.counts, list(compared.worst)) == ({0: 2}, [])
    assert [(one.boxes, one.agreement) for one in compared.queries] == [(1, 1.0)]
    beside = changed(found, images=[image("a", box(0, 0.2), box(0.5, 0.6, "bird")), image("b", box(0.3, 0.4))])
    assert [one.only_here for one in compare(beside, reference).worst] == [1, 1]


def test_without_boxes_there_are_no_numbers() -> None:
    compared = compare(dataset(image("a")), dataset(image("a")))
    assert [getattr(compared, name) for name in SCORES] == [None] * 4
    assert (compared.images, compared.counts, compared.queries) == (1, {0: 1}, [])
    missed = compare(dataset(image("a")), dataset(image("a", box(0, 0.5))))
    assert (missed.precision, missed.recall) == (None, 0.0)


def test_what_shares_nothing_is_a_sentence() -> None:
    ours = dataset(image("a", box(0, 0.5)), name="ours")
    with pytest.raises(FormatError, match="'ours' and 'd' share no image, neither by hash nor by file name"):
        compare(ours, dataset(image("b")))
    with pytest.raises(FormatError, match=r"share no class; the reference has: UAV, plane\. .*--classes"):
        compare(ours, dataset(image("a"), classes=("UAV", "plane")))


def test_it_becomes_plain_values() -> None:
    truth, found = random_pair(2)
    told = compare(found, truth, {"q": (1, 3)}).as_dict()
    assert told["yes_rate"] == 0.3333
    assert told["precision"] == round(compare(found, truth).precision or 0, 4)
    assert set(told["classes"][0]) == {"name", "boxes", "reference_boxes", "precision", "recall", "ap50"}
    assert set(told["worst"][0]) == {"image_id", "file_name", "bucket", "only_here", "only_there"}


def many(jitter: float, images: int, boxes: int, classes: list[str]) -> Dataset:
    draw = np.random.default_rng(0)
    low = draw.uniform(0, 0.7, (images, boxes, 2))
    high = low + draw.uniform(0.05, 0.3, (images, boxes, 2))
    kinds, shift = draw.integers(len(classes), size=(images, boxes)), draw.normal(0, jitter, (images, boxes, 2))
    low, high = np.clip(low + shift, 0, 1).tolist(), np.clip(high + shift, 0, 1).tolist()
    return Dataset.of(
        "many",
        classes,
        (
            image(f"{n:032x}", *(LabeledBox(classes[kinds[n, b]], *low[n][b], *high[n][b]) for b in range(boxes)))
            for n in range(images)
        ),
    )


def test_two_thousand_images_of_many_classes_take_seconds() -> None:
    classes = [f"class {number}" for number in range(40)]
    reference, found = many(0, 2000, 10, classes), many(0.02, 2000, 10, classes)
    began = time.process_time()
    compared = compare(found, reference)
    assert time.process_time() - began < 5
    assert (compared.images, compared.boxes) == (2000, 20_000)
    assert 0.5 < compared.precision < 1

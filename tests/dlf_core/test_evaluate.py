from __future__ import annotations

import pytest
from reference_scores import box, dataset, image, pycocotools_says, random_pair

from dlf_core.errors import FormatError
from dlf_core.evaluate import evaluate
from dlf_core.formats.dataset import Dataset, LabeledImage


@pytest.mark.parametrize("seed", range(12))
def test_all_numbers_equal_those_of_pycocotools(seed):
    truth, found = random_pair(seed)
    mine, reference = evaluate(truth, found), pycocotools_says(truth, found)
    assert any(b.crowd for one in truth.images for b in one.boxes)
    assert {key: getattr(mine, key) for key in reference} == pytest.approx(reference, abs=1e-9)
    assert 0 < mine.ap < mine.ap50 < 1


def test_all_numbers_equal_those_of_pycocotools_with_more_than_100_boxes_of_a_class_in_an_image():
    truth, found = random_pair(3, images=2, truths=150, extra=150, classes=1)
    assert max(len(one.boxes) for one in found.images) > 100
    reference = pycocotools_says(truth, found, most=1000)
    mine = evaluate(truth, found)
    assert {key: getattr(mine, key) for key in reference} == pytest.approx(reference, abs=1e-9)


def test_a_known_case_by_hand():
    truth = dataset(image("a", box(0, 0.2), box(0.5, 0.7)), image("b", box(0, 0.2)))
    found = dataset(image("a", box(0, 0.2, 0.9), box(0.8, 0.9, 0.8)), image("b", box(0, 0.2, 0.7)))
    result = evaluate(truth, found)
    assert (result.images, result.truth_boxes, result.boxes, result.true_positives) == (2, 3, 3, 2)
    assert (result.precision, result.recall) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    # recall 1/3 (34 of 101 points) at precision 1, up to 2/3 (33 more) at 2/3, none beyond
    assert result.ap50 == pytest.approx((34 * 1 + 33 * 2 / 3) / 101)


def test_perfect_boxes_have_perfect_numbers():
    truth, _ = random_pair(1)
    result = evaluate(truth, dataset(*truth.images))
    assert (result.precision, result.recall) == (1.0, 1.0)
    assert (result.ap50, result.ap) == (pytest.approx(1.0), pytest.approx(1.0))


def test_a_second_box_on_one_object_is_wrong():
    result = evaluate(dataset(image("a", box(0, 0.5))), dataset(image("a", box(0, 0.5, 0.9), box(0, 0.49, 0.8))))
    assert (result.true_positives, result.boxes, result.precision) == (1, 2, 0.5)


def test_boxes_on_a_crowd_count_neither_as_right_nor_as_wrong():
    truth = dataset(image("a", box(0, 0.3), box(0.5, 1, crowd=True)))
    result = evaluate(truth, dataset(image("a", box(0, 0.3, 0.9), box(0.5, 0.7, 0.8), box(0.7, 0.9, 0.7))))
    assert (result.truth_boxes, result.boxes, result.true_positives, result.precision) == (1, 1, 1, 1.0)


def test_images_that_were_not_labelled_are_missed_and_images_without_truth_are_left_out():
    truth = dataset(image("a", box(0, 0.3)), image("b", box(0, 0.3)))
    result = evaluate(truth, dataset(image("a", box(0, 0.3, 0.9)), image("z", box(0, 0.3, 0.9))))
    assert (result.images, result.boxes, result.precision, result.recall) == (2, 1, 1.0, 0.5)


def test_images_are_matched_by_the_name_they_had_at_their_source():
    truth = dataset(image("000001.jpg", box(0, 0.3)))
    found = dataset(image("abcdef.jpg", box(0, 0.3, 0.9), source_name="000001.jpg"))
    assert evaluate(truth, found).recall == 1.0


def test_only_the_classes_asked_for_are_compared():
    truth = dataset(image("a", box(0, 0.3), box(0.5, 0.9, name="bird")))
    found = dataset(image("a", box(0, 0.3, 0.9), box(0.5, 0.9, 0.8, name="spool")), classes=["drone", "spool"])
    assert (evaluate(truth, found).truth_boxes, evaluate(truth, found).precision) == (1, 0.5)
    assert evaluate(truth, found, ["drone"]).precision == 1.0
    assert evaluate(truth, found, ["bird"]).recall == 0.0


def test_boxes_without_scores_are_counted():
    truth = dataset(image("a", box(0, 0.3)))
    result = evaluate(truth, dataset(image("a", box(0, 0.3))))
    assert (result.boxes, result.precision, result.ap50) == (1, 1.0, pytest.approx(1.0))


def test_what_cannot_be_told_is_none_and_what_was_missed_is_zero():
    some, none = dataset(image("a", box(0, 0.3, 0.9))), dataset(image("a"))
    missed, invented, silent = evaluate(some, none), evaluate(none, some), evaluate(none, none)
    assert (missed.precision, missed.recall, missed.ap50, missed.ap) == (None, 0.0, 0.0, 0.0)
    assert (invented.precision, invented.recall, invented.ap50, invented.ap) == (0.0, None, None, None)
    assert (silent.precision, silent.recall, silent.ap50, silent.ap) == (None, None, None, None)
    crowd = evaluate(dataset(image("a", box(0, 0.3, crowd=True))), some)
    assert (crowd.precision, crowd.recall, crowd.ap50, crowd.truth_boxes) == (None, None, None, 0)


def test_numbers_are_shown_with_four_digits():
    truth, found = (
        dataset(image("a", *[box(n / 3, n / 3 + 0.2) for n in range(3)])),
        dataset(image("a", box(0, 0.2, 1))),
    )
    shown = evaluate(truth, found).as_dict()
    assert (shown["recall"], shown["precision"], shown["truth_boxes"]) == (0.3333, 1.0, 3)


def test_two_images_of_one_name_are_told_and_not_mixed_up():
    image = LabeledImage("a", "IMG_1.jpg", 10, 10, "train")
    other = LabeledImage("b", "b.jpg", 10, 10, "train", source_name="IMG_1.jpg")
    truth = Dataset.of("truth", ["x"], [image])
    with pytest.raises(FormatError, match=r"two images are called IMG_1\.jpg"):
        evaluate(truth, Dataset.of("found", ["x"], [image, other]))

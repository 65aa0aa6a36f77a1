from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

from dlf_core.errors import FormatError
from dlf_core.evaluate import evaluate
from dlf_core.formats.dataset import Dataset, LabeledBox, LabeledImage

CLASSES = ["drone", "spool", "bird"]


def image(name: str, *boxes: LabeledBox, source_name: str | None = None) -> LabeledImage:
    return LabeledImage(name, name, 640, 480, "train", boxes=boxes, source_name=source_name)


def box(x1: float, x2: float, score: float | None = None, name: str = "drone", crowd: bool = False) -> LabeledBox:
    return LabeledBox(name, x1, 0.1, x2, 0.9, score=score, crowd=crowd)


def dataset(*images: LabeledImage, classes: list[str] = CLASSES) -> Dataset:
    return Dataset.of("d", classes, images)


def random_pair(
    seed: int, images: int = 8, truths: int = 6, extra: int = 5, classes: int = 3
) -> tuple[Dataset, Dataset]:
    """Ground truth with crowds, and boxes near it, beside it and doubled, with distinct scores."""
    draw = np.random.default_rng(seed)
    truth, found = [], []
    scores = iter(draw.permutation(100_000) / 100_000)

    def labeled(x, y, w, h, name, **more) -> LabeledBox:
        corners = np.clip([x, y, x + w, y + h], 0, 1)
        return LabeledBox(name, *(float(value) for value in corners), **more)

    for number in range(images):
        real, guess = [], []
        for _ in range(int(draw.integers(0, truths))):
            x, y = draw.uniform(0, 0.7, 2)
            w, h = draw.uniform(0.05, 0.3, 2)
            name = CLASSES[draw.integers(classes)]
            real.append(labeled(x, y, w, h, name, crowd=bool(draw.random() < 0.2)))
            for _ in range(int(draw.integers(0, 3))):
                dx, dy = draw.normal(0, 0.02, 2)
                wrong = CLASSES[draw.integers(classes)] if draw.random() < 0.15 else name
                guess.append(labeled(x + dx, y + dy, w * draw.uniform(0.8, 1.2), h, wrong, score=float(next(scores))))
        for _ in range(int(draw.integers(0, extra))):
            x, y = draw.uniform(0, 0.7, 2)
            guess.append(labeled(x, y, 0.2, 0.2, CLASSES[draw.integers(classes)], score=float(next(scores))))
        truth.append(image(f"{number}.jpg", *real))
        found.append(image(f"{number}.jpg", *guess))
    return dataset(*truth), dataset(*found)


def pycocotools_says(truth: Dataset, found: Dataset, most: int = 100) -> dict[str, float]:
    """AP, AP50 and the counts at IoU 0.5, by the reference implementation."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def rows(data: Dataset):
        for number, one in enumerate(data.images, start=1):
            for b in one.boxes:
                w, h = (b.x2 - b.x1) * one.width, (b.y2 - b.y1) * one.height
                row = {"image_id": number, "category_id": CLASSES.index(b.class_name) + 1}
                yield b, row | {"bbox": [b.x1 * one.width, b.y1 * one.height, w, h], "area": w * h}

    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [{"id": n + 1, "width": 640, "height": 480} for n in range(len(truth.images))],
            "categories": [{"id": n + 1, "name": name} for n, name in enumerate(CLASSES)],
            "annotations": [
                row | {"id": n, "iscrowd": int(b.crowd)} for n, (b, row) in enumerate(rows(truth), start=1)
            ],
        }
        coco.createIndex()
        scoring = COCOeval(coco, coco.loadRes([row | {"score": b.score} for b, row in rows(found)]), "bbox")
        scoring.params.maxDets = [1, 10, most]
        scoring.evaluate()
        scoring.accumulate()
    precision = scoring.eval["precision"][:, :, :, 0, -1]
    cells = [c for c in scoring.evalImgs if c is not None and c["aRng"] == scoring.params.areaRng[0]]
    counted = sum(int((~c["dtIgnore"][0].astype(bool)).sum()) for c in cells)
    right = sum(int(((c["dtMatches"][0] > 0) & ~c["dtIgnore"][0].astype(bool)).sum()) for c in cells)
    real = sum(not b.crowd for b, _ in rows(truth))
    return {
        "ap": precision[precision > -1].mean(),
        "ap50": precision[0][precision[0] > -1].mean(),
        "precision": right / counted,
        "recall": right / real,
        "boxes": counted,
        "true_positives": right,
        "truth_boxes": real,
    }


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

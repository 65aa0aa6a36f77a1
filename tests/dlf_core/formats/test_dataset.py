from __future__ import annotations

from dataclasses import replace

import pytest
from other_datasets import changed


def test_the_boxes_of_all_images_are_counted(dataset):
    assert dataset.box_count == 4


def test_equal_data_sets_have_equal_fingerprints_whatever_the_order(dataset):
    turned = changed(dataset, images=[replace(i, boxes=list(reversed(i.boxes))) for i in reversed(dataset.images)])
    assert turned.fingerprint() == dataset.fingerprint()
    assert len(dataset.fingerprint()) == 64


def test_the_fingerprint_of_boxes_that_differ_only_in_verdict_can_be_made(dataset):
    first = dataset.images[0]
    twins = [replace(first.boxes[0], verdict=None), replace(first.boxes[0], verdict="YES")]
    one = changed(dataset, images=[replace(first, boxes=twins)])
    other = changed(dataset, images=[replace(first, boxes=twins[::-1])])
    assert one.fingerprint() == other.fingerprint()


@pytest.mark.parametrize(
    "change",
    [
        lambda d: changed(d, name="other"),
        lambda d: changed(d, classes=list(reversed(d.classes))),
        lambda d: changed(d, images=d.images[1:]),
        lambda d: changed(d, images=[replace(d.images[0], split="val"), *d.images[1:]]),
        lambda d: changed(d, images=[replace(d.images[0], boxes=d.images[0].boxes[:1]), *d.images[1:]]),
        lambda d: changed(
            d, images=[replace(d.images[0], boxes=[replace(d.images[0].boxes[0], x1=0.2)]), *d.images[1:]]
        ),
        lambda d: changed(
            d, images=[replace(d.images[0], boxes=[replace(b, decision="rejected") for b in d.images[0].boxes])]
        ),
    ],
)
def test_any_other_class_image_split_box_or_decision_changes_the_fingerprint(dataset, change):
    assert change(dataset).fingerprint() != dataset.fingerprint()

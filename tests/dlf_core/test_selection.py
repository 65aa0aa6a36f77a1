"""What of a data set is passed on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from any_datasets import any_dataset
from hypothesis import given

from dlf_core.errors import FactoryError
from dlf_core.formats.dataset import Dataset, LabeledBox, LabeledImage
from dlf_core.selection import Selection, select


def box(name: str, box_id: str, decision: str = "none", p_yes: float | None = None) -> LabeledBox:
    return LabeledBox(name, 0.1, 0.1, 0.5, 0.5, box_id, decision=decision, p_yes=p_yes)


def dataset(**images: list[LabeledBox]) -> Dataset:
    rows = [LabeledImage(name, f"{name}.jpg", 64, 48, "train", boxes=boxes) for name, boxes in images.items()]
    return Dataset.of("d", ["dog", "cat", "cow"], rows, "animals")


MIXED = dataset(
    both=[box("dog", "a", "approved", 0.2), box("cat", "b", "none", 0.8)],
    doubtful=[box("dog", "c", "none", 0.4)],
    unscored=[box("cow", "d", "none")],
    empty=[],
)


def kept(found: Dataset) -> dict[str, list[str | None]]:
    return {image.image_id: [one.box_id for one in image.boxes] for image in found.images}


def chosen(data: Dataset = MIXED, **options: Any) -> dict[str, list[str | None]]:
    return kept(select(data, Selection(**options)))


@given(data=any_dataset())
def test_without_a_wish_the_data_set_stays_as_it_is(data: Dataset) -> None:
    assert select(data, Selection()) == data


def test_only_approved_boxes_stay_and_images_that_had_only_others_go() -> None:
    assert chosen(only_approved=True) == {"both": ["a"], "empty": []}


def test_boxes_of_a_high_score_stay_and_so_do_approved_ones() -> None:
    assert chosen(min_p_yes=0.5) == {"both": ["a", "b"], "empty": []}
    assert chosen(min_p_yes=0.4) == {"both": ["a", "b"], "doubtful": ["c"], "empty": []}


def test_the_score_itself_is_enough() -> None:
    data = dataset(one=[box("dog", "a", p_yes=0.7)], two=[box("dog", "b", p_yes=0.7 - 1e-12)])
    assert chosen(data, min_p_yes=0.7) == {"one": ["a"]}


def test_a_score_of_nothing_asks_for_a_score_all_the_same() -> None:
    assert chosen(min_p_yes=0.0) == {"both": ["a", "b"], "doubtful": ["c"], "empty": []}


def test_approved_and_score_together_are_approved() -> None:
    assert chosen(only_approved=True, min_p_yes=0.9) == {"both": ["a"], "empty": []}


@pytest.mark.parametrize("decision", ["rejected", "unsure", "none"])
def test_only_approved_is_approved(decision: str) -> None:
    assert chosen(dataset(one=[box("dog", "a", decision, 1.0)]), only_approved=True) == {}


def test_a_box_that_nobody_has_decided_on_is_not_approved() -> None:
    unknown = LabeledBox("dog", 0, 0, 1, 1, "a")
    assert chosen(dataset(one=[unknown]), only_approved=True) == {}


def test_without_negatives_images_without_boxes_go() -> None:
    assert chosen(negatives=False) == {"both": ["a", "b"], "doubtful": ["c"], "unscored": ["d"]}
    assert chosen(negatives=False, only_approved=True) == {"both": ["a"]}


def test_a_class_gets_its_new_name_and_its_old_place() -> None:
    found = select(MIXED, Selection(classes={"dog": "hound"}))
    assert found.classes == ["hound", "cat", "cow"]
    assert [one.class_name for image in found.images for one in image.boxes] == ["hound", "cat", "hound", "cow"]
    assert kept(found) == kept(MIXED)


def test_classes_may_become_one_or_change_names() -> None:
    merged = select(MIXED, Selection(classes={"cat": "dog"}))
    assert merged.classes == ["dog", "cow"]
    swapped = select(MIXED, Selection(classes={"cat": "dog", "dog": "cat"}))
    assert swapped.classes == ["cat", "dog", "cow"]
    assert [one.class_name for one in swapped.images[0].boxes] == ["cat", "dog"]


def test_a_class_that_is_left_out_takes_its_boxes_and_leaves_negatives() -> None:
    found = select(MIXED, Selection(classes={"dog": None}))
    assert found.classes == ["cat", "cow"]
    assert kept(found) == {"both": ["b"], "doubtful": [], "unscored": ["d"], "empty": []}


def test_a_star_is_every_class_that_is_not_named() -> None:
    found = select(MIXED, Selection(classes={"dog": "hound", "*": None}))
    assert (found.classes, kept(found)["both"]) == (["hound"], ["a"])
    found = select(MIXED, Selection(classes={"dog": "dog", "*": "animal"}))
    assert (found.classes, found.box_count) == (["dog", "animal"], MIXED.box_count)


@pytest.mark.parametrize("classes", [{}, {"dog": None}, {"cat": None}])
def test_an_image_of_doubtful_boxes_alone_is_no_negative_whatever_becomes_of_their_class(
    classes: Mapping[str, None],
) -> None:
    assert chosen(dataset(one=[box("dog", "a", "unsure")]), only_approved=True, classes=classes) == {}


def test_a_trusted_box_of_a_class_that_goes_makes_no_negative_of_a_doubtful_one_of_a_class_that_stays() -> None:
    data = dataset(one=[box("dog", "a", "approved"), box("cat", "b", "unsure")])
    assert chosen(data, only_approved=True, classes={"dog": None}) == {}
    assert chosen(data, only_approved=True, classes={"cat": None}) == {"one": ["a"]}


def test_what_is_known_of_images_and_boxes_stays() -> None:
    found = select(MIXED, Selection(only_approved=True))
    assert found.images[0].boxes[0] == MIXED.images[0].boxes[0]
    assert (found.images[1], found.name, found.description) == (MIXED.images[3], "d", "animals")


def test_the_data_set_itself_is_not_changed() -> None:
    before = MIXED.fingerprint()
    select(MIXED, Selection(only_approved=True, classes={"dog": "hound", "cat": None}))
    assert MIXED.fingerprint() == before


def test_a_class_that_there_is_not_is_named_with_those_there_are() -> None:
    with pytest.raises(FactoryError, match=r"the data set has no class 'wolf'; it has: dog, cat, cow\.$"):
        select(MIXED, Selection(classes={"dog": "hound", "wolf": None}))


def test_one_class_must_stay() -> None:
    with pytest.raises(FactoryError, match="no class is left; keep at least one"):
        select(MIXED, Selection(classes={"dog": None, "cat": None, "cow": None}))


def test_a_data_set_without_images_stays_one() -> None:
    found = select(dataset(), Selection(only_approved=True, min_p_yes=0.5, negatives=False, classes={"dog": None}))
    assert (len(found.images), found.box_count, found.classes) == (0, 0, ["cat", "cow"])

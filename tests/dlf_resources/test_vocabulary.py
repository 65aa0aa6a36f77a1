"""From a phrase to one of the 80 COCO classes, or to a sentence that names a backend that takes any phrase."""

from __future__ import annotations

import pytest

from dlf_core.errors import QueryNotKnown
from dlf_resources.detectors.vocabulary import class_index, class_names, require_class


def named(phrase: str) -> str | None:
    index = class_index(phrase)
    return None if index is None else class_names()[index]


def test_the_classes_are_cocos_80_in_cocos_order() -> None:
    names = class_names()
    assert len(names) == len(set(names)) == 80
    assert (names[0], names[22], names[11], names[79]) == ("person", "zebra", "stop sign", "toothbrush")


@pytest.mark.parametrize("index", range(80))
def test_every_class_is_known_by_its_name_in_any_case_and_as_a_plural(index: int) -> None:
    name = class_names()[index]
    assert class_index(name) == class_index(name.upper()) == class_index(f"  {name} ") == index
    assert class_index(name.replace(" ", "_")) == class_index(name.replace(" ", "-")) == index
    if not name.endswith(("s", "sh", "ch", "knife", "mouse", "person")):
        assert class_index(f"{name}s") == index


@pytest.mark.parametrize(
    ("phrase", "name"),
    [
        ("a stop sign", "stop sign"),
        ("The Fire Hydrants", "fire hydrant"),
        ("an umbrella", "umbrella"),
        ("traffic  lights", "traffic light"),
        ("buses", "bus"),
        ("benches", "bench"),
        ("wine glasses", "wine glass"),
        ("toothbrushes", "toothbrush"),
        ("sandwiches", "sandwich"),
        ("persons", "person"),
        ("ties", "tie"),
        ("skis", "skis"),
        ("scissors", "scissors"),
    ],
)
def test_articles_and_regular_plurals(phrase: str, name: str) -> None:
    assert named(phrase) == name


@pytest.mark.parametrize(
    ("phrase", "name"),
    [
        ("people", "person"),
        ("women", "person"),
        ("children", "person"),
        ("pedestrians", "person"),
        ("knives", "knife"),
        ("mice", "mouse"),
        ("sheep", "sheep"),
        ("puppies", "dog"),
        ("ponies", "horse"),
        ("motorbikes", "motorcycle"),
        ("sofa", "couch"),
        ("a smartphone", "cell phone"),
        ("aeroplanes", "airplane"),
        ("tv monitors", "tv"),
        ("lorries", "truck"),
    ],
)
def test_irregular_plurals_and_synonyms(phrase: str, name: str) -> None:
    assert named(phrase) == name


@pytest.mark.parametrize("phrase", ["drone", "red car", "personal", "stop", "", " ", "s", "es", "the", "a", "照片"])
def test_what_is_none_of_them_is_not_guessed(phrase: str) -> None:
    assert class_index(phrase) is None


@pytest.mark.parametrize("phrase", ["skies", "cares"])
def test_a_word_that_only_ends_like_a_plural_is_not_taken_for_one(phrase: str) -> None:
    assert class_index(phrase) is None


def test_an_unknown_query_is_told_with_the_backends_that_take_it() -> None:
    with pytest.raises(QueryNotKnown) as caught:
        require_class("quadcopter", "query")
    assert str(caught.value) == (
        "the embedded backend knows the 80 COCO classes and query 'quadcopter' is none of them; "
        "a phrase of your own needs a real backend: falcon or qwen (backends: in the YAML, or --backend)."
    )


def test_an_unknown_query_is_told_with_the_nearest_class() -> None:
    with pytest.raises(
        QueryNotKnown, match=r"target_object 'Zebbra' is none of them \(nearest: zebra\); .*falcon or qwen"
    ):
        require_class("Zebbra", "target_object")


def test_a_known_query_is_its_index() -> None:
    assert require_class("zebras", "query") == 22

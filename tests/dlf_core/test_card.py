"""The card's numbers, and the front matter that the Hub reads."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hub.card import LICENSES, SIZES, Card, checked
from markdown_it import MarkdownIt
from other_datasets import changed

from dlf_core.card import Asked, Provenance, card_markdown
from dlf_core.formats.dataset import Dataset, LabeledBox, LabeledImage

MADE = Provenance("people", {"person": "person"})
BY = {"license": "CC BY 4.0", "author": "Ann"}


def picture(number: int = 1, *names: str, split: str = "train", **more: Any) -> LabeledImage:
    boxes = [LabeledBox(name, 0.1, 0.1, 0.5, 0.5, f"b{number}-{place}") for place, name in enumerate(names)]
    return LabeledImage(f"{number:032x}", f"{number:032x}.jpg", 64, 48, split, boxes=boxes, **(BY | more))


def people(*images: LabeledImage, classes: tuple[str, ...] = ("person",), name: str = "people") -> Dataset:
    return Dataset.of(name, classes, images or [picture(1, "person")], "People in photos")


def front(dataset: Dataset, **how: Any) -> dict[str, Any]:
    """The front matter, when the Hub has nothing against it."""
    text = card_markdown(dataset, MADE, **how)
    assert checked(text) == ([], [])
    found = Card.of(text).metadata
    assert isinstance(found, dict)
    return found


def tables(text: str) -> list[list[list[str]]]:
    """The card's tables, as a Markdown parser sees them: rows of cells, the head first."""
    found: list[list[list[str]]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(Card.of(text).text):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type == "inline" and found and len(token.map or []) == 2 and token.level >= 4:
            found[-1][-1].append("".join(child.content for child in token.children or []))
    return found


def section(text: str, title: str) -> str:
    return text.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_the_hub_takes_the_front_matter_and_learns_what_it_is() -> None:
    told = front(people())
    assert told == {
        "pretty_name": "people",
        "license": "cc-by-4.0",
        "task_categories": ["object-detection"],
        "size_categories": ["n<1K"],
        "annotations_creators": ["machine-generated"],
        "tags": ["object-detection", "data-label-factory"],
    }


@pytest.mark.parametrize("name", ["my_drones", "a [b] *c* #1", "größe: x", "null", "7", "two\nlines", "- x"])
def test_the_pretty_name_is_the_name_and_not_markdown(name: str) -> None:
    assert front(people(name=name))["pretty_name"] == " ".join(name.split())


def test_boxes_that_people_have_seen_are_not_machine_generated_alone() -> None:
    text = card_markdown(people(), replace(MADE, boxes_seen=1))
    assert Card.of(text).metadata["annotations_creators"] == ["machine-generated", "expert-generated"]


OTHER = {"license": "other", "license_name": "see-attribution", "license_link": "ATTRIBUTION.md"}


@pytest.mark.parametrize(
    ("licenses", "told"),
    [
        (["CC BY 2.0", "by 2.0"], {"license": "cc-by-2.0"}),
        (["https://creativecommons.org/licenses/by-nc-sa/3.0/de/"], {"license": "cc-by-nc-sa-3.0"}),
        (["CC0"], {"license": "cc0-1.0"}),
        ([None, None], {"license": "unknown"}),
        (["CC BY-SA 2.0"], OTHER),
        (["CC BY"], OTHER),
        (["CC BY 9.0"], OTHER),
        (["Public domain"], OTHER),
        (["Terms of a shop"], OTHER),
        (["CC BY 4.0", "CC BY 2.0"], OTHER),
        (["CC BY 4.0", "CC BY-SA 4.0"], OTHER),
        (["CC BY 4.0", None], OTHER),
        (["CC0", None], OTHER),
    ],
)
def test_one_licence_is_named_and_several_are_where_they_stand(
    licenses: list[str | None], told: dict[str, str]
) -> None:
    found = front(people(*(picture(number, license=license_) for number, license_ in enumerate(licenses))))
    assert {key: value for key, value in found.items() if key.startswith("license")} == told


@pytest.mark.parametrize("code", ["by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd"])
def test_a_version_that_the_hub_has_a_word_for_is_told_by_it(code: str) -> None:
    for version in ("1.0", "2.0", "2.5", "3.0", "4.0"):
        word = f"cc-{code}-{version}"
        told = front(people(picture(license=f"CC {code.upper()} {version}")))["license"]
        assert told == (word if word in LICENSES else "other")


@pytest.mark.parametrize(
    ("count", "size"), [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (9999, "1K<n<10K"), (10_000, "10K<n<100K")]
)
def test_sizes_change_at_their_edges(count: int, size: str) -> None:
    images = (picture(number) for number in range(count))
    assert front(Dataset.of("people", ["person"], images))["size_categories"] == [size]
    assert size in SIZES


def test_the_viewer_finds_the_splits_that_there_are() -> None:
    splits = {"val": "validation", "train": "train", "test": "test"}
    for there in (["val", "train"], ["test"], ["train", "val", "test"]):
        images = [picture(number, split=split) for number, split in enumerate(there)]
        wanted = [name for name in ("train", "val", "test") if name in there]
        [config] = front(people(*images), parquet=True)["configs"]
        assert config == {
            "config_name": "default",
            "data_files": [{"split": splits[name], "path": f"data/{name}-*.parquet"} for name in wanted],
        }
    assert "configs" not in front(people())


def test_images_and_boxes_are_counted_by_split_class_and_bucket() -> None:
    images = [picture(number, "person", "person", "zebra") for number in range(1200)]
    images += [picture(2000), picture(2001, split="val"), picture(2002, "person", split="val")]
    buckets = {
        "positive/x": {"candidates": 5000, "images": 1201, "filter_yes": 1200, "boxes": 3601},
        "negative/y": {"candidates": 0, "images": 0, "filter_yes": 0, "boxes": 0},
    }
    text = card_markdown(people(*images, classes=("person", "zebra", "lorry")), replace(MADE, buckets=buckets))
    splits, classes, by_bucket, licenses = tables(text)
    assert splits[1:] == [["train", "1,201", "1", "3,600"], ["val", "2", "1", "1"], ["all", "1,203", "2", "3,601"]]
    assert classes[1:] == [["0", "person", "2,401"], ["1", "zebra", "1,200"], ["2", "lorry", "0"]]
    assert by_bucket[1:] == [
        ["positive/x", "5,000", "1,201", "1,200", "3,601"],
        ["negative/y", "0", "0", "0", "0"],
    ]
    assert licenses[1:] == [["CC BY 4.0", "1,203"]]


def test_a_description_is_there_to_its_end() -> None:
    words = "a paragraph " * 60
    dataset = Dataset.of("people", ["person"], [picture()], f"{words}that ends.")
    assert f"{words}that ends.\n" in card_markdown(dataset, replace(MADE, target=f"{words}that ends"))


def test_where_and_when_images_were_gathered_is_told() -> None:
    days = dt.date(2026, 1, 2), dt.date(2026, 1, 5)
    told = card_markdown(people(), replace(MADE, sources={"openverse": 1200, "folder": 1}, gathered=days))
    assert "gathered from 2026-01-02 to 2026-01-05: openverse (1,200), folder (1)." in told
    assert "gathered on 2026-01-02: " in card_markdown(people(), replace(MADE, gathered=(days[0], days[0])))
    assert "gathered" not in card_markdown(people(), MADE)


ASKED = (
    Asked("filter", "qwen", "Qwen3-VL", 10, {"YES": 6, "NO": 3, "ERROR": 1}, "Is it one?"),
    Asked("label", "falcon", "f", 6, {"FOUND": 6}),
    Asked("verify", "qwen", "Qwen3-VL", 9, {"YES": 6, "NO": 1, "UNSURE": 1, "ERROR": 1}),
    Asked("verify", "embedded", "m", 2, {"ERROR": 2}),
)


def test_models_are_told_with_what_they_said() -> None:
    text = card_markdown(people(), replace(MADE, models=ASKED))
    models = tables(text)[2]
    assert models[1:3] == [
        ["filter", "qwen", "Qwen3-VL", "10", "YES 6, NO 3, ERROR 1"],
        ["label", "falcon", "f", "6", "FOUND 6"],
    ]
    assert [line for line in section(text, "How good it is").splitlines() if "said YES" in line] == [
        "- Qwen3-VL said YES to 75.0% of the boxes it was shown."
    ]


@pytest.mark.parametrize(
    ("seen", "reviewers", "told"),
    [(0, 0, "0 of 3 (0.0%)."), (1, 1, "1 of 3 (33.3%) (1 reviewer)."), (3, 2, "3 of 3 (100.0%) (2 reviewers).")],
)
def test_how_many_boxes_people_have_seen_is_told(seen: int, reviewers: int, told: str) -> None:
    dataset = people(picture(1, "person", "person", "person"))
    text = card_markdown(dataset, replace(MADE, boxes_seen=seen, reviewers=reviewers))
    assert f"- Boxes a person has decided: {told}\n" in text
    assert (f"{3 - seen} boxes were drawn and checked by models only" in text) == (seen < 3)
    assert "0 of 0 (–)" in card_markdown(people(picture()), MADE)


def test_what_was_measured_is_told_and_nothing_that_was_not() -> None:
    measured = {"truth_boxes": 1234, "precision": 0.5, "recall": 0.87654, "ap50": None}
    told = section(card_markdown(people(), MADE, evaluation=measured), "How good it is")
    assert told.endswith("- Against 1,234 ground-truth boxes, IoU 0.5: precision 0.500, recall 0.877.\n")
    assert "ground-truth" not in card_markdown(people(), MADE)
    nothing = {"truth_boxes": 0, "precision": None, "recall": None, "ap50": None}
    assert "IoU 0.5: ." not in card_markdown(people(), MADE, evaluation=nothing)


def test_limits_are_those_of_the_data_set() -> None:
    every = card_markdown(people(picture(1, "person"), picture(2), picture(3, license=None)), MADE)
    told = section(every, "Known limits")
    assert "An image without boxes" in told
    assert "1 image of unknown rights" in told
    one = section(card_markdown(people(), replace(MADE, boxes_seen=1)), "Known limits")
    assert [line[:21] for line in one.splitlines() if line.startswith("- ")] == ["- What a search finds"]


def test_pictures_are_shown_where_they_lie() -> None:
    plots = {"Boxes by class": "plots/classes.png"}
    assert "![Boxes by class](plots/classes.png)" in card_markdown(people(), MADE, plots=plots)
    assert "![" not in card_markdown(people(), MADE)


def test_equal_data_sets_have_equal_cards_and_others_have_others() -> None:
    first, second = people(picture(1, "person")), people(picture(1, "person"))
    made = replace(MADE, models=ASKED)
    assert card_markdown(first, made) == card_markdown(second, made)
    moved = changed(first, images=[replace(picture(1, "person"), split="val")])
    box = LabeledBox("person", 0.1, 0.1, 0.5, 0.6, "b1-0")
    larger = changed(first, images=[replace(picture(1), boxes=[box])])
    for other, how in product((moved, larger), (False, True)):
        assert card_markdown(other, made, parquet=how) != card_markdown(first, made, parquet=how)

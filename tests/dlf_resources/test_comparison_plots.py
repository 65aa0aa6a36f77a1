"""Pictures of a comparison."""

from __future__ import annotations

import io
import warnings
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from dlf_core.comparison import ClassScore, Comparison
from dlf_resources.comparison_plots import class_scores, count_differences

ONE = [ClassScore("a", 0, 0, None, None, None)]
NOTHING = Comparison(1, 0, 0, 0, 0, *[None] * 6, classes=ONE, queries=[], counts={0: 1}, worst=[])


def size(content: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.format == "PNG"
        picture.load()
        return picture.size


def scores(count: int) -> list[ClassScore]:
    return [ClassScore(f"class {n}", n, n, n / count, 1 - n / count, None) for n in range(count)]


def test_classes_grow_the_picture_until_they_are_too_many() -> None:
    sizes = [size(class_scores(replace(NOTHING, classes=scores(count)))) for count in (1, 10, 30, 100)]
    assert sizes == [(770, 220), (770, 594), (770, 1518), (770, 1518)]


def test_precision_and_recall_are_as_long_as_they_are_large() -> None:
    classes = [ClassScore("a", 9, 9, 0.8, 0.2, 0.1), *(ClassScore(name, 0, 0, None, None, None) for name in "bcdef")]
    with Image.open(io.BytesIO(class_scores(replace(NOTHING, classes=classes)))) as shown:
        pixels = np.asarray(shown.convert("RGB"))
    blue, orange = (
        (pixels == colour).all(axis=2).sum(axis=1).max() for colour in ((0x1F, 0x77, 0xB4), (0xFF, 0x7F, 0x0E))
    )
    assert blue == pytest.approx(4 * orange, rel=0.05)


def test_pictures_show_their_numbers_and_equal_ones_are_equal() -> None:
    some = replace(NOTHING, classes=scores(3), counts={-2: 1, 0: 5, 7: 2})
    for plot in (class_scores, count_differences):
        assert plot(some) == plot(replace(some)) != plot(NOTHING)
    assert count_differences(some) != count_differences(replace(some, counts={-2: 1, 0: 5, 7: 4}))
    assert size(count_differences(some)) == (770, 330)


@pytest.mark.parametrize("name", ["无人机", "$\\foo$", "$_", "a" * 300])
def test_any_name_can_be_drawn_and_nothing_is_said_about_it(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        size(class_scores(replace(NOTHING, classes=[ClassScore(name, 1, 1, 1.0, 0.5, None)])))


def test_differences_of_thousands_are_drawn() -> None:
    many = dict.fromkeys(range(-3000, 3000, 7), 1)
    assert size(count_differences(replace(NOTHING, counts=many))) == (770, 330)

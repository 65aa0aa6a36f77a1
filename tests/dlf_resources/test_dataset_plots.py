"""Pictures of a data set: that they can be looked at, and show what is in it."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest
from PIL import Image

from dlf_core.formats.dataset import Dataset, LabeledBox, LabeledImage
from dlf_resources.dataset_plots import box_sizes, class_histogram

BLUE = (0x3B, 0x6E, 0xA5)


def dataset(counts: dict[str, int], sides: tuple[float, float] = (0.3, 0.4)) -> Dataset:
    """Classes with so many boxes each, all of one size."""
    boxes = [LabeledBox(name, 0, 0, *sides) for name, count in counts.items() for _ in range(count)]
    return Dataset.of("d", list(counts), [LabeledImage("a", "a.jpg", 100, 100, "train", boxes=boxes)])


def seen(content: bytes) -> Image.Image:
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.format == "PNG"
        return picture.convert("RGB")


def bars(content: bytes) -> list[int]:
    """How many pixels long each bar is, from the top."""
    lengths = (np.asarray(seen(content)) == BLUE).all(axis=2).sum(axis=1)
    starts = np.flatnonzero((lengths[1:] > 0) & (lengths[:-1] == 0)) + 1
    return [int(lengths[start + 3]) for start in starts]


def test_the_histogram_has_a_bar_a_class_the_longest_first() -> None:
    often, rare = bars(class_histogram(dataset({"rare": 100, "never": 0, "often": 400})))
    assert often == pytest.approx(4 * rare, rel=0.03)


@pytest.mark.parametrize(("count", "size"), [(1, (770, 176)), (20, (770, 803)), (40, (770, 1507)), (100, (770, 1507))])
def test_the_histogram_grows_with_its_classes_until_they_are_too_many(count: int, size: tuple[int, int]) -> None:
    content = class_histogram(dataset({f"class {number}": number for number in range(count)}))
    assert seen(content).size == size
    assert len(bars(content)) == min(count, 40) - (count <= 40)  # class 0 has no box


def test_a_size_is_drawn_at_its_width_and_height() -> None:
    wide, tall = (np.asarray(seen(box_sizes(dataset({"a": 5}, sides)))) for sides in ((0.9, 0.2), (0.1, 0.8)))
    assert wide.shape == (484, 572, 3)

    def middle(here: np.ndarray, there: np.ndarray) -> np.ndarray:
        return np.argwhere((here < 255).any(axis=2) & (there == 255).all(axis=2)).mean(axis=0)

    (low, right), (high, left) = middle(wide, tall), middle(tall, wide)
    assert low > high + 100
    assert right > left + 100


def test_equal_data_sets_have_equal_pictures_and_others_have_others() -> None:
    one, two, three = dataset({"a": 3}), dataset({"a": 3}), dataset({"a": 4}, (0.5, 0.5))
    for plot in (class_histogram, box_sizes):
        assert plot(one) == plot(two) != plot(three)


def test_without_boxes_and_without_images_there_is_a_picture_still() -> None:
    for made in (dataset({"a": 0, "b": 0}), Dataset.of("d", ["a"], [])):
        for plot in (class_histogram, box_sizes):
            assert seen(plot(made)).size[0] > 500


NAMES = ["größe ⚠", "无人机", "$5 and $_", "$\\foo$", "_", "7", "two\nlines", "a" * 300, "نص", "\u200b", "<b>&amp;"]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_can_be_drawn_and_nothing_is_said_about_it(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(bars(class_histogram(dataset({name: 3, "b": 2})))) == 2


def test_names_are_drawn_as_they_are_written() -> None:
    """`$x$` is no formula: it is as wide as its three signs."""
    plain, odd = (class_histogram(dataset({name: 3})) for name in ("xSxSxSxSxS", "$x$x$x$x$x"))
    assert bars(plain)[0] == pytest.approx(bars(odd)[0], abs=12)

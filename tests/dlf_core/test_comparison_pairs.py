"""Which images of two data sets are the same: by hash, by file name, by the name they had where they came from."""

from __future__ import annotations

from dlf_core.comparison import Comparison, compare
from dlf_core.formats.dataset import Dataset, LabeledBox, LabeledImage

HASH = "{:032x}".format
NOTHING = LabeledImage("nothing", "nothing.jpg", 10, 10, "train")


def image(
    image_id: str, file_name: str | None = None, source_name: str | None = None, boxes: int = 0, split: str = "train"
) -> LabeledImage:
    made = [LabeledBox("x", 0.1 * n, 0.1, 0.1 * n + 0.1, 0.9) for n in range(boxes)]
    name = file_name or f"{image_id}.jpg"
    return LabeledImage(image_id, name, 100, 100, split, boxes=made, source_name=source_name)


def together(found: list[LabeledImage], reference: list[LabeledImage]) -> Comparison:
    """Compared, beside an image that both have for certain."""
    return compare(Dataset.of("found", ["x"], [*found, NOTHING]), Dataset.of("there", ["x"], [*reference, NOTHING]))


def numbers(compared: Comparison) -> tuple[int, int, int]:
    return compared.images - 1, compared.only_here, compared.only_there


def test_an_image_of_the_same_hash_is_the_same_whatever_it_is_called() -> None:
    compared = together([image(HASH(1), "a.jpg", boxes=1)], [image(HASH(1), "b.png", "c.jpg", boxes=1)])
    assert numbers(compared) == (1, 0, 0)
    assert compared.precision == 1.0


def test_a_hash_says_more_than_a_file_name() -> None:
    found = [image(HASH(1), "a.jpg", boxes=1), image(HASH(2), "b.jpg", boxes=3)]
    reference = [image(HASH(1), "b.jpg", boxes=1), image(HASH(2), "a.jpg", boxes=3)]
    compared = together(found, reference)
    assert (numbers(compared), compared.counts) == ((2, 0, 0), {0: 3})


def test_an_image_of_the_same_file_name_is_the_same() -> None:
    assert numbers(together([image(HASH(1), "a.jpg")], [image("a.jpg", "a.jpg")])) == (1, 0, 0)
    assert numbers(together([image(HASH(1), "a.jpg")], [image("a.png", "a.png")])) == (0, 1, 1)


def test_an_image_is_known_by_the_name_it_had_where_it_came_from() -> None:
    foreign = image("a.jpg", "a.jpg", boxes=1)
    assert numbers(together([image(HASH(1), source_name="a.jpg", boxes=1)], [foreign])) == (1, 0, 0)
    assert numbers(together([image(HASH(1), "a.jpg")], [image(HASH(2), source_name="a.jpg")])) == (1, 0, 0)
    both = [image(HASH(number), source_name="a.jpg") for number in (1, 2)]
    assert numbers(together(both[:1], both[1:])) == (1, 0, 0)


def test_images_that_only_one_side_has_do_not_count() -> None:
    found = [image(HASH(1), boxes=1), image(HASH(2), boxes=3)]
    reference = [image(HASH(1), boxes=1), image(HASH(3), boxes=2), image(HASH(4), boxes=2)]
    compared = together(found, reference)
    assert numbers(compared) == (1, 1, 2)
    assert (compared.boxes, compared.reference_boxes, compared.precision, compared.recall) == (1, 1, 1.0, 1.0)


def test_a_hash_says_more_than_a_name_that_another_image_has_too() -> None:
    """Half of what a search finds is called `image.jpg` where it came from."""
    found = [image(HASH(1), source_name="image.jpg", boxes=5), image(HASH(2), source_name="image.jpg", boxes=1)]
    reference = [image(HASH(2), source_name="image.jpg", boxes=1)]
    for order in (found, found[::-1]):
        compared = together(order, reference)
        assert numbers(compared) == (1, 1, 0)
        assert (compared.boxes, compared.precision) == (1, 1.0)


def test_an_image_of_the_reference_is_taken_once() -> None:
    found = [image(HASH(1), "a.jpg", boxes=1), image(HASH(2), source_name="a.jpg", boxes=1)]
    compared = together(found, [image("a.jpg", "a.jpg", boxes=1)])
    assert numbers(compared) == (1, 1, 0)
    assert compared.boxes == 1


def test_two_images_of_a_reference_may_have_one_name_in_two_folders() -> None:
    found = [image(HASH(1), boxes=1), image(HASH(2), boxes=1)]
    reference = [image(HASH(1), "a.jpg", boxes=1), image(HASH(2), "a.jpg", boxes=1, split="val")]
    assert numbers(together(found, reference)) == (2, 0, 0)


def test_a_name_that_two_images_have_says_nothing() -> None:
    found = [image(HASH(1), source_name="image.jpg", boxes=2)]
    reference = [image(HASH(2), source_name="image.jpg", boxes=1), image(HASH(3), source_name="image.jpg", boxes=1)]
    assert numbers(together(found, reference)) == (0, 1, 2)


def test_folders_in_a_name_do_not_matter_where_the_rest_of_it_is_one_image() -> None:
    foreign = image("a", "positive/cups/a.jpg", boxes=1)
    assert numbers(together([image(HASH(1), source_name="a.jpg", boxes=1)], [foreign])) == (1, 0, 0)
    assert numbers(together([image(HASH(1), source_name="b\\\\a.jpg")], [foreign])) == (1, 0, 0)
    two = [image(HASH(2), "one/a.jpg"), image(HASH(3), "two/a.jpg")]
    assert numbers(together([image(HASH(1), "a.jpg")], two)) == (0, 1, 2)
    assert numbers(together([image(HASH(1), "two/a.jpg")], two)) == (1, 0, 1)

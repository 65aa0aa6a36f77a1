"""How much is compared: pages of one layout are looked at closely, but not for ever; frames of a fixed camera once."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont
from shelf import PHOTOS, Shelf, Y, jpeg, staying

from dlf_core.project import Project
from dlf_resources.duplicates import marking


@pytest.fixture
def shelf(make_project: Callable[..., Project]) -> Shelf:
    return Shelf(make_project)


def page(number: int) -> bytes:
    """A form: only its few words differ, which thumbnails do not show."""
    image = Image.new("RGB", (480, 640), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((40, 20, 300, 130), fill=(20, 60, 140))
    draw.rectangle((40, 420, 440, 460), fill=(90, 90, 90))
    for line in (*range(5, 16), *range(19, 24)):
        text = hashlib.sha256(f"{number} {line}".encode()).hexdigest()[:44]
        draw.text((40, 30 + 24 * line), text, font=ImageFont.load_default(size=16), fill="black")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """The answers of all closer looks."""
    found: list[bool] = []
    real = marking.closer_look

    def look(first: bytes, second: bytes, mirrored: bool) -> bool:
        found.append(real(first, second, mirrored))
        return found[-1]

    monkeypatch.setattr(marking, "closer_look", look)
    return found


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pairs each call compared."""
    found: list[int] = []
    real = marking.compare

    def count(first: Any, mirrored: Any, second: Any) -> Any:
        found.append(len(mirrored))
        return real(first, mirrored, second)

    monkeypatch.setattr(marking, "compare", count)
    return found


def copy_of_page(number: int) -> bytes:
    return jpeg(Image.open(io.BytesIO(page(number))).convert("RGB"), 432)


def test_pages_of_text_are_looked_at_more_closely_and_a_copy_of_one_is_found(shelf, looks):
    rows = shelf.mark(shelf.rows(("one", page(1)), ("two", page(2)), ("copy", copy_of_page(2))))
    assert staying(rows) == ["one", "two"]
    assert rows[2]["duplicate_of"] == rows[1]["image_id"]
    assert looks
    assert looks.count(True) == 1


@pytest.mark.parametrize("gone", ["raw/two.png", "raw/copy.jpg"])
@pytest.mark.parametrize("across", [False, True], ids=["here", "in another bucket"])
def test_where_a_raw_file_is_missing_at_the_second_look_both_stay(shelf, gone, across):
    first, second = shelf.rows(("two", page(2))), shelf.rows(("copy", copy_of_page(2)))
    if across:
        shelf.gather(first, Y)
    (shelf.tables.store.root / gone).unlink()
    assert staying(shelf.mark(second if across else first + second))[-1] == "copy"


def test_each_of_many_like_forms_is_looked_at_a_few_times_only(shelf, looks):
    rows = shelf.mark(shelf.rows(*((f"page {number}", page(number)) for number in range(15))))
    assert len(staying(rows)) == 15
    assert 15 < len(looks) <= sum(min(number, 8) for number in range(15)) < 15 * 14 / 2


def frames(count: int, scenes: int = 1) -> Iterator[tuple[str, bytes]]:
    for number in range(count):
        frame = PHOTOS[number * scenes // count].resize((160, 120))
        ImageDraw.Draw(frame).point((number % 160, number // 160), fill="red")
        yield f"frame {number}", jpeg(frame, 160)


@pytest.mark.parametrize("scenes", [1, 3])
def test_300_like_frames_take_some_comparisons_each_not_all_with_all(shelf, compared, looks, scenes):
    rows = shelf.mark(shelf.rows(*frames(300, scenes)))
    assert len(staying(rows)) == scenes
    assert sum(compared) <= 20 * 300
    assert len(looks) <= 300


def test_different_images_are_not_compared_at_all(shelf, compared):
    shelf.mark(shelf.rows(*((f"photo {number}", jpeg(photo)) for number, photo in enumerate(PHOTOS))))
    assert sum(compared) <= 2

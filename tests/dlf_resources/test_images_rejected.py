"""images.inspect: what is no image, not whole, too small or too large, and what is said of it."""

from __future__ import annotations

import random
import time
from types import ModuleType

import pytest

from dlf_core.errors import ImageRejected
from dlf_resources import images
from dlf_resources.images import Limits

LIMITS = Limits()


def rejection(content: bytes, limits: Limits = LIMITS) -> tuple[str, str]:
    with pytest.raises(ImageRejected) as caught:
        images.inspect(content, limits)
    return str(caught.value.state), caught.value.reason


def test_an_empty_file_is_no_image() -> None:
    assert rejection(b"") == ("not_an_image", "the file is empty (0 bytes)")


@pytest.mark.parametrize("content", [b"<html><body>404</body></html>", b"GIF", b"\xff\xd8", bytes(1000)])
def test_other_content_is_no_image_and_its_beginning_is_told(content: bytes) -> None:
    state, reason = rejection(content)
    assert state == "not_an_image"
    assert reason.startswith("the content is no image of a known format (it begins with ")


def test_postscript_is_refused_because_pillow_would_start_a_program_for_it(odd: ModuleType) -> None:
    assert rejection(odd.postscript())[0] == "not_an_image"
    with pytest.raises(ImageRejected):
        images.open_upright(odd.postscript())
    with pytest.raises(ImageRejected):
        images.plain(odd.postscript())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_half_a_file_is_corrupt(odd: ModuleType, kind: str) -> None:
    content = odd.encoded(odd.speckled(1, 400, 300), kind)
    assert images.inspect(content, LIMITS).width == 400
    state, reason = rejection(content[: len(content) // 2])
    assert state == "corrupt"
    assert reason


@pytest.mark.parametrize("share", [0.9, 0.99])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF"])
def test_a_file_that_was_nearly_downloaded_is_corrupt(odd: ModuleType, kind: str, share: float) -> None:
    content = odd.encoded(odd.speckled(1, 400, 300), kind)
    assert rejection(content[: int(len(content) * share)])[0] == "corrupt"


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_half_a_file_cannot_be_opened_either(odd: ModuleType, kind: str) -> None:
    content = odd.encoded(odd.speckled(1, 400, 300), kind)
    with pytest.raises(ImageRejected) as caught:
        images.open_upright(content[: len(content) // 2])
    assert caught.value.state == "corrupt"


def test_a_header_that_declares_900_million_pixels_is_too_large_at_once(odd: ModuleType) -> None:
    content = odd.huge_png()
    began = time.perf_counter()
    state, reason = rejection(content)
    assert time.perf_counter() - began < 0.5
    assert state == "too_large"
    assert reason == "declares 30000 × 30000 pixels; the limit is 100,000,000 (thresholds.max_pixels)"


def test_the_limit_of_pixels_is_the_last_size_taken(odd: ModuleType) -> None:
    content = odd.flat(100, 50)
    assert images.inspect(content, Limits(max_pixels=5000)).width == 100
    assert rejection(content, Limits(max_pixels=4999))[0] == "too_large"


def test_too_many_bytes_are_refused_unread(odd: ModuleType) -> None:
    content = odd.flat()
    assert images.inspect(content, Limits(max_bytes=len(content))).height == 64
    state, reason = rejection(content, Limits(max_bytes=len(content) - 1))
    assert state == "too_large"
    assert reason.endswith("(thresholds.max_bytes)")


def test_the_shorter_side_decides_what_is_too_small(odd: ModuleType) -> None:
    assert rejection(odd.flat(1, 1)) == ("too_small", "1 × 1 pixels; the shorter side must be 32 (thresholds.min_side)")
    assert rejection(odd.flat(500, 31))[0] == "too_small"
    assert images.inspect(odd.flat(500, 32), LIMITS).height == 32


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_damaged_bytes_end_in_a_picture_or_a_rejection_and_in_nothing_else(odd: ModuleType, kind: str) -> None:
    chance = random.Random(kind)
    whole = odd.turned(odd.speckled(2, 40, 30), 6, kind) if kind in ("JPEG", "PNG", "WEBP") else None
    whole = whole or odd.encoded(odd.speckled(2, 40, 30), kind)
    limits = Limits(min_side=1, max_pixels=100_000)
    outcomes = set()
    for _ in range(150):
        content = bytearray(whole)
        for _ in range(chance.choice([1, 3, 10])):
            content[chance.randrange(len(content))] = chance.randrange(256)
        if chance.random() < 0.2:
            del content[chance.randrange(len(content)) :]
        try:
            images.inspect(bytes(content), limits)
            images.open_upright(bytes(content), 20)
            images.plain(bytes(content))
            outcomes.add("taken")
        except ImageRejected as error:
            outcomes.add(str(error.state))
    assert "taken" in outcomes
    assert "corrupt" in outcomes or "not_an_image" in outcomes
    assert outcomes <= {"taken", "corrupt", "not_an_image", "too_large", "too_small"}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_damaged_exif_block_does_not_make_the_pixels_worthless(odd: ModuleType, kind: str) -> None:
    damaged = b"Exif\0\0" * (kind == "JPEG") + b"XX*\0garbage instead of tags"
    content = odd.encoded(odd.cornered(), kind, exif=damaged)
    facts = images.inspect(content, LIMITS)
    assert (facts.width, facts.height) == (96, 64)
    assert images.open_upright(content).getpixel((60, 20)) == pytest.approx(odd.GREY, abs=3)
    assert isinstance(images.plain(content), bool)


def test_an_exif_block_with_a_false_count_of_tags_is_read_past(odd: ModuleType) -> None:
    upright = images.open_upright(odd.damaged_exif())
    assert upright.size == (96, 64)
    assert upright.getpixel((5, 5)) == pytest.approx(odd.RED, abs=12)

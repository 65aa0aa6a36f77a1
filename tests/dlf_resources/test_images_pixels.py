"""images: pixels are upright, RGB, eight bits, first frame, on white; and the facts that the table stores."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from dlf_resources import images
from dlf_resources.duplicates.fingerprint import SIDE, Fingerprint
from dlf_resources.images import Limits

WHITE = (255, 255, 255)


def bits_apart(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def grey_apart(one: Fingerprint, other: Fingerprint) -> float:
    """The mean difference of two thumbnails, 0 to 255."""
    return float(np.abs(np.subtract(*(np.frombuffer(f.thumb, np.uint8).astype(int) for f in (one, other)))).mean())


def near(colour: tuple[int, ...]) -> object:
    return pytest.approx(colour, abs=12)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_every_exif_orientation_comes_out_upright(odd: ModuleType, kind: str, orientation: int) -> None:
    content = odd.turned(odd.cornered(96, 64), orientation, kind)
    facts = images.inspect(content, Limits())
    assert (facts.width, facts.height) == (96, 64)
    upright = images.open_upright(content)
    assert upright.size == (96, 64)
    assert upright.getpixel((5, 5)) == near(odd.RED)
    assert upright.getpixel((90, 59)) == near(odd.BLUE)
    assert upright.getpixel((90, 5)) == near(odd.GREY)
    assert upright.getpixel((5, 59)) == near(odd.GREY)
    assert images.plain(content) is (orientation == 1 and kind not in ("TIFF", "AVIF"))


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_camera_held_sideways_swaps_the_stored_sides(odd: ModuleType, orientation: int) -> None:
    content = odd.turned(odd.cornered(96, 64), orientation, "JPEG")
    assert images._open(content).size == (64, 96)  # the fixture's own proof
    assert images.open_upright(content, max_side=48).size == (48, 32)


def test_sixteen_bit_grey_is_scaled_by_its_range_not_cut_off(odd: ModuleType) -> None:
    values = np.repeat((np.arange(256) * 257)[None], 40, axis=0)
    image = images.open_upright(odd.grey16_png(values))
    assert image.mode == "RGB"
    assert np.asarray(image)[7].tolist() == [[level] * 3 for level in range(256)]


def test_sixteen_bit_grey_that_is_dark_stays_dark(odd: ModuleType) -> None:
    image = images.open_upright(odd.grey16_png(np.full((40, 40), 2570)))
    assert image.getpixel((3, 3)) == (10, 10, 10)


def test_sixteen_bit_colour_keeps_its_high_byte_and_is_not_plain(odd: ModuleType) -> None:
    content = odd.rgb16_png(40, 40, (65535, 257 * 100, 0))
    assert images.open_upright(content).getpixel((1, 1)) == (255, 100, 0)
    assert images.plain(content) is False


def test_float_pixels_are_scaled_by_their_maximum(odd: ModuleType) -> None:
    values = np.full((40, 40), 2.0)
    values[:, :20] = 4.0
    image = images.open_upright(odd.float_tiff(values))
    assert image.getpixel((0, 0)) == WHITE
    assert image.getpixel((39, 0)) == (127, 127, 127)


def test_a_float_picture_without_any_light_is_black(odd: ModuleType) -> None:
    assert images.open_upright(odd.float_tiff(np.zeros((40, 40)))).getextrema() == ((0, 0),) * 3


def test_one_float_pixel_that_is_no_number_does_not_bleach_the_others(odd: ModuleType) -> None:
    values = np.full((40, 40), 0.25)
    values[:, :20] = 1.0
    values[0, 0] = np.nan
    image = images.open_upright(odd.float_tiff(values))
    assert image.getpixel((10, 10)) == WHITE
    assert image.getpixel((30, 10)) == (63, 63, 63)


def test_cmyk_becomes_the_colour_it_stands_for(odd: ModuleType) -> None:
    content = odd.cmyk_jpeg()
    assert images.inspect(content, Limits()).format == "JPEG"
    image = images.open_upright(content)
    assert image.mode == "RGB"
    assert image.getpixel((3, 3)) == near((255, 0, 0))
    assert images.plain(content) is False


@pytest.mark.parametrize(("mode", "solid"), [("RGBA", (30, 30, 200)), ("LA", (30, 30, 30))])
def test_transparency_lies_on_white(odd: ModuleType, mode: str, solid: tuple[int, int, int]) -> None:
    content = odd.encoded(odd.half_clear(mode), "PNG")
    image = images.open_upright(content)
    assert image.getpixel((10, 10)) == solid
    assert image.getpixel((80, 10)) == WHITE
    assert images.plain(content) is False


def test_a_transparent_palette_colour_lies_on_white(odd: ModuleType) -> None:
    content = odd.clear_palette_png()
    image = images.open_upright(content)
    assert image.getpixel((10, 10)) == odd.BLUE
    assert image.getpixel((80, 10)) == WHITE
    assert images.plain(content) is False


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_it_is_the_first_frame(odd: ModuleType, kind: str) -> None:
    content = odd.animation(kind)
    assert images.inspect(content, Limits()).format == kind
    assert images.open_upright(content).getpixel((50, 30)) == near(odd.RED)
    assert images.plain(content) is False


def test_of_an_mpo_it_is_the_first_picture_and_the_file_is_a_jpg(odd: ModuleType) -> None:
    first, second = (Image.new("RGB", (96, 64), colour) for colour in (odd.RED, odd.BLUE))
    content = odd.encoded(first, "MPO", save_all=True, append_images=[second])
    facts = images.inspect(content, Limits())
    assert (facts.format, facts.extension) == ("MPO", "jpg")
    assert images.open_upright(content).getpixel((50, 30)) == near(odd.RED)
    assert images.plain(content) is False


@pytest.mark.parametrize(
    ("kind", "extension"),
    [
        ("JPEG", "jpg"),
        ("PNG", "png"),
        ("WEBP", "webp"),
        ("GIF", "gif"),
        ("BMP", "bmp"),
        ("TIFF", "tif"),
        ("AVIF", "avif"),
    ],
)
def test_facts_name_size_format_extension_and_hash(odd: ModuleType, kind: str, extension: str) -> None:
    facts = images.inspect(odd.encoded(odd.speckled(3), kind), Limits())
    assert (facts.width, facts.height, facts.format, facts.extension) == (96, 64, kind, extension)
    found, same = facts.fingerprint, images.inspect(odd.encoded(odd.speckled(3), "PNG"), Limits()).fingerprint
    assert (len(found.phash), len(found.phash_mirrored), len(found.thumb)) == (16, 16, SIDE * SIDE)
    assert bits_apart(found.phash, same.phash) <= 4
    assert bits_apart(found.phash_mirrored, same.phash_mirrored) <= 4
    assert grey_apart(found, same) < 8


def test_the_fingerprint_is_of_the_upright_picture(odd: ModuleType) -> None:
    picture = odd.speckled(4)
    found = {images.inspect(odd.turned(picture, turn, "PNG"), Limits()).fingerprint for turn in range(1, 9)}
    assert len(found) == 1
    other = images.inspect(odd.encoded(odd.speckled(5), "PNG"), Limits()).fingerprint
    assert {one.phash for one in found} != {other.phash}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_what_every_reader_sees_alike_is_plain(odd: ModuleType, kind: str, mode: str) -> None:
    assert images.plain(odd.encoded(odd.cornered().convert(mode), kind)) is True


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF"])
def test_formats_that_trainers_do_not_all_read_are_not_plain(odd: ModuleType, kind: str) -> None:
    assert images.plain(odd.encoded(odd.cornered(), kind)) is False


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_max_side_shrinks_the_longer_side_and_never_enlarges(odd: ModuleType, kind: str) -> None:
    content = odd.encoded(odd.cornered(1000, 500), kind)
    assert images.open_upright(content, max_side=200).size == (200, 100)
    assert images.open_upright(content, max_side=1000).size == (1000, 500)
    assert images.open_upright(content, max_side=4000).size == (1000, 500)
    small = images.open_upright(content, max_side=200)
    assert small.getpixel((10, 10)) == near(odd.RED)
    assert small.getpixel((190, 90)) == near(odd.BLUE)


def test_a_sliver_shrinks_to_a_pixel_not_to_nothing(odd: ModuleType) -> None:
    assert images.open_upright(odd.flat(2000, 2, kind="PNG"), max_side=100).size == (100, 1)

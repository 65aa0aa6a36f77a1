"""picture: small files go to a server as they lie there, all others as upright JPEGs within the pixel budget."""

from __future__ import annotations

import io
from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dlf_core import boxes as geometry
from dlf_core.errors import BackendError, ImageRejected
from dlf_resources.picture import MAX_ASPECT, MIN_SIDE, Crop, Encoded, Picture, encode

BUDGET = 401_408
# 96 × 64, black to white.
RAMP = np.tile(np.arange(96) * 680, (64, 1))


def near(colour: tuple[int, ...]) -> object:
    return pytest.approx(colour, abs=12)


def sent(content: bytes, max_pixels: int = BUDGET) -> Encoded:
    return Picture(lambda: content).encoded(max_pixels)


def opened(encoded: Encoded) -> Image.Image:
    """The picture as a server sees it that looks at neither EXIF nor frames."""
    image = Image.open(io.BytesIO(encoded.content))
    image.load()
    return image


@pytest.mark.parametrize(("kind", "media_type"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")])
def test_a_small_upright_file_is_sent_byte_for_byte(odd: ModuleType, kind: str, media_type: str) -> None:
    content = odd.encoded(odd.cornered(), kind)
    assert sent(content) == Encoded(content, media_type, 96, 64)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_exif_that_says_upright_is_sent_along(odd: ModuleType, kind: str) -> None:
    content = odd.turned(odd.cornered(), 1, kind)
    assert sent(content).content == content


@pytest.mark.parametrize(("max_pixels", "untouched"), [(96 * 64, True), (96 * 64 - 1, False)])
def test_the_budget_is_the_last_size_sent_untouched(odd: ModuleType, max_pixels: int, untouched: bool) -> None:
    content = odd.encoded(odd.cornered(), "PNG")
    assert (sent(content, max_pixels).content == content) is untouched


@pytest.mark.parametrize(("side", "untouched"), [(MIN_SIDE, True), (MIN_SIDE - 1, False)])
def test_the_smallest_side_is_the_last_one_sent_untouched(odd: ModuleType, side: int, untouched: bool) -> None:
    content = odd.flat(200, side, kind="PNG")
    assert (sent(content).content == content) is untouched


ODD: dict[str, Callable[[ModuleType], bytes]] = {
    "cmyk": lambda odd: odd.cmyk_jpeg(),
    "clear palette": lambda odd: odd.clear_palette_png(),
    "palette": lambda odd: odd.encoded(odd.cornered().quantize(4), "PNG"),
    "alpha png": lambda odd: odd.encoded(odd.half_clear("RGBA"), "PNG"),
    "grey alpha png": lambda odd: odd.encoded(odd.half_clear("LA"), "PNG"),
    "alpha webp": lambda odd: odd.encoded(odd.half_clear("RGBA"), "WEBP", lossless=True),
    "clear colour": lambda odd: odd.encoded(odd.cornered(), "PNG", transparency=odd.RED),
    "animated gif": lambda odd: odd.animation("GIF"),
    "animated webp": lambda odd: odd.animation("WEBP"),
    "animated png": lambda odd: odd.animation("PNG"),
    "16-bit colour": lambda odd: odd.rgb16_png(96, 64, (65535, 257 * 100, 0)),
    "16-bit grey": lambda odd: odd.grey16_png(RAMP),
    "one bit": lambda odd: odd.encoded(odd.cornered().convert("1"), "PNG"),
    "bmp": lambda odd: odd.encoded(odd.cornered(), "BMP"),
    "tiff": lambda odd: odd.encoded(odd.cornered(), "TIFF"),
    "float tiff": lambda odd: odd.float_tiff(RAMP),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_file_is_sent_as_the_upright_rgb_jpeg_that_our_own_models_see(odd: ModuleType, name: str) -> None:
    content = ODD[name](odd)
    encoded = sent(content)
    image = opened(encoded)
    assert (encoded.media_type, image.format, image.mode) == ("image/jpeg", "JPEG", "RGB")
    assert (encoded.width, encoded.height) == image.size == (96, 64)
    assert image.getexif() == {}
    ours = Picture(lambda: content).pixels()
    for place in [(4, 4), (48 - 8, 32), (90, 4), (90, 58)]:
        assert image.getpixel(place) == near(ours.getpixel(place))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_grey_file_is_sent_as_it_is(odd: ModuleType, kind: str) -> None:
    content = odd.encoded(odd.cornered().convert("L"), kind)
    assert sent(content).content == content


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_turned_file_is_sent_upright_and_says_its_upright_size(odd: ModuleType, kind: str, orientation: int) -> None:
    encoded = sent(odd.turned(odd.cornered(), orientation, kind))
    image = opened(encoded)
    assert (encoded.width, encoded.height) == image.size == (96, 64)
    assert encoded.media_type == "image/jpeg"
    assert image.getexif().get(0x0112, 1) == 1
    assert image.getpixel((5, 5)) == near(odd.RED)
    assert image.getpixel((90, 59)) == near(odd.BLUE)
    assert image.getpixel((90, 5)) == near(odd.GREY)


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_large_file_is_sent_upright_within_the_budget(odd: ModuleType, kind: str, orientation: int) -> None:
    encoded = sent(odd.turned(odd.cornered(600, 400), orientation, kind), 60_000)
    image = opened(encoded)
    assert (encoded.media_type, image.mode) == ("image/jpeg", "RGB")
    assert (encoded.width, encoded.height) == image.size
    assert 0.4 * 60_000 <= encoded.width * encoded.height <= 60_000
    assert encoded.width / encoded.height == pytest.approx(1.5, rel=0.02)
    assert image.getpixel((5, 5)) == near(odd.RED)
    assert image.getpixel((image.width - 6, image.height - 6)) == near(odd.BLUE)


@pytest.fixture(scope="module")
def camera(odd: ModuleType) -> bytes:
    """A photo of 12 megapixels."""
    return odd.encoded(odd.cornered(4000, 3000), "JPEG")


@pytest.mark.parametrize("max_pixels", [50_000, 187_501, 401_408, 468_750, 802_816, 1_003_520, 1_048_576])
def test_a_camera_photo_uses_two_fifths_of_the_budget_at_least(camera: bytes, max_pixels: int) -> None:
    encoded = sent(camera, max_pixels)
    assert 0.4 * max_pixels <= encoded.width * encoded.height <= max_pixels
    assert opened(encoded).size == (encoded.width, encoded.height)
    assert encoded.width / encoded.height == pytest.approx(4 / 3, rel=0.02)


@settings(deadline=None, max_examples=40)
@given(st.integers(56, 700), st.integers(56, 700), st.integers(3136, 200_000))
def test_whatever_its_size_a_jpeg_is_sent_within_the_budget_and_not_far_below_it(
    width: int, height: int, max_pixels: int
) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (9, 99, 199)).save(buffer, "JPEG")
    encoded = sent(buffer.getvalue(), max_pixels)
    if width * height <= max_pixels:
        assert encoded.content == buffer.getvalue()
    elif min(encoded.width, encoded.height) > MIN_SIDE:  # others were enlarged
        # rounding to whole pixels costs at most a row and a column
        assert 0.4 * max_pixels - width - height <= encoded.width * encoded.height <= max_pixels
        assert encoded.width / encoded.height == pytest.approx(width / height, rel=0.05)
    assert opened(encoded).size == (encoded.width, encoded.height)


def test_a_sliver_is_refused_in_one_sentence(odd: ModuleType) -> None:
    long = MIN_SIDE * MAX_ASPECT
    content = odd.flat(long + 1, MIN_SIDE, kind="PNG")
    for max_pixels in (10**9, BUDGET):
        with pytest.raises(BackendError) as caught:
            sent(content, max_pixels)
        assert str(caught.value).endswith("pixels; a model takes at most 180 times as long as wide.")
        assert "\n" not in str(caught.value)
    assert sent(odd.flat(long, MIN_SIDE, kind="PNG"), 10**9).width == long


@pytest.mark.parametrize("size", [(1810, 10), (10, 1810), (181, 1), (1, 181)])
def test_a_sliver_of_a_picture_is_refused_with_its_size(size: tuple[int, int]) -> None:
    with pytest.raises(BackendError, match=f"^the picture is {size[0]} × {size[1]} pixels; a model takes at most 180 "):
        Crop(Image.new("RGB", size), (0, 0, 1, 1)).encoded(BUDGET)


@pytest.mark.parametrize(
    ("size", "enlarged"),
    [
        ((1, 1), (56, 56)),
        ((7, 5), (78, 56)),
        ((20, 55), (56, 154)),
        ((55, 55), (56, 56)),
        ((56, 70), (56, 70)),
        ((2, 360), (56, 10_080)),
    ],
)
def test_a_tiny_crop_is_enlarged_until_its_shorter_side_is_a_patch(
    odd: ModuleType, size: tuple[int, int], enlarged: tuple[int, int]
) -> None:
    encoded = Crop(Image.new("RGB", size, odd.BLUE), (0, 0, 1, 1)).encoded(1_003_520)
    image = opened(encoded)
    assert (encoded.width, encoded.height) == image.size == enlarged
    assert encoded.media_type == "image/jpeg"
    assert image.getpixel((0, 0)) == image.getpixel((image.width - 1, image.height - 1)) == near(odd.BLUE)


def test_a_tiny_file_is_enlarged_likewise(odd: ModuleType) -> None:
    encoded = sent(odd.encoded(odd.cornered(40, 32), "PNG"))
    assert (encoded.width, encoded.height) == opened(encoded).size == (70, 56)
    assert opened(encoded).getpixel((3, 3)) == near(odd.RED)


def test_a_crop_is_its_part_of_the_picture_and_nothing_around_it(odd: ModuleType) -> None:
    image = odd.cornered(960, 640)
    red = opened(Crop(image, (0, 0, 0.25, 0.25)).encoded(BUDGET))
    blue = opened(Crop(image, (0.75, 0.75, 1, 1)).encoded(BUDGET))
    assert red.size == blue.size == (240, 160)
    assert {red.getpixel(place) == near(odd.RED) for place in [(0, 0), (239, 0), (0, 159), (239, 159)]} == {True}
    assert {blue.getpixel(place) == near(odd.BLUE) for place in [(0, 0), (239, 0), (0, 159), (239, 159)]} == {True}


def test_a_large_crop_is_shrunk_to_the_budget(odd: ModuleType) -> None:
    encoded = Crop(odd.cornered(1200, 800), (0.25, 0.0, 1.0, 1.0)).encoded(100_000)
    assert 0.9 * 100_000 <= encoded.width * encoded.height <= 100_000
    assert encoded.width / encoded.height == pytest.approx(900 / 800, rel=0.02)


@pytest.mark.parametrize(
    ("frame", "exact"),
    [
        ((0.0, 0.0, 1.0, 1.0), (0, 0, 100, 50)),
        ((0.07, 0.5, 0.5, 1.0), (7, 25, 50, 50)),
        ((0.071, 0.51, 0.499, 0.77), (7, 25, 50, 39)),
        ((0.123, 0.456, 0.123, 0.456), (12, 22, 13, 23)),  # never empty
        ((1.0, 1.0, 1.0, 1.0), (99, 49, 100, 50)),
    ],
)
def test_the_frame_of_a_crop_is_where_its_whole_pixels_lie(
    frame: tuple[float, ...], exact: tuple[int, int, int, int]
) -> None:
    crop = Crop(Image.new("RGB", (100, 50)), frame)
    left, top, right, bottom = exact
    assert crop.frame == (left / 100, top / 50, right / 100, bottom / 50)
    assert crop.pixels().size == (right - left, bottom - top)


@settings(deadline=None)
@given(
    st.tuples(st.integers(1, 300), st.integers(1, 300)),
    st.lists(st.floats(0, 1), min_size=4, max_size=4),
)
def test_a_box_keeps_its_place_when_it_is_told_relative_to_the_crop_and_back(
    size: tuple[int, int], numbers: list[float]
) -> None:
    (x1, x2), (y1, y2) = sorted(numbers[:2]), sorted(numbers[2:])
    crop = Crop(Image.new("RGB", size), (x1, y1, x2, y2))
    box = geometry.as_boxes([(x1, y1, x2, y2)])
    inside = geometry.relative_to(box, crop.frame)
    assert inside.min() >= -1e-3
    assert inside.max() <= 1 + 1e-3
    assert geometry.within(inside, crop.frame) == pytest.approx(box, abs=1e-9)
    width, height = crop.pixels().size
    assert crop.frame[2] - crop.frame[0] == pytest.approx(width / size[0])
    assert crop.frame[3] - crop.frame[1] == pytest.approx(height / size[1])


def test_pixels_are_upright_rgb_and_no_longer_than_asked(odd: ModuleType) -> None:
    picture = Picture(lambda: odd.turned(odd.cornered(960, 640), 6, "JPEG"))
    whole, small = picture.pixels(), picture.pixels(240)
    assert (whole.mode, whole.size, small.size) == ("RGB", (960, 640), (240, 160))
    for image in (whole, small):
        assert image.getpixel((5, 5)) == near(odd.RED)
        assert image.getpixel((image.width - 6, image.height - 6)) == near(odd.BLUE)


def test_pixels_of_a_crop_are_no_longer_than_asked_and_leave_the_picture_as_it_is(odd: ModuleType) -> None:
    image = odd.cornered(960, 640)
    crop = Crop(image, (0.5, 0.0, 1.0, 1.0))
    assert crop.pixels(100).size == (75, 100)
    assert crop.pixels(4000).size == crop.pixels().size == (480, 640)
    assert image.size == (960, 640)
    assert crop.pixels(100).getpixel((70, 95)) == near(odd.BLUE)


@pytest.mark.parametrize("content", [b"", b"<html><body>404</body></html>", b"\xff\xd8", bytes(1000)])
def test_what_is_no_image_is_rejected(content: bytes) -> None:
    picture = Picture(lambda: content)
    for use in (picture.pixels, lambda: picture.encoded(BUDGET)):
        with pytest.raises(ImageRejected) as caught:
            use()
        assert str(caught.value.state) == "not_an_image"


@pytest.mark.parametrize(
    ("kind", "max_pixels"), [("JPEG", 10_000), ("PNG", 10_000), ("WEBP", 10_000), ("GIF", BUDGET), ("TIFF", BUDGET)]
)
def test_half_a_file_is_rejected_when_it_must_be_decoded(odd: ModuleType, kind: str, max_pixels: int) -> None:
    content = odd.encoded(odd.speckled(1, 400, 300), kind)
    assert sent(content, max_pixels).media_type == "image/jpeg"
    half = content[: len(content) // 2]
    with pytest.raises(ImageRejected) as caught:
        sent(half, max_pixels)
    assert str(caught.value.state) == "corrupt"
    with pytest.raises(ImageRejected):
        Picture(lambda: half).pixels()


def test_what_a_reader_raises_is_raised(odd: ModuleType) -> None:
    def gone() -> bytes:
        raise ImageRejected("unreadable", "raw/x.jpg is gone")

    for use in (Picture(gone).pixels, lambda: Picture(gone).encoded(BUDGET)):
        with pytest.raises(ImageRejected, match="is gone"):
            use()


def test_the_file_is_read_when_it_is_needed_and_not_kept(odd: ModuleType) -> None:
    reads: list[int] = []

    def read() -> bytes:
        reads.append(1)
        return odd.flat()

    picture = Picture(read)
    assert reads == []
    assert picture.encoded(BUDGET) == picture.encoded(BUDGET)
    picture.pixels()
    assert len(reads) == 3


@pytest.mark.parametrize("size", [(1790, 10), (10_000, 60)])
def test_a_sliver_that_is_enlarged_stays_within_the_budget(size: tuple[int, int]) -> None:
    encoded = encode(Image.new("RGB", size), BUDGET)
    assert encoded.width * encoded.height <= BUDGET


def test_the_shape_that_counts_is_the_pictures_own_whatever_the_budget(odd: ModuleType) -> None:
    assert sent(odd.flat(10_000, 60, kind="PNG"), 3136)


@pytest.mark.parametrize(
    "kind",
    [
        "JPEG",
        "PNG",
        "WEBP",
    ],
)
def test_half_a_small_file_is_rejected_too(odd: ModuleType, kind: str) -> None:
    content = odd.encoded(odd.speckled(1, 400, 300), kind)
    with pytest.raises(ImageRejected):
        sent(content[: len(content) // 2])

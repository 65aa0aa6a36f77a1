"""JPEGs, which images.inspect decodes at a small scale: what is cut off shows, and the fingerprint is the picture's."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import odd_images as odd
import pytest
from PIL import Image, ImageOps

from dlf_core.errors import ImageRejected
from dlf_resources import images
from dlf_resources.duplicates.fingerprint import DECODE_SIDE, Fingerprint, fingerprint
from dlf_resources.images import Limits

SIZE = (640, 480)
LIMITS = Limits()

Encode = Callable[[Image.Image], bytes]
KINDS: dict[str, Encode] = {
    "baseline": lambda picture: odd.encoded(picture, "JPEG", quality=90),
    "progressive": lambda picture: odd.encoded(picture, "JPEG", quality=90, progressive=True),
    "CMYK": lambda picture: odd.encoded(picture.convert("CMYK"), "JPEG", quality=90),
    "progressive CMYK": lambda picture: odd.encoded(picture.convert("CMYK"), "JPEG", quality=90, progressive=True),
    "grey": lambda picture: odd.encoded(picture.convert("L"), "JPEG", quality=90),
    "RGB": lambda picture: odd.encoded(picture, "JPEG", quality=90, keep_rgb=True),
    "full colour": lambda picture: odd.encoded(picture, "JPEG", quality=90, subsampling=0, optimize=True),
    "restart marks": lambda picture: odd.encoded(picture, "JPEG", quality=90, restart_marker_rows=1),
    "turned": lambda picture: odd.turned(picture, 6, "JPEG", quality=90),
    "turned progressive": lambda picture: odd.turned(picture, 8, "JPEG", quality=90, progressive=True),
}


@pytest.fixture(scope="module", params=KINDS)
def encode(request: pytest.FixtureRequest) -> Encode:
    return KINDS[request.param]


def state_of(content: bytes) -> str:
    try:
        images.inspect(content, LIMITS)
    except ImageRejected as rejected:
        return str(rejected.state)
    return "taken"


def whole_state_of(content: bytes) -> str:
    """What decoding every pixel says."""
    try:
        images.open_upright(content)
    except ImageRejected as rejected:
        return str(rejected.state)
    return "taken"


def apart(one: Fingerprint, other: Fingerprint) -> tuple[int, int, float]:
    """Bits of the hash, bits of that of the mirror image, and the mean difference of the thumbnails."""
    names = ("phash", "phash_mirrored")
    plain, mirrored = ((int(getattr(one, name), 16) ^ int(getattr(other, name), 16)).bit_count() for name in names)
    first, second = (np.frombuffer(found.thumb, np.uint8).astype(int) for found in (one, other))
    return plain, mirrored, float(np.abs(first - second).mean())


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_a_jpeg_cut_off_is_corrupt_although_its_pixels_are_not_all_decoded(encode: Encode, share: float) -> None:
    content = encode(odd.speckled(3, *SIZE))
    assert state_of(content) == "taken"
    with pytest.raises(ImageRejected) as caught:
        images.inspect(content[: int(len(content) * share)], LIMITS)
    assert caught.value.state == "corrupt"
    assert caught.value.reason.startswith("cannot be decoded to the end: ")


@pytest.mark.parametrize("missing", [1, 2, 3, 16])
def test_a_jpeg_that_lacks_its_last_bytes_is_corrupt(encode: Encode, missing: int) -> None:
    assert state_of(encode(odd.speckled(3, *SIZE))[:-missing]) == "corrupt"


@pytest.mark.parametrize("size", [(33, 33), (64, 64), (257, 65), (2000, 40), (1600, 1200)], ids=str)
def test_a_jpeg_of_any_size_cut_off_is_corrupt(size: tuple[int, int]) -> None:
    content = odd.encoded(odd.speckled(3, *size), "JPEG", quality=90)
    assert state_of(content) == "taken"
    scan = content.rindex(b"\xff\xda")  # what is cut before it is a damaged header
    for share in (0.1, 0.5, 0.9, 0.99):
        assert state_of(content[: scan + int((len(content) - scan) * share)]) == "corrupt", share


def test_bytes_after_the_end_do_no_harm(encode: Encode) -> None:
    content = encode(odd.speckled(3, *SIZE))
    assert state_of(content + b"\0" * 100) == state_of(content + b"<html>") == "taken"


def test_wherever_a_jpeg_is_cut_or_damaged_the_small_scale_judges_as_the_full_one(encode: Encode) -> None:
    content = encode(odd.speckled(5, 160, 120))
    chance = random.Random(7)
    verdicts = set()
    for _ in range(60):
        damaged = bytearray(content)
        if chance.random() < 0.5:
            del damaged[chance.randrange(len(damaged) // 4, len(damaged)) :]
        for _ in range(chance.choice([0, 1, 4])):
            damaged[chance.randrange(len(damaged) // 4, len(damaged))] = chance.randrange(256)
        verdict = state_of(bytes(damaged))
        assert verdict == whole_state_of(bytes(damaged))
        verdicts.add(verdict)
    assert verdicts == {"taken", "corrupt"}


def test_width_and_height_are_those_of_the_upright_picture_at_full_size(encode: Encode) -> None:
    facts = images.inspect(encode(odd.speckled(3, *SIZE)), LIMITS)
    assert (facts.width, facts.height, facts.format, facts.extension) == (*SIZE, "JPEG", "jpg")


def test_the_fingerprint_is_that_of_the_picture_decoded_whole(encode: Encode) -> None:
    picture = odd.speckled(3, *SIZE)
    found = images.inspect(encode(picture), LIMITS).fingerprint
    bits, mirrored, grey = apart(found, fingerprint(picture))
    assert bits <= 2
    assert mirrored <= 2
    assert grey < 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("progressive", [False, True], ids=["baseline", "progressive"])
@pytest.mark.parametrize(
    ("size", "most"),
    # At small scale the last column of 300 stands for half as many pixels as the others, at whichever end it lies.
    [((640, 480), 2), ((300, 900), 6)],
    ids=["whole blocks", "a part of a block"],
)
def test_the_fingerprint_of_a_turned_jpeg_is_that_of_the_upright_picture(
    orientation: int, progressive: bool, size: tuple[int, int], most: int
) -> None:
    picture = odd.speckled(4, *size)
    facts = images.inspect(odd.turned(picture, orientation, "JPEG", quality=95, progressive=progressive), LIMITS)
    assert (facts.width, facts.height) == size
    bits, mirrored, grey = apart(facts.fingerprint, fingerprint(picture))
    assert max(bits, mirrored) <= most
    assert grey < 3


def test_a_turned_picture_has_another_fingerprint_where_nothing_says_that_it_is_turned() -> None:
    """The proof of the test above: turning matters."""
    picture = odd.speckled(4, *SIZE)
    upright = fingerprint(picture)
    for turn in (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.FLIP_LEFT_RIGHT):
        found = images.inspect(odd.encoded(picture.transpose(turn), "JPEG"), LIMITS).fingerprint
        assert apart(found, upright)[0] > 16


def test_the_mirrored_hash_is_the_hash_of_the_mirror_image(encode: Encode) -> None:
    picture = odd.speckled(6, *SIZE)
    found = images.inspect(encode(picture), LIMITS).fingerprint
    mirror = images.inspect(encode(ImageOps.mirror(picture)), LIMITS).fingerprint
    assert (int(found.phash_mirrored, 16) ^ int(mirror.phash, 16)).bit_count() <= 2
    assert (int(found.phash, 16) ^ int(mirror.phash_mirrored, 16)).bit_count() <= 2
    assert (int(found.phash, 16) ^ int(mirror.phash, 16)).bit_count() > 16


def test_a_large_jpeg_is_decoded_small(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[tuple[int, int]] = []

    def noted(image: Image.Image) -> Fingerprint:
        sizes.append(image.size)
        return fingerprint(image)

    monkeypatch.setattr(images, "fingerprint", noted)
    facts = images.inspect(odd.encoded(odd.speckled(3, 1600, 1200), "JPEG"), LIMITS)
    assert (facts.width, facts.height) == (1600, 1200)
    assert sizes == [(200, 150)], "an eighth, the smallest scale there is"
    for width, height in ((640, 480), (300, 200), (100, 40), (4000, 64)):
        images.inspect(odd.encoded(odd.speckled(3, width, height), "JPEG"), LIMITS)
        assert min(sizes[-1]) >= DECODE_SIDE, "enough is left for the fingerprint"


def test_limits_are_judged_by_the_full_size_not_by_that_of_the_small_scale() -> None:
    content = odd.turned(odd.speckled(3, *SIZE), 6, "JPEG")
    assert state_of(content) == "taken"
    for limits, state in ((Limits(min_side=481), "too_small"), (Limits(max_pixels=640 * 480 - 1), "too_large")):
        with pytest.raises(ImageRejected) as caught:
            images.inspect(content, limits)
        assert caught.value.state == state
    assert images.inspect(content, Limits(min_side=480, max_pixels=640 * 480)).width == 640

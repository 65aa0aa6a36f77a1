"""A picture on its way to a model: pixels for models in this process, a small file for model servers.

Reading, decoding and encoding take time: call these methods in a thread.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image

from dlf_core.boxes import to_pixels
from dlf_core.errors import BackendError
from dlf_resources.images import open_upright, open_within, plain_file, shrunk, size_of

JPEG_QUALITY = 90
# Model servers answer 500 to a longer strip (mlx_vlm: "absolute aspect ratio must be smaller than 200").
MAX_ASPECT = 180
# Below, a vision transformer has no patch to look at.
MIN_SIDE = 56


@dataclass(frozen=True, slots=True)
class Encoded:
    """A file to send: its bytes, media type, and its width and height in pixels as the model will see it."""

    content: bytes
    media_type: str
    width: int
    height: int


class Picture:
    """An image file of the data set.

    Args:
        read: gives the bytes as fetched; called when they are needed.
        image_id: its identity, where it is known.
    """

    def __init__(self, read: Callable[[], bytes], image_id: str | None = None):
        self.image_id = image_id
        self._read = read

    def pixels(self, max_side: int | None = None) -> Image.Image:
        """The upright RGB pixels, the longer side at most `max_side`.

        Raises:
            ImageRejected: the file is gone or damaged.
        """
        return open_upright(self._read(), max_side)

    def within(self, max_pixels: int) -> Image.Image:
        """The upright RGB pixels, at most so many.

        Raises:
            ImageRejected: the file is gone or damaged.
        """
        return open_within(self._read(), max_pixels)

    def encoded(self, max_pixels: int) -> Encoded:
        """A file of at most `max_pixels` pixels: the very bytes where they are upright JPEG, PNG or WebP and fit.

        Raises:
            ImageRejected: the file is gone or damaged.
            BackendError: no model takes a picture of this shape.
        """
        content = self._read()
        _check_shape(*size_of(content))
        plain = plain_file(content, max_pixels)
        if plain is not None and min(plain.width, plain.height) >= MIN_SIDE:
            return Encoded(content, plain.media_type, plain.width, plain.height)
        return _as_jpeg(open_within(content, max_pixels), max_pixels)


class Crop(Picture):
    """A part of a picture whose pixels are at hand.

    Args:
        image: upright RGB pixels of the whole picture.
        frame: `x1 y1 x2 y2` in [0, 1] of the image; grown to whole pixels.
    """

    def __init__(self, image: Image.Image, frame: Sequence[float]):
        self._image = image
        self._corners = to_pixels(frame, *image.size)

    @property
    def frame(self) -> tuple[float, float, float, float]:
        """Where the crop lies in the picture, exactly: `x1 y1 x2 y2` in [0, 1]."""
        width, height = self._image.size
        left, top, right, bottom = self._corners
        return left / width, top / height, right / width, bottom / height

    def pixels(self, max_side: int | None = None) -> Image.Image:
        """See `Picture.pixels`."""
        crop = self._image.crop(self._corners)
        if max_side is not None:
            crop.thumbnail((max_side, max_side))
        return crop

    def within(self, max_pixels: int) -> Image.Image:
        """See `Picture.within`."""
        return shrunk(self._image.crop(self._corners), max_pixels)

    def encoded(self, max_pixels: int) -> Encoded:
        """See `Picture.encoded`."""
        return encode(self._image.crop(self._corners), max_pixels)


def encode(image: Image.Image, max_pixels: int) -> Encoded:
    """RGB pixels as a JPEG of at most `max_pixels` pixels, slivers enlarged towards a side of `MIN_SIDE`.

    Raises:
        BackendError: no model takes a picture of this shape.
    """
    _check_shape(*image.size)
    return _as_jpeg(image, max_pixels)


def _as_jpeg(image: Image.Image, max_pixels: int) -> Encoded:
    image = shrunk(image, max_pixels)
    if min(image.size) < MIN_SIDE:
        # As far as the budget goes: a long sliver stays one.
        scale = min(MIN_SIDE / min(image.size), (max_pixels / (image.width * image.height)) ** 0.5)
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        image = image.resize(size, Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return Encoded(buffer.getvalue(), "image/jpeg", image.width, image.height)


def _check_shape(width: int, height: int) -> None:
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise BackendError(
            f"the picture is {width} × {height} pixels; a model takes at most {MAX_ASPECT} times as long as wide."
        )

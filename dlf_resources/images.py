"""Reading image bytes: is it an image we take, how large is it upright, and its pixels.

The only module that decodes. Pixels are always upright (EXIF orientation applied), RGB, eight bits; of an
animation it is the first frame; transparency lies on white.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from dlf_core.candidate_states import CandidateState
from dlf_core.errors import ImageRejected
from dlf_resources.duplicates.fingerprint import DECODE_SIDE, Fingerprint, fingerprint

# What Pillow warns of (damaged EXIF) is judged here; and `catch_warnings` is not for threads.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

# Pillow's own limit only warns at first; sizes are checked here, before anything is decoded.
Image.MAX_IMAGE_PIXELS = None

EXTENSIONS = {
    "JPEG": "jpg",
    "MPO": "jpg",
    "PNG": "png",
    "WEBP": "webp",
    "GIF": "gif",
    "BMP": "bmp",
    "TIFF": "tif",
    "AVIF": "avif",
}
# Only these decoders are offered the bytes: Pillow also knows formats that start other programs (EPS).
# MPO is opened by the JPEG decoder, and has no entry of its own in Pillow's list.
_FORMATS = tuple(name for name in EXTENSIONS if name != "MPO")

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jfif", ".jpe", ".mpo", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"}
)
"""File name endings that are looked at in a folder."""

_ORIENTATION = 0x0112
_PNG_BIT_DEPTH = 24  # offset in the file: signature, then IHDR's length, type, width, height
_WASTEFUL = 0.4
_JPEG_END, _JPEG_TAIL = b"\xff\xd9", 64
_TURNED = {5, 6, 7, 8}  # EXIF orientations that swap width and height


@dataclass(frozen=True, slots=True)
class Limits:
    """What is too small or too large to take."""

    min_side: int = 32
    max_pixels: int = 100_000_000
    max_bytes: int = 100_000_000


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What the gather table stores of an image. Width and height are upright pixels."""

    width: int
    height: int
    format: str
    extension: str
    fingerprint: Fingerprint


def inspect(content: bytes, limits: Limits) -> ImageFacts:
    """Check that bytes are a whole image within limits, decoding it once.

    A JPEG is decoded at the smallest DCT scale that a fingerprint needs: all its data is read, so a truncated file
    shows, at a third of the cost.

    Raises:
        ImageRejected: with state not_an_image, too_small, too_large or corrupt, and the reason.
    """
    if not content:
        raise ImageRejected(CandidateState.NOT_AN_IMAGE, "the file is empty (0 bytes)")
    if len(content) > limits.max_bytes:
        reason = f"{len(content):,} bytes; the limit is {limits.max_bytes:,} (thresholds.max_bytes)"
        raise ImageRejected(CandidateState.TOO_LARGE, reason)
    opened = _open(content)
    width, height = opened.size
    if width * height > limits.max_pixels:
        reason = f"declares {width} × {height} pixels; the limit is {limits.max_pixels:,} (thresholds.max_pixels)"
        raise ImageRejected(CandidateState.TOO_LARGE, reason)
    if min(width, height) < limits.min_side:
        reason = f"{width} × {height} pixels; the shorter side must be {limits.min_side} (thresholds.min_side)"
        raise ImageRejected(CandidateState.TOO_SMALL, reason)
    kind = str(opened.format)
    if _is_turned(opened):
        width, height = height, width
    grey = _grey(opened, DECODE_SIDE)
    return ImageFacts(width, height, kind, EXTENSIONS[kind], fingerprint(grey))


def open_upright(content: bytes, max_side: int | None = None) -> Image.Image:
    """The upright RGB image.

    Args:
        content: bytes of an image that `inspect` took.
        max_side: shrink so that the longer side has at most this many pixels (JPEGs are decoded at a
            smaller DCT scale, which is several times faster than decoding all of a large photo).

    Raises:
        ImageRejected: the bytes cannot be decoded.
    """
    opened = _open(content)
    if max_side is not None and max(opened.size) > max_side:
        scale = max_side / max(opened.size)
        opened.draft("RGB", (max(1, int(opened.width * scale)), max(1, int(opened.height * scale))))
    upright = _pixels(opened)
    if max_side is not None and max(upright.size) > max_side:
        upright.thumbnail((max_side, max_side), Image.Resampling.BILINEAR)
    return upright


def open_grey(content: bytes, side: int) -> Image.Image:
    """The upright grey image; a JPEG at the smallest DCT scale that leaves `side` pixels on both sides.

    Raises:
        ImageRejected: the bytes cannot be decoded.
    """
    return _grey(_open(content), side)


def open_within(content: bytes, max_pixels: int) -> Image.Image:
    """The upright RGB image with at most `max_pixels` pixels, for a model that would shrink it anyway.

    A JPEG is decoded at the DCT scale just under the budget, ten times faster than decoding all of a large photo; where
    that would leave less than 40 % of the budget, one scale larger, and resampled.

    Raises:
        ImageRejected: the bytes cannot be decoded.
    """
    opened = _open(content)
    width, height = opened.size
    scale = next((k for k in (1, 2, 4, 8) if (width / k) * (height / k) <= max_pixels), 8)
    if scale > 1 and (width / scale) * (height / scale) < _WASTEFUL * max_pixels:
        scale //= 2
    if scale > 1:
        opened.draft("RGB", (max(1, width // scale), max(1, height // scale)))
    upright = _pixels(opened)
    return shrunk(upright, max_pixels)


def shrunk(image: Image.Image, max_pixels: int) -> Image.Image:
    """The image, resampled to at most `max_pixels` when it has more."""
    width, height = image.size
    if width * height <= max_pixels:
        return image
    scale = (max_pixels / (width * height)) ** 0.5
    size = max(1, int(width * scale)), max(1, int(height * scale))
    return image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


def size_of(content: bytes) -> tuple[int, int]:
    """Width and height as the header declares them, before turning it upright.

    Raises:
        ImageRejected: the bytes are no image.
    """
    return _open(content).size


@dataclass(frozen=True, slots=True)
class PlainFile:
    """Size in pixels and media type of a file that every reader sees as we do."""

    width: int
    height: int
    media_type: str


def plain_file(content: bytes, max_pixels: int) -> PlainFile | None:
    """What a file is that may be shown as it lies there; None for one that must be decoded first.

    That is one with more pixels than `max_pixels`, one that readers see differently, and a JPEG that does not end as
    one: it may have been cut off, and only decoding it tells.

    Raises:
        ImageRejected: the bytes are no image.
    """
    opened = _open(content)
    if opened.width * opened.height > max_pixels or not _plain(opened, content):
        return None
    if opened.format == "JPEG" and _JPEG_END not in content[-_JPEG_TAIL:]:
        return None
    return PlainFile(*opened.size, str(Image.MIME[str(opened.format)]))


def plain(content: bytes) -> bool:
    """Whether every reader sees the file as we do: upright, one frame, 8-bit RGB or grey, JPEG, PNG or WebP."""
    return _plain(_open(content), content)


def _plain(opened: Image.Image, content: bytes) -> bool:
    if opened.format not in ("JPEG", "PNG", "WEBP") or opened.mode not in ("RGB", "L"):
        return False
    if opened.format == "PNG" and content[_PNG_BIT_DEPTH] != 8:
        return False  # Pillow shows 16-bit colour as 8-bit RGB
    try:
        turned = opened.getexif().get(_ORIENTATION, 1) not in (0, 1)
        return not turned and getattr(opened, "n_frames", 1) == 1 and "transparency" not in opened.info
    except Exception:  # damaged EXIF, of which every reader may make something else
        return False


def _open(content: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(content), formats=_FORMATS)
    except UnidentifiedImageError:
        start = content[:16].decode("ascii", "replace").encode("ascii", "replace").decode()
        reason = f"the content is no image of a known format (it begins with {start!r})"
        raise ImageRejected(CandidateState.NOT_AN_IMAGE, reason) from None
    except Exception as error:  # Pillow's decoders raise a dozen kinds on damaged headers
        raise ImageRejected(CandidateState.CORRUPT, f"the header is damaged: {_said(error)}") from None


def _grey(opened: Image.Image, side: int) -> Image.Image:
    opened.draft("L", (side, side))
    upright = _pixels(opened, grey=True)
    return upright if upright.mode == "L" else upright.convert("L")


def _is_turned(opened: Image.Image) -> bool:
    """Whether turning it upright swaps width and height."""
    try:
        # Pillow tells the upright size of a TIFF, and turns it itself when it is loaded.
        return opened.format != "TIFF" and opened.getexif().get(_ORIENTATION, 1) in _TURNED
    except Exception:  # a damaged EXIF block
        return False


def _pixels(opened: Image.Image, *, grey: bool = False) -> Image.Image:
    try:
        opened.load()
        try:
            turned = opened.getexif().get(_ORIENTATION, 1) not in (0, 1)
            # Without a turn it would make a copy.
            upright = ImageOps.exif_transpose(opened) if turned else opened
        except Exception:  # a damaged EXIF block does not make the pixels worthless
            upright = opened
        return upright if grey and upright.mode == "L" else _rgb(upright)
    except MemoryError:
        raise
    except Exception as error:
        raise ImageRejected(CandidateState.CORRUPT, f"cannot be decoded to the end: {_said(error)}") from None


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return Image.fromarray(_eight_bits(image), "L").convert("RGB")
    if image.has_transparency_data:
        layered = image.convert("RGBA")
        canvas = Image.new("RGBA", layered.size, (255, 255, 255, 255))
        canvas.alpha_composite(layered)
        return canvas.convert("RGB")
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> NDArray[np.uint8]:
    """Grey values of 16-bit, 32-bit or float images as `[height, width]` bytes.

    Integers up to 65,535 keep their high byte; larger ones and floats have no agreed range, so their maximum is white.
    """
    if image.mode.startswith("I;16"):
        return (np.asarray(image.convert("I")) >> 8).clip(0, 255).astype(np.uint8)
    values = np.nan_to_num(np.asarray(image, dtype=np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    top = float(values.max(initial=0.0))
    if image.mode == "I" and top <= 65535:
        return (values / 256.0).clip(0, 255).astype(np.uint8)
    return (values * (255.0 / max(top, 1e-9))).clip(0, 255).astype(np.uint8)


def _said(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]

"""Copies of a photo as they are met on the web: encoded anew, resized, cropped, brighter, watermarked, mirrored.

    python -m benchmarks.picture_variants PHOTO FOLDER

writes all of one photo for whoever wants to see them.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

ORIGINAL = "original"
QUALITIES = (40, 50, 60, 70, 80, 90)
SCALES = (0.5, 0.75, 1.5, 2.0)
BRIGHTNESSES = (0.8, 0.9, 1.1, 1.2)
CROPS = (1, 2, 3, 5)

SLIGHT, CROP_5, MIRRORED, HARDER = "slight", "crop 5 %", "mirrored", "harder"
"""Groups of kinds. `harder` is beyond what near-duplicates are meant to find, and is in no sum."""

_CORNERS = range(4)  # each is a copy of its own: a photo may be flat on one side only
_QUALITY = 90  # of what is no matter of encoding
_WORDS = "© photo archive"


@dataclass(frozen=True, slots=True)
class Variant:
    """One copy of a photo."""

    kind: str
    group: str
    content: bytes


def variants(content: bytes, number: int) -> Iterator[Variant]:
    """The photo itself, then its copies.

    Args:
        content: the bytes of a photo.
        number: chooses the corner of the harder crops, so that all come up.
    """
    photo = Image.open(io.BytesIO(content)).convert("RGB")
    yield Variant(ORIGINAL, SLIGHT, content)
    for kind, image, quality in _slight(photo):
        yield Variant(kind, SLIGHT, _jpeg(image, quality))
    yield Variant("crop centred 5 %", CROP_5, _jpeg(_centred(photo, 5), _QUALITY))
    for corner in _CORNERS:
        yield Variant("crop one-sided 5 %", CROP_5, _jpeg(_one_sided(photo, 5, corner), _QUALITY))
    turned = ImageOps.mirror(photo)
    yield Variant("mirrored", MIRRORED, _jpeg(turned, 95))
    yield Variant("mirrored, JPEG 70", MIRRORED, _jpeg(turned, 70))
    yield Variant("mirrored, × 0.75", MIRRORED, _jpeg(_scaled(turned, 0.75), _QUALITY))
    for kind, image in _harder(photo, number):
        yield Variant(kind, HARDER, _jpeg(image, _QUALITY))


def _slight(photo: Image.Image) -> Iterator[tuple[str, Image.Image, int]]:
    for quality in QUALITIES:
        yield f"JPEG {quality}", photo, quality
    for scale in SCALES:
        yield f"× {scale}", _scaled(photo, scale), _QUALITY
    for brightness in BRIGHTNESSES:
        yield f"brightness {brightness}", ImageEnhance.Brightness(photo).enhance(brightness), _QUALITY
    for percent in CROPS[:-1]:
        yield f"crop centred {percent} %", _centred(photo, percent), _QUALITY
        for corner in _CORNERS:
            yield f"crop one-sided {percent} %", _one_sided(photo, percent, corner), _QUALITY
    yield "text in the corner", _lettered(photo, 0.05, "corner"), _QUALITY
    yield "text in the centre", _lettered(photo, 0.08, "centre"), _QUALITY
    for corner in _CORNERS:
        yield "opaque logo", _with_logo(photo, corner), _QUALITY


def _harder(photo: Image.Image, number: int) -> Iterator[tuple[str, Image.Image]]:
    slightly = _one_sided(photo, 3, number + 1)
    several = _lettered(_scaled(ImageEnhance.Brightness(slightly).enhance(1.1), 0.75), 0.05, "corner")
    yield "crop, brightness, size and text together", several
    yield "mirrored, crop one-sided 3 %", _one_sided(ImageOps.mirror(photo), 3, number)
    for percent in (10, 15, 20, 40):
        yield f"crop one-sided {percent} %", _one_sided(photo, percent, number)
    yield "grey", ImageOps.grayscale(photo)
    yield "contrast 1.5", ImageEnhance.Contrast(photo).enhance(1.5)
    yield "brightness 0.5", ImageEnhance.Brightness(photo).enhance(0.5)
    yield "blurred", photo.filter(ImageFilter.GaussianBlur(min(photo.size) / 100))
    yield "white frame of 3 %", ImageOps.expand(photo, round(0.03 * min(photo.size)), "white")
    yield "stretched 1.2", photo.resize((round(1.2 * photo.width), photo.height), Image.Resampling.LANCZOS)
    for degrees in (1, 3):
        yield f"turned by {degrees}°, filled", _turned(photo, degrees)
    yield "upside down", photo.transpose(Image.Transpose.ROTATE_180)
    yield "turned by 90°", photo.transpose(Image.Transpose.ROTATE_90)


def _jpeg(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _scaled(photo: Image.Image, scale: float) -> Image.Image:
    return photo.resize((round(photo.width * scale), round(photo.height * scale)), Image.Resampling.LANCZOS)


def _centred(photo: Image.Image, percent: int) -> Image.Image:
    """So much less of width and height, half of it on each side."""
    cut_x, cut_y = round(photo.width * percent / 100), round(photo.height * percent / 100)
    left, top = cut_x // 2, cut_y // 2
    return photo.crop((left, top, photo.width - (cut_x - left), photo.height - (cut_y - top)))


def _one_sided(photo: Image.Image, percent: int, corner: int) -> Image.Image:
    """So much less of width and height, all of it at one corner: the rest moves by as much."""
    cut_x, cut_y = round(photo.width * percent / 100), round(photo.height * percent / 100)
    left, top = (cut_x if corner & 1 else 0), (cut_y if corner & 2 else 0)
    return photo.crop((left, top, left + photo.width - cut_x, top + photo.height - cut_y))


def _lettered(photo: Image.Image, size: float, where: str) -> Image.Image:
    """Half-transparent white letters, their height a share of the photo's."""
    layer = Image.new("RGBA", photo.size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    font = ImageFont.load_default(size=max(8, round(photo.height * size)))
    left, top, right, bottom = draw.textbbox((0, 0), _WORDS, font=font)
    width, height = right - left, bottom - top
    if where == "corner":
        x, y = photo.width - width - 0.02 * photo.width, photo.height - height - 0.04 * photo.height
    else:
        x, y = (photo.width - width) / 2, (photo.height - height) / 2
    draw.text((x - left, y - top), _WORDS, font=font, fill=(255, 255, 255, 140))
    return Image.alpha_composite(photo.convert("RGBA"), layer).convert("RGB")


def _with_logo(photo: Image.Image, corner: int) -> Image.Image:
    """A white board with a red disc, a fifth by a tenth of the shorter side, in a corner."""
    marked = photo.copy()
    side, margin = round(0.1 * min(photo.size)), round(0.02 * min(photo.size))
    x = margin if corner & 1 else photo.width - 2 * side - margin
    y = margin if corner & 2 else photo.height - side - margin
    draw = ImageDraw.Draw(marked)
    draw.rectangle((x, y, x + 2 * side, y + side), fill=(250, 250, 250))
    draw.ellipse((x + 0.6 * side, y + 0.1 * side, x + 1.4 * side, y + 0.9 * side), fill=(210, 30, 30))
    return marked


def _turned(photo: Image.Image, degrees: float) -> Image.Image:
    """Turned, and cut so that no corner is empty."""
    cut = round(max(photo.size) * degrees / 57.3 / 2) + 1
    turned = photo.rotate(degrees, Image.Resampling.BICUBIC)
    return turned.crop((cut, cut, photo.width - cut, photo.height - cut))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("folder", type=Path)
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    for number, variant in enumerate(variants(chosen.photo.read_bytes(), 0)):
        name = variant.kind.replace(" %", "").replace(" ", "_").replace(",", "")
        (chosen.folder / f"{number:02d}_{name}.jpg").write_bytes(variant.content)


if __name__ == "__main__":
    main()

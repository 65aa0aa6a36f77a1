"""Pictures as they are met in the wild: turned, cut, damaged, in odd modes. Everything is made here, byte by byte."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image

RED, BLUE, GREY = (200, 30, 30), (30, 30, 200), (128, 128, 128)

# EXIF orientation → what a camera did to the upright picture (the inverse of what a reader must do).
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def flat(width: int = 96, height: int = 64, colour: tuple[int, int, int] = RED, kind: str = "JPEG") -> bytes:
    return encoded(Image.new("RGB", (width, height), colour), kind)


def speckled(seed: int, width: int = 96, height: int = 64) -> Image.Image:
    """Noise in large blocks: every seed another perceptual hash."""
    blocks = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize((width, height), Image.Resampling.BICUBIC)


def cornered(width: int = 96, height: int = 64) -> Image.Image:
    """Upright: grey, a red corner top left, a blue one bottom right."""
    image = Image.new("RGB", (width, height), GREY)
    image.paste(RED, (0, 0, width // 4, height // 4))
    image.paste(BLUE, (width - width // 4, height - height // 4, width, height))
    return image


def turned(image: Image.Image, orientation: int, kind: str = "JPEG", **options: object) -> bytes:
    """The picture as a camera stores it that was held so: pixels turned, EXIF says how."""
    stored = image.transpose(_TURNS[orientation]) if orientation in _TURNS else image
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(stored, kind, exif=exif.tobytes(), **options)


def damaged_exif() -> bytes:
    """A good JPEG whose EXIF block declares more entries than it has."""
    block = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\x01\x03\0\xff\xff\xff\xff" * 4
    return encoded(cornered(), "JPEG", exif=block, quality=95)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, depth: int, colour_type: int, rows: bytes) -> bytes:
    """A PNG of one's own; `rows` with the filter byte before each row."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def huge_png() -> bytes:
    """Declares 30,000 × 30,000 pixels and holds one row."""
    return png(30_000, 30_000, 8, 2, b"\0" * 90_001)


def grey16_png(values: np.ndarray) -> bytes:
    height, width = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return png(width, height, 16, 0, rows)


def rgb16_png(width: int, height: int, colour: tuple[int, int, int]) -> bytes:
    row = b"\0" + np.array(colour * width, dtype=">u2").tobytes()
    return png(width, height, 16, 2, row * height)


def half_clear(mode: str) -> Image.Image:
    """Left half opaque blue (grey 30 where the mode has no colour), right half clear over black."""
    solid = {"RGBA": (*BLUE, 255), "LA": (30, 255)}[mode]
    clear = {"RGBA": (0, 0, 0, 0), "LA": (0, 0)}[mode]
    image = Image.new(mode, (96, 64), clear)
    image.paste(solid, (0, 0, 48, 64))
    return image


def clear_palette_png() -> bytes:
    """A palette picture: index 0 blue, index 1 black and transparent."""
    image = Image.new("P", (96, 64), 1)
    image.putpalette([*BLUE, 0, 0, 0])
    image.paste(0, (0, 0, 48, 64))
    return encoded(image, "PNG", transparency=1)


def animation(kind: str) -> bytes:
    """Three frames: red, blue, grey."""
    first, *rest = (Image.new("RGB", (96, 64), colour) for colour in (RED, BLUE, GREY))
    return encoded(first, kind, save_all=True, append_images=rest, duration=50)


def float_tiff(values: np.ndarray) -> bytes:
    return encoded(Image.fromarray(values.astype(np.float32)), "TIFF")


def cmyk_jpeg() -> bytes:
    return encoded(Image.new("CMYK", (96, 64), (0, 255, 255, 0)), "JPEG", quality=95)


def postscript() -> bytes:
    return b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\nshowpage\n%%EOF\n"

"""A grid of small pictures with their boxes drawn in: for people, who look rather than read."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

# Okabe-Ito: told apart by people who see fewer colours; dashes tell rejected boxes from kept ones without colour.
KEPT = (0, 158, 115)
UNDECIDED = (230, 159, 0)
REJECTED = (213, 94, 0)
_PAPER = (250, 250, 250)
_INK = (40, 40, 40)


@dataclass(frozen=True, slots=True)
class DrawnBox:
    """A box on a sheet: corners in [0, 1], a caption, a colour; dashed or solid."""

    corners: tuple[float, float, float, float]
    caption: str
    colour: tuple[int, int, int]
    dashed: bool


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture of a sheet."""

    picture: Image.Image
    title: str
    boxes: Sequence[DrawnBox]


def contact_sheet(tiles: Iterable[Tile], *, side: int = 320, columns: int = 4) -> bytes:
    """The tiles as one WebP; each picture fits into `side` × `side` pixels with its title below."""
    drawn = [_draw(tile, side) for tile in tiles]
    rows = max(1, math.ceil(len(drawn) / columns))
    gap, foot = 8, 18
    sheet = Image.new("RGB", (columns * (side + gap) + gap, rows * (side + foot + gap) + gap), _PAPER)
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(12)
    for index, (picture, title) in enumerate(drawn):
        x = gap + index % columns * (side + gap)
        y = gap + index // columns * (side + foot + gap)
        sheet.paste(picture, (x + (side - picture.width) // 2, y + (side - picture.height) // 2))
        pen.text((x + 2, y + side + 2), title[:48], fill=_INK, font=font)
    buffer = io.BytesIO()
    sheet.save(buffer, "WEBP", quality=80)
    return buffer.getvalue()


def _draw(tile: Tile, side: int) -> tuple[Image.Image, str]:
    picture = tile.picture.copy()
    picture.thumbnail((side, side))
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(10)
    for box in sorted(tile.boxes, key=lambda box: not box.dashed):
        x1, x2 = (box.corners[0] * picture.width, box.corners[2] * picture.width)
        y1, y2 = (box.corners[1] * picture.height, box.corners[3] * picture.height)
        if box.dashed:
            for start, end in (((x1, y1), (x2, y1)), ((x2, y1), (x2, y2)), ((x2, y2), (x1, y2)), ((x1, y2), (x1, y1))):
                _dashes(pen, start, end, box.colour)
        else:
            pen.rectangle((x1, y1, x2, y2), outline=box.colour, width=2)
            pen.text((x1 + 2, y1 + 1), box.caption, fill=(255, 255, 255), font=font, stroke_width=1, stroke_fill=_INK)
    return picture, tile.title


def _dashes(
    pen: ImageDraw.ImageDraw, start: tuple[float, float], end: tuple[float, float], colour: tuple[int, int, int]
) -> None:
    length = math.dist(start, end)
    steps = max(1, int(length / 4))
    points = [
        (start[0] + (end[0] - start[0]) * i / steps, start[1] + (end[1] - start[1]) * i / steps)
        for i in range(steps + 1)
    ]
    for first, second in zip(points[::2], points[1::2], strict=False):
        pen.line((*first, *second), fill=colour, width=1)

"""The contact sheet: pictures in a grid, kept boxes solid, rejected ones dashed, each in its colour."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from dlf_resources.contact_sheet import KEPT, REJECTED, DrawnBox, Tile, _draw, contact_sheet

BOX = (0.25, 0.25, 0.75, 0.75)


def sheet(tiles: list[Tile], **options: int) -> Image.Image:
    image = Image.open(io.BytesIO(contact_sheet(tiles, **options)))
    assert image.format == "WEBP"
    return image.convert("RGB")


def tile(*boxes: DrawnBox, size: tuple[int, int] = (320, 320), colour: str = "blue") -> Tile:
    return Tile(Image.new("RGB", size, colour), "größe 照片.jpg", boxes)


@pytest.mark.parametrize(("count", "rows"), [(0, 1), (1, 1), (4, 1), (5, 2), (9, 3)])
def test_a_sheet_has_as_many_rows_as_it_needs(count: int, rows: int) -> None:
    image = sheet([tile() for _ in range(count)], side=100, columns=4)
    assert image.size == (4 * 108 + 8, rows * 126 + 8)


def test_pictures_stand_in_reading_order_each_in_the_middle_of_its_place() -> None:
    image = sheet([tile(colour="red"), tile(colour="lime"), tile(size=(400, 100), colour="blue")], side=100, columns=2)
    for at, colour in (((58, 58), (255, 0, 0)), ((166, 58), (0, 255, 0)), ((58, 184), (0, 0, 255))):
        assert image.getpixel(at) == pytest.approx(colour, abs=30)
    assert image.getpixel((58, 150)) == pytest.approx((250, 250, 250), abs=12)  # above the wide one is paper


def test_small_pictures_are_not_enlarged_and_the_callers_picture_is_not_drawn_on() -> None:
    given = tile(DrawnBox(BOX, "person", KEPT, dashed=False), size=(40, 40))
    before = given.picture.tobytes()
    drawn, _ = _draw(given, 320)
    assert drawn.size == (40, 40)
    assert given.picture.tobytes() == before
    assert drawn.tobytes() != before


@pytest.mark.parametrize(("dashed", "colour"), [(False, KEPT), (True, REJECTED)])
def test_a_box_is_drawn_on_its_edges_in_its_colour_solid_or_dashed(dashed: bool, colour: tuple[int, int, int]) -> None:
    drawn, _ = _draw(tile(DrawnBox(BOX, "", colour, dashed)), 320)
    pixels = (np.asarray(drawn) == colour).all(axis=2)
    rows, columns = np.nonzero(pixels)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (80, 240, 80, 240)
    left_edge = pixels[90:230, 80].mean()
    assert left_edge == 1 if not dashed else 0.3 < left_edge < 0.8
    assert not pixels[100:220, 100:220].any()


def test_a_kept_box_lies_over_a_rejected_one() -> None:
    kept, rejected = DrawnBox(BOX, "", KEPT, dashed=False), DrawnBox(BOX, "", REJECTED, dashed=True)
    for boxes in ((kept, rejected), (rejected, kept)):
        drawn, _ = _draw(tile(*boxes), 320)
        assert drawn.getpixel((80, 160)) == KEPT

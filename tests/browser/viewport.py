"""Which pixel of the image lies where on the screen: told anew here, so that the page's own sums are checked by it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import FloatRect, Page

MARGIN = 0.96
"""How much of the canvas an image takes that fits it."""
NEAR = 0.5
"""Pixels of the image by which corners may differ from what the pointer did."""

CANVAS = 'section[aria-label="Image"] canvas'
"""The large one; beside it the chosen box is shown."""


@dataclass(frozen=True)
class View:
    """An image on the screen.

    Attributes:
        left, top: where its upper left corner is in the window, in CSS pixels.
        scale: CSS pixels a pixel of the image.
    """

    left: float
    top: float
    scale: float

    def on_screen(self, x: float, y: float) -> tuple[float, float]:
        """Of a place in pixels of the image."""
        return self.left + x * self.scale, self.top + y * self.scale

    def in_image(self, x: float, y: float) -> tuple[float, float]:
        """The pixel of the image at a place of the window."""
        return (x - self.left) / self.scale, (y - self.top) / self.scale

    def zoomed(self, factor: float, x: float, y: float) -> View:
        """Larger by a factor; what is at (x, y) stays there."""
        left, top = x - (x - self.left) * factor, y - (y - self.top) * factor
        return View(left, top, self.scale * factor)

    def panned(self, dx: float, dy: float) -> View:
        return View(self.left + dx, self.top + dy, self.scale)


def canvas_of(page: Page, canvas: str = CANVAS) -> FloatRect:
    found = page.locator(canvas).bounding_box()
    assert found is not None
    return found


def fitted(page: Page, image: Mapping[str, Any], canvas: str = CANVAS) -> View:
    """How an image lies on the canvas when it has just been opened."""
    room = canvas_of(page, canvas)
    scale = min(room["width"] / image["width"], room["height"] / image["height"]) * MARGIN
    return centred(page, image, scale, canvas)


def centred(page: Page, image: Mapping[str, Any], scale: float, canvas: str = CANVAS) -> View:
    """Its middle in the middle of the canvas."""
    room, width, height = canvas_of(page, canvas), image["width"], image["height"]
    left = room["x"] + (room["width"] - width * scale) / 2
    top = room["y"] + (room["height"] - height * scale) / 2
    return View(left, top, scale)


def wheel(page: Page, at: tuple[float, float], delta: float) -> float:
    """Turn the wheel at a place; by how much the page is to have zoomed. What is emulated halves the delta at times."""
    page.evaluate("""() => {
        window.turned = null;
        addEventListener("wheel", (event) => { window.turned = event.deltaY }, { once: true });
    }""")
    page.mouse.move(*at)
    page.mouse.wheel(0, delta)
    # Not wait_for_function: from its second look on it is an eval, which the page's policy forbids.
    turned = page.evaluate("""() => new Promise((done) => {
        const look = () => window.turned === null ? requestAnimationFrame(look) : done(window.turned);
        look();
    })""")
    return math.exp(-turned / 400)


def pixels(image: Mapping[str, Any], corners: Mapping[str, float]) -> tuple[float, float, float, float]:
    """Corners in pixels of the image."""
    width, height = image["width"], image["height"]
    return corners["x1"] * width, corners["y1"] * height, corners["x2"] * width, corners["y2"] * height


def area(corners: tuple[float, ...]) -> float:
    x1, y1, x2, y2 = corners
    return (x2 - x1) * (y2 - y1)

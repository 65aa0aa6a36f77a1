"""The pointer on the canvas: what lies under it stays there while it zooms, and a plain drag moves the picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import pytest
from canvas_page import Place, count, option, places, shown_decisions, wait_for_boxes, wait_until_saved
from focus import focused
from playwright.sync_api import CDPSession, Page, expect
from viewport import NEAR, View, area, canvas_of, fitted, pixels, wheel

pytestmark = pytest.mark.browser

SIZE = 40
"""Of a box that is drawn to learn what lies where, in CSS pixels."""
Point = tuple[float, float]


@dataclass
class Canvas:
    """An image that has just been opened."""

    page: Page
    place: Place
    view: View

    def at(self, x: float, y: float) -> Point:
        """A place of the canvas, in shares of it."""
        canvas = canvas_of(self.page)
        return canvas["x"] + x * canvas["width"], canvas["y"] + y * canvas["height"]

    def drawn(self, at: Point) -> tuple[float, ...]:
        """Draw a box from a place on: its corners, in pixels of the image."""
        page, before = self.page, count(self.page)
        page.keyboard.press("b")
        page.mouse.move(*at)
        page.mouse.down()
        page.mouse.move(at[0] + SIZE, at[1] + SIZE, steps=3)
        page.mouse.up()
        wait_for_boxes(page, before + 1)
        wait_until_saved(page)
        image = self.place.answer()
        return pixels(image, image["boxes"][-1]["corners"])

    def lies_at(self, x: float, y: float, scale: float, screen: Point) -> None:
        """A pixel of the image is at a place of the screen, and pixels have that size."""
        side = SIZE / scale
        assert self.drawn(screen) == pytest.approx([x, y, x + side, y + side], abs=NEAR)


@pytest.fixture
def canvas(serve: Callable, sit_down: Callable) -> Canvas:
    server = serve("people")
    place = places(server, "people", "positive/people")[0]
    ada = sit_down(server, has_touch=True)
    ada.open(place.path)
    image = place.answer()
    wait_for_boxes(ada.page, len(image["boxes"]))
    return Canvas(ada.page, place, fitted(ada.page, image))


@pytest.mark.parametrize("turns", [[-300], [-200, -200, 150], [120]], ids=["larger", "to and fro", "smaller"])
def test_what_is_under_the_pointer_stays_while_the_wheel_zooms(canvas: Canvas, turns: list[float]) -> None:
    at, scale = canvas.at(0.62, 0.4), canvas.view.scale
    pixel = canvas.view.in_image(*at)
    for turn in turns:
        scale *= wheel(canvas.page, at, turn)
    assert scale != canvas.view.scale
    canvas.lies_at(*pixel, scale, at)


def test_a_plain_drag_moves_the_picture_and_a_click_then_meets_its_box(canvas: Canvas) -> None:
    page = canvas.page
    start = canvas.at(0.5, 0.5)
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0] + 50, start[1] - 20, steps=4)
    page.mouse.move(start[0] + 93, start[1] - 61, steps=4)
    page.mouse.up()
    view = canvas.view.panned(93, -61)

    image = canvas.place.answer()
    corners = [pixels(image, box["corners"]) for box in image["boxes"]]
    for number in range(0, len(corners), 4):
        x, y = (corners[number][0] + corners[number][2]) / 2, (corners[number][1] + corners[number][3]) / 2
        under = [other for other, (x1, y1, x2, y2) in enumerate(corners) if x1 <= x <= x2 and y1 <= y <= y2]
        smallest = min(under, key=lambda other: area(corners[other]))
        page.mouse.click(*view.on_screen(x, y))
        expect(option(page, smallest)).to_have_attribute("aria-selected", "true")

    at = canvas.at(0.3, 0.3)
    canvas.lies_at(*view.in_image(*at), view.scale, at)
    assert set(shown_decisions(page)[:-1]) == {"none"}


def test_a_double_click_fits_the_picture_again(canvas: Canvas) -> None:
    at = canvas.at(0.3, 0.3)
    wheel(canvas.page, at, -400)
    canvas.page.mouse.dblclick(*at)
    canvas.lies_at(*canvas.view.in_image(*at), canvas.view.scale, at)


def touch(session: CDPSession, kind: str, *points: Point) -> None:
    touched = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touched})


def test_two_fingers_zoom_and_move_at_once(canvas: Canvas) -> None:
    session = canvas.page.context.new_cdp_session(canvas.page)
    x, y = canvas.at(0.5, 0.5)
    pixel, scale = canvas.view.in_image(x, y), canvas.view.scale
    touch(session, "touchStart", (x - 50, y))
    touch(session, "touchStart", (x - 50, y), (x + 50, y))
    for step in range(1, 11):
        apart = 50 + 7 * step
        touch(session, "touchMove", (x - apart + 3 * step, y + 2 * step), (x + apart + 3 * step, y + 2 * step))
    touch(session, "touchEnd")
    canvas.lies_at(*pixel, scale * 120 / 50, (x + 30, y + 20))


def test_tab_goes_on_from_where_the_pointer_was(canvas: Canvas) -> None:
    """What is clicked does not hold the focus, and no press of Tab decides a box."""
    page = canvas.page
    for click in (lambda: page.mouse.click(*canvas.at(0.5, 0.5)), page.get_by_role("option").first.click):
        click()
        met = [focused(page)]
        for _ in range(5):
            page.keyboard.press("Tab")
            met.append(focused(page))
        assert all(one != other for one, other in pairwise(met))
    assert set(shown_decisions(page)) == {"none"}

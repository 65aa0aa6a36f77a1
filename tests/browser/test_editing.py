"""Boxes are drawn, moved, resized, renamed and deleted: exactly where the pointer was, and back, and forth again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from canvas_page import Place, labels, option, places, press_all, wait_for_boxes, wait_until_saved
from playwright.sync_api import Page
from viewport import NEAR, View, area, canvas_of, centred, fitted, pixels, wheel

pytestmark = pytest.mark.browser

Point = tuple[float, float]


def drag(page: Page, start: Point, end: Point) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    page.mouse.move(*end)
    page.mouse.up()


def state(place: Place) -> list[dict[str, Any]]:
    """What the boxes are for people and for the data set; a drawn box that is deleted is none."""
    kept = ("box_id", "class_name", "corners", "decision", "deleted")
    boxes = [box for box in place.boxes() if not (box["deleted"] and box["drawn_by"])]
    return [{name: box[name] for name in kept} for box in boxes]


def box_of(place: Place, box_id: str) -> dict[str, Any]:
    return next(box for box in place.boxes() if box["box_id"] == box_id)


def corners_of(place: Place, box_id: str) -> tuple[float, ...]:
    """Of a box, in pixels of the image."""
    return pixels(place.answer(), box_of(place, box_id)["corners"])


def at_fit(page: Page, image: dict[str, Any]) -> View:
    page.keyboard.press("f")
    return fitted(page, image)


def at_actual_size(page: Page, image: dict[str, Any]) -> View:
    page.keyboard.press("z")
    return centred(page, image, 1)


def zoomed_by_wheel(page: Page, image: dict[str, Any]) -> View:
    """Near the lower right corner, so that it stays on the screen."""
    view = at_fit(page, image)
    at = view.on_screen(0.94 * image["width"], 0.93 * image["height"])
    return view.zoomed(wheel(page, at, -240), *at)


ZOOMS: dict[str, Callable[[Page, dict[str, Any]], View]] = {
    "fit": at_fit,
    "actual size": at_actual_size,
    "wheel": zoomed_by_wheel,
}


def edit(page: Page, place: Place, view: View) -> Iterator[None]:
    """Six steps, each checked against what the pointer did; it halts after each."""
    canvas = canvas_of(page)
    middle = canvas["x"] + canvas["width"] / 2, canvas["y"] + canvas["height"] / 2
    found = [box["box_id"] for box in place.boxes() if box["found"] is not None]

    def there(dx: float, dy: float) -> Point:
        return middle[0] + dx, middle[1] + dy

    def is_at(box_id: str, *expected: Point) -> None:
        wait_until_saved(page)
        sides = [side for point in expected for side in view.in_image(*point)]
        assert corners_of(place, box_id) == pytest.approx(sides, abs=NEAR)

    page.keyboard.press("b")
    drag(page, there(-120.5, -90.25), there(60, 70))
    wait_for_boxes(page, len(found) + 1)
    wait_until_saved(page)
    drawn = place.boxes()[-1]["box_id"]
    is_at(drawn, there(-120.5, -90.25), there(60, 70))
    yield

    page.keyboard.down("Shift")
    drag(page, there(-40, 0), there(-9, 21.5))
    page.keyboard.up("Shift")
    is_at(drawn, there(-89.5, -68.75), there(91, 91.5))
    yield

    drag(page, there(91, 91.5), there(141, 52))
    is_at(drawn, there(-89.5, -68.75), there(141, 52))
    yield

    page.keyboard.press("2")
    wait_until_saved(page)
    assert box_of(place, drawn)["class_name"] == "zebra"
    yield

    # One that the model has found, and of which nobody has said anything.
    large = max(found, key=lambda box_id: area(corners_of(place, box_id)))
    option(page, found.index(large)).click()
    x1, y1, x2, y2 = corners_of(place, large)
    corner = view.on_screen(x2, y2)
    drag(page, corner, (corner[0] - 17, corner[1] - 23))
    is_at(large, view.on_screen(x1, y1), (corner[0] - 17, corner[1] - 23))
    yield

    page.keyboard.press("Delete")
    wait_until_saved(page)
    assert box_of(place, large)["deleted"]
    yield


@pytest.mark.parametrize("ratio", [1, 2])
def test_edits_are_exact_and_are_undone_and_done_again(ratio: int, serve: Callable, sit_down: Callable) -> None:
    server = serve("people")
    # One large box with room around it in the middle of the picture.
    place = next(one for one in places(server, "people", "positive/people") if len(one.boxes()) == 2)
    image = place.answer()
    ada = sit_down(server, device_scale_factor=ratio)
    page = ada.page
    ada.open(place.path)
    wait_for_boxes(page, len(image["boxes"]))
    assert page.evaluate("devicePixelRatio") == ratio

    def now() -> tuple[list[dict[str, Any]], list[str]]:
        wait_until_saved(page)
        return state(place), labels(page)

    def press_and_see(keys: list[str]) -> tuple[list[dict[str, Any]], list[str]]:
        press_all(page, keys)
        return now()

    states = [(state(place), labels(page))]
    for zoom in ZOOMS.values():
        states = [states[0], *(now() for _ in edit(page, place, zoom(page, image)))]
        for before in reversed(states[:-1]):
            assert press_and_see(["Control+z"]) == before
        again = ["Control+Shift+Z"] * (len(states) - 1)
        assert press_and_see(again) == states[-1]
        assert press_and_see(["Control+z"] * len(again)) == states[0]

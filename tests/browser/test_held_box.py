"""A key that leads elsewhere in the middle of a drag: no other box is moved by it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from canvas_page import places, wait_for_boxes, wait_until_saved
from viewport import fitted, pixels

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("key", ["ArrowDown", "a", "ArrowRight"])
def test_a_box_that_is_held_while_another_is_chosen_moves_nothing(
    serve: Callable, sit_down: Callable, key: str
) -> None:
    server = serve("people")
    first, second, *_ = places(server, "people", "positive/people")
    before = [(box["box_id"], box["corners"]) for place in (first, second) for box in place.boxes()]
    ada = sit_down(server)
    ada.open(first.path)
    wait_for_boxes(ada.page, len(first.boxes()))
    box, image = first.boxes()[0], first.answer()
    page, view = ada.page, fitted(ada.page, image)
    sides = pixels(image, box["corners"])
    x, y = view.on_screen((sides[0] + sides[2]) / 2, (sides[1] + sides[3]) / 2)

    page.keyboard.down("Shift")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y + 20)
    page.keyboard.up("Shift")
    page.keyboard.press(key)
    page.mouse.move(x + 60, y + 40)
    page.mouse.up()
    page.keyboard.press("u")
    wait_until_saved(page)
    after = [(box["box_id"], box["corners"]) for place in (first, second) for box in place.boxes()]
    assert after == before

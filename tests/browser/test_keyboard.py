"""Boxes are decided by keyboard alone, and what was decided is there after a restart."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle, islice

import httpx
import pytest
from canvas_page import DECISIONS, labels, places, press_all, shown_decisions, wait_for_boxes, wait_until_saved
from focus import tab_to
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

KEYS = list(islice(cycle("axuaaxxuax"), 210))


def test_two_hundred_boxes_by_keyboard_alone_are_the_same_after_a_restart(serve: Callable, sit_down: Callable) -> None:
    server = serve("crowd")
    (place,) = places(server, "crowd", "positive/street")
    ada = sit_down(server, name=None)
    page = ada.page

    ada.open("/?project=crowd")
    expect(page.get_by_label("Who is reviewing?")).to_be_focused()
    page.keyboard.type("Ada")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Start reviewing").wait_for()
    tab_to(page, "Start reviewing")
    page.keyboard.press("Enter")
    boxes = place.boxes()
    wait_for_boxes(page, len(boxes))
    press_all(page, KEYS)
    wait_until_saved(page)

    said = [DECISIONS[key] for key in KEYS]
    expected = said + ["none"] * (len(boxes) - len(said))
    shown, told = labels(page), place.boxes()
    assert shown_decisions(page) == expected
    assert [box["decision"] for box in told] == expected
    assert {box["reviewer"] for box in told} == {"Ada", None}

    ada.meant = "ERR_"
    server.kill()
    serve("crowd", cookie=server.cookie, port=httpx.URL(server.url).port)
    page.reload()
    wait_for_boxes(page, len(boxes))
    assert labels(page) == shown
    assert place.boxes() == told


def test_a_queue_that_is_not_there_yet_is_not_called_finished(serve: Callable, sit_down: Callable) -> None:
    server = serve("people")
    first, second, *_ = places(server, "people", "positive/people")
    ada = sit_down(server, meant="503")
    page = ada.page
    page.route("**/api/queue?*", lambda route: route.fulfill(status=503, json={}))  # the page asks again
    ada.open(first.path)
    wait_for_boxes(page, len(first.boxes()))
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("alert")).to_contain_text("The queue is still being read")
    page.unroute("**/api/queue?*")
    page.get_by_text("1 of 6").wait_for()
    page.keyboard.press("ArrowRight")
    wait_for_boxes(page, len(second.boxes()))

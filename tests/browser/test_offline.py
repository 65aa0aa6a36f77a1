"""Offline, people go on deciding; what they said survives a reload, and arrives when the server can be reached."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import cycle, islice

import pytest
from canvas_page import DECISIONS, EVENTS, Place, places, press_all, shown_decisions, wait_for_boxes, wait_until_saved
from playwright.sync_api import Page, expect
from review_log import logged
from workspaces import TestWorkspace

from harness.review_server import Server

pytestmark = pytest.mark.browser

OFFLINE_MS = 30_000


def two_places(server: Server) -> tuple[Place, Place]:
    """The first two images of a queue."""
    first, second, *_ = places(server, "people", "positive/people")
    assert all(len(place.boxes()) > 5 for place in (first, second))
    return first, second


def wait_for_queue(page: Page) -> None:
    """Until the page knows which image comes next."""
    page.get_by_text("1 of 6").wait_for()


def test_what_is_said_in_half_a_minute_offline_arrives_after_a_reload(
    serve: Callable, sit_down: Callable, reviewed: TestWorkspace
) -> None:
    server = serve("people")
    first, second = two_places(server)
    boxes = [*first.boxes(), *second.boxes()[:5]]
    keys = list(islice(cycle("axu"), len(boxes)))
    said = [(box["box_id"], DECISIONS[key]) for box, key in zip(boxes, keys, strict=True)]
    ada = sit_down(server, meant="ERR_INTERNET_DISCONNECTED")
    page = ada.page
    with page.expect_response(re.compile(second.image_id + r"\?")):  # the next image is fetched ahead
        ada.open(first.path)
    wait_for_boxes(page, len(first.boxes()))

    ada.context.set_offline(True)
    press_all(page, keys, each=lambda: page.wait_for_timeout(OFFLINE_MS / len(keys)))
    wait_for_boxes(page, len(second.boxes()))  # she came to the next image
    expect(page.locator("header output")).to_contain_text(f"{len(keys)} waiting, nothing is lost")
    assert logged(reviewed, "people") == []
    ada.context.set_offline(False)
    page.reload()

    wait_until_saved(page)
    assert [(event.op.subject_id, event.op.value) for event in logged(reviewed, "people")] == said
    assert first.decisions() + second.decisions()[:5] == [decision for _, decision in said]
    assert shown_decisions(page) == second.decisions()
    ada.open(first.path)
    wait_for_boxes(page, len(first.boxes()))
    assert shown_decisions(page) == first.decisions()
    expect(page.get_by_role("alertdialog")).to_have_count(0)


def test_a_reload_shows_what_waits_on_every_image_while_nothing_is_taken(serve: Callable, sit_down: Callable) -> None:
    server = serve("people")
    first, second = two_places(server)
    ada = sit_down(server, meant="503")
    page = ada.page
    page.route(EVENTS, lambda route: route.fulfill(status=503, json={}))
    ada.open(first.path)
    wait_for_queue(page)
    press_all(page, "ax")
    page.keyboard.press("ArrowRight")
    wait_for_boxes(page, len(second.boxes()))
    press_all(page, "xu")
    page.keyboard.press("ArrowLeft")
    wait_for_boxes(page, len(first.boxes()))
    expect(page.locator("header output")).to_contain_text("4 waiting")

    page.reload()
    wait_for_queue(page)
    wait_for_boxes(page, len(first.boxes()))
    expect(page.locator("header output")).to_contain_text("4 waiting")
    assert shown_decisions(page)[:3] == ["approved", "rejected", "none"]
    page.keyboard.press("ArrowRight")
    wait_for_boxes(page, len(second.boxes()))
    assert shown_decisions(page)[:3] == ["rejected", "unsure", "none"]
    press_all(page, ["ArrowUp", "a"])  # once more on the box before, of which the first word still waits

    page.unroute(EVENTS)
    wait_until_saved(page)
    expect(page.get_by_role("alertdialog")).to_have_count(0)
    assert first.decisions()[:3] == ["approved", "rejected", "none"]
    assert second.decisions()[:3] == ["rejected", "approved", "none"]

"""`kill -9` while somebody decides: what was shown as saved is in the log, the rest comes after, nothing twice."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import cycle, islice

import httpx
import pytest
from canvas_page import DECISIONS, EVENTS, count, places, shown_decisions, wait_for_boxes, wait_until_saved
from playwright.sync_api import Page, Route, expect
from review_log import logged
from workspaces import TestWorkspace

from harness.review_server import Server

pytestmark = pytest.mark.browser

KEYS = "axu"
MOST = 200
"""Decisions: by then the server has been killed, or never will be."""
AFTER = 6
"""Decisions that follow its death."""
KILLED_AT = 4
"""At this request with decisions. A slow machine sends many in one, so that there are few requests."""


class Kill:
    """Kill the server at one request: before it gets there, or when its answer is on the way."""

    def __init__(self, server: Server, *, taken: bool):
        self._server = server
        self._taken = taken
        self._requests = 0

    def __call__(self, route: Route) -> None:
        self._requests += 1
        if self._requests == KILLED_AT:
            if self._taken:
                assert route.fetch().ok
            self._server.kill()
            route.abort()
        else:
            route.continue_()


def shown_as_saved(page: Page) -> int:
    """How many decisions the page shows, less those it says are waiting."""
    # Both of one moment: the state of saving, and how many boxes are said to be undecided.
    state, bar = page.evaluate(
        """() => [document.querySelector("header output").textContent,
                  document.querySelector('section[aria-label="Image"]').textContent]"""
    )
    undecided = re.search(r"(\d+) undecided", bar)
    assert undecided is not None
    shown = count(page) - int(undecided.group(1))
    waiting = re.search(r"\d+", state)
    if waiting is None and state != "all saved":
        return 0
    return shown - (0 if waiting is None else int(waiting.group()))


@pytest.mark.parametrize("taken", [False, True], ids=["before it is taken", "before it is answered"])
def test_nothing_is_lost_or_doubled_when_the_server_is_killed(
    taken: bool, serve: Callable, sit_down: Callable, reviewed: TestWorkspace
) -> None:
    server = serve("crowd")
    (place,) = places(server, "crowd", "positive/street")
    ada = sit_down(server, meant="ERR_")
    page = ada.page
    ada.open(place.path)
    boxes = place.boxes()
    wait_for_boxes(page, len(boxes))
    page.route(EVENTS, Kill(server, taken=taken))

    promised, keys, left = [0], [], AFTER
    for key in islice(cycle(KEYS), MOST):
        left -= server.process.poll() is not None
        if left == 0:
            break
        page.keyboard.press(key)
        keys.append(key)
        promised.append(shown_as_saved(page))
    assert left == 0, "it was to be killed by now"
    expect(page.locator("header output")).to_contain_text("waiting, nothing is lost")
    promised.append(shown_as_saved(page))

    before = [(event.op.subject_id, event.op.value) for event in logged(reviewed, "crowd")]
    said = [(box["box_id"], DECISIONS[key]) for box, key in zip(boxes, keys, strict=False)]
    assert KILLED_AT - 1 <= max(promised) <= len(before) < len(keys)
    assert before == said[: len(before)]

    page.unroute(EVENTS)
    serve("crowd", cookie=server.cookie, port=httpx.URL(server.url).port)
    wait_until_saved(page)
    after = logged(reviewed, "crowd")
    assert [(event.op.subject_id, event.op.value) for event in after] == said
    assert len({event.op.op_id for event in after}) == len(said)
    assert [box["version"] for box in place.boxes()] == [1] * len(said) + [0] * (len(boxes) - len(said))
    assert shown_decisions(page)[: len(said)] == [decision for _, decision in said]
    assert page.get_by_role("alertdialog").count() == 0
    wait_until_saved(page)

"""Somebody who decides by keyboard as fast as the page shows it, and whether all of it is in the log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import urlencode

from playwright.sync_api import Browser

from benchmarks.review_ui.browser import visitor
from benchmarks.review_ui.canvas import KEYS, open_image
from benchmarks.review_ui.figures import Figure, spread
from benchmarks.review_ui.projects import CROWDED, Made, colour_of
from harness.review_server import Server

BUCKET = "keys/b200"
DECISIONS = {"a": "approved", "x": "rejected", "u": "unsure"}


def reviewer(browser: Browser, server: Server, made: Made) -> Iterator[Figure]:
    """800 verdicts on four images, each one seen before the next is made."""
    images, boxes = CROWDED[BUCKET]
    with visitor(browser, server) as who:
        open_image(who, made, BUCKET)
        found, begun = [], time.perf_counter()
        for number in range(images * boxes):
            last = number % boxes == boxes - 1 and number < images * boxes - 1
            # After the last box of an image the next one is seen, or the reviewer would decide what is not there yet.
            who.ask("([verdict, colour]) => bench.arm(verdict, colour)", [not last, colour_of(number // boxes + 1)])
            who.page.keyboard.press(KEYS[number % len(KEYS)])
            found.append(who.ask("bench.armed"))
        minutes = (time.perf_counter() - begun) / 60
        who.page.get_by_text("all saved").wait_for()
    undecided, other = _wrong(server, made)
    rate = round(len(found) / minutes)
    yield Figure("reviewer", "verdicts a minute by keyboard", "a minute", rate, 600, least=True, more=spread(found))
    more = {"undecided": undecided, "another_verdict_or_two": other}
    yield Figure("reviewer", f"verdicts lost or doubled, of {len(found)}", "", undecided + other, 0, more=more)


def _wrong(server: Server, made: Made) -> tuple[int, int]:
    """Boxes of which the server knows no verdict, and such of which it knows another one or more than one.

    It is asked as soon as the page says that all is saved, and the page is gone by then: what it had said too early is
    lost.
    """
    undecided = other = number = 0
    with server.client() as client:
        for image in made.images[BUCKET]:
            told = urlencode({"project": made.name, "bucket": BUCKET})
            for box in client.get(f"/api/images/{image}?{told}").raise_for_status().json()["boxes"]:
                said = DECISIONS[KEYS[number % len(KEYS)]]
                none = box["version"] == 0
                undecided += none
                other += not none and (box["decision"], box["version"]) != (said, 1)
                number += 1
    return undecided, other

"""On the canvas: a key to its verdict, one image to the next, and a view that moves."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

from playwright.sync_api import Browser

from benchmarks.review_ui.browser import Visitor, visitor
from benchmarks.review_ui.figures import Figure, percentile, spread
from benchmarks.review_ui.projects import CROWDED, Made, colour_of
from harness.review_server import Server

KEYS = "axu"
VERDICTS = 60
PAN_SECONDS = 3
WHEEL_SPEED = 1600
"""Pixels a second."""
AHEAD_SECONDS = 0.8
"""Until what comes next has been fetched and decoded."""


def open_image(who: Visitor, made: Made, bucket: str, number: int = 0) -> None:
    """An image of a bucket, on the canvas."""
    asked = {"project": made.name, "bucket": bucket, "image": made.images[bucket][number], "order": "found"}
    who.open(f"/canvas?{urlencode(asked)}")
    who.ask("colour => bench.when(() => bench.isAt(colour))", colour_of(number))
    time.sleep(AHEAD_SECONDS)


def verdicts(browser: Browser, server: Server, made: Made) -> Iterator[Figure]:
    """From the press of a key to the frame after the canvas has shown its verdict."""
    for count in (200, 2000, 5000):
        with visitor(browser, server) as who:
            open_image(who, made, f"crowd/b{count}")
            found = []
            for number in range(VERDICTS):
                who.ask("bench.arm(true)")
                who.page.keyboard.press(KEYS[number % len(KEYS)])
                found.append(who.ask("bench.armed"))
                time.sleep(0.05)  # a person's pause: what is sent meanwhile counts, too
            who.page.get_by_text("all saved").wait_for()
            p95 = percentile(found, 95)
            yield Figure("verdicts", f"key to verdict painted, {count:,} boxes, p95", "ms", p95, 50, more=spread(found))


def next_image(browser: Browser, server: Server, made: Made) -> Iterator[Figure]:
    """From the press of a key to the frame after the next image is on the canvas, which had been fetched before."""
    for count in (200, 2000):
        bucket = f"next/b{count}"
        with visitor(browser, server) as who:
            open_image(who, made, bucket)
            found = []
            for number in range(1, CROWDED[bucket][0]):
                who.ask("colour => bench.arm(false, colour)", colour_of(number))
                who.page.keyboard.press("ArrowRight")
                found.append(who.ask("bench.armed"))
                time.sleep(AHEAD_SECONDS)
            what = f"next image, prefetched, {count:,} boxes, p95"
            yield Figure("next_image", what, "ms", percentile(found, 95), 50, more=spread(found))


def moving(browser: Browser, server: Server, made: Made) -> Iterator[Figure]:
    """Intervals between frames while the pointer drags, and while the wheel turns."""
    for count in (200, 2000, 5000):
        with visitor(browser, server) as who:
            for kind, move in (("pan", _pan), ("zoom", _zoom)):
                open_image(who, made, f"crowd/b{count}")
                who.page.keyboard.press("Escape")  # no box is chosen, so that none is dragged
                found = _frames_while(who, made, move)
                what = f"{kind} at {count:,} boxes, interval between frames, p95"
                target = 17 if count == 200 else 34
                yield Figure("moving", what, "ms", percentile(found, 95), target, more=spread(found))


def _frames_while(who: Visitor, made: Made, move: Callable[[Visitor, float, float], None]) -> list[float]:
    box = who.page.locator("section canvas").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    who.page.mouse.move(x, y)
    who.ask("bench.startFrames()")
    move(who, x, y)
    return who.ask("bench.endFrames()")  # type: ignore[no-any-return]


def _pan(who: Visitor, x: float, y: float) -> None:
    """Round in a circle, one turn a second, with several moves a frame, as a mouse sends them."""
    who.page.mouse.down()
    begun, looked = time.perf_counter(), False
    while (turns := time.perf_counter() - begun) < PAN_SECONDS:
        turn = 2 * math.pi * turns
        who.page.mouse.move(x + 150 * math.sin(turn), y + 100 * (1 - math.cos(turn)))
        if turns > 0.4 and not looked:
            looked = True
            assert not who.ask("colour => bench.isAt(colour)", colour_of(0)), "the image was not moved"
    who.page.mouse.up()


def _zoom(who: Visitor, x: float, y: float) -> None:
    """In and out again, several times larger. The browser turns the wheel itself, at every frame: from here each turn
    would be a message that waits for its answer, and every other frame would have nothing to do."""
    wheel = who.page.context.new_cdp_session(who.page)
    gesture = {"x": x, "y": y, "speed": WHEEL_SPEED, "gestureSourceType": "mouse", "preventFling": True}
    for turn in range(6):
        wheel.send("Input.synthesizeScrollGesture", gesture | {"yDistance": WHEEL_SPEED // 2 * (-1) ** turn})

"""The grid of a hundred thousand images: scrolled fast, jumped in, filtered."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from urllib.parse import urlencode

from playwright.sync_api import Browser

from benchmarks.review_ui.browser import Visitor, visitor
from benchmarks.review_ui.figures import Figure, spread
from benchmarks.review_ui.projects import CLASSES, Made
from harness.review_server import Server

STEP, FRAMES = 400, 180
SMOOTH_MS = 20
JUMPS = (0.5, 0.25, 0.75, 0.4, 0.9)
MOST_REQUESTS = 60
"""What a jump may ask for: the tiles in view, some rows beyond, and the pages of the queue they stand on."""
FILTERS = (
    ("class", "choose", ("Class", CLASSES[0]), {"class_name": CLASSES[0]}),
    ("verdict", "choose", ("Model says", "NO"), {"verdict": "NO"}),
    ("decision", "choose", ("Decided", "approved"), {"decision": "approved"}),
    ("search", "search", ("street 99",), {"search": "street 99"}),
    ("order", "choose", ("Order", "boxes"), {"order": "boxes"}),
)
"""Name, function of the page's side, what it is told, and the same for the server."""


def _address(made: Made) -> str:
    return urlencode({"project": made.name, "bucket": next(iter(made.images))})


def _open(who: Visitor, made: Made) -> None:
    who.open(f"/?{_address(made)}")
    who.ask("bench.when(bench.pictured)")
    time.sleep(0.5)


def scrolling(browser: Browser, server: Server, made: Made) -> Iterator[Figure]:
    """Three seconds at 400 px a frame, which is fast, and the tiles that are there when it ends."""
    with visitor(browser, server) as who:
        _open(who, made)
        begin = len(who.requests)
        found = who.ask("([step, count]) => bench.scroll(step, count)", [STEP, FRAMES])
        images, pages = (who.asked_since(begin, path) for path in ("/api/thumbs/", "/api/queue"))
        came = time.perf_counter()
        who.ask("bench.when(bench.pictured)")
        came = time.perf_counter() - came
    smooth = round(100 * sum(one <= SMOOTH_MS for one in found) / len(found), 1)
    what = "grid of 100,000 at 400 px a frame, frames ≤ 20 ms"
    yield Figure("scrolling", what, "%", smooth, 99, least=True, more=spread(found))
    more = {"pages_of_the_queue": pages, "seconds_until_shown": round(came, 2)}
    yield Figure("scrolling", "image requests while it scrolls", "", images, 50, more=more)


def jumping(browser: Browser, server: Server, made: Made) -> Iterator[Figure]:
    """From a jump to all thumbnails in view, none of which was ever made before."""
    times, requests = [], []
    for share in JUMPS:
        with visitor(browser, server) as who:
            _open(who, made)
            begin = len(who.requests)
            times.append(who.ask("share => bench.jump(share)", share) / 1000)
            time.sleep(0.5)
            requests.append(len(who.requests) - begin)
    more = {"most": round(max(times), 2), "n": len(times)}
    yield Figure("jumping", "jump in the grid to its thumbnails", "s", round(statistics.median(times), 2), 1, more=more)
    yield Figure("jumping", "requests of a jump, at most", "", max(requests), MOST_REQUESTS)


def opening(browser: Browser, server: Server, made: Made) -> Iterator[Figure]:
    """From the address to the first tiles, of a server that has just started and of one that knows the project."""
    times = []
    for _ in range(6):
        with visitor(browser, server) as who:
            who.open(f"/?{_address(made)}")
            times.append(who.ask("bench.when(bench.filled)") / 1000)
    first, rest = times[0], times[1:]
    yield Figure(
        "opening", "list of 100,000 images, 1,000,000 boxes: first tiles after the server's start", "s", round(first, 2)
    )
    yield Figure("opening", "list of 100,000 images: first tiles, median", "s", round(statistics.median(rest), 2), 1)


def filtering(browser: Browser, server: Server, made: Made) -> Iterator[Figure]:
    """From a choice to the new counts and tiles, and the bare answer of the server."""
    for name, function, told, asked in FILTERS:
        shown, complete = [], []
        for _ in range(3):
            with visitor(browser, server) as who:
                _open(who, made)
                seen = who.ask(f"told => bench.{function}(...told)", list(told))
                shown.append(seen["shown"] / 1000)
                complete.append(seen["complete"] / 1000)
        more = {"most": round(max(shown), 2), "with_thumbnails": round(statistics.median(complete), 2)}
        more |= {"bare_answer": _bare(server, made, asked)}
        what = f"list of 100,000 images: filter by {name}, median"
        yield Figure("filtering", what, "s", round(statistics.median(shown), 2), 1, more=more)


def _bare(server: Server, made: Made, asked: dict[str, str]) -> float:
    """Seconds of `GET /api/queue`, median."""
    times = []
    with server.client() as client:
        for _ in range(5):
            begun = time.perf_counter()
            client.get(f"/api/queue?{_address(made)}&{urlencode(asked)}&limit=100").raise_for_status()
            times.append(time.perf_counter() - begun)
    return round(statistics.median(times), 3)

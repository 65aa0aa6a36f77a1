"""How soon something is there: of a browser that has never seen the page."""

from __future__ import annotations

import gzip
import statistics
from collections.abc import Iterator
from urllib.parse import urlencode

from playwright.sync_api import Browser

import review_ui.app
from benchmarks.review_ui.browser import visitor
from benchmarks.review_ui.figures import Figure
from benchmarks.review_ui.projects import Made, colour_of
from harness.review_server import Server

RUNS = 9


def start(browser: Browser, server: Server, made: Made) -> Iterator[Figure]:
    """First paint and first canvas, a cold context each time; the first time is the server's and does not count."""
    bucket = "next/b200"
    asked = {"project": made.name, "bucket": bucket, "image": made.images[bucket][0], "order": "found"}
    paints, canvases = [], []
    for _ in range(RUNS + 1):
        with visitor(browser, server) as who:
            who.open(f"/canvas?{urlencode(asked)}")
            canvases.append(who.ask("colour => bench.when(() => bench.isAt(colour))", colour_of(0)) / 1000)
            paints.append(who.ask("bench.firstPaint()") / 1000)
    for what, values, target in (("first paint", paints[1:], 0.6), ("first canvas with picture", canvases[1:], 0.8)):
        more = {"least": round(min(values), 3), "most": round(max(values), 3), "n": len(values)}
        yield Figure("start", f"{what}, median", "s", round(statistics.median(values), 3), target, more=more)


def script_size(_browser: Browser, _server: Server, _made: Made) -> Iterator[Figure]:
    """All of the review page's own JavaScript, as it goes over the wire."""
    files = sorted((review_ui.app.STATIC / "assets").glob("*.js"))
    sizes = {file.name: len(gzip.compress(file.read_bytes(), 9)) / 1024 for file in files}
    more = {name: round(size, 1) for name, size in sizes.items()}
    yield Figure("script_size", "JavaScript, gzip", "KB", round(sum(sizes.values()), 1), 120, more=more)

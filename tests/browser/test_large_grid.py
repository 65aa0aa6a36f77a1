"""A bucket of a hundred thousand images: who jumps sees pictures at once, and what nobody sees is not asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from large_project import BUCKET, make_large_project
from playwright.sync_api import Page, Request, expect

from harness.review_server import Server, running

pytestmark = pytest.mark.browser
IMAGES = 100_000
WITHIN_MS = 5000
"""For a busy machine, too: what a jump takes on a quiet one is measured by benchmarks/review_ui/grid.py."""
AT_ONCE = 45
"""Tiles that are there at a time, at 1280 × 800: five columns of four rows, and two more above and below."""

# In the page's own time, from what begins a jump to the frame in which all is there: playwright's calls take some, too.
WATCH = """() => {
  addEventListener("keydown", () => (window.jumpBegun = performance.now()), true);
}"""
SEEN = """async (name) => {
  const group = () => document.querySelector('[aria-label="Images of the bucket"]');
  const looked = performance.now();
  for (;;) {
    const bounds = group()?.getBoundingClientRect();
    const tiles = [...(group()?.querySelectorAll(":scope > div > div > *") ?? [])].filter((tile) => {
      const box = tile.getBoundingClientRect();
      return box.bottom > bounds.top && box.top < bounds.bottom;
    });
    const pictures = tiles.map((tile) => tile.querySelector("img"));
    const now = performance.now();
    const all = tiles.length >= 15 && pictures.every((one) => one?.complete && one.naturalWidth > 0);
    if (all && pictures.some((one) => one.alt === name)) return now - (window.jumpBegun ?? looked);
    if (now - looked > 10_000) throw new Error(`not there: ${pictures.map((one) => one?.alt).join()}`);
    await new Promise(requestAnimationFrame);
  }
}"""
JUMP = """(share) => {
  window.jumpBegun = performance.now();
  const group = document.querySelector('[aria-label="Images of the bucket"]');
  group.scrollTop = share * (group.scrollHeight - group.clientHeight);
}"""
RUSH = """async (frames) => {
  const group = document.querySelector('[aria-label="Images of the bucket"]');
  const end = group.scrollHeight - group.clientHeight;
  for (let frame = frames - 1; frame >= 0; frame--) {
    group.scrollTop = (end * frame) / frames;
    await new Promise(requestAnimationFrame);
  }
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(make_large_project(tmp_path_factory.mktemp("large"), IMAGES).file) as server:
        yield server


class Asked:
    """What the page asks the server for."""

    def __init__(self, page: Page):
        self.thumbs: Counter[str] = Counter()
        self.pages: list[int] = []
        page.on("request", self._take)

    def _take(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.path.startswith("/api/thumbs/"):
            self.thumbs[address.path] += 1
        elif address.path == "/api/queue":
            self.pages.append(int(parse_qs(address.query).get("offset", ["0"])[0]))

    def clear(self) -> None:
        self.thumbs.clear()
        self.pages.clear()


def seen(page: Page, number: int) -> float:
    """Milliseconds from a jump until all pictures around an image are there, and it is one of them."""
    taken: float = page.evaluate(SEEN, f"Street {number}")
    return taken


def test_a_jump_shows_pictures_soon_and_asks_for_little(server: Server, sit_down: Callable) -> None:
    ada = sit_down(server)
    asked = Asked(ada.page)
    ada.open(f"/?project=large&bucket={BUCKET}&order=found")
    ada.page.get_by_text(f"{IMAGES} images, {IMAGES} boxes").wait_for()
    seen(ada.page, 0)
    assert len(asked.thumbs) <= AT_ONCE
    ada.page.evaluate(WATCH)

    group = ada.page.get_by_role("group", name="Images of the bucket")
    jumps: dict[int, Callable[[], object]] = {
        IMAGES // 2: lambda: ada.page.evaluate(JUMP, 0.5),
        IMAGES - 1: lambda: group.press("End"),
        IMAGES // 4: lambda: ada.page.evaluate(JUMP, 0.25),
        0: lambda: group.press("Home"),
    }
    for number, jump in jumps.items():
        asked.clear()
        jump()
        taken = seen(ada.page, number)
        print(f"image {number}: {taken:.0f} ms, {len(asked.thumbs)} thumbnails, {len(asked.pages)} pages of the queue")
        assert taken < WITHIN_MS
        assert len(asked.thumbs) <= AT_ONCE
        assert len(asked.pages) <= 4
        assert not [path for path, times in asked.thumbs.items() if times > 1]


def test_what_flies_by_is_not_asked_for(server: Server, sit_down: Callable) -> None:
    ada = sit_down(server)
    ada.open(f"/?project=large&bucket={BUCKET}&order=found")
    seen(ada.page, 0)
    ada.page.evaluate(JUMP, 1)
    seen(ada.page, IMAGES - 1)
    asked = Asked(ada.page)
    ada.page.evaluate(RUSH, 200)
    seen(ada.page, 0)
    print(f"{sum(asked.thumbs.values())} thumbnails, {len(asked.pages)} pages of the queue")
    assert len(asked.pages) <= 4
    assert len(asked.thumbs) <= 2 * AT_ONCE

    ada.page.mouse.move(700, 500)
    for turn in range(1, 4):
        ada.page.mouse.wheel(0, 220)
        seen(ada.page, 5 * turn + 5)
    expect(ada.page.get_by_role("img", name="Street 20", exact=True)).to_be_visible()

"""The page of one image, as a test reads it and opens it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Locator, Page, expect

from harness.review_server import Server

DECISIONS = {"a": "approved", "x": "rejected", "u": "unsure"}
"""Key → what it says of the chosen box."""
_DECISION = re.compile("|".join(DECISIONS.values()))
EVENTS = "**/api/events?*"
SAVED_MS = 25_000
"""The page pauses up to 15 s before it asks again a server that has not answered."""


@dataclass(frozen=True)
class Place:
    """An image of a bucket of a project on a server."""

    server: Server
    project: str
    bucket: str
    image_id: str

    @property
    def path(self) -> str:
        return f"/canvas?project={self.project}&bucket={self.bucket}&image={self.image_id}"

    def answer(self) -> dict[str, Any]:
        """The image as the server tells it now."""
        with self.server.client() as client:
            asked = {"project": self.project, "bucket": self.bucket}
            return dict(client.get(f"/api/images/{self.image_id}", params=asked).raise_for_status().json())

    def boxes(self) -> list[dict[str, Any]]:
        return list(self.answer()["boxes"])

    def decisions(self) -> list[str]:
        return [box["decision"] for box in self.boxes()]


def places(server: Server, project: str, bucket: str) -> list[Place]:
    """The images of a bucket, in the order of the queue."""
    with server.client() as client:
        asked = {"project": project, "bucket": bucket}
        page = client.get("/api/queue", params=asked).raise_for_status().json()
    return [Place(server, project, bucket, item["image_id"]) for item in page["items"]]


def labels(page: Page) -> list[str]:
    """The boxes as the page says them to those who hear it. Only those in view are in the page: it is scrolled."""
    return list(page.get_by_role("listbox").evaluate(_LABELS))


_LABELS = """async (list) => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const found = new Map();
    const before = list.scrollTop;
    for (let top = 0; ; top += list.clientHeight) {
        list.scrollTop = top;
        await frame();
        await frame();
        for (const one of list.querySelectorAll('[role="option"]'))
            found.set(Number(one.ariaPosInSet), one.ariaLabel);
        if (top + list.clientHeight >= list.scrollHeight) break;
    }
    list.scrollTop = before;
    return [...found].sort(([one], [other]) => one - other).map(([, label]) => label);
}"""


def option(page: Page, number: int) -> Locator:
    """One box of the list, scrolled into view."""
    found = page.locator(f'[role="option"][aria-posinset="{number + 1}"]')
    page.get_by_role("listbox").evaluate(f"list => (list.scrollTop = {number} * list.scrollHeight / {count(page)})")
    found.wait_for()
    return found


def count(page: Page) -> int:
    """How many boxes the list says it has."""
    return int((page.get_by_role("listbox").get_attribute("aria-label") or "0").split()[0])


def shown_decisions(page: Page) -> list[str]:
    """What the page shows as decided, box by box; `none` where nobody has."""
    return [decision_in(label) for label in labels(page)]


def decision_in(label: str) -> str:
    found = _DECISION.search(label)
    return "none" if found is None else found.group()


def press_all(page: Page, keys: Sequence[str], each: Callable[[], None] = lambda: None) -> None:
    for key in keys:
        page.keyboard.press(key)
        each()


def wait_for_boxes(page: Page, count: int) -> None:
    expect(page.get_by_role("listbox", name=f"{count} boxes")).to_be_visible()


def wait_until_saved(page: Page) -> None:
    expect(page.locator("header output")).to_have_text("all saved", timeout=SAVED_MS)

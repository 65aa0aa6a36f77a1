"""The page of one image, as a test reads it and opens it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page, expect
from review_process import Server

DECISIONS = {"a": "approved", "x": "rejected", "u": "unsure"}
"""Key → what it says of the chosen box."""
NEWEST_DECISION = re.compile("|".join(DECISIONS.values()))
EVENTS = "**/api/events?*"


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
    """The boxes as the page says them to those who hear it."""
    options = page.get_by_role("option")
    return list(options.evaluate_all("all => all.map(one => one.getAttribute('aria-label'))"))


def shown_decisions(page: Page) -> list[str]:
    """What the page shows as decided, box by box; `none` where nobody has."""
    return [decision_in(label) for label in labels(page)]


def decision_in(label: str) -> str:
    found = NEWEST_DECISION.search(label)
    return "none" if found is None else found.group()


def press_all(page: Page, keys: Sequence[str], each: Callable[[], None] = lambda: None) -> None:
    for key in keys:
        page.keyboard.press(key)
        each()


def wait_for_boxes(page: Page, count: int) -> None:
    expect(page.get_by_role("option")).to_have_count(count)


def wait_until_saved(page: Page, timeout: float = 20_000) -> None:
    expect(page.locator("header output")).to_have_text("all saved", timeout=timeout)


def state_of_saving(page: Page) -> str:
    return page.locator("header output").inner_text()

"""Somebody at the page."""

from __future__ import annotations

import re
from dataclasses import dataclass

from playwright.sync_api import BrowserContext, Page

from harness.review_server import Server


@dataclass
class Reviewer:
    """Somebody at a browser of their own, who has come in and said who they are."""

    page: Page
    context: BrowserContext
    server: Server
    errors: list[str]
    """What the browser's console complained of: nothing, or the test fails when it is over."""
    crashes: list[str]
    """What the page did not catch: none."""
    meant: str | None = None
    """A pattern of what the console complains of in this test, since the test makes it so."""

    def unmeant(self) -> list[str]:
        return [said for said in self.errors if self.meant is None or not re.search(self.meant, said)]

    def open(self, path: str) -> None:
        self.page.goto(self.server.url + path)

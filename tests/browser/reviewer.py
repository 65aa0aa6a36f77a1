"""Somebody at the page."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import BrowserContext, Page
from review_process import Server


@dataclass
class Reviewer:
    """Somebody at a browser of their own, who has come in and said who they are."""

    page: Page
    context: BrowserContext
    server: Server
    errors: list[str]
    """What the browser's console complained of."""

    def open(self, path: str) -> None:
        self.page.goto(self.server.url + path)

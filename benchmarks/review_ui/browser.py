"""Somebody at the page, as a benchmark watches them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from harness.chromium import come_in
from harness.review_server import Server

_IN_PAGE = Path(__file__).with_name("in_page.js")


@dataclass
class Visitor:
    """Somebody at the page, in a browser context that knows nothing yet; `requests` has the paths that were asked."""

    page: Page
    server: Server
    requests: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        self.page.goto(self.server.url + path)

    def ask(self, code: str, told: Any = None) -> Any:
        """What an expression in the page gives."""
        return self.page.evaluate(code, told)

    def asked_since(self, begin: int, path: str) -> int:
        return sum(path in one for one in self.requests[begin:])


@contextlib.contextmanager
def visitor(browser: Browser, server: Server) -> Iterator[Visitor]:
    """A cold context: no cache, no memory of the page."""
    context = come_in(browser, server)
    context.add_init_script(path=_IN_PAGE)
    page = context.new_page()
    found = Visitor(page, server)
    page.set_default_timeout(30_000)
    page.on("request", lambda request: found.requests.append(request.url))
    yield found
    context.close()

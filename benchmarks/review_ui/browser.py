"""Chromium without a screen and without a GPU, and somebody who has come in."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.review_ui.server import Server

VIEWPORT = {"width": 1280, "height": 800}
_IN_PAGE = Path(__file__).with_name("in_page.js")


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """The system's browser."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        raise SystemExit("there is no Chromium: apt-get install -y chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


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
    context = browser.new_context(viewport=VIEWPORT)  # type: ignore[arg-type]
    context.add_cookies([{"name": name, "value": value, "url": server.url} for name, value in server.cookie.items()])
    context.add_init_script("localStorage.setItem('dlf-reviewer', 'Ada')")
    context.add_init_script(path=_IN_PAGE)
    page = context.new_page()
    found = Visitor(page, server)
    page.set_default_timeout(30_000)
    page.on("request", lambda request: found.requests.append(request.url))
    yield found
    context.close()

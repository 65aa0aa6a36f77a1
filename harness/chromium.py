"""The system's Chromium, driven by playwright, and somebody who has come in to a review server."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ViewportSize, expect, sync_playwright

from harness.review_server import Server

NAMES = ("chromium", "chromium-browser", "google-chrome")
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
"""Flags of a browser that has a camera of its own making, and asks nobody for the right to use it."""
VIEWPORT = ViewportSize(width=1280, height=800)
PATIENCE_MS = 15_000
"""How long `expect` waits: most of it is for a busy machine."""


def executable() -> str:
    """The browser that `DLF_CHROMIUM` names, or one that is on the PATH."""
    named = os.environ.get("DLF_CHROMIUM")
    found = next(filter(None, map(shutil.which, [named] if named else NAMES)), None)
    if found is None:
        way_out = "apt-get install -y chromium, or say in DLF_CHROMIUM where one is"
        raise FileNotFoundError(f"there is no Chromium ({named or ', '.join(NAMES)}): {way_out}.")
    return found


@contextlib.contextmanager
def launched(*flags: str) -> Iterator[Browser]:
    """A browser without a screen and without a GPU."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable(), args=["--no-sandbox", "--disable-gpu", *flags]
        )
        yield browser
        browser.close()


def come_in(browser: Browser, server: Server, name: str | None = "Ada", **more: Any) -> BrowserContext:
    """A browser context that knows nothing but the server's cookie, and the reviewer's name unless it is None."""
    context = browser.new_context(**{"viewport": VIEWPORT} | more)
    context.add_cookies([{"name": key, "value": value, "url": server.url} for key, value in server.cookie.items()])
    if name is not None:
        context.add_init_script(f"localStorage.setItem('dlf-reviewer', {json.dumps(name)})")
    return context

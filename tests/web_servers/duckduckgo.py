"""duckduckgo.com on loopback as far as `ddgs` asks it for images: the page with the vqd, and i.js.

A fault of one path, like `always(I_JS, EMPTY)` or `always(I_JS, status(403))`, also meets the probe query, as a
throttled client finds it; `found_for["xyzzy"] = []` finds nothing for that query only.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from typing import Any
from unittest import mock
from urllib.parse import quote_plus

from model_servers.loopback import Fault, Reply, Request, answers, said

from web_servers.loopback import Row, Web, place, query

HOME, I_JS = "/", "/i.js"
REAL = "https://duckduckgo.com"
PAGE = 100


def image(number: int, **more: object) -> Row:
    """A row of i.js; the n-th is always the same. It says no licence."""
    return {
        "height": 1200,
        "image": f"https://pictures.example/{number}.jpg",
        "image_token": hashlib.sha256(f"i{number}".encode()).hexdigest(),
        "source": "Bing",
        "thumbnail": f"https://tse1.mm.bing.net/th?id=OIP.{number}&pid=Api",
        "thumbnail_token": hashlib.sha256(f"t{number}".encode()).hexdigest(),
        "title": f"Picture {number}",
        "url": f"https://pictures.example/page/{number}",
        "width": 1600,
    } | more


def vqd(text: str) -> str:
    """What i.js wants to see before it answers this query."""
    return f"4-{int(hashlib.sha256(text.encode()).hexdigest()[:30], 16)}"


class DuckDuckGo(Web):
    """See the module's text. A wrong vqd is answered 403.

    Attributes:
        searches_left: of i.js, until it answers `then`; None: any number.
        then: what is answered from then on.
    """

    searches_left: int | None = None
    then: Fault | None = None

    def knows(self, path: str) -> bool:
        return path in (HOME, I_JS)

    def throttle(self, fault: Fault | None, after: int = 0) -> None:
        """Answer i.js so, after some more good replies; None: well again."""
        self.searches_left, self.then = (None if fault is None else after), fault

    def search(self, request: Request) -> Reply:
        asked = query(request)
        text = asked.get("q", "")
        if place(request) == HOME:
            page = f'<!DOCTYPE html><html><head><script>vqd="{vqd(text)}";DDG.ready();</script></head></html>'
            return Reply(page.encode(), media_type="text/html; charset=UTF-8")
        self.expect(asked.get("o") == "json", f"o={asked.get('o')}")
        if asked.get("vqd") != vqd(text):
            return Reply(b"", 403, "application/x-javascript")
        good = self._listed(text, int(asked.get("s", 0)))
        if self.searches_left is None or self.then is None:
            return good
        self.searches_left -= 1
        return good if self.searches_left >= 0 else self.then(request, good)

    def _listed(self, text: str, start: int) -> Reply:
        found = self.found(text)
        listed: dict[str, Any] = {
            "ads": None,
            "query": text,
            "queryEncoded": quote_plus(text),
            "response_type": "images",
            "results": found[start : start + PAGE],
        }
        if start + PAGE < len(found):
            listed["next"] = f"i.js?q={quote_plus(text)}&o=json&p=1&s={start + PAGE}&u=bing&f=,,,&l=us-en"
        return said(listed)

    @contextlib.contextmanager
    def instead(self) -> Iterator[None]:
        """In this process, `ddgs` asks this server, not duckduckgo.com, in every thread."""
        from ddgs.http_client import HttpClient

        asks = HttpClient.request

        def request(client: Any, method: str, url: str, **more: Any) -> Any:
            assert url.startswith(REAL), f"ddgs asks {url}"
            return asks(client, method, self.url + (url.removeprefix(REAL) or HOME), **more)

        with mock.patch.object(HttpClient, "request", request):
            yield


EMPTY = answers(said({"ads": None, "query": "", "response_type": "images", "results": []}))
"""No results, for whatever query."""

NO_VQD = answers(
    Reply(b"<!DOCTYPE html><html><body>If this persists, please email us.</body></html>", 200, "text/html")
)
"""The page without a vqd; for HOME."""

ANOMALY = answers(Reply(b"<html><body>Unfortunately, bots use DuckDuckGo too.</body></html>", 202, "text/html"))
"""The question whether one is human: status 202."""

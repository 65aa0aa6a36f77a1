"""DuckDuckGo's image search, through the one engine of `ddgs` that asks it.

The engine and not `DDGS().images()`: that one loses the ranking, changes addresses that hold escapes, fails on a result
without a title, and hides the status. DuckDuckGo never says that it throttles: it answers nothing. So an empty first
page is told from an empty result by a query that always has results.

It names no licences: its pictures have unknown rights.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

from dlf_core.errors import SourceError, SourceThrottled
from dlf_resources.sources.base import Candidate, Surroundings
from dlf_resources.sources.web_source import WebSource
from dlf_resources.web.api import mapping, objects, plain_text, text
from dlf_resources.web.hosts import HostClosed

ADDRESS = "DUCKDUCKGO_URL"
PROBE = "cat"
"""A query that always has results."""
SECONDS = 15
PAUSES = 2
"""So often is waited before the source counts as throttled."""
# What it answers to who asks too much, beside empty pages.
_REFUSALS = (202, 403, 418, 429)


class _Throttled(Exception):
    """No results, where there must be some."""


class DuckDuckGoSource(WebSource):
    """See the module's text."""

    name = "duckduckgo"

    def __init__(self, surroundings: Surroundings):
        super().__init__(surroundings)
        self._host = self.connection.hosts.of(urlsplit(_home()).hostname or "")
        self._engine: Any = None
        self._first = threading.Lock()
        self._throttled = False

    async def find(self, line: str, most: int | None) -> AsyncIterator[Candidate]:
        """Results in the order of the search, page after page."""
        seen: set[str] = set()
        page = 1
        while most is None or len(seen) < most:
            rows = await self._page(line, page)
            new = {url: row for row in rows if (url := text(row.get("image"))) and url not in seen}
            if not new:
                return
            for url, row in new.items():
                seen.add(url)
                title = plain_text(row.get("title")) or None
                yield Candidate(self.name, line, url, page=text(row.get("url")), title=title)
            page += 1

    async def _page(self, line: str, page: int) -> list[dict[str, Any]]:
        """The rows of a page; none only where there truly are none."""
        for attempt in range(PAUSES + 1):
            if self._throttled:
                break
            try:
                rows = await self._asked(line, page)
                # Behind the last page it answers nothing; so it does when it throttles.
                if rows or (await self._asked(PROBE, 1)):
                    return rows
            except _Throttled:
                pass
            if attempt < PAUSES:
                self._host.throttled(float("inf"), None)
        self._throttled = True  # the next query would meet the same, and make it worse
        raise SourceThrottled("duckduckgo throttles: it answers nothing, not even to a query that always has results.")

    async def _asked(self, line: str, page: int) -> list[dict[str, Any]]:
        try:
            async with self._host.turn():
                rows = await asyncio.to_thread(self._search, line, page)
        except HostClosed as closed:
            raise SourceThrottled(f"duckduckgo is left alone for {closed.seconds:.0f} s more.") from None
        if rows:
            self._host.answered()
        return rows

    def _search(self, line: str, page: int) -> list[dict[str, Any]]:
        from ddgs.exceptions import DDGSException, TimeoutException

        with self._first:
            if self._engine is None:
                self._engine = _engine()
        try:
            return self._engine.search(line, region="wt-wt", safesearch="moderate", page=page) or []
        except _Throttled:
            raise
        except TimeoutException:
            raise SourceError(f"duckduckgo did not answer within {SECONDS} s.") from None
        except DDGSException as error:
            said = str(error)
            if "vqd" in said:  # the page that holds the key of a search is withheld from who asks too much
                raise _Throttled from None
            raise SourceError(f"duckduckgo cannot be asked: {' '.join(said.split())[:160]}") from None
        except (ValueError, TypeError, AttributeError, RuntimeError, RecursionError) as error:
            raise SourceError(f"duckduckgo answered what ddgs does not understand: {str(error)[:160]}") from None


def _home() -> str:
    return os.environ.get(ADDRESS, "https://duckduckgo.com").rstrip("/")


def _engine() -> Any:
    import logging

    from ddgs.engines.duckduckgo_images import DuckduckgoImages
    from ddgs.utils import _extract_vqd

    # Its libraries tell of every request, with the query in it.
    for name in ("primp", "ddgs", "hyper_util", "hickory_resolver", "hickory_proto"):
        logging.getLogger(name).setLevel(logging.WARNING)
    home = _home()

    class Engine(DuckduckgoImages):
        """Shows the status, and the rows as they came."""

        search_url = f"{home}/i.js"

        def _get_vqd(self, query: str) -> str:
            found = self.http_client.request("GET", home, params={"q": query})
            if found.status_code in _REFUSALS:
                raise _Throttled
            return _extract_vqd(found.content, query)

        def request(self, *args: Any, **kwargs: Any) -> str:
            response = self.http_client.request(*args, **kwargs)
            if response.status_code in _REFUSALS:
                raise _Throttled
            if response.status_code != 200:
                raise SourceError(f"duckduckgo answered {response.status_code}.")
            return response.text

        def extract_results(self, html_text: str) -> Any:
            return objects(mapping(json.loads(html_text)).get("results"))

    return Engine(timeout=SECONDS)

"""Wikimedia Commons, by the search of its MediaWiki API (https://www.mediawiki.org/wiki/API:Imageinfo).

Asked as its etiquette wants it: one request at a time, `maxlag`, Retry-After, a User-Agent with a contact.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from dlf_core.errors import SourceError, SourceThrottled
from dlf_resources.sources.base import Candidate, Surroundings
from dlf_resources.sources.web_source import WebSource
from dlf_resources.web.api import SourceRefused, get_json, mapping, number, objects, plain_text, text

ADDRESS = "WIKIMEDIA_URL"
PAGE = 50
"""Results a request: no more scaled images are made at once."""
WIDTH = 1280
"""Pixels. Wider files are fetched at this width, one of those that Commons keeps ready."""
_MAX_LAG_TRIES = 3
_FACTS = "LicenseShortName|LicenseUrl|Artist|AttributionRequired|Attribution|Credit|ObjectName"


class WikimediaSource(WebSource):
    """See the module's text."""

    name = "wikimedia"

    def __init__(self, surroundings: Surroundings):
        super().__init__(surroundings)
        self._project = surroundings.project
        self._told = False

    async def find(self, line: str, most: int | None) -> AsyncIterator[Candidate]:
        """Bitmaps in the order of the search."""
        if self._project.web.contact is None and not self._told:
            self._told = True
            self.warn(
                f"{self._project.file}: Wikimedia wants to know whom to write to about a program; name an e-mail "
                "address or a page under web: {contact: …}, or it may refuse."
            )
        more: dict[str, str | int] = {}
        seen = 0
        while most is None or seen < most:
            size = PAGE if most is None else min(PAGE, most - seen)
            found = await self._page(line, size, more)
            pages = objects(mapping(found.get("query")).get("pages"))
            # They come in no order, each with its rank.
            for page in sorted(pages, key=lambda page: number(page.get("index"))):
                candidate = self._candidate(line, page)
                if candidate is not None:
                    seen += 1
                    yield candidate
            before, more = more, mapping(found.get("continue"))
            if not more or more == before:
                return

    async def _page(self, line: str, size: int, more: dict[str, str | int]) -> dict[str, Any]:
        params: dict[str, Any] = {
            "action": "query",
            "generator": "search",
            "gsrsearch": f"filetype:bitmap {line}",
            "gsrnamespace": 6,
            "gsrlimit": size,
            "prop": "imageinfo",
            "iiprop": "url|size|mime|sha1|extmetadata",
            "iiextmetadatafilter": _FACTS,
            "iiurlwidth": WIDTH,
            "format": "json",
            "formatversion": 2,
            "maxlag": 5,
        } | more
        url = os.environ.get(ADDRESS, "https://commons.wikimedia.org").rstrip("/") + "/w/api.php"
        said = ""
        for _ in range(_MAX_LAG_TRIES):
            try:
                found, response = await get_json(self.connection.web, self.name, url, params)
            except SourceRefused as refused:
                if refused.status == 403:
                    text = f"{refused}; it wants a User-Agent with a contact: name one under web: {{contact: …}}."
                    raise SourceError(text) from None
                raise
            if "error" not in found:
                return found
            error = mapping(found["error"])
            said = plain_text(error.get("info")) or str(error.get("code"))
            if error.get("code") not in ("maxlag", "ratelimited"):
                raise SourceError(f"wikimedia: {said}")
            self.connection.web.throttled(url, response)
        raise SourceThrottled(f"wikimedia: {said}")

    def _candidate(self, line: str, page: dict[str, Any]) -> Candidate | None:
        info = next(iter(objects(page.get("imageinfo"))), {})
        url, thumb = text(info.get("url")), text(info.get("thumburl"))
        if url is None:
            return None
        facts = mapping(info.get("extmetadata"))
        scaled = thumb if number(info.get("width")) > WIDTH else None
        title = (text(page.get("title")) or "").removeprefix("File:")
        author = _fact(facts, "Artist")
        license_name = _fact(facts, "LicenseShortName")
        named = _fact(facts, "Attribution") or author
        parts = [named, license_name, "via Wikimedia Commons"]
        return Candidate(
            self.name,
            line,
            _without_query(scaled or url),
            page=text(info.get("descriptionurl")),
            title=title.rsplit(".", 1)[0] or None,
            author=author or None,
            license=license_name or None,
            license_url=_fact(facts, "LicenseUrl") or None,
            attribution=", ".join(part for part in parts if part),
        )


def _fact(facts: dict[str, Any], name: str) -> str:
    return plain_text(mapping(facts.get(name)).get("value"))


def _without_query(url: str) -> str:
    """The address without `?utm_…`, which differs from search to search for the same file."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query="")) if parts.query.startswith("utm_") else url

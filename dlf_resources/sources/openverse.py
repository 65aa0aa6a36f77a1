"""Openverse: openly licensed pictures of many collections (https://api.openverse.org/v1/).

Without a client id it gives 20 results a page, and answers 20 requests a minute and 200 a day; `OPENVERSE_CLIENT_ID`
and `OPENVERSE_CLIENT_SECRET` (free, by its /v1/auth_tokens/register/) raise that. No query goes deeper than 240
results.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any

from dlf_core.errors import SourceError
from dlf_resources.sources.base import Candidate
from dlf_resources.sources.web_source import WebSource
from dlf_resources.web.api import SourceRefused, get_json, number, objects, plain_text, text
from dlf_resources.web.hosts import HostLimit

ADDRESS = "OPENVERSE_URL"
CLIENT_ID, CLIENT_SECRET = "OPENVERSE_CLIENT_ID", "OPENVERSE_CLIENT_SECRET"
DEPTH = 240
PAGE, PAGE_WITH_TOKEN = 20, 48
"""Results a page: at most 20, or 50 with a client id; these divide the depth."""
# 100 requests a minute with a client id (X-RateLimit-Limit-…: 100/min).
WITH_TOKEN = HostLimit(per_second=100 / 60, burst=10, at_once=2)


class OpenverseSource(WebSource):
    """See the module's text."""

    name = "openverse"
    _token: str | None = None

    async def find(self, line: str, most: int | None) -> AsyncIterator[Candidate]:
        """Results in the order of the service."""
        size = PAGE_WITH_TOKEN if _credentials() else PAGE
        seen, page = 0, 1
        while seen < min(DEPTH, most or DEPTH) and (page - 1) * size < DEPTH:
            found = await self._page(line, page, size)
            if not isinstance(found.get("results"), list):
                raise SourceError("openverse answered without 'results'.")
            rows = objects(found["results"])
            for row in rows:
                if url := text(row.get("url")):
                    seen += 1
                    yield self._candidate(line, url, row)
            if not rows or page >= number(found.get("page_count")):
                return
            page += 1

    async def _page(self, line: str, page: int, size: int) -> dict[str, Any]:
        params: dict[str, str | int] = {"q": line, "page": page, "page_size": size}
        for attempt in (1, 2):
            token = await self._authorised() if _credentials() else None
            headers = (f"Authorization: Bearer {token}",) if token else ()
            limit = WITH_TOKEN if token else None
            web = self.connection.web
            try:
                return (await get_json(web, self.name, _url("images/"), params, headers=headers, limit=limit))[0]
            except SourceRefused as refused:
                # A token that has run out is answered 401.
                if refused.status != 401 or token is None or attempt == 2:
                    raise
                self._token = None
        raise AssertionError("unreachable")

    async def _authorised(self) -> str:
        if self._token is None:
            client, secret = _credentials() or ("", "")
            form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
            try:
                answer, _ = await get_json(self.connection.web, self.name, _url("auth_tokens/token/"), {}, form=form)
            except SourceRefused as refused:
                names = f"{CLIENT_ID} and {CLIENT_SECRET}"
                said = f"openverse refuses {names} (status {refused.status}); correct or unset them."
                raise SourceError(said) from None
            self._token = text(answer.get("access_token"))
            if self._token is None:
                raise SourceError("openverse gave no access_token.")
        return self._token

    def _candidate(self, line: str, url: str, row: dict[str, Any]) -> Candidate:
        license_name = " ".join(filter(None, map(text, (row.get("license"), row.get("license_version")))))
        return Candidate(
            self.name,
            line,
            url,
            page=text(row.get("foreign_landing_url")),
            title=plain_text(row.get("title")) or None,
            author=plain_text(row.get("creator")) or None,
            license=license_name or None,
            license_url=text(row.get("license_url")),
            attribution=plain_text(row.get("attribution")) or None,
        )


def _credentials() -> tuple[str, str] | None:
    client, secret = os.environ.get(CLIENT_ID), os.environ.get(CLIENT_SECRET)
    return (client, secret) if client and secret else None


def _url(path: str) -> str:
    return f"{os.environ.get(ADDRESS, 'https://api.openverse.org').rstrip('/')}/v1/{path}"

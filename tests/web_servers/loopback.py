"""What the searches have in common: answers by path whatever the query, files to download, what each query finds.

A fault of `model_servers.loopback` answers a path here, too: `next(IMAGES, status(503))`, `always(IMAGES, hang_up)`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from model_servers.loopback import Loopback, Reply, Request, said

Row = dict[str, Any]


def place(request: Request) -> str:
    """The path without its query."""
    return urlsplit(request.path).path


def query(request: Request) -> dict[str, str]:
    """What stands behind the question mark; of a name that stands twice, the last."""
    return dict(parse_qsl(urlsplit(request.path).query, keep_blank_values=True))


class Web(Loopback):
    """A search on loopback.

    Attributes:
        rows: what every query finds, in order.
        found_for: query → what it finds instead.
        files: path → what a download of it answers.
        seconds: every good reply takes so long.
        at_once: requests answered at the same time, at most so far.
    """

    def __init__(self, rows: Sequence[Row] = ()) -> None:
        super().__init__()
        self.rows = list(rows)
        self.found_for: dict[str, Sequence[Row]] = {}
        self.files: dict[str, Reply] = {}
        self.at_once = 0
        self._answering = 0

    def search(self, request: Request) -> Reply:
        """The reply to what is no download."""
        raise NotImplementedError

    # what a test says and asks

    def serve(self, path: str, content: bytes, media_type: str = "image/jpeg", **headers: str) -> str:
        """Have a file to download, with these headers (`X_Robots_Tag="noai"`); its URL."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.files[path] = Reply(content, 200, media_type, named)
        return self.url + path

    def asked(self, path: str) -> list[Request]:
        return [request for request in self.requests if place(request) == path]

    def queries(self, path: str) -> list[dict[str, str]]:
        return [query(request) for request in self.asked(path)]

    # the server

    def found(self, text: str) -> Sequence[Row]:
        return self.found_for.get(text, self.rows)

    def good(self, request: Request) -> Reply:
        file = self.files.get(place(request))
        return file or self.search(request)

    def _reply(self, request: Request) -> Reply:
        path = place(request)
        waiting = self._next[path]
        fault = waiting.pop(0) if waiting else self._always.get(path)
        if fault is None and path not in self.files and not self.knows(path):
            return said({"detail": "Not found."}, 404)
        good = self.good(request)
        good = replace(good, seconds=good.seconds or self.seconds)
        return fault(request, good) if fault else good

    def knows(self, path: str) -> bool:
        """Whether the search answers it."""
        raise NotImplementedError

    async def _answer(self, reply: Reply, writer: asyncio.StreamWriter) -> bool:
        self._answering += 1
        self.at_once = max(self.at_once, self._answering)
        try:
            return await super()._answer(reply, writer)
        finally:
            self._answering -= 1

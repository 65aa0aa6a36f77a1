"""What the Hub's two servers have in common: bodies without a length, HEAD, ranges, refusals, uploads that break off.

Three ways to fail, by the path of a request as it was sent, without its query:

- `refuse(path, reply, times, skip)`: the request is answered so, and nothing is done.
- `next(path, fault)` of `model_servers.loopback`: it is done, and then the answer is lost, late or broken.
- `cut(path, after, times, skip)`: the connection breaks when so much of the request has come.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, unquote, urlsplit

from model_servers.loopback import Loopback, Reply, Request, said

ANY = ""
"""In place of a path: every path."""


def place(request: Request) -> str:
    """The path without its query."""
    return urlsplit(request.path).path


def parts(request: Request) -> list[str]:
    """The path's parts, decoded: a slash within a part is `%2F` in the path."""
    return [unquote(part) for part in place(request).split("/") if part]


def query(request: Request) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(request.path).query, keep_blank_values=True))


def refusal(number: int, message: str, code: str = "", **headers: str) -> Reply:
    """An error as the Hub writes it: in the headers, which the client reads first, and in the body."""
    named = {"X-Error-Code": code, "X-Error-Message": message, "X-Request-Id": "Root=1-loopback"}
    return said({"error": message}, number, **named, **{name.replace("_", "-"): text for name, text in headers.items()})


def failure(number: int = 503) -> Reply:
    """What a gateway before the Hub says."""
    return Reply(f"<html><body><h1>{number}</h1></body></html>".encode(), number, "text/html")


def throttled(seconds: int = 0) -> Reply:
    """Too many requests; the client waits for a second more than it is told."""
    limits = {"RateLimit": f'"api";r=0;t={seconds}', "RateLimit_Policy": '"fixed window";"api";q=1000;w=300'}
    return refusal(429, "We had to rate limit you, you hit the quota of 1000 api requests per 5 minutes.", **limits)


def ranged(content: bytes, wanted: str | None, headers: Mapping[str, str], media_type: str) -> Reply:
    """A file, or the range of it that is wanted: `bytes=5-`, `bytes=5-8`, `bytes=-3`."""
    headers = dict(headers) | {"Accept-Ranges": "bytes"}
    if wanted is None:
        return Reply(content, 200, media_type, headers)
    first, _, last = wanted.removeprefix("bytes=").partition("-")
    start = int(first) if first else max(0, len(content) - int(last))
    end = min(int(last) + 1 if first and last else len(content), len(content))
    if start >= end:
        return Reply(b"", 416, media_type, headers | {"Content-Range": f"bytes */{len(content)}"})
    where = {"Content-Range": f"bytes {start}-{end - 1}/{len(content)}"}
    return Reply(content[start:end], 206, media_type, headers | where)


@dataclass
class Fault:
    """What befalls the next requests to a path: the first few of them not, then so many.

    Attributes:
        reply: is answered in place of the good one; None: the connection breaks.
        after: when so many bytes of the body have come.
    """

    times: int
    skip: int
    reply: Reply | None = None
    after: int = 0

    def falls(self) -> bool:
        """Whether it is this request's turn."""
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return self.times >= 0


class Listener(Loopback):
    """One server of the two."""

    def __init__(self) -> None:
        super().__init__()
        self._cuts: dict[str, Fault] = {}
        self._refusals: dict[str, Fault] = {}

    # what a test says and asks

    def refuse(self, path: str, reply: Reply, times: int = 1, skip: int = 0) -> None:
        """Answer the next requests to a path so, and do nothing; the first few of them are answered as ever."""
        self._refusals[path] = Fault(times, skip, reply)

    def cut(self, path: str = ANY, after: int = 1 << 16, times: int = 1, skip: int = 0) -> None:
        """Break the next requests to a path off when so many bytes of their body have come; shorter ones come whole."""
        self._cuts[path] = Fault(times, skip, after=after)

    def heal(self) -> None:
        """Nothing is refused and cut any more."""
        self._cuts.clear()
        self._refusals.clear()

    def asked(self, path: str, method: str | None = None) -> list[Request]:
        """The requests to a path so far; of one method, or of all."""
        came = [request for request in self.requests if place(request) == path]
        return [request for request in came if method in (None, request.method)]

    # the server

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        request = Request(method, path, headers, b"", time.monotonic(), self.in_flight)
        cut = self._cuts.get(place(request)) or self._cuts.get(ANY)
        if cut is not None and int(headers.get("content-length", 0)) > cut.after and cut.falls():
            self.requests.append(replace(request, body=await reader.readexactly(cut.after)))
            writer.transport.abort()
            return False
        request = replace(request, body=await _body(reader, headers), at=time.monotonic())
        self.requests.append(request)
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            return await self._answer(self._reply(request), writer)
        finally:
            self.in_flight -= 1

    def _reply(self, request: Request) -> Reply:
        path = place(request)
        instead = self._refusals.get(path) or self._refusals.get(ANY)
        if instead is not None and instead.reply is not None and instead.falls():
            reply = instead.reply
        else:
            reply = self.good(request)
            waiting = self._next[path]
            fault = waiting.pop(0) if waiting else self._always.get(path)
            reply = fault(request, reply) if fault else reply
        if request.method == "HEAD":
            length = {"Content-Length": str(len(reply.content))}
            reply = replace(reply, content=b"", headers=length | dict(reply.headers))
        return reply


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(headers.get("content-length", 0)))
    pieces: list[bytes] = []
    while size := int((await reader.readline()).split(b";")[0], 16):
        pieces.append(await reader.readexactly(size))
        await reader.readline()
    await reader.readline()
    return b"".join(pieces)

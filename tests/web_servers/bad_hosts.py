"""A host on 127.0.0.1 that does what hosts of images must not do: lie about lengths, never end, bomb, hang up.

| path | what comes |
|---|---|
| `/photo.jpg`, `/chunked.jpg`, `/no-length` | the photo, with a length, in chunks, ended by closing |
| `/jpeg-as-html`, `/html-as-jpeg` | the photo called text/html, a page called image/jpeg |
| `/echo` | the request's headers in JSON, names in lower case |
| `/robots?tag=noai&tag=somebot:+noindex` | the photo, a line `X-Robots-Tag` for every tag |
| `/set-cookie`, `/needs-no-cookie` | the photo with a cookie for the host; the photo, or 400 when a cookie comes along |
| `/status/503?retry_after=2`, `/throttle?times=2&key=a` | any status; so many (of each key) 429 with `Retry-After: 1`, then the photo |
| `/redirect?to=URL&code=302`, `/redirect-loop`, `/redirect-chain?n=5` | to the URL as it is, to itself, so often, then the photo |
| `/endless`, `/endless-length?pause=0.05` | chunks without end; a length of a terabyte, 1000 bytes a pause |
| `/slow-headers?pause=1`, `/slow-body?bytes_per_second=100` | a byte of header a pause without end; the photo, slowly |
| `/gzip-bomb`, `/deflate-bomb`, `/huge-headers` | 1 GB of zeros in 1 MB, asked for or not; 1 MB of headers, then the photo |
| `/short`, `/long` | the photo and a length of 1000 bytes more; the photo and half its length |
| `/reset`, `/reset-mid`, `/garbage` | RST at once; RST after half of the photo; not HTTP |
"""  # noqa: E501

from __future__ import annotations

import asyncio
import functools
import json
import socket
import struct
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlsplit

from model_servers.loopback import Loopback, Request

Headers = Iterable[tuple[str, str]]
Query = Mapping[str, str]

_HTML = b"<!DOCTYPE html>\n<html><body><h1>Not found</h1></body></html>\n"
_WINDOWS = {"gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}


class BadHost(Loopback):
    """The host, from `with` to its end. It has no complaints: what a client may send is for the test to say.

    Attributes:
        requests: all that came, in order; `path` with the query.
        connections: accepted so far; also those on which no request came.
        sent: bytes written, by path without query; some may lie in buffers. Tells whether a client stopped early.

    Args:
        photo: a JPEG.
    """

    def __init__(self, photo: bytes) -> None:
        super().__init__()
        self.host = "127.0.0.1"
        self.photo = photo
        self.sent: Counter[str] = Counter()
        self._throttled: Counter[str] = Counter()

    @property
    def open(self) -> int:
        """Connections not closed yet; a client that gave up must leave none."""
        return len(self._open)

    @property
    def cookies(self) -> list[str]:
        """`Cookie` headers received, on any path."""
        return [request.headers["cookie"] for request in self.requests if "cookie" in request.headers]

    def asked(self, path: str) -> list[Request]:
        """The requests to a path, whatever the query."""
        return [request for request in self.requests if urlsplit(request.path).path == path]

    def redirecting(self, url: str, code: int = 302) -> str:
        """The URL here that redirects there."""
        return f"{self.url}/redirect?code={code}&to={quote(url, safe='')}"

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:-2])}
        self.requests.append(Request(method, target, headers, b"", time.monotonic(), 0))
        parts = urlsplit(target)
        wire = Wire(writer, self.sent, method, parts.path)
        pairs = parse_qsl(parts.query)
        tags = [value for name, value in pairs if name == "tag"]
        await self._behave(parts.path.split("/")[1:], dict(pairs), tags, headers, wire)
        return wire.whole

    async def _behave(self, path: list[str], query: Query, tags: list[str], headers: dict[str, str], to: Wire) -> None:
        """Replies that HTTP allows."""
        match path[0]:
            case "photo.jpg":
                await to.reply(self.photo)
            case "chunked.jpg":
                await to.head([("Transfer-Encoding", "chunked")])
                for at in range(0, len(self.photo), 1000):
                    await to.chunk(self.photo[at : at + 1000])
                await to.chunk(b"")
                to.whole = True
            case "no-length":
                await to.head()
                await to.send(self.photo)
            case "jpeg-as-html":
                await to.reply(self.photo, "text/html; charset=utf-8")
            case "html-as-jpeg":
                await to.reply(_HTML)
            case "echo":
                await to.reply(json.dumps(headers).encode(), "application/json")
            case "robots":
                await to.reply(self.photo, headers=[("X-Robots-Tag", tag) for tag in tags])
            case "set-cookie":
                await to.reply(self.photo, headers=[("Set-Cookie", "seen=yes; Path=/; Max-Age=86400")])
            case "needs-no-cookie":
                await to.reply(self.photo, status=400 if "cookie" in headers else 200)
            case "status":
                wait = query.get("retry_after", "")
                await to.page(int(path[1]), [("Retry-After", wait)] if wait else [])
            case "throttle" if self._throttled[query.get("key", "")] < int(query.get("times", "1")):
                self._throttled[query.get("key", "")] += 1
                await to.page(429, [("Retry-After", "1")])
            case "throttle":
                await to.reply(self.photo)
            case "redirect":
                await to.page(int(query.get("code", "302")), [("Location", query.get("to", "/photo.jpg"))])
            case "redirect-loop":
                await to.page(302, [("Location", "/redirect-loop")])
            case "redirect-chain":
                left = int(query.get("n", "5")) - 1
                await to.page(302, [("Location", f"/redirect-chain?n={left}" if left > 0 else "/photo.jpg")])
            case "gzip-bomb" | "deflate-bomb" as name:
                coding = name.removesuffix("-bomb")
                await to.reply(await asyncio.to_thread(bomb, coding), headers=[("Content-Encoding", coding)])
            case "huge-headers":
                await to.reply(self.photo, headers=[(f"X-Huge-{number}", "h" * 1000) for number in range(1000)])
            case _:
                await self._misbehave(path[0], query, to)

    async def _misbehave(self, name: str, query: Query, to: Wire) -> None:
        """Replies after which, if there is an after, the connection is closed."""
        match name:
            case "endless":
                await to.head([("Transfer-Encoding", "chunked")])
                while True:
                    await to.chunk(bytes(1 << 16))
            case "endless-length":
                await to.head([("Content-Length", str(1 << 40))])
                await to.send(self.photo)
                while True:
                    await asyncio.sleep(float(query.get("pause", "0.05")))
                    await to.send(bytes(1000))
            case "slow-headers":
                await to.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while True:
                    await asyncio.sleep(float(query.get("pause", "1")))
                    await to.send(b"a")
            case "slow-body":
                await to.head([("Content-Length", str(len(self.photo)))])
                tenth = max(1, int(query.get("bytes_per_second", "100")) // 10)
                for at in range(0, len(self.photo), tenth):
                    await to.send(self.photo[at : at + tenth])
                    await asyncio.sleep(0.1)
            case "short":
                await to.head([("Content-Length", str(len(self.photo) + 1000))])
                await to.send(self.photo)
            case "long":
                await to.head([("Content-Length", str(len(self.photo) // 2))])
                await to.send(self.photo)
                await asyncio.sleep(0.2)  # stays open, as if it could be used again
            case "reset":
                to.reset()
            case "reset-mid":
                await to.head([("Content-Length", str(len(self.photo)))])
                await to.send(self.photo[: len(self.photo) // 2])
                await asyncio.sleep(0.1)  # RST throws away what the client has not read
                to.reset()
            case "garbage":
                await to.send(b"\x16\x03\x01\x00\xff" + bytes(range(256)) * 4)
            case _:
                await to.page(404)


@functools.cache
def bomb(coding: str) -> bytes:
    """1 GB of zeros, as gzip or deflate."""
    machine = zlib.compressobj(9, zlib.DEFLATED, _WINDOWS[coding])
    pieces = [machine.compress(bytes(1_000_000)) for _ in range(1000)]
    return b"".join([*pieces, machine.flush()])


@dataclass
class Wire:
    """The way back to a client; `whole`: the reply was sent in full, and another request may follow."""

    writer: asyncio.StreamWriter
    sent: Counter[str]
    method: str
    path: str
    whole: bool = False

    async def send(self, content: bytes) -> None:
        self.writer.write(content)
        await self.writer.drain()
        self.sent[self.path] += len(content)

    async def chunk(self, content: bytes) -> None:
        await self.send(b"%x\r\n%s\r\n" % (len(content), content))

    async def head(self, headers: Headers = (), kind: str = "image/jpeg", status: int = 200) -> None:
        lines = [f"HTTP/1.1 {status} Said", f"Content-Type: {kind}", *(f"{name}: {value}" for name, value in headers)]
        await self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    async def reply(self, content: bytes, kind: str = "image/jpeg", status: int = 200, headers: Headers = ()) -> None:
        await self.head([("Content-Length", str(len(content))), *headers], kind, status)
        if self.method != "HEAD" and status not in (204, 304):
            await self.send(content)
        self.whole = True

    async def page(self, status: int, headers: Headers = ()) -> None:
        await self.reply(_HTML, "text/html; charset=utf-8", status, headers)

    def reset(self) -> None:
        """Close with RST: what is unsent is thrown away, and the other side told at once."""
        made: socket.socket = self.writer.get_extra_info("socket")
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

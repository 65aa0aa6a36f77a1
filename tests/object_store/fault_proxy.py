"""A proxy between a client and its object store, that passes everything on until it is told to misbehave.

The client takes the proxy's URL as its endpoint. Its `Host` goes on to the store unchanged, because the signature
covers it. A request is read whole before it is passed on, and so is the answer: this is no place to measure speed.

    with FaultProxy(store.endpoint_url) as proxy:
        client = store.client(proxy.url)
        proxy.on("PUT", "images/cat.jpg", slow_down(), times=3)
        client.put_object(...)
        assert [request.status for request in proxy.asked("PUT")] == [503, 503, 503, 200]
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import formatdate
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

from object_store.faults import Fault, Refusal

Headers = list[tuple[str, str]]

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect"}
"""Headers of one connection, written anew for the next; none of them is signed except the length, which stays."""


@dataclass
class Asked:
    """A request that came.

    Attributes:
        path: decoded, as `/bucket/key`.
        headers: their names in lower case.
        at: `time.monotonic()` when its head had come.
        fault: what was done to it.
        length: of the body as it was passed on; of one in chunks, without their frames.
        status: of the answer as it was sent; None: none was (yet).
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    at: float
    fault: Fault | None = None
    length: int = 0
    status: int | None = None


@dataclass
class Rule:
    """Which requests a fault befalls.

    Attributes:
        times: more; None: without end.
        used: so often so far.
    """

    method: str
    part: str
    fault: Fault
    times: int | None
    used: int = 0


class FaultProxy:
    """The proxy, from `with` to its end.

    Attributes:
        requests: all that came, in order.
        connections: accepted so far.
        continues: whether `Expect: 100-continue` is answered. A client of boto3 waits a second for it before each PUT.

    Args:
        store: the URL of the store.
        tls: have the client speak HTTPS; the store is asked in HTTP.
        port: where to listen; 0: anywhere.
    """

    def __init__(self, store: str, *, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.requests: list[Asked] = []
        self.connections = 0
        self.continues = True
        self.port = port
        self._store = urlsplit(store)
        self._tls = tls
        self._rules: list[Rule] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="fault-proxy", daemon=True)
        self._ready = threading.Event()

    # what a test says and asks

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def on(self, method: str, part: str, fault: Fault | None, times: int | None = 1) -> Rule:
        """The next requests of this kind fail so. Rules are tried in order, and one that is used up no more.

        Args:
            method: `*`: any.
            part: of the decoded path and query, as `/bucket/key?uploadId=…&partNumber=2`; empty: any.
            fault: None: these requests pass, and only those after them meet the rules below.
            times: None: for ever.
        """
        rule = Rule(method, part, fault or Fault(), times)
        self._rules.append(rule)
        return rule

    def clear(self) -> None:
        """Forget the rules."""
        self._rules.clear()

    def asked(self, method: str = "*", part: str = "") -> list[Asked]:
        """The requests of this kind that came."""
        return [
            asked
            for asked in self.requests
            if method in ("*", asked.method) and part in _target(asked.path, asked.query.items())
        ]

    # the server

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(lambda loop, context: None)  # a client that ends a handshake early is no news
        self._ended = asyncio.Event()
        listening = await asyncio.start_server(self._connection, "127.0.0.1", self.port, ssl=self._tls, backlog=512)
        self.port = listening.sockets[0].getsockname()[1]
        self._ready.set()
        await self._ended.wait()
        listening.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._exchange(reader, writer):
                    pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; whether the connection stays open."""
        (method, target, _), headers = await _head(reader)
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        asked = Asked(method, unquote(parts.path), query, _by_name(headers), time.monotonic())
        fault = self._fault(asked)
        asked.fault = fault
        self.requests.append(asked)
        waits = "100-continue" in asked.headers.get("expect", "")
        if fault.upload_share == 0:
            _reset(writer)
            return False
        if fault.refusal and waits:  # the client has not begun with the body, and need not
            await _refuse(writer, asked, fault.refusal, fault.seconds, closes=True)
            return False
        if waits and self.continues:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await _body(reader, asked.headers, fault.upload_share)
        asked.length = len(body)
        if fault.refusal:
            await _refuse(writer, asked, fault.refusal, fault.seconds, closes=False)
            return True
        if fault.flips_upload:
            body = _flipped(body)
        answer = await self._pass_on(f"{method} {target}", headers, body, whole=fault.upload_share == 1)
        if answer is None:
            _reset(writer)
            return False
        status, headers, content = answer
        await asyncio.sleep(fault.seconds)
        if fault.download_share is None:
            _reset(writer)
            return False
        asked.status = status
        if fault.flips_download:
            content = _flipped(content)
        writer.write(_lines(f"HTTP/1.1 {status} Said", headers))
        sent = content[: int(len(content) * fault.download_share)]
        half = len(sent) // 2
        writer.write(sent[:half])
        await writer.drain()
        await asyncio.sleep(fault.pause)
        writer.write(sent[half:])
        await writer.drain()
        if fault.download_share < 1:
            await asyncio.sleep(0.1)  # a reset throws away what the client has not read
            _reset(writer)
            return False
        return asked.headers.get("connection", "").lower() != "close"

    def _fault(self, asked: Asked) -> Fault:
        target = _target(asked.path, asked.query.items())
        for rule in self._rules:
            if rule.method in ("*", asked.method) and rule.part in target and rule.times != 0:
                rule.used += 1
                rule.times = rule.times and rule.times - 1
                return rule.fault
        return Fault()

    async def _pass_on(
        self, request: str, headers: Headers, body: bytes, whole: bool
    ) -> tuple[int, Headers, bytes] | None:
        """The store's answer; None when only a part was there to be passed on."""
        if not whole and not body:
            return None
        reader, writer = await asyncio.open_connection(self._store.hostname, self._store.port)
        try:
            sent = [(name, value) for name, value in headers if name.lower() not in _HOP]
            lengths = [value for name, value in headers if name.lower() == "content-length"]
            if lengths or body:
                sent.append(("Content-Length", lengths[0] if lengths else str(len(body) + (not whole))))
            writer.write(_lines(f"{request} HTTP/1.1", [*sent, ("Connection", "close")]) + body)
            await writer.drain()
            if not whole:
                await asyncio.sleep(0.05)  # it shall see the part, not only the end
                _reset(writer)
                return None
            (_, status, *_), answer = await _head(reader)
            method = request.split(" ")[0]
            bare = method == "HEAD" or int(status) in (204, 304)
            content = b"" if bare else await _body(reader, _by_name(answer), until_end=True)
            kept = [(name, value) for name, value in answer if name.lower() not in _HOP]
            told = [value for name, value in answer if name.lower() == "content-length"]
            if int(status) != 204:
                kept.append(("Content-Length", told[0] if method == "HEAD" and told else str(len(content))))
            return int(status), kept, content
        finally:
            writer.close()


async def _head(reader: asyncio.StreamReader) -> tuple[list[str], Headers]:
    """The words of the first line, and the headers."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines[1:-2])
    return lines[0].split(" ", 2), [(name, value.strip()) for name, _, value in pairs]


async def _body(
    reader: asyncio.StreamReader, headers: dict[str, str], share: float = 1.0, until_end: bool = False
) -> bytes:
    """So much of a body, without the frames of its chunks.

    Args:
        until_end: a body of no known length lasts until the connection ends; otherwise there is none.
    """
    if "chunked" in headers.get("transfer-encoding", ""):
        enough = share * int(headers.get("x-amz-decoded-content-length", "0")) if share < 1 else float("inf")
        content = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            content += await reader.readexactly(size)
            await reader.readexactly(2)
            if len(content) >= enough:
                return content[: int(enough)]
        while await reader.readuntil(b"\r\n") != b"\r\n":
            pass
        return content
    if "content-length" in headers:
        return await reader.readexactly(int(int(headers["content-length"]) * share))
    return await reader.read() if until_end else b""


async def _refuse(
    writer: asyncio.StreamWriter, asked: Asked, refusal: Refusal, seconds: float, *, closes: bool
) -> None:
    await asyncio.sleep(seconds)
    content = b"" if asked.method == "HEAD" else refusal.content(asked.path)
    headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(content)))]
    headers += [("Date", formatdate(usegmt=True)), *refusal.headers.items()]
    headers += [("Connection", "close")] if closes else []
    asked.status = refusal.status
    writer.write(_lines(f"HTTP/1.1 {refusal.status} Said", headers) + content)
    await writer.drain()


def _lines(first: str, headers: Headers) -> bytes:
    return "\r\n".join([first, *(f"{name}: {value}" for name, value in headers), "", ""]).encode("latin-1")


def _by_name(headers: Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}


def _target(path: str, query: Iterable[tuple[str, str]]) -> str:
    """A path and a query, decoded."""
    return path + "?" + "&".join(f"{name}={value}" for name, value in query)


def _flipped(content: bytes) -> bytes:
    """The content with one bit turned, of the byte in its middle."""
    at = len(content) // 2
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :] if content else content


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST: what is unsent is thrown away, and the other side told at once."""
    made: socket.socket = writer.get_extra_info("socket")
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()

"""One small HTTP/1.1 server on 127.0.0.1, in a thread of its own, that can be told to misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self

from PIL import Image


@dataclass(frozen=True)
class Request:
    """What a client sent.

    Attributes:
        headers: their names in lower case.
        at: `time.monotonic()` when the last byte had come.
        out: questions being answered then, with this one.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float
    out: int

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """What is answered.

    Attributes:
        seconds: wait before the first byte.
        share: of the content is sent; below 1 the connection is closed after it. None: closed without a byte.
        chunked: sent in pieces, without saying the length first.
        dies: the server closes all connections and listens no more.
    """

    content: bytes = b""
    status: int = 200
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    share: float | None = 1.0
    chunked: bool = False
    dies: bool = False


Fault = Callable[[Request, Reply], Reply]
"""What is answered to a request instead of the good reply."""


def said(content: object, status: int = 200, **headers: str) -> Reply:
    """A reply in JSON."""
    return Reply(json.dumps(content).encode(), status, headers=headers)


def answers(reply: Reply) -> Fault:
    """Always the same."""
    return lambda request, good: reply


def slow(seconds: float) -> Fault:
    """The good reply, late."""
    return lambda request, good: replace(good, seconds=seconds)


def status(number: int, text: str = "", **headers: str) -> Fault:
    """An error in plain text, as uvicorn writes it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answers(Reply(text.encode(), number, "text/plain; charset=utf-8", named))


def detail(number: int, text: str) -> Fault:
    """An error as FastAPI writes it."""
    return answers(said({"detail": text}, number))


def echo(number: int = 500) -> Fault:
    """The whole request comes back in the error, with a traceback before it."""
    trace = 'Traceback (most recent call last):\n  File "server.py", line 1, in answer\nValueError: cannot read\n'
    return lambda request, good: said({"detail": f"Failed to load {request.body.decode('latin-1')}\n{trace}"}, number)


def echo_raw(number: int = 500) -> Fault:
    """The request's body and its Authorization come back as they are, in plain text."""

    def answer(request: Request, good: Reply) -> Reply:
        text = request.headers.get("authorization", "").encode() + b"\n" + request.body
        return Reply(text, number, "text/plain")

    return answer


def half(request: Request, good: Reply) -> Reply:
    """The connection breaks in the middle of the reply."""
    return replace(good, share=0.5)


def half_content(request: Request, good: Reply) -> Reply:
    """A whole reply with half the content: its writer died, not the connection."""
    return replace(good, content=good.content[: len(good.content) // 2])


def hang_up(request: Request, good: Reply) -> Reply:
    """The connection is closed without a byte."""
    return replace(good, share=None)


def die(request: Request, good: Reply) -> Reply:
    """The server is gone for good."""
    return replace(good, dies=True)


def redirect(url: str, number: int = 307) -> Fault:
    return answers(Reply(b"", number, "text/plain", {"Location": url}))


HTML = answers(Reply(b"<!DOCTYPE html>\n<html><body><h1>Welcome</h1>\n</body></html>", 200, "text/html"))


class Loopback:
    """The server; what it says is up to `good`. On leaving, what it has to complain about fails the test.

    Attributes:
        requests: all that came, in order.
        connections: accepted so far.
        in_flight, peak: questions (POST) being answered now, and at most so far.
        complaints: what a client must not send. Tests that want some empty the list.
        seconds: every good reply to a question takes so long.

    Args:
        port: where to listen; 0: anywhere.
    """

    def __init__(self, port: int = 0) -> None:
        self.requests: list[Request] = []
        self.complaints: list[str] = []
        self.connections = 0
        self.in_flight = 0
        self.peak = 0
        self.seconds = 0.0
        self.port = port
        self._next: defaultdict[str, list[Fault]] = defaultdict(list)
        self._always: dict[str, Fault] = {}
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._main, name="loopback", daemon=True)
        self._ready = threading.Event()

    def good(self, request: Request) -> Reply:
        """The reply of a server in its right mind."""
        raise NotImplementedError

    # what a test says and asks

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def next(self, path: str, *faults: Fault | None) -> None:
        """The next requests to a path are answered so, each fault once; None is the good reply."""
        self._next[path] += [fault or (lambda request, good: good) for fault in faults]

    def always(self, path: str, fault: Fault | None) -> None:
        """From now on; None: the good reply again."""
        if fault is None:
            self._always.pop(path, None)
        else:
            self._always[path] = fault

    def asked(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]

    def expect(self, holds: object, complaint: str) -> None:
        """Complain unless it holds."""
        if not holds:
            self.complaints.append(complaint)

    def picture(self, content: bytes, media_type: str | None = None) -> Image.Image | None:
        """The picture in a file that a client sent, decoded to its last row; None when it is damaged."""
        try:
            picture = Image.open(io.BytesIO(content))
            picture.load()
        except (OSError, ValueError):
            return None
        if media_type is not None:
            self.expect(picture.get_format_mimetype() == media_type, f"a {picture.format} called {media_type}")
        return picture

    # the server

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(10)
        assert not self._thread.is_alive()
        if kind is None:
            assert self.complaints == []

    def _main(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._listening = await asyncio.start_server(self._connection, "127.0.0.1", self.port, backlog=512)
        self.port = self._listening.sockets[0].getsockname()[1]
        self._ready.set()
        await self._ended.wait()
        self._die()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _die(self) -> None:
        self._listening.close()
        for writer in self._open:
            writer.transport.abort()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._open.add(writer)
        self.connections += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._exchange(reader, writer):
                    pass
        finally:
            self._tasks.discard(task)
            self._open.discard(writer)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its reply; whether the connection stays open."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        asking = method == "POST"
        self.in_flight += asking
        self.peak = max(self.peak, self.in_flight)
        request = Request(method, path, headers, body, time.monotonic(), self.in_flight)
        self.requests.append(request)
        try:
            return await self._answer(self._reply(request), writer)
        finally:
            self.in_flight -= asking

    def _reply(self, request: Request) -> Reply:
        self.expect(request.headers.get("accept-encoding") == "identity", "a reply may come compressed")
        self.expect("transfer-encoding" not in request.headers, "a body without a length")
        good = self.good(request)
        if request.method == "POST" and not good.seconds:
            good = replace(good, seconds=self.seconds)
        waiting = self._next[request.path]
        fault = waiting.pop(0) if waiting else self._always.get(request.path)
        return fault(request, good) if fault else good

    async def _answer(self, reply: Reply, writer: asyncio.StreamWriter) -> bool:
        if reply.seconds:
            await asyncio.sleep(reply.seconds)
        if reply.dies:
            self._die()
            return False
        if reply.share is None:
            writer.transport.abort()
            return False
        length = {"Transfer-Encoding": "chunked"} if reply.chunked else {"Content-Length": str(len(reply.content))}
        headers = {"Content-Type": reply.media_type} | length | dict(reply.headers)
        lines = [f"HTTP/1.1 {reply.status} Said", *(f"{name}: {value}" for name, value in headers.items() if value)]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        content = reply.content[: int(len(reply.content) * reply.share)]
        if reply.chunked:
            for start in range(0, len(content), 1 << 16):
                piece = content[start : start + (1 << 16)]
                writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            if reply.share == 1.0:
                writer.write(b"0\r\n\r\n")
        else:
            writer.write(content)
        await writer.drain()
        return reply.share == 1.0

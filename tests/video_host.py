"""A host of videos on 127.0.0.1 that knows ranges and can misbehave, and listeners that nobody may connect to."""

from __future__ import annotations

import contextlib
import http.server
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

Answer = Callable[["Exchange"], None]


@dataclass(frozen=True)
class Seen:
    """A request that came: its headers' names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]


class Exchange(http.server.BaseHTTPRequestHandler):
    """One connection; what an `Answer` speaks through."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        host = self.server.host
        host.requests.append(
            Seen(self.command, self.path, {name.lower(): value for name, value in self.headers.items()})
        )
        path = urlsplit(self.path).path
        waiting = host.next.get(path)
        answer = waiting.pop(0) if waiting else host.always.get(path)
        with contextlib.suppress(OSError):
            if answer is not None:
                answer(self)
            elif path in host.files:
                self.file(*host.files[path])
            else:
                self.say(404)

    do_HEAD = do_GET

    def say(self, status: int, content: bytes = b"", kind: str = "text/html", **headers: str) -> None:
        self.head(status, kind, Content_Length=str(len(content)), **headers)
        if self.command == "GET":
            self.wfile.write(content)

    def head(self, status: int, kind: str, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def file(self, content: bytes, kind: str, sent: int | None = None) -> None:
        """The file, or the range that was asked for; the connection breaks after so many bytes."""
        asked = re.match(r"bytes=(\d+)-(\d*)$", self.headers.get("Range", ""))
        first, last = (int(asked[1]), int(asked[2] or len(content) - 1)) if asked else (0, len(content) - 1)
        part = content[first : last + 1]
        more = {"Content_Range": f"bytes {first}-{first + len(part) - 1}/{len(content)}"} if asked else {}
        self.head(206 if asked else 200, kind, Content_Length=str(len(part)), Accept_Ranges="bytes", **more)
        if self.command == "GET":
            self.wfile.write(part[:sent])
            if sent is not None and sent < len(part):
                self.wfile.flush()
                self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    host: VideoHost

    def process_request(self, *args: Any) -> None:
        self.host.connections += 1
        super().process_request(*args)

    def handle_error(self, *_: object) -> None:
        pass


@dataclass
class VideoHost:
    """The host, from `with` to its end.

    Attributes:
        files: path → content and media type.
        always, next: path → what is answered instead, from now on or once each.
        requests: all that came, in order.
        connections: accepted so far.
        tls: what it speaks TLS with.
    """

    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    always: dict[str, Answer] = field(default_factory=dict)
    next: dict[str, list[Answer]] = field(default_factory=dict)
    requests: list[Seen] = field(default_factory=list)
    connections: int = 0
    tls: ssl.SSLContext | None = None

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), Exchange)
        self._server.host = self
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def video(self, path: str, content: bytes) -> str:
        """Serve a video; its address."""
        self.files[path] = content, "video/mp4"
        return self.url + path

    def page(self, path: str, text: str, kind: str = "text/html") -> str:
        """Serve a page; its address."""
        self.files[path] = text.encode(), kind
        return self.url + path

    def asked(self, path: str) -> list[Seen]:
        return [one for one in self.requests if urlsplit(one.path).path == path]


def status(number: int, **headers: str) -> Answer:
    return lambda to: to.say(number, b"no", **headers)


def redirect(url: str, number: int = 302) -> Answer:
    return lambda to: to.say(number, Location=url)


def breaks_after(content: bytes, count: int) -> Answer:
    """The connection breaks after so many bytes of the file or range."""
    return lambda to: to.file(content, "video/mp4", count)


def endless(to: Exchange) -> None:
    """Chunks, as long as somebody reads them."""
    to.head(200, "video/mp4", Transfer_Encoding="chunked")
    while to.command == "GET":
        to.wfile.write(b"10000\r\n" + bytes(65536) + b"\r\n")


def dripping_head(to: Exchange) -> None:
    """A header that comes byte by byte, for a minute."""
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 600:
        to.wfile.write(bytes([byte]))
        to.wfile.flush()
        time.sleep(0.1)


def dripping_body(to: Exchange) -> None:
    """A video that comes byte by byte, for a minute."""
    to.head(200, "video/mp4", Content_Length="500000")
    for _ in range(600 if to.command == "GET" else 0):
        to.wfile.write(b"\0")
        to.wfile.flush()
        time.sleep(0.1)


@contextlib.contextmanager
def forbidden(family: socket.AddressFamily, address: str, port: int = 0) -> Iterator[tuple[int, list[object]]]:
    """A listener that nobody may connect to: its port, and who did all the same."""
    came: list[object] = []
    with socket.socket(family) as listener:
        listener.bind((address, port))
        listener.listen()

        def accept() -> None:
            while True:
                try:
                    connection, who = listener.accept()
                except OSError:
                    return
                came.append((address, who))
                connection.close()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1], came
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)

"""Single HTTP requests, many at once, by libcurl's multi interface in an asyncio loop.

libcurl, not httpx or aiohttp: it speaks HTTP/2 where a server offers it, asks before it opens a socket (so that the
address a connection really goes to is judged last of all), and needs a sixth of httpx's CPU time a request
(docs/performance.md).
"""

from __future__ import annotations

import asyncio
import math
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import certifi
import pycurl

from dlf_core.candidate_states import CandidateState
from dlf_core.errors import Unfetched
from dlf_resources.retry_after import retry_after
from dlf_resources.web.addresses import Target

CONNECT_SECONDS = 10.0
# A body slower than this for so long is no body: slow-loris holds connections open by dripping.
SLOWEST_BYTES_PER_SECOND = 512
SLOW_SECONDS = 10
MOST_HEADER_BYTES = 64 * 1024
_BUFFER = 128 * 1024
_SOCKET_EVENTS = {pycurl.POLL_IN: (True, False), pycurl.POLL_OUT: (False, True), pycurl.POLL_INOUT: (True, True)}
# What libcurl says when a request cannot come to a good end however often it is tried.
_TOO_LARGE = (pycurl.E_FILESIZE_EXCEEDED,)


@dataclass(frozen=True, slots=True)
class Request:
    """One request to one judged address; redirects are not followed.

    Attributes:
        target: where.
        max_bytes: cap of the body, after decoding of its Content-Encoding.
        seconds: deadline of the whole exchange.
        headers: `Name: value` lines.
        form: body of a POST, `application/x-www-form-urlencoded`; None: a GET.
    """

    target: Target
    max_bytes: int
    seconds: float
    headers: Sequence[str] = ()
    form: str | None = None


@dataclass(slots=True)
class Response:
    """What came: status, header lines in lower-case names, decoded body, and the HTTP version (2 or 1)."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    http_version: int = 1

    def header(self, name: str) -> str | None:
        """The last value of a header."""
        return next((value for key, value in reversed(self.headers) if key == name), None)

    def retry_after(self) -> float | None:
        """Seconds that the server asks to wait."""
        return retry_after({"Retry-After": self.header("retry-after") or ""})

    def values(self, name: str) -> list[str]:
        """All values of a header."""
        return [value for key, value in self.headers if key == name]


class _Exchange:
    """What a handle's callbacks fill. They must not raise: libcurl has no way to pass it on."""

    def __init__(self, request: Request, may_connect: Callable[[str], bool], done: asyncio.Future[Response]):
        self.request = request
        self.done = done
        self.status_line = b""
        self.lines: list[bytes] = []
        self.refused: str | None = None
        self.too_large = False
        self._may_connect = may_connect
        self._chunks: list[bytes] = []
        self._bytes = self._header_bytes = 0

    def header(self, line: bytes) -> int:
        self._header_bytes += len(line)
        if self._header_bytes > MOST_HEADER_BYTES:
            return -1
        if line.startswith(b"HTTP/"):  # of "100 Continue" only the answer after it counts
            self.lines = []
        elif line.strip():
            self.lines.append(line)
        return len(line)

    def write(self, chunk: bytes) -> int:
        self._bytes += len(chunk)
        if self._bytes > self.request.max_bytes:
            self.too_large = True
            return -1
        self._chunks.append(chunk)
        return len(chunk)

    def open_socket(self, _purpose: int, address: Any) -> socket.socket | int:
        host = str(address.addr[0])
        if host not in self.request.target.addresses or not self._may_connect(host):
            self.refused = host
            return pycurl.SOCKET_BAD
        return socket.socket(address.family, address.socktype, address.protocol)

    def response(self, handle: pycurl.Curl) -> Response:
        headers: list[tuple[str, str]] = []
        for line in self.lines:
            name, _, value = line.decode("latin-1").partition(":")
            headers.append((name.strip().lower(), value.strip()))
        version = 2 if handle.getinfo(pycurl.INFO_HTTP_VERSION) == pycurl.CURL_HTTP_VERSION_2_0 else 1
        return Response(handle.getinfo(pycurl.RESPONSE_CODE), headers, b"".join(self._chunks), version)

    def is_too_large(self, code: int) -> bool:
        return self.too_large or code in _TOO_LARGE

    def error(self, code: int, said: str) -> Unfetched:
        if self.refused is not None:
            reason = f"the connection would have gone to {self.refused}, which is not a public address"
            return Unfetched(CandidateState.FORBIDDEN_ADDRESS, reason)
        if self.is_too_large(code):
            reason = f"more than {self.request.max_bytes:,} bytes (thresholds.max_bytes)"
            return Unfetched(CandidateState.TOO_LARGE, reason)
        if code == pycurl.E_OPERATION_TIMEDOUT:
            return Unfetched(CandidateState.TIMEOUT, f"{self.request.target.host} was too slow: {_shown(said)}")
        return Unfetched(CandidateState.HTTP_ERROR, f"{self.request.target.host}: {_shown(said) or f'error {code}'}")


class Transfers:
    """Requests under way in the running event loop. Connections are kept for the next request to their host.

    Args:
        may_connect: whether an IP may be connected to; asked for every socket.
        user_agent: who asks.
    """

    def __init__(self, may_connect: Callable[[str], bool], user_agent: str):
        self._may_connect = may_connect
        self._user_agent = user_agent
        self._loop = asyncio.get_running_loop()
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._socket_changed)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._timer_changed)
        self._multi.setopt(pycurl.M_PIPELINING, pycurl.PIPE_MULTIPLEX)
        self._idle: list[pycurl.Curl] = []
        self._exchanges: dict[pycurl.Curl, _Exchange] = {}
        self._watched: set[int] = set()
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None

    def close(self) -> None:
        """End all requests and connections."""
        for handle, exchange in list(self._exchanges.items()):
            self._multi.remove_handle(handle)
            if not exchange.done.done():
                exchange.done.cancel()
        self._closed = True
        self._exchanges.clear()
        for handle in self._idle:
            handle.close()
        self._multi.close()
        if self._timer is not None:
            self._timer.cancel()
        for descriptor in list(self._watched):
            self._unwatch(descriptor)

    async def perform(self, request: Request) -> Response:
        """Send a request and wait for its end.

        Raises:
            Unfetched: no whole answer came, or one that is too large.
        """
        handle = self._idle.pop() if self._idle else pycurl.Curl()
        exchange = _Exchange(request, self._may_connect, self._loop.create_future())
        self._set_up(handle, exchange)
        self._exchanges[handle] = exchange
        self._multi.add_handle(handle)
        try:
            return await exchange.done
        finally:
            if self._exchanges.pop(handle, None) is not None:  # cancelled before its end
                self._multi.remove_handle(handle)
            if self._closed:
                handle.close()
            else:
                handle.reset()
                self._idle.append(handle)

    def _set_up(self, handle: pycurl.Curl, exchange: _Exchange) -> None:
        request, target = exchange.request, exchange.request.target
        options: dict[int, Any] = {
            pycurl.URL: target.url,
            pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
            pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_2TLS,
            # To a host that may speak HTTP/2, requests share a connection instead of opening one each.
            pycurl.PIPEWAIT: target.scheme == "https",
            # A proxy would look the name up itself, and nobody would have judged what it finds.
            pycurl.PROXY: "",
            pycurl.USERAGENT: self._user_agent,
            pycurl.HTTPHEADER: list(request.headers),
            # Nothing is to be packed; what comes packed all the same is unpacked under the cap.
            pycurl.ACCEPT_ENCODING: "identity",
            pycurl.CAINFO: os.environ.get("SSL_CERT_FILE") or certifi.where(),
            pycurl.NOSIGNAL: True,
            pycurl.BUFFERSIZE: _BUFFER,
            pycurl.MAXFILESIZE_LARGE: request.max_bytes,
            pycurl.TIMEOUT_MS: math.ceil(request.seconds * 1000),
            pycurl.CONNECTTIMEOUT_MS: math.ceil(min(CONNECT_SECONDS, request.seconds) * 1000),
            pycurl.LOW_SPEED_LIMIT: SLOWEST_BYTES_PER_SECOND,
            pycurl.LOW_SPEED_TIME: SLOW_SECONDS,
            pycurl.OPENSOCKETFUNCTION: exchange.open_socket,
            pycurl.HEADERFUNCTION: exchange.header,
            pycurl.WRITEFUNCTION: exchange.write,
        }
        if target.host not in target.addresses:
            options[pycurl.RESOLVE] = [f"{target.host}:{target.port}:{','.join(target.addresses)}"]
        if request.form is not None:
            options[pycurl.POSTFIELDS] = request.form
        for option, value in options.items():
            handle.setopt(option, value)

    # libcurl tells which sockets and which time it waits for; the loop tells libcurl when they have come.

    def _socket_changed(self, what: int, descriptor: int, _multi: object, _data: object) -> None:
        if what == pycurl.POLL_REMOVE:
            self._unwatch(descriptor)
            return
        reads, writes = _SOCKET_EVENTS.get(what, (False, False))
        if descriptor in self._watched:
            self._unwatch(descriptor)
        self._watched.add(descriptor)
        if reads:
            self._loop.add_reader(descriptor, self._act, descriptor, pycurl.CSELECT_IN)
        if writes:
            self._loop.add_writer(descriptor, self._act, descriptor, pycurl.CSELECT_OUT)

    def _unwatch(self, descriptor: int) -> None:
        self._watched.discard(descriptor)
        self._loop.remove_reader(descriptor)
        self._loop.remove_writer(descriptor)

    def _timer_changed(self, milliseconds: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if milliseconds >= 0:
            self._timer = self._loop.call_later(milliseconds / 1000, self._act, pycurl.SOCKET_TIMEOUT, 0)

    def _act(self, descriptor: int, events: int) -> None:
        self._multi.socket_action(descriptor, events)
        while True:
            waiting, good, bad = self._multi.info_read()
            for handle in good:
                self._ended(handle, None)
            for handle, code, said in bad:
                self._ended(handle, (code, said))
            if not waiting:
                return

    def _ended(self, handle: pycurl.Curl, error: tuple[int, str] | None) -> None:
        exchange = self._exchanges.pop(handle)
        self._multi.remove_handle(handle)
        if exchange.done.done():
            return
        if error is None or (exchange.is_too_large(error[0]) and handle.getinfo(pycurl.RESPONSE_CODE) != 200):
            # Of an answer without success nobody reads the body.
            exchange.done.set_result(exchange.response(handle))
        else:
            exchange.done.set_exception(exchange.error(*error))


def _shown(said: str) -> str:
    return " ".join(said.split())[:200]

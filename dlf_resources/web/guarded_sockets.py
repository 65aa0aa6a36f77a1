"""Sockets for Python's own HTTP client that reach public addresses only, for so long and so many bytes.

For libraries that bring their own client (yt-dlp). The name is resolved once, every address is judged, and the socket
is connected to the very address that was judged; a redirect opens a connection like any other and so is judged too.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PAGE_BYTES = 64 << 20
"""What all pages, manifests and API answers before a download may have together."""


class Refused(OSError):
    """A connection that must not be, or has run out of its allowance."""


@dataclass
class Allowance:
    """How much longer, and how many more bytes, all connections of one fetch together may take."""

    until: float
    bytes: int

    def seconds(self) -> float:
        """How many are left."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise Refused("took too long")
        return left

    def take(self, count: int) -> None:
        """So many bytes came."""
        self.bytes -= count
        if self.bytes < 0:
            raise Refused("sent more bytes than allowed")


class _Metered:
    """A socket whose every read counts: a server that drips one byte now and then runs out of time all the same."""

    allowance: Allowance | None = None
    patience: float = 20.0

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        if self.allowance is not None:
            self.settimeout(min(self.patience, self.allowance.seconds()))  # type: ignore[attr-defined]
        try:
            count: int = super().recv_into(*args, **kwargs)  # type: ignore[misc]
        except TimeoutError:
            if self.allowance is not None:
                self.allowance.seconds()
            raise
        if self.allowance is not None:
            self.allowance.take(count)
        return count


class _Socket(_Metered, socket.socket):
    pass


class _TLSSocket(_Metered, ssl.SSLSocket):
    pass


@dataclass
class Guard:
    """Who may be connected to, and the allowance."""

    allowed: Callable[[str], bool]
    allowance: Allowance
    patience: float

    def connect(self, host: str, port: int) -> _Socket:
        """A socket connected to an allowed address of the host."""
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for entry in found:
            if not self.allowed(str(entry[4][0])):
                raise Refused(f"'{host}' leads to {entry[4][0]}, which is not a public address")
        for number, (family, kind, protocol, _, address) in enumerate(found, 1):
            made = _Socket(family, kind, protocol)
            made.patience = self.patience
            made.settimeout(min(self.patience, self.allowance.seconds()))
            try:
                made.connect(address)
            except OSError:
                made.close()
                if number == len(found):
                    raise
            else:
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                made.allowance = self.allowance
                return made
        raise AssertionError("unreachable")


def inflated(data: bytes, window: int, most: int) -> bytes:
    """Inflate at most so many bytes.

    Raises:
        Refused: there are more.
    """
    machine = zlib.decompressobj(window)
    out = machine.decompress(data, most)
    if machine.unconsumed_tail:
        raise Refused(f"a page unpacks to more than {most} bytes")
    return out


def connections(guard: Guard) -> tuple[type[http.client.HTTPConnection], type[http.client.HTTPSConnection]]:
    """Connection classes for http and https whose sockets come from a guard."""

    class Plain(http.client.HTTPConnection):
        def connect(self) -> None:
            if self._tunnel_host:  # type: ignore[attr-defined]
                raise Refused("a proxy was asked for")
            self.sock = guard.connect(self.host, self.port)

    class TLS(http.client.HTTPSConnection):
        def connect(self) -> None:
            if self._tunnel_host:  # type: ignore[attr-defined]
                raise Refused("a proxy was asked for")
            plain = guard.connect(self.host, self.port)
            self._context.sslsocket_class = _TLSSocket  # type: ignore[attr-defined]
            wrapped = self._context.wrap_socket(plain, server_hostname=self.host)  # type: ignore[attr-defined]
            wrapped.allowance, wrapped.patience = guard.allowance, guard.patience
            self.sock = wrapped

    return Plain, TLS

"""Listeners that must not be reached, and a way to ask the web from there.

The kernel accepts connections whether or not anybody calls accept(), so `connections` counts all that were ever made.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from dlf_core.errors import Unfetched
from dlf_core.sections import WebSettings
from dlf_resources.web.addresses import AddressGuard, Resolve
from dlf_resources.web.download import PICTURE, Asked, Web, open_web
from dlf_resources.web.hosts import HostLimit, Hosts
from dlf_resources.web.transfers import Response

LOOPBACK = "127.0.0.0/8"
SILENT = ("127.0.0.1", "127.0.0.2", "::1")
T = TypeVar("T")


class Listener:
    """Listens on loopback addresses, all at one port, and answers nothing.

    Args:
        addresses: where; those that this machine has not are left out.
    """

    def __init__(self, addresses: Sequence[str] = SILENT) -> None:
        self.port = 0
        self._wanted = addresses
        self._listening: dict[str, socket.socket] = {}
        self._accepted: list[str] = []

    def __enter__(self) -> Self:
        for address in self._wanted:
            made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
            try:
                made.bind((address, self.port))
            except OSError:
                made.close()
                continue
            made.listen(64)
            made.setblocking(False)
            self.port = made.getsockname()[1]
            self._listening[address] = made
        assert self._listening
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for made in self._listening.values():
            made.close()

    @property
    def addresses(self) -> list[str]:
        return [*self._listening]

    @property
    def connections(self) -> list[str]:
        """The address that was connected to, of every connection so far."""
        for address, made in self._listening.items():
            with contextlib.suppress(BlockingIOError):
                while True:
                    made.accept()[0].close()
                    self._accepted.append(address)
        return self._accepted


def guard_of(*networks: str, resolve: Resolve | None = None) -> AddressGuard:
    """A guard that allows these networks beside the public ones."""
    return AddressGuard([ipaddress.ip_network(network) for network in networks], resolve)


def names(**known: Sequence[str]) -> Resolve:
    """A resolver that knows these names, `_` for `.`, whatever the port."""
    return lambda host, port: known[host.replace(".", "_")]


def fast_hosts(at_once: int = 64) -> Hosts:
    return Hosts(HostLimit(None, at_once, at_once))


def with_web(
    work: Callable[[Web], Awaitable[T]],
    *,
    guard: AddressGuard | None = None,
    hosts: Hosts | None = None,
    limit: float = 30.0,
    **settings: Any,
) -> T:
    """Do something with an open web; loopback may be reached unless a guard says otherwise."""

    async def inside() -> T:
        web = open_web(WebSettings(**{"seconds": 5.0} | settings), guard or guard_of(LOOPBACK), hosts or fast_hosts())
        async with web as opened:
            return await asyncio.wait_for(work(opened), limit)

    return asyncio.run(inside())


async def ended(web: Web, url: str, max_bytes: int = 1 << 20, asked: Asked = PICTURE) -> Response | Unfetched:
    """How the download of an address ends."""
    try:
        return await web.get(url, max_bytes, asked)
    except Unfetched as failed:
        return failed


def fetched(url: str, max_bytes: int = 1 << 20, asked: Asked = PICTURE, **how: Any) -> Response | Unfetched:
    """How the download of one address ends, in an event loop of its own."""
    return with_web(lambda web: ended(web, url, max_bytes, asked), **how)


def failed(*args: Any, **how: Any) -> Unfetched:
    """The same where it must fail."""
    end = fetched(*args, **how)
    assert isinstance(end, Unfetched), end
    assert end.reason
    end.reason.encode()  # it goes into a table
    return end


def got(*args: Any, **how: Any) -> Response:
    """The same where it must succeed."""
    end = fetched(*args, **how)
    assert isinstance(end, Response), f"{end.state}: {end.reason}"
    return end

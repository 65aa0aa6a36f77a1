"""Sockets for libraries with a client of their own: public addresses only, for so long and so many bytes."""

from __future__ import annotations

import gzip
import http.client
import ipaddress
import os
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from web_servers.bad_hosts import BadHost
from web_servers.listener import Listener, guard_of
from web_servers.tls import TLSHost, authority

from dlf_resources.web.guarded_sockets import Allowance, Guard, Refused, connections, inflated

Known = dict[str, list[str]]


@pytest.fixture
def host(photo: Callable[[str], Path]) -> Iterator[BadHost]:
    with BadHost(photo("4324").read_bytes()) as running:
        yield running


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Known:
    """What names resolve to."""
    found: Known = {}

    def resolve(name: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        texts = found.get(name, [name])
        return [(socket.AF_INET6 if ":" in text else socket.AF_INET, 1, 6, "", (text, port)) for text in texts]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return found


def guard(*allowed: str, seconds: float = 5.0, most: int = 1 << 30, patience: float = 5.0) -> Guard:
    return Guard(guard_of(*allowed).may_connect, Allowance(time.monotonic() + seconds, most), patience)


def read(of: Guard, port: int, path: str = "/photo.jpg", host: str = "127.0.0.1") -> bytes:
    plain, _ = connections(of)
    connection = plain(host, port, timeout=60)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return b"".join(iter(lambda: response.read(1 << 16), b""))
    finally:
        connection.close()


def test_an_allowed_address_is_read_and_what_came_is_counted(host: BadHost) -> None:
    of = guard("127.0.0.0/8", most=1_000_000)
    assert read(of, host.port) == host.photo
    assert 1_000_000 - of.allowance.bytes >= len(host.photo)
    assert 1_000_000 - of.allowance.bytes < len(host.photo) + 1000


@pytest.mark.parametrize("found", [
    *(["127.0.0.1"], ["127.0.0.2"], ["::1"], ["169.254.169.254"], ["10.0.0.1"], ["::ffff:127.0.0.1"]),
    *(["93.184.216.34", "127.0.0.1"], ["127.0.0.1", "93.184.216.34"], ["2606:2800:220:1::1", "::1"]),
])  # fmt: skip
def test_a_name_with_one_forbidden_address_is_refused_and_nothing_is_sent(known: Known, found: list[str]) -> None:
    known["evil.example"] = found
    with Listener() as listener:
        for kind in connections(guard()):
            with pytest.raises(Refused, match=r"evil\.example.*not a public address"):
                kind("evil.example", listener.port).request("GET", "/")
        assert listener.connections == []


def test_the_judged_address_is_the_one_connected_to(host: BadHost, known: Known) -> None:
    judged: list[str] = []
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])

    def allowed(address: str) -> bool:
        judged.append(address)
        known["rebound.example"] = next(answers, ["127.0.0.3"])  # whoever looked the name up again would find another
        return ipaddress.ip_address(address) == ipaddress.ip_address("127.0.0.1")

    known["rebound.example"] = next(answers)
    with Listener(["127.0.0.2"]) as listener:
        of = Guard(allowed, Allowance(time.monotonic() + 5, 1 << 30), 5.0)
        assert read(of, host.port, host="rebound.example") == host.photo
        assert listener.connections == []
    assert judged == ["127.0.0.1"]


def test_the_next_address_is_tried_where_one_does_not_answer(host: BadHost, known: Known) -> None:
    known["two.example"] = ["127.0.0.9", "127.0.0.1"]
    assert read(guard("127.0.0.0/8"), host.port, host="two.example") == host.photo
    known["none.example"] = ["127.0.0.8", "127.0.0.9"]
    with pytest.raises(ConnectionRefusedError):
        read(guard("127.0.0.0/8"), host.port, host="none.example")


def test_a_proxy_is_refused(host: BadHost) -> None:
    for kind in connections(guard("127.0.0.0/8")):
        connection = kind("127.0.0.1", host.port)
        connection.set_tunnel("93.184.216.34", 443)
        with pytest.raises(Refused, match="proxy"):
            connection.request("GET", "/")
    assert host.connections == 0


def test_more_bytes_than_allowed_are_refused_over_all_connections_together(host: BadHost) -> None:
    of = guard("127.0.0.0/8", most=2 * len(host.photo) + 2000)
    assert read(of, host.port) == read(of, host.port) == host.photo
    with pytest.raises(Refused, match="more bytes"):
        read(of, host.port)
    with pytest.raises(Refused, match="more bytes"):
        read(guard("127.0.0.0/8", most=1_000_000), host.port, "/endless")
    assert host.sent["/endless"] < 16_000_000


@pytest.mark.parametrize(
    "path", ["/slow-headers?pause=0.01", "/slow-body?bytes_per_second=10000", "/endless-length?pause=0.01"]
)
def test_a_host_that_drips_runs_out_of_time(host: BadHost, path: str) -> None:
    began = time.monotonic()
    with pytest.raises((Refused, TimeoutError)):
        read(guard("127.0.0.0/8", seconds=0.4), host.port, path)
    assert 0.3 < time.monotonic() - began < 1.5


def test_who_says_nothing_is_waited_for_as_long_as_patience_and_no_longer_than_the_allowance() -> None:
    with Listener() as listener:
        for seconds, patience in ((10.0, 0.2), (0.2, 10.0)):
            began = time.monotonic()
            with pytest.raises((Refused, TimeoutError)):
                read(guard("127.0.0.0/8", seconds=seconds, patience=patience), listener.port)
            assert 0.15 < time.monotonic() - began < 1
        for kind in connections(guard("127.0.0.0/8", seconds=-1)):
            with pytest.raises(Refused, match="too long"):
                kind("127.0.0.1", listener.port).request("GET", "/")
        assert len(listener.connections) == 2


def test_the_same_holds_over_tls() -> None:
    context = ssl.create_default_context()
    authority().configure_trust(context)
    with TLSHost(http2=False) as server:
        server.bodies["/big"] = (os.urandom(500_000), {})
        of = guard("127.0.0.0/8", most=600_000)
        _, tls = connections(of)

        def get(path: str, host: str = "127.0.0.1") -> bytes:
            connection: http.client.HTTPSConnection = tls(host, server.port, context=context)
            try:
                connection.request("GET", path)
                return connection.getresponse().read()
            finally:
                connection.close()

        assert get("/big") == server.bodies["/big"][0]
        assert 0 < of.allowance.bytes < 100_000
        with pytest.raises(Refused, match="more bytes"):
            get("/big")
        of.allowance.bytes, of.allowance.until = 1 << 20, time.monotonic() + 0.1
        time.sleep(0.15)
        with pytest.raises(Refused, match="too long"):
            get("/a")
        of.allowance.until = time.monotonic() + 5
        with pytest.raises(ssl.SSLCertVerificationError):
            get("/a", "localhost")


@pytest.mark.parametrize(("pack", "window"), [(gzip.compress, zlib.MAX_WBITS | 16), (zlib.compress, zlib.MAX_WBITS)])
def test_a_page_unpacks_to_no_more_than_allowed(pack: Callable[[bytes], bytes], window: int) -> None:
    page = os.urandom(1000) * 100
    for most in (len(page), len(page) + 1, 1 << 30):
        assert inflated(pack(page), window, most) == page
    for most in (len(page) - 1, 1):
        with pytest.raises(Refused, match=f"more than {most} bytes"):
            inflated(pack(page), window, most)
    with pytest.raises(Refused):
        inflated(pack(bytes(200_000_000)), window, 1 << 20)
    with pytest.raises((zlib.error, Refused)):
        inflated(b"no archive", window, 1000)

"""Sockets for clients of others: the address that was judged is the one connected to; time and bytes run out."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from video_host import VideoHost, dripping_body, dripping_head, forbidden

from dlf_resources.web.guarded_sockets import Allowance, Guard, Refused, connections, inflated

CONTENT = b"x" * 100_000
Get = Callable[..., bytes]


def guard(seconds: float = 10.0, count: int = 10**6, patience: float = 5.0, only: str = "127.0.0.1") -> Guard:
    return Guard(lambda address: address == only, Allowance(time.monotonic() + seconds, count), patience)


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """What a server with a certificate for localhost speaks, and the file of who signed it."""
    trustme = pytest.importorskip("trustme")
    signer = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    signer.issue_cert("localhost", "127.0.0.1").configure_cert(server)
    file = tmp_path_factory.mktemp("signer") / "ca.pem"
    signer.cert_pem.write_to_path(str(file))
    return server, file


@pytest.fixture(params=["http", "https"])
def host(request: pytest.FixtureRequest) -> Iterator[VideoHost]:
    tls = request.getfixturevalue("certified")[0] if request.param == "https" else None
    with VideoHost(tls=tls) as made:
        made.files["/x"] = CONTENT, "text/plain"
        yield made


@pytest.fixture
def get(host: VideoHost, request: pytest.FixtureRequest) -> Get:
    """Asks the host for a path."""

    def ask(path: str, by: Guard, name: str = "127.0.0.1") -> bytes:
        plain, tls = connections(by)
        if host.tls is None:
            connection: Any = plain(name, host.port)
        else:
            file = request.getfixturevalue("certified")[1]
            connection = tls(name, host.port, context=ssl.create_default_context(cafile=str(file)))
        try:
            connection.request("GET", path)
            content: bytes = connection.getresponse().read()
        finally:
            connection.close()
        return content

    return ask


def test_an_allowed_address_answers_and_its_bytes_are_counted(get: Get) -> None:
    by = guard(count=10**6)
    assert get("/x", by) == CONTENT
    spent = 10**6 - by.allowance.bytes
    assert len(CONTENT) < spent < len(CONTENT) + 10_000


def test_a_forbidden_address_is_not_connected_to(host: VideoHost, get: Get) -> None:
    with pytest.raises(Refused, match="not a public address"):
        get("/x", guard(only="8.8.8.8"))
    assert host.connections == 0


def test_more_bytes_than_allowed_are_not_read(get: Get) -> None:
    with pytest.raises(Refused, match="more bytes than allowed"):
        get("/x", guard(count=50_000))


def test_connections_share_one_allowance(get: Get) -> None:
    by = guard(count=150_000)
    get("/x", by)
    with pytest.raises(Refused):
        get("/x", by)


@pytest.mark.parametrize("slow", [dripping_head, dripping_body])
def test_what_drips_runs_out_of_time(host: VideoHost, get: Get, slow: Any) -> None:
    host.always["/x"] = slow
    began = time.monotonic()
    with pytest.raises(Refused, match="took too long"):
        get("/x", guard(seconds=0.5))
    assert time.monotonic() - began < 2


def test_silence_is_waited_for_no_longer_than_patience(host: VideoHost, get: Get) -> None:
    host.always["/x"] = lambda to: time.sleep(3)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        get("/x", guard(patience=0.3))
    assert time.monotonic() - began < 2


def test_silence_in_the_handshake_ends_too(certified: tuple[ssl.SSLContext, Path]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        by = guard(seconds=0.5, patience=5.0)
        connection = connections(by)[1]("127.0.0.1", listener.getsockname()[1], context=ssl.create_default_context())
        began = time.monotonic()
        with pytest.raises(OSError):
            connection.connect()
        assert time.monotonic() - began < 2


def test_a_handshake_that_drips_ends_too() -> None:
    """A byte of a TLS record now and then: every one is in time, and all together take for ever."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ended = threading.Event()

        def drip() -> None:
            accepted, _ = listener.accept()
            with accepted:
                accepted.sendall(b"\x16\x03\x03\x40\x00")
                while not ended.wait(0.1):
                    try:
                        accepted.sendall(b"\x02")
                    except OSError:
                        return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        by = guard(seconds=1.0, patience=0.5)
        connection = connections(by)[1]("127.0.0.1", listener.getsockname()[1], context=ssl.create_default_context())
        began = time.monotonic()
        with pytest.raises(OSError):
            connection.connect()
        took = time.monotonic() - began
        ended.set()
        thread.join(2)
        assert took < 3


def test_a_certificate_nobody_signed_is_refused(certified: tuple[ssl.SSLContext, Path]) -> None:
    with VideoHost(tls=certified[0]) as host:
        connection = connections(guard())[1]("localhost", host.port, context=ssl.create_default_context())
        with pytest.raises(ssl.SSLCertVerificationError):
            connection.request("GET", "/x")
        assert host.requests == []


def test_a_certificate_of_another_name_is_refused(
    certified: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address is the judged one, the name that is verified the one of the URL."""
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda name, *more, **named: real("127.0.0.1", *more, **named))
    with VideoHost(tls=certified[0]) as host:
        context = ssl.create_default_context(cafile=str(certified[1]))
        connection = connections(guard())[1]("other.test", host.port, context=context)
        with pytest.raises(ssl.SSLCertVerificationError):
            connection.request("GET", "/x")
        assert host.requests == []


def names(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """A name server that answers so, one after the other; what it was asked."""
    real, asked, left = socket.getaddrinfo, [], list(answers)

    def look_up(name: str, port: int, *more: Any, **named: Any) -> list[Any]:
        asked.append(name)
        return [entry for one in left.pop(0) for entry in real(one, port, *more, **named)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


def test_a_name_is_looked_up_once_and_what_was_judged_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    with VideoHost() as host, forbidden(socket.AF_INET, "127.0.0.2", host.port) as (_, came):
        host.files["/x"] = CONTENT, "text/plain"
        asked = names(monkeypatch, ["127.0.0.1"], ["127.0.0.2"])
        connection = connections(guard())[0]("turns.test", host.port)
        connection.request("GET", "/x")
        assert connection.getresponse().read() == CONTENT
        connection.close()
        assert asked == ["turns.test"]
        with pytest.raises(Refused):
            connections(guard())[0]("turns.test", host.port).request("GET", "/x")
    assert came == []


@pytest.mark.parametrize("order", [["127.0.0.1", "127.0.0.2"], ["127.0.0.2", "127.0.0.1"]])
def test_a_name_with_one_forbidden_address_is_refused(monkeypatch: pytest.MonkeyPatch, order: list[str]) -> None:
    with VideoHost() as host, forbidden(socket.AF_INET, "127.0.0.2", host.port) as (_, came):
        names(monkeypatch, order)
        with pytest.raises(Refused):
            connections(guard())[0]("both.test", host.port).request("GET", "/x")
        assert host.connections == 0
    assert came == []


def test_the_next_address_is_tried_when_one_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with VideoHost() as host:
        host.files["/x"] = CONTENT, "text/plain"
        names(monkeypatch, ["127.0.0.3", "127.0.0.1"])
        by = Guard(lambda address: True, Allowance(time.monotonic() + 5, 10**6), 1.0)
        connection = connections(by)[0]("two.test", host.port)
        connection.request("GET", "/x")
        assert connection.getresponse().read() == CONTENT
        connection.close()


@pytest.mark.parametrize("kind", [0, 1])
def test_no_proxy_is_spoken_to(kind: int) -> None:
    with VideoHost() as host:
        connection: http.client.HTTPConnection = connections(guard())[kind]("127.0.0.1", host.port)
        connection.set_tunnel("example.com", 443)
        with pytest.raises(Refused, match="proxy"):
            connection.request("GET", "/x")
        assert host.connections == 0


def test_what_unpacks_to_no_more_than_allowed_is_unpacked() -> None:
    packed = zlib.compress(CONTENT)
    assert inflated(packed, zlib.MAX_WBITS, len(CONTENT)) == CONTENT
    with pytest.raises(Refused):
        inflated(packed, zlib.MAX_WBITS, len(CONTENT) - 1)

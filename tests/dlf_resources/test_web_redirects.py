"""Redirects, each judged anew, and the last look at the socket: nobody is connected to who was not judged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from web_servers.bad_hosts import BadHost
from web_servers.listener import LOOPBACK, Listener, failed, got, guard_of, names

from dlf_core.candidate_states import CandidateState
from dlf_core.errors import Unfetched
from dlf_resources.web.addresses import Target
from dlf_resources.web.transfers import Request, Transfers

HTTP_ERROR = CandidateState.HTTP_ERROR
ONLY = "127.0.0.1/32"
"""The bad host; the other loopback addresses are forbidden like everything that is not public."""


@pytest.fixture(scope="module")
def jpeg(photo: Callable[[str], Path]) -> bytes:
    return photo("4324").read_bytes()


@pytest.fixture
def host(jpeg: bytes) -> Iterator[BadHost]:
    with BadHost(jpeg) as running:
        yield running


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", [
    *("http://169.254.169.254/latest/meta-data/", "http://127.0.0.2:{port}/", "//[::1]:{port}/"),
    "http://[::1]:{port}/",
    *("//127.0.0.2:{port}/", "http://2130706434:{port}/", "http://localhost.:{port}/", "///127.0.0.2:{port}/x"),
    *("file:///etc/passwd", "ftp://127.0.0.1:{port}/", "gopher://127.0.0.2:{port}/_x", "http://a:b@127.0.0.1:{own}/"),
    *("HTTP://[::ffff:7f00:2]:{port}/", "http://rebound.example:{port}/", "http:\\\\127.0.0.2:{port}\\"),
    *("http://127.0.0.1:22/", "http://127.0.0\t.2:{port}/", "http:///127.0.0.2:{port}/", "javascript:alert(1)"),
    "data:image/png,x",
])  # fmt: skip
def test_a_redirect_to_where_nobody_may_go_is_not_followed(host: BadHost, code: int, to: str) -> None:
    with Listener(["127.0.0.2", "::1"]) as listener:
        url = host.redirecting(to.format(port=listener.port, own=host.port), code)
        guard = guard_of(ONLY, resolve=names(localhost=["127.0.0.2"], rebound_example=["93.184.216.34", "::1"]))
        end = failed(url, guard=guard, seconds=1.0)
        same_host = to.startswith(("///", "http:///"))  # a path on the same host, to those who read it as RFC 3986 does
        assert (end.state, end.status) == ((HTTP_ERROR, 404) if same_host else (CandidateState.FORBIDDEN_ADDRESS, None))
        assert listener.connections == []
    assert host.connections == 1
    assert len(host.requests) == 1 + same_host


@pytest.mark.parametrize("to", [
    *("/photo.jpg", "photo.jpg", "./x/../photo.jpg", "?", "//127.0.0.1:{own}/photo.jpg", "/photo.jpg#a"),
])  # fmt: skip
def test_relative_redirects_are_followed(host: BadHost, jpeg: bytes, to: str) -> None:
    if to == "?":
        assert failed(host.redirecting(to), seconds=1.0).state == HTTP_ERROR
    else:
        assert got(host.redirecting(to.format(own=host.port))).body == jpeg


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_redirect_may_hold_letters_beyond_ascii(host: BadHost, encoding: str) -> None:
    failed(host.redirecting("/gr\u00fc\u00df".encode(encoding).decode("latin-1")))
    assert host.requests[-1].path == "/gr%C3%BC%C3%9F"


@pytest.mark.parametrize(
    "to", ["http://[", "http://[::1", "//[x]/", "http://a℀b/".encode().decode("latin-1"), "http://h:x/"]
)
def test_a_redirect_to_what_is_no_address_ends_in_a_state(host: BadHost, to: str) -> None:
    end = failed(host.redirecting(to))
    assert end.state in (CandidateState.FORBIDDEN_ADDRESS, HTTP_ERROR)
    assert len(host.requests) == 1


def test_so_many_redirects_are_followed_and_no_more(host: BadHost, jpeg: bytes) -> None:
    assert got(f"{host.url}/redirect-chain?n=5").body == jpeg
    end = failed(f"{host.url}/redirect-chain?n=6")
    assert end.state == HTTP_ERROR
    assert "5 redirects" in end.reason


def test_a_redirect_loop_or_a_redirect_to_nowhere_is_final(host: BadHost) -> None:
    end = failed(f"{host.url}/redirect-loop")
    assert (end.state, end.status) == (HTTP_ERROR, 302)  # with a status, a later gather does not ask again
    assert len(host.requests) == 6
    end = failed(f"{host.url}/redirect?to=%20")
    assert (end.state, end.status) == (HTTP_ERROR, 302)
    assert len(host.requests) == 7


@pytest.mark.parametrize("code", [300, 304, 305, 306])
def test_other_answers_of_the_300s_are_errors(host: BadHost, code: int) -> None:
    end = failed(host.redirecting("/photo.jpg", code))
    assert (end.state, end.status) == (HTTP_ERROR, code)


# the last look, at the socket: whatever the guard was told


@pytest.mark.parametrize(("url", "name", "known"), [
    ("http://127.0.0.1:{port}/", "127.0.0.1", ("127.0.0.1",)),
    ("http://127.0.0.1:{port}/", "public.example", ("93.184.216.34",)),
    ("http://2130706433:{port}/", "2130706433", ("93.184.216.34", "127.0.0.1")),
    ("http://0x7f.1:{port}/", "0x7f.1", ("127.0.0.1",)),
    ("http://[::1]:{port}/", "::1", ("::1",)),
    ("http://[::ffff:127.0.0.1]:{port}/", "public.example", ("93.184.216.34",)),
    ("http://public.example:{port}/", "public.example", ("127.0.0.1",)),
    ("http://public.example:{port}/", "public.example", ("::1", "127.0.0.1")),
    ("http://localhost:{port}/", "localhost", ("127.0.0.1",)),
    ("http://localhost:{port}/", "public.example", ("93.184.216.34",)),
    ("http://a.localhost:{port}/", "public.example", ("93.184.216.34",)),
])  # fmt: skip
def test_no_socket_is_opened_to_an_address_that_is_not_public(url: str, name: str, known: tuple[str, ...]) -> None:
    refused_at_the_socket(url, name, known)


@pytest.mark.parametrize("url", [
    *("http://127.0.0.1:{port}/", "http://2130706433:{port}/", "http://0x7f.1:{port}/", "http://localhost:{port}/"),
    *("http://[::1]:{port}/", "http://a.localhost:{port}/", "http://[::ffff:127.0.0.1]:{port}/"),
])  # fmt: skip
def test_no_socket_is_opened_to_an_address_that_was_not_judged_for_this_request(url: str) -> None:
    refused_at_the_socket(url, "public.example", ("93.184.216.34", "127.0.0.7"), LOOPBACK, "::1/128")


def refused_at_the_socket(url: str, name: str, known: tuple[str, ...], *allowed: str) -> None:
    async def inside(port: int) -> None:
        sending = Transfers(guard_of(*allowed).may_connect, "test")
        try:
            await sending.perform(Request(Target(url.format(port=port), "http", name, port, known), 1000, 1.0))
        finally:
            sending.close()

    with Listener() as listener:
        with pytest.raises(Unfetched) as refused:
            asyncio.run(inside(listener.port))
        assert refused.value.state == CandidateState.FORBIDDEN_ADDRESS
        assert listener.connections == []


def test_a_judged_address_is_connected_to_whatever_the_name_says_elsewhere(host: BadHost, jpeg: bytes) -> None:
    guard = guard_of(LOOPBACK, resolve=names(pictures_example=["127.0.0.1"]))
    assert got(f"http://pictures.example:{host.port}/photo.jpg", guard=guard).body == jpeg
    assert [request.headers["host"] for request in host.requests] == [f"pictures.example:{host.port}"]

"""Hosts that lie, bomb, drip, hang up or redirect to where nobody may go: each ends in its state, soon and cheaply."""

from __future__ import annotations

import asyncio
import gzip
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from web_servers import bad_hosts
from web_servers.bad_hosts import BadHost, Query, Wire
from web_servers.listener import Listener, ended, failed, fast_hosts, got, with_web

from dlf_core.candidate_states import CandidateState
from dlf_core.errors import Unfetched
from dlf_resources.web import download, transfers
from dlf_resources.web.download import Web
from dlf_resources.web.transfers import Response

HTTP_ERROR, TIMEOUT, TOO_LARGE = CandidateState.HTTP_ERROR, CandidateState.TIMEOUT, CandidateState.TOO_LARGE
ONLY = "127.0.0.1/32"
"""The bad host; the other loopback addresses are forbidden like everything that is not public."""


def quick_bomb(coding: str) -> bytes:
    """1 GB of zeros like `bad_hosts.bomb`, but for the checksum at its end, and at once."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | (16 if coding == "gzip" else 0))
    first = packer.compress(bytes(1_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(bytes(1_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)
    return first + again * 999 + packer.flush()


class Hasty:
    """asyncio as download.py sees it: the moment before a second try is short."""

    def __getattr__(self, name: str) -> object:
        return (lambda seconds: asyncio.sleep(seconds / 50)) if name == "sleep" else getattr(asyncio, name)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bad_hosts, "bomb", quick_bomb)
    monkeypatch.setattr(download, "asyncio", Hasty())


class WorseHost(BadHost):
    """What `BadHost` does not do, too. `/raw?head=…&body=…&times=3` sends a head, and a body so often, as it is."""

    async def _misbehave(self, name: str, query: Query, to: Wire) -> None:
        match name:
            case "raw":
                await to.send(query["head"].encode("latin-1") + b"\r\n\r\n")
                for _ in range(int(query.get("times", "1"))):
                    await to.send(query.get("body", "").encode("latin-1"))
            case "twice-gzip":
                await to.reply(gzip.compress(quick_bomb("gzip")), headers=[("Content-Encoding", "gzip, gzip")])
            case "gzip" | "deflate":
                packed = gzip.compress(self.photo) if name == "gzip" else zlib.compress(self.photo)
                await to.reply(packed, headers=[("Content-Encoding", name)])
            case "stall":
                await to.head([("Content-Length", "5")])
                await to.send(b"abc")
                await asyncio.sleep(60)
            case "early-hints":
                while True:
                    await to.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n" * 50)
            case "trailers":
                await to.head([("Transfer-Encoding", "chunked")])
                await to.send(b"0\r\n")
                while True:
                    await to.send(b"X-Trailer: again\r\n" * 100)
            case "chunk-extension":
                await to.head([("Transfer-Encoding", "chunked")])
                await to.send(b"5;")
                while True:
                    await to.send(b"a" * 10_000)
            case _:
                await super()._misbehave(name, query, to)


@pytest.fixture(scope="module")
def jpeg(photo: Callable[[str], Path]) -> bytes:
    return photo("4324").read_bytes()


@pytest.fixture
def host(jpeg: bytes) -> Iterator[WorseHost]:
    with WorseHost(jpeg) as running:
        yield running


def raw(head: str, body: str = "", times: int = 1) -> str:
    head = head.replace("\n", "\r\n")
    return f"/raw?head={quote(head, safe='')}&body={quote(body, safe='')}&times={times}"


# bodies


@pytest.mark.parametrize("path", ["/photo.jpg", "/chunked.jpg", "/no-length", "/jpeg-as-html", "/gzip", "/deflate"])
def test_a_body_is_the_same_however_it_is_sent(host: WorseHost, jpeg: bytes, path: str) -> None:
    for cap in (len(jpeg), 1 << 30):
        assert got(host.url + path, cap).body == jpeg


@pytest.mark.parametrize("path", ["/photo.jpg", "/chunked.jpg", "/no-length", "/gzip"])
def test_one_byte_more_than_the_cap_is_too_large(host: WorseHost, jpeg: bytes, path: str) -> None:
    end = failed(host.url + path, len(jpeg) - 1)
    assert end.state == TOO_LARGE
    assert f"{len(jpeg) - 1:,} bytes" in end.reason
    assert len(host.requests) == 1


@pytest.mark.parametrize("path", ["/endless", "/endless-length", "/gzip-bomb", "/deflate-bomb", "/twice-gzip"])
def test_what_unpacks_or_goes_on_without_end_is_cut_at_the_cap_and_takes_no_memory(host: WorseHost, path: str) -> None:
    cap = 2_000_000

    async def work(web: Web) -> Response | Unfetched:
        await ended(web, f"{host.url}/photo.jpg", cap)
        tracemalloc.start()
        try:
            return await ended(web, host.url + path, cap)
        finally:
            peak.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()

    peak: list[int] = []
    began = time.monotonic()
    end = with_web(work)
    assert isinstance(end, Unfetched)
    assert end.state == TOO_LARGE
    assert time.monotonic() - began < 4
    assert peak[0] < 16_000_000
    if path.startswith("/endless"):
        assert host.sent[path] < 16_000_000
    asyncio.run(gone(host))


async def gone(host: BadHost) -> None:
    """All connections are closed, soon."""
    for _ in range(100):
        if not host.open:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{host.open} connections are still open")


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_bomb_leaves_the_process_as_small_as_it_was(host: WorseHost, coding: str) -> None:
    def resident() -> int:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) * 1024

    if not Path("/proc/self/status").exists():
        pytest.skip("no /proc")
    url = f"{host.url}/{coding}-bomb"
    failed(url, 1_000_000)
    before = resident()

    async def ten(web: Web) -> None:
        ends = await asyncio.gather(*(ended(web, url, 1_000_000) for _ in range(10)))
        assert all(isinstance(end, Unfetched) and end.state == TOO_LARGE for end in ends)

    with_web(ten)
    assert resident() - before < 60_000_000


@pytest.mark.parametrize(("path", "state"), [
    ("/short", HTTP_ERROR),
    ("/reset", HTTP_ERROR),
    ("/reset-mid", HTTP_ERROR),
    ("/garbage", HTTP_ERROR),
    ("/huge-headers", HTTP_ERROR),
    ("/early-hints", HTTP_ERROR),
    ("/trailers", HTTP_ERROR),
    (raw("HTTP/1.1 200 OK\nContent-Length: 99999999999999999999999"), TOO_LARGE),
    (raw("HTTP/1.1 200 OK\nContent-Length: -5", "abc"), HTTP_ERROR),
    (raw("HTTP/1.1 200 OK\nContent-Length: 3\nContent-Length: 5", "abcde"), HTTP_ERROR),
    (raw("HTTP/1.1 200 OK\nContent-Encoding: gzip\nContent-Length: 3", "abc"), HTTP_ERROR),
    (raw(f"HTTP/1.1 200 OK\nContent-Encoding: {'gzip, ' * 50}gzip\nContent-Length: 3", "abc"), HTTP_ERROR),
    (raw("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", "fffffffffffffffff\r\n"), HTTP_ERROR),
    (raw("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", "nothex\r\n"), HTTP_ERROR),
    (raw("HTTP/0.9 200 OK", "abc"), HTTP_ERROR),
    (raw(""), HTTP_ERROR),
])  # fmt: skip
def test_a_lie_or_a_broken_connection_is_an_error_that_names_the_host(host: WorseHost, path: str, state: str) -> None:
    end = failed(host.url + path)
    assert (end.state, end.status) == (state, None)
    assert len(end.reason) < 300
    if state == HTTP_ERROR:
        assert "127.0.0.1" in end.reason
        assert len(host.requests) <= 2
    assert sum(host.sent.values()) < 16_000_000


def test_what_a_host_sends_beyond_its_length_is_not_the_next_answer(host: WorseHost, jpeg: bytes) -> None:
    async def work(web: Web) -> list[bytes]:
        paths = ["/long", "/photo.jpg", raw("HTTP/1.1 200 OK\nContent-Length: 2", "abHTTP/1.1 200 OK\r\n\r\nevil")]
        return [(await web.get(host.url + path, 1 << 20)).body for path in [*paths, "/photo.jpg"]]

    assert with_web(work, hosts=fast_hosts(1)) == [jpeg[: len(jpeg) // 2], jpeg, b"ab", jpeg]


# slowness


@pytest.mark.parametrize("path", [
    *("/slow-headers?pause=0.02", "/slow-body?bytes_per_second=10000", "/endless-length?pause=0.01"),
    *("/chunk-extension", "/stall"),
])  # fmt: skip
def test_a_host_that_drips_is_left_after_the_time_the_project_gives(host: WorseHost, path: str) -> None:
    began = time.monotonic()
    end = failed(host.url + path, 1 << 40, seconds=0.4)
    assert (end.state, end.status) == (TIMEOUT, None)
    assert 0.3 < time.monotonic() - began < 1.5
    assert "127.0.0.1" in end.reason
    assert len(host.requests) == 1  # a host that is too slow stays so
    if path != "/stall":  # that server looks at nothing while it waits
        asyncio.run(gone(host))


@pytest.mark.parametrize("seconds", [0.0004, 0.01])
def test_however_short_the_time_is_there_is_a_deadline(host: WorseHost, seconds: float) -> None:
    assert failed(f"{host.url}/slow-headers?pause=0.1", limit=3, seconds=seconds).state == TIMEOUT


def test_a_host_slower_than_a_modem_is_left_before_the_deadline(
    host: WorseHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "SLOW_SECONDS", 1)
    began = time.monotonic()
    assert failed(f"{host.url}/slow-body?bytes_per_second=100", seconds=60.0).state == TIMEOUT
    assert time.monotonic() - began < 4


def test_who_listens_and_never_answers_and_who_does_not_listen() -> None:
    with Listener() as listener:
        url = f"http://127.0.0.1:{listener.port}/"
        assert failed(url, seconds=0.3).state == TIMEOUT
    end = failed(url, seconds=2)
    assert (end.state, end.status) == (HTTP_ERROR, None)

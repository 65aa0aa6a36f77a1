"""HTTPS: HTTP/2 where it is offered, shared connections, and certificates that are looked at."""

from __future__ import annotations

import asyncio
import os
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from web_servers.listener import Listener, ended, failed, fast_hosts, got, guard_of, names, with_web
from web_servers.tls import TLSHost, trust

from dlf_core.candidate_states import CandidateState
from dlf_core.errors import Unfetched
from dlf_resources.web.download import Asked, Web
from dlf_resources.web.transfers import Response


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(trust(tmp_path)))


@pytest.fixture
def host() -> Iterator[TLSHost]:
    with TLSHost() as running:
        yield running


@pytest.fixture
def old_host() -> Iterator[TLSHost]:
    with TLSHost(http2=False) as running:
        yield running


def many(host: TLSHost, path: str, count: int, at_once: int = 64) -> list[Response | Unfetched]:
    async def work(web: Web) -> list[Response | Unfetched]:
        await web.get(f"{host.url}/first", 1000)
        return await asyncio.gather(*(ended(web, f"{host.url}{path}", 1 << 24) for _ in range(count)))

    return with_web(work, hosts=fast_hosts(at_once))


@pytest.mark.usefixtures("trusted")
def test_http2_is_spoken_where_it_is_offered(host: TLSHost) -> None:
    answer = got(f"{host.url}/a b?c", contact="me@example.org")
    assert (answer.status, answer.body, answer.http_version) == (200, b"/a b", 2)
    assert host.versions == {"2"}
    assert host.headers["user-agent"].endswith("(me@example.org)")
    assert host.headers["accept-encoding"] == "identity"
    assert not {"cookie", "authorization", "referer"} & set(host.headers)


@pytest.mark.usefixtures("trusted")
def test_http1_is_spoken_where_http2_is_not_offered(old_host: TLSHost) -> None:
    answer = got(f"{old_host.url}/a")
    assert (answer.body, answer.http_version) == (b"/a", 1)
    assert old_host.versions == {"1.1"}


@pytest.mark.usefixtures("trusted")
def test_requests_at_the_same_time_share_one_connection(host: TLSHost) -> None:
    began = time.monotonic()
    answers = many(host, "/slow", 30)
    assert [answer.body for answer in answers if isinstance(answer, Response)] == [b"/slow"] * 30
    assert time.monotonic() - began < 2  # one after the other it would be six
    assert len(host.clients) == 1


@pytest.mark.usefixtures("trusted")
def test_even_the_first_requests_share_a_connection(host: TLSHost) -> None:
    async def work(web: Web) -> list[bytes]:
        return [one.body for one in await asyncio.gather(*(web.get(f"{host.url}/{n}", 1000) for n in range(20)))]

    assert with_web(work) == [f"/{number}".encode() for number in range(20)]
    assert len(host.clients) == 1


@pytest.mark.usefixtures("trusted")
def test_without_http2_several_connections_are_opened_and_used_again(old_host: TLSHost) -> None:
    answers = many(old_host, "/slow", 12, at_once=4)
    assert [answer.body for answer in answers if isinstance(answer, Response)] == [b"/slow"] * 12
    assert 2 <= len(old_host.clients) <= 5


@pytest.mark.usefixtures("trusted")
def test_a_request_cancelled_or_cut_leaves_the_others_of_its_connection_alone(host: TLSHost) -> None:
    big = os.urandom(3_000_000)
    host.bodies["/big"] = (big, {})

    async def work(web: Web) -> None:
        await web.get(f"{host.url}/first", 1000)
        good = [asyncio.ensure_future(web.get(f"{host.url}/big", 1 << 24)) for _ in range(4)]
        cut = [asyncio.ensure_future(ended(web, f"{host.url}/big", 100_000)) for _ in range(4)]
        gone = [asyncio.ensure_future(web.get(f"{host.url}/big", 1 << 24)) for _ in range(4)]
        await asyncio.sleep(0.03)
        for task in gone:
            task.cancel()
        assert [answer.body == big for answer in await asyncio.gather(*good)] == [True] * 4
        assert {end.state for end in await asyncio.gather(*cut) if isinstance(end, Unfetched)} == {"too_large"}
        assert (await web.get(f"{host.url}/last", 1000)).body == b"/last"

    with_web(work, limit=20.0)


@pytest.mark.usefixtures("trusted")
def test_states_redirects_and_bombs_over_http2(host: TLSHost) -> None:
    host.statuses |= {"/gone": 410, "/moved": 302, "/away": 302, "/many": 429, "/no": 200}
    host.bodies |= {
        "/moved": (b"", {"Location": "/there"}),
        "/away": (b"", {"Location": "//127.0.0.2:{port}/"}),
        "/many": (b"", {"Retry-After": "86400"}),
        "/no": (b"x", {"X-Robots-Tag": "noimageai"}),
        "/bomb": (zlib.compress(bytes(100_000_000)), {"Content-Encoding": "deflate"}),
        "/long": (b"x" * 1000, {"Content-Length": "10"}),
        "/short": (b"x" * 10, {"Content-Length": "1000"}),
        "/heads": (b"x", {f"X-{number}": "h" * 1000 for number in range(100)}),
    }
    only = guard_of("127.0.0.1/32")
    assert failed(f"{host.url}/gone").status == 410
    assert got(f"{host.url}/moved").body == b"/there"
    with Listener(["127.0.0.2"]) as listener:
        host.bodies["/away"] = (b"", {"Location": f"//127.0.0.2:{listener.port}/"})
        assert failed(f"{host.url}/away", guard=only).state == CandidateState.FORBIDDEN_ADDRESS
        assert listener.connections == []
    assert failed(f"{host.url}/many").state == CandidateState.THROTTLED
    assert failed(f"{host.url}/no").state == CandidateState.OPTED_OUT
    assert failed(f"{host.url}/bomb").state == CandidateState.TOO_LARGE
    for path in ("/long", "/short", "/heads"):
        assert failed(host.url + path).state == CandidateState.HTTP_ERROR


@pytest.mark.usefixtures("trusted")
def test_the_name_of_the_address_is_the_one_the_certificate_must_be_for(host: TLSHost) -> None:
    guard = guard_of("127.0.0.0/8", resolve=names(pictures_example=["127.0.0.1"], other_example=["127.0.0.1"]))
    assert got(f"https://pictures.example:{host.port}/a", guard=guard).http_version == 2
    end = failed(f"https://other.example:{host.port}/a", guard=guard)
    assert (end.state, end.status) == (CandidateState.HTTP_ERROR, None)
    assert "other.example" in end.reason
    assert "certificate" in end.reason.lower() or "subject" in end.reason.lower()
    assert len(host.requests) == 1


@pytest.mark.parametrize("headers", [(), ("Authorization: Bearer secret",)])
def test_a_certificate_nobody_trusts_is_a_clear_error_and_nothing_is_said_to_it(
    host: TLSHost, headers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    end = failed(f"{host.url}/a", asked=Asked(headers))
    assert (end.state, end.status) == (CandidateState.HTTP_ERROR, None)
    assert "127.0.0.1" in end.reason
    assert "certificate" in end.reason.lower()
    assert host.requests == []


def test_a_certificate_file_that_is_not_there_or_none_is_an_error_that_says_so(
    host: TLSHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty.pem").write_text("", encoding="ascii")
    for name in ("none.pem", "empty.pem"):
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / name))
        end = failed(f"{host.url}/a")
        assert end.state == CandidateState.HTTP_ERROR
        assert "certificate" in end.reason.lower() or name in end.reason
    assert host.requests == []


def test_plain_http_where_https_is_meant_is_an_error(trusted: None) -> None:
    with Listener() as listener:
        end = failed(f"https://127.0.0.1:{listener.port}/", seconds=0.3)
    assert end.state == CandidateState.TIMEOUT

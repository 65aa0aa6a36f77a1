"""Downloads: what is sent, what each answer ends as, how a host that is asked too much is waited for."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from web_servers.bad_hosts import BadHost
from web_servers.listener import Listener, ended, failed, fast_hosts, got, guard_of, names, with_web

from dlf_core.candidate_states import CandidateState
from dlf_core.errors import Unfetched
from dlf_core.sections import WebSettings
from dlf_resources.web.download import PICTURE, Asked, Web, open_web, user_agent
from dlf_resources.web.hosts import HostLimit, Hosts
from dlf_resources.web.transfers import Response

HTTP_ERROR, THROTTLED = CandidateState.HTTP_ERROR, CandidateState.THROTTLED
DAY = 86_400


@pytest.fixture(scope="module")
def jpeg(photo: Callable[[str], Path]) -> bytes:
    return photo("4324").read_bytes()


@pytest.fixture
def host(jpeg: bytes) -> Iterator[BadHost]:
    with BadHost(jpeg) as running:
        yield running


# what is sent


def test_who_asks_says_so_with_a_contact_and_wants_nothing_packed(host: BadHost) -> None:
    sent = json.loads(got(f"{host.url}/echo", contact="me@example.org").body)
    assert sent["user-agent"].startswith("data-label-factory/")
    assert sent["user-agent"].endswith("(me@example.org)")
    assert sent["accept-encoding"] == "identity"
    assert "image/" in sent["accept"]
    assert user_agent(None).endswith("(no contact given)")


@pytest.mark.parametrize("contact", ["me\r\nX-Evil: 1", "größe", "a\nb", "\x00"])
def test_a_contact_cannot_smuggle_a_header(contact: str) -> None:
    with pytest.raises(ValueError, match="contact"):
        WebSettings(contact=contact)


def test_cookies_are_never_sent_back_not_even_over_a_redirect(host: BadHost, jpeg: bytes) -> None:
    async def work(web: Web) -> None:
        for path in ("/set-cookie", "/needs-no-cookie", "/redirect?to=/needs-no-cookie", "/set-cookie"):
            assert (await web.get(host.url + path, 1 << 20)).body == jpeg

    with_web(work)
    with_web(work)
    assert host.cookies == []


def test_proxies_and_netrc_of_the_environment_are_not_used(
    host: BadHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "machine 127.0.0.1 login me password secret\ndefault login me password secret\n"
    (tmp_path / ".netrc").write_text(lines, encoding="ascii")
    (tmp_path / ".netrc").chmod(0o600)
    (tmp_path / ".curlrc").write_text("header = X-Curlrc: 1\n", encoding="ascii")
    for name in ("HOME", "CURL_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with Listener() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://me:secret@127.0.0.1:{proxy.port}")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        sent = json.loads(got(f"{host.url}/echo", seconds=2.0).body)
        failed(f"https://127.0.0.1:{host.port}/", seconds=0.3)
        assert proxy.connections == []
    assert set(sent) == {"host", "user-agent", "accept", "accept-encoding"}


def test_a_token_and_a_form_are_for_the_host_they_were_given_for(host: BadHost) -> None:
    asked = Asked(("Accept: application/json", "Authorization: Bearer secret", "X-Api-Key: secret"))
    sent = json.loads(got(f"{host.url}/echo", asked=asked).body)
    assert (sent["authorization"], sent["x-api-key"]) == ("Bearer secret", "secret")
    guard = guard_of("127.0.0.0/8", resolve=names(other_example=["127.0.0.1"]))
    for code in (301, 302, 303, 307, 308):
        url = host.redirecting(f"http://other.example:{host.port}/echo", code)
        end = got(url, asked=Asked(asked.headers, form="key=secret"), guard=guard)
        sent = json.loads(end.body)
        assert sent["accept"] == "application/json"
        assert "secret" not in end.body.decode()
        assert "content-length" not in sent
        assert host.requests[-1].method == "GET"


def test_the_limit_of_a_service_is_not_that_of_the_host_it_redirects_to(host: BadHost) -> None:
    table = fast_hosts()
    guard = guard_of("127.0.0.0/8", resolve=names(other_example=["127.0.0.1"]))
    url = host.redirecting(f"http://other.example:{host.port}/photo.jpg")
    got(url, asked=Asked(limit=HostLimit(50.0, 5, 1)), guard=guard, hosts=table)
    assert table.of("127.0.0.1").limit == HostLimit(50.0, 5, 1)
    assert table.of("other.example").limit == table.default


def test_a_request_holds_no_more_than_its_own_headers(host: BadHost) -> None:
    got(f"{host.url}/photo.jpg")
    sent = host.requests[0]
    assert set(sent.headers) == {"host", "user-agent", "accept", "accept-encoding"}


# what comes of it


@pytest.mark.parametrize("status", [201, 204, 206, 400, 401, 403, 404, 405, 410, 416, 418, 451])
def test_an_answer_other_than_200_is_an_error_with_its_status_and_final(host: BadHost, status: int) -> None:
    end = failed(f"{host.url}/status/{status}")
    assert (end.state, end.status) == (HTTP_ERROR, status)
    assert str(status) in end.reason
    assert len(host.requests) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_an_error_of_the_server_may_pass_and_is_asked_once_more(host: BadHost, status: int) -> None:
    end = failed(f"{host.url}/status/{status}")
    assert (end.state, end.status) == (HTTP_ERROR, status)
    assert len(host.requests) == 2


def test_an_error_page_larger_than_an_image_may_be_is_still_the_error(host: BadHost) -> None:
    end = failed(f"{host.url}/status/404", 10)
    assert (end.state, end.status) == (HTTP_ERROR, 404)
    got(f"{host.url}/redirect?to=/echo", 1000)
    assert got(host.redirecting("/echo"), len(got(f"{host.url}/echo").body)).status == 200


@pytest.mark.parametrize(("tags", "word"), [
    (["noai"], "noai"),
    (["noimageai"], "noimageai"),
    (["noindex"], "noindex"),
    (["noimageindex"], "noimageindex"),
    (["none"], "none"),
    (["NoAI"], "noai"),
    (["nofollow, noai"], "noai"),
    (["nofollow", "noarchive", " noimageai "], "noimageai"),
    (["data-label-factory: noai"], "noai"),
    (["Data-Label-Factory: noindex, nofollow"], "noindex"),
    (["somebot: noai", "noindex"], "noindex"),
    (["somebot: noai, data-label-factory: noindex"], "noindex"),
    (["max-snippet: 10, noai"], "noai"),
    (["unavailable_after: 25 Jun 2010 15:00:00 PST, noai"], "noai"),
    (["unavailable_after: Fri, 25 Jun 2010 15:00:00 GMT, noai"], "noai"),
    (["*: noai"], "noai"),
    (["somebot: noai"], None),
    (["somebot: noindex, noai"], None),
    (["all"], None),
    (["nofollow, max-image-preview: large"], None),
    (["noai2, xnoai"], None),
    ([""], None),
    ([], None),
])  # fmt: skip
def test_an_owner_who_says_no_is_heard(host: BadHost, jpeg: bytes, tags: list[str], word: str | None) -> None:
    url = f"{host.url}/robots?" + "&".join(f"tag={quote(tag)}" for tag in tags)
    if word is None:
        assert got(url).body == jpeg
    else:
        end = failed(url)
        assert (end.state, end.status) == (CandidateState.OPTED_OUT, None)
        assert word in end.reason
        assert len(host.requests) == 1
    assert got(url, respect_opt_outs=False).body == jpeg
    assert got(url, asked=Asked(opt_outs=False)).body == jpeg


def test_one_connection_serves_one_request_after_the_other(host: BadHost) -> None:
    async def work(web: Web) -> None:
        for _ in range(20):
            await web.get(f"{host.url}/photo.jpg", 1 << 20)

    with_web(work)
    assert (len(host.requests), host.connections) == (20, 1)


def test_names_whose_addresses_change_while_they_are_asked_are_fetched_all_the_same(host: BadHost) -> None:
    rounds = iter(range(10_000))
    guard = guard_of(
        "127.0.0.0/8", resolve=lambda name, port: ["127.0.0.1"] if next(rounds) % 2 else ["127.0.0.1", "::2"]
    )
    guard.may_connect = lambda address: True  # type: ignore[method-assign]
    guard._known = Forgets()  # type: ignore[assignment]

    async def work(web: Web) -> list[Response | Unfetched]:
        return await asyncio.gather(*(ended(web, f"http://cdn.example:{host.port}/photo.jpg") for _ in range(60)))

    ends = with_web(work, guard=guard)
    assert [end for end in ends if isinstance(end, Unfetched)] == []


class Forgets(dict):  # type: ignore[type-arg]
    def get(self, *_: object) -> None:
        return None


# many, and none left


def test_five_hundred_downloads_at_once_from_one_host(host: BadHost, jpeg: bytes) -> None:
    async def work(web: Web) -> list[Response | Unfetched]:
        return await asyncio.gather(*(ended(web, f"{host.url}/photo.jpg?{number}") for number in range(500)))

    ends = with_web(work, hosts=fast_hosts(512), seconds=20.0)
    assert [end.body == jpeg for end in ends if isinstance(end, Response)] == [True] * 500
    assert len(host.requests) == 500


def descriptors() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc")
def test_cancelled_downloads_leave_no_descriptor_and_the_rest_goes_on(host: BadHost, jpeg: bytes) -> None:
    slow = ("/endless-length?pause=0.01", "/slow-headers?pause=0.01", "/slow-body?bytes_per_second=9000")
    paths = ("/photo.jpg", *slow, "/throttle?times=9&key=a", "/reset")

    async def work(web: Web) -> None:
        for number in range(200):
            task = asyncio.ensure_future(ended(web, host.url + paths[number % len(paths)], 1 << 40))
            await asyncio.sleep(0.002 * (number % 4))
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            if number % 50 == 0:
                others = asyncio.gather(*(web.get(f"{elsewhere}/photo.jpg", 1 << 20) for _ in range(5)))
                assert {answer.body for answer in await others} == {jpeg}

    elsewhere = f"http://other.example:{host.port}"
    guard = guard_of("127.0.0.0/8", resolve=names(other_example=["127.0.0.1"]))
    left: list[int] = []
    for _ in range(3):
        with_web(work, guard=guard, seconds=30.0)
        until = time.monotonic() + 3
        while host.open and time.monotonic() < until:  # it sees that nobody listens when it writes
            time.sleep(0.02)
        left.append(descriptors())
    assert host.open == 0
    # What else this process does may open one now and then; what is left by downloads is left each time.
    assert left[1] <= left[0] or left[2] <= left[1], left


def test_leaving_the_web_ends_what_is_under_way(host: BadHost) -> None:
    async def inside() -> list[object]:
        web = open_web(WebSettings(), guard_of("127.0.0.0/8"), Hosts(HostLimit(None, 64, 64)))
        async with web as opened:
            tasks = [asyncio.ensure_future(opened.get(f"{host.url}/slow-headers", 1000, PICTURE)) for _ in range(3)]
            while len(host.requests) < 3:
                await asyncio.sleep(0.01)
        ended_by_itself, _ = await asyncio.wait(tasks, timeout=1)
        for task in tasks:
            task.cancel()
        return [*await asyncio.gather(*tasks, return_exceptions=True), len(ended_by_itself)]

    *ends, count = asyncio.run(inside())
    assert all(isinstance(end, Unfetched | asyncio.CancelledError) for end in ends), ends
    assert count == 3

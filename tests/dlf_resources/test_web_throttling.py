"""A host that is asked too much and says so: it is waited for, by everybody who asks it, or left alone."""

from __future__ import annotations

import asyncio
import datetime as dt
import email.utils
import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from web_servers.bad_hosts import BadHost
from web_servers.listener import ended, failed, fast_hosts, got, guard_of, names, with_web

from dlf_core.candidate_states import CandidateState
from dlf_core.errors import Unfetched
from dlf_resources.web import hosts
from dlf_resources.web.download import Web
from dlf_resources.web.transfers import Response

THROTTLED = CandidateState.THROTTLED
DAY = 86_400


@pytest.fixture(scope="module")
def jpeg(photo: Callable[[str], Path]) -> bytes:
    return photo("4324").read_bytes()


@pytest.fixture
def host(jpeg: bytes) -> Iterator[BadHost]:
    with BadHost(jpeg) as running:
        yield running


def test_a_429_with_retry_after_is_waited_for_and_then_it_succeeds(host: BadHost, jpeg: bytes) -> None:
    assert got(f"{host.url}/throttle?times=1").body == jpeg
    first, second = host.asked("/throttle")
    assert 0.99 <= second.at - first.at < 2


def test_a_pause_holds_for_every_request_to_that_host_and_for_no_other(host: BadHost, jpeg: bytes) -> None:
    guard = guard_of("127.0.0.0/8", resolve=names(other_example=["127.0.0.1"]))

    async def work(web: Web) -> list[Response | Unfetched]:
        first = asyncio.ensure_future(ended(web, f"{host.url}/throttle?times=1"))
        while not host.requests:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.1)
        same = [ended(web, f"{host.url}/photo.jpg?same") for _ in range(5)]
        others = [ended(web, f"http://other.example:{host.port}/photo.jpg?other") for _ in range(5)]
        return await asyncio.gather(first, *same, *others)

    assert [end.body for end in with_web(work, guard=guard) if isinstance(end, Response)] == [jpeg] * 11
    began = host.requests[0].at
    assert all(request.at - began > 0.98 for request in host.requests[1:] if "other" not in request.path)
    assert all(request.at - began < 0.9 for request in host.requests if "other" in request.path)


@pytest.mark.parametrize("status", [429, 503])
def test_a_host_that_goes_on_saying_too_many_is_asked_three_times(host: BadHost, status: int) -> None:
    end = failed(f"{host.url}/status/{status}?retry_after=0")
    assert (end.state, end.status, end.retry_after) == (THROTTLED, status, 0.0)
    assert len(host.requests) == 3


def test_without_retry_after_the_pauses_grow(host: BadHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "FIRST_PAUSE", 0.1)
    end = failed(f"{host.url}/status/429")
    assert (end.state, end.status, end.retry_after) == (THROTTLED, 429, None)
    at = [request.at for request in host.requests]
    assert [round(later - earlier, 1) for earlier, later in itertools.pairwise(at)] == [0.1, 0.2]


def test_a_host_that_throttles_everything_is_left_alone_after_four_pauses(
    host: BadHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "FIRST_PAUSE", 0.01)

    async def work(web: Web) -> list[Response | Unfetched]:
        return [await ended(web, f"{host.url}/status/429?{number}") for number in range(20)]

    ends = with_web(work)
    assert {end.state for end in ends if isinstance(end, Unfetched)} == {THROTTLED}
    assert len(ends) == 20
    assert len(host.requests) == hosts.GIVEN_UP


@pytest.mark.parametrize("later", ["seconds", "date", "nonsense"])
def test_a_host_that_wants_a_day_is_left_alone_at_once(host: BadHost, later: str) -> None:
    date = email.utils.format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(days=1), usegmt=True)
    value = {"seconds": str(DAY), "date": date, "nonsense": "9" * 300}[later]
    table = fast_hosts()
    began = time.monotonic()
    end = failed(f"{host.url}/status/429?retry_after={quote(value)}", hosts=table)
    assert end.state == THROTTLED
    assert end.retry_after is not None
    assert end.retry_after == pytest.approx(DAY, abs=5) or later == "nonsense"
    assert len(end.reason) < 200
    assert failed(f"{host.url}/photo.jpg", hosts=table).state == THROTTLED
    assert time.monotonic() - began < 1
    assert len(host.requests) == 1


@pytest.mark.parametrize("value", [
    *("-5", "nan", "inf", "soon", "1e999", "Thu, 99 Foo 2020 99:99:99 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "0.01"),
])  # fmt: skip
def test_what_retry_after_says_never_breaks_anything(
    host: BadHost, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "FIRST_PAUSE", 0.01)
    assert failed(f"{host.url}/status/429?retry_after={quote(value)}").state == THROTTLED
    assert len(host.requests) == 3


def test_a_date_in_retry_after_is_waited_for(host: BadHost) -> None:
    date = email.utils.format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=2), usegmt=True)
    end = failed(f"{host.url}/status/503?retry_after={quote(date)}", limit=6)
    assert (end.state, end.status) == (THROTTLED, 503)
    assert host.requests[1].at - host.requests[0].at > 0.8

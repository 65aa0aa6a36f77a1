"""JSON of services: the object they answer, or the one error that says why there is none."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

import pytest
from model_servers.loopback import HTML, Fault, Loopback, Reply, Request, answers, hang_up, redirect, said, slow, status
from web_servers.listener import LOOPBACK, guard_of, with_web
from web_servers.loopback import place, query

from dlf_core.errors import SourceError, SourceThrottled
from dlf_core.sections import WebSettings
from dlf_resources.web.api import SourceRefused, get_json, plain_text
from dlf_resources.web.connection import Connection
from dlf_resources.web.download import Web
from dlf_resources.web.hosts import HostLimit, Hosts


class Service(Loopback):
    """Answers with what it was asked."""

    def good(self, request: Request) -> Reply:
        form = parse_qsl(request.body.decode())
        return said({"query": query(request), "form": form, "headers": dict(request.headers)})

    def _reply(self, request: Request) -> Reply:
        fault = self._always.get(place(request))
        return fault(request, self.good(request)) if fault else self.good(request)


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as running:
        yield running


def ask(service: Service, params: Mapping[str, str | int] | None = None, *, how: Any = None, **more: Any) -> Any:
    async def work(web: Web) -> Any:
        return (await get_json(web, "The service", f"{service.url}/api", params or {}, **more))[0]

    return with_web(work, **(how or {}))


def test_a_question_goes_out_as_it_is_and_the_object_comes_back(service: Service) -> None:
    asked = {"q": "a b&c=d#é☃", "page": 3, "empty": ""}
    answer = ask(service, asked, headers=("Authorization: Bearer secret",))
    assert answer["query"] == {"q": "a b&c=d#é☃", "page": "3", "empty": ""}
    assert answer["headers"]["accept"] == "application/json"
    assert answer["headers"]["authorization"] == "Bearer secret"
    assert service.requests[0].method == "GET"


def test_a_form_is_posted(service: Service) -> None:
    answer = ask(service, form={"client_secret": "a+b &=é", "grant_type": "client_credentials"})
    assert answer["form"] == [["client_secret", "a+b &=é"], ["grant_type", "client_credentials"]]
    assert answer["headers"]["content-type"] == "application/x-www-form-urlencoded"
    assert service.requests[0].method == "POST"


@pytest.mark.parametrize("content", [
    *(b"", b"{", b"[1", b"not json", b"\xff\xfe\x00", b"[" * 200_000, b'{"a":' * 100_000, b"9" * 5000, b"{'a': 1}"),
    b"<!DOCTYPE html><script>evil()</script><h1>Sorry</h1>",
])  # fmt: skip
def test_what_is_no_json_is_a_sentence_that_names_the_service(service: Service, content: bytes) -> None:
    service.always("/api", answers(Reply(content)))
    with pytest.raises(SourceError, match="The service answered no JSON but: ") as failed:
        ask(service)
    assert len(str(failed.value)) < 200
    assert "evil" not in str(failed.value)
    assert type(failed.value) is SourceError


@pytest.mark.parametrize("content", [[], None, "text", 3, True])
def test_json_that_is_no_object_is_a_sentence_too(service: Service, content: object) -> None:
    service.always("/api", answers(said(content)))
    with pytest.raises(SourceError, match="no object"):
        ask(service)


@pytest.mark.parametrize(("fault", "kind", "said_so"), [
    (status(400, "no"), SourceRefused, "400"),
    (status(401, "no"), SourceRefused, "401"),
    (status(404, "no"), SourceRefused, "404"),
    (status(500, "no"), SourceRefused, "500"),
    (status(429, "no", Retry_After="0"), SourceThrottled, "429"),
    (status(429, "no", Retry_After="86400"), SourceThrottled, "left alone"),
    (status(503, "no", Retry_After="0"), SourceThrottled, "503"),
    (answers(Reply(b"<b>Too Many Requests</b> (abc)", 200, "text/html")), SourceThrottled, "Too Many Requests"),
    (HTML, SourceError, "Welcome"),
    (hang_up, SourceError, "127.0.0.1"),
    (slow(5), SourceError, "too slow"),
    (redirect("http://127.0.0.2:8080/"), SourceError, "not a public address"),
    (redirect("file:///etc/passwd"), SourceError, "only http"),
])  # fmt: skip
def test_every_way_to_fail_has_its_error(service: Service, fault: Fault, kind: type[Exception], said_so: str) -> None:
    service.always("/api", fault)
    with pytest.raises(kind, match=said_so) as failed:
        ask(service, how={"seconds": 0.5, "guard": guard_of("127.0.0.1/32")}, headers=("Authorization: Bearer secret",))
    assert str(failed.value).startswith("The service")
    assert "secret" not in str(failed.value)
    if kind is SourceRefused:
        assert isinstance(failed.value, SourceRefused)
        assert str(failed.value.status) == said_so


def test_the_limit_of_a_service_is_kept_and_an_opt_out_of_pictures_is_none_of_json(service: Service) -> None:
    service.always("/api", answers(said({"ok": True}, 200, **{"X-Robots-Tag": "noindex, noai"})))
    table = Hosts()
    limit = HostLimit(50.0, 3, 1)
    assert ask(service, limit=limit, how={"hosts": table}) == {"ok": True}
    assert table.of("127.0.0.1").limit == limit


def test_an_answer_larger_than_any_service_gives_is_not_read(service: Service) -> None:
    service.always("/api", answers(Reply(json.dumps({"a": "x" * (17 << 20)}).encode(), chunked=True)))
    with pytest.raises(SourceError, match="more than 16,777,216 bytes"):
        ask(service)


@pytest.mark.parametrize(("markup", "text"), [
    ("<b>A &amp; B</b>", "A & B"),
    ('<a href="x">Jane</a><br/>Doe', "Jane Doe"),
    ("<style>p{}</style><script>alert(1)</script>x", "x"),
    ("&lt;b&gt;", "<b>"),
    ("  a\n\tb ", "a b"),
    ("a < b", "a < b"),
    ("", ""), (None, ""), (3, ""), (["a"], ""),
])  # fmt: skip
def test_markup_becomes_text(markup: object, text: str) -> None:
    assert plain_text(markup) == text


@pytest.mark.parametrize("evil", ["<" * 50_000, "<script" * 10_000, "<script>" * 10_000, "<style x" * 10_000 + ">"])
def test_markup_without_end_is_read_in_no_time(evil: str) -> None:
    began = time.monotonic()
    plain_text(evil)
    assert time.monotonic() - began < 0.5


def test_a_connection_holds_the_web_while_it_is_open_and_the_pace_of_the_project() -> None:
    table = Hosts()
    connection = Connection(WebSettings(per_host=3, per_second=None), guard_of(LOOPBACK), table)
    assert table.of("new.example").limit == HostLimit(None, 3, 3)

    async def work(_: Web) -> None:
        for _ in range(2):
            with pytest.raises(RuntimeError, match="not open"):
                _ = connection.web
            async with connection.open() as opened:
                assert connection.web is opened

    with_web(work)

"""Openverse: what becomes a candidate, pages, tokens, and every way in which it does not answer."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from model_servers.loopback import Reply, answers, echo_raw, half_content, hang_up, said, status
from web_project import SETTINGS, ask, search_one
from web_servers.openverse import CLIENT_ID, CLIENT_SECRET, DEPTH, IMAGES, TOKEN, Openverse, image, throttled

from dlf_core.errors import SourceThrottled
from dlf_core.project import Project
from dlf_resources.sources.openverse import OpenverseSource


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Openverse]:
    for name in ("OPENVERSE_CLIENT_ID", "OPENVERSE_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    with Openverse() as server:
        monkeypatch.setenv("OPENVERSE_URL", server.url)
        yield server


@pytest.fixture
def client(service: Openverse, monkeypatch: pytest.MonkeyPatch) -> Openverse:
    """The service, asked with a client id."""
    monkeypatch.setenv("OPENVERSE_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv("OPENVERSE_CLIENT_SECRET", CLIENT_SECRET)
    return service


@pytest.fixture
def project(make_project: Callable[..., Project]) -> Project:
    return make_project(web=SETTINGS)


def test_a_result_becomes_a_candidate_with_all_its_rights(service: Openverse, project: Project) -> None:
    service.rows = [image(7, title="Red <b>fruit</b> &amp; leaf", creator="Ann <i>A.</i>", license="by-sa")]
    [answer] = ask(OpenverseSource, project)
    [found] = answer.candidates
    told = dataclasses.asdict(found)
    assert told == {
        "source": "openverse",
        "query": "fruit",
        "url": "https://live.staticflickr.com/1/7_b.jpg",
        "version": "",
        "page": "https://www.flickr.com/photos/1@N00/7",
        "title": "Red fruit & leaf",
        "author": "Ann A.",
        "license": "by-sa 2.0",
        "license_url": "https://creativecommons.org/licenses/by-sa/2.0/",
        "attribution": told["attribution"],
        "group": None,
    }
    assert told["attribution"].startswith('"Red fruit & leaf" by Ann A. is licensed under CC BY-SA 2.0.')


@pytest.mark.parametrize(("most", "pages"), [(5, [1]), (20, [1]), (21, [1, 2]), (45, [1, 2, 3]), (None, [1, 2, 3])])
def test_pages_are_turned_until_there_are_enough(
    service: Openverse, project: Project, most: int | None, pages: list[int]
) -> None:
    service.rows = [image(number) for number in range(45)]
    [answer] = ask(OpenverseSource, project, most=most)
    assert [found.title for found in answer.candidates][:most] == [f"Picture {n}" for n in range(min(most or 45, 45))]
    assert [int(asked["page"]) for asked in service.queries(IMAGES)] == pages


def test_any_text_is_a_query(service: Openverse, project: Project) -> None:
    line = 'a & b=c #1 "Äpfel" 100% +x/ü?'
    ask(OpenverseSource, project, line)
    assert service.queries(IMAGES)[0]["q"] == line


@pytest.mark.parametrize("with_token", [False, True])
def test_all_240_results_come_each_once(
    service: Openverse, project: Project, monkeypatch: pytest.MonkeyPatch, with_token: bool
) -> None:
    if with_token:
        monkeypatch.setenv("OPENVERSE_CLIENT_ID", CLIENT_ID)
        monkeypatch.setenv("OPENVERSE_CLIENT_SECRET", CLIENT_SECRET)
    service.rows = [image(number) for number in range(400)]
    [answer] = ask(OpenverseSource, project, most=None)
    assert answer.error is None
    assert [found.title for found in answer.candidates] == [f"Picture {number}" for number in range(DEPTH)]


def test_without_a_client_id_no_token_is_asked_for(service: Openverse, project: Project) -> None:
    service.rows = [image(1)]
    ask(OpenverseSource, project)
    assert service.asked(TOKEN) == []
    assert all("authorization" not in request.headers for request in service.requests)


def test_a_client_id_gets_one_token_for_all_queries(client: Openverse, project: Project) -> None:
    client.rows = [image(number) for number in range(60)]
    answered = ask(OpenverseSource, project, "a", "b", most=60)
    assert [len(answer.candidates) for answer in answered] == [60, 60]
    assert len(client.asked(TOKEN)) == 1
    assert {request.headers.get("authorization") for request in client.asked(IMAGES)} == {"Bearer token-1"}


def test_a_token_that_ran_out_is_renewed_and_nothing_is_lost(client: Openverse, project: Project) -> None:
    client.rows = [image(number) for number in range(150)]
    client.uses = 1  # every token holds for one page
    [answer] = ask(OpenverseSource, project, most=150)
    assert answer.error is None
    assert [found.title for found in answer.candidates] == [f"Picture {number}" for number in range(150)]
    assert len(client.asked(TOKEN)) >= 3


def test_tokens_that_never_hold_end_the_search_and_not_in_circles(client: Openverse, project: Project) -> None:
    client.always(IMAGES, status(401, "Unauthorized"))
    [answer] = ask(OpenverseSource, project)
    assert answer.error is not None
    assert len(client.asked(TOKEN)) == 2
    assert len(client.asked(IMAGES)) == 2


def told(answer: object) -> str:
    return repr(answer) + str(getattr(answer, "error", ""))


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        (TOKEN, status(401)),
        (TOKEN, echo_raw(500)),
        (TOKEN, echo_raw(400)),
        (TOKEN, echo_raw(200)),
        (TOKEN, half_content),
        (TOKEN, hang_up),
        (TOKEN, said({"error": "invalid_client"}, 200)),
        (IMAGES, echo_raw(500)),
        (IMAGES, echo_raw(401)),
        (IMAGES, echo_raw(200)),
        (IMAGES, said([1], 200)),
    ],
)
def test_no_secret_and_no_token_is_told(
    client: Openverse, project: Project, caplog: pytest.LogCaptureFixture, path: str, fault: object
) -> None:
    """Also not by a server that sends back what it was sent."""
    caplog.set_level(logging.DEBUG)
    client.always(path, answers(fault) if isinstance(fault, Reply) else fault)  # type: ignore[arg-type]
    [answer] = ask(OpenverseSource, project)
    assert answer.error is not None
    text = f"{answer.error!r} {answer.error} {answer.error.__cause__!r} {answer.warnings} {caplog.text}"
    assert CLIENT_SECRET not in text
    assert "token-1" not in text


def test_a_wrong_secret_is_told_by_the_names_of_the_variables(
    client: Openverse, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENVERSE_CLIENT_SECRET", "of-another-client")
    [answer] = ask(OpenverseSource, project)
    assert "OPENVERSE_CLIENT_ID and OPENVERSE_CLIENT_SECRET" in str(answer.error)
    assert "of-another-client" not in str(answer.error)


def test_a_token_does_not_follow_a_redirect_to_another_host(client: Openverse, project: Project) -> None:
    with Openverse() as other:
        there = Reply(b"", 302, "text/plain", {"Location": f"{other.url}{IMAGES}?q=fruit"})
        client.always(IMAGES, answers(there))
        ask(OpenverseSource, project)
        assert other.requests
        assert all("authorization" not in request.headers for request in other.requests)


def test_a_throttled_search_waits_as_it_was_told_and_goes_on(service: Openverse, project: Project) -> None:
    service.rows = [image(1)]
    service.next(IMAGES, throttled(1))
    [answer] = ask(OpenverseSource, project)
    assert answer.error is None
    assert len(answer.candidates) == 1
    first, second = service.asked(IMAGES)
    assert second.at - first.at >= 1


def test_a_service_that_wants_an_hour_is_left_alone_and_what_came_counts(service: Openverse, project: Project) -> None:
    service.rows = [image(number) for number in range(60)]
    service.anonymous_left, service.retry_after = 1, 3600
    [answer, next_one] = ask(OpenverseSource, project, "a", "b", most=60)
    assert isinstance(answer.error, SourceThrottled)
    assert isinstance(next_one.error, SourceThrottled)
    assert len(answer.candidates) == 20
    assert len(service.asked(IMAGES)) == 2
    assert "openverse" in str(answer.error)


@pytest.mark.parametrize(
    "fault",
    [
        status(500, "Internal error"),
        status(404),
        hang_up,
        answers(Reply(b"<html>Hello</html>", 200, "text/html")),
        answers(said({"detail": "moved"})),
        answers(said({"results": None, "page_count": 1})),
        answers(said({"results": [None, 7, {}, {"url": None}], "page_count": 1})),
        answers(said({"results": [{"url": 7}], "page_count": "many"})),
        answers(Reply(b"[" * 100_000)),
    ],
)
def test_what_it_answers_wrongly_is_a_sentence_or_nothing(
    service: Openverse, project: Project, fault: Callable[..., Reply], tmp_path: Path
) -> None:
    service.always(IMAGES, fault)
    found = search_one(OpenverseSource, project, tmp_path)
    if found.said is not None:
        assert "openverse" in found.said
        assert len(found.said) < 300


@pytest.mark.parametrize(
    "spoilt",
    [
        {"title": None, "creator": None, "attribution": None, "foreign_landing_url": None, "license_url": None},
        {"title": "", "creator": "", "license": None, "license_version": None},
        {"title": 7, "creator": ["x"], "foreign_landing_url": 7, "license_url": {"a": 1}, "attribution": 3},
        {"title": "half an emoji \ud83d", "creator": "\ud83d", "foreign_landing_url": "https://e.org/\ud83d"},
    ],
)
def test_odd_fields_are_text_or_nothing(service: Openverse, project: Project, spoilt: dict[str, object]) -> None:
    service.rows = [image(1) | spoilt, image(2)]
    [answer] = ask(OpenverseSource, project)
    assert answer.error is None
    assert answer.candidates[-1].title == "Picture 2"
    for found in answer.candidates:
        for value in dataclasses.asdict(found).values():
            assert value is None or isinstance(value, str)
            json.dumps(value, ensure_ascii=False).encode()  # no half characters: they fit into no table

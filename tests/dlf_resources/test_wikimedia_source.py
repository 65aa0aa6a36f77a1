"""Wikimedia Commons: what becomes a candidate, pages, the etiquette, and every way in which it does not answer."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from model_servers.loopback import Fault, Reply, answers, hang_up, said, status
from web_project import SETTINGS, ask, search_one
from web_servers.wikimedia import API, Commons, error, file, lagged, throttled

from dlf_core.errors import SourceError, SourceThrottled
from dlf_core.project import Project
from dlf_resources.sources.wikimedia import WikimediaSource

WITHOUT_CONTACT = "{per_second: null, per_host: 32}"


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Commons]:
    with Commons() as server:
        monkeypatch.setenv("WIKIMEDIA_URL", server.url)
        yield server


@pytest.fixture
def project(make_project: Callable[..., Project]) -> Project:
    return make_project(web=SETTINGS)


def test_a_file_becomes_a_candidate_with_all_its_rights(service: Commons, project: Project) -> None:
    artist = '<a href="//x" title="User:P">Ann &amp; <b>Bob</b></a><script>alert(1)</script>'
    service.rows = [file(7, {"width": 900, "height": 600}, Artist=artist)]
    [answer] = ask(WikimediaSource, project)
    [found] = answer.candidates
    assert dataclasses.asdict(found) == {
        "source": "wikimedia",
        "query": "fruit",
        "url": "https://upload.wikimedia.org/wikipedia/commons/5/57/Fruit_7.jpg",
        "version": "",
        "page": "https://commons.wikimedia.org/wiki/File:Fruit_7.jpg",
        "title": "Fruit 7",
        "author": "Ann & Bob",
        "license": "CC BY-SA 4.0",
        "license_url": "https://creativecommons.org/licenses/by-sa/4.0",
        "attribution": "Ann & Bob, CC BY-SA 4.0, via Wikimedia Commons",
        "group": None,
    }
    assert answer.warnings == []


def test_how_the_author_wants_to_be_named_stands_in_the_attribution(service: Commons, project: Project) -> None:
    service.rows = [file(1, Attribution="<i>Photo: Ann, example.org</i>")]
    [answer] = ask(WikimediaSource, project)
    assert answer.candidates[0].attribution == "Photo: Ann, example.org, CC BY-SA 4.0, via Wikimedia Commons"
    assert answer.candidates[0].author == "Painter 1"


@pytest.mark.parametrize(
    ("width", "scaled"), [(1280, False), (1281, True), (9000, True), (800, False), (None, False), (0, False)]
)
def test_a_large_original_is_fetched_at_1280(
    service: Commons, project: Project, width: int | None, scaled: bool
) -> None:
    service.rows = [file(1, {"width": width or 0, "height": 10})]
    [answer] = ask(WikimediaSource, project)
    url = answer.candidates[0].url
    assert "?" not in url
    assert ("/1280px-" in url) == scaled
    assert url.startswith("https://thumb.wikimedia.org/" if scaled else "https://upload.wikimedia.org/")


def test_pages_come_in_the_order_of_their_rank(service: Commons, project: Project) -> None:
    service.rows = [file(number) for number in range(120)]
    [answer] = ask(WikimediaSource, project, most=120)
    assert [found.title for found in answer.candidates] == [f"Fruit {number}" for number in range(120)]


@pytest.mark.parametrize(
    ("most", "sizes"), [(5, [5]), (50, [50]), (51, [50, 1]), (120, [50, 50, 20]), (None, [50] * 3)]
)
def test_no_more_is_asked_for_than_is_wanted(
    service: Commons, project: Project, most: int | None, sizes: list[int]
) -> None:
    service.rows = [file(number) for number in range(130)]
    [answer] = ask(WikimediaSource, project, most=most)
    assert len(answer.candidates) == (most or 130)
    assert [int(asked["gsrlimit"]) for asked in service.queries(API)] == sizes


def test_files_that_cannot_be_had_make_room_for_later_ones(service: Commons, project: Project) -> None:
    """A page without imageinfo (deleted a moment ago, say) is no candidate and no reason to end."""
    gone = {"pageid": 5, "ns": 6, "title": "File:Gone.jpg"}
    service.rows = [gone, file(1, {"url": None}), file(2) | {"imageinfo": []}, *(file(n) for n in range(3, 9))]
    [answer] = ask(WikimediaSource, project, most=4)
    assert [found.title for found in answer.candidates][:4] == [f"Fruit {number}" for number in (3, 4, 5, 6)]


def test_only_bitmaps_are_searched_for_and_any_text_is_a_query(service: Commons, project: Project) -> None:
    line = 'a & b=c #1 "Äpfel" 100% +x/ü?'
    ask(WikimediaSource, project, line)
    assert service.queries(API)[0]["gsrsearch"] == f"filetype:bitmap {line}"


def test_it_is_asked_as_its_etiquette_wants_it(service: Commons, project: Project) -> None:
    service.rows = [file(number) for number in range(60)]
    ask(WikimediaSource, project, "a", "b", most=60)
    assert {asked["maxlag"] for asked in service.queries(API)} == {"5"}
    assert {"me@example.org" in request.headers["user-agent"] for request in service.requests} == {True}
    assert service.at_once == 1


@pytest.mark.parametrize(
    "fault",
    [lagged(retry_after=1), throttled(1), throttled(1, 503)],
    ids=["maxlag", "429", "503"],
)
def test_one_refusal_is_waited_out(service: Commons, project: Project, fault: Fault) -> None:
    service.rows = [file(1)]
    service.next(API, fault)
    [answer] = ask(WikimediaSource, project)
    assert answer.error is None
    assert len(answer.candidates) == 1
    first, second = service.asked(API)
    assert second.at - first.at >= 1


@pytest.mark.parametrize(
    "fault",
    [lagged(retry_after=3600), throttled(3600), throttled(3600, 200), throttled(None, 200)],
    ids=["maxlag", "429", "429 in words only", "429 in words only, without a time"],
)
def test_a_service_that_goes_on_refusing_throttles_and_what_came_counts(
    service: Commons, project: Project, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dlf_resources.web.hosts.FIRST_PAUSE", 0.01)
    service.rows = [file(number) for number in range(60)]
    service.next(API, None, *[fault] * 20)
    [answer] = ask(WikimediaSource, project, most=60)
    assert isinstance(answer.error, SourceThrottled)
    assert "wikimedia" in str(answer.error)
    assert len(answer.candidates) == 50
    assert len(service.asked(API)) <= 4


def test_the_time_that_it_asks_for_in_words_only_is_kept_by_the_next_query(service: Commons, project: Project) -> None:
    service.always(API, throttled(3600, 200))
    answered = ask(WikimediaSource, project, "a", "b", "c")
    assert all(isinstance(answer.error, SourceThrottled) for answer in answered)
    assert len(service.asked(API)) == 1


def test_without_a_contact_it_is_warned_once_and_the_refusal_says_what_to_write(
    service: Commons, make_project: Callable[..., Project]
) -> None:
    project = make_project(web=WITHOUT_CONTACT)
    answered = ask(WikimediaSource, project, "a", "b")
    for answer in answered:
        assert type(answer.error) is SourceError
        assert "contact" in str(answer.error)
    assert len(answered[0].warnings) == 1
    assert str(project.file) in answered[0].warnings[0]


def test_an_error_of_the_api_is_told_in_its_words(service: Commons, project: Project) -> None:
    service.always(API, answers(error("readonly", "The wiki is <b>read-only</b> now.")))
    [answer] = ask(WikimediaSource, project)
    assert not isinstance(answer.error, SourceThrottled)
    assert "The wiki is read-only now." in str(answer.error)


def test_facts_that_are_missing_are_none_and_nothing_is_made_up(service: Commons, project: Project) -> None:
    none = dict.fromkeys(["Artist", "LicenseShortName", "LicenseUrl", "Credit", "ObjectName", "AttributionRequired"])
    public = {"LicenseShortName": "Public domain", "LicenseUrl": None, "AttributionRequired": "false"}
    service.rows = [file(1, **none), file(2, {"extmetadata": None, "descriptionurl": None}), file(3, **public)]
    [answer] = ask(WikimediaSource, project)
    bare, barer, free = answer.candidates
    assert (bare.author, bare.license, bare.license_url) == (None, None, None)
    assert (barer.author, barer.license, barer.page) == (None, None, None)
    assert (free.license, free.license_url, free.author) == ("Public domain", None, "Painter 3")
    assert bare.page


@pytest.mark.parametrize(
    "fault",
    [
        status(500, "Internal error"),
        status(404),
        hang_up,
        answers(Reply(b"<html>Wikimedia Error</html>", 200, "text/html")),
        answers(Reply(b"")),
        answers(said([1])),
        answers(said({"batchcomplete": True})),
        answers(said({"query": {"pages": None}})),
        answers(said({"query": []})),
        answers(said({"query": {"pages": {"-1": {"missing": True}}}})),
        answers(said({"query": {"pages": [None, 7, {"title": 1, "imageinfo": 5}]}})),
        answers(said({"query": {"pages": [{"index": "x"}, {"index": 2}]}})),
        answers(said({"query": {"pages": [{"imageinfo": [{"url": "https://e.org/1.jpg", "width": "wide"}]}]}})),
        answers(said({"query": {"pages": [{"imageinfo": [{"url": "https://e.org/1.jpg", "extmetadata": [1]}]}]}})),
        answers(said({"continue": "on", "query": {"pages": []}})),
        answers(said({"error": "no"})),
    ],
)
def test_what_it_answers_wrongly_is_a_sentence_or_nothing(
    service: Commons, project: Project, fault: Fault, tmp_path: Path
) -> None:
    service.always(API, fault)
    found = search_one(WikimediaSource, project, tmp_path)
    if found.said is not None:
        assert "wikimedia" in found.said
        assert len(found.said) < 300


def test_a_continuation_that_leads_nowhere_ends(service: Commons, project: Project) -> None:
    """The same continuation for ever, and never a file: whoever goes on asks for ever."""

    def enough(_request: object, good: Reply) -> Reply:
        if len(service.requests) > 50:
            return Reply(b"enough", 404, "text/plain")
        return said({"continue": {"gsroffset": 50, "continue": "-"}, "query": {"pages": []}})

    service.always(API, enough)
    ask(WikimediaSource, project)
    assert len(service.requests) <= 20


@pytest.mark.parametrize(
    "spoilt",
    [
        {"descriptionurl": 7, "thumburl": 7, "width": 5000},
        {"descriptionurl": ["x"]},
        {"url": 7},
        {"url": "https://e.org/\ud83d.jpg"},
        {"descriptionurl": "https://e.org/\ud83d"},
    ],
)
def test_odd_fields_are_text_or_nothing(service: Commons, project: Project, spoilt: dict[str, object]) -> None:
    odd = file(1, spoilt, Artist="half an emoji \ud83d") | {"title": "File:\ud83d.jpg", "index": 1}
    service.always(API, answers(said({"query": {"pages": [odd, file(2) | {"index": 2}]}})))
    [answer] = ask(WikimediaSource, project)
    assert answer.error is None
    assert answer.candidates[-1].title == "Fruit 2"
    for found in answer.candidates:
        for value in dataclasses.asdict(found).values():
            assert value is None or isinstance(value, str)
            json.dumps(value, ensure_ascii=False).encode()  # no half characters: they fit into no table

"""DuckDuckGo: what becomes a candidate, pages, and throttling, which it never calls by its name."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from model_servers.loopback import Fault, Reply, answers, hang_up, said, status
from web_project import SETTINGS, Answer, ask, search_one
from web_servers.duckduckgo import ANOMALY, EMPTY, HOME, I_JS, NO_VQD, DuckDuckGo, image

from dlf_core.errors import SourceThrottled
from dlf_core.project import Project
from dlf_resources.sources.duckduckgo import PROBE, DuckDuckGoSource

NOTHING = answers(said({"results": []}))


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[DuckDuckGo]:
    with DuckDuckGo() as server:
        monkeypatch.setenv("DUCKDUCKGO_URL", server.url)
        monkeypatch.setattr("dlf_resources.web.hosts.FIRST_PAUSE", 0.01)
        yield server


@pytest.fixture
def project(make_project: Callable[..., Project]) -> Project:
    return make_project(web=SETTINGS)


def titles(answer: Answer) -> list[str | None]:
    return [found.title for found in answer.candidates]


def probes(service: DuckDuckGo) -> int:
    return sum(asked["q"] == PROBE for asked in service.queries(I_JS))


def test_a_result_becomes_a_candidate_of_unknown_rights(service: DuckDuckGo, project: Project) -> None:
    service.rows = [image(7, title="Red <b>fruit</b> &amp; leaf")]
    [answer] = ask(DuckDuckGoSource, project, most=1)
    assert [dataclasses.asdict(found) for found in answer.candidates] == [
        dict.fromkeys(["author", "license", "license_url", "attribution", "group"])
        | {
            "source": "duckduckgo",
            "query": "fruit",
            "url": "https://pictures.example/7.jpg",
            "version": "",
            "page": "https://pictures.example/page/7",
            "title": "Red fruit & leaf",
        }
    ]


@pytest.mark.parametrize(("most", "starts"), [(5, [0]), (100, [0]), (101, [0, 100]), (250, [0, 100, 200])])
def test_pages_are_turned_until_there_are_enough(
    service: DuckDuckGo, project: Project, most: int, starts: list[int]
) -> None:
    service.rows = [image(number) for number in range(260)]
    [answer] = ask(DuckDuckGoSource, project, most=most)
    assert titles(answer)[:most] == [f"Picture {number}" for number in range(most)]
    assert [int(asked.get("s", 0)) for asked in service.queries(I_JS)] == starts
    assert probes(service) == 0


def test_behind_the_last_page_there_is_nothing_and_that_is_no_throttling(service: DuckDuckGo, project: Project) -> None:
    service.rows = [image(number) for number in range(130)]
    service.found_for[PROBE] = [image(1)]
    [answer] = ask(DuckDuckGoSource, project, most=1000)
    assert answer.error is None
    assert titles(answer) == [f"Picture {number}" for number in range(130)]


def test_a_page_that_comes_again_and_again_ends_the_search(service: DuckDuckGo, project: Project) -> None:
    service.always(I_JS, answers(said({"results": [image(1), image(2)]})))
    [answer] = ask(DuckDuckGoSource, project, most=1000)
    assert titles(answer) == ["Picture 1", "Picture 2"]


@pytest.mark.parametrize(
    "url",
    [
        "https://e.org/a%20b%2Fc.jpg?x=%26&y=1",
        "https://e.org/caf%C3%A9.jpg",
        "https://e.org/a+b.jpg",
        "https://e.org/100%25.jpg",
        "https://e.org/%E4.jpg",
        "https://e.org/a&amp;b.jpg",
        "https://e.org/ü.jpg",
    ],
)
def test_an_address_with_escapes_stays_as_it_is(service: DuckDuckGo, project: Project, url: str) -> None:
    service.rows = [image(1, image=url, url=url)]
    [answer] = ask(DuckDuckGoSource, project, most=1)
    assert (answer.candidates[0].url, answer.candidates[0].page) == (url, url)


def test_a_row_without_title_or_address_spoils_no_other(service: DuckDuckGo, project: Project) -> None:
    bare = image(1)
    del bare["title"], bare["url"]
    service.rows = [bare, image(2, title=None), image(3, image=None), image(4, image=""), image(5)]
    [answer] = ask(DuckDuckGoSource, project, most=3)
    assert titles(answer) == [None, None, "Picture 5"]
    assert answer.candidates[0].page is None


def test_any_text_is_a_query(service: DuckDuckGo, project: Project) -> None:
    line = 'a & b=c #1 "Äpfel" 100% +x/ü?'
    service.found_for[line] = [image(1)]
    [answer] = ask(DuckDuckGoSource, project, line, most=1)
    assert titles(answer) == ["Picture 1"]
    assert service.queries(I_JS)[0]["q"] == line


def test_an_empty_result_is_told_from_throttling_by_a_query_that_always_has_results(
    service: DuckDuckGo, project: Project
) -> None:
    service.rows = [image(1)]
    service.found_for["xyzzy"] = []
    [answer, other] = ask(DuckDuckGoSource, project, "xyzzy", "fruit", most=1)
    assert answer.error is None
    assert answer.candidates == []
    assert probes(service) == 1
    assert titles(other) == ["Picture 1"]


THROTTLING: list[tuple[str, Fault]] = [
    (I_JS, EMPTY),
    (I_JS, status(202)),
    (I_JS, ANOMALY),
    (I_JS, status(403)),
    (I_JS, status(418)),
    (I_JS, status(429)),
    (HOME, NO_VQD),
    (HOME, ANOMALY),
    (HOME, status(403)),
    (HOME, status(429)),
]


@pytest.mark.parametrize(("path", "fault"), THROTTLING)
def test_throttling_is_known_in_all_its_forms(service: DuckDuckGo, project: Project, path: str, fault: Fault) -> None:
    service.rows = [image(1)]
    service.always(path, fault)
    [answer] = ask(DuckDuckGoSource, project)
    assert isinstance(answer.error, SourceThrottled)
    assert "duckduckgo" in str(answer.error)
    assert len(service.requests) <= 12  # it is not made worse


def test_once_it_throttles_the_other_queries_do_not_ask(service: DuckDuckGo, project: Project) -> None:
    service.always(I_JS, EMPTY)
    first, *_ = ask(DuckDuckGoSource, project)
    asked = len(service.requests)
    answered = ask(DuckDuckGoSource, project, "a", "b", "c")
    assert all(isinstance(answer.error, SourceThrottled) for answer in [first, *answered])
    assert len(service.requests) == 2 * asked


def test_throttling_that_passes_costs_nothing_but_time(service: DuckDuckGo, project: Project) -> None:
    service.rows = [image(1)]
    service.next(I_JS, status(429))
    [answer] = ask(DuckDuckGoSource, project, most=1)
    assert answer.error is None
    assert titles(answer) == ["Picture 1"]


def test_between_tries_it_is_left_alone(service: DuckDuckGo, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlf_resources.web.hosts.FIRST_PAUSE", 0.5)
    service.rows = [image(1)]
    service.next(I_JS, status(429))
    began = time.monotonic()
    ask(DuckDuckGoSource, project, most=1)
    assert time.monotonic() - began >= 0.5


@pytest.mark.parametrize("fault", [EMPTY, status(429)])
def test_what_came_before_it_throttled_counts(service: DuckDuckGo, project: Project, fault: Fault) -> None:
    service.rows = [image(number) for number in range(300)]
    service.throttle(fault, after=2)
    [answer] = ask(DuckDuckGoSource, project, most=300)
    assert isinstance(answer.error, SourceThrottled)
    assert titles(answer) == [f"Picture {number}" for number in range(200)]


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        (I_JS, status(500, "Oops")),
        (I_JS, status(404)),
        (I_JS, hang_up),
        (HOME, hang_up),
        (I_JS, answers(Reply(b"<html>Hello</html>", 200, "text/html"))),
        (I_JS, answers(Reply(b""))),
        (I_JS, answers(said([1]))),
        (I_JS, answers(said({"results": "none"}))),
        (I_JS, answers(said({"results": {"image": "x"}}))),
        (I_JS, answers(said({"results": [None, 7, ["x"], {"image": ["https://e.org/1.jpg"]}, {"image": 7}]}))),
        (I_JS, answers(Reply(b"[" * 100_000))),
    ],
)
def test_what_it_answers_wrongly_is_a_sentence_or_nothing(
    service: DuckDuckGo, project: Project, path: str, fault: Fault, tmp_path: Path
) -> None:
    service.always(path, fault)
    found = search_one(DuckDuckGoSource, project, tmp_path)
    if found.said is not None:
        assert "duckduckgo" in found.said
        assert len(found.said) < 300


def test_nobody_there_is_a_failure_and_no_throttling(
    service: DuckDuckGo, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUCKDUCKGO_URL", "http://127.0.0.1:9")
    [answer] = ask(DuckDuckGoSource, project)
    assert answer.error is not None
    assert not isinstance(answer.error, SourceThrottled)


@pytest.mark.parametrize(
    "spoilt",
    [
        {"url": 7, "title": 7},
        {"url": ["x"], "title": {"a": 1}},
        {"title": "half an emoji \ud83d", "url": "https://e.org/\ud83d"},
        {"image": "https://e.org/\ud83d.jpg"},
    ],
)
def test_odd_fields_are_text_or_nothing(service: DuckDuckGo, project: Project, spoilt: dict[str, object]) -> None:
    service.rows = [image(1) | spoilt, image(2)]
    service.found_for[PROBE] = [image(3)]
    [answer] = ask(DuckDuckGoSource, project)
    assert answer.error is None
    assert titles(answer)[-1] == "Picture 2"
    for found in answer.candidates:
        for value in dataclasses.asdict(found).values():
            assert value is None or isinstance(value, str)
            json.dumps(value, ensure_ascii=False).encode()  # no half characters: they fit into no table

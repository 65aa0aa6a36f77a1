"""A gather over the web: which services are asked, what a silent one stops, and the one state of every candidate."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from model_servers.loopback import Fault, Reply, answers, hang_up, said, status
from PIL import Image
from web_project import SERVICES, WebFactory, WebOfThree, leading_to, photo, web_factory, write_web_project
from web_servers import duckduckgo, openverse, wikimedia
from web_servers.bad_hosts import BadHost
from workspaces import TestWorkspace

from dlf_core.candidate_states import CandidateState

PATHS = {"openverse": openverse.IMAGES, "wikimedia": wikimedia.API, "duckduckgo": duckduckgo.I_JS}
THROTTLED: dict[str, Fault] = {
    "openverse": openverse.throttled(3600),
    "wikimedia": wikimedia.throttled(3600),
    "duckduckgo": status(403),
}


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlf_resources.web.hosts.FIRST_PAUSE", 0.01)


@pytest.fixture
def web() -> Iterator[WebOfThree]:
    with WebOfThree() as web:
        fill(web)
        yield web


@pytest.fixture
def factory(workspace: TestWorkspace, monkeypatch: pytest.MonkeyPatch, web: WebOfThree) -> Iterator[WebFactory]:
    with web_factory(workspace, monkeypatch.setenv, web) as factory:
        yield factory


def fill(web: WebOfThree) -> None:
    """Three pictures from each service: 0-2, 100-102, 200-202."""
    web.openverse.rows = web.openverse_rows(0, 1, 2)
    web.wikimedia.rows = web.wikimedia_rows(100, 101, 102)
    web.duckduckgo.rows = web.duckduckgo_rows(200, 201, 202)


def by_source(rows: list[dict[str, Any]]) -> dict[str, int]:
    return dict(Counter(row["source"] for row in rows))


def test_all_services_are_asked_and_the_rows_stand_in_the_order_of_services_and_results(factory: WebFactory) -> None:
    factory.project()
    made = factory.gather()
    assert [row["url"].rpartition("/")[2] for row in factory.rows()] == [
        f"{number}.jpg" for number in (200, 201, 202, 100, 101, 102, 0, 1, 2)
    ]
    assert made["sources"] == {name: {"kept": 3} for name in SERVICES}
    assert {(one["source"], one["query"], one["found"], one["ended"]) for one in made["searches"]} == {
        (name, "fruit", 3, "answered") for name in SERVICES
    }
    assert made["images"] == 9


@pytest.mark.parametrize("chosen", [["openverse", "duckduckgo"], ["wikimedia"], ["duckduckgo", "wikimedia"]])
def test_sources_chooses_and_orders(factory: WebFactory, web: WebOfThree, chosen: list[str]) -> None:
    factory.project(sources=json.dumps(chosen))
    factory.gather()
    assert list(dict.fromkeys(row["source"] for row in factory.rows())) == chosen
    assert {name for name, count in web.searches().items() if count} == set(chosen)


def test_at_most_so_many_a_source_and_query(factory: WebFactory, web: WebOfThree) -> None:
    for name, make in (("openverse", web.openverse_rows), ("wikimedia", web.wikimedia_rows)):
        start = 1000 if name == "openverse" else 2000
        for nth, line in enumerate(("apple", "pear")):
            numbers = range(start + 100 * nth, start + 100 * nth + 40)
            asked = line if name == "openverse" else f"filetype:bitmap {line}"
            getattr(web, name).found_for[asked] = make(*numbers)
    factory.project("{queries: [apple, pear]}", sources="[openverse, wikimedia]")
    factory.gather(max_per_query=7)
    counts = Counter((row["source"], row["query"]) for row in factory.rows())
    assert counts == {(source, line): 7 for source in ("openverse", "wikimedia") for line in ("apple", "pear")}


def test_without_a_number_it_is_the_one_of_the_yaml(factory: WebFactory, web: WebOfThree) -> None:
    web.openverse.rows = web.openverse_rows(*range(40))
    settings = "{contact: me@example.org, per_second: null, per_host: 32, max_per_query: 5}"
    factory.project(sources="[openverse]", web=settings)
    factory.gather()
    assert len(factory.rows()) == 5


@pytest.mark.parametrize("silent", SERVICES)
@pytest.mark.parametrize("way", ["throttled", "failed"])
def test_a_silent_service_stops_no_other(
    workspace: TestWorkspace, monkeypatch: pytest.MonkeyPatch, silent: str, way: str
) -> None:
    with WebOfThree(apart=silent) as web, web_factory(workspace, monkeypatch.setenv, web) as factory:
        fill(web)
        fault = THROTTLED[silent] if way == "throttled" else status(500)
        getattr(web, silent).always(PATHS[silent], fault)
        factory.project()
        made = factory.gather()
        assert factory.result.success
        assert by_source(factory.rows()) == {name: 3 for name in SERVICES if name != silent}
        told = {one["source"]: one for one in made["searches"]}
        assert {name: one["ended"] for name, one in told.items()} == {
            name: way if name == silent else "answered" for name in SERVICES
        }
        assert silent in told[silent]["said"]
        assert silent in factory.failed_checks()["sources_answer"]
        assert "6 candidates" in factory.failed_checks()["sources_answer"]


GARBLED: dict[str, list[Fault]] = {
    "openverse": [
        answers(said({"results": [{"url": "https://e.org/1.jpg", "foreign_landing_url": 7}], "page_count": 1})),
        answers(said({"results": [{"url": "https://e.org/\ud83d.jpg"}], "page_count": "x"})),
        answers(said({"results": [{"url": "http://10.0.0.1/1.jpg", "title": "\ud83d \x00 \r\n"}], "page_count": 1})),
    ],
    "wikimedia": [
        answers(said({"query": []})),
        answers(said({"query": {"pages": [{"title": 7, "imageinfo": [{"url": "x", "descriptionurl": [1]}]}]}})),
    ],
    "duckduckgo": [
        answers(said({"results": [{"image": ["https://e.org/1.jpg"]}]})),
        answers(said({"results": [{"image": "http://10.0.0.1/1.jpg", "url": 7, "title": "\ud83d"}]})),
    ],
}


@pytest.mark.parametrize(("name", "fault"), [(name, fault) for name, faults in GARBLED.items() for fault in faults])
def test_a_service_that_answers_nonsense_stops_no_other(
    factory: WebFactory, web: WebOfThree, name: str, fault: Fault
) -> None:
    getattr(web, name).always(PATHS[name], fault)
    factory.project()
    factory.gather()
    assert factory.result.success
    kept = by_source([row for row in factory.rows() if row["state"] == "kept"])
    assert kept == {other: 3 for other in SERVICES if other != name}


def test_with_every_service_throttling_the_bucket_is_stopped_with_a_sentence(
    factory: WebFactory, web: WebOfThree
) -> None:
    for name in SERVICES:
        getattr(web, name).always(PATHS[name], THROTTLED[name])
    factory.project()
    made = factory.run("pipeline")
    said = factory.failed_checks()["sources_answer"]
    assert "no source delivered anything" in said
    assert all(f"{name} throttled" in said for name in SERVICES)
    assert "filtered_images" not in made
    assert {one["ended"] for one in made["gathered_images"]["searches"]} == {"throttled"}


def test_nobody_behind_an_address_is_a_failure_of_that_service_only(
    factory: WebFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENVERSE_URL", "DUCKDUCKGO_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:65000")
    factory.project()
    made = factory.gather()
    assert made["sources"] == {"wikimedia": {"kept": 3}}
    assert {one["source"] for one in made["searches"] if one["ended"] == "failed"} == {"openverse", "duckduckgo"}


def tiny() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (20, 200), (9, 200, 9)).save(content, "JPEG")
    return content.getvalue()


def spoilt_rows(web: WebOfThree, bad: BadHost) -> dict[str, str]:
    """Address → the state it must end in."""
    elsewhere = bad.url.replace("127.0.0.1", "localhost")  # for the pace of hosts another one
    return {
        f"{bad.url}/photo.jpg": "kept",
        web.photos.at(1): "kept",
        f"{bad.url}/chunked.jpg": "duplicate",
        f"{bad.url}/jpeg-as-html": "duplicate",
        web.photos.serve("/tiny.jpg", tiny()): "too_small",
        f"{bad.url}/endless": "too_large",
        web.photos.serve("/huge.jpg", photo(2, 2000, 1100)): "too_large",
        f"{bad.url}/html-as-jpeg": "not_an_image",
        web.photos.serve("/empty.jpg", b""): "not_an_image",
        web.photos.serve("/half.jpg", photo(3)[: len(photo(3)) // 2]): "corrupt",
        f"{bad.url}/robots?tag=noai": "opted_out",
        "http://169.254.169.254/latest/meta-data/": "forbidden_address",
        "http://10.0.0.1/1.jpg": "forbidden_address",
        "http://0x7f.1/1.jpg": "forbidden_address",
        "file:///etc/hostname": "forbidden_address",
        "javascript:alert(1)": "forbidden_address",
        bad.redirecting("http://192.168.0.1/x.jpg"): "forbidden_address",
        f"{bad.url}/status/404": "http_error",
        f"{bad.url}/status/503": "http_error",
        f"{bad.url}/reset": "http_error",
        f"{bad.url}/slow-headers": "timeout",
        f"{bad.url}/slow-body?bytes_per_second=50": "timeout",
        f"{elsewhere}/status/429?retry_after=3600": "throttled",
    }


def test_every_candidate_ends_in_exactly_one_state_and_is_counted(factory: WebFactory, web: WebOfThree) -> None:
    settings = "{contact: me@example.org, per_second: null, per_host: 32, seconds: 1.5, max_per_query: 100}"
    with BadHost(photo(0)) as bad:
        expected = spoilt_rows(web, bad)
        web.openverse.rows = [openverse.image(number, url=url) for number, url in enumerate(expected)]
        factory.project(
            sources="[openverse, wikimedia]", web=settings, thresholds="{max_bytes: 300000, max_pixels: 2000000}"
        )
        made = factory.gather()
    rows = factory.rows()
    found = {row["url"]: row["state"] for row in rows if row["source"] == "openverse"}
    assert found == expected
    assert len(rows) == len(expected) + 3
    assert all(row["reason"] for row in rows if row["state"] != "kept")
    assert all(row["path"] is None for row in rows if row["state"] not in ("kept", "duplicate"))
    statuses = Counter(row["http_status"] for row in rows if row["state"] == "http_error")
    assert statuses == {404: 1, 503: 1, None: 1}
    counted = Counter(expected.values())
    del counted["http_error"]
    assert made["sources"] == {
        "openverse": {**counted, "http_error(404)": 1, "http_error(503)": 1, "http_error": 1},
        "wikimedia": {"kept": 3},
    }
    assert made["in"] == made["out"] + made["dropped"] + made["errors"] == len(rows)
    assert sum(made["counts"].values()) == len(rows)
    known = {str(state) for state in CandidateState}
    assert set(found.values()) <= known


def test_one_picture_that_hangs_up_does_not_hold_up_the_others(factory: WebFactory, web: WebOfThree) -> None:
    web.photos.always("/1.jpg", hang_up)
    factory.project(sources="[openverse]")
    factory.gather()
    assert factory.states() == {"0.jpg": "kept", "1.jpg": "http_error", "2.jpg": "kept"}


def test_a_contact_sheet_of_what_was_kept_is_written_and_linked(factory: WebFactory, web: WebOfThree) -> None:
    rows = web.openverse_rows(*range(9))
    rows[0]["title"] = "[/bold] <b> \u202e 😀 " * 20
    web.openverse.rows = rows
    web.photos.always("/3.jpg", status(404))
    factory.project(sources="[openverse]")
    made = factory.gather()
    sheet = Path(made["contact_sheet"])
    assert sheet.is_relative_to(made["run_folder"])
    with Image.open(sheet) as picture:
        assert picture.format == "WEBP"
        assert picture.width > picture.height  # eight in one row


@pytest.mark.parametrize("why", ["nothing found", "nothing kept"])
def test_without_pictures_there_is_no_sheet(factory: WebFactory, web: WebOfThree, why: str) -> None:
    web.openverse.rows = [] if why == "nothing found" else web.openverse_rows(1)
    web.photos.always("/1.jpg", answers(Reply(b"no", 404)))
    factory.project(sources="[openverse]")
    made = factory.gather()
    assert "contact_sheet" not in made
    assert not list(factory.workspace.root.rglob("*.webp"))


def throttle_all(web: WebOfThree, *names: str) -> None:
    for name in names:
        getattr(web, name).always(PATHS[name], THROTTLED[name])


def test_dlf_gather_exits_with_1_and_a_sentence_when_every_service_throttles(
    workspace: TestWorkspace, web: WebOfThree
) -> None:
    throttle_all(web, *SERVICES)
    write_web_project(workspace)
    done = leading_to(workspace, web).dlf("gather", "--project", "p")
    assert done.returncode == 1, done.stderr
    for name in SERVICES:
        line = next(line for line in done.stdout.splitlines() if line.startswith(name))
        assert "0 of 1 answered" in line
    assert done.stdout.count("throttled: fruit: ") == 3
    assert "no source delivered anything" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_dlf_gather_exits_with_0_when_another_source_delivered(workspace: TestWorkspace) -> None:
    with WebOfThree(apart="openverse") as web:
        throttle_all(web, "wikimedia", "duckduckgo")
        there = web.photos.url.replace("127.0.0.1", "localhost")
        web.openverse.rows = [openverse.image(n, url=f"{there}/{n}.jpg") for n in (1, 2, 3)]
        write_web_project(workspace)
        workspace = leading_to(workspace, web)
        done = workspace.dlf("gather", "--project", "p")
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("throttled: fruit: ") == 2
        [openverse_line] = [line for line in done.stdout.splitlines() if line.startswith("openverse")]
        assert openverse_line.split()[1:] == ["3", "1", "of", "1", "answered"]
        again = workspace.dlf("gather", "--project", "p", "--json")
    assert again.returncode == 0, again.stderr
    numbers = json.loads(again.stdout)["stages"]["gather"]["positive/x"]
    assert numbers["sources"] == {"openverse": {"kept": 3}}
    assert {one["source"]: one["ended"] for one in numbers["searches"]} == {
        "openverse": "answered",
        "wikimedia": "throttled",
        "duckduckgo": "throttled",
    }
    assert numbers["computed"] == 0


def test_the_table_at_the_end_counts_by_source_and_state(workspace: TestWorkspace, web: WebOfThree) -> None:
    web.openverse.rows = web.openverse_rows(0, 1, 2, 100)
    web.openverse.rows[3]["title"] = "[red]hostile[/] \x1b[31m"
    web.photos.always("/1.jpg", status(404))
    write_web_project(workspace)
    done = leading_to(workspace, web).dlf("gather", "--project", "p")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith("source"))
    assert lines[head].split("  ")[0] == "source"
    assert [word for word in lines[head].split() if word != "source"] == ["kept", "http", "error(404)", "searches"]
    counts = {line.split()[0]: line.split()[1:3] for line in lines[head + 1 : head + 4]}
    assert counts == {"openverse": ["2", "1"], "wikimedia": ["3", "–"], "duckduckgo": ["3", "–"]}
    assert any(line.startswith("pictures") and line.endswith(".webp") for line in lines)

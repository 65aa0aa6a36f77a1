"""A second gather: only what is new is downloaded, and what was cut off goes on."""

from __future__ import annotations

import io
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from model_servers.loopback import Fault, Reply, answers, hang_up, slow, status
from PIL import Image
from web_project import SETTINGS, WebFactory, WebOfThree, photo, web_factory
from workspaces import TestWorkspace

OPENVERSE = "[openverse]"


@pytest.fixture
def web() -> Iterator[WebOfThree]:
    with WebOfThree() as web:
        web.openverse.rows = web.openverse_rows(*range(6))
        yield web


@pytest.fixture
def factory(workspace: TestWorkspace, monkeypatch: pytest.MonkeyPatch, web: WebOfThree) -> Iterator[WebFactory]:
    with web_factory(workspace, monkeypatch.setenv, web) as factory:
        factory.project(sources=OPENVERSE)
        yield factory


def raw_of(factory: WebFactory, name: str) -> Path:
    """The file that was kept of an address."""
    [row] = [row for row in factory.rows() if row["url"].endswith(f"/{name}")]
    return factory.workspace.data("p") / row["path"]


def numbers(*given: int) -> Counter[str]:
    """Each of these photos, asked for once."""
    return Counter(f"/{number}.jpg" for number in given)


def test_a_second_gather_downloads_nothing(factory: WebFactory, web: WebOfThree) -> None:
    factory.gather()
    assert web.photos.asked_for == numbers(*range(6))
    before = factory.rows()
    again = factory.gather()
    assert web.photos.asked_for == numbers(*range(6))
    assert (again["computed"], again["reused"]) == (0, 6)
    assert factory.rows() == before


def test_only_what_the_service_has_that_is_new_is_downloaded(factory: WebFactory, web: WebOfThree) -> None:
    factory.gather()
    web.openverse.rows = web.openverse_rows(8, 2, 9)  # it does not find all of the old ones any more
    made = factory.gather()
    assert web.photos.asked_for == numbers(*range(6), 8, 9)
    assert made["computed"] == 2
    assert {name for name, state in factory.states().items() if state == "kept"} == {
        f"{number}.jpg" for number in (*range(6), 8, 9)
    }
    assert [row["order"] for row in factory.rows()] == list(range(8))


def test_a_service_that_throttles_today_takes_nothing_away(factory: WebFactory, web: WebOfThree) -> None:
    factory.gather()
    before = factory.rows()
    web.openverse.always("/v1/images/", status(500))
    factory.gather()
    assert factory.rows() == before
    assert web.photos.asked_for == numbers(*range(6))


def small() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (20, 200)).save(content, "JPEG")
    return content.getvalue()


REJECTED: dict[str, tuple[Fault, str]] = {
    "not found": (status(404), "http_error"),
    "gone": (status(410), "http_error"),
    "forbidden": (status(403), "http_error"),
    "too small": (answers(Reply(small(), 200, "image/jpeg")), "too_small"),
    "opted out": (answers(Reply(photo(1), 200, "image/jpeg", {"X-Robots-Tag": "noai"})), "opted_out"),
    "a page": (answers(Reply(b"<html>Sign in</html>", 200, "text/html")), "not_an_image"),
    "cut off": (answers(Reply(photo(1)[:900], 200, "image/jpeg")), "corrupt"),
}


@pytest.mark.parametrize("why", REJECTED)
def test_what_was_rejected_is_not_asked_for_again_unless_asked_to(
    factory: WebFactory, web: WebOfThree, why: str
) -> None:
    fault, state = REJECTED[why]
    web.photos.always("/1.jpg", fault)
    factory.gather()
    assert factory.states()["1.jpg"] == state
    web.photos.always("/1.jpg", None)
    factory.gather()
    assert web.photos.asked_for["/1.jpg"] == 1
    assert factory.states()["1.jpg"] == state
    made = factory.gather(again=True)
    assert web.photos.asked_for == numbers(*range(6)) + numbers(1)
    assert factory.states()["1.jpg"] == "kept"
    assert made["computed"] == 1


def test_what_is_rejected_again_stays_one_row(factory: WebFactory, web: WebOfThree) -> None:
    web.photos.always("/1.jpg", status(404))
    for _ in range(3):
        factory.gather(again=True)
    assert web.photos.asked_for["/1.jpg"] == 3
    assert len(factory.rows()) == 6


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (status(500), "http_error"),
        (status(503), "http_error"),
        (hang_up, "http_error"),
        (status(429, Retry_After="3600"), "throttled"),
        (status(503, Retry_After="3600"), "throttled"),
        (slow(9), "timeout"),
    ],
)
def test_what_may_pass_by_itself_is_asked_for_again(
    factory: WebFactory, web: WebOfThree, fault: Fault, state: str
) -> None:
    settings = SETTINGS.replace("}", ", seconds: 0.5}")
    factory.project(sources=OPENVERSE, web=settings)
    web.openverse.rows = [
        # a host of its own, so that its wish to be left alone is nobody else's
        row | ({"url": row["url"].replace("127.0.0.1", "localhost")} if "/1.jpg" in row["url"] else {})
        for row in web.openverse.rows
    ]
    web.photos.always("/1.jpg", fault)
    factory.gather()
    assert factory.states() == {f"{number}.jpg": "kept" if number != 1 else state for number in range(6)}
    web.photos.always("/1.jpg", None)
    made = factory.gather()
    assert factory.states()["1.jpg"] == "kept"
    assert (made["computed"], made["reused"]) == (1, 5)
    assert web.photos.asked_for - numbers(1, 1, 1, 1) == numbers(0, 2, 3, 4, 5)


def test_a_higher_number_adds_and_a_lower_one_takes_nothing_away(factory: WebFactory, web: WebOfThree) -> None:
    factory.gather(max_per_query=2)
    assert web.photos.asked_for == numbers(0, 1)
    factory.gather(max_per_query=5)
    assert web.photos.asked_for == numbers(*range(5))
    factory.gather(max_per_query=1)
    assert web.photos.asked_for == numbers(*range(5))
    assert len(factory.rows()) == 5


def test_limit_is_a_smoke_test_and_the_rest_comes_later(factory: WebFactory, web: WebOfThree) -> None:
    factory.gather(limit=2)
    assert web.photos.asked_for == numbers(0, 1)
    factory.gather()
    assert web.photos.asked_for == numbers(*range(6))


def test_another_smallest_side_judges_what_is_kept_without_downloading(factory: WebFactory, web: WebOfThree) -> None:
    web.photos.serve("/1.jpg", photo(1, 400, 300))
    factory.gather()
    assert set(factory.states().values()) == {"kept"}
    factory.project(sources=OPENVERSE, thresholds="{min_side: 200}")
    made = factory.gather()
    assert factory.states() == {f"{n}.jpg": "kept" if n == 1 else "too_small" for n in range(6)}
    assert made["computed"] == 6
    factory.project(sources=OPENVERSE, thresholds="{min_side: 100}")
    factory.gather()
    assert set(factory.states().values()) == {"kept"}
    assert web.photos.asked_for == numbers(*range(6))


@pytest.mark.parametrize("damage", ["deleted", "cut off", "emptied", "all deleted"])
def test_a_file_that_is_no_longer_whole_is_downloaded_again(factory: WebFactory, web: WebOfThree, damage: str) -> None:
    factory.gather()
    before = factory.rows()
    file = raw_of(factory, "1.jpg")
    if damage == "deleted":
        file.unlink()
    elif damage == "all deleted":
        shutil.rmtree(factory.workspace.data("p") / "raw")
    else:
        file.write_bytes(photo(1)[:500] if damage == "cut off" else b"")
    factory.gather()
    assert web.photos.asked_for == numbers(*range(6)) + (numbers(*range(6)) if damage == "all deleted" else numbers(1))
    assert file.read_bytes() == photo(1)
    assert [(row["image_id"], row["state"]) for row in factory.rows()] == [
        (row["image_id"], row["state"]) for row in before
    ]


def test_a_deleted_file_of_a_photo_that_is_gone_is_said_and_kept_no_longer(
    factory: WebFactory, web: WebOfThree
) -> None:
    factory.gather()
    raw_of(factory, "1.jpg").unlink()
    web.photos.always("/1.jpg", status(404))
    factory.gather()
    assert factory.states() == {f"{n}.jpg": "http_error" if n == 1 else "kept" for n in range(6)}


def test_a_query_that_leaves_the_yaml_takes_its_images_along_and_brings_them_back_for_nothing(
    factory: WebFactory, web: WebOfThree
) -> None:
    web.openverse.found_for["apple"] = web.openverse_rows(7, 8)
    factory.project("{queries: [fruit, apple]}", sources=OPENVERSE)
    factory.gather()
    factory.project("{queries: [apple]}", sources=OPENVERSE)
    factory.gather()
    assert set(factory.states()) == {"7.jpg", "8.jpg"}
    factory.project("{queries: [fruit, apple]}", sources=OPENVERSE)
    made = factory.gather()
    assert made["computed"] == 0
    assert web.photos.asked_for == numbers(*range(6), 7, 8)


def test_another_bucket_shares_no_row_and_marks_the_same_bytes(factory: WebFactory, web: WebOfThree) -> None:
    buckets = "{positive/x: {queries: [fruit]}, positive/y: {queries: [fruit]}}"
    factory.project(sources=OPENVERSE, buckets=buckets)
    factory.gather()
    made = factory.run("gather", "p__positive.y", gathered_images={})["gathered_images"]
    assert made["counts"] == {"duplicate": 6}


class Cut:
    """The store takes no picture: the gather ends in the middle, as with a full disk."""

    def __init__(self, factory: WebFactory):
        self.place = factory.workspace.data("p") / "raw"

    def __enter__(self) -> None:
        self.place.parent.mkdir(parents=True, exist_ok=True)
        self.place.write_bytes(b"in the way")

    def __exit__(self, *error: object) -> None:
        self.place.unlink()


def test_an_interrupted_gather_asks_no_service_again_for_what_it_answered(factory: WebFactory, web: WebOfThree) -> None:
    web.wikimedia.rows = web.wikimedia_rows(100, 101)
    web.duckduckgo.rows = web.duckduckgo_rows(200, 201)
    factory.project()
    with Cut(factory):
        assert factory.gather() == {}
    kept = sorted(path.name.split("-")[0] for path in factory.folder("searches").iterdir())
    assert kept == ["duckduckgo", "openverse", "wikimedia"]
    asked = web.searches()
    web.openverse.rows = web.openverse_rows(50)  # what it would say now does not count
    made = factory.gather()
    assert web.searches() == asked
    assert made["images"] == 10
    assert not list(factory.folder("searches").glob("*"))
    factory.gather()  # and then they are asked again
    assert all(web.searches()[name] > asked[name] for name in asked)


def test_what_was_not_answered_in_full_is_asked_again(
    factory: WebFactory, web: WebOfThree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dlf_resources.web.hosts.FIRST_PAUSE", 0.01)
    web.wikimedia.rows = web.wikimedia_rows(100, 101)
    web.openverse.always("/v1/images/", status(500))
    factory.project(sources="[openverse, wikimedia]")
    with Cut(factory):
        factory.gather()
    asked = web.searches()
    web.openverse.always("/v1/images/", None)
    factory.gather()
    assert web.searches() == asked | {"openverse": asked["openverse"] + 1}
    assert len(factory.rows()) == 8


def test_the_memory_of_an_interrupted_gather_is_not_that_of_another_number(
    factory: WebFactory, web: WebOfThree
) -> None:
    with Cut(factory):
        factory.gather(max_per_query=2)
    factory.gather(max_per_query=4)
    assert len(factory.rows()) == 4
    assert not list(factory.folder("searches").glob("*"))  # nor does the other one stay behind


def test_pictures_that_came_before_an_interruption_are_not_downloaded_again(
    factory: WebFactory, web: WebOfThree
) -> None:
    (factory.workspace.data("p")).mkdir(parents=True)
    factory.gather(limit=3)
    shutil.move(factory.workspace.data("p") / "raw", factory.workspace.root / "away")
    with Cut(factory):
        assert factory.gather() == {}
    shutil.move(factory.workspace.root / "away", factory.workspace.data("p") / "raw")
    before = web.photos.asked_for
    factory.gather()
    assert all((web.photos.asked_for - before)[f"/{number}.jpg"] == 0 for number in range(3))
    assert set(factory.states().values()) == {"kept"}


def test_what_a_service_no_longer_finds_is_looked_after_all_the_same(factory: WebFactory, web: WebOfThree) -> None:
    web.photos.always("/2.jpg", status(503))
    factory.gather()
    raw_of(factory, "1.jpg").unlink()
    web.photos.always("/2.jpg", None)
    web.openverse.rows = []
    before = web.photos.asked_for
    factory.project(sources=OPENVERSE, thresholds="{min_side: 50}")
    factory.gather()
    assert web.photos.asked_for - before == numbers(1, 2)
    assert factory.states() == {f"{number}.jpg": "kept" for number in range(6)}

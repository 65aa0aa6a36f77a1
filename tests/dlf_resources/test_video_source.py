"""The video source: candidates of a line, their pictures, what is remembered, and what is said when there are none."""

from __future__ import annotations

import asyncio
import io
import ipaddress
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import video_files
from PIL import Image
from video_files import CUTS, HEIGHT, WIDTH, Films
from video_host import VideoHost, redirect, status

from dlf_core.errors import FactoryError, ImageRejected, SourceError, SourceThrottled
from dlf_core.licenses import identify
from dlf_core.project import Project
from dlf_core.sections import Bucket
from dlf_resources.sources import Candidate, Surroundings
from dlf_resources.sources.video import VideoSource
from dlf_resources.videos import fetch as fetching
from dlf_resources.web.addresses import AddressGuard
from dlf_resources.web.connection import Connection
from dlf_resources.web.hosts import HostLimit, Hosts

LOOPBACK = ipaddress.ip_network("127.0.0.0/8")


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Films:
    return Films(tmp_path_factory.mktemp("films"))


class Asked:
    """A source, as one gather has it."""

    def __init__(self, project: Project, folder: Path) -> None:
        self.told: list[str] = []
        guard = AddressGuard(allowed=[LOOPBACK])
        connection = Connection(project.web, guard, Hosts(HostLimit(None, 64, 64)))
        self.work, self.records = folder / "work", folder / "records"
        self.source = VideoSource(
            Surroundings(project, connection, self.work, self.records, self.told.append, self.told.append)
        )

    def find(self, line: str, most: int | None = None) -> list[Candidate]:
        async def all_of_them() -> list[Candidate]:
            return [candidate async for candidate in self.source.find(line, most)]

        return asyncio.run(all_of_them())

    def fetch(self, *candidates: Candidate, max_bytes: int = 10**7) -> list[bytes]:
        """All at once."""

        async def all_of_them() -> list[bytes]:
            return await asyncio.gather(*(self.source.fetch(one, max_bytes) for one in candidates))

        return asyncio.run(all_of_them())


@pytest.fixture
def asked(make_project: Callable[..., Project], tmp_path: Path) -> Callable[..., Asked]:
    """The source, anew, in a project with these lines."""
    return lambda **lines: Asked(make_project(**lines), tmp_path)


@pytest.fixture
def host(films: Films) -> Iterator[VideoHost]:
    with VideoHost() as made:
        made.video("/film.mp4", films["scenes.mp4"].read_bytes())
        yield made


def seconds(candidates: list[Candidate]) -> list[float]:
    return [float(one.url.rpartition("#t=")[2]) for one in candidates]


# candidates and their pictures


def test_its_lines_are_the_buckets_videos_each_once(asked: Callable[..., Asked]) -> None:
    bucket = Bucket(videos=["b.mp4", "a.mp4", "b.mp4"], queries=["x"], folders=["y"], urls=["z"])
    assert asked().source.lines(bucket) == ["b.mp4", "a.mp4"]


def test_candidates_come_in_order_of_time_with_all_that_is_known(
    asked: Callable[..., Asked], films: Films, tmp_path: Path
) -> None:
    path = Path(shutil.copy(films["scenes.mp4"], tmp_path / "film.mp4"))
    found = asked(rights="{license: CC0-1.0, author: Ada}").find("film.mp4")
    times = seconds(found)
    assert [sum(at >= cut for cut in CUTS) for at in times] == [0, 1, 2]
    assert len({one.candidate_id for one in found}) == 3
    assert {one.group for one in found} == {f"video:{path.as_uri()}"}
    assert {(one.source, one.query, one.license, one.author) for one in found} == {
        ("video", "film.mp4", "CC0-1.0", "Ada")
    }
    assert [one.title for one in found] == [f"film.mp4 at {at:.3f} s" for at in times]


def test_no_more_candidates_than_asked_for(asked: Callable[..., Asked], films: Films) -> None:
    assert len(asked().find(str(films["scenes.mp4"]), 2)) == 2


def test_the_picture_of_a_candidate_is_a_good_jpeg_of_its_moment(asked: Callable[..., Asked], films: Films) -> None:
    one = asked()
    found = one.find(str(films["scenes.mp4"]))
    for content, at in zip(one.fetch(*found), seconds(found), strict=True):
        picture = Image.open(io.BytesIO(content))
        assert (picture.format, picture.size) == ("JPEG", (WIDTH, HEIGHT))
        frame = Image.fromarray(video_files.three_scenes()[round(at * 25)])
        pairs = zip(
            picture.convert("L").resize((8, 8)).tobytes(), frame.convert("L").resize((8, 8)).tobytes(), strict=True
        )
        assert max(abs(a - b) for a, b in pairs) < 10


def test_a_picture_over_the_limit_of_bytes_is_refused(asked: Callable[..., Asked], films: Films) -> None:
    one = asked()
    with pytest.raises(ImageRejected) as caught:
        one.fetch(one.find(str(films["scenes.mp4"]))[0], max_bytes=1000)
    assert caught.value.state == "too_large"


def test_of_a_video_of_the_web_only_the_pictures_stay(asked: Callable[..., Asked], host: VideoHost) -> None:
    one = asked()
    found = one.find(f"{host.url}/film.mp4")
    assert {path.suffix for path in one.work.rglob("*") if path.is_file()} == {".jpg"}
    assert {candidate.page for candidate in found} == {f"{host.url}/film.mp4"}
    assert any("MB" in said for said in one.told)
    assert any("3 frames" in said for said in one.told)


@pytest.mark.parametrize(
    ("license_", "family"),
    [
        ("Creative Commons Attribution license (reuse allowed)", "cc-by"),  # YouTube
        ("https://creativecommons.org/licenses/by-nc-sa/3.0/us/", "cc-by-nc-sa"),  # the Internet Archive
        ("Attribution - Non Commercial", "cc-by-nc"),  # PeerTube
        ("by-nc-nd", "cc-by-nc-nd"),  # Vimeo
        ("all-rights-reserved", "other"),
        (None, "unknown"),
    ],
)
def test_the_rights_that_a_page_states_are_those_of_its_frames(
    asked: Callable[..., Asked],
    films: Films,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    license_: str | None,
    family: str,
) -> None:
    """None of the sites that say a licence is here: what yt-dlp makes of them is said in its stead."""
    path = Path(shutil.copy(films["scenes.mp4"], tmp_path / "video.mp4"))
    video = fetching.Video(path=path, page="http://127.0.0.1/watch", title="Rain", author="Ada", license=license_)
    monkeypatch.setattr(fetching, "fetch", lambda *args, **more: video)
    found = asked().find("http://127.0.0.1:8080/watch?v=1#t=30")
    assert [one.title for one in found] == [f"Rain at {at:.3f} s" for at in seconds(found)]
    assert {(one.author, one.page) for one in found} == {("Ada", "http://127.0.0.1/watch")}
    assert {identify(one.license, one.license_url).family for one in found} == {family}


# what is remembered


def test_a_second_gather_needs_neither_video_nor_host(asked: Callable[..., Asked], host: VideoHost) -> None:
    first = asked().find(f"{host.url}/film.mp4")
    requests = len(host.requests)
    assert asked().find(f"{host.url}/film.mp4") == first
    assert len(host.requests) == requests


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b"null", b'{"candidate": {"nose": 1}, "milliseconds": []}', b"\xff"]
)
def test_a_damaged_record_is_made_anew(asked: Callable[..., Asked], films: Films, damage: bytes) -> None:
    one = asked()
    first = one.find(str(films["scenes.mp4"]))
    (record,) = one.records.iterdir()
    record.write_bytes(damage)
    assert asked().find(str(films["scenes.mp4"])) == first
    assert record.read_bytes() != damage


@pytest.mark.parametrize(
    "other", ["{frames: fps}", "{max_frames: 2}", "{drop_blurred: false}", "{max_height: 144}", "{frames: fps, fps: 3}"]
)
def test_a_record_holds_for_its_own_settings(asked: Callable[..., Asked], host: VideoHost, other: str) -> None:
    first = asked().find(f"{host.url}/film.mp4")
    requests = len(host.requests)
    again = asked(video=other).find(f"{host.url}/film.mp4")
    assert len(host.requests) > requests
    assert {one.version for one in again}.isdisjoint(one.version for one in first)


def test_pictures_that_are_gone_are_made_anew_by_one_fetch_of_the_video(
    asked: Callable[..., Asked], host: VideoHost
) -> None:
    one = asked()
    found = one.find(f"{host.url}/film.mp4")
    before = one.fetch(*found)
    shutil.rmtree(one.work)
    requests = len(host.requests)
    later = asked()
    assert later.fetch(*later.find(f"{host.url}/film.mp4")) == before
    assert len(host.requests) == 2 * requests


def test_a_moment_that_the_video_no_longer_has_is_told(asked: Callable[..., Asked], films: Films) -> None:
    one = asked()
    found = one.find(str(films["scenes.mp4"]))[0]
    with pytest.raises(ImageRejected, match="no frame at this time"):
        one.fetch(replace(found, url=found.url.rpartition("#t=")[0] + "#t=99.000"))


@pytest.mark.parametrize("number", [429, 503])
def test_a_host_that_fails_when_a_picture_is_made_anew_is_the_pictures_reason(
    asked: Callable[..., Asked], host: VideoHost, number: int
) -> None:
    one = asked()
    found = one.find(f"{host.url}/film.mp4")
    shutil.rmtree(one.work)
    host.always["/film.mp4"] = status(number)
    with pytest.raises(ImageRejected, match=str(number)):
        one.fetch(found[0])


# what is said


@pytest.mark.parametrize(
    "line",
    [
        "http://10.0.0.1/x.mp4",
        "http://169.254.169.254/latest/x.mp4",
        "http://[::1]/x.mp4",
        "http://[::ffff:10.0.0.1]/x.mp4",
        "http://2130706433/x.mp4",
        "http://0x7f.1/x.mp4",
        "http://127.0.0.1:22/x.mp4",
        "http://127.0.0.1\\@evil.test/x.mp4",
        "ftp://127.0.0.1/x.mp4",
        "rtmp://127.0.0.1/x",
        "ytsearch://cat",
    ],
)
def test_an_address_that_must_not_be_asked_is_told_without_asking(
    asked: Callable[..., Asked], monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    fetched: list[str] = []
    monkeypatch.setattr(fetching, "fetch", lambda url, *args, **more: fetched.append(url))
    with pytest.raises(SourceError) as caught:
        asked().find(line)
    assert str(caught.value).startswith(f"{line}: ")
    assert fetched == []


def test_a_password_in_an_address_is_not_told(asked: Callable[..., Asked]) -> None:
    with pytest.raises(SourceError, match="user name") as caught:
        asked().find("http://ada:secret@127.0.0.1/x.mp4")
    assert "secret" not in str(caught.value)


def test_a_redirect_to_what_must_not_be_asked_is_told(asked: Callable[..., Asked], host: VideoHost) -> None:
    host.always["/x.mp4"] = redirect("http://169.254.169.254/latest/x.mp4")
    with pytest.raises(SourceError, match=r"169\.254\.169\.254, which is not a public"):
        asked().find(f"{host.url}/x.mp4")


def test_a_throttle_is_told_apart_from_a_failure(asked: Callable[..., Asked], host: VideoHost) -> None:
    host.always["/film.mp4"] = status(429)
    with pytest.raises(SourceThrottled):
        asked().find(f"{host.url}/film.mp4")
    host.always["/film.mp4"] = status(404)
    with pytest.raises(SourceError) as caught:
        asked().find(f"{host.url}/film.mp4")
    assert type(caught.value) is SourceError


def test_a_failure_is_not_remembered(asked: Callable[..., Asked], host: VideoHost) -> None:
    host.next["/film.mp4"] = [status(404)]
    with pytest.raises(SourceError):
        asked().find(f"{host.url}/film.mp4")
    assert len(asked().find(f"{host.url}/film.mp4")) == 3


def test_a_file_that_is_not_there_is_its_writers_to_mend(asked: Callable[..., Asked], tmp_path: Path) -> None:
    with pytest.raises(FactoryError) as caught:
        asked().find("film.mp4")
    assert not isinstance(caught.value, SourceError)
    said = str(caught.value)
    assert str(tmp_path / "tiny.yaml") in said
    assert "'film.mp4' does not exist" in said


def test_two_names_that_look_the_same_are_not_guessed_between(
    asked: Callable[..., Asked], films: Films, tmp_path: Path
) -> None:
    for space in ("\u00a0", "\u202f"):
        shutil.copy(films["one.mp4"], tmp_path / f"a{space}b.mp4")
    with pytest.raises(FactoryError):
        asked().find("a b.mp4")

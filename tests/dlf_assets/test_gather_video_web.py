"""Videos of the web through the gather: fetched once, from allowed addresses only; what is told when it cannot be."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator

import dagster as dg
import pytest
import video_files
from factory import KEY
from video_bucket import VideoBucket
from video_files import CUTS, Films
from video_host import VideoHost, breaks_after, forbidden, redirect, status
from workspaces import TestWorkspace

from dlf_resources.sources import Candidate
from dlf_resources.stores.local import LocalStore
from dlf_resources.stores.searches import Searches

HLS = "application/vnd.apple.mpegurl"


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Films:
    return Films(tmp_path_factory.mktemp("films"))


@pytest.fixture
def host(films: Films) -> Iterator[VideoHost]:
    with VideoHost() as made:
        made.video("/film.mp4", films["scenes.mp4"].read_bytes())
        made.page("/page", "<html><title>Rain & shine</title><video src='/film.mp4'></video></html>")
        yield made


@pytest.fixture
def bucket(workspace: TestWorkspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[VideoBucket]:
    for name, value in workspace.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DLF_ALLOWED_NETWORKS", "127.0.0.1/32")
    with dg.DagsterInstance.ephemeral() as instance:
        yield VideoBucket(workspace, instance)


# a video of a page


def test_a_video_of_a_page_becomes_images_that_name_the_page(bucket: VideoBucket, host: VideoHost) -> None:
    line = f"{host.url}/page"
    made = bucket.gather([line])
    assert made["counts"] == {"kept": 3}
    assert [sum(at >= cut for cut in CUTS) for at in bucket.seconds()] == [0, 1, 2]
    for row, at in zip(bucket.kept(), bucket.seconds(), strict=True):
        assert row["page"] == line
        assert row["url"] == f"{line}#t={at:.3f}"
        assert row["title"].startswith("Rain & shine")
        assert row["title"].endswith(f"at {at:.3f} s")
        assert row["group"] == f"video:{line}"
        assert row["license"] is None
    assert bucket.left_over() == []
    assert [(one["source"], one["ended"], one["found"]) for one in made["searches"]] == [("video", "answered", 3)]


def test_a_second_gather_sends_nothing(bucket: VideoBucket, host: VideoHost) -> None:
    bucket.gather([f"{host.url}/page"])
    before, requests, connections = bucket.rows(), len(host.requests), host.connections
    assert bucket.gather()["computed"] == 0
    assert bucket.rows() == before
    assert (len(host.requests), host.connections) == (requests, connections)


def test_other_settings_fetch_it_anew_and_keep_what_was_there(bucket: VideoBucket, host: VideoHost) -> None:
    bucket.gather([f"{host.url}/film.mp4"])
    downloads = len(host.asked("/film.mp4"))
    bucket.gather([f"{host.url}/film.mp4"], video="{frames: fps, fps: 1}")
    assert len(host.asked("/film.mp4")) > downloads
    assert {int(at) for at in bucket.seconds()} == set(range(6))
    assert {row["state"] for row in bucket.rows()} <= {"kept", "duplicate"}


def test_a_frame_that_was_deleted_is_fetched_anew(bucket: VideoBucket, host: VideoHost) -> None:
    bucket.gather([f"{host.url}/film.mp4"])
    gone = bucket.raw(bucket.kept()[1])
    content = gone.read_bytes()
    gone.unlink()
    assert bucket.gather()["computed"] == 1
    assert gone.read_bytes() == content
    assert bucket.left_over() == []


@pytest.mark.parametrize("number", [429, 503])
def test_a_deleted_frame_that_cannot_be_had_today_is_had_tomorrow(
    bucket: VideoBucket, host: VideoHost, number: int
) -> None:
    """Trouble of the host, which passes, is no verdict on the frame."""
    bucket.gather([f"{host.url}/film.mp4"])
    gone = bucket.raw(bucket.kept()[1])
    gone.unlink()
    host.always["/film.mp4"] = status(number)
    bucket.gather()
    assert len(bucket.kept()) == 2
    del host.always["/film.mp4"]
    bucket.gather()
    assert len(bucket.kept()) == 3
    assert gone.exists()


def test_a_download_that_breaks_off_goes_on_where_it_was(bucket: VideoBucket, host: VideoHost, films: Films) -> None:
    content = films["scenes.mp4"].read_bytes()
    half = breaks_after(content, 200_000)
    host.next["/film.mp4"] = [half, half]
    assert bucket.gather([f"{host.url}/film.mp4"])["counts"] == {"kept": 3}
    starts = [int(one.headers["range"][6:].split("-")[0]) for one in host.requests if "range" in one.headers]
    assert max(starts) > 150_000


def test_what_an_interrupted_gather_found_holds_for_its_own_settings_only(bucket: VideoBucket, films: Films) -> None:
    """Killed after the search; then other settings: the old times are no frames any more."""
    line = str(films["scenes.mp4"])
    project = bucket.write([line], video="{frames: fps, fps: 1}")
    url = f"{films['scenes.mp4'].as_uri()}#t=0.111"
    memory = Searches(LocalStore(project.root), KEY)
    memory.write("video", line, project.video.max_frames, [Candidate("video", line, url, "1:1:scenes")])
    bucket.gather()
    assert {int(at) for at in bucket.seconds()} == set(range(6))
    assert {row["state"] for row in bucket.rows()} == {"kept"}


# allowed addresses only


def test_without_leave_no_packet_goes_to_this_machine(
    bucket: VideoBucket, host: VideoHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DLF_ALLOWED_NETWORKS")
    for line in (f"{host.url}/film.mp4", f"http://localhost:{host.port}/film.mp4", f"http://2130706433:{host.port}/x"):
        bucket.gather([line])
        assert "sources_answer" in bucket.factory.failed_checks()
        assert line in bucket.said()
    assert (host.connections, host.requests) == (0, [])


@pytest.mark.parametrize("way", ["redirect", "page", "playlist", "playlist as a video"])
def test_a_host_cannot_lead_to_a_forbidden_one(bucket: VideoBucket, host: VideoHost, way: str) -> None:
    bucket.factory.add("184324")
    with forbidden(socket.AF_INET, "127.0.0.2") as (port, came):
        bad = f"http://127.0.0.2:{port}"
        playlist = video_files.playlists(f"{bad}/a.ts")["hls.m3u8"]
        if way == "redirect":
            host.always["/x.mp4"] = redirect(f"{bad}/x.mp4")
        elif way == "page":
            host.page("/x.mp4", f"<html><title>x</title><video src='{bad}/x.mp4'></video></html>")
        else:
            host.page("/x.mp4", playlist, HLS if way == "playlist" else "video/mp4")
        made = bucket.gather([f"{host.url}/x.mp4"])
        assert came == []
    assert host.asked("/x.mp4")
    assert made["counts"] == {"kept": 1}  # the photo
    assert "video failed (1 of its searches)" in bucket.said()


# what cannot be


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/nothing", "no video that yt-dlp knows"),
        ("/gone.mp4", "answered 404"),
        ("/large.mp4", "larger than 1000000 bytes"),
        ("/text.mp4", "not a video"),
    ],
)
def test_what_cannot_be_had_is_one_sentence_and_stops_nothing(
    bucket: VideoBucket, host: VideoHost, path: str, why: str
) -> None:
    host.page("/nothing", "<html>nothing</html>")
    host.video("/large.mp4", bytes(1_500_000))
    host.video("/text.mp4", b"this is only text" * 100)
    made = bucket.gather([host.url + path, f"{host.url}/film.mp4"], video="{max_megabytes: 1}")
    assert made["counts"] == {"kept": 3}
    (said,) = [one["said"] for one in made["searches"] if one["query"] == host.url + path]
    assert why in said
    assert said.isprintable()
    assert "video failed (1 of its searches)" in bucket.said()
    assert bucket.left_over() == []


def test_a_host_that_throttles_is_counted_as_such_and_asked_again_next_time(
    bucket: VideoBucket, host: VideoHost
) -> None:
    bucket.factory.add("184324")
    host.always["/film.mp4"] = status(429, Retry_After="1")
    made = bucket.gather([f"{host.url}/film.mp4"])
    assert bucket.factory.result.success
    assert "video throttled (1 of its searches)" in bucket.said()
    assert [one["ended"] for one in made["searches"]] == ["throttled"]
    del host.always["/film.mp4"]
    assert bucket.gather()["counts"] == {"kept": 4}


HOSTILE = {
    "a number that is none": ("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:x,\n/a.ts\n#EXT-X-ENDLIST\n", HLS),
    "half a letter in its title": (
        '<html><script type="application/ld+json">{"@context": "https://schema.org", "@type": "VideoObject", '
        '"name": "half \\ud83d", "contentUrl": "/film.mp4"}</script></html>',
        "text/html",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_page_says_stops_no_other_video(bucket: VideoBucket, host: VideoHost, name: str) -> None:
    host.page("/hostile", HOSTILE[name][0].replace('"/film.mp4"', f'"{host.url}/film.mp4"'), HOSTILE[name][1])
    made = bucket.gather([f"{host.url}/hostile", str(video_files.bikes())])
    assert made is not None, bucket.failure()
    assert [row["query"] for row in bucket.kept()].count(str(video_files.bikes())) == 6


def test_without_the_extra_the_sentence_says_what_to_install(
    bucket: VideoBucket, host: VideoHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "yt_dlp", None)
    monkeypatch.delitem(sys.modules, "dlf_resources.videos.fetch", raising=False)
    bucket.gather([f"{host.url}/film.mp4"])
    assert "pip install 'data-label-factory[video]'" in bucket.said()
    assert host.requests == []

"""Fetching a video from a page: what comes, what is said when nothing comes, and that it ends."""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import video_files
from video_host import VideoHost, breaks_after, dripping_body, dripping_head, endless, redirect, status

from dlf_core.errors import SourceError, SourceThrottled
from dlf_resources.videos.fetch import Video, fetch

BIKES = video_files.bikes().read_bytes()
Fetch = Callable[..., Video]


@pytest.fixture
def host() -> Iterator[VideoHost]:
    with VideoHost() as made:
        made.video("/bikes.mp4", BIKES)
        yield made


@pytest.fixture
def fetched(host: VideoHost, tmp_path: Path) -> Fetch:
    """Fetches a path of the host into `tmp_path/video`."""

    def get(path: str, **more: Any) -> Video:
        (tmp_path / "video").mkdir(exist_ok=True)
        settings = {"max_bytes": 50_000_000, "max_seconds": 20.0, "patience": 5.0, "retries": 1}
        url = path if "://" in path else host.url + path
        return fetch(url, tmp_path / "video", allowed=lambda address: True, **(settings | more))

    return get


@pytest.fixture
def refusal(fetched: Fetch, host: VideoHost) -> Callable[..., str]:
    """What is said instead: one sentence that begins with the address."""

    def get(path: str, error: type[SourceError] = SourceError, **more: Any) -> str:
        with pytest.raises(SourceError) as caught:
            fetched(path, **more)
        assert type(caught.value) is error
        said = str(caught.value).replace(host.url, "")
        assert said.isprintable()
        assert not re.search(r"Traceback|ERROR:|please report|yt-dlp -|\x1b", said)
        return said

    return get


# what comes


def test_a_file_that_is_a_video_comes_whole_and_alone(host: VideoHost, fetched: Fetch, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    video = fetched("/bikes.mp4", progress=lambda done, total: told.append((done, total)))
    assert video.path.read_bytes() == BIKES
    assert [one.name for one in (tmp_path / "video").iterdir()] == [video.path.name] == ["video.mp4"]
    assert video.page == f"{host.url}/bikes.mp4"
    assert told[-1] == (len(BIKES), len(BIKES))


def test_the_video_of_a_page_comes_with_its_title(host: VideoHost, fetched: Fetch) -> None:
    page = host.page("/page", "<html><title>Bicycles in rain</title><video src='/bikes.mp4'></video></html>")
    video = fetched("/page")
    assert video.path.read_bytes() == BIKES
    assert "Bicycles in rain" in (video.title or "")
    assert video.page == page


@pytest.mark.parametrize("number", [301, 302, 303, 307, 308])
def test_redirects_are_followed(host: VideoHost, fetched: Fetch, number: int) -> None:
    host.always["/here"] = redirect("/bikes.mp4", number)
    assert fetched("/here").path.read_bytes() == BIKES


def test_pieces_of_a_playlist_are_put_one_after_the_other(host: VideoHost, fetched: Fetch) -> None:
    piece = "#EXTINF:5,\n/{}.ts\n"
    text = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:5\n#EXT-X-MEDIA-SEQUENCE:0\n{}#EXT-X-ENDLIST\n"
    host.page("/list.m3u8", text.format(piece.format("a") + piece.format("b")), "application/vnd.apple.mpegurl")
    host.files["/a.ts"], host.files["/b.ts"] = (b"a" * 5000, "video/mp2t"), (b"b" * 5000, "video/mp2t")
    assert fetched("/list.m3u8").path.read_bytes() == b"a" * 5000 + b"b" * 5000


def test_nothing_of_this_machine_is_told_to_the_host(host: VideoHost, fetched: Fetch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ada password secret\n")
    fetched("/bikes.mp4")
    headers = [one.headers for one in host.requests]
    assert headers
    assert not [one for one in headers if {"cookie", "authorization", "referer", "x-forwarded-for"} & set(one)]
    assert {one["accept-encoding"] for one in headers} <= {"identity", "gzip, deflate"}


def test_a_folder_of_any_name_is_written_to(host: VideoHost, tmp_path: Path) -> None:
    folder = tmp_path / "100% $HOME %(title)s \u00e9"
    folder.mkdir()
    video = fetch(f"{host.url}/bikes.mp4", folder, max_bytes=10**7, max_seconds=20, allowed=lambda address: True)
    assert video.path == folder / "video.mp4"


@pytest.mark.parametrize("name", ["..%2f..%2fevil.mp4", "evil.mp4%00.sh", "x.desktop", "x.exe", "x.html", "$(id).mp4"])
def test_a_page_does_not_say_where_or_as_what_its_video_is_written(
    host: VideoHost, fetched: Fetch, tmp_path: Path, name: str
) -> None:
    host.video(f"/{name}", BIKES)
    disposition = {"Content_Disposition": f'attachment; filename="../../{name}"'}
    host.always[f"/{name}"] = lambda to: to.say(200, BIKES, "video/mp4", **disposition)
    try:
        path = fetched(f"/{name}").path
    except SourceError:
        path = tmp_path / "video" / "video.none"
    assert path.parent == tmp_path / "video"
    assert path.stem == "video"
    assert path.suffix not in (".desktop", ".exe", ".html", ".sh")
    assert {one.name for one in tmp_path.iterdir()} == {"video"}


# a download that broke off


def test_a_download_that_broke_off_goes_on_where_it_was(host: VideoHost, fetched: Fetch) -> None:
    half = breaks_after(BIKES, 300_000)
    host.next["/bikes.mp4"] = [half, half]  # the look at what it is, and the download
    assert fetched("/bikes.mp4", retries=3).path.read_bytes() == BIKES
    starts = [int(one.headers["range"][6:].split("-")[0]) for one in host.requests if "range" in one.headers]
    assert max(starts) > 250_000


def test_called_again_it_goes_on_where_it_was(host: VideoHost, fetched: Fetch, refusal: Callable[..., str]) -> None:
    host.always["/bikes.mp4"] = breaks_after(BIKES, 300_000)
    assert refusal("/bikes.mp4", retries=0).startswith("/bikes.mp4: ")
    del host.always["/bikes.mp4"]
    before = len(host.requests)
    assert fetched("/bikes.mp4", retries=0).path.read_bytes() == BIKES
    starts = [one.headers["range"] for one in host.requests[before:] if "range" in one.headers]
    assert "bytes=300000-" in starts


def test_what_was_there_already_is_not_asked_for_again(host: VideoHost, fetched: Fetch) -> None:
    first = fetched("/bikes.mp4")
    before = len(host.requests)
    assert fetched("/bikes.mp4").path == first.path
    assert len(host.requests) - before <= 2
    assert first.path.read_bytes() == BIKES


# what is said


@pytest.mark.parametrize("number", [400, 401, 403, 404, 410, 500, 503])
def test_an_error_of_the_host_is_told_with_its_number(
    host: VideoHost, refusal: Callable[..., str], number: int
) -> None:
    host.always["/x.mp4"] = status(number)
    assert f"answered {number}" in refusal("/x.mp4")


def test_a_host_that_wants_to_be_asked_less_is_throttling(host: VideoHost, refusal: Callable[..., str]) -> None:
    host.always["/x.mp4"] = status(429, Retry_After="1")
    assert "429" in refusal("/x.mp4", error=SourceThrottled)


@pytest.mark.parametrize(("number", "error"), [(429, SourceThrottled), (404, SourceError)])
def test_an_error_in_the_midst_of_pieces_is_told_as_any_other(
    host: VideoHost, refusal: Callable[..., str], number: int, error: type[SourceError]
) -> None:
    text = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n/a.ts\n#EXT-X-ENDLIST\n"
    host.page("/list.m3u8", text, "application/vnd.apple.mpegurl")
    host.always["/a.ts"] = status(number)
    assert str(number) in refusal("/list.m3u8", error=error)


def test_a_page_without_video_is_told(host: VideoHost, refusal: Callable[..., str]) -> None:
    host.page("/page", "<html><body>nothing</body></html>")
    assert refusal("/page") == "/page: no video that yt-dlp knows"


def test_a_page_of_several_videos_is_told(host: VideoHost, refusal: Callable[..., str]) -> None:
    host.video("/b.mp4", BIKES)
    host.page("/page", "<html><title>Two</title><video src='/bikes.mp4'></video><video src='/b.mp4'></video></html>")
    assert "several videos" in refusal("/page")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x.mp4", "http://nowhere.invalid/x.mp4"])
def test_a_host_that_is_not_there_is_told(refusal: Callable[..., str], url: str) -> None:
    assert "the connection failed" in refusal(url)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://127.0.0.1/a.mp4", "rtmp://127.0.0.1/x", "data:video/mp4;base64,AA", "://", ""]
)
def test_other_addresses_are_told(tmp_path: Path, url: str) -> None:
    with pytest.raises(SourceError):
        fetch(url, tmp_path, max_bytes=10**6, max_seconds=5, allowed=lambda address: True, retries=0)
    assert list(tmp_path.iterdir()) == []


def test_redirects_in_a_ring_end(host: VideoHost, refusal: Callable[..., str]) -> None:
    host.always["/ring"] = redirect("/ring")
    assert refusal("/ring")
    assert len(host.requests) < 60


HOSTILE = {
    "timescale": (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet '
        'mimeType="video/mp4"><SegmentTemplate timescale="x" duration="y" media="$Number$.mp4" startNumber="z"/>'
        '<Representation id="1" bandwidth="q" width="64" height="64"/></AdaptationSet></Period></MPD>',
        "application/dash+xml",
    ),
    "xml": ('<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><', "application/dash+xml"),
    "host": ("<html><title>x</title><video src='http://[oops/x.mp4'></video></html>", "text/html"),
    "port": ("<html><title>x</title><video src='http://127.0.0.1:99999999/x.mp4'></video></html>", "text/html"),
    "json": (
        '<html><script type="application/ld+json">{"@type": "VideoObject", "contentUrl": 5}</script>',
        "text/html",
    ),
    "key": (
        '#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXT-X-KEY:METHOD=AES-128,URI="http://[",IV=0xzz\n#EXTINF:5,\n/a.ts\n#EXT-X-ENDLIST\n',
        "application/vnd.apple.mpegurl",
    ),
    "range": (
        "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:x,\n#EXT-X-BYTERANGE:a@b\n/a.ts\n#EXT-X-ENDLIST\n",
        "application/vnd.apple.mpegurl",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_page_says_breaks_nothing(host: VideoHost, refusal: Callable[..., str], name: str) -> None:
    """Whatever its text stumbles over, a source that fails must not stop the others: it is a SourceError."""
    host.page("/page", *HOSTILE[name])
    assert refusal("/page", retries=0)


@pytest.mark.parametrize(
    "where", ["http://[oops/", "http://127.0.0.1:99999999/x", "http://a b/\u2028", "//", "http://"]
)
def test_a_redirect_to_no_address_breaks_nothing(host: VideoHost, refusal: Callable[..., str], where: str) -> None:
    host.always["/x.mp4"] = redirect(where.encode().decode("latin-1"))
    assert refusal("/x.mp4", retries=0)


# that it ends


def test_more_bytes_than_allowed_are_not_taken(host: VideoHost, refusal: Callable[..., str], tmp_path: Path) -> None:
    assert "larger than 100000 bytes" in refusal("/bikes.mp4", max_bytes=100_000)
    assert sum(one.stat().st_size for one in (tmp_path / "video").iterdir()) <= 100_000


def test_a_video_without_end_is_cut_at_the_allowed_bytes(
    host: VideoHost, refusal: Callable[..., str], tmp_path: Path
) -> None:
    host.always["/x.mp4"] = endless
    assert "larger than 3000000 bytes" in refusal("/x.mp4", max_bytes=3_000_000)
    assert sum(one.stat().st_size for one in (tmp_path / "video").iterdir()) < 8_000_000


@pytest.mark.parametrize("slow", [dripping_head, dripping_body])
def test_a_host_that_drips_is_left_when_time_is_up(host: VideoHost, refusal: Callable[..., str], slow: Any) -> None:
    host.always["/x.mp4"] = slow
    began = time.monotonic()
    assert "took too long" in refusal("/x.mp4", max_seconds=1.0)
    assert time.monotonic() - began < 4


def test_a_page_that_unpacks_without_end_is_left(host: VideoHost, refusal: Callable[..., str]) -> None:
    bomb = gzip.compress(bytes(80 << 20), 9)
    host.always["/page"] = lambda to: to.say(200, bomb, Content_Encoding="gzip")
    assert "unpacks to more than" in refusal("/page")

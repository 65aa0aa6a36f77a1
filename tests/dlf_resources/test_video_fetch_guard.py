"""Proof that yt-dlp connects to allowed addresses only and starts no program, whatever a page says.

To be run at every new yt-dlp: it rests on which request handlers, downloaders and programs yt-dlp has.
Forbidden are 127.0.0.2 and ::1, where listeners tell who came; every connection and program that Python makes is seen.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import video_files
from video_host import VideoHost, forbidden, redirect
from yt_dlp.extractor import openload
from yt_dlp.extractor.generic import GenericIE
from yt_dlp.utils import ExtractorError

from dlf_core.errors import SourceError
from dlf_resources.videos import fetch as module
from dlf_resources.videos.fetch import fetch

BIKES = video_files.bikes().read_bytes()
HLS, DASH = "application/vnd.apple.mpegurl", "application/dash+xml"
PROGRAMS = ("ffmpeg", "ffprobe", "avconv", "aria2c", "curl", "wget", "axel", "phantomjs", "rtmpdump", "mpv", "mplayer")
PROGRAMS += ("deno", "node", "bun", "qjs", "sh", "python3", "AtomicParsley")
_WATCHED = ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "os.fork", "pty.spawn")

_connected: list[tuple[Any, ...]] = []
_started: list[Any] = []
_watching = False


def _watch(event: str, args: tuple[Any, ...]) -> None:
    """An audit hook; it stays in the process, so it does nothing unless a test of this file runs."""
    if not _watching:
        return
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = args[1]
        if isinstance(address, tuple):
            _connected.append(address)
    elif event in _WATCHED:
        _started.append(args)


@pytest.fixture(scope="module")
def hook() -> None:
    sys.addaudithook(_watch)


class Place:
    """A host that may be connected to, and those that must not be."""

    def __init__(self, host: VideoHost, bad: str, bad6: str, folder: Path) -> None:
        self.host = host
        self.bad = bad
        self.bad6 = bad6
        self.folder = folder

    def fetched(self, url: str) -> str:
        """What is said; empty when a video came."""
        try:
            fetch(
                url if ":" in url else self.host.url + url,
                self.folder,
                max_bytes=5_000_000,
                max_seconds=10,
                allowed=lambda address: address == "127.0.0.1",
                patience=2,
                retries=1,
            )
        except SourceError as error:
            return str(error)
        return ""


@pytest.fixture
def place(hook: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """On leaving: nobody came to the listeners, Python connected nowhere else, and no program ran."""
    global _watching
    programs, mark = tmp_path / "programs", tmp_path / "started"
    programs.mkdir()
    for name in PROGRAMS:
        text = f"#!/bin/sh\necho {name} \"$@\" >> '{mark}'\necho 'ffmpeg version 7.1'\n"
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    (tmp_path / "video").mkdir()
    with (
        VideoHost() as host,
        forbidden(socket.AF_INET, "127.0.0.2", host.port) as (_, came),
        forbidden(socket.AF_INET6, "::1") as (port6, came6),
        forbidden(socket.AF_INET, "127.0.0.2") as (proxy, came_to_proxy),
    ):
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
        for name in ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.2:{proxy}")
            monkeypatch.setenv(name.upper(), f"http://127.0.0.2:{proxy}")
        monkeypatch.setattr(socket, "getaddrinfo", _Names())
        host.video("/bikes.mp4", BIKES)
        _connected.clear()
        _started.clear()
        _watching = True
        try:
            yield Place(host, f"http://127.0.0.2:{host.port}", f"http://[::1]:{port6}", tmp_path / "video")
        finally:
            _watching = False
        assert came + came6 + came_to_proxy == []
        assert {address[:2] for address in _connected} <= {("127.0.0.1", host.port)}
        assert _started == []
        assert not mark.exists()


class _Names:
    """A name server: `good.test` is allowed, `bad.test` and `both.test` are not, `turns.test` is only at first."""

    def __init__(self) -> None:
        self.real = socket.getaddrinfo
        self.turns = 0

    def __call__(self, host: str, port: int, *more: Any, **named: Any) -> list[Any]:
        addresses = {"good.test": ["127.0.0.1"], "bad.test": ["127.0.0.2"], "both.test": ["127.0.0.1", "127.0.0.2"]}
        if host == "turns.test":
            self.turns += 1
            addresses[host] = ["127.0.0.1" if self.turns == 1 else "127.0.0.2"]
        if host not in addresses and host.strip("[]0123456789abcdefx:.%") != "":
            raise socket.gaierror(socket.EAI_NONAME, "there are no other names here")
        found = [self.real(one, port, *more, **named) for one in addresses.get(host, [host])]
        return [entry for entries in found for entry in entries]


# what must work, so that the rest shows something


@pytest.mark.parametrize("path", ["/bikes.mp4", "http://good.test:{port}/bikes.mp4"])
def test_an_allowed_host_gives_its_video(place: Place, path: str) -> None:
    assert place.fetched(path.format(port=place.host.port)) == ""
    assert [one.read_bytes() == BIKES for one in place.folder.iterdir()] == [True]
    assert place.host.connections > 0
    assert _connected


@pytest.mark.parametrize("key", [False, True])
def test_pieces_of_an_allowed_host_come(place: Place, key: bool) -> None:
    place.host.files["/a.ts"] = bytes(16 * 100), "video/mp2t"
    place.host.files["/key"] = bytes(16), "application/octet-stream"
    place.host.page("/list.m3u8", hls("/a.ts", "/key" if key else None), HLS)
    said = place.fetched("/list.m3u8")
    assert place.host.asked("/a.ts") or "another program" in said
    assert said == "" or key


# where it must not go


def hls(segment: str, key: str | None = None, method: str = "AES-128", *, ended: bool = True) -> str:
    lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:5", "#EXT-X-MEDIA-SEQUENCE:0"]
    lines += [f'#EXT-X-KEY:METHOD={method},URI="{key}"'] if key else []
    return "\n".join([*lines, "#EXTINF:5,", segment, *(["#EXT-X-ENDLIST"] if ended else [])]) + "\n"


def master(variant: str, sound: str) -> str:
    media = f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",DEFAULT=YES,URI="{sound}"\n'
    return f'#EXTM3U\n{media}#EXT-X-STREAM-INF:BANDWIDTH=9000,RESOLUTION=640x272,AUDIO="a"\n{variant}\n'


def dash(base: str) -> str:
    return (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">'
        '<Period duration="PT9S"><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="9" height="9" '
        f'codecs="avc1.4d401e"><BaseURL>{base}/v.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>'
    )


def html(inner: str) -> str:
    return f"<html><head><title>Hi</title></head><body>{inner}</body></html>"


PAGES = {
    "video": lambda bad: (html(f"<video src='{bad}/x.mp4'></video>"), "text/html"),
    "source": lambda bad: (html(f"<video><source src='{bad}/x.m3u8' type='{HLS}'></video>"), "text/html"),
    "track": lambda bad: (html(f"<video src='/bikes.mp4' poster='{bad}/p.jpg'><track src='{bad}/t.vtt'>"), "text/html"),
    "iframe": lambda bad: (html(f"<iframe src='{bad}/embed/x.html'></iframe>"), "text/html"),
    "refresh": lambda bad: (f"<html><meta http-equiv='refresh' content='0;url={bad}/z'></html>", "text/html"),
    "og": lambda bad: (f"<html><title>x</title><meta property='og:video' content='{bad}/x.mp4'></html>", "text/html"),
    "json-ld": lambda bad: (
        f'<script type="application/ld+json">{{"@type": "VideoObject", "contentUrl": "{bad}/x.mp4"}}</script>',
        "text/html",
    ),
    "rtmp": lambda bad: (html("<video><source src='rtmp://127.0.0.2/x' type='video/mp4'></video>"), "text/html"),
    "rss": lambda bad: (
        f"<?xml version='1.0'?><rss><channel><title>x</title><item><link>{bad}/x.mp4</link></item></channel></rss>",
        "application/rss+xml",
    ),
    "hls segment": lambda bad: (hls(f"{bad}/a.ts"), HLS),
    "hls file": lambda bad: (hls("file:///etc/passwd"), HLS),
    "hls key": lambda bad: (hls("/a.ts", f"{bad}/key"), HLS),
    "hls sample key": lambda bad: (hls("/a.ts", f"{bad}/key", "SAMPLE-AES"), HLS),
    "hls live": lambda bad: (hls(f"{bad}/a.ts", ended=False), HLS),
    "hls map": lambda bad: (hls("/a.ts").replace("#EXTINF", f'#EXT-X-MAP:URI="{bad}/m.mp4"\n#EXTINF'), HLS),
    "hls variant": lambda bad: (master(f"{bad}/v.m3u8", f"{bad}/s.m3u8"), HLS),
    "hls session key": lambda bad: (
        hls("/a.ts").replace("#EXTINF", f'#EXT-X-SESSION-KEY:METHOD=AES-128,URI="{bad}/key"\n#EXTINF'),
        HLS,
    ),
    "dash": lambda bad: (dash(bad), DASH),
    "smil": lambda bad: (
        f"<smil><head><meta base='{bad}/'/></head><body><video src='x.mp4'/></body></smil>",
        "application/smil+xml",
    ),
    "smooth": lambda bad: (
        f"<SmoothStreamingMedia MajorVersion='2' Duration='1'><StreamIndex Type='video' Url='{bad}/q/f'>"
        "<QualityLevel Index='0' Bitrate='1' FourCC='H264' CodecPrivateData='00'/><c d='1'/></StreamIndex>"
        "</SmoothStreamingMedia>",
        "application/vnd.ms-sstr+xml",
    ),
    "f4m": lambda bad: (
        f"<manifest xmlns='http://ns.adobe.com/f4m/1.0'><media url='{bad}/x' bitrate='1'/></manifest>",
        "application/f4m+xml",
    ),
    "entity": lambda bad: (
        f"<?xml version='1.0'?><!DOCTYPE MPD SYSTEM '{bad}/x.dtd' [<!ENTITY x SYSTEM '{bad}/x'>]>{dash('&x;')[21:]}",
        DASH,
    ),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_that_names_forbidden_addresses_leads_nowhere(place: Place, name: str) -> None:
    place.host.files["/a.ts"] = bytes(16), "video/mp2t"
    place.host.page("/page", *PAGES[name](place.bad))
    said = place.fetched("/page")
    assert said or name in ("track", "hls session key")
    assert place.host.asked("/page")


@pytest.mark.parametrize(
    ("where", "number"),
    [
        *(("{bad}/x.mp4", number) for number in (301, 302, 303, 307, 308)),
        ("{bad6}/x.mp4", 302),
        ("http://bad.test:{port}/x", 302),
        ("//127.0.0.2:{port}/x", 302),
    ],
)
def test_a_redirect_to_a_forbidden_address_is_not_followed(place: Place, where: str, number: int) -> None:
    url = where.format(bad=place.bad, bad6=place.bad6, port=place.host.port)
    place.host.always["/here"] = redirect(url, number)
    assert "not a public address" in place.fetched("/here")


@pytest.mark.parametrize(
    "where", ["file:///etc/passwd", "data:text/plain,x", "ftp://127.0.0.2/x", "gopher://127.0.0.2/"]
)
def test_a_redirect_to_another_scheme_is_not_followed(place: Place, where: str) -> None:
    place.host.always["/here"] = redirect(where)
    assert place.fetched("/here")
    assert list(place.folder.iterdir()) == []


def test_a_second_look_that_redirects_is_judged_too(place: Place) -> None:
    """Harmless while it is looked at, elsewhere when it is downloaded."""
    place.host.always["/late.mp4"] = redirect(f"{place.bad}/x.mp4")
    place.host.next["/late.mp4"] = [lambda to: to.file(BIKES, "video/mp4")]
    assert "not a public address" in place.fetched("/late.mp4")


@pytest.mark.parametrize(
    "url",
    [
        "{bad}/x.mp4",
        "{bad6}/x.mp4",
        "http://bad.test:{port}/x.mp4",
        "http://both.test:{port}/bikes.mp4",
        "http://turns.test:{port}/bikes.mp4",
        "http://[::ffff:127.0.0.2]:{port}/x.mp4",
        "http://2130706434:{port}/x.mp4",
        "http://0x7f.2:{port}/x.mp4",
        "http://0177.0.0.2:{port}/x.mp4",
        "http://0:{port}/x.mp4",
        "http://127.0.0.1@127.0.0.2:{port}/x.mp4",
        "https://127.0.0.2:{port}/x.mp4",
        "rtmp://127.0.0.2/x",
        "rtsp://127.0.0.2:{port}/x.mp4",
        "ws://127.0.0.2:{port}/x",
        "mms://127.0.0.2:{port}/x",
        "ftp://127.0.0.2:{port}/x.mp4",
        "udp://127.0.0.2:{port}",
        "ytsearch:cat",
        "https://www.youtube.com/watch?v=aaaaaaaaaaa",
    ],
)
def test_an_address_that_is_forbidden_is_not_connected_to(place: Place, url: str) -> None:
    assert place.fetched(url.format(bad=place.bad, bad6=place.bad6, port=place.host.port))


# never open by accident


def test_a_yt_dlp_that_does_not_take_the_guard_fetches_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a newer one might: the director is built from yt-dlp's own handlers."""
    monkeypatch.delattr(module._Guarded, "build_request_director")
    with pytest.raises((RuntimeError, SourceError)):
        place.fetched("/bikes.mp4")
    assert place.host.connections == 0


def test_an_extractor_that_wants_phantomjs_is_told_that_there_is_none(place: Place) -> None:
    guard = module.Guard(lambda address: True, module.Allowance(0.0, 0), 1.0)
    with module._Guarded({"quiet": True}, guard) as downloader, pytest.raises(ExtractorError, match="PhantomJS"):
        openload.PhantomJSwrapper(GenericIE(downloader))


def test_no_plugin_of_the_users_is_loaded() -> None:
    assert os.environ["YTDLP_NO_PLUGINS"] == "1"


def test_the_handler_speaks_http_only_and_to_no_proxy(tmp_path: Path) -> None:
    guard = module.Guard(lambda address: True, module.Allowance(0.0, 0), 1.0)
    with module._Guarded({"quiet": True}, guard) as downloader:
        handlers = list(downloader._request_director.handlers.values())
    (handler,) = handlers
    assert handler._SUPPORTED_URL_SCHEMES == ("http", "https")
    assert handler._SUPPORTED_PROXY_SCHEMES == ()

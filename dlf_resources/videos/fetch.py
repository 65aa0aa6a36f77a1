"""One video file from a page, by yt-dlp, that can connect only to public addresses, for so long and so many bytes.

yt-dlp opens connections in several request handlers (urllib, requests, curl_cffi, websockets) and starts programs
(ffmpeg, aria2c, rtmpdump, PhantomJS). Here it gets a single handler, built on its urllib one, whose connections are
those of `web/guarded_sockets.py`. What would start a program is refused. (Deno, where it is installed, does run:
YouTube needs it; yt-dlp gives it no access to the network.)

Never fails open: when a newer yt-dlp does not take the handler, nothing is fetched (`_Guarded.__init__`).
"""

from __future__ import annotations

import http.client
import os
import time
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlf_core.errors import SourceError, SourceThrottled
from dlf_resources.web.guarded_sockets import PAGE_BYTES, Allowance, Guard, Refused, connections, inflated

# Plugins are code from ~/.yt-dlp, ~/.config/yt-dlp and every folder of sys.path; read when yt_dlp loads them.
os.environ["YTDLP_NO_PLUGINS"] = "1"

import yt_dlp
from yt_dlp.downloader import get_suitable_downloader
from yt_dlp.downloader.dash import DashSegmentsFD
from yt_dlp.downloader.hls import HlsFD
from yt_dlp.downloader.http import HttpFD
from yt_dlp.extractor import openload
from yt_dlp.networking import _urllib
from yt_dlp.networking.exceptions import HTTPError, RequestError, TransportError
from yt_dlp.postprocessor.ffmpeg import FFmpegPostProcessor
from yt_dlp.utils import DownloadCancelled, DownloadError, UnsupportedError

_DOWNLOADERS = (HttpFD, HlsFD, DashSegmentsFD)
"""The downloaders that only use the request handler."""
_THROTTLED = 429
_NO_PROGRAM = "/nonexistent/no-ffmpeg"


def _opener_handler(guard: Guard) -> type[_urllib.HTTPHandler]:
    """yt-dlp's urllib handler, with connections from the guard and decompression within bounds."""

    plain, tls = connections(guard)

    class Handler(_urllib.HTTPHandler):
        @staticmethod
        def _make_conn_class(base: type, req: urllib.request.Request) -> type:
            return tls if issubclass(base, http.client.HTTPSConnection) else plain

        @staticmethod
        def gz(data: bytes) -> bytes:
            return data and inflated(data, zlib.MAX_WBITS | 16, PAGE_BYTES)

        @staticmethod
        def deflate(data: bytes) -> bytes:
            try:
                return data and inflated(data, -zlib.MAX_WBITS, PAGE_BYTES)
            except zlib.error:
                return inflated(data, zlib.MAX_WBITS, PAGE_BYTES)

    return Handler


def _handler(guard: Guard, errors: set[int]) -> type[_urllib.UrllibRH]:
    """The only request handler that yt-dlp is given; it notes the HTTP errors that it meets."""
    http_handler = _opener_handler(guard)

    class GuardedRH(_urllib.UrllibRH):
        RH_NAME = "guarded"
        _SUPPORTED_URL_SCHEMES = ("http", "https")
        _SUPPORTED_PROXY_SCHEMES = ()

        def _prepare_headers(self, _: Any, headers: Any) -> None:
            headers.setdefault("Accept-Encoding", "gzip, deflate")  # no Brotli: its module cannot stop halfway

        def _create_instance(self, proxies: Any, cookiejar: Any, legacy_ssl_support: Any = None) -> Any:
            opener = urllib.request.OpenerDirector()
            for one in (
                http_handler(context=self._make_sslcontext(legacy_ssl_support=legacy_ssl_support)),
                urllib.request.HTTPCookieProcessor(cookiejar),
                urllib.request.UnknownHandler(),
                urllib.request.HTTPDefaultErrorHandler(),
                urllib.request.HTTPErrorProcessor(),
                _urllib.RedirectHandler(),
            ):
                opener.add_handler(one)
            opener.addheaders = []
            return opener

        def _send(self, request: Any) -> Any:
            try:
                response = super()._send(request)
            except Exception as error:
                if isinstance(error, HTTPError):
                    errors.add(error.status)
                # Not a TransportError: those are tried again.
                raise _final(error) from error
            read = response.read

            def reading(amt: int | None = None) -> bytes:
                try:
                    return read(amt)
                except Exception as error:
                    raise _final(error) from error

            response.read = reading
            return response

    return GuardedRH


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came from, also where yt-dlp keeps that in attributes of its own."""
    seen: set[int] = set()
    waiting: list[Any] = [error]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            info = getattr(one, "exc_info", None) or (None, None)
            waiting += [
                one.__cause__,
                getattr(one, "cause", None),
                getattr(one, "reason", None),
                info[1],
                one.__context__,
            ]


def _final(error: Exception) -> Exception:
    """The error, or, when the guard is behind it, one that yt-dlp does not try again."""
    refused = next((one for one in _chain(error) if isinstance(one, Refused)), None)
    return error if refused is None else RequestError(str(refused), cause=refused)


class _Silent:
    """yt-dlp's log: nothing is printed, warnings are kept."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def debug(self, message: str) -> None:
        pass

    def info(self, message: str) -> None:
        pass

    def warning(self, message: str) -> None:
        self.warnings.append(message)

    def error(self, message: str) -> None:
        pass


class _Guarded(yt_dlp.YoutubeDL):
    def __init__(self, params: dict[str, Any], guard: Guard, folder: Path | None = None) -> None:
        self.http_errors: set[int] = set()
        self._folder = (folder or Path()).absolute()
        self._handler_class = _handler(guard, self.http_errors)
        if not hasattr(openload, "check_executable"):
            raise RuntimeError("this yt-dlp looks for PhantomJS in a way that is not known here")
        # Where no YoutubeDL is at hand (FFmpegFD.available) ffmpeg is looked for here, and else on the PATH.
        FFmpegPostProcessor._ffmpeg_location.set(_NO_PROGRAM)
        openload.check_executable = lambda *args, **kwargs: False
        super().__init__(params)
        if [type(one) for one in self._request_director.handlers.values()] != [self._handler_class]:
            raise RuntimeError("this yt-dlp does not take the guarded request handler")

    def build_request_director(self, handlers: Any, preferences: Any = None) -> Any:
        return super().build_request_director([self._handler_class])

    def get_output_path(self, dir_type: str = "", filename: str | None = None) -> str:
        """yt-dlp's own expands `$NAME` and `~` in the folder."""
        return str(self._folder / (filename or ""))

    def dl(self, name: str, info: dict[str, Any], subtitle: bool = False, test: bool = False) -> Any:
        if get_suitable_downloader(dict(info), self.params, to_stdout=False) not in _DOWNLOADERS:
            raise SourceError(f"it is sent by {info.get('protocol')}, which needs another program")
        return super().dl(name, info, subtitle, test)


@dataclass(frozen=True)
class Video:
    """A file and what its page says of it."""

    path: Path
    title: str | None
    author: str | None
    license: str | None
    page: str


def fetch(
    url: str,
    folder: Path,
    *,
    height: int = 1080,
    max_bytes: int,
    max_seconds: float,
    allowed: Callable[[str], bool],
    patience: float = 20.0,
    retries: int = 3,
    progress: Callable[[int, int | None], None] | None = None,
) -> Video:
    """The best stream of at most that height, in one file in a folder that should hold nothing else.

    A download that broke off is continued when called again with the same folder.

    Args:
        max_seconds: for everything together.
        patience: seconds without a byte.
        allowed: says whether an IP address may be connected to.
        progress: told the bytes so far and in all.

    Raises:
        SourceError: with a sentence for the user.
    """
    guard = Guard(allowed, Allowance(time.monotonic() + max_seconds, PAGE_BYTES), patience)
    log = _Silent()

    def watch(status: dict[str, Any]) -> None:
        done = status.get("downloaded_bytes") or 0
        if done > max_bytes:
            raise DownloadCancelled(f"it is larger than {max_bytes} bytes")
        guard.allowance.seconds()
        if progress:
            progress(done, status.get("total_bytes") or status.get("total_bytes_estimate"))

    best = f"[height<=?{height}][protocol!*=m3u8][protocol!*=dash]"
    any_protocol = f"[height<=?{height}]"
    params: dict[str, Any] = {
        # video without sound in one file; with sound in one file; then in pieces that are only put one after the other
        "format": f"bv{best}/b{best}/bv*{best}/bv{any_protocol}/b{any_protocol}/bv*{any_protocol}",
        "format_sort": [f"res:{height}", "vcodec:h264"],
        "outtmpl": "video.%(ext)s",
        "noplaylist": True,
        "extract_flat": "in_playlist",
        "playlistend": 1,
        "lazy_playlist": True,
        "quiet": True,
        "noprogress": True,
        "logger": log,
        "color": "no_color",
        "cachedir": False,
        "proxy": "",
        "geo_bypass": False,
        "socket_timeout": patience,
        "retries": retries,
        "fragment_retries": retries,
        "extractor_retries": retries,
        "file_access_retries": 0,
        "skip_unavailable_fragments": False,
        "concurrent_fragment_downloads": 1,
        "continuedl": True,
        "overwrites": False,
        "updatetime": False,
        "max_filesize": max_bytes,
        "progress_hooks": [watch],
        "external_downloader": {"default": "native"},
        "hls_prefer_native": True,
        "ffmpeg_location": _NO_PROGRAM,
        "fixup": "never",
        "postprocessors": [],
        "js_runtimes": {"deno": {}},
        "remote_components": set(),
        "enable_file_urls": False,
        "check_formats": False,
    }
    downloader = _Guarded(params, guard, folder)
    try:
        with downloader:
            found = downloader.extract_info(url, download=False)
            _check(found, max_bytes)
            guard.allowance.bytes = max_bytes + PAGE_BYTES
            info = downloader.sanitize_info(downloader.process_ie_result(found, download=True))
    except DownloadCancelled as error:
        raise SourceError(f"{url}: {error}") from None
    except (DownloadError, RequestError, Refused) as error:
        if _THROTTLED in downloader.http_errors:
            raise SourceThrottled(f"{url}: {_sentence(error)}") from None
        raise SourceError(f"{url}: {_sentence(error)}{_hint(log.warnings)}") from None
    except SourceError:
        raise
    except Exception as error:  # extractors stumble over what a page says in any way there is
        raise SourceError(f"{url}: yt-dlp cannot read it ({type(error).__name__}: {_plain(str(error))})") from error
    files = [Path(one["filepath"]) for one in info.get("requested_downloads") or () if one.get("filepath")]
    if len(files) != 1 or not files[0].is_file():
        raise SourceError(f"{url}: nothing was written; it may be larger than {max_bytes} bytes")
    return Video(
        path=files[0],
        title=_text(info.get("title")),
        author=_text(info.get("uploader") or info.get("channel")),
        license=_text(info.get("license")),
        page=_text(info.get("webpage_url")) or url,
    )


def _text(value: object) -> str | None:
    """Text that can be written down: JSON of a page may hold half a letter."""
    return str(value).encode("utf-8", "replace").decode() if value is not None else None


def _plain(text: str) -> str:
    """One printable line."""
    return "".join(letter if letter.isprintable() else " " for letter in _text(text.strip()) or "")


def _check(info: dict[str, Any], max_bytes: int) -> None:
    """What the page says suffices to refuse."""
    if info.get("_type", "video") != "video":
        raise SourceError(f"{info.get('webpage_url')}: several videos ({info.get('title')}); name one of them")
    if info.get("is_live") or info.get("live_status") in {"is_live", "is_upcoming"}:
        raise SourceError(f"{info.get('webpage_url')}: live")
    size = info.get("filesize") or 0
    if size > max_bytes:
        raise SourceError(f"{info.get('webpage_url')}: has {size} bytes, more than {max_bytes}")


def _hint(warnings: list[str]) -> str:
    if any("JavaScript runtime" in text for text in warnings):
        return '; YouTube needs a JavaScript runtime: pip install "yt-dlp[default,deno]"'
    return ""


def _sentence(error: BaseException) -> str:
    """The cause in words; the guard's before any other."""
    chain = list(_chain(error))
    for one in chain:
        if isinstance(one, Refused):
            return str(one)
    for one in chain:
        if isinstance(one, UnsupportedError):
            return "no video that yt-dlp knows"
        if isinstance(one, HTTPError):
            return f"answered {one.status} {one.reason}"
        if isinstance(one, TransportError):
            return f"the connection failed: {one.msg}"
    said = str(error).removeprefix("ERROR: ").strip().removeprefix("[download] Got error: ")
    return _plain(said.partition("; please report this issue")[0].partition("\n")[0])

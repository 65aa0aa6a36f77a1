"""Frames of videos (`videos:` of a bucket): of files here, and of any page that yt-dlp knows.

A video is fetched and looked through once. Which frames it gave is recorded; their pictures wait in a work folder until
the gather has taken them, and are made anew should one of them be needed later.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import shutil
import threading
import unicodedata
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from dlf_core.candidate_states import CandidateState
from dlf_core.errors import FactoryError, ImageRejected, SourceError
from dlf_core.licenses import identify
from dlf_core.sections import Bucket
from dlf_resources.sources.base import Candidate, Surroundings
from dlf_resources.sources.files import file_url, local_candidate, path_of, read_file, shown_name, version_of

QUALITY = 95
LONG_SCENE_SECONDS = 10.0
"""Of a scene that lasts longer, a picture is taken of each stretch of this length."""
LEAST_SHARPNESS = 0.1
"""Share of the video's median sharpness below which a frame counts as blurred."""
LOOKS = 8.0
"""A second, in the first pass."""
MOST_SECONDS = 3600.0
"""For a whole video, from its page to its last byte."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A video, as it was found: what holds for all its frames, and their times in milliseconds."""

    candidate: Candidate
    milliseconds: Sequence[int]

    def frames(self) -> list[Candidate]:
        title, url = self.candidate.title or "", self.candidate.url
        return [
            replace(self.candidate, url=f"{url}#t={at / 1000:.3f}", title=f"{title} at {at / 1000:.3f} s")
            for at in self.milliseconds
        ]


class VideoSource:
    """See the module's text."""

    name = "video"
    remote = True
    recalls = True

    def __init__(self, surroundings: Surroundings):
        self._project = surroundings.project
        self._settings = surroundings.project.video
        self.usual: int | None = self._settings.max_frames
        self._guard = surroundings.connection.guard
        self._work = surroundings.work
        self._records = surroundings.records
        self._tell = surroundings.tell
        self._one_at_a_time = asyncio.Lock()
        self._gave_up: dict[str, str] = {}
        self._digests: dict[str, str] = {}

    def lines(self, bucket: Bucket) -> list[str]:
        """The bucket's `videos`."""
        return list(dict.fromkeys(bucket.videos))

    async def find(self, line: str, most: int | None) -> AsyncIterator[Candidate]:
        """The frames that are taken, in order of time."""
        known = await asyncio.to_thread(self._recorded, line) or await self._looked_through(line)
        for candidate in known.frames()[:most]:
            yield candidate

    async def fetch(self, candidate: Candidate, max_bytes: int) -> bytes:
        """The frame as a JPEG; made anew where it is no longer there."""
        at = candidate.url.rpartition("#t=")[2]
        file = self._folder(candidate.query) / f"{at}.jpg"
        if not file.exists():
            async with self._one_at_a_time:
                if not file.exists() and candidate.query not in self._gave_up:
                    # Once a gather: what the video does not give now, it does not give to the next frame either.
                    self._gave_up[candidate.query] = "the video has no frame at this time any more"
                    try:
                        await self._looked_through(candidate.query)
                    except SourceError as error:
                        self._gave_up[candidate.query] = str(error)
        if not file.exists():
            raise ImageRejected(CandidateState.UNREADABLE, self._gave_up[candidate.query])
        return await asyncio.to_thread(read_file, file, max_bytes)

    async def _looked_through(self, line: str) -> _Known:
        stopped = threading.Event()  # a thread cannot be cancelled; it has to look up by itself
        try:
            return await asyncio.to_thread(self._look_through, line, stopped)
        finally:
            stopped.set()

    def _look_through(self, line: str, stopped: threading.Event) -> _Known:
        """Fetch the video, write its frames into the work folder, and record them."""
        folder = self._folder(line)
        folder.mkdir(parents=True, exist_ok=True)
        local = self._local(line)
        if local is None:
            path, found = self._fetched(line, folder, stopped)
        else:
            path, found = local, self._of_file(line, local)
        known = _Known(found, self._written(path, folder, stopped))
        record = {"candidate": asdict(found), "milliseconds": list(known.milliseconds)}
        self._records.mkdir(parents=True, exist_ok=True)
        temporary = folder / "record.json"
        temporary.write_bytes(orjson.dumps(record))
        temporary.replace(self._record(line))
        if local is None:
            shutil.rmtree(folder / "download", ignore_errors=True)
        return known

    def _written(self, path: Path, folder: Path, stopped: threading.Event) -> list[int]:
        from PIL import Image

        try:
            from dlf_resources.videos.choice import Taste
            from dlf_resources.videos.frames import VideoRejected, pictures
        except ImportError:
            raise SourceError(_MISSING) from None
        chosen = self._settings
        scenes = chosen.frames == "scenes"
        taste = Taste(
            every=LONG_SCENE_SECONDS if scenes else 1 / chosen.fps,
            scenes=scenes,
            max_frames=chosen.max_frames,
            looks=LOOKS if scenes else max(LOOKS, chosen.fps),
            blur=LEAST_SHARPNESS if chosen.drop_blurred else 0.0,
        )
        times: list[int] = []
        try:
            for picture in pictures(path, taste, stopped.is_set):
                at = round(picture.seconds * 1000)
                Image.fromarray(picture.pixels).save(folder / f"{at / 1000:.3f}.jpg", quality=QUALITY, subsampling=0)
                times.append(at)
                self._tell(f"video {path.name}: {len(times)} frames")
        except VideoRejected as error:
            raise SourceError(str(error)) from None
        return times

    def _fetched(self, line: str, folder: Path, stopped: threading.Event) -> tuple[Path, Candidate]:
        try:
            from dlf_resources.videos.fetch import fetch
        except ImportError:
            raise SourceError(_MISSING) from None
        try:
            self._guard.target(line)
        except ImageRejected as refused:
            raise SourceError(f"{_without_user(line)}: {refused.reason}") from None

        def progress(done: int, total: int | None) -> None:
            if stopped.is_set():
                raise SourceError("stopped")
            of = f" of {total / 1e6:.0f}" if total else ""
            self._tell(f"video {line}: {done / 1e6:.0f}{of} MB")

        download = folder / "download"
        download.mkdir(exist_ok=True)
        video = fetch(
            line,
            download,
            height=self._settings.max_height,
            max_bytes=self._settings.max_megabytes * 1_000_000,
            max_seconds=MOST_SECONDS,
            allowed=self._guard.may_connect,
            progress=progress,
        )
        # The Internet Archive says the address, PeerTube leaves "Creative Commons" out.
        address = video.license if video.license and "://" in video.license else None
        license_ = video.license
        if license_ and license_.startswith("Attribution"):
            license_ = f"Creative Commons {license_}"
        candidate = Candidate(
            self.name,
            line,
            line,
            version=self._wish(),
            page=video.page,
            title=video.title,
            author=video.author,
            license=license_,
            license_url=identify(license_, address).url,
            group=f"video:{line}",
        )
        return video.path, candidate

    def _of_file(self, line: str, path: Path) -> Candidate:
        found = local_candidate(self._project, self.name, line, path)
        version = f"{version_of(path)}:{self._wish()}"
        return replace(found, version=version, title=shown_name(path), group=f"video:{file_url(path)}")

    def _local(self, line: str) -> Path | None:
        """The file a line names; None for an address."""
        if "://" in line and not line.lower().startswith("file:"):
            return None
        path = self._project.beside(str(path_of(line)) if line.lower().startswith("file:") else line)
        if _is_file(path):
            return path
        # Screen recordings of a Mac have a no-break space in their names, which nobody types.
        same = [other for other in path.parent.glob("*") if _typed(other.name) == _typed(path.name)]
        if len(same) == 1 and same[0].is_file():
            return same[0]
        raise FactoryError(f"{self._project.file}: video '{line}' does not exist (looked at {path}).")

    def _wish(self) -> str:
        """The settings that decide which frames are taken."""
        chosen = self._settings
        return f"{chosen.frames}:{chosen.fps}:{chosen.max_frames}:{chosen.max_height}:{chosen.drop_blurred}"

    def _folder(self, line: str) -> Path:
        # Asked for every frame; the file behind a line is looked at once.
        if line not in self._digests:
            self._digests[line] = self._digest(line)
        return self._work / self._digests[line]

    def _record(self, line: str) -> Path:
        return self._records / f"{self._digest(line)}.json"

    def _digest(self, line: str) -> str:
        local = self._local(line)
        version = version_of(local) if local is not None else ""
        return hashlib.sha256(f"{line}\x1f{version}\x1f{self._wish()}".encode()).hexdigest()[:24]

    def _recorded(self, line: str) -> _Known | None:
        try:
            said: dict[str, Any] = orjson.loads(self._record(line).read_bytes())
            found = Candidate(**said["candidate"])
            local = self._local(line)
            # The rights of files here are those that the YAML says today.
            return _Known(found if local is None else self._of_file(line, local), said["milliseconds"])
        except (OSError, ValueError, TypeError, KeyError):
            return None


_MISSING = "frames of videos need two more packages: pip install 'data-label-factory[video]'"


def _without_user(address: str) -> str:
    """An address without the name and password in it."""
    return re.sub(r"//[^/@\\]*@", "//", address)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # the name is too long
        return False


def _typed(name: str) -> str:
    """A file name as one types it."""
    return " ".join(unicodedata.normalize("NFKC", name).split())

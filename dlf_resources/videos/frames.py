"""Pictures out of a video file, by PyAV.

Two passes over the file. The first looks at small versions and keeps of every frame two numbers, and of a few frames a
second a third and 1 kB of grey; from these `choice.py` decides which frames to take. The second decodes those alone in
full, so memory does not grow with the size of the pictures. Times are those of the container, also where its frame rate
varies.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import av.container
import numpy as np
from av.sidedata.sidedata import Type as SideData
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, VideoReformatter
from av.video.stream import VideoStream
from PIL import Image

from dlf_resources.videos.choice import Looks, Numbers, Pixels, Taste, choose, difference, histogram, sharpness

# Others read playlists and open what these name, in the network too (hls, dash, concat, sdp).
_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,avi,flv,ogg,asf"
_OPTIONS = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}

_LOOK = 256
"""Longer side of what is looked at in the first pass."""
_THUMB = 32
_SMALL = 64
"""Longer side of what every frame is compared by."""
_INDEXED = ("mov", "matroska")
"""Start of the names of formats in which seeking hits the keyframe before. In others (mpegts) it may land behind."""
_MOST_ASPECT = 4
"""What pixels may be wider than high, or higher than wide; a header that says more would ask for gigabytes."""
_BT709 = int(Colorspace.ITU709)
_UNSPECIFIED = 2
_HD_HEIGHT = 720


class VideoRejected(Exception):
    """A file no picture can be had from; the text says why."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A frame, upright, with square pixels, RGB."""

    seconds: float
    sharpness: float
    pixels: Pixels


def pictures(path: Path, taste: Taste | None = None, stopped: Callable[[], bool] = lambda: False) -> Iterator[Picture]:
    """The wanted frames, in order of time; asked before each frame whether to stop.

    Raises:
        VideoRejected: not a video, damaged from the start, or too large.
    """
    taste = taste or Taste()
    looks = look(path, taste, stopped)
    if not looks.pts:
        raise VideoRejected(f"{path}: no frame of it can be decoded")
    chosen = choose(looks, taste)
    yield from _taken(path, looks, chosen)


# the first pass


def look(path: Path, taste: Taste, stopped: Callable[[], bool] = lambda: False) -> Looks:
    """The numbers of all frames, and of a few a second."""
    looks = Looks()
    due = -math.inf
    before: tuple[Pixels, Numbers] | None = None
    with _opened(path) as container:
        stream = _stream(path, container)
        to_small, to_grey = VideoReformatter(), VideoReformatter()
        for frame in _decoded(container, stream):
            if stopped():
                raise VideoRejected(f"{path}: stopped")
            if frame.width * frame.height > taste.max_pixels:
                raise VideoRejected(f"{path}: {frame.width} × {frame.height} is more than {taste.max_pixels} pixels")
            if frame.pts is None:
                continue
            seconds = _seconds(frame.pts, stream)
            if taste.max_seconds is not None and seconds > taste.max_seconds:
                break
            small = _converted(to_small, frame, _fitting(frame, _SMALL), "rgb24")
            now = small, histogram(small)
            same_size = before is not None and before[0].shape == small.shape
            looks.times.append(seconds)
            looks.colours.append(float(np.abs(now[1] - before[1]).sum()) / 2 if before else 0.0)
            looks.pixels.append(difference(small, before[0]) if before and same_size else 0.0)
            before = now
            if seconds < due:
                continue
            # Not `seconds + step`: at 25 frames a second 8 looks would become 6.
            due = (math.floor(seconds * taste.looks + 1e-6) + 1) / taste.looks - 1e-6
            grey = _converted(to_grey, frame, _fitting(frame, _LOOK), "gray")
            looks.pts.append(frame.pts)
            looks.seconds.append(seconds)
            looks.sharpness.append(sharpness(grey.astype(np.float32)))
            looks.thumb.append(np.asarray(Image.fromarray(grey).resize((_THUMB, _THUMB), Image.Resampling.BOX)))
    return looks


def _converted(
    shape: VideoReformatter,
    frame: VideoFrame,
    size: tuple[int, int],
    pixel_format: str,
    interpolation: str = "AREA",
    colours: int | None = None,
) -> Pixels:
    """A frame as an array. A reformatter is kept: a new one for each frame, as PyAV does, takes ten times as long."""
    made = shape.reformat(frame, *size, pixel_format, src_colorspace=colours, interpolation=interpolation)
    return cast(Pixels, made.to_ndarray())


def _fitting(frame: VideoFrame, side: int) -> tuple[int, int]:
    scale = min(1.0, side / max(frame.width, frame.height))
    return max(8, round(frame.width * scale)), max(8, round(frame.height * scale))


# the second pass


def _taken(path: Path, looks: Looks, chosen: list[int]) -> Iterator[Picture]:
    with _opened(path) as container:
        stream = _stream(path, container)
        assert stream.time_base is not None
        gap = round(3 / stream.time_base)
        may_seek = container.format.name.startswith(_INDEXED)
        shape = VideoReformatter()
        frames = _decoded(container, stream)
        here = stream.start_time or 0
        for one in chosen:
            target = looks.pts[one]
            if may_seek and target - here > gap:
                with contextlib.suppress(av.FFmpegError):  # then all up to it is decoded
                    container.seek(target, stream=stream)
                    frames = _decoded(container, stream)
            for frame in frames:
                if frame.pts is None:
                    continue
                here = frame.pts
                if here >= target:
                    # After seeking in a damaged file it may be a later one; then it is not what was looked at.
                    if here == target:
                        yield Picture(looks.seconds[one], looks.sharpness[one], upright(frame, stream, shape))
                    break


def upright(frame: VideoFrame, stream: VideoStream, shape: VideoReformatter) -> Pixels:
    """RGB with square pixels, turned as the file's display matrix says; of two interlaced fields the first."""
    aspect = stream.sample_aspect_ratio or Fraction(1)
    if not 1 / _MOST_ASPECT <= aspect <= _MOST_ASPECT:
        aspect = Fraction(1)
    width, height = frame.width, frame.height
    if aspect > 1:
        width = round(width * aspect)
    elif 0 < aspect < 1:
        height = round(height / aspect)
    # libswscale takes unmarked colours for BT.601; players take those of HD for BT.709.
    colours = _BT709 if frame.colorspace == _UNSPECIFIED and frame.height >= _HD_HEIGHT else None
    if frame.interlaced_frame:
        # Every second line of every plane would do too; after the conversion it is one line of code.
        full = _converted(shape, frame, (frame.width, frame.height), "rgb24", "BICUBIC", colours)
        pixels = np.asarray(Image.fromarray(full[::2]).resize((width, height), Image.Resampling.BICUBIC))
    else:
        pixels = _converted(shape, frame, (width, height), "rgb24", "BICUBIC", colours)
    return np.ascontiguousarray(_turned(pixels, _matrix(frame)))


def _matrix(frame: VideoFrame) -> tuple[int, int, int, int] | None:
    """a, b, c, d of the display matrix: x' = ax + cy, y' = bx + dy, y downwards (libavutil/display.h)."""
    every: list[Any] = list(frame.side_data)
    entry = next((one for one in every if one.type == SideData.DISPLAYMATRIX), None)
    if entry is None:
        return None
    values = np.frombuffer(bytes(entry), np.int32)
    return int(values[0]), int(values[1]), int(values[3]), int(values[4])


def _turned(pixels: Pixels, matrix: tuple[int, int, int, int] | None) -> Pixels:
    """Turned by quarters and mirrored; other angles are not followed."""
    if matrix is None:
        return pixels
    a, b, c, d = matrix
    if abs(b) > abs(a):
        pixels = pixels.transpose(1, 0, 2)
        a, d = c, b
    if a < 0:
        pixels = pixels[:, ::-1]
    if d < 0:
        pixels = pixels[::-1]
    return pixels


# the file


def _opened(path: Path) -> av.container.InputContainer:
    try:
        return av.open(str(path.absolute()), options=_OPTIONS, metadata_errors="replace")
    except (av.FFmpegError, av.error.ArgumentError) as error:
        raise VideoRejected(f"{path}: not a video, or cut off ({error.strerror})") from error


def _stream(path: Path, container: av.container.InputContainer) -> VideoStream:
    """The first video stream that is not a cover picture, ready to be decoded by several threads.

    Not by frame threads: of a damaged file they give other frames at every run.
    """
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic and stream.codec_context is not None:
            stream.codec_context.thread_type = "SLICE"
            return stream
    raise VideoRejected(f"{path}: there is no video in it, only sound")


def _decoded(container: av.container.InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """The frames that are whole; after damage the next is a keyframe, and the end of a cut file is the end.

    Those between are told from frames that the decoder made up, and it does not mark them.
    """
    packets = container.demux(stream)
    broken = False
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.FFmpegError):
            return
        try:
            frames = packet.decode()
        except av.FFmpegError:
            broken = True
            continue
        for frame in frames:
            if not isinstance(frame, VideoFrame):
                continue
            broken = frame.is_corrupt or (broken and not frame.key_frame)
            if not broken:
                yield frame


def _seconds(pts: int, stream: VideoStream) -> float:
    """Since the start of the stream."""
    assert stream.time_base is not None
    return float((pts - (stream.start_time or 0)) * stream.time_base)

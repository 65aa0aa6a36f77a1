"""Thousands of distinct photos of 640 × 480, and an nginx on loopback that serves them.

python -m benchmarks.image_server [--count 5000] [--seed 0]    makes them, serves them until Ctrl-C
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from itertools import chain
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (640, 480)
RADIUS = 16
"""Perceptual hashes of any two photos differ in more bits than that."""

_SAMPLE = Path(__file__).resolve().parent.parent / "project_configs" / "sample" / "photos"
_RECIPE = 1  # part of the folder's name: a photo made otherwise lies elsewhere
_PROCESSES = 2
_AT_ONCE = 50

_CONFIG = """\
daemon off;
master_process off;
pid {home}/nginx.pid;
error_log stderr error;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  types {{ image/jpeg jpg; }}
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  client_body_temp_path {home}/body;
  proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi;
  scgi_temp_path {home}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    root "{folder}";
  }}
}}
"""


def photos(count: int, seed: int = 0) -> Path:
    """A folder of `count` JPEGs, 00000.jpg and on, 40 to 110 kB each; made once for a count and a seed.

    None is a near-duplicate of another: their hashes differ in more than `RADIUS` bits, about 31 on average.
    """
    folder = Path(tempfile.gettempdir()) / f"dlf-photos-{_RECIPE}-{count}-{seed}"
    if folder.is_dir():
        return folder
    making = Path(tempfile.mkdtemp(prefix=f"{folder.name}-"))
    try:
        _fill(making, count, seed)
        making.chmod(0o755)
        making.rename(folder)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return folder


def _fill(folder: Path, count: int, seed: int) -> None:
    """Take photo after photo that is far from all before; the order is that of the seeds, not of the processes."""
    kept = np.zeros(count, dtype=np.uint64)
    done, first = 0, seed << 32
    with get_context("spawn").Pool(_PROCESSES) as pool:
        while done < count:
            starts = range(first, first + count - done, _AT_ONCE)
            first = starts[-1] + _AT_ONCE
            for content, code in chain.from_iterable(pool.imap(_some, starts)):
                distances = np.bitwise_count(kept[:done] ^ np.uint64(code))
                if done < count and distances.min(initial=64) > RADIUS:
                    (folder / f"{done:05}.jpg").write_bytes(content)
                    kept[done] = code
                    done += 1


def _some(first: int) -> list[tuple[bytes, int]]:
    """Photos of seeds from `first` on, and their perceptual hashes."""
    import imagehash

    made = []
    for seed in range(first, first + _AT_ONCE):
        image = _photo(random.Random(seed))
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=93)
        with Image.open(buffer) as read:
            made.append((buffer.getvalue(), int(str(imagehash.phash(read)), 16)))
    return made


def _photo(chance: random.Random) -> Image.Image:
    """Cuts of two sample photos, one fading into the other, under light and shade of chance.

    The photos give edges and texture, the light its own 64 lowest frequencies, which are what a perceptual hash sees.
    """
    one, other = (_cut(photo, chance) for photo in chance.sample(_samples(), 2))
    fade = Image.frombytes("L", (4, 3), chance.randbytes(12)).resize(SIZE, Image.Resampling.BICUBIC)
    light = Image.frombytes("RGB", (8, 6), chance.randbytes(144)).resize(SIZE, Image.Resampling.BICUBIC)
    return Image.blend(Image.composite(one, other, fade), light, 0.45)


def _cut(photo: Image.Image, chance: random.Random) -> Image.Image:
    width = chance.uniform(0.45, 0.95) * photo.width
    width = min(width, photo.height * SIZE[0] / SIZE[1])
    height = width * SIZE[1] / SIZE[0]
    left, top = chance.uniform(0, photo.width - width), chance.uniform(0, photo.height - height)
    part = photo.resize(SIZE, Image.Resampling.BILINEAR, box=(left, top, left + width, top + height))
    return part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if chance.random() < 0.5 else part


@cache
def _samples() -> list[Image.Image]:
    return [Image.open(file).convert("RGB") for file in sorted(_SAMPLE.rglob("*.jpg"))]


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """An nginx that serves a folder's files meanwhile; gives its URL.

    One process, without a master: it runs as whoever started it, and ends by its process id.

    Raises:
        RuntimeError: nginx is missing or does not start.
    """
    program = _nginx()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="dlf-nginx-") as home:
        config, told = Path(home) / "nginx.conf", Path(home) / "stderr"
        config.write_text(_CONFIG.format(home=home, port=port, folder=folder))
        with told.open("wb") as err:
            process = subprocess.Popen([program, "-p", home, "-c", str(config)], stderr=err)
        try:
            _wait_for(port, process, told)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def _nginx() -> str:
    places = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))
    program = shutil.which("nginx", path=places)
    if program is None:
        raise RuntimeError("nginx is not installed; on Debian and Ubuntu: apt-get install nginx")
    return program


def _wait_for(port: int, process: subprocess.Popen[bytes], told: Path) -> None:
    for _ in range(200):
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"nginx does not answer on port {port}: {told.read_text().strip()}")


@contextlib.contextmanager
def url_list(count: int, seed: int = 0) -> Iterator[Path]:
    """A text file with a URL a line; all of them are served meanwhile."""
    _nginx()  # before a minute is spent on photos
    folder = photos(count, seed)
    with serving(folder) as url, tempfile.TemporaryDirectory(prefix="dlf-urls-") as home:
        file = Path(home) / "urls.txt"
        file.write_text("".join(f"{url}/{number:05}.jpg\n" for number in range(count)))
        yield file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # nginx ends too
    with url_list(chosen.count, chosen.seed) as file, contextlib.suppress(KeyboardInterrupt):
        print(file, flush=True)
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    main()

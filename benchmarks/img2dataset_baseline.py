"""What img2dataset 1.47 takes for a list of URLs, with its own command in a virtual environment of its own.

python -m benchmarks.img2dataset_baseline URL_LIST [--way re-encode|skip_reencode|disable_all_reencoding]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import process_tree
from benchmarks.own_venv import own_venv

PROCESSES, THREADS = 2, 32

# img2dataset has no upper bound on wandb, pyarrow and fsspec and wide ones on the rest, so what pip picks changes from
# month to month; these were picked for Python 3.11. They hold what decides speed and memory: the decoder, and what each
# of its processes imports.
PINS = (
    "img2dataset==1.47.0",
    "opencv-python-headless==4.14.0.94",  # decodes and encodes
    "numpy==2.4.6",
    "albumentations==1.4.24",  # the last before 2.0, which it excludes
    "albucore==0.0.23",
    "pyarrow==26.0.1",
    "pandas==2.3.3",  # the last before 3, which it excludes
    "fsspec==2026.9.0",
    "exifread-nocycle==3.0.1",
    "webdataset==0.2.111",
    "wandb==0.31.0",  # imported by every process, also when it is not asked for
    "tqdm==4.70.1",
    "fire==0.7.1",
    # It reads a file's kind with imghdr, which Python dropped.
    'standard-imghdr==3.13.0; python_version >= "3.13"',
)

WAYS = ("re-encode", "skip_reencode", "disable_all_reencoding")
"""Its default, which decodes every image and writes it anew; decodes and keeps a JPEG's bytes; does not decode."""


def program() -> Path:
    """Its command, in an environment made with pip when there is none with these pins.

    Raises:
        RuntimeError: pip could not install it.
    """
    return own_venv("img2dataset", PINS) / "img2dataset"


def measure(urls: Path, *, way: str = WAYS[0], processes: int = PROCESSES, threads: int = THREADS) -> dict[str, Any]:
    """Download a list of URLs into a folder that is then removed.

    `seconds` is its own figure, from the start of its first shard to the end of its last, without the start of its
    processes and their imports; `wall_seconds` has all.

    Args:
        urls: a text file with a URL a line.
        way: one of `WAYS`.
        processes: as many shards are made: by default 10,000 images are one shard, and one process would do all.
        threads: requests in flight in each process.

    Raises:
        RuntimeError: it failed, or an image is missing.
    """
    command = program()
    count = len(urls.read_text().split())
    # albumentations asks its registry for a newer version, in every process; urllib would send loopback to a proxy.
    env = os.environ | {"NO_ALBUMENTATIONS_UPDATE": "1", "no_proxy": "127.0.0.1"}
    with tempfile.TemporaryDirectory(prefix="dlf-img2dataset-out-") as folder:
        options: dict[str, object] = {
            "url_list": urls,
            "input_format": "txt",
            "output_folder": folder,
            "output_format": "files",
            "resize_mode": "no",
            "processes_count": processes,
            "thread_count": threads,
            "number_sample_per_shard": math.ceil(count / processes),
        }
        if way != WAYS[0]:
            options[way] = True
        arguments = [str(part) for name, value in options.items() for part in (f"--{name}", value)]
        measured = process_tree.measure([command, *arguments], env=env)
        shards = [json.loads(file.read_text()) for file in Path(folder).glob("*_stats.json")]
        files = [file for file in Path(folder).rglob("*.jpg") if file.stat().st_size]
        size = sum(file.stat().st_size for file in files)
    if len(files) != count:
        raise RuntimeError(f"img2dataset wrote {len(files)} of {count} images: {[s['status_dict'] for s in shards]}")
    seconds = max(shard["end_time"] for shard in shards) - min(shard["start_time"] for shard in shards)
    figures = {"images": count, "bytes": size, "seconds": round(seconds, 3)}
    return figures | {"images_per_second": round(count / seconds, 1)} | measured.as_dict()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("urls", type=Path, help="a text file with a URL a line")
    parser.add_argument("--way", choices=WAYS, default=WAYS[0])
    chosen = parser.parse_args()
    print(json.dumps(measure(chosen.urls, way=chosen.way)))


if __name__ == "__main__":
    main()

"""Seconds and peak memory of writing a data set with its pictures, beside loops that only copy their bytes.

Each contender runs in a process of its own, `sync` counted in; the pictures lie in the page cache. Twice: with some
pictures and with four times as many, which shows whether memory grows with them.

    python -m benchmarks.formats_pictures [--images 5000] [--repeats 3] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

import dlf_assets  # noqa: F401  # chooses the pool of Arrow in the processes started here, as in every one of ours
from benchmarks import process_tree
from benchmarks.bucket import photo
from dlf_core.formats import FORMATS
from dlf_core.formats.dataset import Dataset, LabeledBox, LabeledImage
from dlf_core.image_ids import image_id_of
from dlf_resources.dataset_pictures import StoredPictures
from dlf_resources.heap import leave_out_pandas, return_large_buffers
from dlf_resources.stores.local import LocalStore

TIMES = 4
_DISTINCT = 32


def make(folder: Path, count: int) -> None:
    """So many JPEGs of 640 × 480 (some 90 kB), each a file of its own."""
    photos = [photo(640, 480, seed) for seed in range(_DISTINCT)]
    folder.mkdir()
    for number in range(count):
        (folder / f"{image_id_of(str(number).encode())}.jpg").write_bytes(photos[number % _DISTINCT])


def ours(name: str, folder: Path, out: Path, *, link: bool = False) -> None:
    """A format of ours, from a store on this disk."""
    names = sorted(file.name for file in folder.iterdir())
    box = (LabeledBox("drone", 0.1, 0.2, 0.3, 0.4),)
    rows = (LabeledImage(Path(one).stem, one, 640, 480, "train", boxes=box) for one in names)
    dataset = Dataset.of("bench", ["drone"], rows)
    keys = {Path(one).stem: one for one in names}
    FORMATS[name].write(dataset, out, StoredPictures(LocalStore(folder), keys, link=link))


def files(folder: Path, out: Path) -> None:
    """`shutil.copyfile` of every file."""
    for file in folder.iterdir():
        shutil.copyfile(file, out / file.name)


def one_file(folder: Path, out: Path) -> None:
    """The bytes of every file, one after the other, into one."""
    with (out / "all").open("wb") as target:
        for file in folder.iterdir():
            target.write(file.read_bytes())


CONTENDERS: dict[str, Callable[[Path, Path], None]] = {
    "bare loop, file by file": files,
    "bare loop, into one file": one_file,
    "coco, links": lambda folder, out: ours("coco", folder, out, link=True),
    "coco, copies": lambda folder, out: ours("coco", folder, out),
    "yolo, copies": lambda folder, out: ours("yolo", folder, out),
    "parquet": lambda folder, out: ours("parquet", folder, out),
    "webdataset": lambda folder, out: ours("webdataset", folder, out),
}


def measure(images: int, repeats: int) -> dict[str, Any]:
    """Medians of all contenders at both counts; contenders take turns, since disks have moods."""
    rows: list[dict[str, Any]] = []
    for count in (images, images * TIMES):
        with tempfile.TemporaryDirectory(prefix="dlf-pictures-") as place:
            folder = Path(place) / "photos"
            make(folder, count)
            megabytes = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
            runs: dict[str, list[dict[str, float]]] = {name: [] for name in CONTENDERS}
            for _ in range(repeats):
                for name in CONTENDERS:
                    runs[name].append(_run(name, folder, Path(place) / "out"))
            for name, some in runs.items():
                row = {key: round(statistics.median(run[key] for run in some), 3) for key in some[0]}
                rows.append({"contender": name, "images": count, "megabytes": round(megabytes)} | row)
                print(json.dumps(rows[-1]), flush=True)
    return {"benchmark": "formats_pictures", "rows": rows}


def _run(name: str, folder: Path, out: Path) -> dict[str, float]:
    out.mkdir()
    os.sync()
    command = [sys.executable, "-m", "benchmarks.formats_pictures", "--child", name, str(folder), str(out)]
    measured = process_tree.measure(command, timeout=900)
    shutil.rmtree(out)
    return {"seconds": float(measured.output.splitlines()[-1]), "peak_mb": round(measured.peak_mb, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=5000, help="the smaller count")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, help="write the figures there, as JSON")
    parser.add_argument("--child", nargs=3, metavar=("CONTENDER", "PHOTOS", "FOLDER"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        return_large_buffers()
        leave_out_pandas()
        pa.array([0])
        name, folder, out = chosen.child
        began = time.perf_counter()
        CONTENDERS[name](Path(folder), Path(out))
        os.sync()
        print(time.perf_counter() - began)
        return
    figures = measure(chosen.images, chosen.repeats)
    if chosen.out:
        chosen.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()

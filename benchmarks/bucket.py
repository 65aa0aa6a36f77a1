"""A workspace with one bucket of many gathered images, made without gathering: files by hard links, one table."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PilImage

from dlf_core.image_ids import image_id_of
from dlf_core.records import Image, empty_table, sorted_from, to_table
from dlf_resources.stores.local import LocalStore
from dlf_resources.stores.stage_tables import StageTables

BUCKET = "positive/x"
KEY = "bench__positive.x"
DISTINCT = 32


def photo(width: int, height: int, seed: int, grain: int = 1) -> bytes:
    """A JPEG with the detail of a photo.

    Args:
        width, height: in pixels.
        seed: of chance.
        grain: width of a grain of noise in pixels. 1: noise in every pixel, 90 kB at 640 × 480, 4.6 MB at 4000 × 3000.
            2: what demosaicing leaves in a camera's 12 megapixels, 3.9 MB.
    """
    chance = np.random.default_rng(seed)
    coarse = chance.integers(0, 256, (height // 16 + 1, width // 16 + 1, 3), dtype=np.uint8)
    image = PilImage.fromarray(coarse).resize((width, height), PilImage.Resampling.BICUBIC)
    noise = chance.normal(0, 8, (height // grain, width // grain, 1)).repeat(grain, axis=0).repeat(grain, axis=1)
    pixels = np.clip(np.asarray(image, dtype=np.float32) + noise, 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    PilImage.fromarray(pixels).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


@dataclass(frozen=True)
class Bench:
    """A workspace for one measurement."""

    root: Path

    def write_project(self, **more: str) -> Path:
        """The project, with further top-level lines."""
        keys = {"target_object": "drone", "falcon_queries": "[drone]"} | more
        lines = ["project_name: bench", *(f"{key}: {value}" for key, value in keys.items())]
        lines += ["buckets:", f"  {BUCKET}: {{folders: [nowhere]}}"]
        file = self.root / "project_configs" / "bench.yaml"
        file.write_text("\n".join(lines) + "\n")
        return file

    def store(self) -> LocalStore:
        """The project's data."""
        return LocalStore(self.root / "data" / "bench")


@contextlib.contextmanager
def bucket_of(count: int, width: int = 640, height: int = 480, grain: int = 1) -> Iterator[Bench]:
    """A workspace whose bucket holds `count` gathered images; the environment points at it meanwhile."""
    with tempfile.TemporaryDirectory(prefix="dlf-bench-") as folder:
        root = Path(folder)
        for name in ("project_configs", "dagster_home"):
            (root / name).mkdir()
        (root / "dagster_home" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        bench = Bench(root)
        # In another process: what making the bucket takes must not count as what the stage takes.
        arguments = [folder, *map(str, (count, width, height, grain))]
        subprocess.run([sys.executable, "-m", __name__, *arguments], check=True)
        kept = {name: os.environ.get(name) for name in ("DLF_HOME", "DLF_DATA_ROOT", "DAGSTER_HOME")}
        os.environ |= {"DLF_HOME": folder, "DLF_DATA_ROOT": str(root / "data")}
        os.environ["DAGSTER_HOME"] = str(root / "dagster_home")
        try:
            yield bench
        finally:
            for name, value in kept.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})


def _fill(bench: Bench, count: int, width: int, height: int, grain: int) -> None:
    raw = bench.root / "data" / "bench" / "raw" / BUCKET
    raw.mkdir(parents=True)
    originals = []
    photos = [photo(width, height, seed, grain) for seed in range(DISTINCT)]
    for number, content in enumerate(photos):
        originals.append(raw / f"original{number}.jpg")
        originals[-1].write_bytes(content)
    rows: list[Any] = []
    tables = [empty_table("gather")]
    for number in range(count):
        image_id = image_id_of(str(number).encode())
        os.link(originals[number % DISTINCT], raw / f"{image_id}.jpg")
        rows.append(_row(number, image_id, width, height, len(photos[number % DISTINCT])))
        if len(rows) == 4096:
            tables.append(to_table("gather", rows))
            rows = []
    tables.append(to_table("gather", rows))
    StageTables(bench.store()).write("gather", KEY, sorted_from("gather", tables))


def _row(number: int, image_id: str, width: int, height: int, size: int) -> Image:
    return Image(
        candidate_id=f"{number:032x}",
        memo_key=f"{number:032x}",
        bucket=BUCKET,
        state="kept",
        source="folder",
        query="nowhere",
        url=f"file:///nowhere/{number}.jpg",
        order=number,
        image_id=image_id,
        path=f"raw/{BUCKET}/{image_id}.jpg",
        width=width,
        height=height,
        bytes=size,
        format="JPEG",
        phash="0" * 16,
        sha256="0" * 64,
        title=f"photo {number}",
        fetched_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    )


if __name__ == "__main__":
    _fill(Bench(Path(sys.argv[1])), *map(int, sys.argv[2:6]))

"""Seconds and peak memory of writing and reading labels without image bytes: our formats, supervision, `datasets`.

Every contender runs in a process of its own on the same rows, which it loads before the clock starts.

    python -m benchmarks.formats_speed [--images 100000] [--boxes 10] [--repeats 3] [--out FILE]
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import dlf_assets  # noqa: F401  # chooses the pool of Arrow in the processes started here, as in every one of ours
from benchmarks import process_tree
from dlf_core.formats.columns import together
from dlf_core.formats.dataset import BOXES, IMAGES, Dataset
from dlf_resources.heap import leave_out_pandas, return_large_buffers

CLASSES = ["bus", "car", "cat", "dog", "person"]
WIDTH, HEIGHT = 640, 480


def make(folder: Path, images: int, boxes: int) -> None:
    """Random rows of both tables, as Arrow files: rows are loaded as they lie there."""
    draw = np.random.default_rng(0)
    ids = [f"{number * 2654435761 % 2**32:08x}" * 4 for number in range(images)]
    table = {
        "image_id": ids,
        "file_name": [f"{one}.jpg" for one in ids],
        "width": np.full(images, WIDTH, np.int32),
        "height": np.full(images, HEIGHT, np.int32),
        "split": np.array(["train", "val", "test"])[draw.choice(3, images, p=[0.8, 0.1, 0.1])],
        "bucket": ["positive/street"] * images,
        "box_count": np.full(images, boxes, np.int32),
    }
    _keep(pa.table(table), IMAGES, folder / "images.arrow")
    count = images * boxes
    low, size = draw.uniform(0, 0.7, (count, 2)), draw.uniform(0.05, 0.3, (count, 2))
    names = np.array(CLASSES)[draw.integers(0, len(CLASSES), count)]
    table = {
        "class_name": names,
        **{"x1": low[:, 0], "y1": low[:, 1], "x2": low[:, 0] + size[:, 0], "y2": low[:, 1] + size[:, 1]},
        "box_id": [f"{number:024x}" for number in range(count)],
        "query": names,
        "score": draw.random(count),
        **{"score_kind": ["logprob"] * count, "backend": ["falcon"] * count, "model": ["falcon-perception"] * count},
        **{"verdict": ["YES"] * count, "decision": ["none"] * count, "crowd": np.zeros(count, np.bool_)},
        "p_yes": draw.random(count),
    }
    _keep(pa.table(table), BOXES, folder / "boxes.arrow")


def _keep(table: pa.Table, schema: pa.Schema, file: Path) -> None:
    with pa.OSFile(str(file), "wb") as out, pa.ipc.new_file(out, schema) as writer:
        writer.write_table(together(table, schema))


def _kept(file: Path) -> pa.Table:
    with pa.OSFile(str(file)) as source:
        return pa.ipc.open_file(source).read_all()


def ours(name: str, data: Path, out: Path, *, reads: bool) -> dict[str, float]:
    """A format of ours: written, and read back where that is asked for."""
    from dlf_core.formats import FORMATS

    images, boxes = (_kept(data / f"{table}.arrow") for table in ("images", "boxes"))
    dataset = Dataset("bench", CLASSES, images, boxes)
    del images, boxes
    began = time.perf_counter()
    if reads:
        del dataset
        count = FORMATS[name].read(out).box_count
    else:
        FORMATS[name].write(dataset, out, None)
        count = dataset.box_count
    return {"seconds": time.perf_counter() - began, "boxes": count}


def bare_yolo(data: Path, out: Path) -> dict[str, float]:
    """Nothing but the label files, in a loop."""
    numbers, ids, offsets, names = _plain(data)
    began = time.perf_counter()
    for place, name in enumerate(names):
        begin, end = offsets[place], offsets[place + 1]
        lines = [
            f"{ids[at]} {(x1 + x2) / 2:.6f} {(y1 + y2) / 2:.6f} {x2 - x1:.6f} {y2 - y1:.6f}\n"
            for at, (x1, y1, x2, y2) in enumerate(numbers[begin:end], start=begin)
        ]
        (out / f"{name[:-4]}.txt").write_text("".join(lines))
    return {"seconds": time.perf_counter() - began, "boxes": len(numbers)}


def supervision_coco(data: Path, out: Path) -> dict[str, float]:
    """supervision's COCO; every image is the same array."""
    import supervision as sv

    numbers, ids, offsets, names = _plain(data)
    pixels = np.array(numbers, np.float32) * np.array([WIDTH, HEIGHT, WIDTH, HEIGHT], np.float32)
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    classes = np.array(ids)
    annotations = {
        name: sv.Detections(xyxy=pixels[begin:end], class_id=classes[begin:end])
        for name, (begin, end) in zip(names, itertools.pairwise(offsets), strict=True)
    }
    made = sv.DetectionDataset(CLASSES, dict.fromkeys(names, picture), annotations)
    began = time.perf_counter()
    made.as_coco(annotations_path=str(out / "annotations.json"))
    return {"seconds": time.perf_counter() - began, "boxes": len(numbers)}


def datasets_parquet(data: Path, out: Path) -> dict[str, float]:
    """`datasets`, from lists of rows to one Parquet file."""
    import datasets

    datasets.disable_progress_bars()
    numbers, ids, offsets, names = _plain(data)
    scale = np.array([WIDTH, HEIGHT, WIDTH, HEIGHT])
    boxes = (np.array(numbers) * scale).astype(np.float32)
    boxes[:, 2:] -= boxes[:, :2]
    category = datasets.List(datasets.ClassLabel(names=CLASSES))
    features = datasets.Features(
        image_id=datasets.Value("string"),
        objects={"bbox": datasets.List(datasets.List(datasets.Value("float32"))), "category": category},
    )
    objects = [
        {"bbox": boxes[begin:end].tolist(), "category": ids[begin:end]} for begin, end in itertools.pairwise(offsets)
    ]
    began = time.perf_counter()
    made = datasets.Dataset.from_dict({"image_id": names, "objects": objects}, features=features)
    made.to_parquet(str(out / "train.parquet"))
    return {"seconds": time.perf_counter() - began, "boxes": len(numbers)}


def _plain(data: Path) -> tuple[list[list[float]], list[int], list[int], list[str]]:
    """Corners and class ids of all boxes, where each image's begin, and file names."""
    images, boxes = _kept(data / "images.arrow"), _kept(data / "boxes.arrow")
    numbers = np.column_stack([boxes[name].to_numpy() for name in ("x1", "y1", "x2", "y2")]).tolist()
    ids = [CLASSES.index(name) for name in boxes["class_name"].to_pylist()]
    offsets = np.concatenate([[0], np.cumsum(images["box_count"].to_numpy())]).tolist()
    return numbers, ids, offsets, images["file_name"].to_pylist()


def _ours(name: str, *, reads: bool = False) -> Callable[[Path, Path], dict[str, float]]:
    return lambda data, out: ours(name, data, out, reads=reads)


FORMATS = ("coco", "yolo", "voc", "parquet", "webdataset", "cvat", "label-studio", "labels")
READ = ("coco", "parquet", "webdataset", "cvat", "label-studio", "labels")  # YOLO reads sizes from image files
CONTENDERS: dict[str, Callable[[Path, Path], dict[str, float]]] = {
    **{f"{name}, written": _ours(name) for name in FORMATS},
    **{f"{name}, read": _ours(name, reads=True) for name in READ},
    "YOLO files in a bare loop": bare_yolo,
    "supervision COCO, written": supervision_coco,
    "datasets Parquet, written": datasets_parquet,
}


def measure(images: int, boxes: int, repeats: int) -> dict[str, Any]:
    """Medians of all contenders."""
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="dlf-formats-") as folder:
        data = Path(folder) / "data"
        data.mkdir()
        make(data, images, boxes)
        for name in CONTENDERS:
            runs = []
            for number in range(repeats):
                wrote = name.removesuffix(", read")
                out = Path(folder) / f"{wrote.removesuffix(', written')}-{number}".replace(" ", "-")
                out.mkdir(exist_ok=True)
                os.sync()
                command = [sys.executable, "-m", "benchmarks.formats_speed", "--child", name, str(data), str(out)]
                measured = process_tree.measure(command, timeout=900)
                figures = json.loads(measured.output.splitlines()[-1])
                runs.append({**figures, "peak_mb": round(measured.peak_mb, 1)})
            row = {key: round(statistics.median(run[key] for run in runs), 3) for key in runs[0]}
            print(json.dumps({"contender": name} | row), flush=True)
            rows.append({"contender": name} | row)
    return {"benchmark": "formats_speed", "images": images, "boxes": images * boxes, "rows": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--boxes", type=int, default=10, help="an image")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, help="write the figures there, as JSON")
    parser.add_argument("--child", nargs=3, metavar=("CONTENDER", "DATA", "FOLDER"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        # As every command of ours does.
        return_large_buffers()
        leave_out_pandas()
        name, data, out = chosen.child
        print(json.dumps(CONTENDERS[name](Path(data), Path(out))))
        return
    figures = measure(chosen.images, chosen.boxes, chosen.repeats)
    if chosen.out:
        chosen.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()

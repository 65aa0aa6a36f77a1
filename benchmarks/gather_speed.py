"""Images a second and peak memory of downloads from an nginx on loopback, 640 × 480 JPEGs, all in the same run.

The contenders take turns, and the order turns round each time: the machine's speed drifts. Figures are medians.

    python -m benchmarks.gather_speed [--count 5000] [--repeats 5] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import bare_download, gather_run, image_server, img2dataset_baseline


def bare_loop(urls: Path) -> dict[str, Any]:
    """aiohttp and sha256, 64 in flight, one process; nothing is kept."""
    return bare_download.measure(urls)


def bare_loop_writing(urls: Path) -> dict[str, Any]:
    """The same, and the files are written."""
    with tempfile.TemporaryDirectory(prefix="dlf-bare-out-") as folder:
        return bare_download.measure(urls, write=Path(folder))


def img2dataset(urls: Path) -> dict[str, Any]:
    """img2dataset without a resize: it decodes every image and writes it anew."""
    return img2dataset_baseline.measure(urls)


def img2dataset_keeping_bytes(urls: Path) -> dict[str, Any]:
    """It decodes every image and writes the bytes it got."""
    return img2dataset_baseline.measure(urls, way="skip_reencode")


def img2dataset_not_decoding(urls: Path) -> dict[str, Any]:
    """It writes the bytes it got, whatever they are."""
    return img2dataset_baseline.measure(urls, way="disable_all_reencoding")


def gather(urls: Path) -> dict[str, Any]:
    """The gather stage: judged, downloaded, hashed, decoded, written, searched for duplicates, and told in Dagster."""
    return gather_run.measure(urls)


CONTENDERS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "gather": gather,
    "bare loop": bare_loop,
    "bare loop, writing": bare_loop_writing,
    "img2dataset": img2dataset,
    "img2dataset, keeping bytes": img2dataset_keeping_bytes,
    "img2dataset, not decoding": img2dataset_not_decoding,
}


def measure(count: int, repeats: int) -> dict[str, Any]:
    """The median of each figure, and all runs."""
    img2dataset_baseline.program()
    names = list(CONTENDERS)
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    with image_server.url_list(count) as urls:
        for repeat in range(repeats):
            for name in reversed(names) if repeat % 2 else names:
                os.sync()  # what the one before wrote is not for the next to wait for
                figures = CONTENDERS[name](urls)
                if figures["images"] != count:
                    raise RuntimeError(f"{name} got {figures['images']} of {count} images")
                runs[name].append(figures)
                print(json.dumps({"contender": name} | figures), flush=True)
    rows = [{"contender": name} | _middle(found) | {"runs": found} for name, found in runs.items()]
    return {"benchmark": "gather_speed", "images": count, "photos": "640 × 480 JPEG", "rows": rows}


def _middle(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians; and the rate when the start of the processes counts."""
    figures = {key: round(statistics.median(run[key] for run in runs), 3) for key in runs[0]}
    figures["images_per_second_with_start"] = round(figures["images"] / figures["wall_seconds"], 1)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, help="write the figures there, as JSON")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # nginx and whoever is being measured end too
    figures = measure(chosen.count, chosen.repeats)
    for row in figures["rows"]:
        print(json.dumps({key: value for key, value in row.items() if key != "runs"}))
    if chosen.out:
        chosen.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()

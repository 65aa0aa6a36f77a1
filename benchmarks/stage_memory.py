"""Peak memory of a filter over ever more images, and of finding it finished: it must not grow with them.

python -m benchmarks.stage_memory [--counts 1000 10000 100000] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks import latency_server, stage_run

IN_FLIGHT = 32
LATENCY = 0.02


def measure(counts: list[int]) -> dict[str, Any]:
    """Peak resident memory, in MB, for each number of images, and the ratio of the last two."""
    rows: list[dict[str, Any]] = []
    with latency_server.running(LATENCY) as url:
        for count in counts:
            figures = stage_run.measure("filter", "--url", url, "--count", str(count), "--in-flight", str(IN_FLIGHT))
            row = {"images": count, "peak_mb": figures["peak_mb"], "seconds": figures["seconds"]}
            row["images_per_second"] = round(count / figures["seconds"], 1)
            rows.append(row)
            print(json.dumps(row), flush=True)
    ratio = round(rows[-1]["peak_mb"] / rows[-2]["peak_mb"], 3) if len(rows) > 1 else None
    return {"benchmark": "stage_memory", "rows": rows, "last_to_the_one_before": ratio}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--out", type=Path, help="write the figures there, as JSON")
    chosen = parser.parse_args()
    figures = measure(chosen.counts)
    if chosen.out:
        chosen.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""A filter of 10,000 images, and the same command again: nothing is asked, and it takes as long as reading a table.

python -m benchmarks.rerun [--count 10000] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import latency_server
from benchmarks.bucket import BUCKET, bucket_of


def measure(count: int) -> dict[str, Any]:
    """Requests the server answered and wall seconds of the whole command, process start included."""
    with latency_server.running(0.02) as url, bucket_of(count) as bench:
        bench.write_project(servers="{qwen: {max_in_flight: 32}}")
        env = os.environ | {"QWEN_URL": url, "QWEN_MODEL_PATH": latency_server.MODEL}
        rows = []
        for name in ("first", "again"):
            before, began = latency_server.answered(url), time.perf_counter()
            command = [sys.executable, "-m", "dlf_assets.cli.main", "filter", "--project", "bench", "--json"]
            done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
            took = time.perf_counter() - began
            told = json.loads(done.stdout)["stages"]["filter"][BUCKET]
            row = {"run": name, "seconds": round(took, 2), "requests": latency_server.answered(url) - before}
            rows.append(row | {"computed": told["computed"], "reused": told["reused"]})
            print(json.dumps(rows[-1]), flush=True)
    return {"benchmark": "rerun", "images": count, "rows": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--out", type=Path, help="write the figures there, as JSON")
    chosen = parser.parse_args()
    figures = measure(chosen.count)
    if chosen.out:
        chosen.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()

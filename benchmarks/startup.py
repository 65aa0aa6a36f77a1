"""How long a user waits before anything happens: `dlf --help`, `dlf project`, importing the code location.

    python -m benchmarks.startup

Each command runs five times; the median counts, beside that of a bare `python -c pass` of the same minute. JSON out.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = {
    "python -c pass": (["-c", "pass"], None),
    "dlf --help": (["-m", "dlf_assets.cli.main", "--help"], 0.5),
    "dlf project": (["-m", "dlf_assets.cli.main", "project", "--project", "sample"], 1.5),
    "import dlf_assets.definitions": (["-c", "import dlf_assets.definitions"], 3.0),
}


def median_seconds(words: list[str], times: int = 5) -> float:
    """Median wall time of a Python command, in seconds."""
    taken: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run([sys.executable, *words], cwd=ROOT, check=True, capture_output=True)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def main() -> None:
    """Measure and print."""
    baseline = median_seconds(["-c", "pass"])
    report = {}
    for name, (words, target) in COMMANDS.items():
        seconds = median_seconds(words)
        report[name] = {"seconds": round(seconds, 3), "times_bare_python": round(seconds / baseline, 1)}
        if target is not None:
            report[name] |= {"target_seconds": target, "reached": seconds <= target}
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()

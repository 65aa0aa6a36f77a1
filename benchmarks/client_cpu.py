"""CPU of the client for an image: a photo that is passed through, and one of 12 megapixels that must be shrunk.

Beside them the bare aiohttp loop, which only reads and sends, and the way of the original (PNG at 1,024 pixels).

    python -m benchmarks.client_cpu [--out FILE]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks import bare_clients, latency_server, stage_run

# Width, height, grain of the noise, photos.
PHOTOS = {
    "640 × 480, passed through": (640, 480, 1, 4000),
    "4000 × 3000, a camera's noise (3.9 MB), shrunk": (4000, 3000, 2, 400),
    "4000 × 3000, noise in every pixel (4.6 MB), shrunk": (4000, 3000, 1, 400),
}


def measure() -> dict[str, Any]:
    """Milliseconds of CPU an image, Dagster's run and the tables included."""
    rows: list[dict[str, Any]] = []
    with latency_server.running(0.05) as url:
        for name, client, count in (
            ("bare aiohttp loop, 640 × 480", "aiohttp", 4000),
            ("the original's way, 640 × 480", "original", 60),
        ):
            figures = bare_clients.measure(client, "--url", url, "--count", str(count))
            rows.append({"what": name, "cpu_ms": round(figures["cpu_seconds"] / count * 1000, 2)})
            print(json.dumps(rows[-1]), flush=True)
        for name, (width, height, grain, count) in PHOTOS.items():
            size = ("--width", str(width), "--height", str(height), "--grain", str(grain))
            figures = stage_run.measure("filter", "--url", url, "--count", str(count), *size)
            rows.append({"what": f"filter, {name}", "cpu_ms": round(figures["cpu_seconds"] / count * 1000, 2)})
            print(json.dumps(rows[-1]), flush=True)
    return {"benchmark": "client_cpu", "rows": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write the figures there, as JSON")
    chosen = parser.parse_args()
    figures = measure()
    if chosen.out:
        chosen.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""Is the factory ever what makes people wait? Filter and label against a server that takes 100 or 250 ms an answer.

Beside them, in the same run on the same server: the ideal (in flight ÷ latency), the bare aiohttp loop, httpx with one
client and with eight, and the way of the original (one image at a time, PNG, a new connection each).

    python -m benchmarks.saturation [--seconds 8] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks import bare_clients, latency_server, stage_run

LATENCIES = (0.1, 0.25)
IN_FLIGHT = (8, 32, 64)
CLIENTS = ("aiohttp", "httpx", "httpx-split")


def measure(seconds: float) -> dict[str, Any]:
    """Answers a second, for every latency, number in flight and client."""
    rows: list[dict[str, Any]] = []
    for latency in LATENCIES:
        with latency_server.running(latency) as url:
            at = ("--url", url)
            original = bare_clients.measure("original", *at, "--count", str(int(seconds / (latency + 0.1))))
            for in_flight in IN_FLIGHT:
                count = int(seconds * in_flight / latency)
                much = (*at, "--count", str(count), "--in-flight", str(in_flight))
                row: dict[str, Any] = {"latency_ms": round(latency * 1000), "in_flight": in_flight}
                row["ideal"] = in_flight / latency
                row["original"] = _rate(original)
                for client in CLIENTS:
                    row[client] = _rate(bare_clients.measure(client, *much))
                row["filter"] = _rate(stage_run.measure("filter", *much))
                third = (*at, "--count", str(count // stage_run.QUERIES), "--in-flight", str(in_flight))
                row["label"] = _rate(stage_run.measure("label", *third))
                row["filter_of_aiohttp"] = round(row["filter"] / row["aiohttp"], 3)
                row["filter_of_original"] = round(row["filter"] / row["original"], 1)
                rows.append(row)
                print(json.dumps(row), flush=True)
    return {"benchmark": "saturation", "photos": "640 × 480 JPEG", "rows": rows}


def _rate(figures: dict[str, Any]) -> float:
    return round(figures["requests"] / figures["seconds"], 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8.0, help="length of each measurement")
    parser.add_argument("--out", type=Path, help="write the figures there, as JSON")
    chosen = parser.parse_args()
    figures = measure(chosen.seconds)
    if chosen.out:
        chosen.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()

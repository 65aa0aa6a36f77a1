"""One stage of one bucket of made-up photos against the latency server, through Dagster, in a process of its own.

python -m benchmarks.stage_run filter --url URL --count 2000 --in-flight 32 [--width 640 --height 480] [--again]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from typing import Any

from benchmarks.bucket import BUCKET, KEY, Bench, bucket_of
from benchmarks.latency_server import MODEL

QUERIES = 3


def measure(stage: str, *options: str) -> dict[str, Any]:
    """Run this program and read its figures."""
    command = [sys.executable, "-m", __name__, stage, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    options = _options()
    os.environ |= {"QWEN_URL": options.url, "FALCON_URL": options.url, "QWEN_MODEL_PATH": MODEL}
    with bucket_of(options.count, options.width, options.height, options.grain) as bench:
        name = "qwen" if options.stage == "filter" else "falcon"
        queries = ", ".join(f"query {number}" for number in range(QUERIES))
        servers = f"{{{name}: {{max_in_flight: {options.in_flight}}}}}"
        bench.write_project(servers=servers, falcon_queries=f"[{queries}]")
        if options.stage == "label":
            _keep_all(bench, options.count)
        figures = _run(options.stage)
        if options.again:
            figures = {"first": figures, "again": _run(options.stage)}
    print(json.dumps(figures))


def _run(stage: str) -> dict[str, Any]:
    import dagster as dg

    from dlf_assets.definitions import defs
    from dlf_assets.partitions import add_missing
    from dlf_resources.projects import Projects
    from dlf_resources.workspace import Workspace

    with dg.DagsterInstance.ephemeral() as instance:
        add_missing(instance, Projects(Workspace.find().projects).load_all()[0])
        began, cpu = time.perf_counter(), time.process_time()
        result = defs.resolve_job_def(stage).execute_in_process(
            instance=instance,
            partition_key=KEY,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    made = result.get_asset_materialization_events()[0].materialization.metadata
    told = {name: made[name].value for name in ("seconds", "requests", "retries", "errors", "computed", "reused", "in")}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return told | {"wall_seconds": round(wall, 3), "cpu_seconds": round(cpu, 3), "peak_mb": round(peak, 1)}


def _keep_all(bench: Bench, count: int) -> None:
    """A filter table that keeps every image."""
    from dlf_core.image_ids import image_id_of
    from dlf_core.records import FilterVerdict, to_table
    from dlf_resources.stores.stage_tables import StageTables

    told = ("YES", None, "none", "YES", "qwen", MODEL, "0", 0.0)
    rows = [FilterVerdict(image_id_of(str(number).encode()), f"{number:032x}", *told) for number in range(count)]
    StageTables(bench.store()).write("filter", KEY, to_table("filter", rows))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=["filter", "label"])
    parser.add_argument("--url", required=True)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--in-flight", type=int, default=32)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--height", type=int, default=480)
    parser.add_argument("--grain", type=int, default=1)
    parser.add_argument("--again", action="store_true", help=f"run it twice: the second finds {BUCKET} finished")
    return parser.parse_args()


if __name__ == "__main__":
    main()

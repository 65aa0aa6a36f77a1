"""The gather stage over a list of addresses, through Dagster, in a process of its own: everything a user gets.

Judged addresses, download, hashing, validation, duplicates, the store, the table, the views and the contact sheet.

python -m benchmarks.gather_run URL_LIST [--in-flight 64] [--profile]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import process_tree

IN_FLIGHT = 64


def measure(urls: Path, *, in_flight: int = IN_FLIGHT) -> dict[str, Any]:
    """Run this program and read its figures, with those of its process."""
    command = [sys.executable, "-m", __name__, str(urls), "--in-flight", str(in_flight)]
    measured = process_tree.measure(command)
    figures: dict[str, Any] = json.loads(measured.output.splitlines()[-1])
    return figures | measured.as_dict()


def gather(urls: Path, in_flight: int) -> dict[str, Any]:
    """Gather the list into an empty project; images kept and seconds of the whole run."""
    with tempfile.TemporaryDirectory(prefix="dlf-gather-") as folder:
        root = Path(folder)
        (root / "project_configs").mkdir()
        (root / "dagster_home").mkdir()
        (root / "dagster_home" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        (root / "project_configs" / "bench.yaml").write_text(
            "project_name: bench\ntarget_object: drone\nfalcon_queries: [drone]\n"
            f"web: {{per_host: {in_flight}, per_second: null}}\n"
            f"buckets:\n  positive/x: {{urls: ['{urls}']}}\n"
        )
        homes = {"DLF_HOME": root, "DLF_DATA_ROOT": root / "data", "DAGSTER_HOME": root / "dagster_home"}
        os.environ |= {name: str(path) for name, path in homes.items()} | {"DLF_ALLOWED_NETWORKS": "127.0.0.0/8"}
        return _run(in_flight)


def _run(in_flight: int) -> dict[str, Any]:
    import dagster as dg

    from dlf_assets.definitions import defs
    from dlf_assets.partitions import add_missing
    from dlf_resources.projects import Projects
    from dlf_resources.workspace import Workspace

    with dg.DagsterInstance.ephemeral() as instance:
        add_missing(instance, Projects(Workspace.find().projects).load_all()[0])
        began, cpu = time.perf_counter(), time.process_time()
        result = defs.resolve_job_def("gather").execute_in_process(
            instance=instance,
            partition_key="bench__positive.x",
            run_config={
                "ops": {"gathered_images": {"config": {"workers": in_flight}}},
                "loggers": {"console": {"config": {"log_level": "ERROR"}}},
            },
        )
        seconds = time.perf_counter() - began
        metadata = result.get_asset_materialization_events()[0].materialization.metadata
        images = int(str(metadata["images"].value))
        return {
            "images": images,
            "seconds": round(seconds, 3),
            "images_per_second": round(images / seconds, 1),
            "stage_cpu_seconds": round(time.process_time() - cpu, 3),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("urls", type=Path)
    parser.add_argument("--in-flight", type=int, default=IN_FLIGHT)
    parser.add_argument("--profile", action="store_true", help="print where the main thread's time goes")
    chosen = parser.parse_args()
    if chosen.profile:
        import cProfile

        profile = cProfile.Profile()
        profile.runcall(gather, chosen.urls, chosen.in_flight)
        profile.print_stats("cumulative")
    else:
        print(json.dumps(gather(chosen.urls, chosen.in_flight)))


if __name__ == "__main__":
    main()

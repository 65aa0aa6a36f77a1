"""`dlf project`: the YAML as it was understood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from dlf_assets.cli.options import JsonOption, ProjectOption, load_project

if TYPE_CHECKING:
    from dlf_core.project import Project


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: dlf project --project project_configs/drones.yaml")(project)


def project(project: ProjectOption, json: JsonOption = False) -> None:
    """Print a project as it was understood: data root, buckets, queries, prompts, backends, partition keys."""
    loaded = load_project(project)
    from dlf_assets.cli.output import print_json

    if json:
        print_json(_as_dict(loaded))
    else:
        _print(loaded)


def _as_dict(loaded: Project) -> dict[str, Any]:
    return loaded.model_dump(mode="json") | {
        "file": str(loaded.file),
        "data_root": str(loaded.root),
        "class_names": loaded.class_names,
        "partition_keys": loaded.partition_keys(),
    }


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items())


def _print(loaded: Project) -> None:
    from rich.markup import escape
    from rich.table import Table

    from dlf_assets.cli.output import console

    out = console()
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")

    def row(name: str, value: str) -> None:
        table.add_row(name, escape(value))

    row("project", loaded.project_name)
    row("file", str(loaded.file))
    row("target object", loaded.target_object)
    row("data root", str(loaded.root))
    chosen = loaded.backends
    managed = " (mlx_vlm.server is started and stopped with a run)" if chosen.manage else ""
    row("backends", f"filter {chosen.filter}, label {' + '.join(chosen.label)}, verify {chosen.verify}{managed}")
    for server, asked in loaded.servers.items():
        row(f"server {server}", _pairs(asked.model_dump(exclude_none=True)) or "as the backend recommends")
    for server, price in loaded.prices.items():
        row(
            f"price {server}",
            f"{_pairs(price.model_dump(exclude_defaults=True, exclude={'currency'}))} {price.currency}",
        )
    row("engine", loaded.engine)
    row("splits", ", ".join(f"{name} {share:.0%}" for name, share in loaded.splits.shares().items()))
    if loaded.schedule:
        row("schedule", f"{loaded.schedule.cron} ({loaded.schedule.timezone})")
    if loaded.ground_truth:
        row("ground truth", str(loaded.beside(loaded.ground_truth)))
    row("queries", ", ".join(f"{q} → {c}" if q != c else q for q, c in loaded.class_map.items()))
    row("filter prompt", loaded.filter_prompt())
    row("verify prompt", loaded.verify_prompt(loaded.queries[0]))
    out.print(table)
    buckets = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("bucket", "partition key", "sources"):
        buckets.add_column(name, overflow="fold")
    for bucket, key in loaded.partition_keys().items():
        said = loaded.buckets[bucket].model_dump()
        sources = ", ".join(f"{len(lines)} {kind}" for kind, lines in said.items() if lines) or "nothing"
        buckets.add_row(escape(bucket), escape(key), sources)
    out.print()
    out.print(buckets)

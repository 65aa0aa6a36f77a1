"""`dlf list` and `dlf show`: the run folders."""

from __future__ import annotations

import json as json_module
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dlf_assets.cli.options import JsonOption

if TYPE_CHECKING:
    from dlf_resources.experiments import Experiments, RunFolder


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(name="list", epilog="Example: dlf list --limit 5")(list_)
    app.command(epilog="Examples: dlf show latest  ·  dlf show 2026-11-23_101500_sample")(show)


def list_(
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only the newest N.")] = None,
    json: JsonOption = False,
) -> None:
    """List runs, newest first."""
    from dlf_assets.cli.output import console, print_json

    experiments = _experiments()
    rows = [_row(run) for run in experiments.all()[:limit]]
    if json:
        print_json(rows)
        return
    out = console()
    if not rows:
        out.print(f"no runs in {experiments.folder}; `dlf pipeline --project sample` makes one.", soft_wrap=True)
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("run", "project", "started by", "stages"):
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(escape(str(row[name])) for name in ("run", "project", "started_by")), ", ".join(row["stages"]))
    out.print(table)


def show(
    run: Annotated[str, typer.Argument(help="A run's folder name, the name behind its date, or 'latest'.")],
    json: JsonOption = False,
) -> None:
    """Show a run: its settings, its counts, its files."""
    from dlf_assets.cli.output import console, print_json

    folder = _experiments().find(run)
    data: dict[str, Any] = {
        "run": folder.path.name,
        "path": str(folder.path),
        "config": folder.config(),
        "counts": _counts(folder),
        "files": folder.files(),
    }
    if json:
        print_json(data)
        return
    from rich.markup import escape

    out = console()
    config = data["config"]
    out.print(f"[bold]{escape(data['run'])}[/]  {escape(str(config.get('project', '')))}")
    for name in ("started", "started_by", "project_file", "data_root", "options"):
        out.print(f"  {name:<13} {escape(str(config.get(name, '')))}", soft_wrap=True)
    for run_id in config.get("run_ids", []):
        out.print(f"  {'dagster run':<13} {run_id}")
    out.print("[bold]counts[/]")
    for name, counts in data["counts"].items():
        out.print(f"  {name}: {escape(', '.join(f'{key} {value}' for key, value in counts.items()))}", soft_wrap=True)
    out.print("[bold]files[/]")
    for name in data["files"]:
        out.print(f"  {escape(str(folder.path / name))}", soft_wrap=True)


def _experiments() -> Experiments:
    from dlf_resources.experiments import Experiments
    from dlf_resources.workspace import Workspace

    return Experiments(Workspace.find().experiments)


def _row(run: RunFolder) -> dict[str, Any]:
    config = run.config()
    made = sorted({file.split("/")[0] for file in run.files() if "/" in file} - {"prompts"})
    return {
        "run": run.path.name,
        "path": str(run.path),
        "project": config.get("project", "?"),
        "started_by": str(config.get("started_by", "?")).strip("`"),
        "stages": made,
    }


def _counts(run: RunFolder) -> dict[str, dict[str, Any]]:
    """The numbers that the run's views carry."""
    found: dict[str, dict[str, Any]] = {}
    for name in run.files():
        if name.endswith(("stats.json", "keep_list.json", "verified.json", ".coco.json")):
            data = json_module.loads((run.path / name).read_bytes())
            if name.endswith("stats.json"):
                found[name] = {"images": data["images"], **{k: sum(v.values()) for k, v in data["buckets"].items()}}
            elif name.endswith("keep_list.json"):
                found[name] = data["counts"]
            elif name.endswith("verified.json"):
                found[name] = data["summary"]
            else:
                found[name] = {"images": len(data["images"]), "boxes": len(data["annotations"])}
    return found

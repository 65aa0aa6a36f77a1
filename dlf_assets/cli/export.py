"""`dlf export`: the data set in a format, into a folder of the user's choice."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dlf_assets.cli.options import JsonOption, ProjectOption, load_project


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: dlf export --project sample --format yolo --out ./people")(export)


def export(
    project: ProjectOption,
    format: Annotated[list[str], typer.Option("--format", help="coco or yolo; may be repeated.")],  # noqa: A002
    out: Annotated[Path | None, typer.Option("--out", help="Folder to write into; default: the data root.")] = None,
    json: JsonOption = False,
) -> None:
    """Write the data set in a format; the folder gets a sub-folder a format, with its images."""
    loaded = load_project(project)
    from dlf_assets.cli.output import console, print_json
    from dlf_core.attribution import publishing_problems
    from dlf_core.errors import FactoryError
    from dlf_resources.dataset_source import assemble
    from dlf_resources.projects import store_of
    from dlf_resources.stores.dataset_folder import write_dataset

    made = assemble(loaded)
    if not made.dataset.images:
        raise FactoryError(f"project '{loaded.project_name}' has no labelled image yet; run `dlf pipeline` first.")
    folder = out.expanduser().absolute() if out else store_of(loaded).path("export")
    write_dataset(made.dataset, made.raw_paths, folder, list(dict.fromkeys(format)))
    paths = {name: str(folder / name) for name in format}
    if json:
        print_json({"images": len(made.dataset.images), "boxes": made.dataset.box_count, "paths": paths})
        return
    for problem in publishing_problems(made.dataset.images):
        console().print(f"[yellow]before this is published:[/] {problem}", soft_wrap=True)
    for name, path in paths.items():
        text = f"{name}: {len(made.dataset.images)} images, {made.dataset.box_count} boxes in {path}"
        console().print(text, soft_wrap=True, markup=False)

"""`dlf export`: the data set in a format, into a folder of the user's choice."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dlf_assets.cli.options import ClassesOption, JsonOption, ProjectOption, load_project

_EXAMPLES = (
    "Examples: dlf export --project sample --format yolo --out ./people; "
    "dlf export --project sample --format parquet --only-approved --splits 0.9,0.1; "
    "dlf export --project drones --format coco --classes 'quadcopter=drone,cable spool='"
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=_EXAMPLES)(export)


def export(
    project: ProjectOption,
    format: Annotated[  # noqa: A002
        list[str],
        typer.Option(
            "--format",
            help="coco, yolo, voc, parquet, webdataset, cvat, label-studio or labels; may be repeated.",
        ),
    ],
    out: Annotated[Path | None, typer.Option("--out", help="Folder to write into; default: the data root.")] = None,
    only_approved: Annotated[
        bool, typer.Option("--only-approved", help="Only boxes that a person has approved.")
    ] = False,
    min_p_yes: Annotated[
        float | None,
        typer.Option("--min-p-yes", min=0, max=1, help="Only boxes verified with this score, or approved by a person."),
    ] = None,
    negatives: Annotated[bool, typer.Option(help="Also images without boxes.")] = True,
    splits: Annotated[
        str | None, typer.Option("--splits", help="train,val or train,val,test shares in place of the YAML's.")
    ] = None,
    classes: ClassesOption = None,
    images: Annotated[str, typer.Option("--images", help="link, copy, or none: the labels only.")] = "link",
    crop_margin: Annotated[
        float | None,
        typer.Option(
            "--crop-margin", min=0, max=5, help="Also every box as a picture, with so many box sides around it."
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write the data set in a format; the folder gets a sub-folder a format, with its images."""
    loaded = load_project(project)
    from rich.markup import escape

    from dlf_assets.cli.output import console, print_json
    from dlf_core.attribution import publishing_problems
    from dlf_core.errors import FactoryError
    from dlf_core.export_options import class_map, split_shares
    from dlf_core.selection import Selection, select
    from dlf_resources.dataset_crops import write_crops
    from dlf_resources.dataset_pictures import Placing, StoredPictures
    from dlf_resources.dataset_source import assemble
    from dlf_resources.projects import store_of
    from dlf_resources.stores.dataset_folder import write_dataset

    placing = _placing(images, list(Placing))
    selection = Selection(only_approved, min_p_yes, negatives, class_map(classes) if classes is not None else {})
    made = assemble(loaded, split_shares(splits) if splits is not None else None)
    if not made.dataset.images:
        raise FactoryError(f"project '{loaded.project_name}' has no labelled image yet; run `dlf pipeline` first.")
    chosen = select(made.dataset, selection)
    if not chosen.images:
        raise FactoryError(f"nothing of project '{loaded.project_name}' is left by these options; loosen one of them.")
    store = store_of(loaded)
    folder = out.expanduser().absolute() if out else store.path("export")
    stored = StoredPictures(store, made.keys, link=placing == Placing.LINK)
    formats = list(dict.fromkeys(format))
    write_dataset(chosen, None if placing == Placing.NONE else stored, folder, formats, copied=placing == Placing.COPY)
    paths = {name: str(folder / name) for name in formats}
    if crop_margin is not None:
        count = write_crops(chosen, stored, folder / "crops", crop_margin)
        paths["crops"] = str(folder / "crops")
    if json:
        print_json({"images": len(chosen.images), "boxes": chosen.box_count, "paths": paths})
        return
    for problem in publishing_problems(chosen.images):
        console().print(f"[yellow]before this is published:[/] {escape(problem)}", soft_wrap=True)
    for name, path in paths.items():
        text = f"{name}: {len(chosen.images)} images, {chosen.box_count} boxes in {path}"
        if name == "crops":
            text = f"crops: {count} pictures in {path}"
        console().print(text, soft_wrap=True, markup=False)


def _placing(value: str, known: list[str]) -> str:
    if value not in known:
        raise typer.BadParameter(f"'{value}' is not one of {', '.join(known)}.", param_hint="'--images'")
    return value

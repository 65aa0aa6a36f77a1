"""`dlf compare`: the data set beside a reference."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlf_assets.cli.options import JsonOption, ProjectOption, load_project

if TYPE_CHECKING:
    from rich.table import Column

    from dlf_core.comparison import Comparison
    from dlf_core.formats.dataset import Dataset

_EXAMPLES = (
    "Examples: dlf compare --project sample --reference instances_val2017.json; "
    "dlf compare --project drones --reference user/fiber-optic-drones-labels --classes 'quadcopter=drone'"
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=_EXAMPLES)(compare)


def compare(
    project: ProjectOption,
    reference: Annotated[
        str, typer.Option("--reference", help="A folder or file of labels, or user/name of a data set on the Hub.")
    ],
    format: Annotated[  # noqa: A002
        str | None, typer.Option("--format", help="Its format; default: by what lies there.")
    ] = None,
    classes: Annotated[
        str | None, typer.Option("--classes", help="Rename the reference's classes: old=new,old=new; 'old=' drops it.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for comparison.json and plots; default: in the data root.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Precision, recall and AP against a reference, by class and query, and the images that disagree most.

    Images are the same when their hashes are, or else their file names. Only images that both have count.
    """
    loaded = load_project(project)
    from dlf_assets.cli.output import print_json
    from dlf_core.comparison import compare as compared_with
    from dlf_core.errors import FactoryError, StoreError
    from dlf_core.export_options import class_map
    from dlf_core.selection import Selection, select
    from dlf_resources.comparison_plots import class_scores, count_differences
    from dlf_resources.dataset_source import assemble
    from dlf_resources.projects import disk_of
    from dlf_resources.provenance import verified_by_query

    made = assemble(loaded).dataset
    if not made.images:
        raise FactoryError(f"project '{loaded.project_name}' has no labelled image yet; run `dlf pipeline` first.")
    other = _reference(reference, format)
    if classes:
        other = select(other, Selection(classes=class_map(classes)))
    found = compared_with(made, other, verified_by_query(loaded))
    folder = out.expanduser().absolute() if out else disk_of(loaded).path("comparison")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = json_text.dumps({"reference": reference, **found.as_dict()}, indent=2, ensure_ascii=False)
        (folder / "comparison.json").write_text(text + "\n", encoding="utf-8")
        (folder / "classes.png").write_bytes(class_scores(found))
        (folder / "counts.png").write_bytes(count_differences(found))
    except OSError as error:
        raise StoreError(f"{folder}: cannot be written: {error.strerror or error}; choose another --out.") from None
    if json:
        print_json({"folder": str(folder), "reference": reference, **found.as_dict()})
    else:
        _show(found, folder)


def _reference(name: str, format_name: str | None) -> Dataset:
    """The reference as a data set: what lies on this disk, else what the Hub has under that name."""
    from dlf_core.formats.detect import detect_format
    from dlf_resources.stores.dataset_folder import format_named

    path = Path(name).expanduser()
    if name.count("/") == 1 and not name.startswith((".", "~", "/")) and not path.exists():
        from dlf_resources.hub.references import downloaded
        from dlf_resources.hub.session import HubError

        try:
            path = downloaded(name)
        except HubError as error:
            raise HubError(f"{name}: is not there; on the Hub: {error}") from None
    return format_named(format_name or detect_format(path)).read(path)


def _show(found: Comparison, folder: Path) -> None:
    from rich.markup import escape
    from rich.table import Table

    from dlf_assets.cli.output import console

    out = console()
    out.print(
        f"images      {found.images:,} on both sides; {found.only_here:,} only here, {found.only_there:,} only there\n"
        f"boxes       {found.boxes:,} here, {found.reference_boxes:,} there\n"
        f"agreement   precision {_share(found.precision)}, recall {_share(found.recall)}, "
        f"AP50 {_share(found.ap50)}, AP {_share(found.ap)}\n"
        f"yes_rate    {_share(found.yes_rate)} here, {_share(found.reference_yes_rate)} there\n",
        soft_wrap=True,
    )
    table = Table("class", *_right("here", "there", "precision", "recall", "AP50"), box=None, pad_edge=False)
    for one in found.classes:
        scores = (_share(value) for value in (one.precision, one.recall, one.ap50))
        table.add_row(escape(one.name), f"{one.boxes:,}", f"{one.reference_boxes:,}", *scores)
    out.print(table)
    out.print()
    table = Table("query", *_right("boxes", "agreement", "yes_rate"), box=None, pad_edge=False)
    for query in found.queries:
        table.add_row(escape(query.query), f"{query.boxes:,}", _share(query.agreement), _share(query.yes_rate))
    out.print(table)
    if found.worst:
        out.print()
        table = Table("image", "bucket", *_right("only here", "only there"), box=None, pad_edge=False)
        for image in found.worst:
            numbers = f"{image.only_here:,}", f"{image.only_there:,}"
            table.add_row(escape(image.file_name), escape(image.bucket or ""), *numbers)
        out.print(table)
    out.print(f"\nplots and comparison.json in {escape(str(folder))}", soft_wrap=True)


def _right(*names: str) -> list[Column]:
    from rich.table import Column

    return [Column(name, justify="right") for name in names]


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"

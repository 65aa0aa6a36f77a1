"""`dlf import`: labels that are there already."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlf_assets.cli.options import ClassesOption, JsonOption, ProjectOption, load_project

if TYPE_CHECKING:
    from dlf_core.formats.dataset import Dataset, LabeledImage
    from dlf_core.project import Project

_MOST_SAID = 10
_EXAMPLES = (
    "Examples: dlf import ~/old/yolo --project drones; "
    "dlf import test.json --project drones --as truth --images ~/old/photos --classes 'UAV=drone,*='"
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import", epilog=_EXAMPLES)(import_labels)


def import_labels(
    path: Annotated[Path, typer.Argument(help="A folder or file of labels.")],
    project: ProjectOption,
    as_: Annotated[
        str,
        typer.Option(
            "--as", help="boxes: of the project, in place of a model's. truth: what it is measured by. reviews: of 0.1."
        ),
    ] = "boxes",
    format: Annotated[  # noqa: A002
        str | None, typer.Option("--format", help="Their format; default: by what lies there.")
    ] = None,
    images: Annotated[
        Path | None, typer.Option("--images", help="Folder of the image files; default: where the labels lie.")
    ] = None,
    classes: ClassesOption = None,
    json: JsonOption = False,
) -> None:
    """Bring labels in that were made elsewhere: COCO, YOLO, VOC, CVAT, Label Studio, Parquet, WebDataset.

    Boxes become the label stage's answer for their images, which no model is asked about any more; filter, verify
    and review treat them like all others. Images are known by their bytes; they come into the project as always, by
    a folder in the YAML. Reviews are what people decided with data-label-factory 0.1 (its reviews.json). Truth is
    what `dlf pipeline` measures the data set by where the YAML names no ground_truth.
    """
    loaded = load_project(project)
    from rich.markup import escape

    from dlf_assets.cli.output import console, print_json
    from dlf_core.errors import FactoryError
    from dlf_core.export_options import class_map
    from dlf_core.formats.dataset import Dataset
    from dlf_core.formats.detect import detect_format
    from dlf_core.selection import Selection, select
    from dlf_resources.importing import ImageFiles, identified, unpacked
    from dlf_resources.projects import disk_of, store_of
    from dlf_resources.stores.dataset_folder import format_named

    if as_ not in ("boxes", "truth", "reviews"):
        raise typer.BadParameter(f"'{as_}' is not boxes, truth or reviews.", param_hint="'--as'")
    if as_ == "reviews":
        from dlf_assets.cli.import_reviews import import_reviews

        import_reviews(loaded, path, json)
        return
    store = store_of(loaded)
    path = path.expanduser()
    name = format or detect_format(path)
    chosen = format_named(name)
    found = chosen.read(path)
    if classes:
        found = select(found, Selection(classes=class_map(classes)))
    _refuse_unknown(loaded, found, path, truth=as_ == "truth")
    folder = images.expanduser() if images else path if path.is_dir() else path.parent
    if images is None and chosen.read_pictures is not None:
        folder = unpacked(chosen, path, disk_of(loaded).path(f"imported/{name}-{path.stem}"))
    problems: list[str] = []
    known = list(identified(found, ImageFiles(folder), problems))
    if not known:
        said = f"; first of them: {problems[0]}" if problems else ""
        raise FactoryError(f"{path}: none of its {len(found.images)} images can be told{said}. Name --images.")
    if as_ == "truth":
        from dlf_resources.imported_truth import remember_truth

        where = remember_truth(loaded, store, Dataset.of(found.name, found.classes, known))
        total, missing = len(known), 0
    else:
        from dlf_resources.imported_labels import ImportedImage, imported_key, remember

        total = remember(loaded, store, (ImportedImage(image.image_id, tuple(image.boxes)) for image in known))
        where, missing = store.address(imported_key(loaded)), _not_gathered(loaded, known)
    boxes = sum(len(image.boxes) for image in known)
    if json:
        print_json(
            {"as": as_, "format": name, "images": len(known), "boxes": boxes, "problems": problems}
            | {"not_gathered": missing, "total": total, "file": where}
        )
        return
    out = console()
    for text in problems[:_MOST_SAID]:
        out.print(f"[yellow]left out:[/] {escape(text)}", soft_wrap=True)
    if len(problems) > _MOST_SAID:
        out.print(f"[yellow]left out:[/] and {len(problems) - _MOST_SAID:,} more")
    out.print(f"{name}: {len(known):,} images, {boxes:,} boxes → {where}", soft_wrap=True, markup=False)
    if missing:
        lines = f"under a bucket of {loaded.file.name}:  folders: ['{folder.absolute()}']"
        out.print(f"{missing:,} of these images are in no bucket yet; write {lines}", soft_wrap=True, markup=False)
    if as_ == "boxes":
        out.print(f"next: dlf pipeline --project {loaded.project_name}", soft_wrap=True, markup=False)


def _refuse_unknown(project: Project, found: Dataset, path: Path, *, truth: bool) -> None:
    """Boxes of a class the project does not have would be lost without a word."""
    from dlf_core.errors import FactoryError

    ours = {*project.class_names, *(() if truth else project.queries)}
    used = set(found.box_table["class_name"].cast("string").unique().to_pylist())
    unknown = [name for name in found.classes if name in used and name not in ours]
    if unknown and not (truth and used & ours):
        rename = ",".join(f"{name}={project.class_names[0]}" for name in unknown[:2])
        way_out = f"rename them with --classes '{rename}', or leave all others out with '*='"
        has = f"project '{project.project_name}' has: {', '.join(project.class_names)}"
        raise FactoryError(f"{path}: boxes of {', '.join(map(repr, unknown[:10]))}, and {has}; {way_out}.")


def _not_gathered(project: Project, images: list[LabeledImage]) -> int:
    """Images that no bucket has."""
    from dlf_resources.projects import tables_of

    tables = tables_of(project)
    there: set[str | None] = set()
    for key in project.partition_keys().values():
        table = tables.read("gather", key, ["image_id", "candidate_id", "state"])
        there.update(table["image_id"].to_pylist() if table is not None else ())
    return sum(image.image_id not in there for image in images)

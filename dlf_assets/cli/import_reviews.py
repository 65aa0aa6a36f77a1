"""`dlf import --as reviews`: what people decided with data-label-factory 0.1."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlf_core.project import Project

_MOST_SAID = 10


def import_reviews(project: Project, path: Path, json: bool) -> None:
    """Bring a reviews.json in, and tell what came of it."""
    from rich.markup import escape

    from dlf_assets.cli.output import console, print_json
    from dlf_resources.projects import store_of
    from dlf_resources.reviews.original import import_original
    from dlf_resources.reviews.said import exchange

    found = import_original(project, exchange(store_of(project)), path.expanduser())
    exchange(store_of(project))
    if json:
        print_json({"as": "reviews"} | found.model_dump())
        return
    out = console()
    for text in found.problems[:_MOST_SAID]:
        out.print(f"[yellow]left out:[/] {escape(text)}", soft_wrap=True)
    if len(found.problems) > _MOST_SAID:
        out.print(f"[yellow]left out:[/] and {len(found.problems) - _MOST_SAID:,} more")
    again = f", {found.already_there:,} operations were there already" if found.already_there else ""
    out.print(f"verdicts on boxes: {found.verdicts:,}, of images with decisions: {found.images:,}{again}")
    out.print(f"next: dlf pipeline --project {project.project_name}", soft_wrap=True, markup=False)

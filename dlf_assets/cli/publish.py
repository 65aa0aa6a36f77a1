"""`dlf publish`: the data set on the Hugging Face Hub."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlf_assets.cli.options import JsonOption, ProjectOption, load_project

if TYPE_CHECKING:
    from dlf_core.formats.dataset import Dataset
    from dlf_core.project import Project
    from dlf_resources.hub.publishing import Plan

_FOLDER = "publish"
_EXAMPLES = (
    "Examples: dlf publish --project drones --to me/fiber-optic-drones --dry-run; "
    "dlf publish --project drones --to me/fiber-optic-drones --private --yes"
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=_EXAMPLES)(publish)


def publish(
    project: ProjectOption,
    to: Annotated[str, typer.Option("--to", help="user/name of the data set on the Hub.")],
    private: Annotated[bool, typer.Option("--private", help="A new data set is seen by you only.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Publish without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list the files, with what would happen.")] = False,
    allow_unknown_rights: Annotated[
        bool,
        typer.Option("--allow-unknown-rights", help="Publish although something is known against it, or nothing."),
    ] = False,
    only_approved: Annotated[
        bool, typer.Option("--only-approved", help="Only boxes that a person has approved.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Publish the data set as Parquet with its card, plots and ATTRIBUTION.md, in one commit.

    Asks for the name to be typed, unless --yes. Refused while images are of unknown rights, or under licences that
    forbid it, unless --allow-unknown-rights. The token is HF_TOKEN, or that of `hf auth login`.
    """
    loaded = load_project(project)
    from dlf_assets.cli.copy_bars import counting
    from dlf_assets.cli.output import console, print_json
    from dlf_core.attribution import publishing_problems
    from dlf_core.errors import FactoryError
    from dlf_core.selection import Selection, select
    from dlf_resources.dataset_pictures import StoredPictures
    from dlf_resources.dataset_source import assemble
    from dlf_resources.hub.publishing import plan_of
    from dlf_resources.hub.publishing import publish as upload
    from dlf_resources.hub.session import checked_name, hub_api
    from dlf_resources.projects import store_of

    checked_name(to)
    hub_api(needs_token=True)
    made = assemble(loaded)
    chosen = select(made.dataset, Selection(only_approved=only_approved))
    if not chosen.images:
        raise FactoryError(f"project '{loaded.project_name}' has nothing to publish; run `dlf pipeline` first.")
    problems = publishing_problems(chosen.images)
    if problems and not allow_unknown_rights:
        way_out = "take these images out ('licenses:' in the YAML), or publish with --allow-unknown-rights"
        raise FactoryError(f"not published: {' '.join(problems)} Either {way_out}.")
    folder = _folder(loaded, chosen, StoredPictures(store_of(loaded), made.keys))
    plan = plan_of(to, folder)
    if private and plan.exists and not plan.private:
        raise FactoryError(f"{to} is there and public; make it private on the Hub, or publish without --private.")
    out = console()
    if not json:
        _show(plan, private)
    if dry_run or not plan.todo:
        if json:
            print_json(_as_dict(plan, None, private))
        else:
            out.print("nothing was written" if dry_run else "nothing to do: the Hub has this data set already")
        return
    if not yes:
        _confirm(to)
    with counting("upload") as progress:
        images, boxes = len(chosen.images), chosen.box_count
        message = f"{images:,} images, {boxes:,} boxes; data set {chosen.fingerprint()[:12]}"
        address = upload(plan, private=private, message=message, progress=progress)
    if json:
        print_json(_as_dict(plan, address, private))
    else:
        out.print(f"published: {address}", soft_wrap=True, markup=False)


def _folder(project: Project, chosen: Dataset, pictures: object) -> Path:
    """The folder as it will be on the Hub."""
    from dlf_resources.dataset_card import write_card
    from dlf_resources.dataset_source import recorded_evaluation
    from dlf_resources.projects import disk_of
    from dlf_resources.provenance import provenance_of
    from dlf_resources.stores.dataset_folder import write_dataset

    root = disk_of(project).path(_FOLDER)
    write_dataset(chosen, pictures, root, ["parquet"])  # type: ignore[arg-type]
    folder = root / "parquet"
    measured = recorded_evaluation(project, chosen)
    write_card(chosen, provenance_of(project, chosen), folder, evaluation=measured, parquet=True)
    return folder


def _show(plan: Plan, private: bool) -> None:
    from rich.filesize import decimal
    from rich.table import Table

    from dlf_assets.cli.output import console

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in (("file", "left"), ("size", "right"), ("", "left")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for file in plan.files:
        table.add_row(file.path, decimal(file.bytes), file.change.value)
    seen = "private" if (plan.private if plan.exists else private) else "public"
    state = "is there" if plan.exists else "will be made"
    console().print(table)
    console().print(f"\n{plan.repo} {state}, {seen}; {len(plan.todo)} of {len(plan.files)} files to change")


def _confirm(name: str) -> None:
    from dlf_core.errors import FactoryError

    if not sys.stdin.isatty():
        raise FactoryError("nobody is there to confirm; publish with --yes, or look with --dry-run.")
    if typer.prompt(f"Type {name} to publish it", err=True).strip() != name:
        raise FactoryError("not published: that is another name.")


def _as_dict(plan: Plan, address: str | None, private: bool) -> dict[str, object]:
    files = [{"path": file.path, "bytes": file.bytes, "change": file.change.value} for file in plan.files]
    known = {"repo": plan.repo, "existed": plan.exists, "private": plan.private if plan.exists else private}
    return known | {"published": address is not None, "address": address, "files": files}

"""`dlf store`: a project's data on disk and in R2, compared, copied and checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dlf_assets.cli.options import JsonOption, ProjectOption, load_project

if TYPE_CHECKING:
    from dlf_resources.stores.copying import Compared, Place, Progress
    from dlf_resources.stores.local import LocalStore
    from dlf_resources.stores.r2 import R2Store

store = typer.Typer(
    no_args_is_help=True,
    help="A project's data on disk and in R2: compare, copy, check.",
    epilog="Example: dlf store status --project drones",
)
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would be copied.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(store, name="store")


@store.command(epilog="Example: dlf store status --project drones")
def status(project: ProjectOption, json: JsonOption = False) -> None:
    """Where the project's data lies, and what differs between disk and R2. Reads nothing but lists and hashes."""
    loaded = load_project(project)
    from dlf_assets.cli.output import console, print_json
    from dlf_resources.projects import disk_of, r2_of
    from dlf_resources.stores.copying import compared
    from dlf_resources.stores.r2_settings import wanted_store

    disk, remote = disk_of(loaded), r2_of(loaded)
    found = compared(disk, remote)
    counts = Counter(one.place for one in found)
    sizes: Counter[str] = Counter()
    for one in found:
        sizes[one.place] += one.bytes
    used, bucket = wanted_store(loaded), remote.address("")
    if json:
        places = {place.value: {"files": counts[place], "bytes": sizes[place]} for place in _places()}
        print_json({"store": used, "root": str(disk.root), "bucket": bucket, **places})
        return
    out = console()
    out.print(f"store    {used}\ndisk     {disk.root}\nr2       {bucket}\n", soft_wrap=True, markup=False)
    for place, said in _places().items():
        text = f"{said:<24}{counts[place]:>9,} files{_megabytes(sizes[place]):>12}"
        out.print(text, markup=False)


@store.command(epilog="Examples: dlf store push --project drones --dry-run  ·  dlf store push --project drones")
def push(project: ProjectOption, dry_run: DryRunOption = False, json: JsonOption = False) -> None:
    """Upload what lies on disk and not, or otherwise, in R2. What differs becomes as it is on disk."""
    from dlf_resources.stores import copying

    _copy(project, copying.Place.DISK, copying.push, dry_run, json, "upload")


@store.command(epilog="Example: dlf store pull --project drones")
def pull(project: ProjectOption, dry_run: DryRunOption = False, json: JsonOption = False) -> None:
    """Download what lies in R2 and not, or otherwise, on disk. What differs becomes as it is in R2."""
    from dlf_resources.stores import copying

    _copy(project, copying.Place.R2, copying.pull, dry_run, json, "download")


@store.command(epilog="Example: dlf store verify --project drones")
def verify(project: ProjectOption, json: JsonOption = False) -> None:
    """Read every byte of the project's data, where it lies: hashes, tables, images that tables name. Exit 1 if not
    all is whole.
    """
    loaded = load_project(project)
    from dlf_assets.cli.copy_bars import counting
    from dlf_assets.cli.output import console, print_json
    from dlf_resources.projects import disk_of, store_of
    from dlf_resources.stores.copying import problems

    used = store_of(loaded)
    with counting("verify") as progress:
        found = list(problems(used, progress))
    if json:
        print_json({"store": used.name, "problems": found})
    else:
        for text in found:
            console().print(text, soft_wrap=True, markup=False)
        where = str(disk_of(loaded).root) if used.name == "local" else used.address("")
        said = f"{len(found)} problem{'s' * (len(found) != 1)}" if found else "everything is whole"
        console().print(f"{said} in {where}", soft_wrap=True, markup=False)
    if found:
        raise typer.Exit(1)


def _copy(
    project: str,
    only: Place,
    copy: Callable[[LocalStore, R2Store, Sequence[Compared], Progress], None],
    dry_run: bool,
    json: bool,
    word: str,
) -> None:
    loaded = load_project(project)
    from dlf_assets.cli.copy_bars import counting
    from dlf_assets.cli.output import console, print_json
    from dlf_resources.projects import disk_of, r2_of
    from dlf_resources.reviews.said import log_of
    from dlf_resources.reviews.sharing import share
    from dlf_resources.stores.copying import Place, compared

    disk, remote = disk_of(loaded), r2_of(loaded)
    if not dry_run:
        share(log_of(disk), disk)  # what people said goes along, as objects
    todo = [one for one in compared(disk, remote) if one.place in (only, Place.DIFFERS)]
    if not dry_run:
        with counting(word) as progress:
            copy(disk, remote, todo, progress)
    if json:
        print_json({"done": not dry_run, "keys": [one.key for one in todo], "bytes": sum(one.bytes for one in todo)})
        return
    if dry_run:
        for one in todo:
            console().print(f"{one.key} ({one.place.value})", soft_wrap=True, markup=False)
    size = _megabytes(sum(one.bytes for one in todo)).strip()
    said = f"would {word}" if dry_run else f"{word}ed"
    console().print(f"{said} {len(todo):,} files, {size}" if todo else f"nothing to {word}")


def _places() -> dict[Any, str]:
    from dlf_resources.stores.copying import Place

    return {
        Place.BOTH: "equal on both sides",
        Place.DISK: "only on disk",
        Place.R2: "only in R2",
        Place.DIFFERS: "different",
    }


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"

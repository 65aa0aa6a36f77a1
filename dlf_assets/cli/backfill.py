"""`dlf backfill`: many buckets at once, by Dagster's daemon."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from dlf_assets.cli.options import BucketOption, JsonOption, ProjectOption, chosen_buckets, load_project
from dlf_core.errors import FactoryError

if TYPE_CHECKING:
    import dagster as dg

    from dlf_assets.backfills import Progress

_LOOK_SECONDS = 2.0
STAGES = ("gather", "filter", "label", "verify", "review")

StageOption = Annotated[
    list[str] | None, typer.Option("--stage", help="Only this stage; may be repeated. Default: all five.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    examples = (
        "dlf backfill -p drones --bucket 'positive/*' --watch  ·  dlf backfill -p drones --stage verify  ·  "
        "dlf backfill -p drones --cancel abcdefgh"
    )
    app.command(epilog=f"Examples: {examples}")(backfill)


def backfill(
    project: ProjectOption,
    bucket: BucketOption = None,
    stage: StageOption = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show how far it has come until it ends.")] = False,
    cancel: Annotated[str | None, typer.Option("--cancel", help="End the backfill of this id and its runs.")] = None,
    json: JsonOption = False,
) -> None:
    """Run stages for many buckets through Dagster's daemon (`make dev`, or a team's services), and see it in the UI.

    What is there already is not computed again. With --watch the exit status is 1 when a bucket failed; Ctrl-C ends
    the watching, not the backfill.
    """
    loaded = load_project(project)
    buckets, stages = chosen_buckets(loaded, bucket), _chosen_stages(stage)
    from dlf_assets import backfills
    from dlf_assets.cli.finish import typed
    from dlf_assets.cli.instance import open_instance
    from dlf_assets.cli.output import console, print_json
    from dlf_assets.partitions import add_missing
    from dlf_resources.workspace import Workspace

    instance = open_instance(Workspace.find())
    if cancel is not None:
        backfills.cancel(instance, cancel)
        console().print(f"backfill {cancel} is being ended; what it has computed is kept")
        return
    if not backfills.daemon_is_there(instance):
        raise FactoryError(
            "nobody runs backfills: no Dagster daemon works on this instance; start one with `make dev` (or as "
            f"docs/operations.md says), or run `dlf pipeline --project {project}` in this terminal."
        )
    add_missing(instance, [loaded])
    made = backfills.launch(instance, loaded, buckets, stages, why=f"launched by `{typed()}`")
    if not json:
        console().print(f"backfill {made}: {len(buckets)} buckets, {', '.join(stages)}", highlight=False)
    found = _watched(instance, made, quiet=json) if watch else backfills.progress_of(instance, made)
    if json:
        print_json(_told(made, found))
    elif not watch:
        console().print(f"see it in the Dagster UI, or stop it: dlf backfill -p {project} --cancel {made}")
    if found.ended in ("failed", "cancelled"):
        raise typer.Exit(1)


def _chosen_stages(names: list[str] | None) -> list[str]:
    """The stages a user names, in their order.

    Raises:
        FactoryError: one is none.
    """
    for name in names or ():
        if name not in STAGES:
            raise FactoryError(f"there is no stage '{name}'; there is: {', '.join(STAGES)}.")
    return [name for name in STAGES if not names or name in names]


def _watched(instance: dg.DagsterInstance, backfill_id: str, *, quiet: bool) -> Progress:
    """Bars on standard error until it ends; lines where nobody looks."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bars

    from dlf_assets import backfills

    out = Console(stderr=True, highlight=False)
    columns = [TextColumn("{task.description:<8}"), BarColumn(bar_width=32), MofNCompleteColumn()]
    with Bars(*columns, TextColumn("{task.fields[said]}"), console=out, disable=quiet or not out.is_terminal) as bars:
        tasks = {}
        before: Progress | None = None
        while True:
            found = backfills.progress_of(instance, backfill_id)
            for one in found.stages:
                if one.stage not in tasks:
                    tasks[one.stage] = bars.add_task(one.stage, total=one.total, said="")
                said = ", ".join(f"{count} {word}" for count, word in _parts(one.running, one.failed))
                bars.update(tasks[one.stage], completed=one.made + one.failed, said=said)
            if not quiet and not out.is_terminal and found != before:
                out.print("; ".join(f"{one.stage} {one.made}/{one.total}" for one in found.stages))
            if found.ended is not None:
                break
            before = found
            time.sleep(_LOOK_SECONDS)
    if not quiet:
        failed = max((one.failed for one in found.stages), default=0)
        rest = f": {failed} of {max(one.total for one in found.stages)} buckets" if failed else ""
        out.print(f"{found.ended}{rest}" + (f"; {found.error}" if found.error else ""), markup=False)
    return found


def _parts(running: int, failed: int) -> list[tuple[int, str]]:
    return [(count, word) for count, word in ((running, "running"), (failed, "failed")) if count]


def _told(backfill_id: str, found: Progress) -> dict[str, object]:
    stages = {
        one.stage: {"made": one.made, "running": one.running, "failed": one.failed, "buckets": one.total}
        for one in found.stages
    }
    return {"backfill": backfill_id, "ended": found.ended, "error": found.error, "stages": stages}

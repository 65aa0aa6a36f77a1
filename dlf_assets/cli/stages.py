"""`dlf gather|filter|label|verify`: one stage of a project."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

from dlf_assets.cli.finish import finish, typed
from dlf_assets.cli.options import (
    AgainOption,
    BackendOption,
    BucketOption,
    ExperimentOption,
    JsonOption,
    LimitOption,
    MaxPerQueryOption,
    ProjectOption,
    WorkersOption,
    chosen_buckets,
    load_project,
)

# Stage → its help and an example.
_ASKING = {
    "filter": ("Ask of every image: does it show the target? YES or NO.", "--project sample --limit 10"),
    "label": ("Draw boxes for every query on the images the filter kept.", "--project sample --backend embedded"),
    "verify": ("Ask of every box: is it what its query says? YES, NO or UNSURE.", "--project sample --json"),
}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    examples = "dlf gather --project sample --bucket 'positive/*'  ·  dlf gather -p my.yaml --max-per-query 100"
    app.command(epilog=f"Examples: {examples}")(gather)
    for stage, (text, example) in _ASKING.items():
        app.command(name=stage, help=text, epilog=f"Example: dlf {stage} {example}")(_asking(stage))


def gather(
    project: ProjectOption,
    max_per_query: MaxPerQueryOption = None,
    workers: WorkersOption = None,
    bucket: BucketOption = None,
    limit: LimitOption = None,
    again: AgainOption = False,
    experiment: ExperimentOption = None,
    json: JsonOption = False,
) -> None:
    """Fill the buckets with images: search the web, take frames of videos, read folders and lists.

    Only what is new is downloaded. Every candidate ends in one state, and the table at the end counts them by source.
    """
    settings = {"max_per_query": max_per_query, "workers": workers, "limit": limit, "again": again or None}
    _run("gather", project, bucket, settings, experiment, json)


def _asking(stage: str) -> Callable[..., None]:
    """The command of a stage that asks a backend: these differ in nothing but their name."""

    def command(
        project: ProjectOption,
        backend: BackendOption = None,
        limit: LimitOption = None,
        bucket: BucketOption = None,
        experiment: ExperimentOption = None,
        json: JsonOption = False,
    ) -> None:
        _run(stage, project, bucket, {"backend": backend, "limit": limit}, experiment, json)

    return command


def _run(
    stage: str,
    project_name: str,
    patterns: list[str] | None,
    settings: dict[str, Any],
    experiment: str | None,
    as_json: bool,
) -> None:
    project = load_project(project_name)
    buckets = chosen_buckets(project, patterns)
    from dlf_assets.cli.launch import Launcher
    from dlf_assets.cli.progress_bars import reporter

    given = {name: value for name, value in settings.items() if value is not None}
    options = {"stages": [stage], "buckets": buckets, **given}
    launcher = Launcher(project, command=typed(), experiment=experiment, options=options, reporter=reporter())
    finish(launcher.run([stage], buckets, {stage: given}), as_json=as_json)

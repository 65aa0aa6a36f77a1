"""`dlf gather|filter|label|verify`: one stage of a project."""

from __future__ import annotations

from typing import Any

import typer

from dlf_assets.cli.finish import finish, typed
from dlf_assets.cli.options import (
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


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: dlf gather --project sample --bucket 'positive/*'")(gather)
    app.command(name="filter", epilog="Example: dlf filter --project sample --limit 10")(filter_)
    app.command(epilog="Example: dlf label --project sample --backend embedded")(label)
    app.command(epilog="Example: dlf verify --project sample --json")(verify)


def gather(
    project: ProjectOption,
    max_per_query: MaxPerQueryOption = None,
    workers: WorkersOption = 8,
    bucket: BucketOption = None,
    limit: LimitOption = None,
    experiment: ExperimentOption = None,
    json: JsonOption = False,
) -> None:
    """Fill the buckets with images from their folders and files."""
    settings = {"max_per_query": max_per_query, "workers": workers, "limit": limit}
    _run("gather", project, bucket, settings, experiment, json)


def filter_(
    project: ProjectOption,
    backend: BackendOption = None,
    limit: LimitOption = None,
    bucket: BucketOption = None,
    experiment: ExperimentOption = None,
    json: JsonOption = False,
) -> None:
    """Ask of every image: does it show the target? YES or NO."""
    _run("filter", project, bucket, {"backend": backend, "limit": limit}, experiment, json)


def label(
    project: ProjectOption,
    backend: BackendOption = None,
    limit: LimitOption = None,
    bucket: BucketOption = None,
    experiment: ExperimentOption = None,
    json: JsonOption = False,
) -> None:
    """Draw boxes for every query on the images the filter kept."""
    _run("label", project, bucket, {"backend": backend, "limit": limit}, experiment, json)


def verify(
    project: ProjectOption,
    backend: BackendOption = None,
    limit: LimitOption = None,
    bucket: BucketOption = None,
    experiment: ExperimentOption = None,
    json: JsonOption = False,
) -> None:
    """Ask of every box: is it what its query says? YES, NO or UNSURE."""
    _run("verify", project, bucket, {"backend": backend, "limit": limit}, experiment, json)


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

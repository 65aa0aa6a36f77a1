"""`dlf pipeline`: all stages of a project, and its data set."""

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
from dlf_core.errors import ProjectError


def register(app: typer.Typer) -> None:
    """Add the command."""
    example = (
        "Examples: dlf pipeline --project sample  ·  dlf pipeline --project my.yaml --limit 20 --json > report.json"
    )
    app.command(epilog=example)(pipeline)


def pipeline(
    project: ProjectOption,
    backend: BackendOption = None,
    limit: LimitOption = None,
    bucket: BucketOption = None,
    max_per_query: MaxPerQueryOption = None,
    workers: WorkersOption = None,
    experiment: ExperimentOption = None,
    json: JsonOption = False,
) -> None:
    """Gather, filter, label, verify, review, and write the data set. Computes only what is missing."""
    loaded = load_project(project)
    buckets = chosen_buckets(loaded, bucket)
    if loaded.ground_truth and not loaded.beside(loaded.ground_truth).is_file():
        path = loaded.beside(loaded.ground_truth)
        raise ProjectError(loaded.file, [(None, f"ground_truth: there is no file {path}; correct it or take it out.")])
    from dlf_assets.automation.jobs import STAGE_ASSETS
    from dlf_assets.cli.launch import Launcher
    from dlf_assets.cli.progress_bars import reporter

    asked = {"backend": backend, "limit": limit}
    settings: dict[str, dict[str, Any]] = dict.fromkeys(("filter", "label", "verify"), asked)
    settings["gather"] = {"max_per_query": max_per_query, "workers": workers, "limit": limit}
    given = {
        stage: {name: value for name, value in chosen.items() if value is not None}
        for stage, chosen in settings.items()
    }
    options = {"stages": list(STAGE_ASSETS), "buckets": buckets, "settings": given}
    launcher = Launcher(loaded, command=typed(), experiment=experiment, options=options, reporter=reporter())
    report = launcher.run(list(STAGE_ASSETS), buckets, given)
    if any(b in report.stages.get("review", {}) for b in buckets):
        launcher.make_dataset()
    finish(report, as_json=json)

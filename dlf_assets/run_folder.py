"""The run folder of a Dagster run: the CLI names it by a tag; the partitions of a backfill share one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import dagster as dg

from dlf_core.project import Project
from dlf_resources.experiments import Experiments, RunFolder

EXPERIMENT_TAG = "dlf/experiment"
BACKFILL_TAG = "dagster/backfill"


def run_folder_of(context: dg.AssetExecutionContext, project: Project, experiments: Experiments) -> RunFolder:
    """The folder in which this run leaves its views."""
    tags = context.run.tags
    if EXPERIMENT_TAG in tags:
        folder = RunFolder(experiments.folder / tags[EXPERIMENT_TAG])
    else:
        owner, started = _owner(context, tags)
        folder = open_run_folder(experiments, project, owner=f"{owner}:{project.project_name}", started=started)
    folder.add_run(context.run.run_id)
    return folder


def open_run_folder(
    experiments: Experiments,
    project: Project,
    *,
    owner: str,
    started: dt.datetime,
    name: str | None = None,
    command: str = "the Dagster UI",
    options: dict[str, Any] | None = None,
) -> RunFolder:
    """The run folder of an owner, made with config, prompts and a README when it is new."""
    config = {
        "project": project.project_name,
        "project_file": str(project.file),
        "data_root": str(project.root),
        "started": started.isoformat(timespec="seconds"),
        "started_by": command,
        "options": options or {},
        "run_ids": [],
        "yaml": project.model_dump(mode="json"),
    }
    readme = (
        f"# {project.project_name}: {started:%Y-%m-%d %H:%M:%S}\n\n"
        f"Started by {command}. Target: {project.target_object}. Project file: {project.file}.\n"
        f"Images and tables: {project.root}.\n\n"
        "`config.json` is the project as it was understood, with the ids of the Dagster runs; the folders hold what\n"
        "the stages said, as JSON. These files are views: the tables in the data root are what the next stage reads.\n"
    )
    title = name or project.project_name
    folder = experiments.open(name=title, owner=owner, started=started, config=config, readme=readme)
    if not (folder.path / "prompts").exists():
        folder.write("prompts/filter.txt", project.filter_prompt().encode())
        asked = "\n\n".join(f"[{query}]\n{project.verify_prompt(query)}" for query in project.queries)
        folder.write("prompts/verify.txt", asked.encode())
    return folder


def _owner(context: dg.AssetExecutionContext, tags: Mapping[str, str]) -> tuple[str, dt.datetime]:
    if backfill_id := tags.get(BACKFILL_TAG):
        backfill = context.instance.get_backfill(backfill_id)
        if backfill is not None:
            return backfill_id, dt.datetime.fromtimestamp(backfill.backfill_timestamp)
    record = context.instance.get_run_record_by_id(context.run.run_id)
    started = record.create_timestamp.astimezone().replace(tzinfo=None) if record else dt.datetime.now()
    return context.run.run_id, started

"""Runs Dagster jobs in this process, on the instance the UI shows, and collects what they say.

Imported by the commands that run stages, and only when they run: importing Dagster takes a while.
"""

from __future__ import annotations

import datetime as dt
import sys
import uuid
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from dlf_assets.automation.jobs import DATASET, PIPELINE, PROJECT_TAG, STAGE_ASSETS
from dlf_assets.cli.instance import open_instance
from dlf_assets.dead_runs import PROCESS_TAG, end_dead_runs, process_tag
from dlf_assets.partitions import add_missing
from dlf_assets.run_folder import EXPERIMENT_TAG, open_run_folder
from dlf_core import errors
from dlf_core.errors import FactoryError, Stopped
from dlf_core.project import Project
from dlf_resources.experiments import Experiments, RunFolder
from dlf_resources.progress import Reporter, reporting_to
from dlf_resources.projects import store_of
from dlf_resources.servers import leases
from dlf_resources.workspace import Workspace

warnings.simplefilter("ignore")

STOPPED = "stopped; everything computed so far is kept, and the same command goes on from there."
USAGE = ("requests", "retries", "throttled", "input_tokens", "output_tokens", "backend_seconds")
NUMBERS = ("in", "out", "dropped", "errors", "computed", "reused", "seconds")
_MORE = (
    "unit",
    "boxes",
    "counts",
    "sources",
    "searches",
    "contact_sheet",
    "yes_rate",
    "backend",
    "model",
    "not_asked",
    "images_per_second",
    *USAGE,
)
_COST = "cost_"


@dataclass(slots=True)
class Report:
    """What a command's runs came to.

    Attributes:
        stages: stage → bucket → numbers of its materialisation.
        dataset: metadata of the data set, when one was made.
        failures: bucket (or the project) → sentence.
        warnings: sentences of checks that warn.
    """

    project: str
    run_folder: Path
    stages: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    dataset: dict[str, Any] | None = None
    failures: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    run_ids: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        made = self.dataset
        evaluation = made.get("evaluation") if made else None
        return {
            "project": self.project,
            "stages": self.stages,
            "dataset": {key: made[key] for key in ("path", "images", "boxes", "formats", "splits", "computed")}
            if made
            else None,
            "evaluation": {key: evaluation[key] for key in ("precision", "recall", "ap50")} if evaluation else None,
            "failures": self.failures,
            "warnings": self.warnings,
            "run_folder": str(self.run_folder),
            "run_ids": self.run_ids,
        }


class Launcher:
    """Runs the stages of one project.

    Args:
        project: the project.
        command: the command as typed, for the run folder's README.
        experiment: name of a run folder to use again, or to give a new one.
        options: what the user chose, for `config.json`.
        reporter: told of progress.
    """

    def __init__(
        self, project: Project, *, command: str, experiment: str | None, options: dict[str, Any], reporter: Reporter
    ):
        store_of(project)  # before anything is written
        self.project = project
        self.workspace = Workspace.find()
        self.reporter = reporter
        self.instance = open_instance(self.workspace)
        end_dead_runs(self.instance)
        add_missing(self.instance, [project])
        self.folder = self._run_folder(command, experiment, options)
        self.report = Report(project.project_name, self.folder.path)
        self._backend_gone = False

    def run(self, stages: Sequence[str], buckets: Sequence[str], settings: dict[str, dict[str, Any]]) -> Report:
        """Run stages for buckets; `settings` gives the launch settings of each stage."""
        job = PIPELINE if len(stages) > 1 else stages[0]
        ops = {STAGE_ASSETS[stage]: {"config": settings[stage]} for stage in stages if settings.get(stage)}
        keys = self.project.partition_keys()
        with leases.kept_running():
            for number, bucket in enumerate(buckets, start=1):
                result = self._execute(job, keys[bucket], ops)
                self._collect(bucket, result)
                if self._backend_gone and number < len(buckets):
                    # The next bucket would wait for the same server and meet the same end.
                    left = f"{len(buckets) - number} more bucket{'s' * (len(buckets) - number > 1)}"
                    self.report.failures[left] = "not tried, since the backend is not there"
                    break
        return self.report

    def make_dataset(self) -> Report:
        """Make the project's data set and report."""
        result = self._execute(DATASET, self.project.project_name, {})
        self._collect(None, result)
        return self.report

    def _execute(self, job: str, partition: str, ops: dict[str, Any]) -> dg.ExecuteInProcessResult:
        from dlf_assets.definitions import defs

        run_config = {
            "ops": ops,
            "resources": {
                "projects": {"config": {"folder": str(self.workspace.projects), "file": str(self.project.file)}},
                "experiments": {"config": {"folder": str(self.workspace.experiments)}},
            },
            # What a user must know, the command says itself; everything else stands in the run's log in the UI.
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        }
        if job == DATASET:
            del run_config["resources"]["experiments"]
        run_id = str(uuid.uuid4())
        self.report.run_ids.append(run_id)
        tags = {EXPERIMENT_TAG: self.folder.path.name, PROCESS_TAG: process_tag(run_id)}
        tags |= {PROJECT_TAG: self.project.project_name}
        self._tell_of_waiting()
        with reporting_to(self.reporter):
            try:
                return defs.resolve_job_def(job).execute_in_process(
                    instance=self.instance,
                    partition_key=partition,
                    run_config=run_config,
                    tags=tags,
                    run_id=run_id,
                    raise_on_error=False,
                )
            except (dg.DagsterExecutionInterruptedError, KeyboardInterrupt):
                # Typer would turn a KeyboardInterrupt into a silent exit.
                raise Stopped(STOPPED) from None
            finally:
                self.reporter.close()

    def _tell_of_waiting(self) -> None:
        """Say who holds a pool, so that waiting for it does not look like hanging."""
        storage = self.instance.event_log_storage
        for pool in storage.get_concurrency_keys():
            for slot in storage.get_concurrency_info(pool).claimed_slots:
                text = f"waiting when it comes to pool '{pool}': run {slot.run_id} works in it (see the Dagster UI)"
                print(text, file=sys.stderr)

    def _collect(self, bucket: str | None, result: dg.ExecuteInProcessResult) -> None:
        for event in result.get_asset_materialization_events():
            made = event.materialization
            values = {name: value.value for name, value in made.metadata.items()}
            asset = made.asset_key.to_user_string()
            if asset == "dataset":
                self.report.dataset = values
            elif bucket is not None:
                stage = next(stage for stage, name in STAGE_ASSETS.items() if name == asset)
                wanted = [*NUMBERS, *_MORE, *(name for name in values if name.startswith(_COST))]
                numbers = {name: values[name] for name in wanted if name in values}
                self.report.stages.setdefault(stage, {})[bucket] = numbers
        where = bucket or f"data set of {self.project.project_name}"
        blocked: list[str] = []
        for check in result.get_asset_check_evaluations():
            if check.passed:
                continue
            said = f"{where}: {check.asset_key.to_user_string()}: {check.description}"
            if check.severity is dg.AssetCheckSeverity.ERROR:
                blocked.append(f"check {check.check_name} stops this bucket: {check.description}")
            else:
                self.report.warnings.append(said)
        if not result.success:
            cause, self._backend_gone = _cause(result)
            self.report.failures[where] = "; ".join(blocked) or cause

    def _run_folder(self, command: str, experiment: str | None, options: dict[str, Any]) -> RunFolder:
        experiments = Experiments(self.workspace.experiments)
        if experiment is not None:
            try:
                return experiments.find(experiment)
            except FactoryError:
                pass
        return open_run_folder(
            experiments,
            self.project,
            owner=f"cli:{uuid.uuid4()}",
            started=dt.datetime.now(),
            name=experiment,
            command=f"`{command}`",
            options=options,
        )


def _cause(result: dg.ExecuteInProcessResult) -> tuple[str, bool]:
    """Why a run failed, as one sentence, and whether it was that a backend is not there."""
    ours = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, FactoryError)}
    last = "the run failed"
    for event in result.all_events:
        error = getattr(event.event_specific_data, "error", None) if event.is_failure else None
        while error is not None:
            first = " ".join(error.message.split())
            if error.cls_name in ours:
                return first.partition(": ")[2] or first, error.cls_name == "BackendUnavailable"
            if error.cls_name in ("DagsterExecutionInterruptedError", "KeyboardInterrupt"):
                raise Stopped(STOPPED)
            if error.cls_name and not error.cls_name.startswith("Dagster"):
                last = f"unexpected {first[:300]} (run {result.run_id}; its log in the Dagster UI has the details)"
            error = error.cause
    return last, False

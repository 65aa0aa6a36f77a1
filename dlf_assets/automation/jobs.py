"""What can be launched: a job a stage, the whole pipeline of a bucket, the data set of a project."""

from collections.abc import Sequence
from typing import Any

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from dlf_core.project import Project

AssetJob = UnresolvedAssetJobDefinition
STAGE_ASSETS = {
    "gather": "gathered_images",
    "filter": "filtered_images",
    "label": "labeled_boxes",
    "verify": "verified_boxes",
    "review": "reviewed_boxes",
}
"""Stage (and job) name → asset, in order."""

PIPELINE = "pipeline"
DATASET = "dataset_of_project"

stage_jobs = [
    dg.define_asset_job(stage, selection=[asset], description=f"The {stage} stage of a bucket.")
    for stage, asset in STAGE_ASSETS.items()
]
pipeline_job = dg.define_asset_job(
    PIPELINE, selection=list(STAGE_ASSETS.values()), description="All five stages of a bucket, gather to review."
)
dataset_job = dg.define_asset_job(
    DATASET, selection=["dataset", "label_report"], description="The data set and report of a project."
)
jobs = [*stage_jobs, pipeline_job, dataset_job]

PROJECT_TAG = "dlf/project"
"""Of runs and backfills: by it those of a project are found in the UI."""


def pipeline_of(project: Project, identifier: str) -> AssetJob:
    """All stages of a project's buckets, what is missing of them."""
    return dg.define_asset_job(
        f"{identifier}_pipeline",
        selection=list(STAGE_ASSETS.values()),
        tags={PROJECT_TAG: project.project_name},
        description=f"All five stages of a bucket of '{project.project_name}': what is missing is computed.",
    )


def relabel_of(project: Project, identifier: str) -> AssetJob:
    """What the project's schedule runs: what is missing, and a sample of old answers."""
    return dg.define_asset_job(
        f"{identifier}_relabel",
        selection=list(STAGE_ASSETS.values()),
        tags={PROJECT_TAG: project.project_name},
        config=relabel_config(project),
        description=f"'{project.project_name}' again: what is new or was asked anew, and the sample of `relabel:`.",
    )


def relabel_config(project: Project) -> dict[str, Any]:
    """Launch settings that ask for the sample again."""
    again = {"config": {"sample": project.relabel.sample}}
    return {"ops": {STAGE_ASSETS["filter"]: again, STAGE_ASSETS["verify"]: again}}


def identifiers(projects: Sequence[Project]) -> dict[str, str]:
    """Project name → a Dagster name; two names that make one identifier are numbered."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for project in projects:
        plain = name = identifier_of(project.project_name)
        number = 2
        while name in taken:
            name, number = f"{plain}_{number}", number + 1
        taken.add(name)
        found[project.project_name] = name
    return found


def identifier_of(name: str) -> str:
    """Any text as Dagster takes names: ASCII letters, digits and `_`; other signs by their code point."""
    return "".join(
        sign if sign.isascii() and sign.isalnum() else "_" if sign in "-_. " else f"u{ord(sign):x}" for sign in name
    )

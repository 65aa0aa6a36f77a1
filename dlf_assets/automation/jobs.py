"""What can be launched: a job a stage, the whole pipeline of a bucket, the data set of a project."""

import dagster as dg

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

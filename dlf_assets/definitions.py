"""The Dagster code location: assets, jobs, schedules, sensors and the resources they get."""

from __future__ import annotations

import dagster as dg

from dlf_assets import backend_health
from dlf_assets.automation.datasets import reviewed_projects
from dlf_assets.automation.decisions import human_decisions
from dlf_assets.automation.jobs import jobs
from dlf_assets.automation.of_projects import broken_assets, fingerprint, of_projects
from dlf_assets.automation.projects import project_partitions
from dlf_assets.automation.reloading import LOADED
from dlf_assets.dataset import dataset
from dlf_assets.filter import filtered_images
from dlf_assets.gather import gathered_images
from dlf_assets.label import labeled_boxes
from dlf_assets.report import label_report
from dlf_assets.review import reviewed_boxes
from dlf_assets.thumbnails import thumbnails
from dlf_assets.verify import verified_boxes
from dlf_resources.dagster_resources import (
    EngineResource,
    ExperimentsResource,
    GroundingResource,
    ProjectsResource,
    VlmResource,
)
from dlf_resources.stores.tables import ParquetTableIOManager

_stages = [gathered_images, filtered_images, labeled_boxes, verified_boxes, reviewed_boxes]
assets = [*_stages, thumbnails, dataset, label_report]


def build() -> dg.Definitions:
    """Everything Dagster shows. Jobs and schedules come from the YAMLs that can be read; a broken one is an asset."""
    projects = ProjectsResource.configure_at_launch()
    found, broken = ProjectsResource().projects().load_all()
    LOADED["yamls"] = fingerprint(found, broken)
    of_yamls = of_projects(found)
    return dg.Definitions(
        assets=[*assets, backend_health.backends, *broken_assets(broken)],
        jobs=[*jobs, *of_yamls.jobs, backend_health.job],
        schedules=of_yamls.schedules,
        sensors=[project_partitions, reviewed_projects, human_decisions],
        resources={
            "projects": projects,
            "experiments": ExperimentsResource(),
            "engine": EngineResource(),
            "vlm": VlmResource(),
            "grounding": GroundingResource(),
            "tables": ParquetTableIOManager(projects=projects),
        },
        executor=dg.in_process_executor,
    )


defs = build()

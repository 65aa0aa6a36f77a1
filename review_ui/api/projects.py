"""What there is to look at: projects, their buckets and how far people have come."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from dlf_core.records import Decision
from dlf_resources.pages import dagster_run
from review_ui.api.dependencies import OfCatalog, OfProject
from review_ui.api.people import overruled_by_query
from review_ui.bucket_index import DECISIONS
from review_ui.catalog import OpenProject

router = APIRouter(prefix="/api", tags=["projects"])


class BucketSummary(BaseModel):
    """One bucket; without `ready` nothing of it can be looked at yet.

    Attributes:
        decided: boxes a person has decided.
        overruled: of those verify said YES or NO to, how many a person decided the other way.
        run: page of the Dagster run that made the table which is shown, where it is known.
        comparable: boxes that both verify and a person decided with YES or NO.
    """

    bucket: str
    ready: bool
    images: int = 0
    boxes: int = 0
    decided: int = 0
    comparable: int = 0
    overruled: int = 0
    run: str | None = None


class ProjectSummary(BaseModel):
    """One project."""

    name: str
    target: str
    description: str
    classes: list[str]
    queries: list[str]
    buckets: list[BucketSummary]


class ProjectNames(BaseModel):
    """Projects of this workspace."""

    projects: list[str]


@router.get("/projects")
def list_projects(catalog: OfCatalog) -> ProjectNames:
    """Projects of this workspace."""
    return ProjectNames(projects=catalog.names())


@router.get("/project")
def describe_project(opened: OfProject) -> ProjectSummary:
    """One project with its buckets and counts."""
    project = opened.project
    return ProjectSummary(
        name=project.project_name,
        target=project.target_object,
        description=project.description,
        classes=project.class_names,
        queries=project.queries,
        buckets=[_bucket(opened, name) for name in project.buckets],
    )


def _bucket(opened: OpenProject, name: str) -> BucketSummary:
    if not opened.ready(name):
        return BucketSummary(bucket=name, ready=False)
    index = opened.bucket(name)
    there = ~index.gone
    by_query = overruled_by_query(index).values()
    return BucketSummary(
        bucket=name,
        ready=True,
        images=len(index),
        boxes=int(there.sum()),
        decided=int((there & (index.decisions != DECISIONS.index(Decision.NONE.value))).sum()),
        comparable=sum(boxes for boxes, _ in by_query),
        overruled=sum(overruled for _, overruled in by_query),
        run=dagster_run(run) if (run := opened.run(name)) else None,
    )

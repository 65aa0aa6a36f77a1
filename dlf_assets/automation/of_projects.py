"""What each YAML adds: jobs, its schedule, and for a broken one an asset that says what is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from dlf_assets.automation.jobs import AssetJob, identifier_of, identifiers, pipeline_of, relabel_of
from dlf_assets.automation.schedules import schedule_of
from dlf_core.errors import ProjectError
from dlf_core.project import Project

BROKEN = "broken_projects"
"""Asset group of YAMLs that cannot be read."""


@dataclass(slots=True)
class OfProjects:
    """Definitions of all projects.

    Attributes:
        problems: a sentence for each schedule that Dagster does not take.
    """

    jobs: list[AssetJob] = field(default_factory=list)
    schedules: list[dg.ScheduleDefinition] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def of_projects(projects: Sequence[Project]) -> OfProjects:
    """Jobs of all projects, and schedules of those that have one."""
    found, names = OfProjects(), identifiers(projects)
    for project in projects:
        name = names[project.project_name]
        relabel = relabel_of(project, name)
        found.jobs += [pipeline_of(project, name), relabel]
        if project.schedule is None:
            continue
        try:
            found.schedules.append(schedule_of(project, f"relabel_{name}", relabel))
        except dg.DagsterInvalidDefinitionError as error:
            found.problems.append(f"{project.file}: schedule: {str(error).splitlines()[0]}")
    return found


def broken_assets(broken: Sequence[ProjectError]) -> list[dg.AssetSpec]:
    """An asset for each YAML that cannot be read: it is in the graph until the file is mended."""
    return [
        dg.AssetSpec(
            [BROKEN, identifier_of(error.path.name)],
            group_name=BROKEN,
            description=f"This project cannot be read, and nothing of it runs: {error}",
            kinds={"yaml"},
            metadata={"file": dg.MetadataValue.path(str(error.path))},
        )
        for error in broken
    ]


def fingerprint(projects: Sequence[Project], broken: Sequence[ProjectError]) -> str:
    """What of the YAMLs the definitions depend on: they are made anew where it is another."""
    said: list[Any] = [
        (one.project_name, one.schedule and (one.schedule.cron, one.schedule.timezone), one.relabel.sample)
        for one in projects
    ]
    return repr([*said, *(str(error) for error in broken)])

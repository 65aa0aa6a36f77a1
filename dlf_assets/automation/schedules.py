"""Schedules that the YAMLs ask for."""

import dagster as dg

from dlf_assets.automation.jobs import pipeline_job
from dlf_assets.automation.under_way import projects_under_way
from dlf_assets.partitions import add_missing
from dlf_core.project import Project
from dlf_resources.dagster_resources import ProjectsResource


def schedule_of(project: Project, schedule_name: str) -> dg.ScheduleDefinition:
    """The schedule of a project with `schedule:` in its YAML: all stages of all its buckets, only what is missing."""
    assert project.schedule is not None
    name = project.project_name

    @dg.schedule(
        name=schedule_name,
        job=pipeline_job,
        cron_schedule=project.schedule.cron,
        execution_timezone=project.schedule.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Gathers and labels '{name}' again: new images, and whatever the YAML asks anew.",
    )
    def relabel(context: dg.ScheduleEvaluationContext) -> dg.SkipReason | list[dg.RunRequest]:
        now = ProjectsResource().projects().find(name)
        add_missing(context.instance, [now])
        tick = context.scheduled_execution_time.isoformat()
        if name in projects_under_way(context.instance):
            return dg.SkipReason(f"runs of {name} are still under way")
        return [
            dg.RunRequest(run_key=f"{tick}:{key}", partition_key=key, tags={"dlf/project": name})
            for key in now.partition_keys().values()
        ]

    return relabel


def schedules_of(projects: list[Project]) -> tuple[list[dg.ScheduleDefinition], list[str]]:
    """The schedules of all projects that have one, and a sentence for each that Dagster does not take.

    Two names that make one identifier are numbered.
    """
    schedules: dict[str, dg.ScheduleDefinition] = {}
    problems: list[str] = []
    for project in projects:
        if project.schedule is None:
            continue
        plain = name = f"relabel_{_identifier(project.project_name)}"
        number = 2
        while name in schedules:
            name, number = f"{plain}_{number}", number + 1
        try:
            schedules[name] = schedule_of(project, name)
        except dg.DagsterInvalidDefinitionError as error:
            problems.append(f"{project.file}: schedule: {str(error).splitlines()[0]}")
    return list(schedules.values()), problems


def _identifier(name: str) -> str:
    """A project name as a Dagster name: ASCII letters, digits and `_`; other signs by their code point."""
    return "".join(
        sign if sign.isascii() and sign.isalnum() else "_" if sign in "-_ " else f"u{ord(sign):x}" for sign in name
    )

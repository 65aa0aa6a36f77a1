"""The schedule that a YAML asks for."""

import dagster as dg

from dlf_assets.automation.jobs import PROJECT_TAG, AssetJob, relabel_config
from dlf_assets.automation.under_way import projects_under_way
from dlf_assets.partitions import add_missing
from dlf_core.project import Project
from dlf_resources.dagster_resources import ProjectsResource


def schedule_of(project: Project, name: str, job: AssetJob) -> dg.ScheduleDefinition:
    """All stages of all buckets of a project with `schedule:` in its YAML: what is missing, and the sample.

    Raises:
        DagsterInvalidDefinitionError: Dagster does not take the cron expression.
    """
    assert project.schedule is not None
    project_name = project.project_name

    @dg.schedule(
        name=name,
        job=job,
        cron_schedule=project.schedule.cron,
        execution_timezone=project.schedule.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Gathers and labels '{project_name}' again: new images, and whatever the YAML asks anew.",
        tags={PROJECT_TAG: project_name},
    )
    def relabel(context: dg.ScheduleEvaluationContext) -> dg.SkipReason | list[dg.RunRequest]:
        now = ProjectsResource().projects().find(project_name)
        add_missing(context.instance, [now])
        tick = context.scheduled_execution_time.isoformat()
        if project_name in projects_under_way(context.instance):
            return dg.SkipReason(f"runs of {project_name} are still under way")
        # The settings as they are now: the job was made when the YAML was read last.
        config = relabel_config(now)
        return [
            dg.RunRequest(
                run_key=f"{tick}:{key}", partition_key=key, run_config=config, tags={PROJECT_TAG: project_name}
            )
            for key in now.partition_keys().values()
        ]

    return relabel

"""What runs by itself and what can be launched: jobs, schedules and sensors."""

import dagster as dg

from dlf_assets.dead_runs import end_dead_runs
from dlf_assets.partitions import PROJECT, PROJECT_BUCKET, add_missing, orphans
from dlf_core.partition_keys import split_key
from dlf_core.project import Project
from dlf_resources.dagster_resources import ProjectsResource

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
SENSOR_SECONDS = 10
# A launched run names its partition; a backfill names a range, here always of one.
_PARTITION_TAGS = ("dagster/partition", "dagster/asset_partition_range_start")

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


@dg.sensor(
    minimum_interval_seconds=SENSOR_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Adds the partition keys of new projects and buckets; tells of YAMLs that cannot be read.",
)
def project_partitions(context: dg.SensorEvaluationContext, projects: ProjectsResource) -> dg.SkipReason:
    """Bring the partition keys in line with the YAMLs, and end runs of the CLI whose process died."""
    found, broken = projects.projects().load_all()
    for error in broken:
        context.log.error(str(error))
    ended = end_dead_runs(context.instance)
    added = add_missing(context.instance, found)
    said = [f"added {', '.join(added)}"] if added else ["every bucket has its partition"]
    said += [f"{error.path.name} cannot be read" for error in broken]
    said += [f"ended dead run {run_id}" for run_id in ended]
    if gone := orphans(context.instance, found):
        said.append(f"no longer in a YAML: {', '.join(gone[:5])}")
    return dg.SkipReason("; ".join(said))


@dg.sensor(
    job=dataset_job,
    minimum_interval_seconds=SENSOR_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Makes a project's data set anew when buckets were reviewed and none of its runs is under way.",
)
def reviewed_projects(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """One data-set run a project and batch of reviewed buckets."""
    after = int(context.cursor) if context.cursor else 0
    newest: dict[str, int] = {}
    events = context.instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=dg.AssetKey("reviewed_boxes"), after_storage_id=after),
        limit=1000,
        ascending=True,
    ).records
    for event in events:
        if event.partition_key:
            newest[split_key(event.partition_key)[0]] = event.storage_id
    if not newest:
        return dg.SensorResult(skip_reason="no bucket was reviewed since the last look")
    busy = _projects_under_way(context.instance) & set(newest)
    if busy:
        # The cursor stays: the next look sees these events again, and the ones still to come.
        return dg.SensorResult(skip_reason=f"waiting for runs of {', '.join(sorted(busy))}")
    made = {
        name: event.storage_id
        for name in newest
        for event in context.instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=dg.AssetKey("dataset"), asset_partitions=[name]), limit=1
        ).records
    }
    requests = [
        dg.RunRequest(run_key=f"{name}:{storage_id}", partition_key=name)
        for name, storage_id in newest.items()
        if made.get(name, 0) < storage_id
    ]
    return dg.SensorResult(run_requests=requests, cursor=str(max(newest.values())))


def _projects_under_way(instance: dg.DagsterInstance) -> set[str]:
    """Projects of which a bucket's run is queued or running."""
    statuses = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING]
    statuses.append(dg.DagsterRunStatus.STARTED)
    runs = instance.get_runs(dg.RunsFilter(statuses=statuses), limit=1000)
    keys = [run.tags.get(tag, "") for run in runs for tag in _PARTITION_TAGS]
    return {split_key(key)[0] for key in keys if "__" in key}


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
        if name in _projects_under_way(context.instance):
            return dg.SkipReason(f"runs of {name} are still under way")
        return [
            dg.RunRequest(run_key=f"{tick}:{key}", partition_key=key, tags={"dlf/project": name})
            for key in now.partition_keys().values()
        ]

    return relabel


def schedules_of(projects: list[Project]) -> list[dg.ScheduleDefinition]:
    """The schedules of all projects that have one; two names that make one identifier are numbered."""
    schedules: dict[str, dg.ScheduleDefinition] = {}
    for project in projects:
        if project.schedule is not None:
            plain = name = f"relabel_{_identifier(project.project_name)}"
            number = 2
            while name in schedules:
                name, number = f"{plain}_{number}", number + 1
            schedules[name] = schedule_of(project, name)
    return list(schedules.values())


def _identifier(name: str) -> str:
    """A project name as a Dagster name: ASCII letters, digits and `_`; other signs by their code point."""
    return "".join(
        sign if sign.isascii() and sign.isalnum() else "_" if sign in "-_ " else f"u{ord(sign):x}" for sign in name
    )


sensors = [project_partitions, reviewed_projects]
partition_sets = [PROJECT_BUCKET, PROJECT]

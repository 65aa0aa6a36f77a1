"""What runs by itself and what can be launched: jobs, schedules and sensors."""

import json
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from dlf_assets.dead_runs import end_dead_runs
from dlf_assets.partitions import add_missing, orphans
from dlf_core.errors import StoreError
from dlf_core.partition_keys import split_key
from dlf_core.project import Project
from dlf_resources.dagster_resources import ProjectsResource
from dlf_resources.decisions import decisions_version
from dlf_resources.projects import store_of, tables_of
from dlf_resources.reviews.said import exchange
from dlf_resources.stores.stage_tables import StageTables

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
_UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
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
    for problem in [*map(str, broken), *schedules_of(found)[1]]:
        context.log.error(problem)
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
    """One data-set run a project and batch of reviewed buckets; a busy project holds up no other."""
    cursor: dict[str, Any] = json.loads(context.cursor) if context.cursor else {"seen": 0, "pending": {}}
    pending: dict[str, list[float]] = cursor["pending"]  # project → storage id and time of its newest review
    events = context.instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=dg.AssetKey("reviewed_boxes"), after_storage_id=cursor["seen"]),
        limit=1000,
        ascending=True,
    ).records
    for event in events:
        cursor["seen"] = event.storage_id
        if event.partition_key:
            pending[split_key(event.partition_key)[0]] = [event.storage_id, event.timestamp]
    busy = projects_under_way(context.instance)
    requests: list[dg.RunRequest] = []
    for name in [name for name in pending if name not in busy]:
        storage_id, reviewed_at = pending.pop(name)
        if not _dataset_begun_since(context.instance, name, reviewed_at):
            requests.append(dg.RunRequest(run_key=f"{name}:{storage_id}", partition_key=name))
    said = (
        f"waiting for runs of {', '.join(sorted(pending))}" if pending else "no bucket was reviewed since the last look"
    )
    return dg.SensorResult(
        run_requests=requests, skip_reason=None if requests else dg.SkipReason(said), cursor=json.dumps(cursor)
    )


def _dataset_begun_since(instance: dg.DagsterInstance, project: str, moment: float) -> bool:
    """Whether the project's newest data set was made by a run that began after a moment (seconds since 1970)."""
    filters = dg.AssetRecordsFilter(asset_key=dg.AssetKey("dataset"), asset_partitions=[project])
    for event in instance.fetch_materializations(filters, limit=1).records:
        record = instance.get_run_record_by_id(event.run_id)
        # A run that began earlier may have read the tables before that bucket's review was among them.
        return record is not None and record.start_time is not None and record.start_time >= moment
    return False


@dg.sensor(
    job_name="review",
    minimum_interval_seconds=SENSOR_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="What people said comes into reviewed_boxes: one run a bucket in which something new was said.",
)
def human_decisions(context: dg.SensorEvaluationContext, projects: ProjectsResource) -> dg.SensorResult:
    """One review run a verified bucket with news: in the log, or all buckets when the reviews file is another."""
    cursor: dict[str, Any] = json.loads(context.cursor) if context.cursor else {}
    requests: list[dg.RunRequest] = []
    for project in projects.projects().load_all()[0]:
        store, name = store_of(project), project.project_name
        try:
            log, file = exchange(store), decisions_version(store, project)
            newest = log.newest()
        except StoreError as error:  # one project's store that is away holds up no other
            context.log.warning(str(error))
            continue
        before = cursor.get(name)
        # The cursor of an earlier version is the version of the file alone.
        seen: dict[str, Any] = before if isinstance(before, dict) else {"log": 0, "file": before}
        news = set(log.buckets_since(seen["log"]))
        images = {event.op.image_id for _, event in log.events(seen["log"])} if news else set()
        changed = file is not None and file != seen["file"]
        tables = tables_of(project)
        requests += [
            dg.RunRequest(run_key=f"{key}:{newest}:{file}", partition_key=key)
            for bucket, key in project.partition_keys().items()
            if tables.exists("verify", key) and (changed or bucket in news or _holds(tables, key, images))
        ]
        cursor[name] = {"log": newest, "file": file}
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else dg.SkipReason("nobody has said anything new"),
        cursor=json.dumps(cursor),
    )


def _holds(tables: StageTables, key: str, images: set[str]) -> bool:
    """Whether a bucket has one of some images: the same bytes may lie in two, and be looked at in one."""
    gathered = tables.read("gather", key, ["image_id"]) if images else None
    return gathered is not None and bool(pc.any(pc.is_in(gathered["image_id"], pa.array(sorted(images)))).as_py())


def projects_under_way(instance: dg.DagsterInstance) -> set[str]:
    """Projects of which a bucket's run, or a data-set run, is queued or running."""
    names: set[str] = set()
    for run in instance.get_runs(dg.RunsFilter(statuses=_UNDER_WAY)):
        key = next((run.tags[tag] for tag in _PARTITION_TAGS if tag in run.tags), "")
        if "__" in key:
            names.add(split_key(key)[0])
        elif key and run.job_name == DATASET:
            names.add(key)
    return names


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


sensors = [project_partitions, reviewed_projects, human_decisions]

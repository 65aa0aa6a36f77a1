"""The sensor that brings what people said into `reviewed_boxes`."""

import json
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from dlf_core.errors import StoreError
from dlf_resources.dagster_resources import ProjectsResource
from dlf_resources.decisions import decisions_version
from dlf_resources.projects import store_of, tables_of
from dlf_resources.reviews.said import exchange
from dlf_resources.stores.stage_tables import StageTables

SENSOR_SECONDS = 10


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

"""The sensor that makes data sets anew when buckets were reviewed."""

import json
from typing import Any

import dagster as dg

from dlf_assets.automation.jobs import dataset_job
from dlf_assets.automation.under_way import projects_under_way
from dlf_core.partition_keys import split_key

SENSOR_SECONDS = 10


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

"""Which projects have runs that are queued or running."""

import dagster as dg

from dlf_assets.automation.jobs import DATASET
from dlf_core.partition_keys import split_key

_UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
# A launched run names its partition; a backfill names a range, here always of one.
_PARTITION_TAGS = ("dagster/partition", "dagster/asset_partition_range_start")


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

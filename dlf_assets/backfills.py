"""Backfills as the Dagster UI launches them: many buckets at once, run by the daemon, seen and stopped in the UI."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg
from dagster._core.execution.asset_backfill import AssetBackfillStatus, PartitionedAssetBackfillStatus
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.utils import make_new_backfill_id

from dlf_assets.automation.jobs import PROJECT_TAG, STAGE_ASSETS
from dlf_core.errors import FactoryError
from dlf_core.project import Project

_DAEMON = "BACKFILL"
# The daemon says twice a minute that it is there.
_ALIVE_SECONDS = 90.0
_ENDS = {
    BulkActionStatus.COMPLETED: "completed",
    BulkActionStatus.COMPLETED_SUCCESS: "completed",
    BulkActionStatus.COMPLETED_FAILED: "failed",
    BulkActionStatus.FAILED: "failed",
    BulkActionStatus.CANCELED: "cancelled",
}


@dataclass(frozen=True, slots=True)
class StageProgress:
    """How far one stage has come: buckets that are made, that run, that failed or follow a failed one, and all."""

    stage: str
    made: int
    running: int
    failed: int
    total: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a backfill has come.

    Attributes:
        ended: `completed`, `failed` or `cancelled`; None: it goes on.
        error: what Dagster says of a backfill that it could not go on with.
    """

    stages: list[StageProgress]
    ended: str | None
    error: str | None = None


def daemon_is_there(instance: dg.DagsterInstance) -> bool:
    """Whether somebody runs backfills: a Dagster daemon of this instance that gave a sign of life lately."""
    beat = instance.get_daemon_heartbeats().get(_DAEMON)
    return beat is not None and time.time() - beat.timestamp < _ALIVE_SECONDS


def launch(
    instance: dg.DagsterInstance, project: Project, buckets: Sequence[str], stages: Sequence[str], *, why: str
) -> str:
    """Ask for a backfill of stages for buckets; its id.

    Args:
        instance: whose daemon runs it.
        project: whose buckets they are.
        buckets: names, at least one.
        stages: names, at least one.
        why: its description in the UI.
    """
    from dlf_assets.definitions import defs

    keys = project.partition_keys()
    backfill = PartitionBackfill.from_asset_partitions(
        backfill_id=make_new_backfill_id(),
        asset_graph=defs.resolve_asset_graph(),
        partition_names=[keys[bucket] for bucket in buckets],
        asset_selection=[dg.AssetKey(STAGE_ASSETS[stage]) for stage in stages],
        backfill_timestamp=time.time(),
        tags={PROJECT_TAG: project.project_name},
        dynamic_partitions_store=instance,
        all_partitions=False,
        title=f"{project.project_name}: {', '.join(stages) if len(stages) < len(STAGE_ASSETS) else 'all stages'}",
        description=why,
        run_config=None,
    )
    instance.add_backfill(backfill)
    return backfill.backfill_id


def progress_of(instance: dg.DagsterInstance, backfill_id: str) -> Progress:
    """How far a backfill has come.

    Raises:
        FactoryError: there is none of that id.
    """
    from dlf_assets.definitions import defs

    backfill = _named(instance, backfill_id)
    graph = defs.resolve_asset_graph()
    names = {asset: stage for stage, asset in STAGE_ASSETS.items()}
    stages = [
        StageProgress(
            names[status.asset_key.to_user_string()],
            status.partitions_counts_by_status[AssetBackfillStatus.MATERIALIZED],
            status.partitions_counts_by_status[AssetBackfillStatus.IN_PROGRESS],
            status.partitions_counts_by_status[AssetBackfillStatus.FAILED],
            status.num_targeted_partitions,
        )
        for status in backfill.get_asset_backfill_data(graph).get_backfill_status_per_asset_key(graph)
        if isinstance(status, PartitionedAssetBackfillStatus)
    ]
    error = backfill.error.message.strip().splitlines()[0] if backfill.error else None
    return Progress(stages, _ENDS.get(backfill.status), error)


def cancel(instance: dg.DagsterInstance, backfill_id: str) -> None:
    """Ask the daemon to end a backfill and its runs; what they have computed is kept.

    Raises:
        FactoryError: there is none of that id, or it has ended.
    """
    backfill = _named(instance, backfill_id)
    if backfill.status in _ENDS:
        raise FactoryError(f"backfill {backfill_id} has ended ({_ENDS[backfill.status]}).")
    instance.update_backfill(backfill.with_status(BulkActionStatus.CANCELING))


def _named(instance: dg.DagsterInstance, backfill_id: str) -> PartitionBackfill:
    backfill = instance.get_backfill(backfill_id)
    if backfill is None or not backfill.is_asset_backfill:
        raise FactoryError(f"there is no backfill '{backfill_id}'; the page Backfills of the Dagster UI lists them.")
    return backfill

"""The pools in which stages ask backends: so many at a time, whoever started them."""

from __future__ import annotations

import dagster as dg

POOLS = ("web", "vlm", "grounding")


def give_limits(instance: dg.DagsterInstance) -> None:
    """Give pools without a limit the instance's default.

    Dagster does so itself when a run first comes to a pool. Two that come at once do it twice, and on Postgres the
    second one's step fails.
    """
    storage = instance.event_log_storage
    for pool in POOLS:
        if pool not in storage.get_concurrency_keys():  # a limit that somebody set stays
            storage.initialize_concurrency_limit_to_default(pool)

"""A Dagster pool a source (`search_duckduckgo`, …): one run at a time asks it, whatever process the run is in.

Within a process the table of hosts keeps the pace (dlf_resources/web/hosts.py); two runs in two processes know nothing
of each other. An asset may stand in one pool only, so the slots of these are claimed here, while the source is asked.
They are seen and set in the Dagster UI like all pools. The slots of a run that has died are freed by Dagster's run
monitoring and by `dead_runs.py`.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

import dagster as dg

_POLL_SECONDS = 1.0
_PATIENCE_SECONDS = 900.0


def pool_of(source: str) -> str:
    """The name of a source's pool."""
    return f"search_{source}"


class SourcePools:
    """Slots of the run of a context.

    Args:
        context: of the asset that asks.
        tell: told once when a slot has to be waited for.
    """

    def __init__(self, context: dg.AssetExecutionContext, tell: Callable[[str], None]):
        self._storage = context.instance.event_log_storage
        self._run_id = context.run.run_id
        self._tell = tell
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Let nobody wait any longer: the run ends."""
        self._stopped.set()

    @contextlib.contextmanager
    def __call__(self, source: str) -> Iterator[None]:
        """Hold a slot of a source's pool; blocks until there is one.

        A run that waits for a quarter of an hour goes on without: the services' own limits hold then.
        """
        if not self._storage.supports_global_concurrency_limits:
            yield
            return
        pool, step = pool_of(source), f"gathered_images.search_{source}"
        if pool not in self._storage.get_concurrency_keys():  # a limit that somebody set stays
            self._storage.initialize_concurrency_limit_to_default(pool)
        if pool not in self._storage.get_concurrency_keys():  # without a limit, Dagster lets everybody in
            yield
            return
        patience = time.monotonic() + _PATIENCE_SECONDS
        claim = self._storage.claim_concurrency_slot(pool, self._run_id, step)
        if not claim.is_claimed:
            self._tell(f"{source} is asked by another run; waiting for a slot of pool '{pool}'")
        try:
            while not claim.is_claimed and time.monotonic() < patience and not self._stopped.wait(_POLL_SECONDS):
                claim = self._storage.claim_concurrency_slot(pool, self._run_id, step)
            yield
        finally:
            self._storage.free_concurrency_slot_for_step(self._run_id, step)

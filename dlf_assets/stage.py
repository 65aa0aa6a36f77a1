"""What all stages do alike: find their bucket, resume, compute what is missing, and say what came of it."""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, closing, nullcontext
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dlf_assets import stability
from dlf_assets.asks import Asks, Item, Missing
from dlf_assets.automation.jobs import PROJECT_TAG
from dlf_assets.run_folder import run_folder_of
from dlf_assets.stability import Stability
from dlf_core.candidate_states import ERROR_STATES
from dlf_core.errors import BackendUnavailable, FactoryError, StoreError
from dlf_core.project import Project
from dlf_core.records import sorted_from
from dlf_resources.dagster_resources import EngineResource, ExperimentsResource, ProjectsResource
from dlf_resources.engines import Engine, Outcome
from dlf_resources.experiments import RunFolder
from dlf_resources.heap import leave_out_pandas
from dlf_resources.progress import reporter_or
from dlf_resources.projects import store_of
from dlf_resources.stores.base import Store
from dlf_resources.stores.fragments import Fragments, StageOutput
from dlf_resources.stores.stage_tables import StageTables

# Rows whose status column says one of these are asked again in the next run.
RETRIED = ("ERROR", *(state.value for state in ERROR_STATES))
# Not the image's fault, and the next image would meet the same: the run ends.
FATAL = (BackendUnavailable, StoreError, MemoryError)


_OutcomeOf = Outcome[tuple[Item, Missing], Sequence[Any]]


class Unfinished(Exception):  # no error of its own: it carries one
    """An item's work that ended early: the rows it gave until then. Its cause says why."""

    def __init__(self, rows: Sequence[Any]):
        self.rows = rows
        super().__init__()


STATUS_COLUMN = {"gather": "state", "filter": "verdict", "label": "status", "verify": "verdict"}


@dataclass(slots=True)
class Computed:
    """A stage's table, and how it came about: rows computed and reused, images (or candidates) worked, wall seconds.

    `stability` tells of old answers that were asked for again; they are in none of the numbers.
    """

    output: StageOutput
    computed: int
    reused: int
    worked: int
    seconds: float
    stability: Stability = field(default_factory=Stability)

    @property
    def table(self) -> pa.Table:
        """The stage table."""
        return self.output.table


@dataclass(frozen=True, slots=True)
class Bucket:
    """The bucket a stage runs for, and everything around it."""

    stage: str
    project: Project
    name: str
    key: str
    store: Store
    tables: StageTables
    run_folder: RunFolder
    engine: Engine
    lock_wait_seconds: float
    log: Callable[[str], None]
    warn: Callable[[str], None] = field(repr=False)


def open_bucket(
    context: dg.AssetExecutionContext,
    stage: str,
    projects: ProjectsResource,
    experiments: ExperimentsResource,
    engine: EngineResource,
) -> Bucket:
    """The bucket of the partition a run was asked for."""
    leave_out_pandas()
    key = context.partition_key
    project, name = projects.of_partition(key)
    meant = context.run.tags.get(PROJECT_TAG, project.project_name)
    if meant != project.project_name:
        raise FactoryError(
            f"partition '{key}' is not of project '{meant}'; choose one of its own, or the job `pipeline`."
        )
    store = store_of(project)
    folder = run_folder_of(context, project, experiments.experiments())
    opened = engine.open(project.engine)
    wait = engine.lock_wait_seconds
    tables = StageTables(store)
    return Bucket(stage, project, name, key, store, tables, folder, opened, wait, context.log.info, context.log.warning)


def compute(
    bucket: Bucket,
    asks: Asks[Item],
    work: Callable[[Item, Missing], Awaitable[Sequence[Any]]],
    failed: Callable[[Item, Missing, Exception, float], Sequence[Any]],
    *,
    window: int,
    within: Callable[[Callable[[str], None]], AbstractAsyncContextManager[object]] = nullcontext,
    threads: int | None = None,
    limit: int | None = None,
    usable: Callable[[pa.Table], pa.Table] | None = None,
    ask_again: float = 0.0,
) -> Computed:
    """Resume a stage: keep the rows that are there, compute the missing ones, flushing as it goes.

    Rows that the project no longer asks for (an earlier prompt or model) leave the table and are set aside; asked
    again, they come back without being computed. With nothing to compute no backend is connected to.

    Args:
        bucket: where.
        asks: everything the project asks now.
        work: gives the rows of an item for the memo keys that are missing; awaited in the engine's loop.
        failed: the rows that stand for an item whose work raised.
        window: items in work at once.
        within: entered around the work, if there is any: open connections. Told of what takes its time.
        threads: see `Engine.map`.
        limit: only the first so many items are computed; rows of the others that are there already stay.
        usable: which earlier rows need not be computed again (an image whose file is gone must be fetched).
        ask_again: share of the earlier answers that are asked for once more and compared (`stability.py`).

    Raises:
        PartitionBusy: another run works on this stage of this bucket.
        BackendUnavailable: the backend is down; what was computed before is kept.
    """
    purpose = f"stage {bucket.stage} of bucket '{bucket.name}' of project '{bucket.project.project_name}'"
    lock = bucket.store.lock(f"{bucket.stage}__{bucket.key}", wait_seconds=bucket.lock_wait_seconds, purpose=purpose)
    tally: Counter[str] = Counter()
    status = STATUS_COLUMN[bucket.stage]
    with lock, Fragments(bucket.store, bucket.stage, bucket.key) as fragments:
        began = time.perf_counter()
        old = _remembered(bucket, fragments, asks, status)
        # `old` keeps what must be computed again: with a limit its turn may not come.
        good = _good(old if usable is None else usable(old), status)
        lacking = asks.lacking(good["memo_key"], limit)
        todo = len(np.unique(asks.owners[lacking]))
        again = stability.chosen(asks, good["memo_key"], ask_again, np.random.default_rng())
        reporter = reporter_or(bucket.log)
        reporter.start(bucket.stage, bucket.name, todo, len(good))
        ended: BaseException | None = None

        def outcomes_of(units: Iterator[tuple[Item, Missing]]) -> Generator[_OutcomeOf[Item], None, None]:
            return bucket.engine.map(
                lambda unit: work(*unit),
                units,
                max_in_flight=window,
                within=lambda: within(reporter.note),
                threads=threads,
                fatal=(*FATAL, Unfinished),
            )

        if todo:
            with closing(outcomes_of(asks.units(lacking))) as outcomes:
                for done, outcome in enumerate(outcomes, start=1):
                    item, missing = outcome.item
                    if outcome.error is None:
                        rows = outcome.result or ()
                    elif isinstance(outcome.error, Unfinished):
                        rows = outcome.error.rows
                        cause = outcome.error.__cause__
                        ended = cause if ended is None and isinstance(cause, FATAL) else ended
                    elif isinstance(outcome.error, FATAL):
                        rows, ended = (), ended or outcome.error
                    else:
                        rows = failed(item, missing, outcome.error, outcome.seconds)
                    fragments.append(rows)
                    tally.update(str(getattr(row, status)) for row in rows)
                    reporter.advance(bucket.stage, bucket.name, done, tally)
            if ended is not None:
                raise ended
        fragments.flush()
        found = Stability()
        if len(again):
            reporter.note(f"{bucket.stage} {bucket.name}: {len(again)} old answers are asked for again")
            with closing(outcomes_of(asks.units(again))) as outcomes:
                found = stability.compared(good, status, _rows_of(outcomes, failed))
        del asks, lacking, again  # the sorting that follows is what needs most memory
        parts = fragments.take_written()
        computed = sum(len(part) for part in parts)
        if len(old):
            new = pa.chunked_array([chunk for part in parts for chunk in part["memo_key"].chunks], pa.string())
            parts.append(old.filter(pc.invert(pc.is_in(old["memo_key"], new.combine_chunks()))))
        reused = sum(len(part) for part in parts) - computed
        del old, good
        table = sorted_from(bucket.stage, parts)
        seconds = time.perf_counter() - began
        reporter.finish(bucket.stage, bucket.name, tally, seconds)
        output = StageOutput(bucket.stage, table, tuple(fragments.keys))
    return Computed(output, computed, reused, todo, seconds, found)


def _rows_of(
    outcomes: Iterable[_OutcomeOf[Item]], failed: Callable[[Item, Missing, Exception, float], Sequence[Any]]
) -> Iterator[Any]:
    """Rows of units as they come; what ends the run is raised."""
    for outcome in outcomes:
        if isinstance(outcome.error, Unfinished):
            yield from outcome.error.rows
            raise outcome.error.__cause__ or outcome.error
        if isinstance(outcome.error, FATAL):
            raise outcome.error
        item, missing = outcome.item
        error = outcome.error
        yield from outcome.result or () if error is None else failed(item, missing, error, outcome.seconds)


def _remembered(bucket: Bucket, fragments: Fragments, asks: Asks[Any], status: str) -> pa.Table:
    """Earlier rows that answer what is asked now; those that do not are set aside."""
    # Fragments before the table: a run that ends just now writes its table first and removes its fragments then.
    unfinished = fragments.read()
    table = bucket.tables.read_or_empty(bucket.stage, bucket.key)
    before = bucket.tables.read_superseded(bucket.stage, bucket.key)
    old = _last_of_each(pa.concat_tables([before, table, unfinished]), status)
    if not len(old):
        return old
    now_asked = pc.is_in(old["memo_key"], asks.keys)
    # What was set aside stays so when it is asked again: this run may be killed before its table has the rows.
    set_aside = pc.or_(pc.invert(now_asked), pc.is_in(old["memo_key"], before["memo_key"].combine_chunks()))
    bucket.tables.write_superseded(bucket.stage, bucket.key, _good(old.filter(set_aside), status))
    return old.filter(now_asked)


def _good(table: pa.Table, status: str) -> pa.Table:
    """Rows that are answers, not errors that another try may mend."""
    return table.filter(pc.invert(pc.is_in(table[status], pa.array(RETRIED))))


def _last_of_each(table: pa.Table, status: str) -> pa.Table:
    """One row a memo key, in order: the last that is no error, else the last."""
    if not len(table):
        return table
    names = table["memo_key"].combine_chunks().dictionary_encode().indices.to_numpy()
    good = ~pc.is_in(table[status], pa.array(RETRIED)).to_numpy()
    rank = np.arange(len(table)) + good * len(table)
    best = np.zeros(int(names.max()) + 1, dtype=np.int64)
    np.maximum.at(best, names, rank)
    chosen = np.sort(best % len(table))
    return table if len(chosen) == len(table) else table.take(pa.array(chosen))


def now() -> dt.datetime:
    """The time for a row, UTC."""
    return dt.datetime.now(dt.UTC)


def sentence(error: Exception) -> str:
    """An error as one line for a table's `error` column, at most 300 characters."""
    text = str(error) if isinstance(error, FactoryError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split())[:300]

"""What all stages do alike: find their bucket, resume, compute what is missing, and say what came of it."""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from dlf_assets.run_folder import run_folder_of
from dlf_core.errors import BackendUnavailable, FactoryError, StoreError
from dlf_core.memo import missing
from dlf_core.project import Project
from dlf_core.records import ERROR_STATES, sort_table, to_table
from dlf_resources.dagster_resources import EngineResource, ExperimentsResource, ProjectsResource
from dlf_resources.engines import Engine
from dlf_resources.experiments import RunFolder
from dlf_resources.progress import reporter_or
from dlf_resources.projects import store_of
from dlf_resources.stores.base import Store
from dlf_resources.stores.fragments import Fragments, StageOutput
from dlf_resources.stores.stage_tables import StageTables

Item = TypeVar("Item")

# Rows whose status column says one of these are asked again in the next run.
RETRIED = ("ERROR", *(state.value for state in ERROR_STATES))
STATUS_COLUMN = {"gather": "state", "filter": "verdict", "label": "status", "verify": "verdict"}
SAMPLE_ROWS = 8


@dataclass(frozen=True, slots=True)
class Ask(Generic[Item]):
    """One unit of work: an item, and the memo key of each row it must give."""

    item: Item
    keys: tuple[str, ...]


@dataclass(slots=True)
class Computed:
    """A stage's table, and how it came about: rows computed and reused, images (or candidates) worked, wall seconds."""

    output: StageOutput
    computed: int
    reused: int
    worked: int
    seconds: float

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
    key = context.partition_key
    project, name = projects.of_partition(key)
    store = store_of(project)
    folder = run_folder_of(context, project, experiments.experiments())
    opened = engine.open(project.engine)
    wait = engine.lock_wait_seconds
    tables = StageTables(store)
    return Bucket(stage, project, name, key, store, tables, folder, opened, wait, context.log.info, context.log.warning)


def compute(
    bucket: Bucket,
    asks: Sequence[Ask[Item]],
    work: Callable[[Item, frozenset[str]], Sequence[Any]],
    failed: Callable[[Item, frozenset[str], Exception, float], Sequence[Any]],
    *,
    max_in_flight: int,
    limit: int | None = None,
    usable: Callable[[pa.Table], pa.Table] | None = None,
) -> Computed:
    """Resume a stage: keep the rows that are there, compute the missing ones, flushing as it goes.

    Rows that the project no longer asks for (an earlier prompt or model) leave the table and are set aside; asked
    again, they come back without being computed.

    Args:
        bucket: where.
        asks: everything the project asks now, in order.
        work: gives the rows of an item for the memo keys that are missing; runs in the engine's threads.
        failed: the rows that stand for an item whose work raised.
        max_in_flight: items in work at once.
        limit: only the first so many asks are computed; rows of the others that are there already stay.
        usable: filters earlier rows further (an image whose file is gone must be fetched again).

    Raises:
        PartitionBusy: another run works on this stage of this bucket.
        BackendUnavailable: the backend is down; what was computed before is kept.
    """
    began = time.perf_counter()
    purpose = f"stage {bucket.stage} of bucket '{bucket.name}' of project '{bucket.project.project_name}'"
    lock = bucket.store.lock(f"{bucket.stage}__{bucket.key}", wait_seconds=bucket.lock_wait_seconds, purpose=purpose)
    tally: Counter[str] = Counter()
    status = STATUS_COLUMN[bucket.stage]
    with lock, Fragments(bucket.store, bucket.stage, bucket.key) as fragments:
        # Fragments before the table: a run that ends just now writes its table first and removes its fragments then.
        unfinished = fragments.read()
        table = bucket.tables.read_or_empty(bucket.stage, bucket.key)
        before = bucket.tables.read_superseded(bucket.stage, bucket.key)
        old = _last_of_each(pa.concat_tables([before, table, unfinished]), status)
        asked = {key: ask for ask in asks for key in ask.keys}
        now_asked = pc.is_in(old["memo_key"], pa.array(list(asked), pa.string()))
        # What was set aside stays so when it is asked again: this run may be killed before its table has the rows.
        set_aside = pc.or_(pc.invert(now_asked), pc.is_in(old["memo_key"], before["memo_key"].combine_chunks()))
        bucket.tables.write_superseded(bucket.stage, bucket.key, _good(old.filter(set_aside), status))
        old = old.filter(now_asked)
        if usable is not None:
            old = usable(old)
        good = _good(old, status)
        wanted = asks if limit is None else asks[:limit]
        lacking = missing({key: ask for ask in wanted for key in ask.keys}, good["memo_key"].to_pylist())
        todo = _grouped(wanted, lacking)
        reporter = reporter_or(bucket.log)
        reporter.start(bucket.stage, bucket.name, len(todo), len(good))
        new: list[Any] = []
        with closing(bucket.engine.map(lambda unit: work(*unit), todo, max_in_flight=max_in_flight)) as outcomes:
            for done, outcome in enumerate(outcomes, start=1):
                item, keys = outcome.item
                if outcome.error is None:
                    rows = outcome.result or ()
                elif isinstance(outcome.error, (BackendUnavailable, StoreError, MemoryError)):
                    raise outcome.error
                else:
                    rows = failed(item, keys, outcome.error, outcome.seconds)
                fragments.append(rows)
                new.extend(rows)
                tally.update(str(getattr(row, status)) for row in rows)
                reporter.advance(bucket.stage, bucket.name, done, tally)
        fragments.flush()
        computed = {row.memo_key for row in new}
        kept = old.filter(pc.invert(pc.is_in(old["memo_key"], pa.array(list(computed), pa.string()))))
        table = sort_table(bucket.stage, pa.concat_tables([kept, to_table(bucket.stage, new)]).combine_chunks())
        seconds = time.perf_counter() - began
        reporter.finish(bucket.stage, bucket.name, tally, seconds)
        output = StageOutput(bucket.stage, table, tuple(fragments.keys))
    return Computed(output, len(new), len(kept), len(todo), seconds)


def _good(table: pa.Table, status: str) -> pa.Table:
    """Rows that are answers, not errors that another try may mend."""
    return table.filter(pc.invert(pc.is_in(table[status], pa.array(RETRIED))))


def _grouped(asks: Sequence[Ask[Item]], lacking: dict[str, Ask[Item]]) -> list[tuple[Item, frozenset[str]]]:
    """Items with the keys they lack, those with none left out."""
    todo: list[tuple[Item, frozenset[str]]] = []
    for ask in asks:
        keys = frozenset(key for key in ask.keys if key in lacking)
        if keys:
            todo.append((ask.item, keys))
    return todo


def _last_of_each(table: pa.Table, status: str) -> pa.Table:
    """One row a memo key: the last that is no error, else the last."""
    chosen: dict[str, int] = {}
    states = table[status].to_pylist()
    for index, key in enumerate(table["memo_key"].to_pylist()):
        if key not in chosen or states[index] not in RETRIED or states[chosen[key]] in RETRIED:
            chosen[key] = index
    return table.take(pa.array(sorted(chosen.values()), pa.int64()))


def counts(table: pa.Table, column: str) -> dict[str, int]:
    """How often each value stands in a column, most frequent first."""
    return dict(Counter(table[column].to_pylist()).most_common())


def stage_metadata(
    result: Computed,
    *,
    taken: int,
    out: int,
    dropped: int,
    errors: int,
    unit: str,
    tally: dict[str, int],
    samples: Iterator[dict[str, Any]] | Sequence[dict[str, Any]],
    run_folder: RunFolder,
    more: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The metadata every materialisation of a stage carries; `taken = out + dropped + errors`, in `unit`s."""
    rows = [{name: _cell(value) for name, value in row.items()} for row in list(samples)[:SAMPLE_ROWS]]
    metadata: dict[str, Any] = {
        "in": taken,
        "out": out,
        "dropped": dropped,
        "errors": errors,
        "unit": unit,
        "computed": result.computed,
        "reused": result.reused,
        "seconds": round(result.seconds, 3),
        "images_per_second": round(result.worked / result.seconds, 2) if result.worked else 0.0,
        "counts": dg.MetadataValue.json(tally),
        "run_folder": dg.MetadataValue.path(str(run_folder.path)),
    }
    if rows:
        schema = dg.TableSchema(columns=[dg.TableColumn(name, "string") for name in rows[0]])
        metadata["samples"] = dg.MetadataValue.table([dg.TableRecord(row) for row in rows], schema)
    return metadata | (more or {})


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)[:120]


def now() -> dt.datetime:
    """The time for a row, UTC."""
    return dt.datetime.now(dt.UTC)


def sentence(error: Exception) -> str:
    """An error as one line for a table's `error` column, at most 300 characters."""
    text = str(error) if isinstance(error, FactoryError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split())[:300]

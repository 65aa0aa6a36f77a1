"""Gather: candidates of the bucket's sources become images in the store, or rows that say why not."""

import contextlib
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from dlf_assets import checks
from dlf_assets.asks import Asks
from dlf_assets.candidates import STAGE, Numbered, numbered, refused, searched
from dlf_assets.fetching import Fetcher
from dlf_assets.gather_report import contact_sheet_of, gather_metadata
from dlf_assets.partitions import PROJECT_BUCKET
from dlf_assets.source_pools import SourcePools
from dlf_assets.stage import Bucket, Computed, compute, open_bucket
from dlf_core import views
from dlf_core.candidate_states import CandidateState, may_pass
from dlf_core.errors import SourceError
from dlf_core.licenses import identify
from dlf_core.records import Image, to_table
from dlf_resources.dagster_resources import EngineResource, ExperimentsResource, ProjectsResource
from dlf_resources.duplicates.marking import mark_duplicates
from dlf_resources.images import Limits
from dlf_resources.intake.workers import Intake
from dlf_resources.progress import reporter_or
from dlf_resources.sources import Source, Surroundings, passed_over, sources_of
from dlf_resources.stores.fragments import Fragments, StageOutput
from dlf_resources.stores.journal import Journal
from dlf_resources.stores.searches import Searches
from dlf_resources.stores.tables import STAGE_METADATA
from dlf_resources.web.connection import Connection

IN_FLIGHT = 50
UPLOADS = 16
_TOLD = ("query", "page", "title", "author", "license", "attribution")


class GatherConfig(dg.Config):
    """Launch settings of a gather."""

    limit: int | None = Field(default=None, ge=1, description="Smoke test: only the first so many candidates.")
    max_per_query: int | None = Field(
        default=None,
        ge=1,
        description="At most so many candidates a source and query; without it, web.max_per_query for searches and all "
        "of folders and lists.",
    )
    workers: int = Field(default=IN_FLIGHT, ge=1, le=256, description="Candidates in work at once.")
    again: bool = Field(default=False, description="Ask again for candidates that were rejected before.")


@dg.asset(
    partitions_def=PROJECT_BUCKET,
    group_name="gather",
    kinds={"parquet"},
    pool="web",
    io_manager_key="tables",
    backfill_policy=dg.BackfillPolicy.multi_run(1),
    check_specs=checks.specs("gathered_images"),
    metadata={STAGE_METADATA: STAGE, **checks.column_schema(STAGE)},
    description="Images of a bucket: found, checked, identified by their bytes. A row a candidate, rejected ones too.",
)
def gathered_images(  # type: ignore[no-untyped-def]  # Dagster takes no MaterializeResult[…] beside checks
    context: dg.AssetExecutionContext,
    config: GatherConfig,
    projects: ProjectsResource,
    experiments: ExperimentsResource,
    engine: EngineResource,
):
    """Search, fetch new candidates, keep what is there, mark duplicates."""
    bucket = open_bucket(context, STAGE, projects, experiments, engine)
    limits = _limits(bucket)
    connection = Connection(bucket.project.web)
    reporter = reporter_or(bucket.log)
    work = bucket.store.path(f"labels/{STAGE}/{bucket.key}.work")
    records = bucket.store.path(f"labels/{STAGE}/{bucket.key}.videos")
    surroundings = Surroundings(bucket.project, connection, work, records, bucket.warn, reporter.note)
    sources = sources_of(surroundings, bucket.project.buckets[bucket.name])
    _tell_of_passed_over(bucket, sources)
    turns = SourcePools(context, reporter.note)
    searches = searched(bucket, sources, connection, config.max_per_query, turns, reporter)
    for one in searches:
        if one.said is not None:
            bucket.warn(f"bucket '{bucket.name}', {one.source} '{one.line}': {one.said}")
    earlier = _earlier(bucket)
    items = numbered(bucket, sources, searches, earlier, limits)
    journal = Journal(work / "fetched.jsonl")
    stored = _stored(bucket, earlier)
    with journal:
        by_name = {source.name: source for source in sources}
        intake = Intake(limits)
        fetcher = Fetcher(bucket, by_name, intake, limits, stored, journal, journal.read(), config.again)
        result = compute(
            bucket,
            Asks.of(((item.key,) for item in items), items.__getitem__),
            lambda item, _: fetcher.fetch(item),
            lambda item, _, error, seconds: fetcher.failed(item, error, seconds),
            window=config.workers,
            within=lambda _: _opened(connection, intake),
            threads=UPLOADS if bucket.store.name != "local" else None,
            limit=config.limit,
            usable=lambda table: _usable(bucket, table, again=config.again),
        )
    whole = config.limit is None or config.limit >= len(items)
    result = _finished(bucket, sources, items, earlier, result, whole=whole)
    if whole:  # a smoke test leaves what was found and made for the gather that follows
        shutil.rmtree(work, ignore_errors=True)
    part = views.gather_part(bucket.name, result.table)
    bucket.run_folder.merge("gather/manifest.json", bucket.key, part, views.gather_manifest)
    bucket.run_folder.merge("gather/stats.json", bucket.key, part, views.gather_stats)
    sheet = contact_sheet_of(bucket, result.table)
    return dg.MaterializeResult(
        value=result.output,
        metadata=gather_metadata(bucket, result, searches, sheet),
        check_results=checks.of_gather(result.table, searches),
    )


@contextlib.asynccontextmanager
async def _opened(connection: Connection, intake: Intake) -> AsyncIterator[None]:
    async with connection.open(), intake.open():
        yield


def _tell_of_passed_over(bucket: Bucket, sources: Sequence[Source]) -> None:
    project = bucket.project
    kinds = passed_over(project, project.buckets[bucket.name])
    if kinds:
        said = f"bucket '{bucket.name}' names {' and '.join(kinds)}, which none of 'sources:' reads"
        if not sources:
            raise SourceError(f"{project.file}: {said} ({', '.join(project.sources)}); add one that does.")
        bucket.warn(f"{said}; they are passed over.")


def _limits(bucket: Bucket) -> Limits:
    chosen = bucket.project.thresholds
    return Limits(chosen.min_side, chosen.max_pixels, chosen.max_bytes)


def _earlier(bucket: Bucket) -> pa.Table:
    """Rows of earlier gathers, also of one that was killed; one a candidate, its last."""
    # Fragments first: a run that ends just now writes its table, and then removes them.
    unfinished = Fragments(bucket.store, STAGE, bucket.key).read()
    table = pa.concat_tables([bucket.tables.read_or_empty(STAGE, bucket.key), unfinished])
    last = {candidate: place for place, candidate in enumerate(table["candidate_id"].to_pylist())}
    return table.take(pa.array(sorted(last.values()), pa.int64()))


def _stored(bucket: Bucket, earlier: pa.Table) -> dict[str, str]:
    """Address on the web → path of what was kept of it, also under earlier limits."""
    stored: dict[str, str] = {}
    for table in (bucket.tables.read_superseded(STAGE, bucket.key), earlier):
        for row in table.select(["path", "url"]).to_pylist():
            if row["path"] is not None and not row["url"].startswith("file:"):
                stored[row["url"]] = row["path"]
    return stored


def _usable(bucket: Bucket, table: pa.Table, *, again: bool) -> pa.Table:
    """Rows that stand: rejected ones unless they are asked for again, kept ones whose file is whole in the store."""
    rows = table.select(["path", "state", "bytes", "http_status"]).to_pylist()
    there = bucket.store.sizes(f"raw/{bucket.name}") if rows else {}
    return table.filter(pa.array([_stands(there, row, again) for row in rows], pa.bool_()))


def _stands(there: Mapping[str, int], row: dict[str, Any], again: bool) -> bool:
    if row["path"] is not None:
        return there.get(row["path"]) == row["bytes"]
    if row["state"] not in set(CandidateState):
        return False  # of a version that did not ask the web
    return row["state"] != CandidateState.KEPT and not may_pass(row["state"], row["http_status"]) and not again


def _finished(
    bucket: Bucket,
    sources: Sequence[Source],
    items: Sequence[Numbered],
    earlier: pa.Table,
    result: Computed,
    *,
    whole: bool,
) -> Computed:
    """Add images of earlier gathers whose source still stands in the YAML; number the rows; mark duplicates."""
    offered = {item.candidate.candidate_id: item for item in items}
    wanted = bucket.project.buckets[bucket.name]
    lines = {(source.name, line) for source in sources for line in source.lines(wanted)}
    rows = [_with_rights(row, offered[row["candidate_id"]]) for row in result.table.to_pylist()]
    kept = _usable(bucket, earlier, again=False)
    kept = kept.filter(pc.is_in(kept["state"], pa.array(["kept", "duplicate"])))
    # A file that was renamed is offered under its new name; the row of its old one would be a duplicate of it.
    there = {row["image_id"] for row in rows if row["path"] is not None}
    for row in kept.to_pylist():
        new = row["candidate_id"] not in offered and row["image_id"] not in there
        license_ = identify(row["license"], row["license_url"])
        taken = not refused(bucket.project, row["url"], row["license"], license_)
        if new and taken and (row["source"], row["query"]) in lines:
            rows.append(row)
    last = len(items)
    rows.sort(key=lambda row: (_order(offered, row, last), row["order"], row["candidate_id"]))
    for order, row in enumerate(rows):
        row["order"] = order
    mark_duplicates(bucket.project, bucket.tables, bucket.key, rows)
    table = to_table(STAGE, [Image(**row) for row in rows])
    searches = Searches(bucket.store, bucket.key).keys() if whole else ()
    output = StageOutput(STAGE, table, (*result.output.fragments, *searches))
    return Computed(output, result.computed, len(table) - result.computed, result.worked, result.seconds)


def _order(offered: dict[str, Numbered], row: dict[str, Any], last: int) -> int:
    item = offered.get(row["candidate_id"])
    return item.order if item is not None else last


def _with_rights(row: dict[str, Any], item: Numbered) -> dict[str, Any]:
    """The row with what is known of its rights today."""
    candidate = item.candidate
    told = {name: getattr(candidate, name) for name in _TOLD}
    url = candidate.license_url or item.license.url
    return row | told | {"license_url": url, "license_family": item.license.family}

"""Gather: candidates of the bucket's sources become images in the store, or rows that say why not."""

import asyncio
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from dlf_assets import checks
from dlf_assets.asks import Asks
from dlf_assets.materialisation import counts, stage_metadata
from dlf_assets.partitions import PROJECT_BUCKET
from dlf_assets.stage import Bucket, Computed, compute, now, open_bucket, sentence
from dlf_core import views
from dlf_core.errors import ImageRejected, SourceError
from dlf_core.memo import memo_key
from dlf_core.records import ERROR_STATES, CandidateState, Image, image_id_of, to_table
from dlf_resources.dagster_resources import EngineResource, ExperimentsResource, ProjectsResource
from dlf_resources.images import Limits, inspect
from dlf_resources.sources import SOURCES, Candidate, left_out, sources_of
from dlf_resources.stores.fragments import StageOutput
from dlf_resources.stores.tables import STAGE_METADATA

STAGE = "gather"
IN_FLIGHT = 8


class GatherConfig(dg.Config):
    """Launch settings of a gather."""

    limit: int | None = Field(default=None, ge=1, description="Smoke test: only the first so many candidates.")
    max_per_query: int | None = Field(
        default=None, ge=1, description="At most so many images a folder, address or search query."
    )
    workers: int = Field(default=IN_FLIGHT, ge=1, le=256, description="Candidates in work at once.")


@dataclass(frozen=True, slots=True)
class _Numbered:
    candidate: Candidate
    order: int
    key: str


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
    """Fetch new candidates, keep what is there, mark duplicates."""
    bucket = open_bucket(context, STAGE, projects, experiments, engine)
    limits = _limits(bucket)
    numbered = _candidates(bucket, config.max_per_query)
    result = compute(
        bucket,
        Asks.of(((item.key,) for item in numbered), numbered.__getitem__),
        lambda item, _: asyncio.to_thread(_fetch, bucket, item, limits),
        lambda item, _, error, seconds: [_row(bucket, item, CandidateState.UNREADABLE, sentence(error), seconds)],
        window=config.workers,
        threads=config.workers,
        limit=config.limit,
        usable=lambda table: _still_there(bucket, table),
    )
    result = _finished(bucket, numbered, result)
    part = views.gather_part(bucket.name, result.table)
    bucket.run_folder.merge("gather/manifest.json", bucket.key, part, views.gather_manifest)
    bucket.run_folder.merge("gather/stats.json", bucket.key, part, views.gather_stats)
    return dg.MaterializeResult(
        value=result.output, metadata=_metadata(bucket, result), check_results=checks.of_gather(result.table)
    )


def _limits(bucket: Bucket) -> Limits:
    chosen = bucket.project.thresholds
    return Limits(chosen.min_side, chosen.max_pixels, chosen.max_bytes)


def _candidates(bucket: Bucket, max_per_query: int | None) -> list[_Numbered]:
    """What the bucket's sources offer, each address once a source, in order."""
    project, wanted = bucket.project, bucket.project.buckets[bucket.name]
    skipped = left_out(wanted)
    if skipped:
        said = f"bucket '{bucket.name}': {' and '.join(skipped)} not gathered: this version reads folders and files."
        if not any(source.wanted(wanted) for source in sources_of(project)):
            raise SourceError(f"{project.file}: {said} Name some under 'folders:' or 'urls:' of the bucket.")
        bucket.warn(said)
    limits = _limits(bucket)
    found: dict[str, _Numbered] = {}
    per_query: dict[tuple[str, str], int] = {}
    for source in sources_of(project):
        for candidate in source.candidates(project, wanted):
            line = (candidate.source, candidate.query)
            if candidate.candidate_id in found or per_query.get(line, 0) >= (max_per_query or 1 << 60):
                continue
            per_query[line] = per_query.get(line, 0) + 1
            key = memo_key(
                STAGE,
                candidate=candidate.candidate_id,
                version=candidate.version,
                limits=[limits.min_side, limits.max_pixels, limits.max_bytes],
            )
            found[candidate.candidate_id] = _Numbered(candidate, len(found), key)
    return list(found.values())


def _fetch(bucket: Bucket, item: _Numbered, limits: Limits) -> list[Image]:
    began = time.perf_counter()
    source = SOURCES[item.candidate.source]()
    try:
        content = source.fetch(bucket.project, item.candidate, limits.max_bytes)
    except ImageRejected as rejected:
        return [_row(bucket, item, rejected.state, rejected.reason, time.perf_counter() - began)]
    sha256 = hashlib.sha256(content).hexdigest()
    known: dict[str, Any] = {"image_id": image_id_of(content), "sha256": sha256, "bytes": len(content)}
    try:
        facts = inspect(content, limits)
    except ImageRejected as rejected:
        row = _row(bucket, item, rejected.state, rejected.reason, time.perf_counter() - began)
        return [replace(row, **known)]
    path = f"raw/{bucket.name}/{known['image_id']}.{facts.extension}"
    if bucket.store.size(path) != len(content):
        bucket.store.put(path, content, durable=False)
    row = _row(bucket, item, CandidateState.KEPT, None, time.perf_counter() - began)
    size: dict[str, Any] = {"width": facts.width, "height": facts.height}
    return [replace(row, **known, **size, path=path, format=facts.format, phash=facts.phash)]


def _row(bucket: Bucket, item: _Numbered, state: str, reason: str | None, seconds: float) -> Image:
    candidate = item.candidate
    return Image(
        candidate_id=candidate.candidate_id,
        memo_key=item.key,
        bucket=bucket.name,
        state=str(state),
        reason=reason,
        source=candidate.source,
        query=candidate.query,
        url=candidate.url,
        order=item.order,
        page=candidate.page,
        title=candidate.title,
        author=candidate.author,
        license=candidate.license,
        license_url=candidate.license_url,
        group=candidate.group,
        fetched_at=now(),
        seconds=seconds,
    )


def _still_there(bucket: Bucket, table: pa.Table) -> pa.Table:
    """Rows whose image file is whole in the store, and rows that never had one."""
    rows = table.select(["path", "state", "bytes"]).to_pylist()
    there = [
        row["state"] != CandidateState.KEPT if row["path"] is None else bucket.store.size(row["path"]) == row["bytes"]
        for row in rows
    ]
    return table.filter(pa.array(there, pa.bool_()))


def _finished(bucket: Bucket, numbered: Sequence[_Numbered], result: Computed) -> Computed:
    """Add images of earlier gathers whose source still stands in the YAML; number the rows; mark duplicates."""
    offered = {item.candidate.candidate_id: item.order for item in numbered}
    lines = {
        (s.name, line) for s in sources_of(bucket.project) for line in s.wanted(bucket.project.buckets[bucket.name])
    }
    earlier = _still_there(bucket, bucket.tables.read_or_empty(STAGE, bucket.key))
    gone = earlier.filter(pc.is_in(earlier["state"], pa.array(["kept"]))).to_pylist()
    rows = result.table.to_pylist()
    # A file that was renamed is offered under its new name; the row of its old one would be a duplicate of it.
    there = {row["image_id"] for row in rows if row["state"] == CandidateState.KEPT}
    for row in gone:
        new = row["candidate_id"] not in offered and row["image_id"] not in there
        if new and (row["source"], row["query"]) in lines:
            rows.append(row)
    rows.sort(key=lambda row: (offered.get(row["candidate_id"], len(offered)), row["order"], row["candidate_id"]))
    first: dict[str, dict[str, Any]] = {}
    for order, row in enumerate(rows):
        row["order"] = order
        if row["state"] not in (CandidateState.KEPT, CandidateState.DUPLICATE):
            continue
        original = first.setdefault(row["image_id"], row)
        if original is row:
            row |= {"state": str(CandidateState.KEPT), "duplicate_of": None, "reason": None}
        else:
            reason = f"the same bytes as {original['title'] or original['url']}"
            row |= {"state": str(CandidateState.DUPLICATE), "duplicate_of": row["image_id"], "reason": reason}
    table = to_table(STAGE, [Image(**row) for row in rows])
    output = StageOutput(STAGE, table, result.output.fragments)
    return Computed(output, result.computed, len(table) - result.computed, result.worked, result.seconds)


def _metadata(bucket: Bucket, result: Computed) -> dict[str, Any]:
    table = result.table
    tally = counts(table, "state")
    kept = tally.get("kept", 0)
    errors = sum(tally.get(state, 0) for state in ERROR_STATES)
    names = ["state", "title", "width", "height", "source", "reason"]
    # what was rejected is what a person wants to see first
    shown = sorted(table.select(names).to_pylist(), key=lambda row: row["state"] == "kept")
    return stage_metadata(
        result,
        taken=len(table),
        out=kept,
        dropped=len(table) - kept - errors,
        errors=errors,
        unit="images",
        tally=tally,
        samples=shown,
        run_folder=bucket.run_folder,
        more={"images": kept, "bytes": sum(value or 0 for value in table["bytes"].to_pylist())},
    )

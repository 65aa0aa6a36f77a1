"""What a gather tells of itself: counts by source and state, what the searches came to, and a sheet of pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa

from dlf_assets.materialisation import counts, stage_metadata
from dlf_assets.stage import Bucket, Computed
from dlf_core.candidate_states import ERROR_STATES, CandidateState
from dlf_core.errors import ImageRejected, StoreError
from dlf_resources.contact_sheet import Tile, contact_sheet
from dlf_resources.images import open_upright
from dlf_resources.sources.searching import Search

SHEET_IMAGES = 48
_SIDE, _COLUMNS = 160, 8


def gather_metadata(bucket: Bucket, result: Computed, searches: Sequence[Search], sheet: Path | None) -> dict[str, Any]:
    """The metadata of a gather's materialisation."""
    table = result.table
    tally = counts(table, "state")
    kept = tally.get("kept", 0)
    errors = sum(tally.get(state, 0) for state in ERROR_STATES)
    names = ["state", "title", "width", "height", "source", "license", "reason"]
    # what was rejected is what a person wants to see first
    shown = sorted(table.select(names).to_pylist(), key=lambda row: row["state"] == "kept")
    more: dict[str, Any] = {
        "images": kept,
        "bytes": sum(value or 0 for value in table["bytes"].to_pylist()),
        "sources": dg.MetadataValue.json(by_source(table)),
        "licenses": dg.MetadataValue.json(_licenses(table)),
        "searches": dg.MetadataValue.json([_told(one) for one in searches if one.remote]),
    }
    if sheet is not None:
        more["contact_sheet"] = dg.MetadataValue.path(str(sheet))
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
        more=more,
    )


def by_source(table: pa.Table) -> dict[str, dict[str, int]]:
    """Source → state → candidates."""
    found: dict[str, Counter[str]] = {}
    for row in table.select(["source", "state", "http_status"]).to_pylist():
        status = f"({row['http_status']})" if row["http_status"] and row["state"] == CandidateState.HTTP_ERROR else ""
        found.setdefault(row["source"], Counter())[row["state"] + status] += 1
    return {source: dict(states.most_common()) for source, states in sorted(found.items())}


def contact_sheet_of(bucket: Bucket, table: pa.Table) -> Path | None:
    """Write the first images that were kept as one WebP beside the run; None where there are none."""
    kept = [row for row in table.select(["state", "path", "title", "order"]).to_pylist() if row["state"] == "kept"]
    kept.sort(key=lambda row: row["order"])
    tiles: list[Tile] = []
    for row in kept[:SHEET_IMAGES]:
        try:
            picture = open_upright(bucket.store.get(row["path"]), _SIDE)
        except (ImageRejected, StoreError):
            continue  # the next stage tells of it
        tiles.append(Tile(picture, str(row["title"] or Path(row["path"]).name)[:24], ()))
    if not tiles:
        return None
    sheet = contact_sheet(tiles, side=_SIDE, columns=min(_COLUMNS, len(tiles)))
    return bucket.run_folder.write(f"gather/{bucket.key}.webp", sheet)


def _licenses(table: pa.Table) -> dict[str, int]:
    kept = [
        row["license_family"] for row in table.select(["state", "license_family"]).to_pylist() if row["state"] == "kept"
    ]
    return dict(Counter(family or "unknown" for family in kept).most_common())


def _told(one: Search) -> dict[str, Any]:
    return {
        "source": one.source,
        "query": one.line,
        "found": len(one.candidates),
        "ended": str(one.ended),
        "said": one.said,
    }

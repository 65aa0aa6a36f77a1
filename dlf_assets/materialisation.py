"""What every materialisation of a stage tells Dagster: counts, pace, cost, samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from dlf_assets.stage import Computed
from dlf_core.sections import PriceEntry
from dlf_core.usage import Usage
from dlf_resources.experiments import RunFolder

SAMPLE_ROWS = 8


@dataclass(frozen=True, slots=True)
class Spent:
    """What a stage asked of a backend, and its price where the project has one."""

    usage: Usage
    price: PriceEntry | None = None


def counts(table: pa.Table, column: str) -> dict[str, int]:
    """How often each value stands in a column, most frequent first."""
    found = {entry["values"]: entry["counts"] for entry in pc.value_counts(table[column]).to_pylist()}
    return dict(Counter(found).most_common())


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
    spent: Sequence[Spent] = (),
    links: dict[str, Any] | None = None,
    more: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The metadata every materialisation of a stage carries; `taken = out + dropped + errors`, in `unit`s."""
    rows = [{name: _cell(value) for name, value in row.items()} for row in list(samples)[:SAMPLE_ROWS]]
    metadata: dict[str, Any] = {
        **(links or {}),  # first: people look for them
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
    metadata |= _pace_and_cost(spent, result.seconds)
    if rows:
        schema = dg.TableSchema(columns=[dg.TableColumn(name, "string") for name in rows[0]])
        metadata["samples"] = dg.MetadataValue.table([dg.TableRecord(row) for row in rows], schema)
    return metadata | (more or {})


def _pace_and_cost(spent: Sequence[Spent], seconds: float) -> dict[str, Any]:
    """Requests, tokens and seconds over all backends of the stage, and money for those with a price."""
    if not spent:
        return {}
    usage = sum((entry.usage for entry in spent), Usage())
    told: dict[str, Any] = {
        "requests": usage.requests,
        "retries": usage.retries,
        "throttled": usage.throttled,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "backend_seconds": round(usage.backend_seconds, 3),
        "bytes_sent": usage.bytes_sent,
    }
    costs: dict[str, float] = {}
    for entry in spent:
        if entry.price is not None:
            # A stage that asked nothing rented nothing.
            wall = seconds if entry.usage.requests else 0.0
            currency = entry.price.currency
            costs[currency] = costs.get(currency, 0.0) + entry.price.price().of(entry.usage, wall)
    for currency, money in costs.items():
        told[f"cost_{currency}"] = round(money, 6)
    return told


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)[:120]

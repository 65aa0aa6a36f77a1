"""YES from which score on: applied to what a language model said, not asked of it.

Its score is in the table, so a new threshold costs nothing. (A detector's threshold is part of its question: what is
below it, it never tells.)
"""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from dlf_assets.stage import Computed
from dlf_core.answers import Verdict, judged
from dlf_core.records import ScoreKind

_BATCH = 4096
_COLUMNS = ["verdict", "answer", "p_yes", "score_kind"]


def with_threshold(result: Computed, enough: float | None) -> Computed:
    """The stage's table with the verdicts that a threshold gives; None: the model's own words decide."""
    table = result.table
    if not pc.any(pc.equal(table["score_kind"], ScoreKind.LOGPROB.value)).as_py():
        return result
    chunks = []
    for batch in table.select(_COLUMNS).to_batches(max_chunksize=_BATCH):
        rows = batch.to_pylist()
        chunks.append(pa.array([_verdict(row, enough) for row in rows], pa.string()))
    place = table.schema.get_field_index("verdict")
    verdicts = pa.chunked_array(chunks, pa.string()).combine_chunks()
    output = replace(result.output, table=table.set_column(place, table.schema.field(place), verdicts))
    return replace(result, output=output)


def _verdict(row: dict[str, object], enough: float | None) -> str:
    if row["score_kind"] != ScoreKind.LOGPROB.value:
        return str(row["verdict"])
    p_yes = row["p_yes"]
    score = p_yes if isinstance(p_yes, float) else None
    return judged(Verdict(str(row["verdict"])), str(row["answer"] or ""), score, enough).value

"""Review: the boxes after people. A person's word on a box stands above the model's.

Until people have decided, a box is in the data set when verify said YES.
"""

import time

import dagster as dg
import pyarrow as pa

from dlf_assets import checks
from dlf_assets.materialisation import counts, stage_metadata
from dlf_assets.partitions import PROJECT_BUCKET
from dlf_assets.pictures import KeptImages
from dlf_assets.stage import Computed, open_bucket
from dlf_core.flat_boxes import flat_boxes
from dlf_core.records import Decision, Review, to_table
from dlf_resources.dagster_resources import EngineResource, ExperimentsResource, ProjectsResource
from dlf_resources.decisions import read_decisions
from dlf_resources.stores.fragments import StageOutput
from dlf_resources.stores.tables import STAGE_METADATA, only_columns

STAGE = "review"


@dg.asset(
    ins={"gathered_images": only_columns("image_id", "state", "order", "title")},
    partitions_def=PROJECT_BUCKET,
    group_name="review",
    kinds={"parquet"},
    io_manager_key="tables",
    backfill_policy=dg.BackfillPolicy.multi_run(1),
    automation_condition=checks.eager_when_checked(),
    metadata={STAGE_METADATA: STAGE, **checks.column_schema(STAGE)},
    description="Every box with its model scores, the verify verdict and a person's decision; `kept` goes on.",
)
def reviewed_boxes(  # type: ignore[no-untyped-def]  # Dagster takes no MaterializeResult[…] beside checks
    context: dg.AssetExecutionContext,
    gathered_images: pa.Table,
    labeled_boxes: pa.Table,
    verified_boxes: pa.Table,
    projects: ProjectsResource,
    experiments: ExperimentsResource,
    engine: EngineResource,
):
    """Join boxes, verdicts and decisions."""
    began = time.perf_counter()
    bucket = open_bucket(context, STAGE, projects, experiments, engine)
    project = bucket.project
    images = KeptImages(gathered_images)
    verdicts = {row["box_id"]: row for row in verified_boxes.to_pylist()}
    decisions = read_decisions(bucket.store, project)
    rows: list[Review] = []
    for box in flat_boxes(labeled_boxes, project.class_map, project.thresholds.nms_iou, project.backends.fusion_iou):
        if box.image_id not in images:
            continue
        said = verdicts.get(box.box_id, {})
        person = decisions.get(box.box_id, {})
        decision = Decision(person.get("decision", "none"))
        kept = decision is Decision.APPROVED or (decision is Decision.NONE and said.get("verdict") == "YES")
        rows.append(
            Review(
                *(box.box_id, box.image_id, box.query, box.class_name),
                *box.corners,
                *(box.score, box.score_kind, box.backend, box.model),
                verdict=said.get("verdict"),
                p_yes=said.get("p_yes"),
                agreement=box.agreement,
                verify_backend=said.get("backend"),
                verify_model=said.get("model"),
                decision=decision.value,
                reviewer=person.get("reviewer"),
                reviewed_at=person.get("reviewed_at"),
                kept=kept,
            )
        )
    before = bucket.tables.read(STAGE, bucket.key)
    table = to_table(STAGE, rows)
    same = set() if before is None else {tuple(row.values()) for row in before.to_pylist()}
    fresh = sum(tuple(row.values()) not in same for row in table.to_pylist())
    seconds = time.perf_counter() - began
    result = Computed(
        StageOutput(STAGE, table), fresh, len(table) - fresh, len({row.image_id for row in rows}), seconds
    )
    kept_count = sum(row.kept for row in rows)
    people = counts(table, "decision")
    metadata = stage_metadata(
        result,
        taken=len(rows),
        out=kept_count,
        dropped=len(rows) - kept_count,
        errors=0,
        unit="boxes",
        tally=people,
        samples=[
            {"image": images[row.image_id]["title"], "class": row.class_name, "score": row.score}
            | {"verdict": row.verdict, "decision": row.decision, "kept": row.kept}
            for row in rows
        ],
        run_folder=bucket.run_folder,
        more={"decided_by_people": len(rows) - people.get("none", 0)},
    )
    return dg.MaterializeResult(value=result.output, metadata=metadata)

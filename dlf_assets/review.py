"""Review: the boxes after people. A person's word on a box stands above the model's.

Until people have decided, a box is in the data set when verify said YES.
"""

import time

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from dlf_assets import checks
from dlf_assets.materialisation import counts, stage_metadata
from dlf_assets.partitions import PROJECT_BUCKET
from dlf_assets.pictures import KeptImages
from dlf_assets.review_links import review_links
from dlf_assets.stage import Computed, open_bucket
from dlf_core.flat_boxes import flat_boxes
from dlf_core.records import Decision, to_table
from dlf_core.reviews.merging import merged
from dlf_core.reviews.rows import image_review, review_rows
from dlf_resources.dagster_resources import EngineResource, ExperimentsResource, ProjectsResource
from dlf_resources.reviews.said import said_of
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
    """Join boxes, verdicts and what people said."""
    began = time.perf_counter()
    bucket = open_bucket(context, STAGE, projects, experiments, engine)
    project = bucket.project
    images = KeptImages(gathered_images)
    found = flat_boxes(labeled_boxes, project.class_map, project.thresholds.nms_iou, project.backends.fusion_iou)
    subjects = said_of(project, bucket.store, list(images))
    boxes, lost = merged([box for box in found if box.image_id in images], subjects)
    rows = review_rows(boxes, {row["box_id"]: row for row in verified_boxes.to_pylist()})
    of_images = [image_review(one) for one in subjects if one.is_image]
    if of_images or bucket.tables.exists("image_review", bucket.key):
        bucket.tables.write("image_review", bucket.key, to_table("image_review", of_images))
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
    undecided = table.filter(pc.equal(table["decision"], Decision.NONE.value))
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
        links=review_links(bucket, undecided, images),
        more={
            "decided_by_people": len(rows) - people.get("none", 0),
            "edited_by_people": sum(row.edit is not None for row in rows),
            "carried_over": sum(row.carried_from is not None for row in rows),
            "decisions_without_box": sum(one.image_id in images for one in lost),
            "images_decided": sum(row.decision != Decision.NONE for row in of_images),
        },
    )
    return dg.MaterializeResult(value=result.output, metadata=metadata)

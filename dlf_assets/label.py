"""Label: where is it? A grounding model draws boxes for every query on every image the filter kept."""

import time
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from dlf_assets import checks
from dlf_assets.partitions import PROJECT_BUCKET
from dlf_assets.pictures import kept_images, open_picture
from dlf_assets.stage import Ask, compute, counts, open_bucket, sentence, stage_metadata
from dlf_core import views
from dlf_core.boxes import as_boxes, box_id, clip, valid
from dlf_core.memo import memo_key
from dlf_core.records import DetectedBox, Grounding, GroundingStatus, flat_boxes
from dlf_resources.dagster_resources import EngineResource, ExperimentsResource, GroundingResource, ProjectsResource
from dlf_resources.grounding import Detection
from dlf_resources.stores.tables import STAGE_METADATA

STAGE = "label"


class LabelConfig(dg.Config):
    """Launch settings of a label run."""

    limit: int | None = Field(default=None, ge=1, description="Smoke test: only the first so many images.")
    backend: str | None = Field(default=None, description="Backend to ask; default: what the YAML says.")


@dg.asset(
    partitions_def=PROJECT_BUCKET,
    group_name="label",
    kinds={"parquet"},
    pool="grounding",
    io_manager_key="tables",
    backfill_policy=dg.BackfillPolicy.multi_run(1),
    automation_condition=checks.eager_when_checked(),
    check_specs=checks.specs("labeled_boxes"),
    metadata={STAGE_METADATA: STAGE, **checks.column_schema(STAGE)},
    description="A grounding an image and query: the boxes a model drew for the phrase, or EMPTY, or ERROR.",
)
def labeled_boxes(  # type: ignore[no-untyped-def]  # Dagster takes no MaterializeResult[…] beside checks
    context: dg.AssetExecutionContext,
    config: LabelConfig,
    gathered_images: pa.Table,
    filtered_images: pa.Table,
    projects: ProjectsResource,
    experiments: ExperimentsResource,
    engine: EngineResource,
    grounding: GroundingResource,
):
    """Ask the backend all missing queries of every image on the keep list, the queries of an image together."""
    bucket = open_bucket(context, STAGE, projects, experiments, engine)
    project = bucket.project
    backend = grounding.open(config.backend or project.backends.label, project)
    backend.check(project.queries)
    keep = set(filtered_images.filter(pc.equal(filtered_images["verdict"], "YES"))["image_id"].to_pylist())
    images = {image_id: row for image_id, row in kept_images(gathered_images).items() if image_id in keep}
    made_from = {"backend": backend.name, "model": backend.model, "parameters": backend.parameters}
    keys = {
        (image_id, query): memo_key(STAGE, image_id=image_id, query=query, **made_from)
        for image_id in images
        for query in project.queries
    }

    def row(image_id: str, query: str, status: GroundingStatus, seconds: float, **rest: Any) -> Grounding:
        key = keys[image_id, query]
        return Grounding(image_id, query, key, status.value, backend.name, backend.model, seconds, **rest)

    def work(image_id: str, missing: frozenset[str]) -> list[Grounding]:
        began = time.perf_counter()
        queries = [query for query in project.queries if keys[image_id, query] in missing]
        found = backend.ground(open_picture(bucket.store, images[image_id], backend.max_side), queries)
        seconds = (time.perf_counter() - began) / len(queries)
        rows: list[Grounding] = []
        for query in queries:
            boxes = _boxes(image_id, query, backend.name, backend.model, found[query])
            status = GroundingStatus.FOUND if boxes else GroundingStatus.EMPTY
            rows.append(row(image_id, query, status, seconds, boxes=boxes))
        return rows

    def failed(image_id: str, missing: frozenset[str], error: Exception, seconds: float) -> list[Grounding]:
        queries = [query for query in project.queries if keys[image_id, query] in missing]
        return [row(image_id, query, GroundingStatus.ERROR, seconds, error=sentence(error)) for query in queries]

    result = compute(
        bucket,
        [Ask(image_id, tuple(keys[image_id, query] for query in project.queries)) for image_id in images],
        work,
        failed,
        max_in_flight=backend.max_in_flight,
        limit=config.limit,
    )
    boxes = flat_boxes(result.table, project.class_map, project.thresholds.nms_iou)
    answered = set(result.table["image_id"].to_pylist())
    asked = [image_id for image_id in images if image_id in answered]
    bucket.run_folder.merge(
        f"label_{backend.name}/{project.project_name}.coco.json",
        bucket.key,
        views.label_part(bucket.name, boxes, images, asked),
        lambda parts: views.label_coco(project.class_names, parts),
    )
    tally = counts(result.table, "status")
    drawn = len({box.image_id for box in boxes})
    failing = set(result.table.filter(pc.equal(result.table["status"], "ERROR"))["image_id"].to_pylist())
    failing -= {box.image_id for box in boxes}
    metadata = stage_metadata(
        result,
        taken=len(asked),
        out=drawn,
        dropped=len(asked) - drawn - len(failing),
        errors=len(failing),
        unit="images",
        tally=tally,
        samples=[
            {"image": images[box.image_id]["title"], "query": box.query, "class": box.class_name, "score": box.score}
            | {"box": " ".join(f"{value:.3f}" for value in box.corners)}
            for box in boxes
        ],
        run_folder=bucket.run_folder,
        more={
            "boxes": len(boxes),
            "boxes_before_nms": sum(len(found) for found in result.table["boxes"].to_pylist()),
            "boxes_per_query": dg.MetadataValue.json(
                {query: sum(box.query == query for box in boxes) for query in project.queries}
            ),
            "backend": backend.name,
            "model": backend.model,
            "not_asked": len(images) - len(asked),
        },
    )
    return dg.MaterializeResult(
        value=result.output, metadata=metadata, check_results=checks.of_label(result.table, project)
    )


def _boxes(image_id: str, query: str, backend: str, model: str, found: list[Detection]) -> list[DetectedBox]:
    """A model's detections as boxes with an identity: cut at the border, empty ones and repetitions left out."""
    boxes: dict[str, DetectedBox] = {}
    for detection in found:
        corners = clip(as_boxes([(detection.x1, detection.y1, detection.x2, detection.y2)]))
        if not valid(corners)[0]:
            continue
        x1, y1, x2, y2 = map(float, corners[0])
        identity = box_id(image_id, query, backend, model, (x1, y1, x2, y2))
        score, kind = detection.score, detection.score_kind.value
        boxes.setdefault(identity, DetectedBox(identity, x1, y1, x2, y2, score, kind, detection.mask_rle))
    return list(boxes.values())

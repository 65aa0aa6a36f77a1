"""Verify: is it one? A second model looks at a padded crop of every box and says YES, NO or UNSURE."""

import time
from typing import Any

import dagster as dg
import pyarrow as pa
from pydantic import Field

from dlf_assets import checks
from dlf_assets.partitions import PROJECT_BUCKET
from dlf_assets.pictures import kept_images, open_picture
from dlf_assets.stage import Ask, compute, counts, open_bucket, sentence, stage_metadata
from dlf_core import boxes as geometry
from dlf_core import views
from dlf_core.memo import memo_key
from dlf_core.prompts import prompt_hash
from dlf_core.records import BoxVerdict, FlatBox, ScoreKind, flat_boxes
from dlf_resources.dagster_resources import EngineResource, ExperimentsResource, ProjectsResource, VlmResource
from dlf_resources.stores.tables import STAGE_METADATA
from dlf_resources.vlm import Question

STAGE = "verify"

# A small box is cut from the photo as it is; shrinking the photo first would leave nothing to look at.
FULL_SIDE = 4096


class VerifyConfig(dg.Config):
    """Launch settings of a verify run."""

    limit: int | None = Field(default=None, ge=1, description="Smoke test: only the boxes of the first so many images.")
    backend: str | None = Field(default=None, description="Backend to ask; default: what the YAML says.")


@dg.asset(
    partitions_def=PROJECT_BUCKET,
    group_name="verify",
    kinds={"parquet"},
    pool="vlm",
    io_manager_key="tables",
    backfill_policy=dg.BackfillPolicy.multi_run(1),
    automation_condition=checks.eager_when_checked(),
    check_specs=checks.specs("verified_boxes"),
    metadata={STAGE_METADATA: STAGE, **checks.column_schema(STAGE)},
    description="A verdict a box: does its crop hold what the query says? YES, NO or UNSURE.",
)
def verified_boxes(  # type: ignore[no-untyped-def]  # Dagster takes no MaterializeResult[…] beside checks
    context: dg.AssetExecutionContext,
    config: VerifyConfig,
    gathered_images: pa.Table,
    labeled_boxes: pa.Table,
    projects: ProjectsResource,
    experiments: ExperimentsResource,
    engine: EngineResource,
    vlm: VlmResource,
):
    """Ask the backend about every box it has not been asked about; an image is decoded once for all its boxes."""
    bucket = open_bucket(context, STAGE, projects, experiments, engine)
    project = bucket.project
    backend = vlm.open(config.backend or project.backends.verify, project)
    images = kept_images(gathered_images)
    boxes = [
        box
        for box in flat_boxes(labeled_boxes, project.class_map, project.thresholds.nms_iou)
        if box.image_id in images
    ]
    by_id = {box.box_id: box for box in boxes}
    backend.check(project.queries, STAGE)
    chosen = project.thresholds.crop_padding
    padding = backend.crop_padding if chosen is None else chosen
    prompts = {query: project.verify_prompt(query) for query in project.queries}
    made_from = {"backend": backend.name, "model": backend.model, "parameters": backend.parameters, "padding": padding}
    keys = {
        box.box_id: memo_key(STAGE, box_id=box.box_id, query=box.query, prompt=prompts[box.query], **made_from)
        for box in boxes
    }

    def verdict(box: FlatBox, said: str, seconds: float, **rest: Any) -> BoxVerdict:
        told = {"p_yes": None, "score_kind": ScoreKind.NONE.value, "reasoning": None, "answer": None} | rest
        return BoxVerdict(
            box.box_id,
            box.image_id,
            box.query,
            keys[box.box_id],
            said,
            backend=backend.name,
            model=backend.model,
            prompt_hash=prompt_hash(prompts[box.query]),
            crop_padding=padding,
            seconds=seconds,
            **told,
        )

    def work(found: tuple[FlatBox, ...], missing: frozenset[str]) -> list[BoxVerdict]:
        picture = open_picture(bucket.store, images[found[0].image_id], FULL_SIDE)
        rows: list[BoxVerdict] = []
        for box in (box for box in found if keys[box.box_id] in missing):
            began = time.perf_counter()
            left, top, right, bottom = geometry.to_pixels(geometry.pad(box.corners, padding), *picture.size)
            crop = picture.crop((left, top, right, bottom))
            crop.thumbnail((backend.max_side, backend.max_side))
            width, height = picture.size
            frame = (left / width, top / height, right / width, bottom / height)
            inside = geometry.clip(geometry.relative_to(geometry.as_boxes([box.corners]), frame))[0]
            place = (float(inside[0]), float(inside[1]), float(inside[2]), float(inside[3]))
            answer = backend.ask(crop, Question(STAGE, box.query, prompts[box.query], place))
            told = {"p_yes": answer.p_yes, "score_kind": answer.score_kind.value, "answer": answer.text}
            seconds = time.perf_counter() - began
            rows.append(verdict(box, answer.verdict.value, seconds, reasoning=answer.reasoning, **told))
        return rows

    def failed(
        found: tuple[FlatBox, ...], missing: frozenset[str], error: Exception, seconds: float
    ) -> list[BoxVerdict]:
        lost = [box for box in found if keys[box.box_id] in missing]
        return [verdict(box, "ERROR", seconds / len(lost), error=sentence(error)) for box in lost]

    by_image: dict[str, list[FlatBox]] = {}
    for box in boxes:
        by_image.setdefault(box.image_id, []).append(box)
    result = compute(
        bucket,
        [Ask(tuple(found), tuple(keys[box.box_id] for box in found)) for found in by_image.values()],
        work,
        failed,
        max_in_flight=backend.max_in_flight,
        limit=config.limit,
    )
    asked = prompt_hash(project.prompts.verify)
    bucket.run_folder.merge(
        f"verify_{backend.name}/verified.json",
        bucket.key,
        views.verify_part(bucket.name, result.table, by_id, images),
        lambda parts: views.verified(bucket.run_folder.path.name, backend.model, asked, padding, parts),
    )
    tally = counts(result.table, "verdict")
    yes, errors = tally.get("YES", 0), tally.get("ERROR", 0)
    judged = len(result.table) - errors
    rows = result.table.select(["image_id", "query", "verdict", "p_yes", "reasoning", "error"]).to_pylist()
    metadata = stage_metadata(
        result,
        taken=len(result.table),
        out=yes,
        dropped=judged - yes,
        errors=errors,
        unit="boxes",
        tally=tally,
        samples=[{"image": images[row["image_id"]]["title"], **row} for row in rows],
        run_folder=bucket.run_folder,
        more={
            "yes_rate": round(yes / judged, 4) if judged else None,
            "backend": backend.name,
            "model": backend.model,
            "prompt_hash": asked,
            "crop_padding": padding,
            "not_asked": len(boxes) - len(result.table),
        },
    )
    return dg.MaterializeResult(
        value=result.output, metadata=metadata, check_results=checks.of_verify(result.table, project)
    )

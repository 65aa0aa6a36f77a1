"""Verify: is it one? A second model looks at a padded crop of every box and says YES, NO or UNSURE."""

import asyncio
import math
import time
from dataclasses import replace
from typing import Any

import dagster as dg
import pyarrow as pa
from PIL.Image import Image as PilImage
from pydantic import Field

from dlf_assets import checks
from dlf_assets.asks import Asks, Missing
from dlf_assets.materialisation import SAMPLE_ROWS, Spent, counts, stage_metadata
from dlf_assets.partitions import PROJECT_BUCKET
from dlf_assets.pictures import KeptImages
from dlf_assets.review_links import review_links
from dlf_assets.stage import FATAL, Computed, Unfinished, compute, open_bucket, sentence
from dlf_assets.thresholds import with_threshold
from dlf_core import boxes as geometry
from dlf_core import views
from dlf_core.flat_boxes import FlatBox, boxes_by_image
from dlf_core.memo import memo_key
from dlf_core.prompts import prompt_hash
from dlf_core.records import BoxVerdict, ScoreKind
from dlf_resources.dagster_resources import EngineResource, ExperimentsResource, ProjectsResource, VlmResource
from dlf_resources.engines import finished_and_error
from dlf_resources.picture import Crop
from dlf_resources.stores.tables import STAGE_METADATA, only_columns
from dlf_resources.vlm import Question

STAGE = "verify"

# A small box is cut from the photo as it is; shrinking the photo first would leave nothing to look at.
FULL_SIDE = 4096


class VerifyConfig(dg.Config):
    """Launch settings of a verify run."""

    limit: int | None = Field(default=None, ge=1, description="Smoke test: only the boxes of the first so many images.")
    backend: str | None = Field(default=None, description="Backend to ask; default: what the YAML says.")
    sample: float = Field(
        default=0.0, ge=0, le=1, description="Share of the old answers to ask for again and compare (relabel: sample)."
    )


@dg.asset(
    ins={"gathered_images": only_columns("image_id", "state", "order", "path", "title", "width", "height")},
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
    backend = vlm.open(config.backend or project.backends.verify, project, bucket.warn)
    images = KeptImages(gathered_images)
    by_image = [
        found
        for image_id, found in boxes_by_image(
            labeled_boxes, project.class_map, project.thresholds.nms_iou, project.backends.fusion_iou
        )
        if image_id in images
    ]
    by_id = {box.box_id: box for found in by_image for box in found}
    backend.check(project.queries, STAGE)
    chosen = project.thresholds.crop_padding
    padding = backend.crop_padding if chosen is None else chosen
    prompts = {query: project.verify_prompt(query) for query in project.queries}
    hashes = {query: prompt_hash(prompt) for query, prompt in prompts.items()}
    made_from: dict[str, Any] = {
        "backend": backend.name,
        "model": backend.model,
        "parameters": backend.parameters(STAGE),
    }
    made_from |= {"padding": padding}

    def key(box: FlatBox) -> str:
        return memo_key(STAGE, box_id=box.box_id, query=box.query, prompt=prompts[box.query], **made_from)

    def verdict(box: FlatBox, memo: str, said: str, seconds: float, **rest: Any) -> BoxVerdict:
        told = {"p_yes": None, "score_kind": ScoreKind.NONE.value, "reasoning": None, "answer": None} | rest
        by: dict[str, Any] = {
            "backend": backend.name,
            "model": backend.model,
            "prompt_hash": hashes[box.query],
        }
        place: dict[str, Any] = {"crop_padding": padding, "agreement": box.agreement}
        return BoxVerdict(box.box_id, box.image_id, box.query, memo, said, **by, **place, seconds=seconds, **told)

    async def look(box: FlatBox, memo: str, pixels: PilImage) -> BoxVerdict:
        began = time.perf_counter()
        try:
            crop = Crop(pixels, geometry.pad(box.corners, padding))
            inside = geometry.clip(geometry.relative_to(geometry.as_boxes([box.corners]), crop.frame))[0]
            place = (float(inside[0]), float(inside[1]), float(inside[2]), float(inside[3]))
            answer = await backend.ask(crop, Question(STAGE, box.query, prompts[box.query], place))
        except FATAL:
            raise
        except Exception as error:  # one crop that cannot be asked about does not cost the others their answer
            return verdict(box, memo, "ERROR", time.perf_counter() - began, error=sentence(error))
        told = {"p_yes": answer.p_yes, "score_kind": answer.score_kind.value, "answer": answer.text}
        seconds = time.perf_counter() - began
        return verdict(box, memo, answer.verdict.value, seconds, reasoning=answer.reasoning, **told)

    async def work(found: list[FlatBox], missing: Missing) -> list[BoxVerdict]:
        picture = images.picture(bucket.store, found[0].image_id)
        pixels = await asyncio.to_thread(picture.pixels, FULL_SIDE)
        rows, error = await finished_and_error([look(found[place], memo, pixels) for place, memo in missing.items()])
        if error is not None:
            raise Unfinished(rows) from error
        return rows

    def failed(found: list[FlatBox], missing: Missing, error: Exception, seconds: float) -> list[BoxVerdict]:
        each = seconds / len(missing)
        return [verdict(found[place], memo, "ERROR", each, error=sentence(error)) for place, memo in missing.items()]

    result = compute(
        bucket,
        Asks.of(([key(box) for box in found] for found in by_image), by_image.__getitem__),
        work,
        failed,
        # Photos are decoded whole: so many that their boxes fill the backend, not more.
        window=max(2, math.ceil(backend.window * len(by_image) / max(1, len(by_id)))),
        within=lambda told: vlm.connected(backend, project, told),
        limit=config.limit,
        ask_again=config.sample,
    )
    result = with_threshold(_with_agreement(result, by_id), project.thresholds.verify_score)
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
    shown = result.table.select(["image_id", "query", "verdict", "p_yes", "reasoning", "error"])
    rows = shown.slice(0, SAMPLE_ROWS).to_pylist()
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
        spent=[Spent(backend.usage, project.price(backend.name))],
        links=review_links(bucket, result.table, images),
        more={
            "yes_rate": round(yes / judged, 4) if judged else None,
            "backend": backend.name,
            "model": backend.model,
            "prompt_hash": asked,
            "crop_padding": padding,
            "not_asked": len(by_id) - len(result.table),
        }
        | result.stability.metadata(),
    )
    return dg.MaterializeResult(
        value=result.output,
        metadata=metadata,
        check_results=[*checks.of_verify(result.table, project), checks.of_stability(result.stability, project)],
    )


def _with_agreement(result: Computed, boxes: dict[str, FlatBox]) -> Computed:
    """The table with today's agreement: who else drew a box is no part of the answer about it, which may be older."""
    table = result.table
    if not len(table):
        return result
    today = pa.array([boxes[box_id].agreement for box_id in table["box_id"].to_pylist()], pa.float64())
    place = table.schema.get_field_index("agreement")
    output = replace(result.output, table=table.set_column(place, table.schema.field(place), today))
    return replace(result, output=output)

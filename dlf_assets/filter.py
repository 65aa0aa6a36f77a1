"""Filter: does the image show the target? A model says YES or NO of every gathered image; YES is kept."""

import time
from typing import Any

import dagster as dg
import pyarrow as pa
from pydantic import Field

from dlf_assets import checks
from dlf_assets.asks import Asks, Missing
from dlf_assets.materialisation import SAMPLE_ROWS, Spent, counts, stage_metadata
from dlf_assets.partitions import PROJECT_BUCKET
from dlf_assets.pictures import KeptImages
from dlf_assets.stage import Computed, compute, open_bucket, sentence
from dlf_assets.thresholds import with_threshold
from dlf_core import views
from dlf_core.memo import memo_key
from dlf_core.prompts import prompt_hash
from dlf_core.records import FilterVerdict, ScoreKind
from dlf_resources.dagster_resources import EngineResource, ExperimentsResource, ProjectsResource, VlmResource
from dlf_resources.stores.tables import STAGE_METADATA, only_columns
from dlf_resources.vlm import Question

STAGE = "filter"


class FilterConfig(dg.Config):
    """Launch settings of a filter."""

    limit: int | None = Field(default=None, ge=1, description="Smoke test: only the first so many images.")
    backend: str | None = Field(default=None, description="Backend to ask; default: what the YAML says.")
    sample: float = Field(
        default=0.0, ge=0, le=1, description="Share of the old answers to ask for again and compare (relabel: sample)."
    )


@dg.asset(
    ins={"gathered_images": only_columns("image_id", "state", "order", "path", "title")},
    partitions_def=PROJECT_BUCKET,
    group_name="filter",
    kinds={"parquet"},
    pool="vlm",
    io_manager_key="tables",
    backfill_policy=dg.BackfillPolicy.multi_run(1),
    check_specs=checks.specs("filtered_images"),
    metadata={STAGE_METADATA: STAGE, **checks.column_schema(STAGE)},
    description="A verdict an image: does it show the target object (or one related to it)? YES is kept.",
)
def filtered_images(  # type: ignore[no-untyped-def]  # Dagster takes no MaterializeResult[…] beside checks
    context: dg.AssetExecutionContext,
    config: FilterConfig,
    gathered_images: pa.Table,
    projects: ProjectsResource,
    experiments: ExperimentsResource,
    engine: EngineResource,
    vlm: VlmResource,
):
    """Ask the backend about every kept image it has not been asked about."""
    bucket = open_bucket(context, STAGE, projects, experiments, engine)
    project = bucket.project
    backend = vlm.open(config.backend or project.backends.filter, project, bucket.warn)
    backend.check([project.target_object], STAGE)
    prompt = project.filter_prompt()
    asked = prompt_hash(prompt)
    images = KeptImages(gathered_images)
    made_from = {"backend": backend.name, "model": backend.model, "parameters": backend.parameters(STAGE)}
    made_from |= {"prompt": prompt, "target": project.target_object}

    def verdict(image_id: str, missing: Missing, said: str, seconds: float, **rest: Any) -> list[FilterVerdict]:
        told = {"p_yes": None, "score_kind": ScoreKind.NONE.value, "answer": None} | rest
        by: dict[str, Any] = {"backend": backend.name, "model": backend.model, "prompt_hash": asked}
        return [FilterVerdict(image_id, missing[0], said, **by, seconds=seconds, **told)]

    async def work(image_id: str, missing: Missing) -> list[FilterVerdict]:
        began = time.perf_counter()
        picture = images.picture(bucket.store, image_id)
        answer = await backend.ask(picture, Question(STAGE, project.target_object, prompt))
        told = {"p_yes": answer.p_yes, "score_kind": answer.score_kind.value, "answer": answer.text}
        return verdict(image_id, missing, answer.verdict.value, time.perf_counter() - began, **told)

    result = compute(
        bucket,
        Asks.of(((memo_key(STAGE, image_id=image_id, **made_from),) for image_id in images), images.id_of),
        work,
        lambda image_id, missing, error, seconds: verdict(image_id, missing, "ERROR", seconds, error=sentence(error)),
        window=backend.window,
        within=lambda told: vlm.connected(backend, project, told),
        limit=config.limit,
        ask_again=config.sample,
    )
    result = with_threshold(result, project.thresholds.filter_score)
    bucket.run_folder.merge(
        f"filter_{backend.name}/keep_list.json",
        bucket.key,
        views.filter_part(bucket.name, result.table, images.paths, backend.name),
        lambda parts: views.keep_list(project.project_name, parts),
    )
    tally = counts(result.table, "verdict")
    yes, errors = tally.get("YES", 0), tally.get("ERROR", 0)
    judged = len(result.table) - errors
    metadata = stage_metadata(
        result,
        taken=len(result.table),
        out=yes,
        dropped=judged - yes,
        errors=errors,
        unit="images",
        tally=tally,
        samples=_samples(result, images),
        run_folder=bucket.run_folder,
        spent=[Spent(backend.usage, project.price(backend.name))],
        more={
            "yes_rate": round(yes / judged, 4) if judged else None,
            "backend": backend.name,
            "model": backend.model,
            "prompt_hash": asked,
            "not_asked": len(images) - len(result.table),
        }
        | result.stability.metadata(),
    )
    return dg.MaterializeResult(
        value=result.output,
        metadata=metadata,
        check_results=[
            *checks.of_filter(result.table, bucket.name, project),
            checks.of_stability(result.stability, project),
        ],
    )


def _samples(result: Computed, images: KeptImages) -> list[dict[str, Any]]:
    shown = result.table.select(["image_id", "verdict", "p_yes", "answer", "error"]).slice(0, SAMPLE_ROWS)
    rows = shown.to_pylist()
    return [{"image": images[row["image_id"]]["title"], **row} for row in rows]

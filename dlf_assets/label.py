"""Label: where is it? A grounding model draws boxes for every query on every image the filter kept."""

import time
from collections import Counter
from dataclasses import dataclass

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from dlf_assets import checks
from dlf_assets.asks import Asks, Missing
from dlf_assets.label_turns import Turns, imported_of
from dlf_assets.materialisation import SAMPLE_ROWS, Spent, counts, stage_metadata
from dlf_assets.partitions import PROJECT_BUCKET
from dlf_assets.pictures import KeptImages
from dlf_assets.stage import FATAL, Unfinished, compute, open_bucket, sentence
from dlf_core import views
from dlf_core.boxes import as_boxes, box_id, clip, valid
from dlf_core.flat_boxes import flat_boxes
from dlf_core.memo import memo_key
from dlf_core.records import DetectedBox, Grounding, GroundingStatus
from dlf_resources.dagster_resources import EngineResource, ExperimentsResource, GroundingResource, ProjectsResource
from dlf_resources.grounding import Detection, GroundingBackend
from dlf_resources.stores.tables import STAGE_METADATA, only_columns

STAGE = "label"


class LabelConfig(dg.Config):
    """Launch settings of a label run."""

    limit: int | None = Field(default=None, ge=1, description="Smoke test: only the first so many images.")
    backend: str | None = Field(default=None, description="Backend to ask; default: what the YAML says.")


@dg.asset(
    ins={
        "gathered_images": only_columns("image_id", "state", "order", "path", "title", "width", "height"),
        "filtered_images": only_columns("image_id", "verdict"),
    },
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
    """Ask each backend all missing queries of every image on the keep list, the queries of an image together."""
    bucket = open_bucket(context, STAGE, projects, experiments, engine)
    project = bucket.project
    names = [config.backend] if config.backend else project.backends.label
    opened = [grounding.open(name, project, bucket.warn) for name in names]
    # Two names may mean one backend: `gemma` and `pod` are Falcon's.
    backends = list({backend.name: backend for backend in opened}.values())
    keep = filtered_images.filter(pc.equal(filtered_images["verdict"], "YES"))["image_id"].combine_chunks()
    images = KeptImages(gathered_images, keep)
    turns = Turns.of(images, backends, None if config.backend else imported_of(project, bucket.store))
    backends = turns.backends
    for backend in backends:
        backend.check(project.queries)

    def keys(image_id: str, backend: GroundingBackend) -> list[str]:
        made_from = {"backend": backend.name, "model": backend.model, "parameters": backend.parameters}
        return [memo_key(STAGE, image_id=image_id, query=query, **made_from) for query in project.queries]

    def item(number: int) -> _Asked:
        image, backend = turns[number]
        return _Asked(images.id_of(image), backend)

    async def work(asked: _Asked, missing: Missing) -> list[Grounding]:
        began = time.perf_counter()
        queries = {project.queries[place]: key for place, key in missing.items()}
        found = await asked.backend.ground(images.picture(bucket.store, asked.image_id), list(queries))
        seconds = (time.perf_counter() - began) / len(queries)
        rows = [asked.row(query, key, found[query], seconds) for query, key in queries.items()]
        gone = [(query, said) for query, said in found.items() if isinstance(said, FATAL)]
        if gone:
            lost = {query for query, _ in gone}
            raise Unfinished([row for row in rows if row.query not in lost]) from gone[0][1]
        return rows

    def failed(asked: _Asked, missing: Missing, error: Exception, seconds: float) -> list[Grounding]:
        return [asked.row(project.queries[place], key, error, seconds) for place, key in missing.items()]

    result = compute(
        bucket,
        Asks.of((keys(image_id, backend) for image_id, backend in turns.pairs(images)), item),
        work,
        failed,
        window=sum(backend.window for backend in backends),
        within=lambda told: grounding.connected(backends, project, told),
        limit=None if config.limit is None else turns.first(config.limit),
    )
    result.worked = turns.images(result.worked)
    name, model = ("+".join(getattr(backend, part) for backend in backends) for part in ("name", "model"))
    boxes = flat_boxes(result.table, project.class_map, project.thresholds.nms_iou, project.backends.fusion_iou)
    answered = set(pc.unique(result.table["image_id"]).to_pylist())
    asked = [image_id for image_id in images if image_id in answered]
    bucket.run_folder.merge(
        f"label_{name}/{project.project_name}.coco.json",
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
            | {"agreement": box.agreement, "box": " ".join(f"{value:.3f}" for value in box.corners)}
            for box in boxes[:SAMPLE_ROWS]
        ],
        run_folder=bucket.run_folder,
        spent=[Spent(backend.usage, project.price(backend.name)) for backend in backends],
        more={
            "boxes": len(boxes),
            "boxes_before_nms": pc.sum(pc.list_value_length(result.table["boxes"])).as_py() or 0,
            "boxes_per_query": dg.MetadataValue.json(
                dict.fromkeys(project.queries, 0) | Counter(box.query for box in boxes)
            ),
            "mean_agreement": round(sum(box.agreement for box in boxes) / len(boxes), 4) if boxes else None,
            "backend": name,
            "model": model,
            "not_asked": len(images) - len(asked),
        },
    )
    return dg.MaterializeResult(
        value=result.output, metadata=metadata, check_results=checks.of_label(result.table, project)
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """One image for one backend."""

    image_id: str
    backend: GroundingBackend

    def row(self, query: str, key: str, found: list[Detection] | Exception, seconds: float) -> Grounding:
        """What the backend said to one query."""
        told = (self.backend.name, self.backend.model, seconds)
        if isinstance(found, Exception):
            error = GroundingStatus.ERROR.value
            return Grounding(self.image_id, query, key, error, *told, error=sentence(found))
        boxes = self._boxes(query, found)
        status = GroundingStatus.FOUND if boxes else GroundingStatus.EMPTY
        return Grounding(self.image_id, query, key, status.value, *told, boxes)

    def _boxes(self, query: str, found: list[Detection]) -> list[DetectedBox]:
        """Detections as boxes with an identity: cut at the border, empty ones and repetitions left out."""
        boxes: dict[str, DetectedBox] = {}
        for detection in found:
            corners = clip(as_boxes([(detection.x1, detection.y1, detection.x2, detection.y2)]))
            if not valid(corners)[0]:
                continue
            x1, y1, x2, y2 = map(float, corners[0])
            identity = box_id(self.image_id, query, self.backend.name, self.backend.model, (x1, y1, x2, y2))
            score, kind = detection.score, detection.score_kind.value
            boxes.setdefault(identity, DetectedBox(identity, x1, y1, x2, y2, score, kind, detection.mask_rle))
        return list(boxes.values())

"""Data set: what the stages kept, in every format, measured against ground truth where there is some."""

import time
from typing import Any

import dagster as dg
import orjson
from pydantic import Field

from dlf_assets.partitions import PROJECT
from dlf_core.attribution import publishing_problems
from dlf_core.errors import FactoryError
from dlf_core.evaluate import evaluate
from dlf_core.formats import FORMATS, USUAL
from dlf_core.formats.dataset import Dataset
from dlf_core.project import Project
from dlf_resources.dagster_resources import ProjectsResource
from dlf_resources.dataset_card import CARD, write_card
from dlf_resources.dataset_pictures import StoredPictures
from dlf_resources.dataset_source import EVALUATION, assemble
from dlf_resources.imported_truth import truth_of
from dlf_resources.projects import store_of
from dlf_resources.provenance import provenance_of
from dlf_resources.stores.dataset_folder import write_dataset

FOLDER = "dataset"
RIGHTS = "rights_allow_publishing"


class DatasetConfig(dg.Config):
    """Launch settings of a data set."""

    formats: list[str] = Field(default=list(USUAL), description=f"Formats to write: {', '.join(FORMATS)}.")


@dg.asset(
    partitions_def=PROJECT,
    group_name="dataset",
    kinds={"coco", "yolo"},
    # Every project depends on all buckets of all projects: the one mapping between two dynamic partition sets that
    # Dagster's automation page can draw. The asset reads its own project's tables only.
    deps=[dg.AssetDep("reviewed_boxes", partition_mapping=dg.AllPartitionMapping())],
    backfill_policy=dg.BackfillPolicy.multi_run(1),
    check_specs=[
        dg.AssetCheckSpec(
            RIGHTS,
            asset="dataset",
            description="Nothing is known against publishing the images: no unknown, non-commercial or unread licence.",
            partitions_def=PROJECT,
        )
    ],
    description="The project's data set on disk: images the filter kept, boxes that verify or people approved.",
)
def dataset(
    context: dg.AssetExecutionContext, config: DatasetConfig, projects: ProjectsResource
) -> dg.MaterializeResult:
    """Assemble and write; nothing is written when nothing changed."""
    began = time.perf_counter()
    project = projects.named(context.partition_key)
    store = store_of(project)
    with store.lock("dataset", wait_seconds=60, purpose=f"the data set of project '{project.project_name}'"):
        made = assemble(project)
        if len(made.not_reviewed_buckets) == len(project.buckets):
            raise FactoryError(
                f"project '{project.project_name}' has no reviewed bucket yet; run `dlf pipeline --project "
                f"{project.project_name}` or materialise reviewed_boxes first."
            )
        folder = store.path(FOLDER)
        written = write_dataset(made.dataset, StoredPictures(store, made.keys), folder, config.formats)
    for bucket in made.not_reviewed_buckets:
        context.log.warning(f"bucket '{bucket}' has not been through all stages yet and is not in the data set")
    measured = measure(project, made.dataset)
    recorded = None if measured is None else {**measured, "fingerprint": made.dataset.fingerprint()}
    store.put(EVALUATION, orjson.dumps(recorded, option=orjson.OPT_INDENT_2))
    write_card(made.dataset, provenance_of(project, made.dataset), folder, evaluation=measured)
    metadata: dict[str, Any] = {
        "path": dg.MetadataValue.path(str(folder)),
        "card": dg.MetadataValue.path(str(folder / CARD)),
        "images": len(made.dataset.images),
        "negatives": negatives(made.dataset),
        "boxes": made.dataset.box_count,
        "classes": dg.MetadataValue.json(list(made.dataset.classes)),
        "formats": dg.MetadataValue.json(list(config.formats)),
        "splits": dg.MetadataValue.json(_split_counts(made.dataset)),
        "left_out": dg.MetadataValue.json(made.left_out),
        "buckets_missing": dg.MetadataValue.json(made.not_reviewed_buckets),
        "computed": len(made.dataset.images) if written else 0,
        "seconds": round(time.perf_counter() - began, 3),
    }
    problems = publishing_problems(made.dataset.images)
    metadata["publishing_problems"] = dg.MetadataValue.json(problems)
    if measured is not None:
        metadata["evaluation"] = dg.MetadataValue.json(measured)
        metadata |= {name: measured[name] for name in ("precision", "recall", "ap50") if measured[name] is not None}
    return dg.MaterializeResult(
        metadata=metadata,
        data_version=dg.DataVersion(made.dataset.fingerprint()),
        check_results=[_rights(problems)],
    )


def _rights(problems: list[str]) -> dg.AssetCheckResult:
    """The gate of publishing as a check: it warns, and keeps nobody from training."""
    said = " ".join(problems) or "nothing is known against publishing the images with their ATTRIBUTION.md"
    severity = dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(passed=not problems, check_name=RIGHTS, severity=severity, description=said)


def measure(project: Project, found: Dataset) -> dict[str, Any] | None:
    """Precision, recall and AP of a data set against the project's ground truth, or None without one."""
    truth = truth_of(project, store_of(project))
    if truth is None:
        return None
    classes = [name for name in found.classes if name in truth.classes]
    if not classes:
        raise FactoryError(
            f"{project.file}: the ground truth has none of the classes {', '.join(found.classes)}; map queries to its "
            "class names under 'classes:'."
        )
    return evaluate(truth, found, classes).as_dict()


def _split_counts(made: Dataset) -> dict[str, int]:
    names = made.image_table["split"].to_pylist()
    return {name: names.count(name) for name in ("train", "val", "test") if name in names}


def negatives(made: Dataset) -> int:
    """Images without a box."""
    return int((made.image_table["box_count"].to_numpy() == 0).sum())

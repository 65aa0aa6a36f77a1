"""Thumbnails for the review page, made before anybody waits for them."""

import time

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from dlf_assets.partitions import PROJECT_BUCKET
from dlf_assets.pictures import KeptImages
from dlf_resources.dagster_resources import ProjectsResource
from dlf_resources.projects import store_of
from dlf_resources.stores.tables import only_columns
from dlf_resources.thumbnails import make_thumbnails


@dg.asset(
    ins={
        "gathered_images": only_columns("image_id", "state", "order", "path"),
        "filtered_images": only_columns("image_id", "verdict"),
    },
    partitions_def=PROJECT_BUCKET,
    group_name="review",
    kinds={"webp"},
    backfill_policy=dg.BackfillPolicy.multi_run(1),
    description="Small pictures of images the filter kept, for the review page; without it they are made when seen.",
)
def thumbnails(
    context: dg.AssetExecutionContext,
    gathered_images: pa.Table,
    filtered_images: pa.Table,
    projects: ProjectsResource,
) -> dg.MaterializeResult:
    """Make those that are missing."""
    began = time.perf_counter()
    project, _ = projects.of_partition(context.partition_key)
    yes = filtered_images.filter(pc.equal(filtered_images["verdict"], "YES"))["image_id"].combine_chunks()
    images = KeptImages(gathered_images, yes)
    paths = ((one, str(images[one]["path"])) for one in images)
    made, there, problems = make_thumbnails(store_of(project), paths)
    for problem in problems[:20]:
        context.log.warning(problem)
    return dg.MaterializeResult(
        metadata={
            "images": len(images),
            "computed": made,
            "reused": there,
            "errors": len(problems),
            "seconds": round(time.perf_counter() - began, 3),
        }
    )

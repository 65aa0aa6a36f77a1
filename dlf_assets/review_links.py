"""Links from a materialisation to the review page: to its bucket, and to the boxes worth a look first."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from dlf_assets.materialisation import SAMPLE_ROWS
from dlf_assets.pictures import KeptImages
from dlf_assets.stage import Bucket
from dlf_resources.pages import review_box, review_bucket

_MARKS = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_[]<>|"})


def review_links(bucket: Bucket, boxes: pa.Table, images: KeptImages) -> dict[str, Any]:
    """Metadata that leads to the review page.

    Args:
        bucket: of the materialisation.
        boxes: with `box_id image_id query p_yes`; those nobody is sure of come first, as in the page's queue, where a
            box that was not verified is as uncertain as can be.
        images: of the bucket.
    """
    project = bucket.project.project_name
    doubt = pc.abs(pc.subtract(pc.fill_null(boxes["p_yes"].cast(pa.float64()), 0.5), 0.5))
    narrow = boxes.select(["box_id", "image_id", "query", "p_yes"]).append_column("doubt", doubt)
    order = [("doubt", "ascending"), ("box_id", "ascending")]
    lines = []
    for box in narrow.take(pc.select_k_unstable(narrow, SAMPLE_ROWS, order)).to_pylist():
        title = str(images[box["image_id"]]["title"] or box["image_id"]).translate(_MARKS)
        said = "not verified" if box["p_yes"] is None else f"p(yes) {box['p_yes']:.2f}"
        link = review_box(project, bucket.name, box["image_id"], box["box_id"])
        lines.append(f"- [{title}: {box['query'].translate(_MARKS)}]({link}), {said}")
    found: dict[str, Any] = {"review_page": dg.MetadataValue.url(review_bucket(project, bucket.name))}
    return found | ({"most_doubtful": dg.MetadataValue.md("\n".join(lines))} if lines else {})

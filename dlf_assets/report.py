"""Label report: how a project's labelling went, as numbers, as a page and as a sheet of pictures."""

import contextlib
from typing import Any

import dagster as dg
import orjson
import pyarrow as pa

from dlf_assets.partitions import PROJECT
from dlf_assets.pictures import KeptImages, picture_of
from dlf_core.errors import ImageRejected
from dlf_core.project import Project
from dlf_resources.contact_sheet import KEPT, REJECTED, UNDECIDED, DrawnBox, Tile, contact_sheet
from dlf_resources.dagster_resources import ProjectsResource
from dlf_resources.dataset_source import recorded_evaluation
from dlf_resources.projects import store_of, tables_of
from dlf_resources.stores.base import Store

FOLDER = "report"
PICTURES = 24


@dg.asset(
    partitions_def=PROJECT,
    group_name="dataset",
    kinds={"markdown"},
    deps=["dataset"],
    backfill_policy=dg.BackfillPolicy.multi_run(1),
    description="Counts by bucket and query, yes_rate, evaluation, and a sheet of pictures with their boxes.",
)
def label_report(context: dg.AssetExecutionContext, projects: ProjectsResource) -> dg.MaterializeResult:
    """Write `report/report.json`, `report/report.md` and `report/boxes.webp` into the data root."""
    project = projects.named(context.partition_key)
    store = store_of(project)
    buckets = _buckets(project)
    report: dict[str, Any] = {
        "project": project.project_name,
        "target_object": project.target_object,
        "buckets": buckets,
        "queries": _queries(project),
        "evaluation": recorded_evaluation(project),
    }
    sheet = contact_sheet(_tiles(project, store))
    store.put(f"{FOLDER}/report.json", orjson.dumps(report, option=orjson.OPT_INDENT_2))
    store.put(f"{FOLDER}/boxes.webp", sheet)
    text = _markdown(report)
    store.put(f"{FOLDER}/report.md", text.encode())
    return dg.MaterializeResult(
        metadata={
            "report": dg.MetadataValue.md(text),
            "page": dg.MetadataValue.path(str(store.path(f"{FOLDER}/report.md"))),
            "pictures": dg.MetadataValue.path(str(store.path(f"{FOLDER}/boxes.webp"))),
        }
    )


def _buckets(project: Project) -> dict[str, dict[str, int]]:
    """Bucket → what each stage kept."""
    tables = tables_of(project)
    result: dict[str, dict[str, int]] = {}
    for bucket, key in project.partition_keys().items():
        gathered = tables.read_or_empty("gather", key)["state"].to_pylist()
        filtered = tables.read_or_empty("filter", key)["verdict"].to_pylist()
        verified = tables.read_or_empty("verify", key)["verdict"].to_pylist()
        reviewed = tables.read_or_empty("review", key)
        result[bucket] = {
            "candidates": len(gathered),
            "images": gathered.count("kept"),
            "filter_yes": filtered.count("YES"),
            "boxes": len(reviewed),
            "verify_yes": verified.count("YES"),
            "verify_unsure": verified.count("UNSURE"),
            "kept_boxes": reviewed["kept"].to_pylist().count(True),
        }
    return result


def _queries(project: Project) -> dict[str, dict[str, float | int | None]]:
    """Query → boxes drawn and the share that verify said YES to."""
    tables = tables_of(project)
    parts = [tables.read_or_empty("review", key) for key in project.partition_keys().values()]
    rows = pa.concat_tables(parts).select(["query", "verdict"]).to_pylist()
    result: dict[str, dict[str, float | int | None]] = {}
    for query in project.queries:
        said = [row["verdict"] for row in rows if row["query"] == query]
        judged = [verdict for verdict in said if verdict not in (None, "ERROR")]
        rate = round(judged.count("YES") / len(judged), 4) if judged else None
        result[query] = {"boxes": len(said), "yes_rate": rate}
    return result


def _tiles(project: Project, store: Store) -> list[Tile]:
    """Pictures that have boxes, the buckets taken in turn; only those shown are opened."""
    tables = tables_of(project)
    queues: list[list[tuple[dict[str, Any], list[DrawnBox]]]] = []
    for key in project.partition_keys().values():
        by_image: dict[str, list[DrawnBox]] = {}
        for row in tables.read_or_empty("review", key).to_pylist():
            colour = KEPT if row["kept"] else REJECTED if row["verdict"] == "NO" else UNDECIDED
            box = DrawnBox((row["x1"], row["y1"], row["x2"], row["y2"]), row["class_name"], colour, not row["kept"])
            by_image.setdefault(row["image_id"], []).append(box)
        images = KeptImages(tables.read_or_empty("gather", key))
        chosen = [image_id for image_id in sorted(by_image) if image_id in images][:PICTURES]
        queues.append([(images[image_id], by_image[image_id]) for image_id in chosen])
    tiles: list[Tile] = []
    while any(queues) and len(tiles) < PICTURES:
        for row, boxes in [queue.pop(0) for queue in queues if queue]:
            with contextlib.suppress(ImageRejected):  # a file that is gone; `dlf gather` fetches it again
                tiles.append(Tile(picture_of(store, row).pixels(640), row["title"] or row["image_id"], boxes))
            if len(tiles) == PICTURES:
                break
    return tiles


def _markdown(report: dict[str, Any]) -> str:
    lines = [f"# {report['project']}: {report['target_object']}", ""]
    lines += ["| bucket | candidates | images | filter YES | boxes | verify YES | UNSURE | in the data set |"]
    lines += ["|---|---|---|---|---|---|---|---|"]
    for bucket, row in report["buckets"].items():
        lines.append(f"| {bucket} | " + " | ".join(str(value) for value in row.values()) + " |")
    lines += ["", "| query | boxes | yes_rate |", "|---|---|---|"]
    for query, row in report["queries"].items():
        rate = "–" if row["yes_rate"] is None else f"{row['yes_rate']:.0%}"
        lines.append(f"| {query} | {row['boxes']} | {rate} |")
    if evaluation := report["evaluation"]:
        lines += [
            "",
            "Against the ground truth, IoU 0.5: " + ", ".join(f"{k} {v}" for k, v in evaluation.items()) + ".",
        ]
    lines += [
        "",
        "`boxes.webp`: green solid boxes are in the data set; orange dashed ones are undecided, red dashed rejected.",
    ]
    return "\n".join(lines) + "\n"

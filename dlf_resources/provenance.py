"""What a project's data set was made by, read from its stage tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from dlf_core.card import Asked, Provenance
from dlf_core.formats.dataset import Dataset
from dlf_core.project import Project
from dlf_core.records import Decision
from dlf_resources.projects import tables_of
from dlf_resources.stores.stage_tables import StageTables

_STATUS = {"filter": "verdict", "label": "status", "verify": "verdict"}


def provenance_of(project: Project, dataset: Dataset) -> Provenance:
    """Models, prompts, dates and counts of a data set of a project."""
    tables = tables_of(project)
    keys = project.partition_keys()
    parts = [tables.read_or_empty("gather", key) for key in keys.values()]
    gathered = pa.concat_tables(table.select(["image_id", "state", "source", "fetched_at"]) for table in parts)
    ours = gathered.filter(
        pc.and_(
            pc.equal(gathered["state"], "kept"),
            pc.is_in(gathered["image_id"], dataset.image_table["image_id"].combine_chunks()),
        )
    )
    days = pc.min_max(ours["fetched_at"]).as_py()
    reviews = pa.concat_tables(tables.read_or_empty("review", key) for key in keys.values())
    seen = reviews.filter(
        pc.and_(
            pc.not_equal(reviews["decision"], Decision.NONE.value),
            pc.is_in(reviews["box_id"], dataset.box_table["box_id"].combine_chunks()),
        )
    )
    # An image that lies in two buckets is one image.
    sources = dict(reversed(list(zip(ours["image_id"].to_pylist(), ours["source"].to_pylist(), strict=True))))
    return Provenance(
        target=project.target_object,
        queries=project.class_map,
        models=_models(project, tables),
        sources=dict(Counter(sources.values()).most_common()),
        gathered=(days["min"].date(), days["max"].date()) if days["min"] is not None else None,
        boxes_seen=len(pc.unique(seen["box_id"])),
        reviewers=len(pc.unique(seen["reviewer"].drop_null())),
        buckets={bucket: _counts(tables, key) for bucket, key in keys.items()},
    )


def verified_by_query(project: Project) -> dict[str, tuple[int, int]]:
    """Query → boxes that verify said YES to, and boxes it said anything about but ERROR."""
    tables = tables_of(project)
    found: dict[str, tuple[int, int]] = {}
    for key in project.partition_keys().values():
        verify = tables.read_or_empty("verify", key)
        for row in verify.group_by(["query", "verdict"], use_threads=False).aggregate([([], "count_all")]).to_pylist():
            yes, count = found.get(row["query"], (0, 0))
            if row["verdict"] != "ERROR":
                found[row["query"]] = yes + row["count_all"] * (row["verdict"] == "YES"), count + row["count_all"]
    return found


def _models(project: Project, tables: StageTables) -> list[Asked]:
    prompts: Mapping[str, str | None] = {"filter": project.filter_prompt(), "verify": project.prompts.verify}
    found: list[Asked] = []
    for stage, status in _STATUS.items():
        said: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for key in project.partition_keys().values():
            table = tables.read(stage, key, ["image_id", "backend", "model", status])
            if table is not None and len(table):
                counts = table.group_by(["backend", "model", status], use_threads=False).aggregate([([], "count_all")])
                for row in counts.to_pylist():
                    said[row["backend"], row["model"]][row[status]] += row["count_all"]
        for (backend, model), words in sorted(said.items()):
            # The detectors that come with the package are given no words.
            prompt = None if backend == "embedded" else prompts.get(stage)
            found.append(Asked(stage, backend, model, words.total(), dict(words.most_common()), prompt))
    return found


def _counts(tables: StageTables, key: str) -> dict[str, int]:
    gathered = tables.read_or_empty("gather", key)["state"]
    verdicts = tables.read_or_empty("filter", key)["verdict"]
    kept = tables.read_or_empty("review", key)["kept"]
    return {
        "candidates": len(gathered),
        "images": _count(pc.equal(gathered, "kept")),
        "filter_yes": _count(pc.equal(verdicts, "YES")),
        "boxes": _count(kept),
    }


def _count(chosen: pa.ChunkedArray) -> int:
    return int(pc.sum(chosen).as_py() or 0)

"""The data set of a project, put together from its stage tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from dlf_core.errors import StoreError
from dlf_core.formats.dataset import BOXES, IMAGES, Dataset
from dlf_core.project import Project
from dlf_core.records import Decision
from dlf_resources.dataset_pictures import file_name_of
from dlf_resources.drawn_splits import drawn_splits
from dlf_resources.projects import store_of, tables_of
from dlf_resources.stores.stage_tables import StageTables

_IMAGE_COLUMNS = (
    *("image_id", "path", "width", "height", "format", "bucket", "url", "phash", "group", "near_duplicates"),
    *("license", "license_url", "author", "attribution", "page", "title"),
)
_BOX_COLUMNS = [name for name in BOXES.names if name not in ("crowd", "reasoning")]


@dataclass(frozen=True, slots=True)
class Assembled:
    """A data set, where its images lie (image id → key in the store), and what was left out on the way."""

    dataset: Dataset
    keys: dict[str, str]
    not_reviewed_buckets: list[str]
    left_out: dict[str, int]


EVALUATION = "dataset/evaluation.json"
"""What the data set was measured at; `null` without ground truth."""


def recorded_evaluation(project: Project, dataset: Dataset | None = None) -> dict[str, Any] | None:
    """What the last data set of a project was measured at; None when it was another than the one that is asked for."""
    store = store_of(project)
    try:
        measured: dict[str, Any] | None = orjson.loads(store.get(EVALUATION)) if store.exists(EVALUATION) else None
    except orjson.JSONDecodeError:
        raise StoreError(f"{EVALUATION}: is damaged; delete it, and materialise dataset again.") from None
    if measured is None:
        return None
    of = measured.pop("fingerprint", None)
    return measured if dataset is None or of == dataset.fingerprint() else None


def assemble(project: Project, shares: Mapping[str, float] | None = None) -> Assembled:
    """Build the data set of what the stages kept.

    An image is in it when the filter kept it and it has a kept box; or, as a negative, when every query was
    answered, no box was kept and none is still undecided, or when a person approved it so. One that a person
    rejected is not. An image that lies in two buckets is in it once. Splits are stored in the project, so that an
    image never moves when others are added.

    Args:
        project: whose.
        shares: split → share of the images, in place of the project's `splits:`.
    """
    tables = tables_of(project)
    images: list[pa.Table] = []
    boxes: list[pa.Table] = []
    left_out = {"undecided": 0, "failed": 0}
    missing: list[str] = []
    for bucket, key in project.partition_keys().items():
        found = _of_bucket(project, tables, key, left_out)
        if found is None:
            missing.append(bucket)
        else:
            images.append(found[0])
            boxes.append(found[1])
    kept = _each_once(images, ["image_id"], first=True)
    drawn = _each_once(boxes, ["image_id", "box_id"], first=False)
    keys = dict(zip(kept["image_id"].to_pylist(), kept["path"].to_pylist(), strict=True))
    splits = drawn_splits(project, store_of(project), kept, shares)
    counts = pc.value_counts(drawn["image_id"]).to_pylist()
    dataset = Dataset(
        project.project_name,
        project.class_names,
        _image_table(kept, splits, {row["values"]: row["counts"] for row in counts}),
        drawn.drop_columns(["image_id"]),
        project.description or project.target_object,
    )
    return Assembled(dataset, keys, missing, left_out)


def _of_bucket(
    project: Project, tables: StageTables, key: str, left_out: dict[str, int]
) -> tuple[pa.Table, pa.Table] | None:
    """Images of a bucket that are in the data set, and their boxes; None when nobody has reviewed it yet."""
    review = tables.read("review", key)
    if review is None:
        return None
    # A class that the project no longer has: the table is older than that.
    review = review.filter(pc.is_in(review["class_name"], pa.array(project.class_names)))
    people = tables.read_or_empty("image_review", key)
    refused = people.filter(pc.equal(people["decision"], Decision.REJECTED.value))["image_id"]
    approved = people.filter(pc.equal(people["decision"], Decision.APPROVED.value))["image_id"]
    review = review.filter(pc.invert(_among(review["image_id"], refused)))
    boxes = review.filter(review["kept"])
    undecided = _undecided(review)
    verdicts = tables.read_or_empty("filter", key)
    yes = verdicts.filter(pc.equal(verdicts["verdict"], "YES"))["image_id"]
    gathered = tables.read_or_empty("gather", key).select(["state", *_IMAGE_COLUMNS])
    images = gathered.filter(pc.and_(pc.equal(gathered["state"], "kept"), _among(gathered["image_id"], yes)))
    images = images.filter(pc.invert(_among(images["image_id"], refused)))
    has_box = _among(images["image_id"], boxes["image_id"])
    answered = _among(images["image_id"], _answered(tables.read_or_empty("label", key), project.queries))
    # A person who approves an image says that all of it is decided, also where there is no box.
    whole = _among(images["image_id"], approved)
    answered, open_ = pc.or_(answered, whole), pc.and_not(_among(images["image_id"], undecided), whole)
    left_out["failed"] += _count(pc.and_(pc.invert(has_box), pc.invert(answered)))
    left_out["undecided"] += _count(pc.and_(pc.and_(pc.invert(has_box), answered), open_))
    images = images.filter(pc.or_(has_box, pc.and_(answered, pc.invert(open_))))
    boxes = boxes.filter(_among(boxes["image_id"], images["image_id"]))
    verify = tables.read_or_empty("verify", key)
    said = verify["reasoning"].combine_chunks().take(_places(boxes["box_id"], verify["box_id"]))
    boxes = boxes.select(["image_id", *_BOX_COLUMNS]).append_column("reasoning", said)
    return images.select(list(_IMAGE_COLUMNS)), boxes.append_column("crowd", pa.array(np.zeros(len(boxes), np.bool_)))


def _undecided(review: pa.Table) -> pa.ChunkedArray:
    """Images with a box of which neither model nor person has decided."""
    no = pc.fill_null(pc.equal(review["verdict"], "NO"), False)
    unseen = pc.and_(pc.equal(review["decision"], "none"), pc.invert(no))
    waits = pc.and_(pc.invert(review["kept"]), pc.or_(pc.equal(review["decision"], "unsure"), unseen))
    return review.filter(waits)["image_id"]


def _answered(label: pa.Table, queries: list[str]) -> pa.ChunkedArray:
    """Images for which every query has an answer (FOUND or EMPTY) of every backend that was asked."""
    asked = label.select(["image_id", "query", "status"]).filter(pc.is_in(label["query"], pa.array(queries)))
    failed = asked.filter(pc.equal(asked["status"], "ERROR"))["image_id"]
    counts = asked.group_by("image_id", use_threads=False).aggregate([("query", "count_distinct")])
    whole = counts.filter(pc.equal(counts["query_count_distinct"], len(set(queries))))["image_id"]
    return whole.filter(pc.invert(_among(whole, failed)))


def _each_once(tables: list[pa.Table], key: list[str], *, first: bool) -> pa.Table:
    """Rows of all tables sorted by a key; of those with the same one the first, or the last."""
    if not tables:
        schema = {"image_id": pa.string(), **{one.name: one.type for one in BOXES}}
        empty = {name: pa.array([], schema.get(name, pa.string())) for name in (*_IMAGE_COLUMNS, *schema)}
        return pa.table(empty)
    table = pa.concat_tables(tables)
    order = pc.sort_indices(table.select(key), [(name, "ascending") for name in key]).to_numpy()
    table = table.take(pa.array(order))
    new = np.zeros(len(table), np.bool_)
    for name in key:
        column = table[name].combine_chunks()
        new[1:] |= pc.not_equal(column[1:], column[:-1]).to_numpy(zero_copy_only=False)
    new[:1] = True
    return table.filter(pa.array(new if first else np.append(new[1:], True)[: len(new)]))


def _image_table(rows: pa.Table, splits: Mapping[str, str], counts: Mapping[str, int]) -> pa.Table:
    ids = rows["image_id"].to_pylist()
    urls, formats = rows["url"].to_pylist(), rows["format"].to_pylist()
    made = {
        "file_name": pa.array(map(file_name_of, ids, formats), pa.string()),
        "split": pa.array([splits[one] for one in ids], pa.string()),
        "source_name": pa.array([PurePosixPath(unquote(urlsplit(url).path)).name for url in urls], pa.string()),
        "url": pa.array([None if url.startswith("file:") else url for url in urls], pa.string()),
        "box_count": pa.array([counts.get(one, 0) for one in ids], pa.int32()),
    }
    return pa.table({name: made.get(name, rows[name] if name in rows.column_names else None) for name in IMAGES.names})


def _among(values: pa.ChunkedArray, some: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.is_in(values, some.combine_chunks())


def _places(values: pa.ChunkedArray, among: pa.ChunkedArray) -> pa.Array:
    return pc.index_in(values, among.combine_chunks()).combine_chunks()


def _count(chosen: pa.ChunkedArray) -> int:
    return int(pc.sum(chosen).as_py() or 0)

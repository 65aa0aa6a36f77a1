"""The rows the stages write, and their Arrow schemas. One table a stage and bucket.

`image_id` is the first 32 hex digits of SHA-256 over the bytes as fetched; `box_id` is `boxes.box_id`;
`memo_key` names everything the row was made from. Coordinates are in [0, 1] of the EXIF-upright image.
"""

from __future__ import annotations

import builtins
import dataclasses
import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


class GroundingStatus(StrEnum):
    """What a grounding model said to one query on one image."""

    FOUND = "FOUND"
    EMPTY = "EMPTY"
    ERROR = "ERROR"


class Decision(StrEnum):
    """What a person said of a box; NONE: nobody has looked."""

    APPROVED = "approved"
    REJECTED = "rejected"
    UNSURE = "unsure"
    NONE = "none"


class ScoreKind(StrEnum):
    """What a score is, so that nobody takes one kind for another."""

    LOGPROB = "logprob"
    DETECTOR = "detector"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Image:
    """A candidate of the gather stage: an image that was kept, or a row that says why not."""

    candidate_id: str
    memo_key: str
    bucket: str
    state: str
    source: str
    query: str
    url: str
    order: int
    image_id: str | None = None
    reason: str | None = None
    path: str | None = None
    width: int | None = None
    height: int | None = None
    bytes: int | None = None
    format: str | None = None
    phash: str | None = None
    phash_mirrored: str | None = None
    fingerprint: builtins.bytes | None = None  # `bytes` is a column here
    sha256: str | None = None
    page: str | None = None
    title: str | None = None
    author: str | None = None
    license: str | None = None
    license_url: str | None = None
    license_family: str | None = None
    attribution: str | None = None
    http_status: int | None = None
    group: str | None = None
    duplicate_of: str | None = None
    mirrored: bool | None = None
    near_duplicates: Sequence[str] = ()
    fetched_at: dt.datetime | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class FilterVerdict:
    """Whether one image shows the target."""

    image_id: str
    memo_key: str
    verdict: str
    p_yes: float | None
    score_kind: str
    answer: str | None
    backend: str
    model: str
    prompt_hash: str
    seconds: float
    error: str | None = None


@dataclass(frozen=True, slots=True)
class DetectedBox:
    """One box of a grounding."""

    box_id: str
    x1: float
    y1: float
    x2: float
    y2: float
    score: float | None
    score_kind: str
    mask_rle: str | None = None


@dataclass(frozen=True, slots=True)
class Grounding:
    """One image asked one query."""

    image_id: str
    query: str
    memo_key: str
    status: str
    backend: str
    model: str
    seconds: float
    boxes: Sequence[DetectedBox] = field(default_factory=tuple)
    error: str | None = None


@dataclass(frozen=True, slots=True)
class BoxVerdict:
    """Whether a box holds what its query says."""

    box_id: str
    image_id: str
    query: str
    memo_key: str
    verdict: str
    p_yes: float | None
    score_kind: str
    reasoning: str | None
    answer: str | None
    backend: str
    model: str
    prompt_hash: str
    crop_padding: float
    seconds: float
    error: str | None = None
    agreement: float = 1.0


@dataclass(frozen=True, slots=True)
class Review:
    """A box after people, with everything that is known of it; `kept` puts it into the data set."""

    box_id: str
    image_id: str
    query: str
    class_name: str
    x1: float
    y1: float
    x2: float
    y2: float
    score: float | None
    score_kind: str
    backend: str
    model: str
    verdict: str | None
    p_yes: float | None
    verify_backend: str | None
    verify_model: str | None
    decision: str
    reviewer: str | None
    reviewed_at: dt.datetime | None
    kept: bool
    agreement: float = 1.0
    edit: str | None = None
    note: str | None = None
    carried_from: str | None = None


@dataclass(frozen=True, slots=True)
class ImageReview:
    """What a person said of an image as a whole: approved is right as it is, rejected is not in the data set."""

    image_id: str
    decision: str
    note: str | None
    reviewer: str | None
    reviewed_at: dt.datetime | None


def _field(name: str, kind: pa.DataType, unit: str = "", *, null: bool = True) -> pa.Field:
    return pa.field(name, kind, nullable=null, metadata={"unit": unit} if unit else None)


_TIME = pa.timestamp("ms", tz="UTC")
_FRACTION = "fraction of the upright image's side"
_SECONDS = _field("seconds", pa.float64(), "s, wall time of this row's work", null=False)
_IMAGE_ID = _field("image_id", pa.string(), "first 32 hex digits of SHA-256 of the bytes", null=False)
_MEMO = _field("memo_key", pa.string(), "hash of everything the row was made from", null=False)
_SCORE = _field("score", pa.float64(), "0 to 1, of the kind in score_kind")
_P_YES = _field("p_yes", pa.float64(), "0 to 1, of the kind in score_kind; not a calibrated probability")
_KIND = _field("score_kind", pa.string(), "logprob, detector or none", null=False)
_AGREEMENT = _field("agreement", pa.float64(), "share of the label backends that drew the box", null=False)
_CORNERS = [_field(name, pa.float64(), _FRACTION, null=False) for name in ("x1", "y1", "x2", "y2")]


def _words(*names: str, null: bool = True) -> list[pa.Field]:
    return [_field(name, pa.string(), null=null) for name in names]


GATHER = pa.schema(
    [
        _field("candidate_id", pa.string(), "hash of source and url", null=False),
        _field("image_id", pa.string(), "first 32 hex digits of SHA-256 of the bytes"),
        _MEMO,
        *_words("bucket", "state", null=False),
        *_words("reason", "path"),
        _field("width", pa.int32(), "pixels, upright"),
        _field("height", pa.int32(), "pixels, upright"),
        _field("bytes", pa.int64(), "bytes"),
        *_words("format"),
        _field("phash", pa.string(), "16 hex digits, 64-bit DCT perceptual hash"),
        _field("phash_mirrored", pa.string(), "the same of the image turned left to right"),
        _field("fingerprint", pa.binary(), "24 × 24 grey values by which near-duplicates are judged"),
        _field("sha256", pa.string(), "64 hex digits over the bytes as fetched"),
        *_words("source", "query", "url", null=False),
        _field("order", pa.int64(), "place among the bucket's candidates", null=False),
        *_words("page", "title", "author", "license", "license_url"),
        _field("license_family", pa.string(), "licence without its version, as dlf_core/licenses.py spells it"),
        *_words("attribution"),
        _field("http_status", pa.int32(), "status of a host's answer without success"),
        _field("group", pa.string(), "images that must share a split, such as the frames of one video"),
        _field("duplicate_of", pa.string(), "image_id of the image that stays"),
        _field("mirrored", pa.bool_(), "whether it is its mirror image"),
        _field("near_duplicates", pa.list_(pa.string()), "image ids of the same picture, here or in other buckets"),
        _field("fetched_at", _TIME, "UTC"),
        _SECONDS,
    ]
)

FILTER = pa.schema(
    [
        _IMAGE_ID,
        _MEMO,
        *_words("verdict", null=False),
        _P_YES,
        _KIND,
        *_words("answer"),
        *_words("backend", "model", "prompt_hash", null=False),
        _SECONDS,
        *_words("error"),
    ]
)

LABEL = pa.schema(
    [
        _IMAGE_ID,
        *_words("query", null=False),
        _MEMO,
        *_words("status", null=False),
        _field(
            "boxes",
            pa.list_(
                pa.struct([*_words("box_id", null=False), *_CORNERS, _SCORE, _KIND, *_words("mask_rle")]),
            ),
            null=False,
        ),
        *_words("backend", "model", null=False),
        _SECONDS,
        *_words("error"),
    ]
)

VERIFY = pa.schema(
    [
        *_words("box_id", null=False),
        _IMAGE_ID,
        *_words("query", null=False),
        _MEMO,
        *_words("verdict", null=False),
        _P_YES,
        _KIND,
        *_words("reasoning", "answer"),
        *_words("backend", "model", "prompt_hash", null=False),
        _field("crop_padding", pa.float64(), "times the box's side, on every side", null=False),
        _AGREEMENT,
        _SECONDS,
        *_words("error"),
    ]
)

REVIEW = pa.schema(
    [
        *_words("box_id", null=False),
        _IMAGE_ID,
        *_words("query", "class_name", null=False),
        *_CORNERS,
        _SCORE,
        _KIND,
        *_words("backend", "model", null=False),
        *_words("verdict"),
        _P_YES,
        _AGREEMENT,
        *_words("verify_backend", "verify_model"),
        *_words("decision", null=False),
        *_words("reviewer"),
        _field("reviewed_at", _TIME, "UTC"),
        _field("kept", pa.bool_(), "approved by a person, or by verify and by no person refused", null=False),
        _field("edit", pa.string(), "what a person changed: drawn, deleted, geometry, class"),
        *_words("note"),
        _field("carried_from", pa.string(), "the box of an earlier detection of which a person said it"),
    ]
)

IMAGE_REVIEW = pa.schema(
    [
        _IMAGE_ID,
        *_words("decision", null=False),
        *_words("note", "reviewer"),
        _field("reviewed_at", _TIME, "UTC"),
    ]
)

SCHEMAS: dict[str, pa.Schema] = {
    "gather": GATHER,
    "filter": FILTER,
    "label": LABEL,
    "verify": VERIFY,
    "review": REVIEW,
    "image_review": IMAGE_REVIEW,
}
"""Stage name → schema of its table, in the order of the stages. Review has two: of boxes, and of images."""

SORT_KEYS: dict[str, list[str]] = {
    "gather": ["image_id", "candidate_id"],
    "filter": ["image_id"],
    "label": ["image_id", "query", "backend"],
    "verify": ["image_id", "box_id"],
    "review": ["image_id", "box_id"],
    "image_review": ["image_id"],
}

# The columns that differ between two equal runs: when, and how long.
CLOCK_COLUMNS = ("seconds", "fetched_at")


def to_table(stage: str, records: Iterable[Any]) -> pa.Table:
    """Records of one stage as its table, sorted by id."""
    rows = list(records)
    schema = SCHEMAS[stage]
    columns: list[pa.Array] = []
    for column in schema:
        values = [getattr(row, column.name) for row in rows]
        if column.name == "boxes":
            values = [[dataclasses.asdict(box) for box in boxes] for boxes in values]
        columns.append(pa.array(values, type=column.type))
    return sort_table(stage, pa.Table.from_arrays(columns, schema=schema))


def sort_table(stage: str, table: pa.Table) -> pa.Table:
    """A stage table in its one order: by its ids."""
    return sorted_from(stage, [table])


def sorted_from(stage: str, parts: list[pa.Table]) -> pa.Table:
    """The rows of several tables as one in its order. Empties `parts`: where nobody else holds them, only one column at
    a time lies in memory twice.
    """
    schema = SCHEMAS[stage]
    columns = {
        name: pa.chunked_array([chunk for part in parts for chunk in part[name].chunks], schema.field(name).type)
        for name in schema.names
    }
    parts.clear()
    keys = pa.table({name: columns[name] for name in SORT_KEYS[stage]})
    order = pc.sort_indices(keys, [(name, "ascending") for name in SORT_KEYS[stage]])
    del keys
    return pa.Table.from_arrays(
        [columns.pop(name).take(order).combine_chunks() for name in schema.names], schema=schema
    )


def empty_table(stage: str) -> pa.Table:
    """The table of a stage that was asked nothing."""
    return SCHEMAS[stage].empty_table()

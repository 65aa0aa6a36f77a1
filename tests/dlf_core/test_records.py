from __future__ import annotations

import dataclasses
import datetime as dt
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from workspaces import ROOT

from dlf_core.flat_boxes import flat_boxes
from dlf_core.records import (
    SCHEMAS,
    SORT_KEYS,
    BoxVerdict,
    DetectedBox,
    FilterVerdict,
    Grounding,
    Image,
    ImageReview,
    Review,
    empty_table,
    sort_table,
    to_table,
)

NOW = dt.datetime(2026, 4, 5, 6, 7, 8, 9000, tzinfo=dt.UTC)
BOX = DetectedBox("b", 0.1, 0.2, 0.3, 0.4, 0.5, "detector", "rle")


def candidate(candidate_id: str, image_id: str | None) -> Image:
    return Image(candidate_id, "memo", "positive/a", "kept", "folder", "q", f"file:{candidate_id}", 0, image_id)


ROWS = {
    "gather": [candidate("d", None), candidate("c", "2"), candidate("b", "1"), candidate("a", "2")],
    "filter": [FilterVerdict(i, "m", "YES", 0.9, "logprob", "yes", "qwen", "v", "h", 0.1) for i in "cab"],
    "label": [
        Grounding(i, q, "m", "FOUND", b, "f", 0.2, [BOX])
        for i, q, b in [("2", "a", "falcon"), ("1", "b", "falcon"), ("1", "a", "qwen"), ("1", "a", "falcon")]
    ],
    "verify": [
        BoxVerdict(b, i, "q", "m", "NO", None, "none", "a bird", "no", "qwen", "v", "h", 0.25, 0.1)
        for b, i in [("z", "1"), ("a", "2"), ("c", "1")]
    ],
    "review": [
        Review(b, i, "q", "c", 0, 0, 1, 1, None, "none", "f", "m", "YES", 0.9, "q", "v", "approved", "eve", NOW, True)
        for b, i in [("z", "1"), ("a", "2"), ("c", "1")]
    ],
    "image_review": [ImageReview(i, "rejected", "blurred", "eve", NOW) for i in "cab"],
}


def grounding(image_id: str, query: str, *boxes: DetectedBox, backend: str = "falcon") -> Grounding:
    return Grounding(image_id, query, "memo", "FOUND" if boxes else "EMPTY", backend, "model", 0.1, boxes)


def box(box_id: str, x1: float, x2: float, score: float | None = None) -> DetectedBox:
    return DetectedBox(box_id, x1, 0.0, x2, 1.0, score, "none" if score is None else "detector")


def flat_ids(groundings: list[Grounding], class_of: dict[str, str], nms_iou: float = 0.5) -> list[str]:
    return [found.box_id for found in flat_boxes(to_table("label", groundings), class_of, nms_iou)]


def test_the_stages_stand_in_their_order():
    assert list(SCHEMAS) == ["gather", "filter", "label", "verify", "review", "image_review"]


@pytest.mark.parametrize(
    ("stage", "ids"),
    [
        ("gather", [("1", "b"), ("2", "a"), ("2", "c"), (None, "d")]),
        ("filter", [("a",), ("b",), ("c",)]),
        ("label", [("1", "a", "falcon"), ("1", "a", "qwen"), ("1", "b", "falcon"), ("2", "a", "falcon")]),
        ("verify", [("1", "c"), ("1", "z"), ("2", "a")]),
        ("review", [("1", "c"), ("1", "z"), ("2", "a")]),
    ],
)
def test_a_table_is_sorted_by_its_ids_whatever_the_order_of_its_rows(stage, ids):
    table = to_table(stage, ROWS[stage])
    assert [tuple(row[key] for key in SORT_KEYS[stage]) for row in table.to_pylist()] == ids
    assert table.equals(to_table(stage, reversed(ROWS[stage])))
    assert sort_table(stage, table.take(list(reversed(range(table.num_rows))))).equals(table)


@pytest.mark.parametrize("stage", SCHEMAS)
def test_a_table_has_its_schema_with_units_also_after_parquet(stage, tmp_path):
    table = to_table(stage, ROWS[stage])
    assert table.schema.equals(SCHEMAS[stage], check_metadata=True)
    assert empty_table(stage).schema.equals(SCHEMAS[stage], check_metadata=True)
    assert to_table(stage, []).equals(empty_table(stage))
    pq.write_table(table, tmp_path / "t.parquet")
    again = pq.read_table(tmp_path / "t.parquet")
    assert again.equals(table)
    assert [field.metadata and field.metadata.get(b"unit") for field in again.schema] == [
        field.metadata and field.metadata.get(b"unit") for field in SCHEMAS[stage]
    ]


def fields(schema: pa.Schema):
    """Every column, and the members of those that are lists of rows."""
    for field in schema:
        yield field
        if pa.types.is_list(field.type) and pa.types.is_struct(field.type.value_type):
            yield from field.type.value_type


def is_measured(kind: pa.DataType) -> bool:
    """Whether a value says little without its unit: all but text and rows, also as the elements of a list."""
    if pa.types.is_list(kind):
        return is_measured(kind.value_type)
    return not (pa.types.is_string(kind) or pa.types.is_struct(kind))


@pytest.mark.parametrize("stage", SCHEMAS)
def test_every_number_and_time_says_its_unit(stage):
    measured = [f for f in fields(SCHEMAS[stage]) if is_measured(f.type)]
    assert measured
    assert [f.name for f in measured if not (f.metadata or {}).get(b"unit")] == []


@pytest.mark.parametrize(
    ("kind", "measured"),
    [
        (pa.int64(), True),
        (pa.binary(), True),
        (pa.list_(pa.float32()), True),
        (pa.list_(pa.list_(pa.int8())), True),
        (pa.string(), False),
        (pa.list_(pa.string()), False),
        (pa.list_(pa.struct([("x", pa.int8())])), False),  # its members are looked at one by one
    ],
    ids=str,
)
def test_lists_of_numbers_are_numbers(kind, measured):
    assert is_measured(kind) is measured


def test_no_column_of_rows_lies_too_deep_to_be_looked_at():
    for schema in SCHEMAS.values():
        for field in fields(schema):
            if pa.types.is_list(field.type) and pa.types.is_nested(field.type.value_type):
                assert not [member.name for member in field.type.value_type if pa.types.is_nested(member.type)]
            assert not pa.types.is_struct(field.type)


def test_the_files_that_units_name_are_there():
    units = [(f.metadata or {}).get(b"unit", b"").decode() for schema in SCHEMAS.values() for f in fields(schema)]
    named = {name for unit in units for name in re.findall(r"[\w/]+\.py\b", unit)}
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


def test_units_say_what_they_are():
    unit = {(stage, f.name): (f.metadata or {}).get(b"unit", b"") for stage in SCHEMAS for f in fields(SCHEMAS[stage])}
    assert unit["gather", "width"] == unit["gather", "height"] == b"pixels, upright"
    assert unit["gather", "bytes"] == b"bytes"
    assert unit["label", "x1"] == unit["review", "y2"] == b"fraction of the upright image's side"
    assert unit["filter", "seconds"].startswith(b"s, ")
    assert b"not a calibrated probability" in unit["verify", "p_yes"]


def test_the_boxes_of_a_grounding_stand_in_its_row():
    assert to_table("label", [grounding("1", "q", BOX)]).to_pylist()[0]["boxes"] == [
        {"box_id": "b", "x1": 0.1, "y1": 0.2, "x2": 0.3, "y2": 0.4}
        | {"score": 0.5, "score_kind": "detector", "mask_rle": "rle"}
    ]
    assert to_table("label", [grounding("1", "q")]).to_pylist()[0]["boxes"] == []


def test_what_is_known_of_a_picture_stands_in_its_row_and_survives_parquet(tmp_path):
    known = {
        "phash": "0" * 16,
        "phash_mirrored": "f" * 16,
        "fingerprint": bytes(range(256)),
        "license": "by-sa",
        "license_family": "cc-by-sa",
        "attribution": "by Ève",
        "http_status": 503,
        "mirrored": True,
    }
    rows = [
        Image("a", "m", "b", "duplicate", "s", "q", "u", 0, "1", near_duplicates=("z", "a", "z"), **known),
        Image("b", "m", "b", "kept", "s", "q", "u", 1, "2"),
    ]
    pq.write_table(to_table("gather", rows), tmp_path / "t.parquet")
    first, second = pq.read_table(tmp_path / "t.parquet").to_pylist()
    assert {name: first[name] for name in known} == known
    assert first["near_duplicates"] == ["z", "a", "z"], "in the order they were given"
    assert second["near_duplicates"] == []
    assert {second[name] for name in known} == {None}


def test_the_row_of_a_candidate_has_the_columns_of_its_table_and_no_other():
    names = [field.name for field in dataclasses.fields(Image)]
    assert sorted(names) == sorted(SCHEMAS["gather"].names)
    required = [f.name for f in dataclasses.fields(Image) if f.default is dataclasses.MISSING]
    assert {f.name for f in SCHEMAS["gather"] if not f.nullable} == {*required, "seconds"}


def test_times_are_utc_whatever_zone_they_were_given_in():
    berlin = NOW.astimezone(dt.timezone(dt.timedelta(hours=2)))
    row = Image("c", "m", "b", "kept", "s", "q", "u", 0, fetched_at=berlin)
    stored = to_table("gather", [row]).to_pylist()[0]["fetched_at"]
    assert (stored, stored.utcoffset()) == (NOW, dt.timedelta(0))


def test_flat_boxes_carry_their_class_and_where_they_came_from():
    (found,) = flat_boxes(to_table("label", [grounding("1", "red sign", BOX)]), {"red sign": "stop sign"}, 0.5)
    assert (found.box_id, found.image_id, found.query, found.class_name) == ("b", "1", "red sign", "stop sign")
    assert (found.corners, found.score, found.score_kind) == ((0.1, 0.2, 0.3, 0.4), 0.5, "detector")
    assert (found.backend, found.model) == ("falcon", "model")


def test_five_phrases_of_one_class_draw_one_box_on_one_object():
    rows = [grounding("1", f"phrase {n}", box(f"b{n}", 0.1 + n / 1000, 0.5, 0.5 + n / 100)) for n in range(5)]
    assert flat_ids(rows, {f"phrase {n}": "drone" for n in range(5)}) == ["b4"]


def test_boxes_of_different_classes_or_images_never_suppress_each_other():
    rows = [grounding("1", "a", box("x", 0, 1, 0.9)), grounding("1", "b", box("y", 0, 1, 0.8))]
    rows.append(grounding("2", "a", box("z", 0, 1, 0.7)))
    assert flat_ids(rows, {"a": "A", "b": "B"}) == ["x", "y", "z"]
    assert flat_ids(rows, {"a": "A", "b": "A"}) == ["x", "z"]


def test_queries_the_project_no_longer_asks_are_left_out_and_suppress_nothing():
    rows = [grounding("1", "old", box("x", 0, 1, 0.9)), grounding("1", "new", box("y", 0, 1, 0.1))]
    assert flat_ids(rows, {"new": "A"}) == ["y"]


def test_the_overlap_that_makes_one_object_is_the_callers():
    rows = [grounding("1", "a", box("x", 0, 1, 0.9), box("y", 0, 0.6, 0.8))]
    assert flat_ids(rows, {"a": "A"}, nms_iou=0.59) == ["x"]
    assert flat_ids(rows, {"a": "A"}, nms_iou=0.61) == ["x", "y"]


def test_a_box_without_a_score_ranks_below_the_worst_scored_one():
    rows = [grounding("1", "a", box("unscored", 0, 1)), grounding("1", "b", box("scored", 0, 1, 0.0))]
    assert flat_ids(rows, {"a": "A", "b": "A"}) == ["scored"]


def test_boxes_without_scores_keep_the_models_order():
    rows = [grounding("1", "a", box("z", 0, 1), box("a", 0, 0.9))]
    assert flat_ids(rows, {"a": "A"}) == ["z"]


def test_flat_boxes_are_sorted_by_image_and_box():
    rows = [grounding("2", "a", box("b", 0, 0.1, 0.9), box("a", 0.5, 0.6, 0.1)), grounding("1", "a", box("c", 0, 1))]
    assert flat_ids(rows, {"a": "A"}) == ["c", "a", "b"]
    assert flat_ids([], {"a": "A"}) == []

"""Rows to Arrow columns and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlf_core.formats import columns
from dlf_core.formats.columns import Columns, lists_of, table_of, together
from dlf_core.formats.dataset import Dataset, LabeledBox, LabeledImage

WORDS = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema([("name", pa.string()), ("kind", WORDS), ("size", pa.int32()), ("score", pa.float64())])
ROWS = st.tuples(st.text(max_size=3), st.sampled_from(["a", "b", None]), st.integers(0, 9), st.none() | st.floats(0, 1))


def gathered(rows: list[tuple[Any, ...]]) -> pa.Table:
    made = Columns(SCHEMA)
    for row in rows:
        made.append(row, SCHEMA.names)
    return together(made.table(), SCHEMA)


@pytest.mark.parametrize("batch", [1, 3, 65_536])
@given(rows=st.lists(ROWS, max_size=8))
def test_rows_come_back_from_columns_whatever_waits_at_once(batch: int, rows: list[tuple[Any, ...]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "_BATCH", batch)
        table = gathered(rows)
    assert table.schema == SCHEMA
    assert list(zip(*lists_of(table).values(), strict=True)) == rows
    assert table.to_pylist() == [dict(zip(SCHEMA.names, row, strict=True)) for row in rows]


@given(rows=st.lists(ROWS, min_size=2, max_size=8), cut=st.integers(1, 7))
def test_pieces_with_words_of_their_own_become_one_piece(rows: list[tuple[Any, ...]], cut: int) -> None:
    pieces = [gathered(rows[:cut]), gathered(rows[cut:])]
    whole = together(pa.concat_tables(pieces), SCHEMA)
    assert all(column.num_chunks == 1 for column in whole.columns)
    assert whole.to_pylist() == gathered(rows).to_pylist()


@given(rows=st.lists(ROWS, max_size=8), begin=st.integers(0, 8), length=st.integers(0, 8))
def test_a_slice_tells_its_own_values(rows: list[tuple[Any, ...]], begin: int, length: int) -> None:
    table = gathered(rows).slice(begin, length)
    assert list(zip(*lists_of(table).values(), strict=True)) == rows[begin : begin + length]


def test_values_are_taken_by_name_and_not_by_place() -> None:
    made = Columns(SCHEMA)
    made.append([0.5, 7, "b", "x"], ["score", "size", "kind", "name"])
    assert made.table().to_pylist() == [{"name": "x", "kind": "b", "size": 7, "score": 0.5}]


def test_columns_that_a_table_lacks_are_null_and_others_go() -> None:
    table = together(pa.table({"size": [1, 2], "more": ["x", "y"]}), SCHEMA)
    assert table.schema == SCHEMA
    assert lists_of(table) == {"name": [None] * 2, "kind": [None] * 2, "size": [1, 2], "score": [None] * 2}


def test_lists_and_arrays_become_a_table() -> None:
    table = table_of({"name": ["x", None], "size": np.array([1, 2], np.int32), "kind": ["a", "a"]}, SCHEMA)
    assert lists_of(table) == {"name": ["x", None], "kind": ["a", "a"], "size": [1, 2], "score": [None, None]}


@pytest.mark.parametrize(
    "row", [("x", "a", "many", 0.5), ("x", "a", 2**40, 0.5), (7, "a", 1, 0.5), ("x", "a", 1, "high")]
)
def test_a_value_that_does_not_fit_is_an_error_and_no_other_value(row: tuple[Any, ...]) -> None:
    with pytest.raises((pa.ArrowException, TypeError)):
        gathered([row])


def big(count: int) -> Dataset:
    """Images with 0 to 2 boxes each."""
    images = (
        LabeledImage(
            f"{n}", f"{n}.jpg", 10, 10, "train", boxes=[LabeledBox("a", 0, 0, 1, 1, f"{n}-{m}") for m in range(n % 3)]
        )
        for n in range(count)
    )
    return Dataset.of("big", ["a"], images)


def test_parts_are_the_data_set_piece_by_piece() -> None:
    dataset = big(10)
    for size in (1, 3, 10, 11):
        parts = list(dataset.parts(size))
        assert [part.first for part in parts] == list(range(0, 10, size))
        assert [image for part in parts for image in part.rows()] == list(dataset.images)
        assert all(len(part) == len(part.images["image_id"]) for part in parts)
        assert sum(part.offsets[-1] for part in parts) == dataset.box_count


def test_images_are_looked_up_like_those_of_a_list() -> None:
    dataset = big(7)
    rows = list(dataset.images)
    assert [len(dataset.images), dataset.images[-1], dataset.images[2:5]] == [7, rows[6], rows[2:5]]
    assert dataset.images == rows
    assert dataset.images != rows[:-1]
    with pytest.raises(IndexError):
        dataset.images[7]


def test_some_images_are_taken_with_their_boxes() -> None:
    dataset = big(7)
    chosen = np.array([False, True, True, False, False, True, False])
    found = dataset.take(chosen)
    assert list(found.images) == [dataset.images[n] for n in (1, 2, 5)]
    assert found.box_count == 5


def test_counts_that_do_not_fit_the_boxes_are_an_error() -> None:
    dataset = big(3)
    with pytest.raises(ValueError, match="3 boxes are counted and 2 are there"):
        Dataset("x", ["a"], dataset.image_table, dataset.box_table.slice(1))

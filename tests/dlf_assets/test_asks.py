"""What is missing of what is asked, and the images a bucket kept: both without a row in memory for each."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlf_assets.asks import Asks
from dlf_assets.pictures import KeptImages
from dlf_core.records import Image, to_table


def remembered(*keys: str) -> pa.ChunkedArray:
    return pa.chunked_array([list(keys)], pa.string())


def test_items_come_in_order_with_the_rows_they_lack_by_their_place() -> None:
    asks = Asks.of([["a0", "a1"], ["b0"], [], ["d0", "d1", "d2"]], "abcd".__getitem__)
    lacking = asks.lacking(remembered("a0", "b0", "d1"), None)
    assert list(asks.units(lacking)) == [("a", {1: "a1"}), ("d", {0: "d0", 2: "d2"})]


def test_a_limit_counts_items_and_not_rows() -> None:
    asks = Asks.of([["a0", "a1"], ["b0"], ["c0"]], "abc".__getitem__)
    assert [item for item, _ in asks.units(asks.lacking(remembered("a0"), 2))] == ["a", "b"]


def test_items_are_made_when_their_turn_comes() -> None:
    made: list[int] = []
    asks = Asks.of([["a"], ["b"], ["c"]], lambda number: made.append(number) or number)
    units = asks.units(asks.lacking(remembered(), None))
    assert made == []
    next(units)
    assert made == [0]


@given(
    st.lists(st.lists(st.uuids().map(str), max_size=4), max_size=8),
    st.randoms(use_true_random=False),
    st.none() | st.integers(0, 9),
)
def test_what_is_remembered_and_what_is_lacking_is_everything(sizes, chance, limit) -> None:
    every = [key for keys in sizes for key in keys]
    known = [key for key in every if chance.random() < 0.5]
    asks = Asks.of(sizes, lambda number: number)
    units = list(asks.units(asks.lacking(remembered(*known), limit)))
    wanted = {
        number: {place: key for place, key in enumerate(keys) if key not in known}
        for number, keys in enumerate(sizes)
        if limit is None or number < limit
    }
    assert dict(units) == {number: lacks for number, lacks in wanted.items() if lacks}


def candidate(number: int, state: str, image_id: str | None) -> Image:
    return Image(
        f"c{number}",
        "m",
        "b",
        state,
        "folder",
        "q",
        "u",
        number,
        image_id=image_id,
        path=f"raw/{image_id}.jpg",
        title=f"t{number}",
    )


@pytest.fixture
def gathered() -> pa.Table:
    rows = [
        candidate(0, "kept", "d" * 32),
        candidate(1, "corrupt", None),
        candidate(2, "duplicate", "d" * 32),
        candidate(3, "kept", "a" * 32),
        candidate(4, "too_small", "b" * 32),
        candidate(5, "kept", "c" * 32),
    ]
    return to_table("gather", rows)


def test_kept_images_come_in_the_order_found_and_are_found_by_id(gathered: pa.Table) -> None:
    images = KeptImages(gathered)
    assert list(images) == ["d" * 32, "a" * 32, "c" * 32]
    assert [images.id_of(number) for number in range(len(images))] == list(images)
    assert images["d" * 32]["title"] == "t0"
    assert "b" * 32 not in images
    assert "e" * 32 not in images
    with pytest.raises(KeyError):
        images["b" * 32]
    assert images.paths(["c" * 32, "x", "d" * 32]) == [f"raw/{'c' * 32}.jpg", None, f"raw/{'d' * 32}.jpg"]


def test_only_some_of_the_kept_images_and_none_at_all(gathered: pa.Table) -> None:
    some = KeptImages(gathered, pa.array(["a" * 32, "b" * 32]))
    assert list(some) == ["a" * 32]
    assert "d" * 32 not in some
    assert list(KeptImages(gathered.slice(0, 0))) == []


def test_an_image_that_is_there_twice_is_found_whichever_row_comes_first() -> None:
    for first, second in (("kept", "duplicate"), ("duplicate", "kept")):
        table = to_table("gather", [candidate(0, first, "a" * 32), candidate(1, second, "a" * 32)])
        kept = 0 if first == "kept" else 1
        assert KeptImages(table)["a" * 32]["title"] == f"t{kept}"

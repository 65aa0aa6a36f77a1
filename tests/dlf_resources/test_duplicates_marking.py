"""Which images of one bucket stay, with real files, fingerprints and tables in a store."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageOps
from shelf import PHOTOS, SIZES, STRANGER, Row, Shelf, X, jpeg, staying

from dlf_core.project import Project
from dlf_resources.stores.stage_tables import table_key


@pytest.fixture
def shelf(make_project: Callable[..., Project]) -> Shelf:
    return Shelf(make_project)


def marks(rows: list[Row]) -> list[tuple[Any, ...]]:
    names = ("title", "state", "reason", "duplicate_of", "mirrored", "near_duplicates")
    return sorted(tuple(row[name] for name in names) for row in rows)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_of_one_picture_in_several_sizes_the_largest_stays_whatever_the_order(shelf, order):
    rows = shelf.mark(shelf.rows(STRANGER, *(SIZES[place] for place in order)))
    assert sorted(staying(rows)) == ["large", "stranger"]
    by_name = {row["title"]: row for row in rows}
    large = by_name["large"]["image_id"]
    for name in ("small", "middle"):
        row = by_name[name]
        assert (row["state"], row["duplicate_of"], row["mirrored"]) == ("duplicate", large, False)
        assert (row["reason"], row["near_duplicates"]) == ("the same picture as large", [large])
    assert by_name["stranger"] | {"duplicate_of": None, "reason": None, "mirrored": None} == by_name["stranger"]


def test_of_equally_large_ones_the_first_stays(shelf):
    qualities = [(f"JPEG {quality}", jpeg(PHOTOS[0], 320, quality)) for quality in (60, 90, 75)]
    assert staying(shelf.mark(shelf.rows(*qualities))) == ["JPEG 60"]
    assert staying(shelf.mark(shelf.rows(*reversed(qualities)))) == ["JPEG 75"]


def test_a_mirrored_copy_is_marked_as_mirrored_and_the_reason_says_so(shelf):
    rows = shelf.mark(shelf.rows(("left", jpeg(PHOTOS[4], 400)), ("right", jpeg(ImageOps.mirror(PHOTOS[4]), 300))))
    assert (rows[1]["state"], rows[1]["mirrored"], rows[1]["reason"]) == ("duplicate", True, "the mirror image of left")
    assert rows[1]["duplicate_of"] == rows[0]["image_id"]
    assert rows[0]["mirrored"] is None


def test_where_there_is_no_title_the_address_is_told(shelf):
    rows = shelf.rows(*SIZES[:2])
    rows[1]["title"] = None
    shelf.mark(rows)
    assert rows[0]["reason"] == f"the same picture as {rows[1]['url']}"


def test_of_equal_bytes_the_first_stays_and_larger_copies_of_other_bytes_do_not_change_whose_it_is(shelf):
    again = shelf.row(SIZES[0][1], "again")
    rows = shelf.mark([*shelf.rows(SIZES[0]), again, *shelf.rows(STRANGER)])
    assert staying(rows) == ["small", "stranger"]
    assert (again["duplicate_of"], again["reason"]) == (rows[0]["image_id"], "the same bytes as small")
    assert again["mirrored"] is False


def test_every_duplicate_names_an_image_that_stays_also_where_its_equal_bytes_do_not(shelf):
    rows = shelf.mark([*shelf.rows(SIZES[0]), shelf.row(SIZES[0][1], "again"), *shelf.rows(SIZES[1])])
    kept = {row["image_id"] for row in rows if row["state"] == "kept"}
    assert staying(rows) == ["large"]
    assert {row["duplicate_of"] for row in rows if row["state"] == "duplicate"} == kept


def steps(count: int) -> list[tuple[str, bytes]]:
    """A walk along a wide picture: each view overlaps the next by 95 %, the first and the last little."""
    wide = Image.new("RGB", (1280, 480))
    for number, photo in enumerate((PHOTOS[7], PHOTOS[6])):
        wide.paste(photo.resize((640, 480)), (640 * number, 0))
    views = [wide.crop((32 * step, 0, 32 * step + 640, 480)) for step in range(count)]
    return [(f"step {step}", jpeg(view, 640 - 4 * step)) for step, view in enumerate(views)]


def test_in_a_chain_only_what_is_like_an_image_that_stays_goes(shelf):
    rows = shelf.mark(shelf.rows(*steps(16)))
    stay = {row["image_id"]: row for row in rows if row["state"] == "kept"}
    assert 1 < len(stay) < 16
    assert rows[0]["state"] == "kept"
    for row in rows:
        if row["state"] == "duplicate":
            original = stay[row["duplicate_of"]]
            assert original["width"] >= row["width"]
            assert abs(int(original["title"][5:]) - int(row["title"][5:])) <= 3
    # What stays is no near-duplicate of another one that stays.
    assert len(staying(shelf.mark(list(stay.values())))) == len(stay)


def test_the_order_of_rows_does_not_change_which_images_stay(shelf):
    named = [*SIZES, STRANGER, *steps(8), ("mirrored", jpeg(ImageOps.mirror(PHOTOS[2]), 500))]
    first = shelf.mark(shelf.rows(*named))
    for turn in (1, 5, 9):
        turned = shelf.mark(shelf.rows(*named[turn:], *named[:turn]))
        assert marks(turned) == marks(first)


def test_marking_twice_gives_the_same_and_forgets_what_no_longer_is(shelf):
    rows = shelf.gather(shelf.rows(*SIZES, STRANGER, *steps(6)))
    once = marks(rows)
    assert marks(shelf.gather(rows)) == once
    content = (shelf.tables.store.root / table_key("gather", X)).read_bytes()
    table = shelf.tables.read("gather", X)
    shelf.gather(table.to_pylist())
    assert (shelf.tables.store.root / table_key("gather", X)).read_bytes() == content
    without = [row for row in rows if row["title"] != "large"]
    assert set(staying(shelf.mark(without))) == (set(staying(rows)) - {"large"}) | {"middle"}


def test_rejected_rows_are_left_alone(shelf):
    row = shelf.row(SIZES[0][1], "refused", state="corrupt", reason="cut off", near_duplicates=["x"])
    before = dict(row)
    rows = shelf.mark([row, *shelf.rows(SIZES[0])])
    assert rows[0] == before
    assert staying(rows) == ["small"]


def test_no_rows_are_marked_without_ado(shelf):
    assert shelf.mark([]) == []

"""Near-duplicates in other buckets and projects of a data_root, and tables and rows of older versions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import ImageOps
from shelf import PHOTOS, SIZES, STRANGER, Shelf, X, Y, jpeg, staying

from dlf_core.errors import StoreError
from dlf_core.project import Project
from dlf_core.records import Image as ImageRow
from dlf_core.records import to_table
from dlf_resources.stores.stage_tables import table_key


@pytest.fixture
def shelf(make_project: Callable[..., Project]) -> Shelf:
    return Shelf(make_project)


def test_without_near_only_equal_bytes_are_duplicates_here_and_elsewhere(make_project):
    shelf = Shelf(make_project, duplicates="{near: false}")
    shelf.gather(shelf.rows(SIZES[0]), Y)
    rows = shelf.mark([*shelf.rows(*SIZES), shelf.row(SIZES[1][1], "again")])
    assert staying(rows) == ["large", "middle"]
    assert rows[0]["reason"] == f"the same bytes are in {Y}"
    assert all(row["near_duplicates"] == [] for row in rows)


def other_project(make_project: Callable[..., Project]) -> tuple[Project, str]:
    return make_project(project_name="other"), "other__positive.x"


@pytest.mark.parametrize(
    ("across", "beside", "elsewhere"), [("bucket", False, False), ("project", True, False), ("data_root", True, True)]
)
@pytest.mark.parametrize("large", [SIZES[1][1], SIZES[0][1]], ids=["a larger one", "the same bytes"])
def test_other_buckets_and_projects_count_as_across_says(make_project, across, beside, elsewhere, large):
    shelf = Shelf(make_project, duplicates=f"{{across: {across}}}")
    other, key = other_project(make_project)
    assert other.root == shelf.project.root
    shelf.gather([shelf.row(large, "beside")], Y)
    assert staying(shelf.mark(shelf.rows(SIZES[0]))) == ([] if beside else ["small"])
    shelf.gather([], Y)
    shelf.gather([shelf.row(large, "elsewhere")], key, other)
    assert staying(shelf.mark(shelf.rows(SIZES[0]))) == ([] if elsewhere else ["small"])


def test_a_bucket_that_the_project_no_longer_has_and_superseded_rows_do_not_count(shelf):
    old = shelf.rows(SIZES[1])
    shelf.gather(old, "tiny__positive.gone")
    shelf.tables.write_superseded("gather", Y, to_table("gather", [ImageRow(**row) for row in old]))
    assert staying(shelf.mark(shelf.rows(SIZES[0]))) == ["small"]


def test_an_image_goes_for_a_larger_or_equally_large_one_elsewhere_and_says_where(shelf):
    there = shelf.gather(shelf.rows(SIZES[1], STRANGER), Y)
    turned = ImageOps.mirror(PHOTOS[2])
    rows = shelf.mark(shelf.rows(("same size", jpeg(PHOTOS[2], 640, 60)), SIZES[0], ("turned", jpeg(turned, 300))))
    assert staying(rows) == []
    large = there[0]["image_id"]
    assert {row["duplicate_of"] for row in rows} == {large}
    assert [row["mirrored"] for row in rows] == [False, False, True]
    assert rows[1]["reason"] == f"the same picture as {large} in {Y}"
    assert rows[2]["reason"] == f"the mirror image of {large} in {Y}"
    assert all(row["near_duplicates"] == [large] for row in rows)


def test_a_smaller_image_elsewhere_stays_until_its_bucket_is_gathered_again_and_then_goes(shelf):
    small = shelf.gather(shelf.rows(SIZES[0], STRANGER), Y)
    large = shelf.gather(shelf.rows(SIZES[1]))
    assert staying(large) == ["large"]
    assert large[0]["near_duplicates"] == [small[0]["image_id"]]
    assert set(staying(shelf.tables.read("gather", Y).to_pylist())) == {"small", "stranger"}
    assert staying(shelf.gather(small, Y)) == ["stranger"]
    assert small[0]["duplicate_of"] == large[0]["image_id"]
    # From here on nothing changes, whichever bucket is gathered.
    shelf.gather(large)
    assert (staying(large), large[0]["near_duplicates"]) == (["large"], [])
    assert staying(shelf.gather(small, Y)) == ["stranger"]


def test_an_image_comes_back_when_the_larger_one_elsewhere_is_gone(shelf):
    shelf.gather(shelf.rows(SIZES[1]), Y)
    rows = shelf.gather(shelf.rows(SIZES[0]))
    assert staying(rows) == []
    shelf.gather([], Y)
    assert staying(shelf.gather(rows)) == ["small"]
    assert (rows[0]["duplicate_of"], rows[0]["reason"], rows[0]["near_duplicates"]) == (None, None, [])


def test_rows_without_a_fingerprint_are_duplicates_by_their_bytes_only(shelf):
    bare = {"phash": None, "phash_mirrored": None, "fingerprint": None}
    rows = shelf.mark([shelf.row(content, name, **bare) for name, content in SIZES] + shelf.rows(SIZES[1]))
    assert staying(rows) == ["small", "large", "middle"]
    shelf.gather([shelf.row(SIZES[1][1], "bare", phash_mirrored=None, fingerprint=None)], Y)
    here = shelf.mark(shelf.rows(*SIZES))
    assert staying(here) == ["middle"]  # the large one is there; how the small one looks there is not known
    assert here[1]["reason"] == f"the same bytes are in {Y}"


def test_a_table_of_an_older_version_without_the_columns_counts_by_its_bytes(shelf):
    shelf.gather(shelf.rows(SIZES[1]), Y)
    file = shelf.tables.store.root / table_key("gather", Y)
    new = ["phash_mirrored", "fingerprint", "near_duplicates", "mirrored", "group", "license_family"]
    pq.write_table(pq.read_table(file).drop_columns(new), file)
    assert staying(shelf.mark(shelf.rows(*SIZES))) == ["middle"]
    old = shelf.tables.read("gather", Y).to_pylist()
    assert staying(shelf.gather(old, Y)) == ["large"]


def test_a_broken_table_of_another_bucket_is_named_with_the_way_out(shelf):
    shelf.gather(shelf.rows(SIZES[1]), Y)
    Path(shelf.tables.store.root / table_key("gather", Y)).write_bytes(b"nonsense")
    with pytest.raises(StoreError, match=r"positive\.y\.parquet: is not a gather table .*run the gather stage again"):
        shelf.mark(shelf.rows(SIZES[0]))


def test_two_buckets_with_the_same_bytes_keep_them_once_however_often_each_is_gathered(shelf):
    first, second = shelf.gather(shelf.rows(SIZES[0])), shelf.gather(shelf.rows(SIZES[0]), Y)
    for rows, key in ((first, X), (second, Y), (second, Y), (first, X)):
        shelf.gather(rows, key)
        assert (staying(first), staying(second)) == (["small"], [])
    assert second[0]["reason"] == f"the same bytes are in {X}"

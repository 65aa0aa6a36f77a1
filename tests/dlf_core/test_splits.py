from __future__ import annotations

import hashlib
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlf_core.splits import SplitItem, assign_splits, groups

SHARES = {"train": 0.8, "val": 0.1, "test": 0.1}


def item(image_id: str, phash: int | None = None, group: str | None = None) -> SplitItem:
    return SplitItem(image_id, None if phash is None else f"{phash:016x}", group)


def assign(items, *, shares=SHARES, seed=0, radius=6, before=None) -> dict[str, str]:
    return assign_splits(items, shares, seed=seed, radius=radius, before=before or {})


def singles(count: int) -> list[SplitItem]:
    """Images that belong to no group: hashes of no phash, no video."""
    return [item(hashlib.sha256(str(number).encode()).hexdigest()[:32]) for number in range(count)]


# Few bits and few names, so that groups chain through hashes and names.
@st.composite
def some_items(draw, start: int = 0, most: int = 12) -> list[SplitItem]:
    hashes = st.none() | st.sampled_from([0, 0b1, 0b111, 0b11111, 0xFF00, 0xFF01, 2**63, 2**64 - 1])
    rows = draw(st.lists(st.tuples(hashes, st.none() | st.sampled_from("uv")), max_size=most))
    return [item(f"{start + n:04d}", phash, group) for n, (phash, group) in enumerate(rows)]


def slow_groups(items: list[SplitItem], radius: int) -> list[list[str]]:
    """Connected components by repeated merging."""
    sets = [{one.image_id} for one in items]
    for a in items:
        for b in items:
            near = a.phash and b.phash and (int(a.phash, 16) ^ int(b.phash, 16)).bit_count() <= radius
            if near or (a.group is not None and a.group == b.group):
                both = [found for found in sets if a.image_id in found or b.image_id in found]
                sets = [found for found in sets if found not in both] + [set().union(*both)]
    return sorted(sorted(found) for found in sets)


def test_hashes_within_the_radius_belong_together_and_one_bit_more_does_not():
    assert groups([item("a", 0), item("b", 0b111111)], 6) == [["a", "b"]]
    assert groups([item("a", 0), item("b", 0b1111111)], 6) == [["a"], ["b"]]
    assert groups([item("a", 0), item("b", 2**64 - 1)], 32) == [["a"], ["b"]]
    assert groups([item("a", 5), item("b", 5)], 0) == [["a", "b"]]


def test_groups_chain_through_hashes_and_videos():
    rows = [item("d", 2**63 - 1), item("c", None, "v"), item("b", 0b1111, "v"), item("a", 0), item("e")]
    assert groups(rows, 4) == [["a", "b", "c"], ["d"], ["e"]]


def test_images_without_a_hash_are_no_duplicates_of_each_other():
    assert groups([item("a"), item("b")], 32) == [["a"], ["b"]]


@given(some_items(), st.sampled_from([0, 2, 6]))
def test_groups_equal_the_slow_way(items, radius):
    assert groups(items, radius) == slow_groups(items, radius)


@given(some_items(), st.integers(0, 5))
def test_every_image_gets_a_split_and_no_group_straddles(items, seed):
    result = assign(items, seed=seed, shares={"train": 0.5, "val": 0.3, "test": 0.2})
    assert set(result) == {one.image_id for one in items}
    for ids in slow_groups(items, 6):
        assert len({result[image] for image in ids}) == 1


@given(some_items(), some_items(start=1000), st.randoms())
def test_an_image_keeps_its_split_when_images_are_added(items, added, order):
    first = assign(items)
    grown = items + added
    order.shuffle(grown)
    second = assign(grown, before=first)
    assert {image: second[image] for image in first} == first


@given(some_items(), some_items(start=1000))
def test_a_new_image_joins_the_split_of_its_group(items, added):
    first = assign(items)
    second = assign(items + added, before=first)
    for ids in slow_groups(items + added, 6):
        earlier = {first[image] for image in ids if image in first}
        for image in ids:
            if image not in first and earlier:
                assert second[image] in earlier
    fresh = [ids for ids in slow_groups(items + added, 6) if not set(ids) & set(first)]
    assert all(len({second[image] for image in ids}) == 1 for ids in fresh)


def test_an_image_that_joins_two_groups_goes_with_the_larger():
    before = {"a": "train", "b": "val", "c": "val"}
    rows = [item("a", None, "u"), item("b", 0), item("c", 1), item("new", 0, "u")]
    assert assign(rows, before=before) == before | {"new": "val"}


@given(some_items(), st.randoms())
def test_the_order_of_images_does_not_matter(items, order):
    shuffled = list(items)
    order.shuffle(shuffled)
    assert assign(shuffled) == assign(items)


def test_images_that_belong_to_nobody_are_drawn_alone_so_added_ones_change_nothing_even_without_memory():
    assert assign(singles(300)).items() <= assign(singles(600)).items()


def test_the_seed_decides_the_draw():
    rows = singles(200)
    assert assign(rows, seed=1) == assign(rows, seed=1)
    assert assign(rows, seed=1) != assign(rows, seed=2)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("shares", [SHARES, {"train": 0.6, "val": 0.4}, {"train": 0.2, "val": 0.3, "test": 0.5}])
def test_shares_are_respected_over_2000_images(shares, seed):
    counts = Counter(assign(singles(2000), shares=shares, seed=seed).values())
    assert set(counts) == set(shares)
    for split, share in shares.items():
        # four standard deviations of a binomial draw
        assert abs(counts[split] / 2000 - share) < 4 * (share * (1 - share) / 2000) ** 0.5


def test_shares_are_respected_over_groups_of_five():
    rows = [item(f"{n:05d}", None, f"video {n // 5}") for n in range(2000)]
    counts = Counter(assign(rows).values())
    assert abs(counts["train"] / 2000 - 0.8) < 4 * (0.16 / 400) ** 0.5


def test_one_share_takes_everything():
    assert set(assign(singles(50), shares={"val": 1.0}).values()) == {"val"}


def test_an_image_whose_split_has_no_share_any_more_is_drawn_anew():
    rows = singles(40)
    before = {one.image_id: "test" for one in rows}
    assert assign(rows, shares={"train": 0.8, "val": 0.2}, before=before) == assign(
        rows, shares={"train": 0.8, "val": 0.2}
    )


def test_images_that_left_are_left_out():
    assert assign([item("a")], before={"a": "val", "gone": "test"}) == {"a": "val"}


def test_random_hashes_form_no_groups():
    bits = random.Random(1)
    rows = [item(f"{n:04d}", bits.getrandbits(64)) for n in range(500)]
    assert len(groups(rows, 6)) == 500


def like(image_id: str, *others: str, **rest) -> SplitItem:
    """An image that gather found to show the same picture as others."""
    found = item(image_id, **rest)
    return SplitItem(found.image_id, found.phash, found.group, others)


def test_near_duplicates_that_gather_found_belong_together_however_far_their_hashes_are():
    rows = [like("a", "b", phash=0), like("b", phash=2**64 - 1), like("c"), like("d", "c")]
    assert groups(rows, 0) == [["a", "b"], ["c", "d"]]


def test_near_duplicates_join_through_an_image_that_is_no_item():
    assert groups([like("a", "gone"), like("b", "gone"), like("c", "other")], 0) == [["a", "b"], ["c"]]
    assert groups([like("a", "x", "y"), like("b", "x"), like("c", "y")], 0) == [["a", "b", "c"]]


def test_near_duplicates_videos_and_hashes_chain():
    rows = [
        like("a", "b"),
        like("b", group="v"),
        like("c", "x", group="v"),
        like("d", "x", phash=7),
        like("e", phash=5),
    ]
    assert groups(rows, 1) == [["a", "b", "c", "d", "e"]]


def test_an_image_that_names_itself_or_is_named_twice_or_by_nobody_is_alone():
    assert groups([like("a", "a", "a"), like("b", "gone", "gone"), like("c")], 0) == [["a"], ["b"], ["c"]]


# Some ids are no items: images of other buckets, and duplicates that gather has sorted out.
@st.composite
def some_alike(draw) -> list[SplitItem]:
    names = [f"{number:02d}" for number in range(14)]
    others = draw(st.lists(st.lists(st.sampled_from(names), max_size=2), max_size=10))
    return [like(names[number], *found) for number, found in enumerate(others)]


def slow_alike(items: list[SplitItem]) -> list[list[str]]:
    """Connected components of all ids that are named, items or not; the items of each."""
    sets = [{one.image_id} for one in items] + [{other} for one in items for other in one.near_duplicates]
    for one in items:
        for other in one.near_duplicates:
            both = [found for found in sets if one.image_id in found or other in found]
            sets = [found for found in sets if found not in both] + [set().union(*both)]
    ids = {one.image_id for one in items}
    return sorted(sorted(found & ids) for found in {frozenset(found) for found in sets} if found & ids)


@given(some_alike(), st.randoms())
def test_groups_of_near_duplicates_equal_the_slow_way_in_any_order(items, order):
    shuffled = list(items)
    order.shuffle(shuffled)
    assert groups(items, 0) == groups(shuffled, 0) == slow_alike(items)


@given(some_alike(), st.integers(0, 3))
def test_near_duplicates_never_straddle_two_splits_and_join_the_split_of_what_was_there(items, seed):
    result = assign(items, seed=seed, shares={"train": 0.5, "val": 0.3, "test": 0.2})
    for ids in slow_alike(items):
        assert len({result[image] for image in ids}) == 1
    new = like("new", *(one.image_id for one in items[:1]))
    grown = assign([*items, new], seed=seed, shares={"train": 0.5, "val": 0.3, "test": 0.2}, before=result)
    assert result.items() <= grown.items()
    assert not items or grown["new"] == result[items[0].image_id]

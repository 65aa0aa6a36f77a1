"""Search by Hamming distance against comparing everything with everything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlf_core.hash_index import HashIndex, hashes_of, text_of

RANDOM = np.random.default_rng(4)
MANY = RANDOM.integers(0, 2**64, 3000, dtype=np.uint64)
"""More than are compared without faiss."""

# Words of few ones and of few zeros: many are near each other.
words = st.builds(
    lambda bits, turned: sum({1 << bit for bit in bits}) ^ (2**64 - 1 if turned else 0),
    st.lists(st.integers(0, 63), max_size=6),
    st.booleans(),
)
radii = st.sampled_from([0, 1, 3, 8, 16, 31, 32, 63, 64])


def as_hashes(values: list[int]) -> np.ndarray:
    return np.array(values, dtype=np.uint64)


def slow_near(hashes: np.ndarray, queries: np.ndarray, radius: int) -> list[tuple[int, int]]:
    whole = [int(value) for value in hashes]
    return [
        (number, place)
        for number, query in enumerate(int(value) for value in queries)
        for place, value in enumerate(whole)
        if (query ^ value).bit_count() <= radius
    ]


def near(hashes: np.ndarray, queries: np.ndarray, radius: int) -> list[tuple[int, int]]:
    numbers, places = HashIndex(hashes).near(queries, radius)
    assert numbers.dtype == places.dtype == np.int64
    return list(zip(numbers.tolist(), places.tolist(), strict=True))


def changed(hashes: np.ndarray, bits: int, seed: int = 0) -> np.ndarray:
    """The hashes with exactly so many bits changed, in each others."""
    random = np.random.default_rng(seed)
    flips = [sum(1 << int(bit) for bit in random.choice(64, bits, replace=False)) for _ in hashes]
    return hashes ^ as_hashes(flips)


@given(st.lists(words, max_size=40), st.lists(words, max_size=12), radii)
def test_few_hashes_are_found_as_the_slow_way_finds_them(hashes, queries, radius):
    found = near(as_hashes(hashes), as_hashes(queries), radius)
    assert found == slow_near(as_hashes(hashes), as_hashes(queries), radius)


@given(st.lists(words, max_size=20), st.lists(words, max_size=4), st.sampled_from([0, 1, 3, 8, 16]))
def test_many_hashes_are_found_as_the_slow_way_finds_them(hashes, queries, radius):
    every = np.concatenate([MANY, as_hashes(hashes)])
    assert near(every, as_hashes(queries), radius) == slow_near(every, as_hashes(queries), radius)


@pytest.mark.parametrize("count", [2047, 2048, 2049, 3000])
@pytest.mark.parametrize("bits", [0, 1, 8, 16])
def test_what_is_exactly_the_radius_away_is_found_and_one_bit_more_is_not(count, bits):
    hashes = MANY[:count]
    queries = changed(hashes[:50], bits)
    assert set(near(hashes, queries, bits)) >= {(number, number) for number in range(50)}
    if bits:
        assert not set(near(hashes, queries, bits - 1)) & {(number, number) for number in range(50)}


@pytest.mark.parametrize("count", [0, 1, 2048, 2049])
def test_without_queries_nothing_is_found(count):
    assert near(MANY[:count], np.empty(0, np.uint64), 8) == []


@pytest.mark.parametrize("radius", [0, 64])
def test_an_empty_index_finds_nothing(radius):
    index = HashIndex(np.empty(0, np.uint64))
    assert len(index) == 0
    assert [column.tolist() for column in index.near(MANY[:3], radius)] == [[], []]
    assert list(index.pairs(radius)) == []


@pytest.mark.parametrize("count", [5, 2500])
def test_the_radius_64_finds_everything_and_0_only_equal_ones(count):
    hashes = MANY[:count]
    queries = as_hashes([0, 2**64 - 1, int(hashes[3])])
    assert near(hashes, queries, 64) == [(number, place) for number in range(3) for place in range(count)]
    assert near(hashes, queries, 0) == [(2, 3)]


@pytest.mark.parametrize("count", [60, 2500])
def test_of_equal_hashes_each_is_found_and_for_equal_queries_again(count):
    hashes = MANY[:count].copy()
    hashes[[7, 20, count - 1]] = 5
    assert near(hashes, as_hashes([5, 6, 5]), 0) == [(n, place) for n in (0, 2) for place in (7, 20, count - 1)]


@pytest.mark.parametrize("size", [999, 1000, 1001, 2500])
@pytest.mark.parametrize("count", [2000, 3000])
def test_queries_of_several_batches_keep_their_numbers(size, count):
    hashes = MANY[:count]
    queries = changed(np.resize(hashes, size), 5, seed=1)
    found = near(hashes, queries, 5)
    assert set(found) >= {(number, number % count) for number in range(size)}
    assert found == sorted(set(found))
    every = np.array(found)
    assert (np.bitwise_count(queries[every[:, 0]] ^ hashes[every[:, 1]]) <= 5).all()


@pytest.mark.parametrize("count", [100, 2500])
def test_columns_cut_out_of_a_table_and_other_integers_are_taken_too(count):
    table = np.stack([MANY[:count], MANY[:count] ^ np.uint64(1)], axis=1)
    assert near(table[:, 1], table[:3, 0], 1) == [(0, 0), (1, 1), (2, 2)]
    assert near(MANY[:count][::-1], MANY[:2], 0) == [(0, count - 1), (1, count - 2)]


def test_a_search_changes_neither_the_hashes_nor_the_index():
    hashes = MANY.copy()
    index = HashIndex(hashes)
    first, again = index.near(MANY[:5], 20), index.near(MANY[:5], 20)
    assert [column.tolist() for column in first] == [column.tolist() for column in again]
    assert (hashes == MANY).all()
    assert len(index) == 3000


@given(st.lists(words, max_size=40), radii)
def test_pairs_are_each_pair_once_the_smaller_place_first(hashes, radius):
    expected = [(a, b) for a, b in slow_near(as_hashes(hashes), as_hashes(hashes), radius) if a < b]
    assert list(HashIndex(as_hashes(hashes)).pairs(radius)) == expected


def test_pairs_of_several_batches():
    hashes = MANY.copy()
    hashes[1000:1500] = changed(hashes[:500], 3)  # from the first batch into the second
    hashes[2999] = hashes[2998]
    found = list(HashIndex(hashes).pairs(3))
    assert found == [(number, number + 1000) for number in range(500)] + [(2998, 2999)]


@given(st.lists(st.integers(0, 2**64 - 1), max_size=20))
def test_hashes_are_read_as_they_are_written(values):
    assert hashes_of([text_of(value) for value in values]).tolist() == values


def test_a_hash_is_16_hex_digits_the_highest_bit_first():
    assert [text_of(value) for value in (0, 1, 2**63)] == ["0" * 16, "0" * 15 + "1", "8" + "0" * 15]
    assert hashes_of(["8000000000000001"]).tolist() == [2**63 + 1]
    assert hashes_of([]).dtype == np.uint64

"""What searches found is kept until the gather has ended."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from dlf_resources.sources import Candidate
from dlf_resources.stores.local import LocalStore
from dlf_resources.stores.searches import GOOD_SECONDS, Searches

FOUND = [
    Candidate("openverse", "fruit", f"https://e.org/{n}.jpg", page="p", title='"Ä" 😀\n', author=None) for n in range(3)
]


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


@pytest.fixture
def searches(store: LocalStore) -> Searches:
    return Searches(store, "p__positive.x")


def test_what_was_written_is_read_field_by_field_and_in_order(searches: Searches) -> None:
    searches.write("openverse", "fruit", 30, FOUND)
    assert searches.read("openverse", "fruit", 30) == FOUND


def test_that_nothing_was_found_is_remembered_too(searches: Searches) -> None:
    searches.write("openverse", "xyzzy", 30, [])
    assert searches.read("openverse", "xyzzy", 30) == []


@pytest.mark.parametrize(
    ("source", "line", "most"),
    [("wikimedia", "fruit", 30), ("openverse", "fruits", 30), ("openverse", "fruit", 31), ("openverse", "fruit", None)],
)
def test_another_source_line_or_number_is_another_search(
    searches: Searches, source: str, line: str, most: int | None
) -> None:
    searches.write("openverse", "fruit", 30, FOUND)
    assert searches.read(source, line, most) is None


def test_another_bucket_remembers_nothing_of_it(searches: Searches, store: LocalStore) -> None:
    searches.write("openverse", "fruit", 30, FOUND)
    other = Searches(store, "p__positive.y")
    assert other.read("openverse", "fruit", 30) is None
    assert other.keys() == []


def test_a_query_may_hold_what_no_file_name_may(searches: Searches) -> None:
    lines = ["../../x", "a/b", "a\\b", "x" * 3000, "\n", "ä" * 200, "-", "*?"]
    for number, line in enumerate(lines):
        searches.write("openverse", line, number, FOUND[:number])
    assert [searches.read("openverse", line, number) for number, line in enumerate(lines)] == [
        FOUND[:number] for number in range(len(lines))
    ]
    assert len(searches.keys()) == len(lines)


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"null",
        b'{"at": "now", "candidates": []}',
        b'{"candidates": []}',
        b'{"at": 99999999999, "candidates": 7}',
        b'{"at": 99999999999, "candidates": [7]}',
        b'{"at": 99999999999, "candidates": [{"source": "openverse"}]}',
        b'{"at": 99999999999, "candidates": [{"of": "another version"}]}',
    ],
)
def test_a_damaged_file_is_no_memory_and_no_error(searches: Searches, store: LocalStore, damaged: bytes) -> None:
    searches.write("openverse", "fruit", 30, FOUND)
    [key] = searches.keys()
    store.put(key, damaged)
    assert searches.read("openverse", "fruit", 30) is None


def test_after_a_day_it_is_forgotten(searches: Searches, store: LocalStore) -> None:
    searches.write("openverse", "fruit", 30, FOUND)
    [key] = searches.keys()
    said = orjson.loads(store.get(key))
    store.put(key, orjson.dumps(said | {"at": said["at"] - GOOD_SECONDS + 60}))
    assert searches.read("openverse", "fruit", 30) == FOUND
    store.put(key, orjson.dumps(said | {"at": said["at"] - GOOD_SECONDS - 60}))
    assert searches.read("openverse", "fruit", 30) is None


def test_the_keys_are_those_that_lie_there_and_can_be_deleted(searches: Searches, store: LocalStore) -> None:
    assert searches.keys() == []
    searches.write("openverse", "fruit", 30, FOUND)
    searches.write("wikimedia", "fruit", 30, [])
    keys = searches.keys()
    assert len(keys) == 2
    for key in keys:
        store.delete(key)
    assert searches.keys() == []
    assert searches.read("openverse", "fruit", 30) is None

"""json_stream: views of any length written and read row by row, and equal to what json would have written."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlf_core.views import Rows, together
from dlf_resources.json_stream import json_chunks, part_chunks, read_part

WORDS = [
    "plain",
    "Straße",
    "日本語",
    "🛸",
    'a "quoted" word',
    "back\\slash",
    "two\nlines",
    "\t\x00\x1f",
    "\u2028\u2029",
    "",
]


def rows_of(count: int) -> Rows:
    return Rows(
        lambda: ({"n": number, "word": WORDS[number % len(WORDS)], "deep": [{"p": None}]} for number in range(count))
    )


def plain(value: Any) -> Any:
    """The same with lists instead of `Rows`."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return list(value) if isinstance(value, Rows) else value


def written(value: object) -> bytes:
    return b"".join(json_chunks(value))


@pytest.fixture
def stored(tmp_path: Path) -> Callable[[dict[str, Any]], Path]:
    """Writes a part and returns its file."""

    def store(part: dict[str, Any]) -> Path:
        file = tmp_path / "part.jsonl"
        file.write_bytes(b"".join(part_chunks(part)))
        return file

    return store


@pytest.mark.parametrize("count", [0, 1, 2, 255, 256, 257, 1000])
def test_a_view_is_the_json_of_its_lists(count: int) -> None:
    view = {
        "backend": "qwen",
        "summary": {"counts": {"YES": 1, "NO": {"deeper": [1, 2.5, None, True]}}, "empty": {}, "none": []},
        "results": rows_of(count),
        "Straße 🛸": "two\nlines",
        "more": rows_of(count),
    }
    text = written(view)
    assert json.loads(text) == plain(view)
    assert list(json.loads(text)) == list(view)
    assert text.endswith(b"\n}\n")


@pytest.mark.parametrize("count", [0, 1, 256, 257, 1000])
def test_rows_alone_are_a_list(count: int) -> None:
    text = written(rows_of(count))
    assert json.loads(text) == list(rows_of(count))
    assert text.endswith(b"]\n")


@pytest.mark.parametrize(
    "value", [{}, [], None, 3, "word", [{"a": [1, {"b": "日本語"}]}], {"one": 1}, {"a": {"b": {}}}]
)
def test_what_holds_no_rows_is_json_too(value: object) -> None:
    assert json.loads(written(value)) == value


def test_every_row_has_a_line_of_its_own() -> None:
    lines = written({"name": "x", "rows": rows_of(300)}).decode().split("\n")
    assert sum('"n":' in line for line in lines) == 300
    assert len(lines) == 300 + 6


def test_rows_that_begin_empty_but_for_another_list_are_whole() -> None:
    view = {"first": rows_of(0), "second": rows_of(1), "third": rows_of(0)}
    assert json.loads(written(view)) == plain(view)


def test_a_view_can_be_written_twice() -> None:
    view = {"rows": rows_of(300)}
    assert written(view) == written(view)


@pytest.mark.parametrize("count", [0, 1, 256, 257, 1000])
def test_a_part_is_read_as_it_was_written(stored: Callable[[dict[str, Any]], Path], count: int) -> None:
    part = {"bucket": "positive/日本語", "counts": {"YES": 2}, "list": [1, [2]], "none": None, "rows": rows_of(count)}
    read = read_part(stored(part))
    assert isinstance(read["rows"], Rows)
    assert plain(read) == plain(part)


def test_the_lists_of_a_part_are_told_apart_by_their_names(stored: Callable[[dict[str, Any]], Path]) -> None:
    names = ["rows", "row", "rows2", 'a"b', "日本語", "two\nlines", "lists", ""]
    part = {name: Rows(lambda name=name: iter([[name, 1], {"of": name}])) for name in names}
    read = read_part(stored(part))
    assert {name: list(rows) for name, rows in read.items()} == {name: [[name, 1], {"of": name}] for name in names}


def test_the_lists_of_a_part_may_be_read_again_and_side_by_side(stored: Callable[[dict[str, Any]], Path]) -> None:
    part = {"images": rows_of(700), "annotations": rows_of(600), "none": rows_of(0)}
    read = read_part(stored(part))
    assert list(read["images"]) == list(read["images"]) == list(part["images"])
    pairs = list(itertools.zip_longest(read["images"], read["annotations"]))
    assert [first for first, _ in pairs] == list(part["images"])
    assert [second for _, second in pairs[:600]] == list(part["annotations"])
    assert list(read["none"]) == []


def test_a_part_without_lists_is_one_line(stored: Callable[[dict[str, Any]], Path]) -> None:
    part = {"value": 2, "words": WORDS}
    file = stored(part)
    assert file.read_bytes().count(b"\n") == 1
    assert read_part(file) == part
    assert read_part(stored({})) == {}


def test_parts_become_a_view_of_all_their_rows(tmp_path: Path) -> None:
    files = [tmp_path / f"{count}.jsonl" for count in (300, 0, 5)]
    for file in files:
        file.write_bytes(b"".join(part_chunks({"rows": rows_of(int(file.stem))})))
    parts = [read_part(file) for file in files]
    view = json.loads(written({"rows": together(parts, "rows")}))
    assert [row["n"] for row in view["rows"]] == [*range(300), *range(5)]


class Counted:
    """Ten thousand rows that count how many were made."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> Iterator[dict[str, int]]:
        for number in range(10_000):
            self.made += 1
            yield {"n": number}


@pytest.mark.parametrize("chunks_of", [json_chunks, part_chunks])
def test_rows_are_made_as_they_are_written(chunks_of: Callable[[dict[str, Any]], Iterator[bytes]]) -> None:
    make = Counted()
    made = rows = 0
    for chunk in chunks_of({"rows": Rows(make)}):
        assert make.made - made <= 1000
        made = make.made
        rows += chunk.count(b'{"n":')
    assert rows == made == 10_000


def test_rows_are_read_as_they_are_taken(stored: Callable[[dict[str, Any]], Path]) -> None:
    file = stored({"rows": Rows(lambda: iter([1, 2, 3]))})
    with file.open("ab") as lines:
        lines.write(b'["rows",{broken\n')
    rows = iter(read_part(file)["rows"])
    assert [next(rows), next(rows), next(rows)] == [1, 2, 3]
    with pytest.raises(ValueError):
        next(rows)


NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.text(), JSON, max_size=3), st.dictionaries(st.text(), st.lists(JSON, max_size=3), max_size=3))
def test_whatever_stands_in_a_view_comes_back(
    tmp_path_factory: pytest.TempPathFactory, short: dict[str, Any], lists: dict[str, list[Any]]
) -> None:
    view = short | {name: Rows(lambda found=found: iter(found)) for name, found in lists.items()}
    assert json.loads(written(view)) == short | lists
    file = tmp_path_factory.getbasetemp() / "any.jsonl"
    file.write_bytes(b"".join(part_chunks(view)))
    assert plain(read_part(file)) == short | lists

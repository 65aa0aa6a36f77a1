"""JSON files of any length, written and read row by row: memory does not grow with their rows."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from dlf_core.views import Rows

_CHUNK = 256


def json_chunks(value: object) -> Iterator[bytes]:
    """A JSON document in pieces: the keys of an object and the rows of a `Rows` a line each."""
    if isinstance(value, Mapping) and value:
        for index, (key, inner) in enumerate(value.items()):
            yield (b"{\n  " if index == 0 else b",\n  ") + orjson.dumps(key) + b": "
            yield from _rows(inner, b"    ", b"  ") if isinstance(inner, Rows) else _whole(inner)
        yield b"\n}\n"
    elif isinstance(value, Rows):
        yield from _rows(value, b"  ", b"")
        yield b"\n"
    else:
        yield orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def part_chunks(part: Mapping[str, Any]) -> Iterator[bytes]:
    """A part of a view as lines: what is short first, then `["<name>", row]` for every row of its lists."""
    short = {key: value for key, value in part.items() if not isinstance(value, Rows)}
    lists = [key for key, value in part.items() if isinstance(value, Rows)]
    yield orjson.dumps({"short": short, "lists": lists}) + b"\n"
    for name in lists:
        for rows in _batches(part[name]):
            yield b"".join(orjson.dumps([name, row]) + b"\n" for row in rows)


def read_part(file: Path) -> dict[str, Any]:
    """What `part_chunks` wrote; lists are read when they are iterated."""
    with file.open("rb") as lines:
        head = orjson.loads(lines.readline())
    lists = {name: Rows(functools.partial(_read_rows, file, name)) for name in head["lists"]}
    return {**head["short"], **lists}


def _read_rows(file: Path, name: str) -> Iterator[Any]:
    start = b"[" + orjson.dumps(name) + b","
    with file.open("rb") as lines:
        lines.readline()
        for line in lines:
            if line.startswith(start):
                yield orjson.loads(line)[1]


def _whole(value: object) -> Iterator[bytes]:
    yield orjson.dumps(value, option=orjson.OPT_INDENT_2).replace(b"\n", b"\n  ")


def _rows(rows: Rows, indent: bytes, closing: bytes) -> Iterator[bytes]:
    yield b"["
    first = True
    for batch in _batches(rows):
        text = (b",\n" + indent).join(orjson.dumps(row) for row in batch)
        yield (b"\n" if first else b",\n") + indent + text
        first = False
    yield b"]" if first else b"\n" + closing + b"]"


def _batches(rows: Iterable[Any]) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for row in rows:
        batch.append(row)
        if len(batch) >= _CHUNK:
            yield batch
            batch = []
    if batch:
        yield batch

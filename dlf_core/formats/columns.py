"""Rows to Arrow columns and back, at the speed of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

_BATCH = 65_536


class Columns:
    """Rows that become a table; they wait as Python objects only until there are some ten thousand.

    Args:
        schema: of the table.
    """

    def __init__(self, schema: pa.Schema):
        self._schema = schema
        self._rows: list[Sequence[Any]] = []
        self._names: Sequence[str] = schema.names
        self._batches: list[pa.RecordBatch] = []

    def append(self, row: Sequence[Any], names: Sequence[str]) -> None:
        """One more row; the names of its values are the same for every row."""
        self._names = names
        self._rows.append(row)
        if len(self._rows) >= _BATCH:
            self._flush()

    def table(self) -> pa.Table:
        """All rows."""
        self._flush()
        return pa.Table.from_batches(self._batches, plain(self._schema))

    def _flush(self) -> None:
        if self._rows:
            columns = dict(zip(self._names, zip(*self._rows, strict=True), strict=True))
            arrays = [pa.array(columns[one.name], one.type) for one in plain(self._schema)]
            self._batches.append(pa.RecordBatch.from_arrays(arrays, schema=plain(self._schema)))
            self._rows = []


def table_of(columns: Mapping[str, Any], schema: pa.Schema) -> pa.Table:
    """A table of lists or arrays; columns that are not there are null."""
    rows = len(next(iter(columns.values())))
    made = [
        pa.array(columns[one.name], one.type) if one.name in columns else pa.nulls(rows, one.type)
        for one in plain(schema)
    ]
    return pa.Table.from_arrays(made, schema=plain(schema))


def together(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table in one piece and in its schema; columns of few different words are stored as numbers of words.

    Columns that it lacks are null.
    """
    columns: list[pa.Array] = []
    for one in schema:
        if one.name not in table.column_names:
            columns.append(pa.nulls(len(table), one.type))
            continue
        column = table[one.name]
        if pa.types.is_dictionary(one.type) and not pa.types.is_dictionary(column.type):
            column = column.cast(one.type.value_type).dictionary_encode()
        columns.append(_in_one_piece(column.unify_dictionaries().cast(one.type), one.type))
    return pa.Table.from_arrays(columns, schema=schema)


def lists_of(table: pa.Table) -> dict[str, list[Any]]:
    """Column → its values as Python objects."""
    return {name: _list(table[name]) for name in table.column_names}


def _list(column: pa.ChunkedArray) -> list[Any]:
    if not pa.types.is_dictionary(column.type):
        return list(column.to_pylist())
    # Arrow looks every word up by itself: forty times as long.
    values: list[Any] = []
    for chunk in column.chunks:
        words = np.array([*chunk.dictionary.to_pylist(), None], dtype=object)
        values += words[chunk.indices.fill_null(len(words) - 1).to_numpy()].tolist()
    return values


def _in_one_piece(column: pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    return column.combine_chunks() if column.num_chunks else pa.array([], kind)


def plain(schema: pa.Schema) -> pa.Schema:
    """The schema without numbered words."""
    return pa.schema(
        [pa.field(one.name, one.type.value_type if pa.types.is_dictionary(one.type) else one.type) for one in schema]
    )

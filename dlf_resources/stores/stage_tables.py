"""Stage tables as Parquet in a store: `labels/<stage>/<partition key>.parquet`."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from dlf_core.errors import StoreError
from dlf_core.records import SCHEMAS, SORT_KEYS, empty_table, sort_table
from dlf_resources.heap import leave_out_pandas, return_large_buffers
from dlf_resources.stores.arrow_files import arrow_file
from dlf_resources.stores.base import Store

_ROW_GROUP = 16_384
_RUN = b"dlf.run"
_ALL_DIFFERENT = ("_id", "_key", "path", "url", "sha256", "phash", "_mirrored", "fingerprint", "seconds", "p_yes")


def table_key(stage: str, partition: str) -> str:
    """Where the table of a stage and partition lies."""
    return f"labels/{stage}/{partition}.parquet"


def superseded_key(stage: str, partition: str) -> str:
    """Where answers lie that the project no longer asks for."""
    return f"labels/{stage}/{partition}.superseded.parquet"


def encode(table: pa.Table) -> bytes:
    """Parquet bytes; equal tables give equal bytes."""
    buffer = io.BytesIO()
    # Small row groups, and no dictionary of what is different in every row: both cost memory while they are built.
    alike = [name for name in table.column_names if not name.endswith(_ALL_DIFFERENT)]
    pq.write_table(table, buffer, compression="zstd", version="2.6", row_group_size=_ROW_GROUP, use_dictionary=alike)
    return buffer.getvalue()


def decode(content: bytes | Path, stage: str, name: str, columns: Sequence[str] | None = None) -> pa.Table:
    """A stage table, or some of its columns, from Parquet bytes or a file of them, in today's schema.

    A column that an older version lacked is null, or empty where every row must have a value; columns of a newer
    version are left out.

    Raises:
        StoreError: the bytes are no Parquet table of this stage.
    """
    return_large_buffers()
    leave_out_pandas()
    try:
        with arrow_file(content) as source:
            file = pq.ParquetFile(source)
            present = file.schema_arrow
            wanted = present.names if columns is None else [name for name in present.names if name in columns]
            # Row group by row group: reading all at once takes several times the memory of what is read.
            batches = file.iter_batches(_ROW_GROUP, columns=wanted, use_threads=False)
            table = pa.Table.from_batches(batches, pa.schema([present.field(name) for name in wanted]))
            return _conformed(table, stage, columns, set(present.names))
    except (pa.ArrowException, OSError, ValueError) as error:
        first = str(error).splitlines()[0][:200]
        text = f"{name}: is not a {stage} table ({first}); delete it and run the {stage} stage again."
        raise StoreError(text) from None


def _conformed(table: pa.Table, stage: str, wanted: Sequence[str] | None, present: set[str]) -> pa.Table:
    schema = SCHEMAS[stage]
    if wanted is not None:
        schema = pa.schema([schema.field(name) for name in wanted])
    if absent := {*SORT_KEYS[stage]} - present:
        raise ValueError(f"it has no column {sorted(absent)[0]}")
    columns = []
    for field in schema:
        if field.name in present:
            columns.append(table[field.name].cast(field.type))
        elif field.nullable:
            columns.append(pa.nulls(len(table), field.type))
        else:
            columns.append(pa.array([_nothing(field.type)] * len(table), field.type))
    return pa.Table.from_arrays(columns, schema=schema)


def _nothing(kind: pa.DataType) -> object:
    """The value that says least."""
    if pa.types.is_string(kind):
        return ""
    if pa.types.is_list(kind):
        return []
    return False if pa.types.is_boolean(kind) else 0


class StageTables:
    """Reads and writes whole stage tables of one project."""

    def __init__(self, store: Store):
        self.store = store

    def exists(self, stage: str, partition: str) -> bool:
        """Whether the stage has run for this partition."""
        return self.store.exists(table_key(stage, partition))

    def keys(self, stage: str) -> list[str]:
        """Partitions for which the stage has run, whatever project they are of."""
        names = (PurePosixPath(key) for key in self.store.list(f"labels/{stage}"))
        tables = (name for name in names if name.suffix == ".parquet" and len(name.parts) == 3)
        return [name.stem for name in tables if not name.stem.endswith(".superseded")]

    def read(self, stage: str, partition: str, columns: Sequence[str] | None = None) -> pa.Table | None:
        """The table, or some of its columns, or None when the stage has not run for this partition."""
        if not self.exists(stage, partition):
            return None
        key = table_key(stage, partition)
        # From its file: of a large table only the columns asked for are read.
        return decode(self.store.path(key), stage, key, columns)

    def read_or_empty(self, stage: str, partition: str) -> pa.Table:
        """The table; one without rows when the stage has not run."""
        table = self.read(stage, partition)
        return empty_table(stage) if table is None else table

    def read_superseded(self, stage: str, partition: str) -> pa.Table:
        """Answers to what the project once asked and no longer does."""
        key = superseded_key(stage, partition)
        return decode(self.store.get(key), stage, key) if self.store.exists(key) else empty_table(stage)

    def write_superseded(self, stage: str, partition: str, table: pa.Table) -> None:
        """Set answers aside; without any, nothing is kept."""
        key = superseded_key(stage, partition)
        if not len(table):
            self.store.delete(key)
            return
        content = encode(sort_table(stage, table.combine_chunks()))
        if not self._is_there(key, content):
            self.store.put(key, content)

    def run(self, stage: str, partition: str) -> str | None:
        """The Dagster run that gave the table the content it has; None where it is not known."""
        key = table_key(stage, partition)
        if not self.store.exists(key):
            return None
        try:
            with arrow_file(self.store.path(key)) as source:
                said = (pq.read_schema(source).metadata or {}).get(_RUN)
        except (pa.ArrowException, OSError):
            return None  # whoever reads the table tells what is wrong with it
        return said.decode("utf-8", "replace") if said else None

    def write(self, stage: str, partition: str, table: pa.Table, run: str | None = None) -> None:
        """Replace the table as a whole. Equal content is not written again, so file times tell of change.

        Args:
            stage: whose table it is.
            partition: key of its partition.
            table: the whole of it.
            run: the Dagster run that made it.
        """
        key = table_key(stage, partition)
        # Another run that came to the same content is none that gave it.
        if not self._is_there(key, encode(_by(table, self.run(stage, partition)))):
            self.store.put(key, encode(_by(table, run)))

    def _is_there(self, key: str, content: bytes) -> bool:
        return self.store.size(key) == len(content) and self.store.get(key) == content


def _by(table: pa.Table, run: str | None) -> pa.Table:
    return table if run is None else table.replace_schema_metadata({**(table.schema.metadata or {}), _RUN: run})

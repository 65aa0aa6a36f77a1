"""Files that list addresses: plain text, CSV, TSV, Parquet."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from dlf_core.errors import SourceError
from dlf_resources.stores.arrow_files import arrow_file

LISTS = frozenset({".txt", ".csv", ".tsv", ".parquet"})
"""Endings of files that are lists of addresses."""

# Other names under which lists of others carry an address.
_ADDRESS_COLUMNS = ("url", "image_url", "image", "URL", "path", "file")


@dataclass(frozen=True, slots=True)
class Listed:
    """An address of a list, and what the list says of it."""

    url: str
    title: str | None = None
    author: str | None = None
    license: str | None = None
    license_url: str | None = None
    page: str | None = None
    attribution: str | None = None
    group: str | None = None

    def told(self) -> dict[str, Any]:
        """What the list says beside the address, without what it leaves open."""
        every = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in every.items() if name != "url" and value is not None}


def listed(path: Path, said: str) -> Iterator[Listed]:
    """The addresses of a list, in its order.

    Args:
        path: the list.
        said: how errors begin.

    Raises:
        SourceError: the file cannot be read, or has no column of addresses; with the line where there is one.
    """
    try:
        if path.suffix.lower() == ".txt":
            yield from _of_text(path)
        elif path.suffix.lower() == ".parquet":
            yield from _of_parquet(path, said)
        else:
            yield from _of_table(path, said)
    except OSError as error:
        raise SourceError(f"{said}: {path} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise SourceError(f"{said}: {path} is not UTF-8 text; save it as UTF-8.") from None


def _of_text(path: Path) -> Iterator[Listed]:
    with path.open(encoding="utf-8-sig") as lines:
        for line in lines:
            address = line.strip()
            if address and not address.startswith("#"):
                yield Listed(address)


def _of_table(path: Path, said: str) -> Iterator[Listed]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        # strict: a quote that is never closed would swallow the rows after it.
        rows = csv.DictReader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",", strict=True)
        try:
            rows.fieldnames = [name.strip() for name in rows.fieldnames or ()]
            column = _address_column(list(rows.fieldnames), path, said)
            for row in rows:
                if entry := _entry(row, column):
                    yield entry
        except csv.Error as error:
            raise SourceError(f"{said}: {path}, line {rows.reader.line_num}: {error}.") from None


def _of_parquet(path: Path, said: str) -> Iterator[Listed]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with arrow_file(path) as opened:  # what cannot be opened is told as for the other kinds
        try:
            file = pq.ParquetFile(opened)
            names = file.schema_arrow.names
            column = _address_column(names, path, said)
            kind = file.schema_arrow.field(column).type
            if not _is_text(kind):
                raise SourceError(f"{said}: {path}: its column '{column}' holds {kind}, not addresses.")
            known = [name for name in names if name == column or name in {field.name for field in fields(Listed)}]
            for batch in file.iter_batches(4096, columns=known, use_threads=False):
                for row in batch.to_pylist():
                    if entry := _entry(row, column):
                        yield entry
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            why = (str(error) or type(error).__name__).splitlines()[0][:120].rstrip(".")
            raise SourceError(f"{said}: {path} is no Parquet file, or a damaged one ({why}).") from None


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind))


def _address_column(names: list[str], path: Path, said: str) -> str:
    for name in _ADDRESS_COLUMNS:
        if name in names:
            return name
    found = f"it has: {', '.join(names)}" if names else "it is empty"
    raise SourceError(f"{said}: {path} has no column 'url' ({found}); name the column of addresses so.")


def _entry(row: dict[str, Any], column: str) -> Listed | None:
    address = str(row.get(column) or "").strip()
    if not address:
        return None
    names = [field.name for field in fields(Listed) if field.name != "url" and field.name != column]
    told = {name: str(row[name]).strip() for name in names if row.get(name) is not None}
    return Listed(address, **{name: text for name, text in told.items() if text})

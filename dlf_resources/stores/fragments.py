"""What a stage has finished so far, on disk within two seconds: `labels/<stage>/<partition>.parts/`.

A killed process loses at most what was not flushed. The next run reads the fragments together with the old
table; once a new table holds their rows, they go.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from dlf_core.errors import StoreError
from dlf_core.records import empty_table, to_table
from dlf_resources.stores.base import Store
from dlf_resources.stores.stage_tables import decode, encode

FLUSH_SECONDS = 2.0
FLUSH_ROWS = 256
_COMBINED = 16


@dataclass(frozen=True, slots=True)
class StageOutput:
    """A finished stage table, and the fragments whose rows went into it."""

    stage: str
    table: pa.Table
    fragments: tuple[str, ...] = ()


class Fragments:
    """Appends rows of one stage and partition; a thread flushes them while the backend is slow.

    Use as a context manager: leaving it, also by an error, flushes what is there.
    """

    def __init__(self, store: Store, stage: str, partition: str):
        self.store = store
        self.stage = stage
        self.folder = f"labels/{stage}/{partition}.parts"
        self.keys: list[str] = []
        self._rows: list[Any] = []
        self._written: list[pa.Table] = []
        self._combined: list[pa.Table] = []
        self._oldest = 0.0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._failure: StoreError | None = None
        self._name = f"{time.time_ns():020d}-{os.getpid()}"
        self._flusher = threading.Thread(target=self._flush_in_time, name="fragments", daemon=True)

    def read(self) -> pa.Table:
        """Rows of earlier, unfinished runs, later ones last. A damaged fragment is dropped: its rows are asked anew."""
        tables = [empty_table(self.stage)]
        for key in self.store.list(self.folder):
            try:
                content = self.store.get(key)
            except StoreError:
                if self.store.exists(key):
                    raise  # an error that passes by itself; nothing may be lost by it
                continue  # a run that ended just now has removed it: its rows are in the table
            try:
                tables.append(decode(content, self.stage, key))
            except StoreError:
                self.store.delete(key)
                continue
            self.keys.append(key)
        return pa.concat_tables(tables)

    def __enter__(self) -> Fragments:
        self._flusher.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._stop.set()
        self._flusher.join()
        if self._failure is None:
            self.flush()
        elif error is None:
            raise self._failure

    def append(self, records: Iterable[Any]) -> None:
        """Add finished rows.

        Raises:
            StoreError: an earlier flush failed (disk full, say); the run must end.
        """
        if self._failure is not None:
            raise self._failure
        with self._lock:
            if not self._rows:
                self._oldest = time.monotonic()
            self._rows.extend(records)
            full = len(self._rows) >= FLUSH_ROWS
        if full:
            self.flush()

    def flush(self) -> None:
        """Write waiting rows as one fragment."""
        with self._lock:
            if not self._rows:
                return
            key = f"{self.folder}/{self._name}-{len(self.keys):06d}.parquet"
            table = to_table(self.stage, self._rows)
            self.store.put(key, encode(table), durable=False)
            self.keys.append(key)
            self._rows = []
            self._written.append(table)
            if len(self._written) >= _COMBINED:  # many small tables cost more than their rows
                self._combined.append(pa.concat_tables(self._written).combine_chunks())
                self._written = []

    def take_written(self) -> list[pa.Table]:
        """The rows that were flushed since this was called last, in their order; this lets go of them."""
        with self._lock:
            tables, self._combined, self._written = [*self._combined, *self._written], [], []
            return tables

    def _flush_in_time(self) -> None:
        while not self._stop.wait(FLUSH_SECONDS / 8):
            with self._lock:
                due = bool(self._rows) and time.monotonic() - self._oldest >= FLUSH_SECONDS * 0.75
            if due:
                try:
                    self.flush()
                except StoreError as error:
                    self._failure = error
                    return

"""A source as a gather holds it, asked outside an event loop; lists of addresses; a pipe that nobody writes into."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dlf_core.errors import ImageRejected
from dlf_core.project import Project
from dlf_resources.sources import Candidate, Source, Surroundings
from dlf_resources.web.addresses import AddressGuard
from dlf_resources.web.connection import Connection
from dlf_resources.web.hosts import HostLimit, Hosts

LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]
PATIENCE = 5.0


def around(project: Project, *, loopback: bool = False) -> Surroundings:
    """What a source of the project works with; the process's own table of hosts stays untouched."""
    guard = AddressGuard(allowed=LOOPBACK if loopback else [])
    work = project.file.parent / "work"
    return Surroundings(project, Connection(project.web, guard, Hosts(HostLimit(None, 64, 64))), work, work / "records")


def candidates_of(source: Source, line: str, most: int | None = None) -> list[Candidate]:
    async def all_of_them() -> list[Candidate]:
        return [candidate async for candidate in source.find(line, most)]

    return asyncio.run(all_of_them())


def content_of(source: Source, candidate: Candidate, max_bytes: int = 100) -> bytes:
    return asyncio.run(source.fetch(candidate, max_bytes))


def download_of(source: Source, surroundings: Surroundings, candidate: Candidate, max_bytes: int = 100) -> bytes:
    """The bytes of a candidate, with the connection open as it is while a bucket is gathered."""

    async def download() -> bytes:
        async with surroundings.connection.open():
            return await source.fetch(candidate, max_bytes)

    return asyncio.run(download())


def write_list(path: Path, rows: Sequence[dict[str, object]]) -> Path:
    """A table in the format of its ending; the columns are those of the first row."""
    names = list(rows[0])
    if path.suffix == ".parquet":
        pq.write_table(pa.table({name: [row[name] for row in rows] for name in names}), path)
        return path
    sign = "\t" if path.suffix == ".tsv" else ","
    lines = [
        sign.join(names),
        *(sign.join("" if row[name] is None else str(row[name]) for name in names) for row in rows),
    ]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def refusal_of(source: Source, candidate: Candidate, max_bytes: int = 100) -> tuple[str, str]:
    with pytest.raises(ImageRejected) as caught:
        content_of(source, candidate, max_bytes)
    return str(caught.value.state), caught.value.reason


@contextlib.contextmanager
def nobody_writes(pipe: Path) -> Iterator[None]:
    """Within it a pipe has no writer: who waits for one fails, and does not hang, for in the end one comes.

    (An alarm would not do: the reading is done in a thread, and an event loop waits for its threads when it ends.)
    """
    os.mkfifo(pipe)

    def release() -> None:
        with contextlib.suppress(OSError):  # nobody reads
            os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))

    writer = threading.Timer(PATIENCE, release)
    began = time.monotonic()
    writer.start()
    try:
        yield
    finally:
        writer.cancel()
    assert time.monotonic() - began < PATIENCE, "it waited for a writer"

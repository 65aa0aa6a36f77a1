"""Machines that share a bucket: each a workspace with a data root of its own."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from workspaces import TestWorkspace, make_workspace

from dlf_core.records import CLOCK_COLUMNS
from object_store.seaweed import ObjectStore

STAGES = ("gather", "filter", "label", "verify", "review")


@dataclass(frozen=True)
class Machine(TestWorkspace):
    """A workspace whose projects lie where `told` says."""

    __test__ = False

    told: Mapping[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        return {name: value for name, value in super().env.items() if not name.startswith("R2_")} | dict(self.told)

    def tables(self, project: str) -> dict[str, pa.Table]:
        """Stage tables on this disk by key, without the columns that tell the time."""
        found = (self.data(project) / "labels").glob("*/*.parquet")
        return {
            f"labels/{file.parent.name}/{file.name}": timeless(file.read_bytes())
            for file in found
            if file.parent.name in STAGES
        }


@dataclass(frozen=True)
class Bucket:
    """A bucket of a test's own."""

    server: ObjectStore
    name: str

    def machine(self, root: Path, endpoint: str | None = None) -> Machine:
        told = {
            "DLF_STORE": "r2",
            "R2_ENDPOINT_URL": endpoint or self.server.endpoint_url,
            "R2_ACCESS_KEY_ID": self.server.access_key,
            "R2_SECRET_ACCESS_KEY": self.server.secret_key,
            "R2_BUCKET": self.name,
        }
        return Machine(make_workspace(root).root, told)

    def objects(self) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return [entry["Key"] for page in pages for entry in page.get("Contents", ())]

    def tables(self) -> dict[str, pa.Table]:
        return {key: timeless(self._read(key)) for key in self.objects() if key.endswith(".parquet")}

    def missing_images(self) -> list[str]:
        """Images that a gather table names and that do not lie there."""
        keys = self.objects()
        tables = [pq.read_table(io.BytesIO(self._read(key))) for key in keys if key.startswith("labels/gather/")]
        named = {path for table in tables for path in table["path"].to_pylist() if path is not None}
        return sorted(named - set(keys))

    @property
    def client(self) -> Any:
        return self.server._client

    def _read(self, key: str) -> bytes:
        content: bytes = self.client.get_object(Bucket=self.name, Key=key)["Body"].read()
        return content


def local_machine(root: Path) -> Machine:
    """One that keeps everything on its disk."""
    return Machine(make_workspace(root).root)


def timeless(content: bytes) -> pa.Table:
    table = pq.read_table(io.BytesIO(content))
    return table.drop_columns([name for name in CLOCK_COLUMNS if name in table.column_names])

"""The Dagster IO manager: a partition's table in the project's store, fragments gone only when it is whole."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from dlf_core.errors import StoreError
from dlf_core.project import Project
from dlf_core.records import to_table
from dlf_resources.dagster_resources import ProjectsResource
from dlf_resources.projects import store_of, tables_of
from dlf_resources.stores.fragments import Fragments, StageOutput
from dlf_resources.stores.tables import STAGE_METADATA, ParquetTableIOManager, only_columns

KEY = "tiny__positive.x"
PARTITIONS = dg.StaticPartitionsDefinition([KEY])


@pytest.fixture
def manager(project: Project) -> ParquetTableIOManager:
    return ParquetTableIOManager(projects=ProjectsResource(folder=str(project.file.parent)))


@pytest.fixture
def upstream() -> Iterator[dg.OutputContext]:
    with dg.build_output_context(
        asset_key="filtered_images",
        partition_key=KEY,
        asset_partitions_def=PARTITIONS,
        definition_metadata={STAGE_METADATA: "filter"},
    ) as context:
        yield context


def loaded(
    manager: ParquetTableIOManager, upstream: dg.OutputContext | None, metadata: Mapping[str, Any] | None = None
) -> pa.Table | dict[str, pa.Table]:
    with dg.build_input_context(
        name="filtered_images",
        upstream_output=upstream,
        asset_key="filtered_images",
        partition_key=KEY,
        asset_partition_key_range=dg.PartitionKeyRange(KEY, KEY),
        asset_partitions_def=PARTITIONS,
        definition_metadata=metadata,
    ) as context:
        return manager.load_input(context)


def test_a_table_is_stored_with_its_path_and_count_and_its_fragments_go(
    manager: ParquetTableIOManager, upstream: dg.OutputContext, project: Project, rows: ModuleType
) -> None:
    store = store_of(project)
    with Fragments(store, "filter", KEY) as fragments:
        fragments.append([rows.verdict("a")])
    table = to_table("filter", [rows.verdict("a"), rows.verdict("b")])
    manager.handle_output(upstream, StageOutput("filter", table, tuple(fragments.keys)))
    assert tables_of(project).read("filter", KEY).equals(table)
    assert list(store.list("labels")) == [f"labels/filter/{KEY}.parquet"]
    metadata = upstream.get_logged_metadata()
    assert metadata["dagster/row_count"].value == 2
    assert Path(metadata["table"].value) == store.path(f"labels/filter/{KEY}.parquet")


def test_an_input_is_the_whole_table_or_the_columns_it_names(
    manager: ParquetTableIOManager, upstream: dg.OutputContext, rows: ModuleType
) -> None:
    table = to_table("filter", [rows.verdict("b", "NO"), rows.verdict("a")])
    manager.handle_output(upstream, StageOutput("filter", table, ()))
    assert loaded(manager, upstream).equals(table)
    some = loaded(manager, upstream, only_columns("verdict", "image_id").metadata)
    assert some.equals(table.select(["verdict", "image_id"]))


def test_a_table_that_cannot_be_written_leaves_the_fragments(
    manager: ParquetTableIOManager,
    upstream: dg.OutputContext,
    project: Project,
    rows: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Fragments(store_of(project), "filter", KEY) as fragments:
        fragments.append([rows.verdict("a")])

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StoreError, match="the disk is full"):
        manager.handle_output(
            upstream, StageOutput("filter", to_table("filter", [rows.verdict("a")]), tuple(fragments.keys))
        )
    assert Fragments(store_of(project), "filter", KEY).read()["image_id"].to_pylist() == ["a"]


def test_a_stage_that_has_not_run_is_told_with_the_command_that_runs_it(
    manager: ParquetTableIOManager, upstream: dg.OutputContext
) -> None:
    with pytest.raises(StoreError) as caught:
        loaded(manager, upstream)
    assert str(caught.value) == (
        "bucket 'positive/x' of 'tiny' has no filter table yet; "
        "run `dlf filter --project tiny --bucket positive/x` first."
    )


def test_an_input_of_no_stage_is_an_error(manager: ParquetTableIOManager) -> None:
    with pytest.raises(StoreError, match="input 'filtered_images' comes from no stage"):
        loaded(manager, None)

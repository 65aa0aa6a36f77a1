"""The Dagster IO manager: a partition's table in the project's store, fragments gone only when it is whole."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import ModuleType

import dagster as dg
import pytest

from dlf_core.errors import StoreError
from dlf_core.project import Project
from dlf_core.records import to_table
from dlf_resources.dagster_resources import ProjectsResource
from dlf_resources.projects import store_of, tables_of
from dlf_resources.stores.fragments import Fragments, StageOutput
from dlf_resources.stores.tables import STAGE_METADATA, ParquetTableIOManager

KEY = "tiny__positive.x"
PARTITIONS = dg.StaticPartitionsDefinition([KEY])


@pytest.fixture
def manager(project: Project) -> ParquetTableIOManager:
    return ParquetTableIOManager(projects=ProjectsResource(folder=str(project.file.parent)))


def stored(manager: ParquetTableIOManager, output: StageOutput) -> dg.OutputContext:
    context = dg.build_output_context(
        asset_key="filtered_images",
        partition_key=KEY,
        asset_partitions_def=PARTITIONS,
        definition_metadata={STAGE_METADATA: "filter"},
    )
    manager.handle_output(context, output)
    return context


def loading(upstream: dg.OutputContext | None) -> dg.InputContext:
    return dg.build_input_context(
        name="filtered_images",
        upstream_output=upstream,
        asset_key="filtered_images",
        partition_key=KEY,
        asset_partition_key_range=dg.PartitionKeyRange(KEY, KEY),
        asset_partitions_def=PARTITIONS,
    )


def test_a_table_is_stored_with_its_path_and_count_and_its_fragments_go(
    manager: ParquetTableIOManager, project: Project, rows: ModuleType
) -> None:
    store = store_of(project)
    with Fragments(store, "filter", KEY) as fragments:
        fragments.append([rows.verdict("a")])
    table = to_table("filter", [rows.verdict("a"), rows.verdict("b")])
    context = stored(manager, StageOutput("filter", table, tuple(fragments.keys)))
    assert tables_of(project).read("filter", KEY).equals(table)
    assert list(store.list("labels")) == [f"labels/filter/{KEY}.parquet"]
    metadata = context.get_logged_metadata()
    assert metadata["dagster/row_count"].value == 2
    assert Path(metadata["table"].value) == store.path(f"labels/filter/{KEY}.parquet")


def test_a_table_that_cannot_be_written_leaves_the_fragments(
    manager: ParquetTableIOManager, project: Project, rows: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Fragments(store_of(project), "filter", KEY) as fragments:
        fragments.append([rows.verdict("a")])

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StoreError, match="the disk is full"):
        stored(manager, StageOutput("filter", to_table("filter", [rows.verdict("a")]), tuple(fragments.keys)))
    assert Fragments(store_of(project), "filter", KEY).read()["image_id"].to_pylist() == ["a"]


def test_a_stage_that_has_not_run_is_told_with_the_command_that_runs_it(
    manager: ParquetTableIOManager, project: Project
) -> None:
    with pytest.raises(StoreError) as caught:
        manager._read("filter", KEY)
    assert str(caught.value) == (
        "bucket 'positive/x' of 'tiny' has no filter table yet; "
        "run `dlf filter --project tiny --bucket positive/x` first."
    )


def test_an_input_of_no_stage_is_an_error(manager: ParquetTableIOManager) -> None:
    with pytest.raises(StoreError, match="input 'filtered_images' comes from no stage"):
        manager.load_input(loading(None))

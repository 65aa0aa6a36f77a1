"""Tables of several partitions, written and loaded by Dagster itself: on disk and in a bucket, the same assets."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import dagster as dg
import pyarrow as pa
import pytest
from object_store.corner import Corner

from dlf_core.errors import StoreError
from dlf_core.project import Project
from dlf_core.records import to_table
from dlf_resources.dagster_resources import ProjectsResource
from dlf_resources.projects import tables_of
from dlf_resources.stores.fragments import StageOutput
from dlf_resources.stores.tables import STAGE_METADATA, ParquetTableIOManager

pytest_plugins = ["object_store.fixtures"]

BUCKETS = ("positive/x", "positive/über grün", "negative/x")


class Line:
    """Two assets: a filter table a bucket, and one that takes as many of them as it is asked for."""

    def __init__(self, project: Project, store: str, rows: ModuleType) -> None:
        self.project = project
        self.keys = project.partition_keys()
        self.loaded: dict[str, pa.Table] = {}
        self.manager = ParquetTableIOManager(projects=ProjectsResource(folder=str(project.file.parent), store=store))
        partitions = dg.StaticPartitionsDefinition(sorted(self.keys.values()))
        names = {key: bucket for bucket, key in self.keys.items()}

        @dg.asset(partitions_def=partitions, metadata={STAGE_METADATA: "filter"}, io_manager_key="tables")
        def filtered(context: dg.AssetExecutionContext):
            return StageOutput("filter", to_table("filter", [rows.verdict(names[context.partition_key])]), ())

        several = dg.BackfillPolicy.single_run()

        @dg.asset(partitions_def=partitions, backfill_policy=several)
        def some(filtered) -> None:
            self.loaded = filtered

        @dg.asset(ins={"filtered": dg.AssetIn(partition_mapping=dg.AllPartitionMapping())})
        def every(filtered) -> None:
            self.loaded = filtered

        self.defs = dg.Definitions([filtered, some, every], resources={"tables": self.manager})
        self.instance = dg.DagsterInstance.ephemeral()

    def run(self, asset: str, first: str | None = None, last: str | None = None) -> None:
        """Materialise an asset for a partition, a range of them, or as a whole."""
        job = self.defs.resolve_implicit_global_asset_job_def()
        tags = {}
        if last is not None:
            tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        job.execute_in_process(
            partition_key=first if last is None else None,
            asset_selection=[dg.AssetKey(asset)],
            tags=tags,
            instance=self.instance,
        )

    def ids(self) -> dict[str, list[str]]:
        return {key: table["image_id"].to_pylist() for key, table in self.loaded.items()}


@pytest.fixture(params=["local", "r2"])
def line(
    request: pytest.FixtureRequest,
    make_project: Callable[..., Project],
    rows: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
) -> Line:
    more = {}
    if request.param == "r2":
        corner: Corner = request.getfixturevalue("corner")
        server = corner.server
        told = {"R2_ENDPOINT_URL": server.endpoint_url, "R2_BUCKET": corner.bucket}
        told |= {"R2_ACCESS_KEY_ID": server.access_key, "R2_SECRET_ACCESS_KEY": server.secret_key}
        for name, value in told.items():
            monkeypatch.setenv(name, value)
        more["r2"] = f"{{raw_prefix: {corner.prefix}raw, labels_prefix: {corner.prefix}labels}}"
    buckets = ", ".join(f"{name}: {{folders: [photos]}}" for name in BUCKETS)
    project = make_project(buckets=f"{{{buckets}}}", **more)
    return Line(project, request.param, rows)


def test_one_several_and_all_partitions_of_a_project_are_loaded(line: Line, tmp_path: Path) -> None:
    for key in line.keys.values():
        line.run("filtered", key)
    on_disk = sorted(tmp_path.joinpath("data").rglob("labels/filter/*.parquet"))
    assert len(on_disk) == (0 if line.manager.projects.store == "r2" else len(BUCKETS))
    expected = {key: [bucket] for bucket, key in line.keys.items()}
    keys = sorted(line.keys.values())

    line.run("some", keys[0])
    assert line.loaded["image_id"].to_pylist() == expected[keys[0]]
    line.run("some", keys[0], keys[1])
    assert line.ids() == {key: expected[key] for key in keys[:2]}
    line.run("every")
    assert line.ids() == expected


def test_a_partition_that_has_no_table_yet_is_named(line: Line) -> None:
    line.run("filtered", line.keys["negative/x"])
    with pytest.raises(StoreError, match=r"bucket 'positive/.*' of 'tiny' has no filter table yet; run `dlf filter "):
        line.run("every")


def test_a_table_replaces_that_of_its_own_partition_only(line: Line, rows: ModuleType) -> None:
    for key in line.keys.values():
        line.run("filtered", key)
    x, other = line.keys["positive/x"], line.keys["positive/über grün"]
    tables = tables_of(line.manager.projects.of_partition(x)[0])
    tables.write("filter", x, to_table("filter", [rows.verdict("new")]))
    found = {key: tables.read_or_empty("filter", key)["image_id"].to_pylist() for key in (x, other)}
    assert found == {x: ["new"], other: ["positive/über grün"]}

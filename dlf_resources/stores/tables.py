"""The Dagster IO manager of the stage tables: one Parquet table an asset partition, in the project's store."""

import dagster as dg
import pyarrow as pa

from dlf_core.errors import StoreError
from dlf_resources.dagster_resources import ProjectsResource
from dlf_resources.projects import store_of
from dlf_resources.stores.fragments import StageOutput
from dlf_resources.stores.stage_tables import StageTables, table_key

STAGE_METADATA = "dlf/stage"
"""Asset metadata that names the stage whose table the asset is."""


COLUMNS_METADATA = "columns"
"""Input metadata: the columns an asset needs. A table of a million rows is not read for two of them."""


def only_columns(*names: str) -> dg.AssetIn:
    """An input of which these columns are read."""
    return dg.AssetIn(metadata={COLUMNS_METADATA: list(names)})


class ParquetTableIOManager(dg.ConfigurableIOManager):
    """Writes a `StageOutput` as a whole table, then removes the fragments that went into it; reads tables back."""

    projects: dg.ResourceDependency[ProjectsResource]

    def handle_output(self, context: dg.OutputContext, obj: StageOutput) -> None:
        """Replace the partition's table. The old one stays until the new one is whole on disk."""
        # A backfill names its one partition as a range, and then `context.partition_key` does not know it.
        key = context.asset_partition_key
        project, _ = self.projects.of_partition(key)
        store = store_of(project)
        StageTables(store).write(obj.stage, key, obj.table, context.run_id)
        for fragment in obj.fragments:
            store.delete(fragment)
        where = store.address(table_key(obj.stage, key))
        context.add_output_metadata({"table": dg.MetadataValue.path(where), "dagster/row_count": len(obj.table)})

    def load_input(self, context: dg.InputContext) -> pa.Table | dict[str, pa.Table]:
        """The table of the one partition asked for, or partition key → table for several.

        Raises:
            StoreError: the stage before has not run for the partition.
        """
        upstream = context.upstream_output
        if upstream is None or upstream.definition_metadata is None:
            raise StoreError(f"input '{context.name}' comes from no stage.")
        stage = str(upstream.definition_metadata[STAGE_METADATA])
        keys = list(context.asset_partition_keys)
        columns = (context.definition_metadata or {}).get(COLUMNS_METADATA)
        tables = {key: self._read(stage, key, columns) for key in keys}
        return tables[keys[0]] if len(keys) == 1 else tables

    def _read(self, stage: str, key: str, columns: list[str] | None) -> pa.Table:
        project, bucket = self.projects.of_partition(key)
        table = StageTables(store_of(project)).read(stage, key, columns)
        if table is None:
            command = f"dlf {stage} --project {project.project_name} --bucket {bucket}"
            raise StoreError(
                f"bucket '{bucket}' of '{project.project_name}' has no {stage} table yet; run `{command}` first."
            )
        return table

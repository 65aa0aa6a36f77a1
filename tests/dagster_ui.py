"""The Dagster UI as a program speaks to it: by GraphQL, as the page itself does."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from workspaces import TestWorkspace

STAGES = ["gathered_images", "filtered_images", "labeled_boxes", "verified_boxes", "reviewed_boxes"]


class Ui:
    """A client of the webserver."""

    def __init__(self, url: str, workspace: TestWorkspace, log: Path):
        self.url = url
        self.workspace = workspace
        self.log = log

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        reply = httpx.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=60).json()
        assert "errors" not in reply, reply["errors"]
        return reply["data"]

    def until(self, what: str, probe: Callable[[], Any], seconds: float = 150) -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if found := probe():
                    return found
            except httpx.TransportError:
                pass
            time.sleep(0.5)
        pytest.fail(f"after {seconds} s still not: {what}\n{self.log.read_text()[-6000:]}")

    def keys(self, project: str) -> list[str]:
        data = self.ask(
            'query { assetNodeOrError(assetKey: {path: ["gathered_images"]}) { ... on AssetNode { partitionKeys } } }'
        )
        found = data["assetNodeOrError"].get("partitionKeys", [])  # none before the code is loaded
        return [key for key in found if key.startswith(f"{project}__")]

    def backfill(self, keys: list[str]) -> str:
        """Launch all stages for partitions, as the UI's "Materialize" does, and wait for the end."""
        return self.ended(self.launch(keys))

    def launch(self, keys: list[str]) -> str:
        """Id of a backfill of all stages for partitions."""
        data = self.ask(
            """mutation ($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
                 __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }""",
            params={"assetSelection": [{"path": [stage]} for stage in STAGES], "partitionNames": keys, "tags": []},
        )["launchPartitionBackfill"]
        assert data["__typename"] == "LaunchBackfillSuccess", data
        return str(data["backfillId"])

    def ended(self, backfill_id: str) -> str:
        """Wait for the end of a backfill; how it ended."""

        def ended() -> str | None:
            status = self.ask(
                """query ($id: String!) { partitionBackfillOrError(backfillId: $id) {
                     ... on PartitionBackfill { status } } }""",
                id=backfill_id,
            )["partitionBackfillOrError"]["status"]
            return status if status.startswith(("COMPLETED", "FAILED", "CANCELED")) else None

        return str(self.until("the backfill has ended", ended, 240))

    def _of_location(self, asked: str) -> list[dict[str, Any]]:
        query = "query { repositoriesOrError { ... on RepositoryConnection { nodes { %s } } } }"
        (node,) = self.ask(query % asked)["repositoriesOrError"]["nodes"]
        found: list[dict[str, Any]] = next(iter(node.values()))
        return found

    def schedules(self) -> dict[str, str]:
        """Name → whether it runs."""
        found = self._of_location("schedules { name scheduleState { status } }")
        return {one["name"]: one["scheduleState"]["status"] for one in found}

    def jobs(self) -> set[str]:
        return {one["name"] for one in self._of_location("jobs { name }")}

    def broken(self) -> dict[str, str]:
        """YAMLs that cannot be read, each with what is wrong."""
        nodes = self._of_location("assetNodes { groupName description assetKey { path } }")
        return {
            one["assetKey"]["path"][-1]: one["description"] for one in nodes if one["groupName"] == "broken_projects"
        }

    def metadata(self, asset: str, partition: str) -> dict[str, Any] | None:
        """What the last materialisation of a partition carries."""
        node = self.ask(
            """query ($key: AssetKeyInput!, $partitions: [String!]) { assetOrError(assetKey: $key) { ... on Asset {
                 assetMaterializations(partitions: $partitions, limit: 1) { metadataEntries { label __typename
                   ... on IntMetadataEntry { intValue } ... on FloatMetadataEntry { floatValue }
                   ... on TextMetadataEntry { text } ... on JsonMetadataEntry { jsonString }
                   ... on PathMetadataEntry { path }
                   ... on TableMetadataEntry { table { records } } } } } } }""",
            key={"path": [asset]},
            partitions=[partition],
        )["assetOrError"]
        events = node.get("assetMaterializations") or []
        if not events:
            return None
        names = ("intValue", "floatValue", "text", "jsonString", "path", "table")
        return {
            entry["label"]: next((entry[name] for name in names if entry.get(name) is not None), None)
            for entry in events[0]["metadataEntries"]
        }

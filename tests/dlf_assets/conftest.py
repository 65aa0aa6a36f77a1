"""Fixtures of the asset tests."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest
from factory import Factory
from workspaces import TestWorkspace


@pytest.fixture
def factory(workspace: TestWorkspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Factory]:
    for name, value in workspace.env.items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Factory(workspace, instance)

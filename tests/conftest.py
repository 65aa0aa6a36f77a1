"""Fixtures of all tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from workspaces import SAMPLE, TestWorkspace, make_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> TestWorkspace:
    return make_workspace(tmp_path / "workspace")


@pytest.fixture(scope="session")
def photo() -> Callable[[str], Path]:
    """A sample photo by the last digits of its name."""
    found = {path.stem: path for path in SAMPLE.rglob("*.jpg")}
    return lambda ending: next(path for stem, path in found.items() if stem.endswith(ending))

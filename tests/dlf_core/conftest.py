from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("dlf_core", deadline=None, max_examples=60)
settings.load_profile("dlf_core")

SMALLEST = """\
project_name: signs
target_object: stop sign
buckets:
  positive/clear_view:
    - stop sign
falcon_queries:
  - stop sign
"""


@pytest.fixture(autouse=True)
def no_data_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DLF_DATA_ROOT", raising=False)


@pytest.fixture
def smallest() -> str:
    """The shortest project there is, seven lines; tests append to it or replace in it."""
    return SMALLEST


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """Writes a project file and returns its path."""

    def write_file(content: str | bytes) -> Path:
        path = tmp_path / "signs.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file

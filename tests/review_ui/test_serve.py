"""What `dlf review` refuses to start with."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlf_core.errors import FactoryError
from dlf_core.project import Project
from dlf_resources.projects import Projects
from review_ui import serve


def start(project: Project) -> None:
    def ready(address: str) -> None:
        raise AssertionError(address)

    projects = Projects(project.file.parent)
    serve.serve(projects, 0, onward="/", sessions=project.file.with_name("sessions"), ready=ready)


def test_a_page_that_is_not_built_is_told_before_a_browser_opens(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "STATIC", tmp_path)
    with pytest.raises(FactoryError, match="not built; run `make page` in the checkout"):
        start(project)

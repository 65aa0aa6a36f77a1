"""The review server on a project whose stages are done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from review_project import ORIGIN, PORT, make_project
from starlette.testclient import TestClient

from dlf_core.project import Project
from dlf_resources.projects import Projects
from review_ui.app import Settings, create_app, hosts_of
from review_ui.auth import START, Session


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    for name in ("DLF_HOME", "DLF_DATA_ROOT", "DLF_STORE"):
        monkeypatch.delenv(name, raising=False)
    return make_project(tmp_path)


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(PORT, tmp_path / "sessions")


@pytest.fixture
def open_server(project: Project, session: Session) -> Callable[[], TestClient]:
    """A server on the project, as each call starts one."""

    def start() -> TestClient:
        settings = Settings(Projects(project.file.parent), session, hosts_of(PORT))
        return TestClient(create_app(settings), base_url=ORIGIN, headers={"Origin": ORIGIN})

    return start


@pytest.fixture
def stranger(open_server: Callable[[], TestClient]) -> Iterator[TestClient]:
    """A browser that nobody knows."""
    with open_server() as client:
        yield client


@pytest.fixture
def page(stranger: TestClient, session: Session) -> TestClient:
    """A browser that has opened the address that was printed."""
    answer = stranger.get(START, params={"token": session.token or ""}, follow_redirects=False)
    assert answer.status_code == 303
    return stranger

"""The real page in Chromium, on the real server, on projects that the pipeline made of the sample photos."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from made_projects import make_projects
from playwright.sync_api import Browser
from reviewer import Reviewer
from workspaces import TestWorkspace

from harness.chromium import CAMERA, come_in, launched
from harness.review_server import Server, running


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> TestWorkspace:
    """Both projects of `made_projects`. To be copied, not to be used."""
    if worker_id == "master":
        return make_projects(tmp_path_factory.mktemp("made") / "workspace")
    # Beside each other, tests have one: it takes longer than most of them.
    shared = tmp_path_factory.getbasetemp().parent / "made"
    with FileLock(f"{shared}.lock"):
        return TestWorkspace(shared) if shared.exists() else make_projects(shared)


@pytest.fixture
def reviewed(made: TestWorkspace, tmp_path: Path) -> TestWorkspace:
    """A workspace of the test's own, in which the pipeline has just run."""
    shutil.copytree(made.root, tmp_path / "workspace", symlinks=True)
    return TestWorkspace(tmp_path / "workspace")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with launched(*CAMERA) as browser:
        yield browser


@pytest.fixture
def serve(reviewed: TestWorkspace) -> Iterator[Callable[..., Server]]:
    """Start `dlf review` on a project of the workspace; several times at the same port, if need be."""
    import contextlib

    with contextlib.ExitStack() as stack:

        def start(project: str = "people", **more: object) -> Server:
            file = reviewed.root / "project_configs" / f"{project}.yaml"
            return stack.enter_context(running(file, env=reviewed.env, **more))  # type: ignore[arg-type]

        yield start


@pytest.fixture
def sit_down(chromium: Browser) -> Iterator[Callable[..., Reviewer]]:
    """A person opens the page of a server in a browser of their own."""
    came: list[Reviewer] = []

    def come(server: Server, name: str | None = "Ada", meant: str | None = None, **more: object) -> Reviewer:
        context = come_in(chromium, server, name, **more)
        page = context.new_page()
        who = Reviewer(page, context, server, [], [], meant)
        page.on("pageerror", lambda error: who.crashes.append(str(error)))
        page.on("console", lambda said: who.errors.append(said.text) if said.type == "error" else None)
        came.append(who)
        return who

    yield come
    for who in came:
        who.context.close()
    assert [who.crashes for who in came if who.crashes] == []
    assert [who.unmeant() for who in came if who.unmeant()] == []

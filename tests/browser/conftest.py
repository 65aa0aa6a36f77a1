"""The real page in Chromium, on the real server, on projects that the pipeline made of the sample photos."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from chromium import launched
from playwright.sync_api import Browser, BrowserContext, Page
from review_process import Server, running
from workspaces import SAMPLE, TestWorkspace, make_workspace

BUCKETS = {"positive/people": SAMPLE / "photos" / "people", "other/animals": SAMPLE / "photos" / "animals"}
CROWD = SAMPLE / "photos" / "people" / "000000184324.jpg"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> TestWorkspace:
    """To be copied, not to be used: `people`, six photos with some boxes each, and `crowd`, one photo on which the
    detector draws hundreds of boxes, since it may draw what it is hardly sure of."""
    workspace = make_workspace(tmp_path_factory.mktemp("made") / "workspace")
    crowd = workspace.root / "crowd"
    crowd.mkdir()
    shutil.copy(CROWD, crowd)
    queries = "[person, zebra, handbag]"
    workspace.write_project("people", BUCKETS, falcon_queries=queries, thresholds="{filter_score: 0.05}")
    few = "{label_score: 0.05, filter_score: 0.05}"
    workspace.write_project("crowd", {"positive/street": crowd}, falcon_queries=queries, thresholds=few)
    for name in ("people", "crowd"):
        done = workspace.dlf("pipeline", "--project", name)
        assert done.returncode == 0, done.stderr
    return workspace


@pytest.fixture
def reviewed(made: TestWorkspace, tmp_path: Path) -> TestWorkspace:
    """A workspace of the test's own, in which the pipeline has just run."""
    shutil.copytree(made.root, tmp_path / "workspace", symlinks=True)
    return TestWorkspace(tmp_path / "workspace")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@dataclass
class Reviewer:
    """Somebody at a browser of their own, who has come in and said who they are."""

    page: Page
    context: BrowserContext
    server: Server
    errors: list[str]
    """What the browser's console complained of."""

    def open(self, path: str) -> None:
        self.page.goto(self.server.url + path)


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
    contexts = []

    def come(server: Server, name: str | None = "Ada", **more: object) -> Reviewer:
        context = chromium.new_context(viewport={"width": 1280, "height": 800}, **more)  # type: ignore[arg-type]
        contexts.append(context)
        context.add_cookies([{"name": key, "value": value, "url": server.url} for key, value in server.cookie.items()])
        if name is not None:
            context.add_init_script(f"localStorage.setItem('dlf-reviewer', {name!r})")
        page = context.new_page()
        page.set_default_timeout(15_000)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        return Reviewer(page, context, server, errors)

    yield come
    for context in contexts:
        context.close()

"""The wheel brings the review page built: who has installed it needs no node."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect
from workspaces import ROOT, SAMPLE, TestWorkspace

from harness.chromium import come_in, launched
from harness.review_server import running

pytestmark = pytest.mark.processes
PAGE = ROOT / "review_ui" / "static" / "index.html"


def pip(*words: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the files that git has, and the page."""
    assert PAGE.is_file(), "the page is not built: make page"
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", str(ROOT), "--no-deps", "--wheel-dir", str(folder))
    return next(folder.glob("data_label_factory-*.whl"))


def test_the_wheel_has_the_page_and_not_what_it_is_made_of(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        page = archive.read("review_ui/static/index.html").decode()
    assert page == PAGE.read_text(encoding="utf-8")
    named = re.findall(r'(?:src|href)="/(assets/[^"]+)"', page)
    assert {Path(name).suffix for name in named} == {".js", ".css"}
    assert {f"review_ui/static/{name}" for name in named} <= set(names)
    assert not [
        name for name in names if name.startswith(("review_ui/web", "tests/", "harness/")) or "node_modules" in name
    ]


def test_what_is_installed_shows_the_grid_without_node(wheel: Path, workspace: TestWorkspace, tmp_path: Path) -> None:
    photos = {"positive/people": SAMPLE / "photos" / "people"}
    file = workspace.write_project("people", photos, thresholds="{filter_score: 0.05}")
    done = workspace.dlf("pipeline", "--project", "people")
    assert done.returncode == 0, done.stderr

    installed, path = tmp_path / "installed", tmp_path / "bin"
    pip("install", "--no-deps", "--target", str(installed), str(wheel))
    path.mkdir()
    (path / "python").symlink_to(sys.executable)
    assert shutil.which("node", path=str(path)) is None
    env = workspace.env | {"PATH": str(path), "PYTHONPATH": str(installed)}
    where = [sys.executable, "-c", "import review_ui; print(review_ui.__file__)"]
    told = subprocess.run(where, cwd=tmp_path, env=env, capture_output=True, text=True, check=True).stdout
    assert Path(told.strip()).is_relative_to(installed)

    with running(file, env=env, cwd=tmp_path) as server, server.client() as client, launched() as browser:
        page = client.get("/")
        assert page.status_code == 200
        script = re.findall(r'src="(/assets/[^"]+\.js)"', page.text)
        assert len(client.get(script[0]).raise_for_status().content) > 100_000

        shown = come_in(browser, server).new_page()
        shown.goto(f"{server.url}/?project=people")
        images = shown.get_by_role("group", name="Images of the bucket").get_by_role("img")
        expect(images).to_have_count(6)
        shown.evaluate("() => Promise.all([...document.images].map((one) => one.decode()))")  # refuses a broken one
